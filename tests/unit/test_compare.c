/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compare.h"

#include <math.h>

#include "tests/support/test.h"

static bool
same(const double *got, const double *wanted, int64_t count, tn_dtype dtype,
    const tn_tolerance *tolerance, tn_difference *out)
{
    tn_tensor a = {.dtype = TN_F64, .rank = 1, .dim = {count}, .data = (void *)(uintptr_t)got};
    tn_tensor b = {.dtype = TN_F64, .rank = 1, .dim = {count}, .data = (void *)(uintptr_t)wanted};

    return tn_compare(&a, &b, dtype, tolerance, out);
}

#define SAME(dtype, tolerance, got, wanted)               \
    same((const double[]){got}, (const double[]){wanted}, \
        (int64_t)(sizeof((const double[]){got}) / sizeof(double)), dtype, tolerance, NULL)
#define LIST(...) __VA_ARGS__

TN_TEST(by_element)
{
    const tn_tolerance t = {.given = true, .rel = 0.01, .abs = 0.5};

    TN_CHECK(SAME(TN_F32, &t, LIST(101.5, 0.5), LIST(100, 0)));
    TN_CHECK(!SAME(TN_F32, &t, LIST(101.6, 0.5), LIST(100, 0)));
    TN_CHECK(!SAME(TN_F32, &t, LIST(100, 0.6), LIST(100, 0)));
    TN_CHECK(SAME(TN_F32, &t, LIST(NAN, INFINITY), LIST(NAN, INFINITY)));
    TN_CHECK(!SAME(TN_F32, &t, LIST(NAN), LIST(1)));
    TN_CHECK(!SAME(TN_F32, &t, LIST(1), LIST(NAN)));
    TN_CHECK(!SAME(TN_F32, &t, LIST(INFINITY), LIST(-INFINITY)));
    TN_CHECK(!SAME(TN_F32, &t, LIST(INFINITY), LIST(NAN)));
}

/* What is beyond the largest finite number of the type is its infinity. */
TN_TEST(beyond_the_type)
{
    const tn_tolerance t = {.given = true};

    TN_CHECK(SAME(TN_F32, &t, LIST(INFINITY), LIST(1e39)));
    TN_CHECK(SAME(TN_F16, &t, LIST(70000), LIST(INFINITY)));
    TN_CHECK(SAME(TN_F16, NULL, LIST(-INFINITY, 1), LIST(-65520, 1)));
    TN_CHECK(!SAME(TN_F16, &t, LIST(INFINITY), LIST(65504)));
    TN_CHECK(!SAME(TN_F32, &t, LIST(INFINITY), LIST(-1e39)));
}

TN_TEST(by_norm)
{
    TN_CHECK(SAME(TN_F32, NULL, LIST(1000.009, 0.0), LIST(1000, 0.001)));
    TN_CHECK(!SAME(TN_F32, NULL, LIST(1000.011, 0.0), LIST(1000, 0)));
    TN_CHECK(SAME(TN_BF16, NULL, LIST(10.19), LIST(10)));
    TN_CHECK(!SAME(TN_BF16, NULL, LIST(10.21), LIST(10)));
    TN_CHECK(SAME(TN_F32, NULL, LIST(0, 0), LIST(0, 0)));
    TN_CHECK(!SAME(TN_F32, NULL, LIST(1e-30), LIST(0)));
    TN_CHECK(SAME(TN_F64, NULL, LIST(NAN, INFINITY, 1e300), LIST(NAN, INFINITY, 1e300)));
    TN_CHECK(!SAME(TN_F64, NULL, LIST(NAN, 1), LIST(1, NAN)));
}

TN_TEST(flushed_denormals)
{
    const tn_tolerance t = {.flushed = true};

    TN_CHECK(SAME(TN_F32, &t, LIST(0), LIST(1e-39)));
    TN_CHECK(!SAME(TN_F32, &t, LIST(0), LIST(1e-37)));
}

TN_TEST(says_where)
{
    tn_difference d;
    const double got[] = {1, 2.5, 3}, wanted[] = {1, 2, 3};
    const tn_tolerance t = {.given = true};

    TN_CHECK(!same(got, wanted, 3, TN_F32, &t, &d));
    TN_CHECK_EQ(d.at, 1);
    TN_CHECK_SAME(d.got, 2.5);
    TN_CHECK_SAME(d.wanted, 2);
    TN_CHECK_SAME(d.error, 0.25);
}

TN_TEST(integers_are_equal)
{
    int32_t a[] = {1, -2, 3};
    int64_t b[] = {1, -2, 3};
    tn_tensor got = {.dtype = TN_I32, .rank = 1, .dim = {3}, .data = a};
    tn_tensor wanted = {.dtype = TN_I64, .rank = 1, .dim = {3}, .data = b};
    const tn_tolerance loose = {.given = true, .abs = 10};
    tn_difference d;

    TN_CHECK(tn_compare(&got, &wanted, TN_I32, &loose, &d));
    TN_CHECK_EQ(d.at, -1);
    a[2] = 4;
    TN_CHECK(!tn_compare(&got, &wanted, TN_I32, &loose, &d));
    TN_CHECK_EQ(d.at, 2);
    wanted.dim[0] = 2;
    TN_CHECK(!tn_compare(&got, &wanted, TN_I32, &loose, &d));
    TN_CHECK(d.shapes);
}

TN_MAIN(TN_CASE(by_element), TN_CASE(beyond_the_type), TN_CASE(by_norm), TN_CASE(flushed_denormals),
    TN_CASE(says_where), TN_CASE(integers_are_equal))
