/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of the case that is running. */
static int failures;
static bool skipped;

enum { SHOWN_FAILURES = 20, EXIT_SKIPPED = 77 };

static bool report(bool held, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool
report(bool held, const char *file, int line, const char *format, ...)
{
    va_list args;

    if (held || ++failures > SHOWN_FAILURES)
        return held;
    printf("  %s:%d: ", file, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    return held;
}

bool
tn_test_check(bool held, const char *text, const char *file, int line)
{
    return report(held, file, line, "%s does not hold", text);
}

bool
tn_test_equal(int64_t found, int64_t wanted, const char *text, const char *file, int line)
{
    return report(found == wanted, file, line, "%s is %" PRId64 ", wanted %" PRId64, text, found,
        wanted);
}

bool
tn_test_equal_text(const char *found, const char *wanted, const char *text, const char *file,
    int line)
{
    bool held = found && wanted ? strcmp(found, wanted) == 0 : found == wanted;

    return report(held, file, line, "%s is\n    \"%s\"\n  wanted\n    \"%s\"", text,
        found ? found : "(null)", wanted ? wanted : "(null)");
}

bool
tn_test_near(double found, double wanted, double tolerance, const char *text, const char *file,
    int line)
{
    bool held =
        found == wanted || (isnan(found) && isnan(wanted)) || fabs(found - wanted) <= tolerance;

    return report(held, file, line, "%s is %.17g, wanted %.17g within %g", text, found, wanted,
        tolerance);
}

bool
tn_test_same(double found, double wanted, const char *text, const char *file, int line)
{
    bool held = (isnan(found) && isnan(wanted)) || memcmp(&found, &wanted, sizeof found) == 0;

    return report(held, file, line, "%s is %.17g (%a), wanted %.17g (%a)", text, found, found,
        wanted, wanted);
}

void
tn_test_skip(const char *format, ...)
{
    va_list args;

    skipped = true;
    printf("  skipped: ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void
tn_test_note(const char *format, ...)
{
    va_list args;

    if (failures > SHOWN_FAILURES)
        return;
    printf("    ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static bool
is_picked(const char *name, int argc, char **argv)
{
    if (argc < 2)
        return true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return false;
}

int
tn_test_run(const tn_case *cases, size_t count, int argc, char **argv)
{
    int failed = 0, passed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < count; i++) {
        if (!is_picked(cases[i].name, argc, argv))
            continue;
        failures = 0;
        skipped = false;
        cases[i].run();
        if (failures > SHOWN_FAILURES)
            printf("  and %d more\n", failures - SHOWN_FAILURES);
        printf("%s %s%s\n", failures ? "not ok" : "ok", cases[i].name, skipped ? " # skip" : "");
        failed += failures > 0;
        passed += failures == 0 && !skipped;
    }
    if (failed)
        return 1;
    return passed ? 0 : EXIT_SKIPPED;
}
