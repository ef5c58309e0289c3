/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/text.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

/* In the C locale, the C library's reader is the independent one: glibc's
 * rounds exactly. */
static void
check_read(const char *text)
{
    const char *end;
    char *wanted_end;
    double found = tn_double_read(text, &end);
    double wanted = strtod(text, &wanted_end);

    if (!TN_CHECK_SAME(found, wanted) || !TN_CHECK_EQ(end - text, wanted_end - text))
        tn_test_note("reading \"%.100s\"", text);
}

static uint64_t
random_bits(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double
random_double(uint64_t *state)
{
    uint64_t bits = random_bits(state);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

TN_TEST(reads_what_the_library_reads)
{
    static const char *const text[] = {"0", "-0", "1", "-1", "+2", "3.", ".5", "-.5e1", "1e5",
        "1E+5", "1e-5", "1e", "1e+", "1ex", ".", "-", "+", "", "e5", "x", "  7", "\t\n8", "1.2.3",
        "inf", "-inf", "Infinity", "infinit", "INF", "nan", "-nan", "NaN", "in", "1e400", "-1e400",
        "1e-400", "1e999999999999", "1e-999999999999", "0e999999999999", "00000123", "0.1", "0.2",
        "0.3", "123456789012345678", "9007199254740993", "9007199254740992.99999",
        "9007199254740993.00000000000000000000000000000001", "1.7976931348623157e308",
        "1.7976931348623158e308", "1.7976931348623159e308", "2.2250738585072014e-308",
        "2.2250738585072011e-308", "2.2250738585072012e-308", "4.9e-324", "5e-324",
        "2.4703282292062327e-324", "2.4703282292062328e-324", "2.470328229206232e-324", "1e-323",
        "1e22", "1e23", "8.5e22", "123456789e-22", "1448997445238699", "6929495644600919.5",
        "2.2250738585072013830902327173324040642192159804623318306e-308", "0.000001", "1e-7"};

    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        check_read(text[i]);
}

TN_TEST(reads_random_digits)
{
    uint64_t state = 88172645463325252;

    for (int i = 0; i < 20000; i++) {
        char text[900];
        size_t length = 0, digits = 1 + random_bits(&state) % (i % 100 ? 25 : 850);
        size_t point = random_bits(&state) % (digits + 1);

        for (size_t k = 0; k < digits; k++) {
            if (k == point)
                text[length++] = '.';
            text[length++] = (char)('0' + random_bits(&state) % 10);
        }
        snprintf(text + length, 16, "e%d", (int)(random_bits(&state) % 700) - 350);
        check_read(text);
    }
}

/* Exactly half-way between two doubles, and one digit off, near and far. */
TN_TEST(reads_half_way_cases)
{
    uint64_t state = 1234567;

    for (int i = 0; i < 2000; i++) {
        double a = fabs(random_double(&state));
        char text[1400];
        size_t length;

        if (!isfinite(a) || a > 1e300)
            continue;
        /* Both are exact: long double has 11 bits more. */
        snprintf(text, sizeof text, "%.1100Lf",
            ((long double)a + (long double)nextafter(a, INFINITY)) / 2);
        check_read(text);
        length = strlen(text);
        text[length - 1] = '1';
        check_read(text);
    }
}

TN_TEST(reads_many_zeros)
{
    char *text = malloc(300020);
    const char *end;

    TN_NEED(text);
    memset(text, '0', 300020);
    text[1] = '.';
    strcpy(text + 200000, "15e200000");
    TN_CHECK_SAME(tn_double_read(text, &end), 15);
    TN_CHECK(*end == '\0');
    memset(text, '0', 300020);
    text[0] = '7';
    strcpy(text + 200001, "e-200000");
    TN_CHECK_SAME(tn_double_read(text, &end), 7);
    free(text);
}

typedef struct print_job {
    tn_arena *arena;
    double value;
    const char *wanted;
    int significant; /* digits printed, zeros at both ends aside */
} print_job;

static int
significant_digits(const char *text)
{
    int count = 0, zeros = 0;

    for (; *text && *text != 'e'; text++) {
        if (*text >= '1' && *text <= '9') {
            count += zeros + 1;
            zeros = 0;
        } else if (*text == '0' && count) {
            zeros++;
        }
    }
    return count;
}

static tn_status
print(void *arg)
{
    print_job *job = arg;
    tn_text text = {.arena = job->arena};
    const char *end;

    tn_text_double(&text, job->value);
    if (job->wanted)
        TN_CHECK_STR(text.at, job->wanted);
    TN_CHECK_SAME(tn_double_read(text.at, &end), job->value);
    TN_CHECK(*end == '\0');
    TN_CHECK(strlen(text.at) <= 24);
    job->significant = significant_digits(text.at);
    return TN_OK;
}

static int
check_print(tn_arena *arena, double value, const char *wanted)
{
    print_job job = {arena, value, wanted, 0};

    TN_CHECK_EQ(tn_arena_guard(arena, print, &job), TN_OK);
    return job.significant;
}

static void
check_prints(tn_arena *arena)
{
    check_print(arena, 0, "0");
    check_print(arena, -0.0, "-0");
    check_print(arena, 3, "3");
    check_print(arena, -42, "-42");
    check_print(arena, 0.1, "0.1");
    check_print(arena, 0.1 + 0.2, "0.30000000000000004");
    check_print(arena, 1.0 / 3, "0.3333333333333333");
    check_print(arena, 2.0 / 3, "0.6666666666666666");
    check_print(arena, 1e20, "100000000000000000000");
    check_print(arena, 1e21, "1e21");
    check_print(arena, 123456.5, "123456.5");
    check_print(arena, 0.000001, "0.000001");
    check_print(arena, 1.5e-7, "1.5e-7");
    check_print(arena, 5e-324, "5e-324");
    check_print(arena, 2.2250738585072014e-308, "2.2250738585072014e-308");
    check_print(arena, 1.7976931348623157e308, "1.7976931348623157e308");
    check_print(arena, 9007199254740993.0, "9007199254740992");
    /* The decimal above, because below a power of two doubles lie denser. */
    check_print(arena, 0x1p-44, "5.684341886080802e-14");
    check_print(arena, 9.5e-323, "9.4e-323");
    check_print(arena, INFINITY, "inf");
    check_print(arena, -INFINITY, "-inf");
    check_print(arena, NAN, "nan");
    check_print(arena, -NAN, "nan");
}

TN_TEST(prints_the_shortest_decimal)
{
    tn_arena *arena = tn_arena_create(tn_alloc_system(), 0);

    TN_NEED(arena);
    check_prints(arena);
    tn_arena_destroy(arena);
}

/* The fewest digits to which rounding reads back, by the library. */
static int
fewest_digits(double value)
{
    for (int digits = 1;; digits++) {
        char text[64];

        snprintf(text, sizeof text, "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value)
            return digits;
    }
}

TN_TEST(prints_random_doubles_shortest)
{
    tn_arena *arena = tn_arena_create(tn_alloc_system(), 0);
    uint64_t state = 42;

    TN_NEED(arena);
    for (int i = 0; i < 6000; i++) {
        double value = fabs(random_double(&state));

        if (i % 4 == 1)
            value = (double)(random_bits(&state) >> 40) / 1024;
        if (i % 4 == 2)
            value = ldexp(1, (int)(random_bits(&state) % 2097) - 1074);
        if (i % 4 == 3)
            value = ldexp((double)(random_bits(&state) >> 44), -1074);
        if (isfinite(value))
            TN_CHECK(check_print(arena, value, NULL) <= fewest_digits(value));
    }
    tn_arena_destroy(arena);
}

/* Where the system has a locale with a decimal comma. */
TN_TEST(does_not_depend_on_the_locale)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    tn_arena *arena;
    const char *end;
    bool set = false;

    for (size_t i = 0; i < 4 && !set; i++)
        set = setlocale(LC_NUMERIC, names[i]) != NULL;
    if (!set)
        TN_SKIP("no locale with a decimal comma is installed");
    arena = tn_arena_create(tn_alloc_system(), 0);
    if (TN_CHECK(arena != NULL))
        check_prints(arena);
    TN_CHECK_SAME(tn_double_read("1.5", &end), 1.5);
    tn_arena_destroy(arena);
    setlocale(LC_NUMERIC, "C");
}

TN_MAIN(TN_CASE(reads_what_the_library_reads), TN_CASE(reads_random_digits),
    TN_CASE(reads_half_way_cases), TN_CASE(reads_many_zeros), TN_CASE(prints_the_shortest_decimal),
    TN_CASE(prints_random_doubles_shortest), TN_CASE(does_not_depend_on_the_locale))
