/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "backends/interp/interp_lane.h"
#include "ir/base/arena.h"
#include "ir/kernel/kbuild.h"
#include "tests/support/test.h"

/* Functions of fns.def as the builder expands them, against the C library in
 * double (long double for f64): z[i] = fn(x[i], y[i]). */
enum { LANES = 64, COUNT = 1 << 15 };

typedef struct job {
    tn_arena *arena;
    tn_diag diag;
    tn_fn fn; /* TN_FN_cast: to `to` */
    tn_dtype type, to;
    bool exact;
    const void *x, *y;
    void *z;
    uint64_t count;
} job;

static tn_ins *
body(const job *j, tn_kb *b, tn_kmem *x, tn_kmem *y, tn_ins *at)
{
    tn_ins *v = tn_kb_load(b, x, at, LANES, NULL, NULL);
    if (j->fn == TN_FN_cast)
        return tn_kb_cast(b, j->to, v);
    if (tn_fn_info_of(j->fn)->arity == 1)
        return tn_kb_fn1(b, j->fn, v);
    tn_ins *w = tn_kb_load(b, y, at, LANES, NULL, NULL);
    return tn_kb_fn2(b, j->fn, v, w);
}

static tn_status
build_and_run(void *arg)
{
    job *j = arg;
    tn_kb *b = tn_kb_create(j->arena, "k", TN_I64, j->exact);
    tn_kmem *x = tn_kb_global(b, "x", j->type, true, false);
    tn_kmem *y = tn_kb_global(b, "y", j->type, true, false);
    tn_kmem *z = tn_kb_global(b, "z", j->to, false, true);
    tn_ins *zero = tn_kb_int(b, 0), *tasks = tn_kb_int(b, (int64_t)j->count / LANES);
    TN_KFOR(b, i, TN_LOOP_GRID, zero, tasks, 1, "i") {
        tn_ins *at = tn_kb_mul(b, i, tn_kb_int(b, LANES));
        tn_kb_store(b, z, at, body(j, b, x, y, at), NULL);
    }
    tn_kernel *k = tn_kb_finish(b);
    TN_TRY(tn_kernel_verify(k, &j->diag));
    tn_interp_buffer buffers[] = {{(void *)(uintptr_t)j->x, j->count, NULL, 0},
        {(void *)(uintptr_t)j->y, j->count, NULL, 0}, {j->z, j->count, NULL, 0}};
    return tn_interp_run(j->arena, &j->diag, tn_interp_prepare(j->arena, k), buffers, NULL, 0,
        j->count / LANES, NULL, NULL);
}

static void
run(job *j)
{
    tn_diag_init(&j->diag, tn_alloc_system());
    j->arena = tn_arena_create(tn_alloc_system(), 0);
    TN_CHECK_EQ(tn_arena_guard(j->arena, build_and_run, j), TN_OK);
    for (size_t i = 0; i < tn_diag_count(&j->diag); i++)
        tn_test_note("%s", tn_diag_text(&j->diag, i));
    tn_arena_destroy(j->arena);
    tn_diag_clear(&j->diag);
}

/* ---- arguments ---- */

static uint64_t
next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* -1 .. 1 */
static double
uniform(uint64_t *s)
{
    return (double)(int64_t)next(s) / 9223372036854775808.0;
}

static const double specials[] = {0.0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, -2.5, 1e-30,
    -1e-30, 1e10, -1e10, 0x1p-126, 0x1p-149, -0x1p-149, 0x1p-1074, 0x1p-1022, 88.72283905, 88.72284,
    -87.4, -103.9721, -104.1, 709.78, -745.2, 16777216, 16777217, 3.14159265, 1.57079633, 100000,
    99999.99, 1e30, 3.4e38, -3.4e38, 0.99999994, 1.0000001, -0.99999994, INFINITY, -INFINITY, NAN};
enum { SPECIALS = sizeof specials / sizeof *specials };

/* Every magnitude, and denser where functions do something. */
static double
argument(uint64_t *s, int i, bool wide)
{
    if (i < SPECIALS)
        return specials[i];
    switch (i % 6) {
    case 0:
    case 1: {
        uint64_t bits = next(s);
        double value;
        float single;
        uint32_t half = (uint32_t)bits;
        memcpy(&value, &bits, sizeof value);
        memcpy(&single, &half, sizeof single);
        return wide ? value : (double)single;
    }
    case 2: return uniform(s) * 1.1;
    case 3: return uniform(s) * 10;
    case 4: return 1 + uniform(s) * 0.01;
    default: return uniform(s) * (i % 12 < 6 ? 110 : 1e5);
    }
}

/* For pow: exponents that give results within the numbers. */
static double
second(uint64_t *s, int i, double x)
{
    if (i < SPECIALS * SPECIALS)
        return specials[i / SPECIALS];
    double lg = log2(fabs(x)), y = uniform(s) * 140 / (lg != 0 ? lg : 1);
    return i % 3 == 0 ? rint(y) : i % 3 == 1 ? y : x * uniform(s) * 20;
}

/* ---- references ---- */

typedef long double real;

static real
sigmoid_of(real x)
{
    return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x));
}

static real
modulo(real x, real y)
{
    real r = fmodl(x, y);
    if (r != 0 && (r < 0) != (y < 0))
        r += y;
    return r == 0 ? copysignl(0, y) : r;
}

static real
reciprocal_root(real x)
{
    return 1 / sqrtl(x);
}

static real
reciprocal(real x)
{
    return 1 / x;
}

static real
sign_of(real x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x;
}

typedef struct row {
    tn_fn fn;
    real (*one)(real x);
    real (*two)(real x, real y);
    double most_32, most_64; /* errors, of the result */
    double least_x, most_x;  /* f64: where it is defined */
} row;

static const row rows[] = {
    {TN_FN_exp, expl, NULL, 1.3e-7, 1e-15, 0, 0},
    {TN_FN_exp2, exp2l, NULL, 1.3e-7, 1e-15, 0, 0},
    {TN_FN_expm1, expm1l, NULL, 1.5e-7, 1e-15, 0, 0},
    {TN_FN_log, logl, NULL, 1.3e-7, 1e-15, 0, 0},
    {TN_FN_log1p, log1pl, NULL, 1.3e-7, 1e-15, 0, 0},
    {TN_FN_sin, sinl, NULL, 2.5e-7, 1e-12, -3e9, 3e9},
    {TN_FN_cos, cosl, NULL, 2.5e-7, 1e-12, -3e9, 3e9},
    {TN_FN_tan, tanl, NULL, 4e-7, 1e-12, -3e9, 3e9},
    {TN_FN_asin, asinl, NULL, 2e-7, 1e-15, 0, 0},
    {TN_FN_acos, acosl, NULL, 2e-7, 1e-15, 0, 0},
    {TN_FN_atan, atanl, NULL, 2e-7, 1e-14, 0, 0},
    {TN_FN_sinh, sinhl, NULL, 2e-7, 1e-15, 0, 0},
    {TN_FN_cosh, coshl, NULL, 2e-7, 1e-15, 0, 0},
    {TN_FN_tanh, tanhl, NULL, 2e-7, 1e-15, 0, 0},
    {TN_FN_asinh, asinhl, NULL, 2e-7, 1e-15, 0, 0},
    {TN_FN_acosh, acoshl, NULL, 2e-7, 1e-15, 0, 0},
    {TN_FN_atanh, atanhl, NULL, 2e-7, 1e-15, 0, 0},
    {TN_FN_erf, erfl, NULL, 2e-7, 1e-13, 0, 0},
    {TN_FN_sigmoid, sigmoid_of, NULL, 2e-7, 1e-15, 0, 0},
    {TN_FN_rsqrt, reciprocal_root, NULL, 1.2e-7, 1e-15, 0, 0},
    {TN_FN_recip, reciprocal, NULL, 6e-8, 2e-16, 0, 0},
    {TN_FN_ceil, ceill, NULL, 0, 0, 0, 0},
    {TN_FN_sign, sign_of, NULL, 0, 0, 0, 0},
    {TN_FN_pow, NULL, powl, 1.3e-7, 1e-14, 0, 0},
    {TN_FN_atan2, NULL, atan2l, 2e-7, 1e-14, 0, 0},
    {TN_FN_rem, NULL, fmodl, 0, 0, 0, 0},
    {TN_FN_mod, NULL, modulo, 6e-8, 2e-16, 0, 0},
};

/* ---- comparing ---- */

/* What is wrong with `found`, or NULL. Ends must be right exactly; below the
 * normal numbers, and next to the greatest, a little is allowed. */
static const char *
fault(double found, real wanted, double most, bool wide)
{
    double rounded = wide ? (double)wanted : (double)(float)wanted;
    real least = wide ? (real)DBL_MIN : (real)FLT_MIN;
    real step = wide ? (real)0x1p-1074 : (real)0x1p-149;
    if (isnan(rounded) || isnan(found))
        return isnan(rounded) && isnan(found) ? NULL : "a NaN";
    if (rounded == found)
        return rounded != 0 || signbit(found) == signbit(rounded) ? NULL : "the sign of zero";
    if (isinf(rounded) != isinf(found)) {
        double finite = fabs(isinf(found) ? rounded : found);
        return finite > (wide ? DBL_MAX : (double)FLT_MAX) * (1 - 2 * most) ? NULL : "infinity";
    }
    real error = fabsl((real)found - wanted);
    if (fabsl(wanted) < least)
        return error <= 1.5L * step + 16 * (real)most * fabsl(wanted) ? NULL : "a denormal";
    return error <= (real)most * fabsl(wanted) ? NULL : "the value";
}

static float x_32[COUNT], y_32[COUNT], z_32[COUNT];
static double x_64[COUNT], y_64[COUNT], z_64[COUNT];

static void
fill(const row *r, bool wide)
{
    uint64_t seed = 88172645463325252u + (uint64_t)r->fn;
    for (int i = 0; i < COUNT; i++) {
        int pick = r->two && i < SPECIALS * SPECIALS ? i % SPECIALS : i;
        double x = argument(&seed, r->two && i >= SPECIALS * SPECIALS ? i + SPECIALS : pick, wide);
        double y = r->two ? second(&seed, i, x) : 0;
        x_64[i] = x, y_64[i] = y;
        x_32[i] = (float)x, y_32[i] = (float)y;
    }
}

static void
compare(const row *r, bool wide, bool exact)
{
    double most = wide ? r->most_64 : r->most_32;
    int shown = 0;
    for (int i = 0; i < COUNT; i++) {
        double x = wide ? x_64[i] : (double)x_32[i], y = wide ? y_64[i] : (double)y_32[i];
        double found = wide ? z_64[i] : (double)z_32[i];
        if (wide && r->most_x > 0 && !(x > r->least_x && x < r->most_x))
            continue;
        const char *what = fault(found, r->one ? r->one(x) : r->two(x, y), most, wide);
        if (what && shown++ < 3) {
            TN_CHECK(!what);
            tn_test_note("%s %s%s (%.17g, %.17g): %s, found %.17g, wanted %.17g",
                tn_fn_info_of(r->fn)->name, wide ? "f64" : "f32", exact ? " exact" : "", x, y, what,
                found, (double)(r->one ? r->one(x) : r->two(x, y)));
        }
    }
}

static void
check_row(const row *r, bool wide, bool exact)
{
    job j = {.fn = r->fn, .exact = exact, .count = COUNT};
    j.type = j.to = wide ? TN_F64 : TN_F32;
    j.x = wide ? (void *)x_64 : (void *)x_32;
    j.y = wide ? (void *)y_64 : (void *)y_32;
    j.z = wide ? (void *)z_64 : (void *)z_32;
    fill(r, wide);
    run(&j);
    compare(r, wide, exact);
}

TN_TEST(single_functions_are_accurate)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i], false, false);
}

TN_TEST(single_functions_do_not_need_fma)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i], false, true);
}

TN_TEST(double_functions_are_accurate)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i], true, i % 2 == 0);
}

TN_TEST(every_expanded_function_of_floats_is_compared)
{
    for (int fn = 0; fn < TN_FN_COUNT; fn++) {
        const tn_fn_info *info = tn_fn_info_of((tn_fn)fn);
        bool found = info->native || (info->rule != TN_RULE_FLOAT && info->rule != TN_RULE_SAME);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            found = found || rows[i].fn == (tn_fn)fn;
        if (!TN_CHECK(found))
            tn_test_note("%s", info->name);
    }
}

/* ---- tests and integers ---- */

TN_TEST(tests_of_floats)
{
    static const tn_fn fns[] = {
        TN_FN_ne, TN_FN_gt, TN_FN_ge, TN_FN_is_nan, TN_FN_is_inf, TN_FN_is_finite};
    enum { N = (SPECIALS * SPECIALS + LANES - 1) / LANES * LANES };
    static uint8_t z[N];
    for (int i = 0; i < N; i++) {
        x_32[i] = (float)specials[i % SPECIALS];
        y_32[i] = (float)specials[i / SPECIALS % SPECIALS];
    }
    for (size_t f = 0; f < sizeof fns / sizeof *fns; f++) {
        job j = {
            .fn = fns[f], .type = TN_F32, .to = TN_BOOL, .x = x_32, .y = y_32, .z = z, .count = N};
        run(&j);
        for (int i = 0; i < N; i++) {
            float x = x_32[i], y = y_32[i];
            bool wanted = f == 0 ? x != y
                : f == 1         ? x > y
                : f == 2         ? x >= y
                : f == 3         ? isnan(x) != 0
                : f == 4         ? isinf(x) != 0
                                 : isfinite(x) != 0;
            TN_CHECK_EQ(z[i], wanted);
        }
    }
}

static int32_t
int_reference(tn_fn fn, int32_t x, int32_t y)
{
    switch (fn) {
    case TN_FN_sign: return (x > 0) - (x < 0);
    case TN_FN_not: return ~x;
    case TN_FN_shift_left: return (uint32_t)y < 32 ? (int32_t)((uint32_t)x << y) : 0;
    case TN_FN_shift_right: return (uint32_t)y < 32 ? x >> y : x >> 31;
    default: {
        int64_t r = (int64_t)x % y;
        return (int32_t)(r != 0 && (r < 0) != (y < 0) ? r + y : r);
    }
    }
}

TN_TEST(integer_functions)
{
    static const int32_t values[] = {1, -1, 2, -2, 7, -7, 31, 32, 33, 100, -100, INT32_MAX,
        INT32_MIN, INT32_MIN + 1, 12345678, -3};
    static const tn_fn fns[] = {
        TN_FN_sign, TN_FN_not, TN_FN_shift_left, TN_FN_shift_right, TN_FN_mod};
    static int32_t x[256], y[256], z[256];
    for (int i = 0; i < 256; i++)
        x[i] = values[i % 16], y[i] = values[i / 16];
    for (size_t f = 0; f < sizeof fns / sizeof *fns; f++) {
        job j = {.fn = fns[f], .type = TN_I32, .to = TN_I32, .x = x, .y = y, .z = z, .count = 256};
        run(&j);
        for (int i = 0; i < 256; i++)
            TN_CHECK_EQ(z[i], int_reference(fns[f], x[i], y[i]));
    }
}

/* ---- casts of halves ---- */

/* The nearest of two neighbouring halves, ties to the even one. */
TN_TEST(casts_to_halves_round_once)
{
    static const double between[] = {1.0 + 0x1p-11, 1.0 + 0x1p-11 + 0x1p-40,
        1.0 + 0x1p-11 - 0x1p-40, -1.0 - 0x1p-11 - 0x1p-40, 1.0 + 3 * 0x1p-11 - 0x1p-40, 65519.99,
        65520, 1e300, -1e300, 0x1p-25 + 0x1p-60, 0, INFINITY};
    static uint16_t z[LANES];
    static int32_t wholes[LANES];
    for (int i = 0; i < LANES; i++) {
        x_64[i] = between[i % (int)(sizeof between / sizeof *between)];
        wholes[i] = (i % 2 ? -1 : 1) * ((1 << 30) + (1 << 22) + i / 2 - 16);
    }
    job j = {.fn = TN_FN_cast,
        .type = TN_F64,
        .to = TN_F16,
        .x = x_64,
        .y = x_64,
        .z = z,
        .count = LANES};
    run(&j);
    for (int i = 0; i < LANES; i++)
        TN_CHECK_SAME(tn_half_to_float(z[i]), tn_round_to(TN_F16, x_64[i]));
    j.to = TN_BF16;
    run(&j);
    for (int i = 0; i < LANES; i++)
        TN_CHECK_SAME(tn_bf16_to_float(z[i]), tn_round_to(TN_BF16, x_64[i]));
    j.type = TN_I32;
    j.x = j.y = wholes;
    run(&j);
    for (int i = 0; i < LANES; i++)
        TN_CHECK_SAME(tn_bf16_to_float(z[i]), tn_round_to(TN_BF16, wholes[i]));
}

TN_MAIN(TN_CASE(single_functions_are_accurate), TN_CASE(single_functions_do_not_need_fma),
    TN_CASE(double_functions_are_accurate), TN_CASE(every_expanded_function_of_floats_is_compared),
    TN_CASE(tests_of_floats), TN_CASE(integer_functions), TN_CASE(casts_to_halves_round_once))
