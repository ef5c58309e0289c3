/* SPDX-License-Identifier: Apache-2.0
 * All terms together: those of one choice cover its experts and slots, those
 * of several choices stand behind one another as slots of one row. */
#include <inttypes.h>
#include <string.h>

#include "passes/fuse/experts_in.h"
#include "passes/range.h"

/* Terms of one choice. */
typedef struct group {
    tn_ex_term **terms;
    int count;
    int64_t slots; /* 1 if the weights are dense */
} group;

/* ---- what terms must have in common ---- */

static bool
same_network(tn_experts *x, const tn_ex_term *a, const tn_ex_term *b)
{
    if (a->gated == b->gated && strcmp(a->act, b->act) == 0 &&
        (!a->form || strcmp(a->form, b->form) == 0))
        return true;
    return tn_ex_fail(x, "all experts are one kind of network", "two kinds",
        "give all experts one activation");
}

/* Each expert with each slot, once. */
static bool
covers(tn_experts *x, const group *g, int64_t experts)
{
    uint8_t *seen = tn_new_array(x->arena, uint8_t, experts * g->slots + 1);

    for (int i = 0; i < g->count; i++) {
        const tn_ex_term *t = g->terms[i];

        for (int64_t e = t->expert < 0 ? 0 : t->expert; e < experts; e++) {
            for (int64_t k = t->slot < 0 ? 0 : t->slot; k < g->slots; k++) {
                seen[e * g->slots + k]++;
                if (t->slot >= 0)
                    break;
            }
            if (t->expert >= 0)
                break;
        }
        if (t->expert >= experts)
            return tn_ex_fail(x, "experts are numbered from 0", "a number beyond",
                "compare ids with 0 .. experts - 1");
    }
    for (int64_t i = 0; i < experts * g->slots; i++)
        if (seen[i] != 1)
            return tn_ex_fail(x, "every expert and slot takes part once",
                seen[i] ? "one twice" : "one missing", "sum over all experts and all slots");
    return true;
}

/* Numbers of experts: of the stack, or as many terms as there are. */
static int64_t
count_experts(const tn_ex_sum *s)
{
    const tn_ex_matrix *m = &s->terms[0]->down;
    int64_t count = 0;

    if (m->expert >= 0)
        (void)tn_size_is_int(m->value->type.dim[m->expert], &count);
    for (int i = 0; m->expert < 0 && i < s->count; i++)
        if (s->terms[i]->expert >= count)
            count = s->terms[i]->expert + 1;
    return count;
}

/* Slots of gathered experts that are summed: all up to the last. */
static int64_t
slots_used(const group *g)
{
    int64_t last = 0;

    for (int i = 0; i < g->count; i++)
        if (g->terms[i]->slot > last)
            last = g->terms[i]->slot;
    return last + 1;
}

/* Terms from `from` on of the same choice; the others keep their order behind
 * them. */
static group
take_group(tn_experts *x, tn_ex_term **terms, int count, int from)
{
    tn_ex_term **rest = tn_new_array(x->arena, tn_ex_term *, count + 1);
    group g = {.terms = terms + from, .slots = 1};
    const tn_ex_term *first = terms[from];
    int rests = 0;

    for (int i = from; i < count; i++)
        if (tn_ex_same_weights(first, terms[i]))
            g.terms[g.count++] = terms[i];
        else
            rest[rests++] = terms[i];
    memcpy(g.terms + g.count, rest, (size_t)rests * sizeof *rest);
    if (!first->dense && first->ids->type.rank > x->lead &&
        !tn_size_is_int(first->ids->type.dim[x->lead], &g.slots))
        g.slots = 0;
    if (first->expert == -2 && first->slot >= 0)
        g.slots = slots_used(&g);
    return g;
}

/* Ids name the experts there are and no others; where a weight is dense, they
 * need not be looked at. */
static bool
names_experts(tn_experts *x, tn_ex_sum *s, const group *g)
{
    tn_size experts = tn_size_int(x->g->sizes, s->experts);
    tn_ex_term *t = g->terms[0];

    for (int i = 0; t->dense && i < t->parts; i++)
        if (t->part[i].wide && !tn_size_equal(t->part[i].value->type.dim[x->lead], experts))
            return tn_ex_fail(x, "every expert and slot takes part once", "one missing",
                "sum over all experts and all slots");
    for (int i = 0; i < t->choices; i++)
        if (!tn_value_below(t->chosen[i], experts))
            t->choices = 0;
    for (int i = 0; i < g->count; i++)
        if (g->terms[i]->guarded && !t->choices)
            return tn_ex_fail(x, "ids name experts that there are", "numbers of any size",
                "choose by top_k or arg_max");
    if (t->dense || t->down.expert >= 0 || tn_value_below(t->ids, experts))
        return true;
    return tn_ex_fail(x, "every expert and slot takes part once", "one missing",
        "sum over all experts and all slots");
}

bool
tn_ex_agrees(tn_experts *x, tn_ex_sum *s)
{
    s->experts = count_experts(s);
    for (int i = 1; i < s->count; i++)
        if (!same_network(x, s->terms[0], s->terms[i]))
            return false;
    for (int i = 0; i < s->count;) {
        group g = take_group(x, s->terms, s->count, i);

        if (s->experts < 1 || g.slots < 1 || s->experts * g.slots > TN_EX_TERMS)
            return tn_ex_fail(x, "experts and slots are known numbers", "sizes of a run",
                "make them numbers");
        if (!covers(x, &g, s->experts) || !names_experts(x, s, &g))
            return false;
        i += g.count;
    }
    return true;
}

/* One term for each number, in order; those along an axis are all alike. */
static int64_t
in_order(tn_experts *x, const group *g, bool experts, int64_t most, tn_ex_term ***out)
{
    const tn_ex_term *first = g->terms[0];
    int64_t count = (experts ? first->expert : first->slot) < 0 ? 1 : most;

    *out = tn_new_array(x->arena, tn_ex_term *, count + 1);
    for (int64_t n = 0; n < count; n++)
        for (int i = 0; i < g->count; i++)
            if (count == 1 || (experts ? g->terms[i]->expert : g->terms[i]->slot) == n)
                (*out)[n] = g->terms[i];
    return count;
}

/* ---- the row ---- */

static const char *
parameters(tn_experts *x, const tn_ex_sum *s, const tn_op *row, bool skips)
{
    static const char *const kinds[] = {"gathered", "by-axis", "by-number"};
    const tn_ex_term *t = s->terms[0];
    tn_text text = {.arena = x->arena};
    int64_t slots = 0;

    (void)tn_size_is_int(row->in[TN_IN_moe_ids]->type.dim[x->lead], &slots);
    tn_text_add(&text, "experts=%" PRId64 " slots=%" PRId64 " act=%s gated=%s spelled=%s",
        s->experts, slots, t->act, t->gated ? "yes" : "no",
        kinds[t->expert == -2     ? 0
                : t->expert == -1 ? 1
                                  : 2]);
    if (t->up_bias.value || t->gate_bias.value || t->down_bias.value)
        tn_text_add(&text, " biases=yes");
    if (skips)
        tn_text_add(&text, " weights=any-but-0");
    return text.at;
}

static void
report(tn_experts *x, const tn_ex_sum *s, const tn_op *row, bool skips)
{
    TN_VEC(tn_op *) ops = {0};
    tn_finding *f;

    for (uint32_t i = x->cone.count; i-- > 0;) {
        tn_value *v = x->cone.at[i];

        if (v->kind == TN_VALUE_RESULT && x->depth[v->def->id] &&
            (v->def->code == TN_OP_contract || v == x->y))
            tn_push(x->arena, &ops, v->def);
    }
    f = tn_found(x->options->findings, "moe", ops.at, ops.count, parameters(x, s, row, skips));
    if (f)
        tn_push(x->options->findings->arena, &f->ops, row);
}

static tn_value *
tokens(tn_experts *x, const tn_ex_term *t)
{
    const tn_type *up = &t->up.value->type;
    tn_value *v =
        tn_ex_value(x, t->x, up->dim[t->up.column], tn_tb_index(x->k->b, t->column), false);

    if (!v)
        (void)tn_ex_fail(x, "the experts read one tensor [tokens,width]", "another shape",
            "feed them from one tensor of the tokens");
    return v;
}

/* All choices have the experts of the first. */
static bool
same_experts(tn_ex_term *const *a, tn_ex_term *const *b, int64_t count)
{
    for (int64_t e = 0; e < count; e++)
        if (!tn_ex_same_matrix(&a[e]->up, &b[e]->up) ||
            !tn_ex_same_matrix(&a[e]->down, &b[e]->down) ||
            (a[e]->gated && !tn_ex_same_matrix(&a[e]->gate, &b[e]->gate)) ||
            !tn_ex_same_matrix(&a[e]->up_bias, &b[e]->up_bias) ||
            !tn_ex_same_matrix(&a[e]->gate_bias, &b[e]->gate_bias) ||
            !tn_ex_same_matrix(&a[e]->down_bias, &b[e]->down_bias))
            return false;
    return true;
}

static bool
matrices(tn_experts *x, const tn_ex_sum *s, tn_build *b, tn_ex_term *const *by, int64_t count,
    tn_value **in)
{
    static const int added[] = {TN_IN_moe_up_bias, TN_IN_moe_gate_bias, TN_IN_moe_down_bias};
    const tn_ex_term *t = by[0];

    in[TN_IN_moe_x] = tokens(x, t);
    in[TN_IN_moe_up] = in[TN_IN_moe_x] ? tn_ex_stack(x, by, count, 0, b) : NULL;
    in[TN_IN_moe_down] = in[TN_IN_moe_up] ? tn_ex_stack(x, by, count, 2, b) : NULL;
    if (t->gated && in[TN_IN_moe_down])
        in[TN_IN_moe_gate] = tn_ex_stack(x, by, count, 1, b);
    if (!in[TN_IN_moe_down] || (t->gated && !in[TN_IN_moe_gate]))
        return false;
    for (int i = 0; i < 3; i++)
        if (!tn_ex_bias(x, by, count, s->experts, i, b, &in[added[i]]))
            return false;
    if (in[TN_IN_moe_x]->type.dtype != in[TN_IN_moe_up]->type.dtype)
        return tn_ex_fail(x, "tokens and weights have one element type", "two", "cast the tokens");
    if (tn_dtype_bytes(x->y->type.dtype) > tn_dtype_bytes(in[TN_IN_moe_x]->type.dtype))
        return tn_ex_fail(x, "the sum is no wider than the tokens", "a wider one",
            "cast the sum, not what is summed");
    return true;
}

/* Slots of all choices behind one another. */
static void
join(tn_experts *x, tn_build *b, tn_ex_slots *all, const tn_ex_slots *one)
{
    tn_value *ids[] = {all->ids, one->ids}, *w[] = {all->w, one->w};

    if (!all->ids) {
        *all = *one;
        return;
    }
    all->ids = tn_build_concat(b, ids, 2, x->lead);
    all->w = tn_build_concat(b, w, 2, x->lead);
    all->order = false;
    all->skips |= one->skips;
}

static bool
operands(tn_experts *x, tn_ex_sum *s, tn_build *b, tn_value **in, tn_ex_slots *all)
{
    tn_ex_term **first = NULL, **by, **weights;
    int64_t firsts = 0;

    for (int i = 0; i < s->count;) {
        group g = take_group(x, s->terms, s->count, i);
        int64_t count = in_order(x, &g, true, s->experts, &by);
        bool dense = by[0]->dense;
        tn_ex_slots one;

        if (!first && !matrices(x, s, b, by, count, in))
            return false;
        if (first && (count != firsts || !same_experts(first, by, count)))
            return tn_ex_fail(x, "all choices are of the same experts", "other weights",
                "use one stack of weights");
        first = by;
        firsts = count;
        count = in_order(x, &g, dense, dense ? s->experts : g.slots, &weights);
        tn_ex_slots_of(x, b, weights, count, s->experts, &one);
        join(x, b, all, &one);
        i += g.count;
    }
    return true;
}

tn_op *
tn_ex_row(tn_experts *x, tn_ex_sum *s, tn_build *b)
{
    tn_value *in[TN_IN_COUNT_moe] = {0};
    tn_ex_slots all = {.ids = NULL};
    tn_op *op;

    if (!operands(x, s, b, in, &all))
        return NULL;
    in[TN_IN_moe_ids] = all.ids;
    in[TN_IN_moe_w] = all.w;
    op = tn_build_start(b, TN_OP_moe, in, TN_IN_COUNT_moe);
    tn_op_set_text(op, TN_ATTR_moe_act, s->terms[0]->act);
    if (s->terms[0]->form)
        tn_op_set_text(op, TN_ATTR_moe_form, s->terms[0]->form);
    if (all.order)
        tn_op_set_text(op, TN_ATTR_moe_order, "expert");
    if (all.skips)
        tn_op_set_text(op, TN_ATTR_moe_zero, "skip");
    (void)tn_build_finish(op);
    report(x, s, op, all.skips);
    return op;
}
