/* SPDX-License-Identifier: Apache-2.0
 * Candidates for sums over experts, and the rows that replace them. */
#include "passes/fuse/experts.h"

#include <inttypes.h>
#include <string.h>

#include "passes/clean.h"
#include "passes/fuse/experts_in.h"

bool
tn_ex_fail(tn_experts *x, const char *predicate, const char *found, const char *advice)
{
    if (!x->predicate) {
        x->predicate = predicate;
        x->found = found;
        x->advice = advice;
    }
    return false;
}

/* ---- what is written as one expression ---- */

/* A contraction that sums something. */
static bool
sums(const tn_op *op)
{
    int ranks[2] = {op->in[0]->type.rank, op->in[1]->type.rank};
    tn_label_map map;

    (void)tn_labels_parse(tn_op_text(op, TN_ATTR_contract_labels), 2, ranks, true, &map, NULL);
    return map.label_count > map.out_rank;
}

/* Two layers and the sum over experts; behind them only what hands tokens on. */
enum { LAYERS = 3 };

static bool
is_seen_through(const tn_op *op, int depth)
{
    tn_lower_kind kind = tn_lower_kind_of(op->code);

    if (op->code == TN_OP_constant || op->block != op->graph->block)
        return false;
    if (op->code == TN_OP_contract)
        return depth < LAYERS || !sums(op);
    if (kind == TN_LOWER_deal || op->code == TN_OP_scatter_elements || op->code == TN_OP_scatter_nd)
        return true;
    if (kind == TN_LOWER_view || kind == TN_LOWER_make || kind == TN_LOWER_gather ||
        op->code == TN_OP_cast || op->code == TN_OP_equal)
        return true;
    if (kind == TN_LOWER_map && depth == LAYERS)
        return tn_is_int(op->out[0]->type.dtype);
    return kind == TN_LOWER_map || kind == TN_LOWER_reduce;
}

static void
see(tn_experts *x, tn_value *v, int depth)
{
    tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;
    bool first = true;

    if (x->cone.count >= TN_EX_CONE)
        return;
    if (op && x->depth[op->id]) {
        if (x->depth[op->id] <= depth + 1)
            return;
        first = false;
    }
    for (uint32_t i = 0; !op && i < x->cone.count; i++)
        first &= x->cone.at[i] != v;
    if (first && v->kind != TN_VALUE_LITERAL)
        tn_push(x->arena, &x->cone, v);
    if (!op || (!is_seen_through(op, depth) && !x->groups.inlined[op->id]))
        return;
    x->groups.inlined[op->id] |= is_seen_through(op, depth);
    if (!is_seen_through(op, depth))
        return;
    x->depth[op->id] = (uint8_t)(depth + 1);
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i])
            see(x, op->in[i], depth + (op->code == TN_OP_contract && sums(op)));
}

/* Two contractions behind one another, and integers that say who or matrices
 * stacked. */
static bool
is_worth_it(const tn_experts *x)
{
    bool deep = false, ids = false;

    for (uint32_t i = 0; i < x->cone.count; i++) {
        const tn_value *v = x->cone.at[i];
        bool computed = v->kind == TN_VALUE_RESULT && x->groups.inlined[v->def->id];

        deep |=
            computed && v->def->code == TN_OP_contract && sums(v->def) && x->depth[v->def->id] >= 2;
        ids |= !computed && tn_is_int(v->type.dtype) && v->type.rank > 0;
        ids |= v->kind == TN_VALUE_WEIGHT && v->type.rank > 2;
    }
    return deep && ids;
}

static bool
open_candidate(tn_experts *x, tn_value *y)
{
    x->y = y;
    x->lead = y->type.rank - 1;
    x->cone.count = 0;
    x->predicate = NULL;
    x->near = false;
    memset(x->groups.inlined, 0, x->g->op_count * sizeof *x->groups.inlined);
    memset(x->depth, 0, x->g->op_count);
    see(x, y, 0);
    if (!is_worth_it(x))
        return false;
    x->made = (tn_lowered){.family = "moe"};
    tn_lo_start(x->k, &x->made, "experts");
    x->k->symbolic = true;
    tn_lo_grid(x->k, y, x->lead, false, x->at);
    x->n = tn_tb_index(x->k->b,
        tn_tb_grid(x->k->b, "n", NULL, tn_lo_size(x->k, y->type.dim[x->lead]), false));
    return true;
}

/* ---- all terms together ---- */

typedef struct sum {
    tn_ex_term *terms[TN_EX_TERMS];
    tn_value *rest[TN_EX_TERMS]; /* what is no expert */
    int count, rests;
} sum;

static bool
same_choice(tn_experts *x, const tn_ex_term *a, const tn_ex_term *b)
{
    if (a->ids != b->ids || a->w != b->w)
        return tn_ex_fail(x, "all experts are chosen by one top_k", "two choices",
            "use one tensor of ids and one of weights");
    if (a->gated != b->gated || strcmp(a->act, b->act) != 0)
        return tn_ex_fail(x, "all experts are one kind of network", "two kinds",
            "give all experts one activation");
    return true;
}

/* Each expert with each slot, once. */
static bool
covers(tn_experts *x, sum *s, int64_t experts, int64_t slots)
{
    uint8_t *seen = tn_new_array(x->arena, uint8_t, experts *slots + 1);

    for (int i = 0; i < s->count; i++) {
        const tn_ex_term *t = s->terms[i];

        for (int64_t e = t->expert < 0 ? 0 : t->expert; e < experts; e++) {
            for (int64_t k = t->slot < 0 ? 0 : t->slot; k < slots; k++) {
                seen[e * slots + k]++;
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
    for (int64_t i = 0; i < experts * slots; i++)
        if (seen[i] != 1)
            return tn_ex_fail(x, "every expert and slot takes part once",
                seen[i] ? "one twice" : "one missing", "sum over all experts and all slots");
    return true;
}

/* Numbers of experts: of the stack, or as many terms as there are. */
static int64_t
count_experts(const sum *s)
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

static bool
agrees(tn_experts *x, sum *s, int64_t *experts)
{
    int64_t slots = 0;

    *experts = count_experts(s);
    for (int i = 1; i < s->count; i++)
        if (!same_choice(x, s->terms[0], s->terms[i]))
            return false;
    if (!tn_size_is_int(s->terms[0]->ids->type.dim[x->lead], &slots) || *experts < 1 || slots < 1 ||
        *experts * slots > TN_EX_TERMS)
        return tn_ex_fail(x, "experts and slots are known numbers", "sizes of a run",
            "make them numbers");
    return covers(x, s, *experts, slots);
}

/* One term for each expert, in order; those along an axis are all alike. */
static int64_t
by_expert(tn_experts *x, const sum *s, int64_t experts, tn_ex_term **out)
{
    int64_t count = s->terms[0]->expert < 0 ? 1 : experts;

    (void)x;
    for (int64_t e = 0; e < count; e++)
        for (int i = 0; i < s->count; i++)
            if (count == 1 || s->terms[i]->expert == e)
                out[e] = s->terms[i];
    return count;
}

/* ---- the row ---- */

static const char *
parameters(tn_experts *x, const tn_ex_term *t, int64_t experts)
{
    static const char *const kinds[] = {"gathered", "along an axis", "one by one"};
    tn_text text = {.arena = x->arena};
    int64_t slots = 0;

    (void)tn_size_is_int(t->ids->type.dim[x->lead], &slots);
    tn_text_add(&text, "experts=%" PRId64 " slots=%" PRId64 " act=%s gated=%s spelled=%s", experts,
        slots, t->act, t->gated ? "yes" : "no",
        kinds[t->expert == -2     ? 0
                : t->expert == -1 ? 1
                                  : 2]);
    return text.at;
}

static void
report(tn_experts *x, const tn_ex_term *t, int64_t experts, const tn_op *row)
{
    TN_VEC(tn_op *) ops = {0};
    tn_finding *f;

    for (uint32_t i = x->cone.count; i-- > 0;) {
        tn_value *v = x->cone.at[i];

        if (v->kind == TN_VALUE_RESULT && x->depth[v->def->id] &&
            (v->def->code == TN_OP_contract || v == x->y))
            tn_push(x->arena, &ops, v->def);
    }
    f = tn_found(x->options->findings, "moe", ops.at, ops.count, parameters(x, t, experts));
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

/* Behind views, conversions and what is gathered. */
static const tn_value *
root(const tn_value *v)
{
    while (v->kind == TN_VALUE_RESULT &&
        (v->def->code == TN_OP_cast || tn_op_is_free_view(v->def) ||
            tn_lower_kind_of(v->def->code) == TN_LOWER_gather))
        v = v->def->in[0];
    return v;
}

static bool
is_of_experts(const sum *s, const tn_value *v)
{
    v = root(v);
    for (int i = 0; i < s->count; i++)
        if (v == root(s->terms[i]->up.value) || v == root(s->terms[i]->down.value) ||
            (s->terms[i]->gated && v == root(s->terms[i]->gate.value)))
            return true;
    return false;
}

/* What the experts gave is not needed otherwise: it would be computed again. */
static bool
reads_alone(tn_experts *x, const sum *s)
{
    for (uint32_t i = 0; i < x->cone.count; i++) {
        const tn_value *v = x->cone.at[i];

        if (v == x->y || v->kind != TN_VALUE_RESULT || v->def->code != TN_OP_contract ||
            !x->depth[v->def->id] ||
            (!is_of_experts(s, v->def->in[0]) && !is_of_experts(s, v->def->in[1])))
            continue;
        for (uint32_t n = 0; n < v->uses.count; n++)
            if (!v->uses.at[n].op || !x->depth[v->uses.at[n].op->id])
                return tn_ex_fail(x, "the sum alone reads what the experts give",
                    "something else reads it too", "compute the other use from the sum");
    }
    return true;
}

static tn_value *
build(tn_experts *x, sum *s, int64_t experts, tn_build *b)
{
    tn_ex_term **by = tn_new_array(x->arena, tn_ex_term *, experts + 1);
    int64_t count = by_expert(x, s, experts, by);
    const tn_ex_term *t = s->terms[0];
    tn_value *in[TN_IN_COUNT_moe] = {0};
    tn_op *op;

    in[TN_IN_moe_x] = tokens(x, t);
    in[TN_IN_moe_up] = in[TN_IN_moe_x] ? tn_ex_stack(x, by, count, 0, b) : NULL;
    in[TN_IN_moe_down] = in[TN_IN_moe_up] ? tn_ex_stack(x, by, count, 2, b) : NULL;
    if (t->gated && in[TN_IN_moe_down])
        in[TN_IN_moe_gate] = tn_ex_stack(x, by, count, 1, b);
    if (!in[TN_IN_moe_down] || (t->gated && !in[TN_IN_moe_gate]))
        return NULL;
    if (in[TN_IN_moe_x]->type.dtype != in[TN_IN_moe_up]->type.dtype) {
        (void)tn_ex_fail(x, "tokens and weights have one element type", "two", "cast the tokens");
        return NULL;
    }
    if (tn_dtype_bytes(x->y->type.dtype) > tn_dtype_bytes(in[TN_IN_moe_x]->type.dtype)) {
        (void)tn_ex_fail(x, "the sum is no wider than the tokens", "a wider one",
            "cast the sum, not what is summed");
        return NULL;
    }
    in[TN_IN_moe_ids] = tn_build_cast(b, t->ids, TN_I32);
    in[TN_IN_moe_w] = tn_build_cast(b, t->w, TN_F32);
    op = tn_build_start(b, TN_OP_moe, in, TN_IN_COUNT_moe);
    tn_op_set_text(op, TN_ATTR_moe_act, t->act);
    if (t->expert != -2)
        tn_op_set_text(op, TN_ATTR_moe_order, "expert");
    (void)tn_build_finish(op);
    report(x, t, experts, op);
    return op->out[0];
}

/* ---- a candidate ---- */

static bool
read_term(tn_experts *x, tn_value *v, sum *s)
{
    tn_ex_term *t = tn_new(x->arena, tn_ex_term);

    if (s->count == TN_EX_TERMS || s->rests == TN_EX_TERMS)
        return false;
    if (!tn_ex_read(x, v, t)) {
        s->rest[s->rests++] = v;
        return true;
    }
    if (!tn_ex_pick(x, t) && !t->plain)
        return false;
    if (t->plain) {
        s->rest[s->rests++] = v;
        return true;
    }
    s->terms[s->count++] = t;
    return true;
}

/* A scatter that adds up rows. */
static bool
adds_rows(const tn_op *op)
{
    return tn_ex_scatters(op) && op->in[0]->type.rank >= 2;
}

static bool
only_added(const tn_value *v)
{
    const tn_use *use = &v->uses.at[0];

    if (v->uses.count != 1 || !use->op)
        return false;
    return use->op->code == TN_OP_add || (adds_rows(use->op) && use->index == 0);
}

static bool read_terms(tn_experts *x, tn_value *v, sum *s);

/* What is scattered is a term, what was there before are others. */
static bool
read_scattered(tn_experts *x, tn_value *v, sum *s)
{
    int rests = s->rests;

    if (!read_term(x, v, s))
        return false;
    return s->rests > rests || read_terms(x, v->def->in[0], s);
}

static bool
read_terms(tn_experts *x, tn_value *v, sum *s)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;
    bool labels = op && op->code == TN_OP_add && op->attr[TN_ATTR_add_labels].has_value;

    if (op && adds_rows(op) && (v == x->y || only_added(v)))
        return read_scattered(x, v, s);
    if (!op || op->code != TN_OP_add || labels || (v != x->y && !only_added(v)) ||
        !tn_type_equal(&op->in[0]->type, &op->in[1]->type))
        return read_term(x, v, s);
    return read_terms(x, op->in[0], s) && read_terms(x, op->in[1], s);
}

static bool
is_zero_fill(const tn_value *v)
{
    const tn_number *n;

    while (v->kind == TN_VALUE_RESULT && (tn_op_is_free_view(v->def) || v->def->code == TN_OP_cast))
        v = v->def->in[0];
    if (v->kind == TN_VALUE_LITERAL)
        return v->number.kind != TN_NUMBER_SYMBOLIC && v->number.real == 0;
    if (v->kind != TN_VALUE_RESULT || v->def->code != TN_OP_fill)
        return false;
    n = &v->def->attr[TN_ATTR_fill_value].numbers[0];
    return n->kind != TN_NUMBER_SYMBOLIC && n->real == 0;
}

/* What is no expert is added again, in the order it had. */
static void
replace(tn_experts *x, tn_build *b, sum *s, tn_value *moe)
{
    tn_value *y = NULL;

    moe = tn_build_cast(b, moe, x->y->type.dtype);
    for (int i = 0; i < s->rests; i++) {
        if (is_zero_fill(s->rest[i]))
            continue;
        y = y ? tn_build_map2(b, TN_OP_add, y, s->rest[i]) : s->rest[i];
    }
    y = y ? tn_build_map2(b, TN_OP_add, y, moe) : moe;
    if (!y->name)
        y->name = x->y->name;
    tn_value_replace(x->y, y);
}

static bool
fuse(tn_experts *x, tn_value *y)
{
    tn_build b = tn_build_before(y->def);
    sum *s = tn_new(x->arena, sum);
    int64_t experts = 0;
    tn_value *moe;

    if (!open_candidate(x, y) || !read_terms(x, y, s) || s->count == 0 || !agrees(x, s, &experts) ||
        !reads_alone(x, s))
        return false;
    moe = build(x, s, experts, &b);
    if (moe)
        replace(x, &b, s, moe);
    return moe != NULL;
}

static bool
is_candidate(const tn_op *op)
{
    const tn_value *y;

    if (op->out_count != 1)
        return false;
    y = op->out[0];
    if (y->type.rank < 2 || !tn_is_float(y->type.dtype) || y->type.dtype == TN_F64)
        return false;
    if (op->code == TN_OP_contract)
        return sums(op);
    if (op->code == TN_OP_add || adds_rows(op))
        return !only_added(y);
    return op->code == TN_OP_reduce_sum;
}

/* Parts of it were none for want of the rest. */
static void
miss(tn_experts *x, const tn_op *op)
{
    tn_ex_miss made = {op, x->predicate, x->found, x->advice};
    uint32_t count = 0;

    for (uint32_t i = 0; i < x->misses.count; i++)
        if (!x->depth[x->misses.at[i].op->id])
            x->misses.at[count++] = x->misses.at[i];
    x->misses.count = count;
    tn_push(x->arena, &x->misses, made);
}

/* New operations have numbers of their own. */
static void
make_room(tn_experts *x)
{
    if (x->g->op_count <= x->room)
        return;
    x->room = x->g->op_count * 2;
    x->groups.inlined = tn_new_array(x->arena, bool, x->room);
    x->groups.of = tn_new_array(x->arena, tn_group *, x->room);
    x->depth = tn_new_array(x->arena, uint8_t, x->room);
}

static void
search(tn_experts *x)
{
    TN_VEC(tn_op *) list = {0};

    for (tn_op *op = x->g->block->first; op; op = op->next)
        if (is_candidate(op))
            tn_push(x->arena, &list, op);
    for (uint32_t i = 0; i < list.count; i++) {
        tn_value *y = list.at[i]->out[0];

        make_room(x);
        if (y->uses.count != 0 && !fuse(x, y) && x->near && x->predicate)
            miss(x, list.at[i]);
    }
}

/* Those that nothing else has taken in. */
static void
report_misses(tn_experts *x)
{
    for (const tn_op *op = x->g->block->first; op; op = op->next)
        for (uint32_t i = 0; i < x->misses.count; i++) {
            const tn_ex_miss *m = &x->misses.at[i];

            if (m->op == op)
                tn_missed(x->options->findings, "moe", op, m->predicate, m->found, m->advice);
        }
}

void
tn_fuse_experts(tn_arena *arena, tn_diag *diag, tn_graph *g, const tn_lower_options *options)
{
    tn_experts *x = tn_new(arena, tn_experts);

    *x = (tn_experts){.arena = arena,
        .diag = diag,
        .g = g,
        .options = options,
        .groups = {.arena = arena, .g = g},
        .k = tn_new(arena, tn_lo)};
    x->lowering = *options;
    x->lowering.pack = false;
    *x->k = (tn_lo){
        .arena = arena, .g = g, .options = &x->lowering, .groups = &x->groups, .group = &x->group};
    search(x);
    while (tn_clean_dead(g))
        continue;
    report_misses(x);
}
