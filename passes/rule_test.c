/* SPDX-License-Identifier: Apache-2.0
 * Tests that rows of rules.def name. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "passes/dims.h"
#include "passes/rule_in.h"

static const tn_value *
value_of(const tn_match *m, const tn_form_arg *arg)
{
    return m->value[arg->at];
}

static const tn_op *
made_by(const tn_value *v)
{
    return v->kind == TN_VALUE_RESULT ? v->def : NULL;
}

/* ---- types ---- */

static bool
is_whole(const tn_match *m, const tn_form_arg *arg)
{
    return tn_is_int(value_of(m, arg)->type.dtype);
}

static bool
is_real(const tn_match *m, const tn_form_arg *arg)
{
    return tn_is_float(value_of(m, arg)->type.dtype);
}

static bool
is_truth(const tn_match *m, const tn_form_arg *arg)
{
    return value_of(m, arg)->type.dtype == TN_BOOL;
}

static bool
is_wide(const tn_match *m, const tn_form_arg *arg)
{
    tn_dtype t = value_of(m, arg)->type.dtype;

    return t == TN_F32 || t == TN_F64;
}

/* Digits and range of a type, so that one can hold all of another. */
static void
measure(tn_dtype t, int *digits, int *range, bool *is_signed)
{
    int64_t low, high;

    *is_signed = true;
    switch (t) {
    case TN_F64: *digits = 53, *range = 1024; return;
    case TN_F32: *digits = 24, *range = 128; return;
    case TN_F16: *digits = 11, *range = 16; return;
    case TN_BF16: *digits = 8, *range = 128; return;
    case TN_BOOL: *digits = 1, *range = 1, *is_signed = false; return;
    default: break;
    }
    tn_dtype_range(t, &low, &high);
    *is_signed = low < 0;
    *digits = 8 * tn_dtype_bytes(t) - *is_signed;
    *range = *digits + *is_signed;
}

static bool
type_holds(tn_dtype wide, tn_dtype narrow)
{
    int digits[2], range[2];
    bool negative[2];

    if (wide == TN_BOOL || (!tn_is_float(wide) && tn_is_float(narrow)))
        return false;
    measure(wide, &digits[0], &range[0], &negative[0]);
    measure(narrow, &digits[1], &range[1], &negative[1]);
    return digits[0] >= digits[1] && range[0] >= range[1] && (negative[0] || !negative[1]);
}

static bool
holds(const tn_match *m, const tn_form_arg *arg)
{
    return type_holds(value_of(m, arg)->type.dtype, value_of(m, arg + 1)->type.dtype);
}

/* To an integer type floats saturate and integers wrap. */
static bool
converts_alike(const tn_match *m, const tn_form_arg *arg)
{
    tn_dtype y = value_of(m, arg)->type.dtype, x = value_of(m, arg + 1)->type.dtype;
    tn_dtype to = m->root->out[0]->type.dtype;

    return tn_is_float(x) == tn_is_float(y) || !tn_is_int(to) || type_holds(to, x);
}

static bool
same_shape(const tn_match *m, const tn_form_arg *arg)
{
    tn_type a = value_of(m, arg)->type, b = value_of(m, arg + 1)->type;

    a.dtype = b.dtype;
    return tn_type_equal(&a, &b);
}

/* smaller(y, x): y is stretched to meet x. */
static bool
smaller(const tn_match *m, const tn_form_arg *arg)
{
    const tn_type *y = &value_of(m, arg)->type, *x = &value_of(m, arg + 1)->type;

    if (y->rank < x->rank)
        return true;
    for (int i = 0; i < x->rank && y->rank == x->rank; i++)
        if (tn_size_is_one(y->dim[i]) && !tn_size_is_one(x->dim[i]))
            return true;
    return false;
}

/* ---- uses ---- */

static bool
single_use(const tn_match *m, const tn_form_arg *arg)
{
    return value_of(m, arg)->uses.count == 1;
}

static bool
is_weight(const tn_match *m, const tn_form_arg *arg)
{
    return value_of(m, arg)->kind == TN_VALUE_WEIGHT;
}

/* ---- numbers ---- */

static bool
is_number(const tn_match *m, const tn_form_arg *arg)
{
    double number;

    return tn_uniform(value_of(m, arg), &number) && isfinite(number);
}

static double
least_normal(tn_dtype t)
{
    return t == TN_F64 ? DBL_MIN : t == TN_F16 ? 0x1p-14 : (double)FLT_MIN;
}

/* A float whose inverse is neither infinite nor denormal, nor is itself. */
static bool
has_inverse(const tn_match *m, const tn_form_arg *arg)
{
    const tn_value *v = value_of(m, arg);
    double number, inverse;

    if (!tn_is_float(v->type.dtype) || !tn_uniform(v, &number))
        return false;
    number = tn_round_to(v->type.dtype, number);
    inverse = tn_round_to(v->type.dtype, 1 / number);
    return isfinite(number) && isfinite(inverse) && fabs(number) >= least_normal(v->type.dtype) &&
        fabs(inverse) >= least_normal(v->type.dtype);
}

/* product_is_normal(c, d) */
static bool
product_is_normal(const tn_match *m, const tn_form_arg *arg)
{
    tn_dtype t = value_of(m, arg)->type.dtype;
    double c, d;

    if (!tn_is_float(t) || !tn_uniform(value_of(m, arg), &c) ||
        !tn_uniform(value_of(m, arg + 1), &d))
        return false;
    c = tn_round_to(t, tn_round_to(t, c) * tn_round_to(t, d));
    return isfinite(c) && fabs(c) >= least_normal(t);
}

static bool
is_power_of_two(const tn_match *m, const tn_form_arg *arg)
{
    const tn_value *v = value_of(m, arg);
    double number;
    int exponent;

    if (!has_inverse(m, arg) || !tn_uniform(v, &number))
        return false;
    return fabs(frexp(tn_round_to(v->type.dtype, number), &exponent)) == 0.5;
}

/* ---- ranges ---- */

enum { DEPTH = 8 };

static bool is_not_negative(const tn_value *v, int depth);

static bool
all_not_negative(const tn_op *op, int depth)
{
    for (int i = 0; i < op->in_count; i++)
        if (!is_not_negative(op->in[i], depth))
            return false;
    return true;
}

/* NaN, or 0 or more and not -0. */
static bool
is_not_negative(const tn_value *v, int depth)
{
    const tn_op *op = made_by(v);
    double number;

    if (tn_uniform(v, &number))
        return number >= 0 && !signbit(number);
    if (!op || depth == DEPTH)
        return false;
    switch (op->code) {
    case TN_OP_abs: return tn_is_float(v->type.dtype);
    case TN_OP_exp:
    case TN_OP_sigmoid:
    case TN_OP_sqrt: return true;
    case TN_OP_mul:
        if (op->in[0] == op->in[1] && !op->attr[TN_ATTR_mul_labels].has_value)
            return true;
        return all_not_negative(op, depth + 1);
    case TN_OP_pow: return tn_uniform(op->in[1], &number) && (number == 2 || number == 4);
    case TN_OP_maximum: /* of 0 and -0 either may come */
        return (tn_uniform(op->in[0], &number) && number > 0) ||
            (tn_uniform(op->in[1], &number) && number > 0) || all_not_negative(op, depth + 1);
    case TN_OP_add:
    case TN_OP_div:
    case TN_OP_reduce_sum:
    case TN_OP_reduce_mean:
    case TN_OP_reshape:
    case TN_OP_broadcast:
    case TN_OP_unsqueeze:
    case TN_OP_squeeze:
    case TN_OP_transpose: return tn_is_float(v->type.dtype) && all_not_negative(op, depth + 1);
    case TN_OP_cast:
        return tn_is_float(op->in[0]->type.dtype) && tn_is_float(v->type.dtype) &&
            is_not_negative(op->in[0], depth + 1);
    default: return false;
    }
}

static bool
not_negative(const tn_match *m, const tn_form_arg *arg)
{
    return is_not_negative(value_of(m, arg), 0);
}

/* Behind conversions to a type that holds it. */
static const tn_value *
unconverted(const tn_value *v)
{
    const tn_op *op = made_by(v);

    while (op && op->code == TN_OP_cast && tn_is_float(op->in[0]->type.dtype) &&
        type_holds(v->type.dtype, op->in[0]->type.dtype)) {
        v = op->in[0];
        op = made_by(v);
    }
    return v;
}

/* A number of 0 or more, over a sum along some of its axes that it is in. */
static bool
is_share(const tn_op *op)
{
    const tn_value *part = unconverted(op->in[0]);
    const tn_op *sum = made_by(unconverted(op->in[1]));

    return sum && sum->code == TN_OP_reduce_sum && !op->attr[TN_ATTR_div_labels].has_value &&
        tn_op_int(sum, TN_ATTR_reduce_sum_keepdims) && unconverted(sum->in[0]) == part &&
        is_not_negative(part, 0);
}

static bool
is_never_infinite(const tn_value *v, int depth)
{
    const tn_op *op;
    double number;

    if (tn_uniform(v, &number))
        return !isinf(number);
    v = unconverted(v);
    op = made_by(v);
    if (!op || depth == DEPTH || !tn_is_float(v->type.dtype))
        return false;
    switch (op->code) {
    case TN_OP_sigmoid:
    case TN_OP_tanh: return true;
    case TN_OP_div: return is_share(op);
    case TN_OP_where:
        return is_never_infinite(op->in[1], depth + 1) && is_never_infinite(op->in[2], depth + 1);
    default: return false;
    }
}

static bool
never_infinite(const tn_match *m, const tn_form_arg *arg)
{
    return is_never_infinite(value_of(m, arg), 0);
}

/* ---- shapes ---- */

/* Dimensions of the shorter shape in the longer one, with ones between. */
static bool
differs_in_ones(const tn_type *less, const tn_type *more)
{
    int k = 0;

    for (int i = 0; i < more->rank; i++)
        if (k < less->rank && tn_size_equal(more->dim[i], less->dim[k]))
            k++;
        else if (!tn_size_is_one(more->dim[i]))
            return false;
    return k == less->rank;
}

static bool
adds_ones(const tn_match *m, const tn_form_arg *arg)
{
    const tn_type *x = &value_of(m, arg)->type, *y = &m->root->out[0]->type;

    return y->rank > x->rank && differs_in_ones(x, y);
}

static bool
drops_ones(const tn_match *m, const tn_form_arg *arg)
{
    const tn_type *x = &value_of(m, arg)->type, *y = &m->root->out[0]->type;

    return y->rank < x->rank && differs_in_ones(y, x);
}

/* The root starts with the dimensions of x but its last one. */
static bool
starts_with(const tn_match *m, const tn_form_arg *arg)
{
    const tn_type *x = &value_of(m, arg)->type, *y = &m->root->out[0]->type;

    if (x->rank < 2 || y->rank < x->rank)
        return false;
    for (int i = 0; i + 1 < x->rank; i++)
        if (!tn_size_equal(x->dim[i], y->dim[i]))
            return false;
    return true;
}

static bool
same_last(const tn_match *m, const tn_form_arg *arg)
{
    const tn_type *a = &value_of(m, arg)->type, *b = &value_of(m, arg + 1)->type;

    return a->rank > 0 && b->rank > 0 && tn_size_equal(a->dim[a->rank - 1], b->dim[b->rank - 1]);
}

/* Nothing but a last axis, or no axis. */
static bool
is_vector(const tn_match *m, const tn_form_arg *arg)
{
    const tn_type *t = &value_of(m, arg)->type;

    for (int i = 0; i + 1 < t->rank; i++)
        if (!tn_size_is_one(t->dim[i]))
            return false;
    return t->rank <= 2;
}

/* ---- contractions ---- */

static bool
labels_of(const tn_op *op, tn_label_map *map)
{
    int ranks[2] = {op->in[0]->type.rank, op->in[1]->type.rank};

    return tn_labels_parse(tn_op_text(op, TN_ATTR_contract_labels), 2, ranks, true, map, NULL);
}

static bool
has_label(const tn_label_map *map, int operand, int label)
{
    for (int i = 0; i < map->rank[operand]; i++)
        if (map->axis[operand][i] == label)
            return true;
    return false;
}

static bool
in_result(const tn_label_map *map, int label)
{
    for (int i = 0; i < map->out_rank; i++)
        if (map->out[i] == label)
            return true;
    return false;
}

/* One letter for each axis of the second operand, blanks and dots aside. */
static bool
names_axes(const tn_match *m, const tn_form_arg *arg)
{
    const char *labels = m->attr[arg[0].at]->text, *second = labels ? strchr(labels, ',') : NULL;
    int letters = 0;

    if (!second || strchr(labels, ' '))
        return false;
    for (const char *c = second + 1; *c && *c != '-'; c++)
        letters += *c != '.';
    return letters == m->value[arg[1].at]->type.rank;
}

/* sums_rows(y, e, s): y contracts e with something, s is a sum of e with its
 * axes kept, over what y sums over; and y / s meets each row with its sum: an
 * axis of s lies on the axis of y that has its label. */
static bool
sums_rows(const tn_match *m, const tn_form_arg *arg)
{
    const tn_value *y = value_of(m, arg), *e = value_of(m, arg + 1), *s = value_of(m, arg + 2);
    int operand = y->def->in[1] == e;
    tn_label_map map;
    int label;

    if (y->def->in[0] == y->def->in[1] || !labels_of(y->def, &map) ||
        s->type.rank != e->type.rank || map.out_rank != s->type.rank ||
        e->type.dtype != y->type.dtype)
        return false;
    for (int i = 0; i < s->type.rank; i++) {
        bool summed = tn_op_reduced(s->def) >> i & 1;

        label = map.axis[operand][i];
        if (tn_size_is_one(s->type.dim[i]) && !summed)
            continue;
        if (summed == in_result(&map, label) || (!summed && map.out[i] != label))
            return false;
        if (summed && !has_label(&map, 1 - operand, label))
            return false;
    }
    return true;
}

/* ---- the table ---- */

static const struct {
    tn_rule_test_info info;
    bool (*holds)(const tn_match *m, const tn_form_arg *arg);
} tests[] = {
    {{"adds_ones", "the result is x with axes of size 1 more", NULL}, adds_ones},
    {{"converts_alike", "both convert to the type of the result by wrapping, or by saturating",
         NULL},
        converts_alike},
    {{"drops_ones", "the result is x with axes of size 1 fewer", NULL}, drops_ones},
    {{"has_inverse", "one number whose inverse is a normal number too", NULL}, has_inverse},
    {{"holds", "the type of the first holds every number of that of the second", NULL}, holds},
    {{"is_number", "one finite number everywhere", NULL}, is_number},
    {{"is_real", "of a float type", NULL}, is_real},
    {{"is_truth", "of type bool", NULL}, is_truth},
    {{"is_vector", "axes but the last are of size 1", NULL}, is_vector},
    {{"is_whole", "of an integer type", NULL}, is_whole},
    {{"is_weight", "a weight", NULL}, is_weight},
    {{"is_wide", "of f32 or f64", NULL}, is_wide},
    {{"names_axes", "the labels name each axis of it", NULL}, names_axes},
    {{"never_infinite", "made by operations that give no infinity",
         "take a share of a sum, a sigmoid or a choice of such"},
        never_infinite},
    {{"not_negative", "made by operations that give no number below 0",
         "take the root of a square, an exponential or a sum of such"},
        not_negative},
    {{"power_of_two", "one number, a power of two", NULL}, is_power_of_two},
    {{"product_is_normal", "numbers whose product is a normal number of the type", NULL},
        product_is_normal},
    {{"same_last", "the last axes are of the same size", NULL}, same_last},
    {{"same_shape", "of the same shape", NULL}, same_shape},
    {{"single_use", "read by one operation", NULL}, single_use},
    {{"smaller", "has fewer elements and is stretched to meet the other", NULL}, smaller},
    {{"starts_with", "the result has the axes of x but its last, then others", NULL}, starts_with},
    {{"sums_rows", "the divisor is, row for row, the sum of the weights of the contraction",
         "sum the weights over the axis that the contraction sums over, keeping it as 1"},
        sums_rows},
};

enum { TESTS = sizeof tests / sizeof *tests };

int
tn_rule_test_count(void)
{
    return TESTS;
}

const tn_rule_test_info *
tn_rule_test_at(int index)
{
    return &tests[index].info;
}

int
tn_rule_test_find(const char *name, size_t length)
{
    for (int i = 0; i < TESTS; i++)
        if (strlen(tests[i].info.name) == length && !strncmp(tests[i].info.name, name, length))
            return i;
    return -1;
}

bool
tn_rule_test(const tn_match *m, const tn_form_call *call)
{
    return tests[call->function].holds(m, call->arg);
}
