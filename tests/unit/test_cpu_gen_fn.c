/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backends/interp/interp_lane.h"
#include "ir/kernel/kbuild.h"
#include "tests/support/compiled.h"
#include "tests/support/lane_case.h"
#include "tests/support/test.h"

/* Every native function on every element type it knows, scalar and on
 * vectors: compiled code gives what the interpreter gives. One kernel for
 * each element type and width holds them all. */

enum { N = 256, MAX_RESULTS = 64, SPECIALS = 32 };

typedef enum operand_set {
    ANY,
    DIVISORS, /* b is not 0 */
    AMOUNTS,  /* b is below the width */
    NUMBERS,  /* no NaN */
} operand_set;

/* One function in the kernel, and where its results go. */
typedef struct result {
    tn_fn fn;
    tn_ktype type;
} result;

typedef struct job {
    tn_arena *arena;
    tn_diag diag;
    tn_dtype dtype;
    int lanes;
    const char *const *targets;
    result results[MAX_RESULTS];
    int count;
    void *inputs[4][4]; /* by operand_set: a, b, c, and a bool */
    void *wanted[MAX_RESULTS], *got[MAX_RESULTS];
} job;

static operand_set
set_of(tn_fn fn)
{
    switch (fn) {
    case TN_FN_div:
    case TN_FN_rem: return DIVISORS;
    case TN_FN_shl:
    case TN_FN_shr: return AMOUNTS;
    case TN_FN_minq:
    case TN_FN_maxq: return NUMBERS;
    default: return ANY;
    }
}

static bool
computes(tn_dtype t)
{
    return t != TN_F16 && t != TN_BF16;
}

static bool
knows(tn_fn fn, tn_dtype t)
{
    switch (tn_fn_info_of(fn)->rule) {
    case TN_RULE_SAME: return computes(t) && t != TN_BOOL && (fn != TN_FN_rem || tn_is_int(t));
    case TN_RULE_FLOAT: return t == TN_F32 || t == TN_F64;
    case TN_RULE_INT: return tn_is_int(t) && (fn != TN_FN_mulhi || t == TN_I32 || t == TN_U32);
    case TN_RULE_LOGIC: return !tn_is_float(t);
    case TN_RULE_TEST: return computes(t) && (t != TN_BOOL || fn == TN_FN_eq);
    default: return true;
    }
}

/* ---- data ---- */

static double
special_float(tn_dtype t, int i)
{
    static const double values[SPECIALS] = {0, -0.0, 1, -1, 0.5, 1.5, 2.5, -2.5, INFINITY,
        -INFINITY, NAN, 0x1p-149, -0x1p-1074, 0x1.fffffep127, -0x1.fffffffffffffp1023, 1e10, 3e9,
        -3e9, 2147483647.5, -2147483648.5, 4294967295.5, 127.5, -128.5, 255.5, 65535.5, 65519.9,
        65520, 9.3e18, 1.85e19, 3.25, 1e-7, -6.1e-5};

    return tn_round_to(t, values[i % SPECIALS]);
}

static int64_t
special_int(tn_dtype t, int i)
{
    static const int64_t values[SPECIALS] = {0, 1, -1, 2, -2, 3, 7, -7, 31, 63, 100, 127, 128, -128,
        -129, 255, 256, 32767, 32768, -32768, 65535, 65536, INT32_MAX, INT32_MIN,
        (int64_t)UINT32_MAX, INT64_C(1) << 32, INT64_MAX, INT64_MIN, INT64_C(1) << 53,
        (INT64_C(1) << 53) + 1, 12345678901, -98765};

    return t == TN_BOOL ? i & 1 : values[i % SPECIALS];
}

static void
put(tn_dtype t, void *at, int i, operand_set set)
{
    int bits = tn_dtype_bytes(t) * 8;

    if (tn_is_float(t)) {
        double v = special_float(t, i);

        tn_store_double(t, at, set == NUMBERS && isnan(v) ? 4 : v);
    } else {
        int64_t v = special_int(t, i);

        tn_store_int(t, at, set == AMOUNTS ? v & (bits - 1) : v);
        if (set == DIVISORS && tn_load_int(t, at) == 0)
            tn_store_int(t, at, t == TN_BOOL ? 1 : 5);
    }
}

/* Many pairs: the operands run through the specials at different speeds. */
static void
fill(job *j)
{
    static const int step[3] = {1, 7, 13};

    for (int set = 0; set < 4; set++) {
        for (int n = 0; n < 4; n++) {
            tn_dtype t = n < 3 ? j->dtype : TN_BOOL;
            uint8_t *at = tn_arena_get(j->arena, (size_t)N * 8);

            j->inputs[set][n] = at;
            for (int i = 0; i < N; i++)
                put(t, at + i * tn_dtype_bytes(t), n < 3 ? i * step[n] + i / SPECIALS * n : i / 3,
                    n == 1 || set == NUMBERS ? (operand_set)set : ANY);
        }
    }
}

/* ---- the kernel ---- */

static tn_kmem *
input(tn_kb *b, const job *j, int set, int n)
{
    char name[8] = {'i', (char)('0' + set), (char)('0' + n), 0};

    return tn_kb_global(b, tn_arena_copy(j->arena, name, strlen(name)), n < 3 ? j->dtype : TN_BOOL,
        true, false);
}

static void
store_result(tn_kb *b, job *j, tn_fn fn, tn_ins *value, tn_ins *at)
{
    char *name = tn_arena_printf(j->arena, "r%d", j->count);
    tn_kmem *mem = tn_kb_global(b, name, value->type.dtype, false, true);

    j->results[j->count++] = (result){fn, value->type};
    tn_kb_store(b, mem, at, value, NULL);
}

static void
build_conversions(tn_kb *b, job *j, tn_ins *a, tn_ins *at)
{
    for (int t = 0; t < TN_DTYPE_COUNT; t++) {
        if (t == (int)j->dtype)
            continue;
        store_result(b, j, TN_FN_cast, tn_kb_cast(b, (tn_dtype)t, a), at);
        if (t != TN_BOOL && j->dtype != TN_BOOL &&
            tn_dtype_bytes((tn_dtype)t) == tn_dtype_bytes(j->dtype))
            store_result(b, j, TN_FN_bits, tn_kb_bits(b, (tn_dtype)t, a), at);
    }
}

static void
build_functions(tn_kb *b, job *j, tn_ins *in[4][4], tn_ins *at)
{
    for (int fn = 0; fn < TN_FN_COUNT; fn++) {
        const tn_fn_info *info = tn_fn_info_of((tn_fn)fn);
        tn_ins **v = in[set_of((tn_fn)fn)];
        tn_ins *got;

        if (!info->native || !knows((tn_fn)fn, j->dtype) || fn == TN_FN_cast || fn == TN_FN_bits)
            continue;
        if (fn == TN_FN_select)
            got = tn_kb_fn3(b, TN_FN_select, v[3], v[0], v[1]);
        else if (info->arity == 3)
            got = tn_kb_fn3(b, (tn_fn)fn, v[0], v[1], v[2]);
        else if (info->arity == 2)
            got = tn_kb_fn2(b, (tn_fn)fn, v[0], v[1]);
        else
            got = tn_kb_fn1(b, (tn_fn)fn, v[0]);
        store_result(b, j, (tn_fn)fn, got, at);
    }
}

static tn_kernel *
build(job *j)
{
    tn_kb *b = tn_kb_create(j->arena, "functions", TN_I64, false);
    tn_kmem *mem[4][4];
    tn_ins *in[4][4], *zero, *tasks;

    for (int set = 0; set < 4; set++)
        for (int n = 0; n < 4; n++)
            mem[set][n] = input(b, j, set, n);
    zero = tn_kb_int(b, 0);
    tasks = tn_kb_int(b, N / j->lanes);
    TN_KFOR(b, t, TN_LOOP_GRID, zero, tasks, 1, "t") {
        tn_ins *at = tn_kb_mul(b, t, tn_kb_int(b, j->lanes));

        for (int set = 0; set < 4; set++)
            for (int n = 0; n < 4; n++)
                in[set][n] = tn_kb_load(b, mem[set][n], at, j->lanes, NULL, NULL);
        build_functions(b, j, in, at);
        build_conversions(b, j, in[ANY][0], at);
    }
    return tn_kb_finish(b);
}

/* ---- running and comparing ---- */

static tn_status
interpret(job *j, const tn_kernel *k)
{
    tn_interp_buffer buffers[16 + MAX_RESULTS];

    for (int i = 0; i < 16; i++)
        buffers[i] = (tn_interp_buffer){j->inputs[i / 4][i % 4], N, NULL, 0};
    for (int i = 0; i < j->count; i++) {
        j->wanted[i] = tn_arena_get(j->arena, (size_t)N * 8);
        buffers[16 + i] = (tn_interp_buffer){j->wanted[i], N, NULL, 0};
    }
    return tn_interp_run(j->arena, &j->diag, tn_interp_prepare(j->arena, k), buffers, NULL, 0,
        (uint64_t)(N / j->lanes), NULL, NULL);
}

static tn_status
run_code(job *j, const tn_kernel *k, const char *target)
{
    void *buffers[16 + MAX_RESULTS];
    tn_cpu_args args = {.buffers = buffers};
    tn_cpu_image image;

    for (int i = 0; i < 16; i++)
        buffers[i] = j->inputs[i / 4][i % 4];
    for (int i = 0; i < j->count; i++)
        buffers[16 + i] = j->got[i] = tn_arena_get(j->arena, (size_t)N * 8);
    TN_TRY(tn_compiled_load(j->arena, &j->diag, k, target, &image));
    image.entry(&args, 0, (uint64_t)(N / j->lanes));
    tn_cpu_unload(&image);
    return TN_OK;
}

static bool
is_extreme(tn_fn fn)
{
    return fn == TN_FN_min || fn == TN_FN_max || fn == TN_FN_minq || fn == TN_FN_maxq;
}

/* Which zero is the smaller is free, and so is whether fma rounds once. */
static bool
equal(const job *j, int r, int i, bool fused)
{
    tn_dtype t = j->results[r].type.dtype;
    int bytes = tn_dtype_bytes(t);
    const uint8_t *got = (uint8_t *)j->got[r] + i * bytes;
    const uint8_t *wanted = (uint8_t *)j->wanted[r] + i * bytes;
    double x, y;

    if (!tn_is_float(t))
        return memcmp(got, wanted, (size_t)bytes) == 0;
    x = tn_load_double(t, got);
    y = tn_load_double(t, wanted);
    if (j->results[r].fn == TN_FN_fma && !fused) {
        const uint8_t *const *in = (const uint8_t *const *)j->inputs[ANY];
        double a = tn_load_double(t, in[0] + i * bytes);
        double product = tn_round_to(t, a * tn_load_double(t, in[1] + i * bytes));

        y = tn_round_to(t, product + tn_load_double(t, in[2] + i * bytes));
    }
    if (isnan(x) || isnan(y))
        return isnan(x) && isnan(y);
    return x == y && (signbit(x) == signbit(y) || is_extreme(j->results[r].fn));
}

static const char *
spelled(const job *j, int r, const void *at, char out[32])
{
    tn_dtype t = j->results[r].type.dtype;

    if (tn_is_float(t))
        snprintf(out, 32, "%a", tn_load_double(t, at));
    else
        snprintf(out, 32, "%lld", (long long)tn_load_int(t, at));
    return out;
}

static void
compare(const job *j, const char *target)
{
    for (int r = 0; r < j->count; r++) {
        const result *f = &j->results[r];
        int bytes = tn_dtype_bytes(f->type.dtype);

        for (int i = 0; i < N; i++) {
            char got[32], wanted[32];

            if (TN_CHECK(equal(j, r, i, !strstr(target, "v2"))))
                continue;
            tn_test_note("%s, %s to %s, %d lanes, element %d, %s: %s instead of %s",
                tn_fn_info_of(f->fn)->name, tn_dtype_name(j->dtype), tn_dtype_name(f->type.dtype),
                j->lanes, i, target, spelled(j, r, (uint8_t *)j->got[r] + i * bytes, got),
                spelled(j, r, (uint8_t *)j->wanted[r] + i * bytes, wanted));
            break;
        }
    }
}

/* For another machine; results start from zeros. */
static bool
write_case(job *j, const tn_kernel *k)
{
    tn_case_buffer shapes[16 + MAX_RESULTS];
    void *before[16 + MAX_RESULTS], *after[16 + MAX_RESULTS];
    tn_lane_case c = {.k = k,
        .tasks = (uint64_t)(N / j->lanes),
        .buffer = shapes,
        .before = before,
        .after = after};

    for (int i = 0; i < 16; i++) {
        shapes[i] = (tn_case_buffer){i % 4 < 3 ? j->dtype : TN_BOOL, N};
        before[i] = after[i] = j->inputs[i / 4][i % 4];
    }
    for (int i = 0; i < j->count; i++) {
        shapes[16 + i] = (tn_case_buffer){j->results[i].type.dtype, N};
        before[16 + i] = tn_arena_get(j->arena, (size_t)N * 8);
        after[16 + i] = j->wanted[i];
    }
    return tn_lane_case_write(j->arena, &j->diag, &c);
}

static tn_status
check_type(void *arg)
{
    job *j = arg;
    tn_kernel *k;

    fill(j);
    k = build(j);
    TN_TRY(tn_kernel_verify(k, &j->diag));
    TN_TRY(interpret(j, k));
    TN_CHECK(write_case(j, k));
    for (int i = 0; j->targets[i]; i++) {
        const char *target = tn_compiled_target(j->arena, j->targets[i]);

        if (!target)
            continue;
        TN_TRY(run_code(j, k, target));
        compare(j, j->targets[i]);
    }
    return TN_OK;
}

static void
check(int lanes, const char *const *targets)
{
    for (int t = 0; t < TN_DTYPE_COUNT; t++) {
        job j = {.arena = tn_arena_create(tn_alloc_system(), 0),
            .dtype = (tn_dtype)t,
            .lanes = lanes,
            .targets = targets};

        tn_diag_init(&j.diag, tn_alloc_system());
        if (!TN_CHECK_EQ(tn_arena_guard(j.arena, check_type, &j), TN_OK))
            tn_test_note("%s x %d: %s", tn_dtype_name(j.dtype), lanes, tn_diag_text(&j.diag, 0));
        tn_diag_clear(&j.diag);
        tn_arena_destroy(j.arena);
    }
}

static const char *const all[] = {
    "cpu:x86-64-v2", "cpu:x86-64-v3", "cpu:x86-64-v4", "cpu:aarch64", NULL};

TN_TEST(scalars)
{
    check(1, all);
}

TN_TEST(vectors_of_4)
{
    check(4, all);
}

TN_TEST(vectors_of_8)
{
    check(8, all);
}

TN_TEST(vectors_of_16)
{
    check(16, all);
}

TN_TEST(vectors_of_2_and_64)
{
    check(2, all);
    check(64, all);
}

TN_MAIN(TN_CASE(scalars), TN_CASE(vectors_of_4), TN_CASE(vectors_of_8), TN_CASE(vectors_of_16),
    TN_CASE(vectors_of_2_and_64))
