/* SPDX-License-Identifier: Apache-2.0
 * Element-wise ops of two and three operands. */
#include <math.h>

#include "runtime/reference/ref.h"

/* What a row does to floats, and to integers of its type; `whole` gives false
 * where the run fails. Either may be NULL where the row takes no such type. */
typedef struct pair {
    double (*real)(double x, double y);
    bool (*whole)(tn_dtype dtype, int64_t x, int64_t y, int64_t *out);
    bool (*test)(double x, double y);    /* results are bool */
    bool (*test_whole)(int64_t x, int64_t y);
} pair;

static tn_status
fail_at(const tn_ref_stretch *s, int64_t k)
{
    char text[TN_REF_POSITION];

    return tn_ref_fail(s->c, ".in.y", "division by zero at %s",
        tn_ref_position(&s->c->out[0], s->out + k, text));
}

static tn_status
run_pair(const tn_ref_stretch *s)
{
    const pair *p = s->info;
    const tn_ref_value *x = tn_ref_in(s->c, 0), *y = tn_ref_in(s->c, 1);
    tn_ref_value *out = &s->c->out[0];
    bool real = tn_is_float(x->dtype);

    for (int64_t k = 0; k < s->count; k++) {
        int64_t a = s->at[0] + k * s->step[0], b = s->at[1] + k * s->step[1];

        if (p->real && real)
            out->f[s->out + k] = p->real(x->f[a], y->f[b]);
        else if (p->whole && !real) {
            if (!p->whole(x->dtype, x->i[a], y->i[b], &out->i[s->out + k]))
                return fail_at(s, k);
        } else
            out->i[s->out + k] = real ? p->test(x->f[a], y->f[b]) : p->test_whole(x->i[a], y->i[b]);
    }
    return TN_OK;
}

#define PAIR(op, ...)                                \
    tn_status tn_oracle_##op(tn_ref_call *c)         \
    {                                                \
        static const pair p = {__VA_ARGS__};         \
        return tn_ref_broadcast(c, 2, run_pair, &p); \
    }

#define REAL(name, expression)                    \
    static double real_##name(double x, double y) \
    {                                             \
        return expression;                        \
    }
#define WHOLE(name, bits)                                                        \
    static bool whole_##name(tn_dtype dtype, int64_t x, int64_t y, int64_t *out) \
    {                                                                            \
        *out = tn_ref_wrap(dtype, bits);                                         \
        return true;                                                             \
    }
#define TEST(name, operator)                            \
    static bool test_##name(double x, double y)         \
    {                                                   \
        return x operator y;                            \
    }                                                   \
    static bool test_whole_##name(int64_t x, int64_t y) \
    {                                                   \
        return x operator y;                            \
    }

REAL(add, x + y)
REAL(sub, x - y)
REAL(mul, (x * y))
REAL(div, x / y)
REAL(rem, fmod(x, y))
WHOLE(add, (uint64_t)x + (uint64_t)y)
WHOLE(sub, (uint64_t)x - (uint64_t)y)
WHOLE(mul, ((uint64_t)x * (uint64_t)y))
WHOLE(maximum, (uint64_t)(x > y ? x : y))
WHOLE(minimum, (uint64_t)(x < y ? x : y))
WHOLE(and, ((uint64_t)x & (uint64_t)y))
WHOLE(or, (uint64_t)x | (uint64_t)y)
WHOLE(xor, (uint64_t)x ^ (uint64_t)y)
TEST(equal, ==)
TEST(not_equal, !=)
TEST(less, <)
TEST(less_equal, <=)
TEST(greater, >)
TEST(greater_equal, >=)

/* A zero has the sign of y. */
static double
real_mod(double x, double y)
{
    double r = fmod(x, y);

    if (r == 0)
        return copysign(0, y);
    return (r < 0) != (y < 0) ? r + y : r;
}

static bool
whole_div(tn_dtype dtype, int64_t x, int64_t y, int64_t *out)
{
    if (y == 0)
        return false;
    *out = y == -1 ? tn_ref_wrap(dtype, 0 - (uint64_t)x) : x / y;
    return true;
}

static bool
whole_rem(tn_dtype dtype, int64_t x, int64_t y, int64_t *out)
{
    (void)dtype;
    if (y == 0)
        return false;
    *out = y == -1 ? 0 : x % y;
    return true;
}

static bool
whole_mod(tn_dtype dtype, int64_t x, int64_t y, int64_t *out)
{
    if (!whole_rem(dtype, x, y, out))
        return false;
    if (*out != 0 && (*out < 0) != (y < 0))
        *out += y;
    return true;
}

/* The amount as an unsigned number of the type's width. */
static bool
is_whole_shift(tn_dtype dtype, int64_t y, int *amount)
{
    int width = 8 * tn_dtype_bytes(dtype);

    *amount = (int)y;
    return y >= 0 && y < width;
}

static bool
whole_shift_left(tn_dtype dtype, int64_t x, int64_t y, int64_t *out)
{
    int n;

    *out = is_whole_shift(dtype, y, &n) ? tn_ref_wrap(dtype, (uint64_t)x << n) : 0;
    return true;
}

/* Copies the sign; x of an unsigned type has none. */
static bool
whole_shift_right(tn_dtype dtype, int64_t x, int64_t y, int64_t *out)
{
    int n;

    if (!is_whole_shift(dtype, y, &n))
        *out = x < 0 ? -1 : 0;
    else
        *out = x < 0 ? (int64_t)~(~(uint64_t)x >> n) : x >> n;
    return true;
}

PAIR(add, .real = real_add, .whole = whole_add)
PAIR(sub, .real = real_sub, .whole = whole_sub)
PAIR(mul, .real = real_mul, .whole = whole_mul)
PAIR(div, .real = real_div, .whole = whole_div)
PAIR(rem, .real = real_rem, .whole = whole_rem)
PAIR(mod, .real = real_mod, .whole = whole_mod)
PAIR(pow, .real = pow)
PAIR(atan2, .real = atan2)
PAIR(maximum, .real = tn_ref_max, .whole = whole_maximum)
PAIR(minimum, .real = tn_ref_min, .whole = whole_minimum)
PAIR(and, .whole = whole_and)
PAIR(or, .whole = whole_or)
PAIR(xor, .whole = whole_xor)
PAIR(bit_and, .whole = whole_and)
PAIR(bit_or, .whole = whole_or)
PAIR(bit_xor, .whole = whole_xor)
PAIR(shift_left, .whole = whole_shift_left)
PAIR(shift_right, .whole = whole_shift_right)
PAIR(equal, .test = test_equal, .test_whole = test_whole_equal)
PAIR(not_equal, .test = test_not_equal, .test_whole = test_whole_not_equal)
PAIR(less, .test = test_less, .test_whole = test_whole_less)
PAIR(less_equal, .test = test_less_equal, .test_whole = test_whole_less_equal)
PAIR(greater, .test = test_greater, .test_whole = test_whole_greater)
PAIR(greater_equal, .test = test_greater_equal, .test_whole = test_whole_greater_equal)

static tn_status
run_where(const tn_ref_stretch *s)
{
    const int64_t *chosen = tn_ref_in(s->c, TN_IN_where_c)->i;
    tn_ref_value *out = &s->c->out[0];

    for (int64_t k = 0; k < s->count; k++) {
        int side = chosen[s->at[0] + k * s->step[0]] ? TN_IN_where_a : TN_IN_where_b;
        int64_t at = s->at[side] + k * s->step[side];

        if (tn_is_float(out->dtype))
            out->f[s->out + k] = tn_ref_in(s->c, side)->f[at];
        else
            out->i[s->out + k] = tn_ref_in(s->c, side)->i[at];
    }
    return TN_OK;
}

tn_status
tn_oracle_where(tn_ref_call *c)
{
    return tn_ref_broadcast(c, 3, run_where, NULL);
}

static tn_status
run_clamp(const tn_ref_stretch *s)
{
    const tn_ref_value *x = tn_ref_in(s->c, TN_IN_clamp_x);
    const tn_ref_value *low = tn_ref_in(s->c, TN_IN_clamp_low);
    const tn_ref_value *high = tn_ref_in(s->c, TN_IN_clamp_high);
    tn_ref_value *out = &s->c->out[0];

    for (int64_t k = 0; k < s->count; k++) {
        int64_t a = s->at[0] + k * s->step[0];
        int64_t b = s->at[1] + k * s->step[1];
        int64_t d = s->at[2] + k * s->step[2];

        if (tn_is_float(out->dtype)) {
            out->f[s->out + k] = tn_ref_min(tn_ref_max(x->f[a], low->f[b]), high->f[d]);
        } else {
            int64_t v = x->i[a] > low->i[b] ? x->i[a] : low->i[b];

            out->i[s->out + k] = v < high->i[d] ? v : high->i[d];
        }
    }
    return TN_OK;
}

tn_status
tn_oracle_clamp(tn_ref_call *c)
{
    return tn_ref_broadcast(c, 3, run_clamp, NULL);
}

static tn_status
run_prelu(const tn_ref_stretch *s)
{
    const double *x = tn_ref_in(s->c, TN_IN_prelu_x)->f;
    const double *slope = tn_ref_in(s->c, TN_IN_prelu_slope)->f;

    for (int64_t k = 0; k < s->count; k++) {
        double v = x[s->at[0] + k * s->step[0]];

        s->c->out[0].f[s->out + k] = v >= 0 ? v : v * slope[s->at[1] + k * s->step[1]];
    }
    return TN_OK;
}

tn_status
tn_oracle_prelu(tn_ref_call *c)
{
    return tn_ref_broadcast(c, 2, run_prelu, NULL);
}

static tn_status
run_glu(const tn_ref_stretch *s)
{
    const tn_ref_value *gate = tn_ref_in(s->c, TN_IN_glu_gate);
    const double *up = tn_ref_in(s->c, TN_IN_glu_up)->f;
    const char *act = tn_op_text(s->c->op, TN_ATTR_glu_act);

    for (int64_t k = 0; k < s->count; k++)
        s->c->out[0].f[s->out + k] =
            tn_ref_act(act, gate->f[s->at[0] + k * s->step[0]], gate->dtype) *
            up[s->at[1] + k * s->step[1]];
    return TN_OK;
}

tn_status
tn_oracle_glu(tn_ref_call *c)
{
    return tn_ref_broadcast(c, 2, run_glu, NULL);
}
