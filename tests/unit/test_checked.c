/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/checked.h"

#include "tests/support/test.h"

static const int64_t edge[] = {INT64_MIN, INT64_MIN + 1, INT64_MIN / 2, -3037000500, -3037000499,
    -4294967296, -3, -2, -1, 0, 1, 2, 3, 4294967296, 3037000499, 3037000500, INT64_MAX / 2,
    INT64_MAX - 1, INT64_MAX};
enum { EDGES = sizeof edge / sizeof *edge };

/* Against the compiler's own check, for all pairs of edge values. */
TN_TEST(signed_results_fit_or_are_refused)
{
    for (int i = 0; i < EDGES; i++) {
        for (int k = 0; k < EDGES; k++) {
            int64_t a = edge[i], b = edge[k], wanted, found = 77;

            TN_CHECK_EQ(tn_add_i64(a, b, &found), !__builtin_add_overflow(a, b, &wanted));
            TN_CHECK_EQ(found, __builtin_add_overflow(a, b, &wanted) ? 77 : wanted);
            found = 77;
            TN_CHECK_EQ(tn_sub_i64(a, b, &found), !__builtin_sub_overflow(a, b, &wanted));
            TN_CHECK_EQ(found, __builtin_sub_overflow(a, b, &wanted) ? 77 : wanted);
            found = 77;
            TN_CHECK_EQ(tn_mul_i64(a, b, &found), !__builtin_mul_overflow(a, b, &wanted));
            TN_CHECK_EQ(found, __builtin_mul_overflow(a, b, &wanted) ? 77 : wanted);
        }
    }
}

TN_TEST(sizes_fit_or_are_refused)
{
    static const size_t sizes[] = {0, 1, 2, 3, SIZE_MAX / 3, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX,
        (size_t)1 << 32, ((size_t)1 << 32) - 1};

    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 10; k++) {
            size_t wanted, found = 77;
            bool over = __builtin_mul_overflow(sizes[i], sizes[k], &wanted);

            TN_CHECK_EQ(tn_mul_size(sizes[i], sizes[k], &found), !over);
            TN_CHECK_EQ(found, over ? 77 : wanted);
            over = __builtin_add_overflow(sizes[i], sizes[k], &wanted);
            found = 77;
            TN_CHECK_EQ(tn_add_size(sizes[i], sizes[k], &found), !over);
            TN_CHECK_EQ(found, over ? 77 : wanted);
        }
    }
}

TN_TEST(division_rounds_as_named)
{
    for (int64_t a = -20; a <= 20; a++) {
        for (int64_t b = 1; b <= 7; b++) {
            int64_t low = tn_floor_div(a, b), high = tn_ceil_div(a, b);

            TN_CHECK(low * b <= a && a < (low + 1) * b);
            TN_CHECK((high - 1) * b < a && a <= high * b);
        }
    }
    TN_CHECK_EQ(tn_floor_div(INT64_MIN, 1), INT64_MIN);
    TN_CHECK_EQ(tn_ceil_div(INT64_MAX, 1), INT64_MAX);
}

TN_MAIN(TN_CASE(signed_results_fit_or_are_refused), TN_CASE(sizes_fit_or_are_refused),
    TN_CASE(division_rounds_as_named))
