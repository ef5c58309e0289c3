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
is_ordered(const tn_op *op)
{
    return op->code == TN_OP_sort && tn_is_float(op->in[0]->type.dtype);
}

/* Says which are the best. */
static const tn_op *
choice_of(const tn_value *v)
{
    const tn_op *op;
    bool chooses;

    while (v->kind == TN_VALUE_RESULT && (v->def->code == TN_OP_cast || tn_op_is_free_view(v->def)))
        v = v->def->in[0];
    op = v->kind == TN_VALUE_RESULT ? v->def : NULL;
    chooses = op &&
        (op->code == TN_OP_top_k || op->code == TN_OP_arg_max || op->code == TN_OP_arg_min ||
            is_ordered(op));
    return chooses ? op : NULL;
}

/* Choices one by one, made one tensor. */
static bool
joins_choices(const tn_op *op)
{
    if (op->code != TN_OP_concat || !tn_is_int(op->out[0]->type.dtype))
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (!choice_of(op->in[i]))
            return false;
    return true;
}

enum { HOPS = 16, VISITS = 300 };

/* How many operations behind a running sum is, at least; HOPS: far away. */
static int
hops_to_places(const tn_value *v, int most, int *visits)
{
    const tn_op *op = v && v->kind == TN_VALUE_RESULT ? v->def : NULL;
    int best = HOPS;

    if (!op || most <= 0 || ++*visits > VISITS)
        return HOPS;
    if (op->code == TN_OP_cum_sum)
        return 0;
    for (int i = 0; i < op->in_count; i++) {
        int hops = 1 + hops_to_places(op->in[i], (most < best ? most : best) - 1, visits);

        best = hops < best ? hops : best;
    }
    return best;
}

/* Near ones first: what a token is made from may go back to other layers. */
static int
hops_from(const tn_value *v)
{
    for (int most = 2; most <= HOPS; most += 2) {
        int visits = 0, hops = hops_to_places(v, most, &visits);

        if (hops < HOPS)
            return hops;
    }
    return HOPS;
}

/* Which operand of the contraction sends tokens to places that were counted;
 * -1: none. */
static int
sender_of(const tn_op *op)
{
    int first = hops_from(op->in[0]), second = hops_from(op->in[1]);

    if (first == second)
        return -1;
    return first < second ? 0 : 1;
}

static bool
is_seen_through(const tn_experts *x, const tn_op *op, int depth)
{
    tn_lower_kind kind = tn_lower_kind_of(op->code);

    if (op->code == TN_OP_constant || op->block != op->graph->block || x->scores[op->id])
        return false;
    if (op->code == TN_OP_contract)
        return depth < LAYERS || !sums(op) || sender_of(op) >= 0;
    if (joins_choices(op) || is_ordered(op))
        return false;
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
    int sender = -1;

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
    if (op && op->code == TN_OP_cum_sum && first)
        see(x, op->in[0], depth);
    if (!op || (!is_seen_through(x, op, depth) && !x->groups.inlined[op->id]))
        return;
    x->groups.inlined[op->id] |= is_seen_through(x, op, depth);
    if (!is_seen_through(x, op, depth))
        return;
    x->depth[op->id] = (uint8_t)(depth + 1);
    if (op->code == TN_OP_contract && sums(op))
        sender = depth >= LAYERS ? sender_of(op) : -1;
    for (int i = 0; i < op->in_count; i++)
        if (sender >= 0)
            see(x, op->in[i], sender == i ? LAYERS - 1 : LAYERS);
        else if (op->in[i])
            see(x, op->in[i], depth + (op->code == TN_OP_contract && sums(op)));
}

enum { SCORE_DEPTH = 24 };

/* Choices are made on scores: what they are made from, back to the layer that
 * gives them, is none of the experts' business. */
static void
mark_scores(tn_experts *x, const tn_value *v, int depth)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;
    int first = op && op->code == TN_OP_where;

    if (!op || !tn_is_float(v->type.dtype) || depth == 0 || x->scores[op->id] ||
        op->code == TN_OP_one_hot)
        return;
    if (op->code != TN_OP_cast && tn_lower_kind_of(op->code) != TN_LOWER_view)
        x->scores[op->id] = true;
    if (op->code == TN_OP_contract && sums(op))
        return;
    for (int i = first; i < op->in_count; i++)
        if (op->in[i])
            mark_scores(x, op->in[i], depth - 1);
}

static void
mark_choice(tn_experts *x, const tn_value *v)
{
    const tn_op *op = choice_of(v);

    if (op)
        mark_scores(x, op->in[0], SCORE_DEPTH);
    if (op || v->kind != TN_VALUE_RESULT || !joins_choices(v->def))
        return;
    for (int i = 0; i < v->def->in_count; i++)
        mark_scores(x, choice_of(v->def->in[i])->in[0], SCORE_DEPTH);
}

static void
look(tn_experts *x)
{
    x->cone.count = 0;
    memset(x->groups.inlined, 0, x->g->op_count * sizeof *x->groups.inlined);
    memset(x->depth, 0, x->g->op_count);
    see(x, x->y, 0);
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
    x->predicate = NULL;
    x->near = false;
    x->visits = x->tries = 0;
    memset(x->scores, 0, x->g->op_count * sizeof *x->scores);
    look(x);
    if (!is_worth_it(x))
        return false;
    for (uint32_t i = 0; i < x->cone.count; i++)
        mark_choice(x, x->cone.at[i]);
    look(x);
    x->made = (tn_lowered){.family = "moe"};
    tn_lo_start(x->k, &x->made, "experts");
    x->k->symbolic = true;
    tn_lo_grid(x->k, y, x->lead, false, x->at);
    x->n = tn_tb_index(x->k->b,
        tn_tb_grid(x->k->b, "n", NULL, tn_lo_size(x->k, y->type.dim[x->lead]), false));
    return true;
}

/* ---- what else reads the experts ---- */

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
is_of_experts(const tn_ex_sum *s, const tn_value *v)
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
reads_alone(tn_experts *x, const tn_ex_sum *s)
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

/* ---- a candidate ---- */

/* Experts that are given places, not tokens. */
static bool
read_sent(tn_experts *x, const tn_ex_term *t, tn_ex_sum *s)
{
    tn_ex_term *part[TN_EX_PRODUCTS];
    int count = 0;

    if (!tn_ex_unsend(x, t, part, &count) || s->count + count > TN_EX_TERMS)
        return false;
    for (int i = 0; i < count; i++) {
        if (!tn_ex_pick(x, part[i]))
            return false;
        s->terms[s->count++] = part[i];
    }
    return true;
}

static bool
read_term(tn_experts *x, tn_value *v, tn_ex_sum *s)
{
    tn_ex_term *t = tn_new(x->arena, tn_ex_term);

    if (s->count == TN_EX_TERMS || s->rests == TN_EX_TERMS)
        return false;
    if (!tn_ex_read(x, v, false, t)) {
        s->rest[s->rests++] = v;
        return true;
    }
    if (t->sender)
        return read_sent(x, t, s);
    if (t->id_of_row)
        t->number = t->id_of_row;
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
    int before;

    if (v->uses.count != 1 || !use->op)
        return false;
    return use->op->code == TN_OP_add || (adds_rows(use->op) && use->index == 0) ||
        (tn_ex_writes_over(use->op, &before) && use->index == before);
}

static bool read_terms(tn_experts *x, tn_value *v, tn_ex_sum *s);

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

/* Where it is written, one id is the expert; the same of no other expert that
 * was read. */
static bool
is_apart(tn_experts *x, tn_ex_sum *s, const tn_ex_term *t)
{
    tn_ex_choice c = {.count = 0};
    tn_tval *id, *slot;
    int64_t number;

    if (tn_ex_nonzero_if(&c, t->where) != TN_EX_CHOSEN || c.count != 1 ||
        c.expert->op != TN_T_const)
        return false;
    id = c.id[0];
    slot = id->arg[id->arg_count - 1];
    if (tn_tval_is_int(slot, &number) && number != c.first[0])
        return false;
    for (int i = 0, n; i < id->axis_count; i++) {
        for (n = 0; n < x->lead && id->axes[i] != x->at[n]->axis; n++)
            continue;
        if (n == x->lead)
            return false;
    }
    number = c.expert->whole;
    if ((s->over && !tn_ex_same(s->over, id)) || number < 0 || number >= TN_EX_TERMS ||
        s->seen[number])
        return false;
    s->over = id;
    return s->seen[number] = true;
}

/* Experts written over one another are a sum, if they take tokens apart and
 * the first is written over zeros. */
static bool
read_over(tn_experts *x, tn_value *v, tn_ex_sum *s)
{
    int before = 0;

    while (!is_zero_fill(v)) {
        tn_ex_term *t = tn_new(x->arena, tn_ex_term);
        bool writes = v->kind == TN_VALUE_RESULT && tn_ex_writes_over(v->def, &before);

        if (v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_where && !writes) {
            before = 2;
            writes = is_zero_fill(v->def->in[before]);
        }
        if (!writes || s->count == TN_EX_TERMS || (v != x->y && !only_added(v)) ||
            !tn_ex_read(x, v, true, t))
            return false;
        if (!is_apart(x, s, t)) {
            x->near = true;
            return tn_ex_fail(x, "experts that are written over one another take tokens apart",
                "tokens that may be written twice", "add what the experts give");
        }
        if (!tn_ex_pick(x, t))
            return false;
        s->terms[s->count++] = t;
        v = v->def->in[before];
    }
    return true;
}

/* What is scattered is a term, what was there before are others. */
static bool
read_scattered(tn_experts *x, tn_value *v, tn_ex_sum *s)
{
    int rests = s->rests;

    if (!read_term(x, v, s))
        return false;
    return s->rests > rests || read_terms(x, v->def->in[0], s);
}

static bool
read_terms(tn_experts *x, tn_value *v, tn_ex_sum *s)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;
    bool labels = op && op->code == TN_OP_add && op->attr[TN_ATTR_add_labels].has_value;
    int before;

    if (op && adds_rows(op) && (v == x->y || only_added(v)))
        return read_scattered(x, v, s);
    if (op && tn_ex_writes_over(op, &before) && (v == x->y || only_added(v)) &&
        !is_zero_fill(op->in[before]))
        return read_over(x, v, s);
    if (!op || op->code != TN_OP_add || labels || (v != x->y && !only_added(v)) ||
        !tn_type_equal(&op->in[0]->type, &op->in[1]->type))
        return read_term(x, v, s);
    return read_terms(x, op->in[0], s) && read_terms(x, op->in[1], s);
}

/* What is no expert is added again, in the order it had. */
static void
replace(tn_experts *x, tn_build *b, tn_ex_sum *s, tn_value *moe)
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
    tn_ex_sum *s = tn_new(x->arena, tn_ex_sum);
    tn_op *row;

    if (!open_candidate(x, y) || !read_terms(x, y, s) || s->count == 0 || !tn_ex_agrees(x, s) ||
        !reads_alone(x, s))
        return false;
    row = tn_ex_row(x, s, &b);
    if (row)
        replace(x, &b, s, row->out[0]);
    return row != NULL;
}

/* The operand that leads to what an expert gives; -1. */
static int
way_to_expert(const tn_op *op)
{
    if (op->code == TN_OP_where)
        return 1;
    return op->code == TN_OP_cast || op->code == TN_OP_add || op->code == TN_OP_concat ||
            tn_op_is_free_view(op) || tn_lower_kind_of(op->code) == TN_LOWER_gather
        ? 0
        : -1;
}

/* One slot is not summed: what is multiplied is a contraction. */
static bool
weighs(const tn_op *op)
{
    for (int i = 0; op->code == TN_OP_mul && i < 2; i++) {
        const tn_value *v = op->in[i];

        while (v->kind == TN_VALUE_RESULT && way_to_expert(v->def) >= 0)
            v = v->def->in[way_to_expert(v->def)];
        if (v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_contract && sums(v->def))
            return true;
    }
    return false;
}

static bool
is_summed(const tn_value *v)
{
    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_op *op = v->uses.at[i].op;

        if (op && (op->code == TN_OP_reduce_sum || op->code == TN_OP_contract || adds_rows(op)))
            return true;
    }
    return only_added(v);
}

/* A sum over joined axes of tokens, which are parted: weights may have lain so
 * all the time. */
static bool
parts_tokens(const tn_op *op)
{
    const tn_value *v = op->in_count ? op->in[0] : NULL;
    const tn_type *t = &op->out[0]->type;

    if (op->code != TN_OP_reshape || v->kind != TN_VALUE_RESULT || t->rank <= v->type.rank ||
        v->type.rank < 2 || !tn_size_equal(t->dim[t->rank - 1], v->type.dim[v->type.rank - 1]))
        return false;
    return v->def->code == TN_OP_reduce_sum || v->def->code == TN_OP_contract || adds_rows(v->def);
}

/* First sums, then products of what no sum has taken. */
static bool
is_candidate(const tn_op *op, bool products)
{
    const tn_value *y;
    int before;

    if (op->out_count != 1)
        return false;
    y = op->out[0];
    if (y->type.rank < 2 || !tn_is_float(y->type.dtype) || y->type.dtype == TN_F64)
        return false;
    if (products)
        return weighs(op) && !is_summed(y);
    if (op->code == TN_OP_contract)
        return sums(op) && !only_added(y);
    if (op->code == TN_OP_add || adds_rows(op) || tn_ex_writes_over(op, &before))
        return !only_added(y);
    return op->code == TN_OP_reduce_sum || parts_tokens(op);
}

/* Parts of it were none for want of the rest. */
static void
forget_inside(tn_experts *x)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < x->misses.count; i++)
        if (!x->depth[x->misses.at[i].op->id])
            x->misses.at[count++] = x->misses.at[i];
    x->misses.count = count;
}

static void
miss(tn_experts *x, const tn_op *op)
{
    tn_ex_miss made = {op, x->predicate, x->found, x->advice};

    forget_inside(x);
    tn_push(x->arena, &x->misses, made);
}

/* What one candidate makes before it is one. */
enum { SPARE = 256 };

/* New operations have numbers of their own. */
static void
make_room(tn_experts *x)
{
    if (x->g->op_count + SPARE <= x->room)
        return;
    x->room = (x->g->op_count + SPARE) * 2;
    x->groups.inlined = tn_new_array(x->arena, bool, x->room);
    x->groups.of = tn_new_array(x->arena, tn_group *, x->room);
    x->depth = tn_new_array(x->arena, uint8_t, x->room);
    x->scores = tn_new_array(x->arena, bool, x->room);
}

static void
search(tn_experts *x, bool products)
{
    TN_VEC(tn_op *) list = {0};

    for (tn_op *op = x->g->block->first; op; op = op->next)
        if (is_candidate(op, products))
            tn_push(x->arena, &list, op);
    for (uint32_t i = 0; i < list.count; i++) {
        tn_value *y = list.at[i]->out[0];

        make_room(x);
        if (y->uses.count == 0)
            continue;
        if (fuse(x, y))
            forget_inside(x);
        else if (x->near && x->predicate && !products)
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
    search(x, false);
    while (tn_clean_dead(g))
        continue;
    search(x, true);
    while (tn_clean_dead(g))
        continue;
    report_misses(x);
}
