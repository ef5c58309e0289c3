/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_TEST_H
#define TN_TESTS_SUPPORT_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A test program: functions opened by TN_TEST, then
 *
 *     TN_MAIN(TN_CASE(first), TN_CASE(second))
 *
 * It prints `ok name` or `not ok name` for each. Exit code 1 if one failed,
 * 77 if all were skipped, else 0. Arguments pick cases by name. */
typedef struct tn_case {
    const char *name;
    void (*run)(void);
} tn_case;

#define TN_TEST(name) static void name(void)
#define TN_CASE(name) {#name, name}
#define TN_MAIN(...)                                                         \
    int main(int argc, char **argv)                                          \
    {                                                                        \
        static const tn_case cases[] = {__VA_ARGS__};                        \
        return tn_test_run(cases, sizeof cases / sizeof *cases, argc, argv); \
    }

/* Each check gives whether it held; a failure is reported and counted, and
 * the test goes on. TN_NEED leaves the function (of type void) instead. */
#define TN_CHECK(condition) tn_test_check((condition), #condition, __FILE__, __LINE__)
#define TN_CHECK_EQ(found, wanted) \
    tn_test_equal((int64_t)(found), (int64_t)(wanted), #found, __FILE__, __LINE__)
#define TN_CHECK_STR(found, wanted) \
    tn_test_equal_text((found), (wanted), #found, __FILE__, __LINE__)
/* Within `tolerance`, or both NaN, or the same infinity. */
#define TN_CHECK_NEAR(found, wanted, tolerance) \
    tn_test_near((found), (wanted), (tolerance), #found, __FILE__, __LINE__)
/* The same bits, which tells zeros apart; any NaN equals any other. */
#define TN_CHECK_SAME(found, wanted) tn_test_same((found), (wanted), #found, __FILE__, __LINE__)
#define TN_NEED(condition)        \
    do {                          \
        if (!TN_CHECK(condition)) \
            return;               \
    } while (0)
/* Ends the running test without a verdict. */
#define TN_SKIP(...)               \
    do {                           \
        tn_test_skip(__VA_ARGS__); \
        return;                    \
    } while (0)

int tn_test_run(const tn_case *cases, size_t count, int argc, char **argv);
bool tn_test_check(bool held, const char *text, const char *file, int line);
bool tn_test_equal(int64_t found, int64_t wanted, const char *text, const char *file, int line);
bool tn_test_equal_text(const char *found, const char *wanted, const char *text, const char *file,
    int line);
bool tn_test_near(double found, double wanted, double tolerance, const char *text, const char *file,
    int line);
bool tn_test_same(double found, double wanted, const char *text, const char *file, int line);
void tn_test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says more about the failure just reported: printed indented. */
void tn_test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
