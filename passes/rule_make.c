/* SPDX-License-Identifier: Apache-2.0
 * Replacements. */
#include <math.h>
#include <string.h>

#include "ir/graph/build.h"
#include "passes/clean.h"
#include "passes/rule_in.h"

typedef struct maker {
    tn_match *m;
    tn_build b;
    tn_op *made[TN_RULE_NODES + 1]; /* and a broadcast */
    int count;
} maker;

/* ---- numbers ---- */

static double
number_of(const tn_match *m, const tn_form_arg *arg)
{
    double number = NAN;

    (void)tn_uniform(m->value[arg->at], &number);
    return number;
}

/* In the type of the first one: quotients are rounded once, as a device would. */
static double
recip(const tn_match *m, const tn_form_arg *arg)
{
    tn_dtype t = m->value[arg->at]->type.dtype;

    return tn_round_to(t, 1 / tn_round_to(t, number_of(m, arg)));
}

static double
product(const tn_match *m, const tn_form_arg *arg)
{
    tn_dtype t = m->value[arg->at]->type.dtype;

    return tn_round_to(t,
        tn_round_to(t, number_of(m, arg)) * tn_round_to(t, number_of(m, arg + 1)));
}

static double
zero_times(const tn_match *m, const tn_form_arg *arg)
{
    return copysign(0.0, number_of(m, arg));
}

static double
same(const tn_match *m, const tn_form_arg *arg)
{
    return number_of(m, arg);
}

static const struct {
    const char *name;
    double (*make)(const tn_match *m, const tn_form_arg *arg);
} numbers[] = {
    {"number", same},
    {"product", product},
    {"recip", recip},
    {"zero_times", zero_times},
};

/* ---- attributes ---- */

static void
shape_of(const tn_match *m, const tn_form_call *call, tn_op *op, int attr)
{
    const tn_type *t = call->arg_count ? &m->value[call->arg[0].at]->type : &m->root->out[0]->type;

    tn_op_set_sizes(op, attr, t->dim, t->rank);
}

/* First p, then q. */
static void
both_orders(const tn_match *m, const tn_form_call *call, tn_op *op, int attr)
{
    const tn_attr *p = m->attr[call->arg[0].at], *q = m->attr[call->arg[1].at];
    int64_t perm[TN_MAX_RANK];

    for (int i = 0; i < q->count; i++)
        perm[i] = p->ints[q->ints[i]];
    tn_op_set_ints(op, attr, perm, q->count);
}

/* Axes that the shape of `b` has more than that of `a`, each a written 1. */
static void
axes_added(const tn_match *m, const tn_form_call *call, tn_op *op, int attr)
{
    const tn_type *a = &m->value[call->arg[0].at]->type;
    const tn_type *b =
        call->arg_count > 1 ? &m->value[call->arg[1].at]->type : &m->root->out[0]->type;
    const tn_type *more = a->rank > b->rank ? a : b, *less = more == a ? b : a;
    int64_t axes[TN_MAX_RANK];
    int count = 0, k = 0;

    for (int i = 0; i < more->rank; i++)
        if (k < less->rank && tn_size_equal(more->dim[i], less->dim[k]))
            k++;
        else
            axes[count++] = i;
    tn_op_set_ints(op, attr, axes, count);
}

/* Labels of a contraction whose second operand is read before it is turned. */
static void
turned_second(const tn_match *m, const tn_form_call *call, tn_op *op, int attr)
{
    const char *labels = m->attr[call->arg[0].at]->text, *second = strchr(labels, ',') + 1;
    const tn_attr *perm = m->attr[call->arg[1].at];
    tn_text text = {.arena = op->graph->module->arena};
    char letters[TN_MAX_RANK + 1] = "";
    int length = (int)strcspn(second, "-");
    const char *last = second + length - perm->count;

    for (int i = 0; i < perm->count && last + i < second + length; i++)
        letters[perm->ints[i]] = last[i];
    tn_text_add(&text, "%.*s,%s%s", (int)(second - labels - 1), labels, letters, second + length);
    tn_op_set_text(op, attr, text.at);
}

static const struct {
    const char *name;
    void (*make)(const tn_match *m, const tn_form_call *call, tn_op *op, int attr);
} sets[] = {
    {"axes_added", axes_added},
    {"both_orders", both_orders},
    {"shape", shape_of},
    {"turned_second", turned_second},
};

int
tn_rule_number_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strlen(numbers[i].name) == length && !strncmp(numbers[i].name, name, length))
            return (int)i;
    return -1;
}

int
tn_rule_set_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (strlen(sets[i].name) == length && !strncmp(sets[i].name, name, length))
            return (int)i;
    return -1;
}

static void
copy_attr(tn_op *op, int attr, const tn_attr *from)
{
    if (from->ints)
        tn_op_set_ints(op, attr, from->ints, from->count);
    else if (from->sizes)
        tn_op_set_sizes(op, attr, from->sizes, from->count);
    else if (from->numbers)
        tn_op_set_numbers(op, attr, from->numbers, from->count);
    else if (from->text)
        tn_op_set_text(op, attr, from->text);
    else if (from->kind == TN_KIND_DTYPE)
        tn_op_set_dtype(op, attr, from->dtype);
    else if (from->kind == TN_KIND_TYPE)
        tn_op_set_type(op, attr, from->type);
}

static void
set_attr(const tn_match *m, tn_op *op, const tn_form_set *set)
{
    switch (set->kind) {
    case TN_SET_NAMED: copy_attr(op, set->attr, m->attr[set->named]); break;
    case TN_SET_INTS: tn_op_set_ints(op, set->attr, set->ints, set->count); break;
    case TN_SET_WORD:
        if (tn_op_info_of(op->code)->attr[set->attr].kind == TN_KIND_DTYPE)
            tn_op_set_dtype(op, set->attr, tn_dtype_find(set->word, strlen(set->word)));
        else
            tn_op_set_text(op, set->attr, set->word);
        break;
    case TN_SET_CALL: sets[set->call.function].make(m, &set->call, op, set->attr); break;
    }
}

/* ---- trees ---- */

static bool
is_literal(const tn_form *f)
{
    return f->kind == TN_FORM_NUMBER || f->kind == TN_FORM_TRUTH || f->kind == TN_FORM_CALL;
}

static bool
give_literal(maker *k, tn_op *op, int index, const tn_form *f)
{
    tn_dtype t = tn_op_literal_dtype(op, index);
    tn_number n = tn_number_real(f->number);

    if (f->kind == TN_FORM_CALL) {
        n = tn_number_real(numbers[f->call.function].make(k->m, &f->call.arg[0]));
        t = k->m->value[f->call.arg[0].at]->type.dtype;
    }
    if (f->kind == TN_FORM_TRUTH)
        n = (tn_number){.kind = TN_NUMBER_BOOL, .num = f->number != 0, .den = 1, .real = f->number};
    else if (t < TN_DTYPE_COUNT && tn_is_int(t) && n.real == floor(n.real))
        n = tn_number_int((int64_t)n.real);
    if (t == TN_DTYPE_COUNT || !tn_number_fits(&n, t, NULL))
        return false;
    tn_op_set_in(op, index, tn_graph_literal(op->graph, t, n));
    return true;
}

static tn_value *make_node(maker *k, const tn_form *f);

static tn_value *
make_op(maker *k, const tn_form *f)
{
    tn_value *in[TN_RULE_INS] = {NULL};
    tn_op *op;

    for (int i = 0; i < f->in_count; i++)
        if (!is_literal(f->in[i]) && !(in[i] = make_node(k, f->in[i])))
            return NULL;
    op = tn_build_start(&k->b, f->code, in, f->in_count);
    k->made[k->count++] = op;
    for (int i = 0; i < f->in_count; i++)
        if (is_literal(f->in[i]) && !give_literal(k, op, i, f->in[i]))
            return NULL;
    for (int i = 0; i < f->set_count; i++)
        set_attr(k->m, op, &f->set[i]);
    if (tn_op_infer(op, NULL) != TN_OK || op->out_count != 1)
        return NULL;
    if (f->name >= 0)
        k->m->value[f->name] = op->out[0];
    return op->out[0];
}

static tn_value *
make_node(maker *k, const tn_form *f)
{
    return f->kind == TN_FORM_OP ? make_op(k, f) : k->m->value[f->name];
}

/* A number that was a tensor may have given the root its shape. */
static tn_value *
fitted(maker *k, tn_value *y)
{
    const tn_type *wanted = &k->m->root->out[0]->type;
    tn_type both;

    if (!y || tn_type_equal(&y->type, wanted))
        return y;
    if (y->type.dtype != wanted->dtype || !tn_type_broadcast(&y->type, wanted, &both) ||
        both.rank != wanted->rank)
        return NULL;
    both.dtype = wanted->dtype;
    if (!tn_type_equal(&both, wanted))
        return NULL;
    y = tn_build_broadcast(&k->b, y, wanted->dim, wanted->rank);
    k->made[k->count++] = y->def;
    return y;
}

tn_value *
tn_rule_make(tn_match *m)
{
    maker k = {.m = m, .b = tn_build_before(m->root)};
    tn_value *y = fitted(&k, make_node(&k, m->rule->to));

    if (y && m->root->out[0] != y && !tn_is_copied_result(m->root, y))
        return y;
    while (k.count > 0)
        tn_op_remove(k.made[--k.count]);
    return NULL;
}
