/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/contract.h"

/* A contraction on vectors: register blocks of `mr` rows by `nv` vectors.
 *
 *     for blocks of k { copy the row side, if asked
 *         for panels of nv vectors { copy the lane side, if asked
 *             for panels of rows { the first arm that covers them } } }
 *
 * Where the lane side of a block stays in cache, panels of rows come first and
 * the lane side is copied whole before: then sums are stored along rows, and
 * a row is read once.
 *
 * Where the row counts of panels are not known, all but the first arm run
 * fewer rows too: the row index is clamped, and the last row is stored again.
 * So edges cost no branch in the loop over k. */

enum {
    LONG_K = 1024, /* reduced positions from which on rows are worth a copy */
    SHORT_K = 256, /* up to which a detour of the sums is felt */
    BLOCK_K = 512, /* of a block, twice as many where there are */
    FEW_LANES = 64, /* no more lanes than these */
};

/* ---- operands ---- */

static const tn_tval *
factor(const tn_tval *v, int side)
{
    return v->op == TN_T_mma ? v->arg[1 + side] : v->arg[0]->arg[side];
}

void
tn_contract_deps(tn_sched *s, const tn_tval *v, tn_axset *a, tn_axset *b)
{
    *a = tn_val(s, factor(v, 0))->deps;
    *b = tn_val(s, factor(v, 1))->deps;
}

/* The operand of `v` that has (or lacks) the lane axis. */
static tn_tval *
side(tn_sched *s, const tn_tval *v, const tn_axis *lane, bool has)
{
    for (int i = 0; i < 2; i++) {
        const tn_tval *f = factor(v, i);

        if (((tn_val(s, f)->deps & tn_bit(lane)) != 0) == has)
            return v->op == TN_T_mma ? v->arg[1 + i] : v->arg[0]->arg[i];
    }
    return NULL;
}

/* ---- sizes of the register block ---- */

/* Register blocks that the vectors of the axis fill best, wide ones first:
 * sums that are no products are worth little more than their loads. */
static int
whole_vectors(const tn_sched *s, int64_t most)
{
    int64_t all = (most + s->lanes - 1) / s->lanes, least = INT64_MAX;
    int best = 2, widest = s->target->registers >= 32 ? 5 : 3;

    for (int nv = widest; nv >= 2; nv--) {
        int64_t taken = (all + nv - 1) / nv * nv;

        if (all < INT16_MAX && taken < least) {
            best = nv;
            least = taken;
        }
    }
    return best;
}

/* Positions on the lane axis that a task takes at most. */
static int64_t
lanes_most(const tn_sched *s, const tn_nest *n)
{
    const tn_axstate *x = &s->axis[n->lane->index];
    int64_t most = tn_axis_most(s, n->lane);

    return x->most && x->most < most ? x->most : most;
}

static int
vectors(const tn_sched *s, const tn_nest *n)
{
    int64_t most = lanes_most(s, n);

    if (s->choice.nv > 0)
        return s->choice.nv < TN_CONTRACT_VECTORS ? s->choice.nv : TN_CONTRACT_VECTORS;
    if (most <= s->lanes || n->reds.count > 1)
        return 1;
    if (!tn_is_sum_of_products(n->reds.at[0]) && s->lanes >= 8)
        return whole_vectors(s, most);
    return s->lanes >= 8 || most <= 2 * s->lanes ? 2 : 4;
}

/* Steps of a block of the reduced axis. */
static int64_t
block_steps(const tn_sched *s, const tn_nest *n)
{
    if (s->choice.kc >= 0)
        return s->choice.kc ? s->choice.kc : INT32_MAX;
    return lanes_most(s, n) <= FEW_LANES ? 2 * BLOCK_K : BLOCK_K;
}

int
tn_contract_rows(tn_sched *s, const tn_nest *n)
{
    int nv = n->lane ? vectors(s, n) * (int)n->reds.count : 1;
    int64_t mr = (s->target->registers - 2) / nv - 1;

    /* Without a fused product each step needs a register more. */
    for (uint32_t i = 0; i < n->reds.count; i++)
        if (!tn_is_sum_of_products(n->reds.at[i]))
            mr = mr > 8 ? 8 : (s->target->registers - 3) / nv - 1;
    if (s->choice.mr > 0)
        mr = s->choice.mr;
    return mr < 1 ? 1 : mr > TN_CONTRACT_ROWS ? TN_CONTRACT_ROWS : (int)mr;
}

tn_contract_axes
tn_contract_split(tn_sched *s, const tn_nest *n, const tn_axis *lane)
{
    tn_contract_axes r = {.rows = n->par_set & ~tn_bit(lane), .both = n->par_set};

    for (uint32_t i = 0; i < n->reds.count; i++) {
        tn_axset a, b;

        tn_contract_deps(s, n->reds.at[i], &a, &b);
        r.rows &= b & tn_bit(lane) ? a & ~b : b & ~a;
        r.both &= a & b;
    }
    r.cols = n->par_set & ~(r.rows | r.both | tn_bit(lane));
    return r;
}

/* Axes of the result: the lane, rows, and the others, which are loops around
 * all this. */
static void
split_axes(tn_sched *s, tn_contract_block *c)
{
    tn_contract_axes axes = tn_contract_split(s, c->n, c->lane);
    int64_t length;

    for (uint32_t i = 0; i < c->n->par.count; i++) {
        tn_axis *x = c->n->par.at[i];

        if (x == c->lane)
            continue;
        if (!(axes.rows & tn_bit(x)))
            c->outer[c->outer_count++] = x;
        else if (tn_length_known(s, x, &length) && length == 1)
            tn_point_bind_one(s, c->top, x, tn_low(s, x));
        else
            c->rows[c->row_count++] = x;
    }
    c->row_set = axes.rows;
    c->outer_set = axes.both | axes.cols;
}

/* The row counts that panels can have, if they are few. */
static bool
known_arms(const tn_sched *s, tn_contract_block *c)
{
    int64_t lens[16] = {1};
    int count = 1;

    for (uint32_t i = 0; i < c->row_count; i++) {
        const tn_axstate *x = &s->axis[c->rows[i]->index];
        int before = count;

        if (!x->len_count || before * x->len_count > 8)
            return false;
        for (int k = 0; k < before; k++) {
            int64_t base = lens[k];

            lens[k] = base * x->lens[0];
            if (x->len_count > 1)
                lens[count++] = base * x->lens[1];
        }
    }
    c->arm_count = 0;
    for (int i = 0; i < count; i++) {
        int64_t panels = (lens[i] + c->mr - 1) / c->mr;

        for (int64_t q = 0; q < panels; q++) {
            int rows = (int)((q + 1) * lens[i] / panels - q * lens[i] / panels), at = 0;

            while (at < c->arm_count && c->arm[at] > rows)
                at++;
            if (at < c->arm_count && c->arm[at] == rows)
                continue;
            if (c->arm_count == 3)
                return false;
            for (int k = c->arm_count++; k > at; k--)
                c->arm[k] = c->arm[k - 1];
            c->arm[at] = rows;
        }
    }
    return c->arm_count > 0;
}

static void
choose_arms(tn_sched *s, tn_contract_block *c)
{
    c->clamp = !known_arms(s, c);
    if (s->choice.uk < 1)
        c->uk = c->clamp ? 1 : 2;
    if (!c->clamp)
        return;
    /* Each arm costs time to compile: whole blocks, what is left in thirds of
     * one, a single row. */
    c->arm_count = 0;
    c->arm[c->arm_count++] = c->mr;
    if (c->mr / 3 > 1)
        c->arm[c->arm_count++] = c->mr / 3;
    if (c->mr > 1)
        c->arm[c->arm_count++] = 1;
}

/* Constant extents of spanned axes count as known lengths. */
static void
note_spans(tn_sched *s, const tn_contract_block *c)
{
    for (uint32_t i = 0; i < c->row_count; i++) {
        tn_axstate *x = &s->axis[c->rows[i]->index];
        int64_t length;

        if (tn_length_known(s, c->rows[i], &length)) {
            x->lens[0] = length;
            x->len_count = 1;
        }
    }
}

/* ---- what is copied ---- */

/* Something that `v` is computed from where it stands. */
static bool
is_made_of(tn_sched *s, tn_tval *v, bool (*is)(const tn_tval *x))
{
    tn_vals stem = {0};

    tn_stem_start(s, &stem);
    tn_stem(s, v, TN_STOP_KEPT, true, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        if (is(stem.at[i]))
            return true;
    return false;
}

static bool
is_guarded(const tn_tval *x)
{
    return x->guard != NULL;
}

static bool
is_load(const tn_tval *x)
{
    return x->op == TN_T_load;
}

static bool
copies_rows(tn_sched *s, const tn_contract_block *c, tn_tval *v)
{
    tn_axset known = c->n->red_set | c->row_set | c->outer_set | tn_bound_axes(s, c->top);
    int64_t k = 1, length, alone;

    if (!v || tn_val(s, v)->store[0] || !(tn_val(s, v)->deps & c->n->red_set) ||
        tn_val(s, v)->deps & ~known)
        return false;
    if (s->choice.apack >= 0)
        return s->choice.apack > 0;
    for (uint32_t i = 0; i < c->n->red.count; i++)
        k *= tn_length_known(s, c->n->red.at[i], &length) ? length : 1;
    /* With one panel of lanes each copy would be read once. Where no other task
     * reads the row, it comes from memory: better while sums are made than for
     * a copy that waits for it. */
    alone = c->lane->kind == TN_AXIS_GRID ? s->choice.cols : 0;
    if (alone < (int64_t)c->nv * s->lanes)
        alone = (int64_t)c->nv * s->lanes;
    return (k > LONG_K && tn_axis_most(s, c->lane) > alone) || is_made_of(s, v, is_guarded);
}

/* Loads of the lane side that would be gathers. */
static bool
strided(tn_sched *s, tn_tval *v, const tn_axis *lane)
{
    tn_vals stem = {0};

    tn_stem_start(s, &stem);
    tn_stem(s, v, TN_STOP_STORED, false, &stem);
    for (uint32_t i = 0; i < stem.count; i++) {
        tn_tval *x = stem.at[i];

        if (x->op == TN_T_load && !x->buf->local && tn_access_strided(s, x, lane))
            return true;
        if (x->op == TN_T_rename)
            return false;
    }
    return false;
}

static bool
copies_lanes(tn_sched *s, const tn_contract_block *c, tn_tval *v)
{
    int64_t rows = 1, length;

    if (!v || s->choice.bpack == 0 || !(tn_val(s, v)->deps & c->n->red_set) ||
        tn_val(s, v)->deps & c->row_set || !strided(s, v, c->lane))
        return false;
    for (uint32_t i = 0; i < c->row_count; i++)
        rows *= tn_length_known(s, c->rows[i], &length) ? length : INT16_MAX;
    return s->choice.bpack > 0 || rows > 2;
}

/* ---- set up ---- */

/* Of what is computed for each element and written out in every arm. */
enum { STRAIGHT_COST = 8 };

static bool
is_cheap(tn_sched *s, tn_tval *v)
{
    tn_vals stem = {0};
    int cost = 0;

    tn_stem_start(s, &stem);
    tn_stem(s, v, TN_STOP_KEPT, true, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        if (stem.at[i]->op == TN_T_fn && (stem.at[i] == v || !tn_val(s, stem.at[i])->kept))
            cost += tn_fn_info_of(stem.at[i]->fn)->cost;
    return cost <= STRAIGHT_COST;
}

/* Reduced positions, at least 1; INT16_MAX for each axis of unknown length. */
static int64_t
reduced(tn_sched *s, const tn_nest *n)
{
    int64_t k = 1, length;

    for (uint32_t i = 0; i < n->red.count && k < INT32_MAX; i++)
        k *= tn_length_known(s, n->red.at[i], &length) ? length : INT16_MAX;
    return k < 1 ? 1 : k;
}

/* A store after a short sum. What is loaded for it is asked for before the sum,
 * and may lie in its place where rows are stored again for those that are not
 * there: that goes by way of the tile. */
static bool
stores_straight(tn_sched *s, const tn_contract_block *c, const tn_out *o, bool sum)
{
    if (o->kind != TN_OUT_STORE || o->stmt->condition || reduced(s, c->n) > SHORT_K)
        return false;
    return sum || (is_cheap(s, o->value) && !is_made_of(s, o->value, is_load));
}

/* What follows a sum is its storage, or that of something cheap. */
static bool
goes_straight(tn_sched *s, const tn_contract_block *c)
{
    const tn_nest *n = c->n;

    for (uint32_t i = 0; i < n->tail.count; i++) {
        const tn_out *o = n->tail.at[i];
        bool sum = false;

        for (uint32_t k = 0; k < n->reds.count; k++)
            sum |= o->value == n->reds.at[k];
        if ((o->kind == TN_OUT_KEEP && is_cheap(s, o->node)) || stores_straight(s, c, o, sum))
            continue;
        if (o->kind != TN_OUT_CARRY || !sum)
            return false;
    }
    for (uint32_t k = 0; k < n->reds.count; k++)
        if (n->reds.at[k]->op == TN_T_mma && !is_cheap(s, n->reds.at[k]->arg[0]))
            return false;
    return true;
}

/* More steps than a block of the reduced axis takes, as far as is known. */
static bool
takes_blocks(tn_sched *s, const tn_contract_block *c)
{
    const tn_axstate *x = &s->axis[c->ka->index];
    int64_t k;

    if (!tn_length_known(s, c->ka, &k))
        k = x->most ? x->most : tn_axis_most(s, c->ka);
    return k > c->kc;
}

/* Panels of equal size if there is an arm for each size, else whole ones,
 * then smaller ones for the rest. */
static void
count_panels(tn_sched *s, tn_contract_block *c)
{
    if (!c->clamp) {
        c->panels = tn_ceil_div(s, c->row_length, c->mr);
        return;
    }
    c->rest = c->arm_count > 1 ? c->arm[1] : 1;
    c->whole = tn_divi(s, c->row_length, c->mr);
    c->panels = tn_sub(s, c->row_length, tn_muli(s, c->whole, c->mr));
    c->panels = tn_add(s, c->whole, tn_ceil_div(s, c->panels, c->rest));
}

static void
plan_block(tn_sched *s, tn_contract_block *c)
{
    tn_nest *n = c->n;

    c->nv = vectors(s, n);
    c->mr = tn_contract_rows(s, n);
    c->uk = s->choice.uk;
    c->kc = block_steps(s, n);
    c->ka = n->red.at[0];
    c->blocked = n->red.count == 1 && takes_blocks(s, c);
    split_axes(s, c);
    note_spans(s, c);
    choose_arms(s, c);
    c->direct = !c->blocked && goes_straight(s, c);
    c->row_length = tn_int(s, 1);
    for (uint32_t i = 0; i < c->row_count; i++)
        c->row_length = tn_mul(s, c->row_length, tn_length(s, c->rows[i]));
    count_panels(s, c);
    c->a_side = side(s, n->reds.at[0], c->lane, false);
    if (!copies_rows(s, c, c->a_side))
        c->a_side = NULL;
    c->acc = tn_new_array(s->arena, tn_kcell *, n->reds.count);
    c->narrow = tn_new_array(s->arena, tn_kcell *, n->reds.count);
    c->part = tn_new_array(s->arena, tn_kept *, n->reds.count);
    c->tile = tn_new_array(s->arena, tn_kmem *, n->reds.count);
    c->b_side = tn_new_array(s->arena, tn_tval *, n->reds.count);
    c->b_mem = tn_new_array(s->arena, tn_kmem *, n->reds.count);
    for (uint32_t i = 0; i < n->reds.count; i++) {
        tn_tval *v = side(s, n->reds.at[i], c->lane, true);

        c->b_side[i] = copies_lanes(s, c, v) ? v : NULL;
    }
}

static void
make_tiles(tn_sched *s, tn_contract_block *c)
{
    for (uint32_t i = 0; i < c->n->reds.count; i++) {
        tn_dtype t = tn_acc_dtype(c->n->reds.at[i]);
        tn_kept_shape shape = {.name = "part", .dtype = t};
        int64_t count = (int64_t)c->mr * c->nv * s->lanes;

        if (c->direct)
            continue;
        if (!c->blocked) {
            c->tile[i] = tn_kb_local(s->b, "tile", t, tn_int(s, count));
            continue;
        }
        tn_shape_axes(&shape, c->n->reds.at[i]);
        shape.lane = c->lane;
        c->part[i] = tn_kept_new(s, &shape);
    }
}

/* ---- before a loop ---- */

/* True if `v` is the same in all rounds of a loop that `p` stands before, and
 * made of what is there by then. */
static bool
is_there(tn_sched *s, const tn_nest *n, tn_tval *v, tn_point *p)
{
    tn_axset known = n->red_set | tn_bit(n->lane) | tn_bound_axes(s, p);
    tn_vals stem = {0};

    if (tn_val(s, v)->deps & ~known)
        return false;
    tn_stem_start(s, &stem);
    tn_stem(s, v, TN_STOP_NOWHERE, true, &stem);
    for (uint32_t i = 0; i < stem.count; i++) {
        const tn_tval *x = stem.at[i];

        if (tn_is_anchor(x) || x->op == TN_T_carry || x->op == TN_T_result || x->op == TN_T_merged)
            return false;
        for (uint32_t k = 0; x->op == TN_T_load && k < s->stores.count; k++)
            if (tn_buf_overlaps(x->buf, s->stores.at[k]->buf))
                return false;
    }
    return true;
}

static bool
may_prepare(tn_sched *s, tn_contract_block *c, tn_point *p)
{
    tn_nest *n = c->n;
    int64_t k = 1, length;

    if (!n->contract || !c->lane || c->lane->kind != TN_AXIS_GRID || s->choice.bpack == 0)
        return false;
    for (uint32_t i = 0; i < n->red.count; i++) {
        if (!tn_length_known(s, n->red.at[i], &length) || length < 1 || length > INT16_MAX)
            return false;
        k *= length;
    }
    if (k > block_steps(s, n))
        return false;
    for (uint32_t i = 0; i < n->reds.count; i++) {
        tn_tval *v = side(s, n->reds.at[i], c->lane, true);

        if (!v || !(tn_val(s, v)->deps & n->red_set) || !is_there(s, n, v, p) ||
            !strided(s, v, c->lane))
            return false;
        c->b_side[i] = v;
    }
    return true;
}

void
tn_contract_prepare(tn_sched *s, tn_items *body, tn_point *p)
{
    for (uint32_t i = 0; i < body->list.count; i++) {
        tn_nest *n = body->list.at[i]->nest;
        tn_contract_block c = {.n = n, .lane = n ? n->lane : NULL, .top = p};

        if (!n || !n->contract)
            continue;
        n->packed = NULL;
        c.b_side = tn_new_array(s->arena, tn_tval *, n->reds.count);
        c.b_mem = tn_new_array(s->arena, tn_kmem *, n->reds.count);
        if (!may_prepare(s, &c, p))
            continue;
        c.nv = vectors(s, n);
        tn_contract_copy_panels(s, &c, p);
        n->packed = c.b_mem;
    }
}

/* ---- blocks of k ---- */

/* The lane side of a block, once for all rows, stays in cache. */
static bool
rows_first(tn_sched *s, const tn_contract_block *c)
{
    int64_t k = reduced(s, c->n);

    if (c->blocked && k > c->kc)
        k = c->kc;
    return !c->n->clean && !c->n->packed && lanes_most(s, c->n) <= TN_CACHED_ELEMENTS / k;
}

static void
panels(tn_sched *s, tn_contract_block *c, tn_point *p)
{
    tn_ins *length = tn_length(s, c->lane);
    int64_t width = (int64_t)c->nv * s->lanes;

    if (c->a_side)
        tn_contract_copy_rows(s, c, p);
    if (rows_first(s, c)) {
        tn_contract_copy_panels(s, c, p);
        TN_KFOR(s->b, i, TN_LOOP_SERIAL, tn_int(s, 0), c->panels, 1, "panel")
            tn_contract_row_panel(s, c, i, tn_point_new(s, p));
        return;
    }
    TN_KFOR(s->b, j, TN_LOOP_SERIAL, tn_int(s, 0), length, width, c->lane->name)
        tn_contract_panel(s, c, j, tn_point_new(s, p));
}

static void
blocks(tn_sched *s, tn_point *p, void *context)
{
    tn_contract_block *c = context;
    tn_axstate outer = s->axis[c->ka->index];
    tn_ins *low = tn_low(s, c->ka), *length = tn_length(s, c->ka), *count;

    make_tiles(s, c);
    if (!c->blocked) {
        panels(s, c, p);
        return;
    }
    count = tn_maxi(s, tn_ceil_div(s, length, c->kc), 1);
    TN_KFOR(s->b, kb, TN_LOOP_SERIAL, tn_int(s, 0), count, 1, "kb") {
        tn_axstate *x = &s->axis[c->ka->index];
        tn_ins *from = tn_muli(s, kb, c->kc), *left = tn_sub(s, length, from);

        x->low = tn_add(s, low, from);
        x->length = tn_mini(s, left, c->kc);
        x->longest = tn_int(s, c->kc);
        c->first = tn_kb_fn2(s->b, TN_FN_eq, kb, tn_int(s, 0));
        c->last = tn_kb_fn2(s->b, TN_FN_eq, kb, tn_subi(s, count, 1));
        panels(s, c, tn_point_new(s, p));
    }
    s->axis[c->ka->index] = outer;
}

void
tn_contract(tn_sched *s, tn_nest *n, tn_point *p)
{
    tn_contract_block c = {.n = n, .lane = n->lane, .top = p};
    tn_vals roots = {0};

    if (!n->lane) {
        tn_sched_fail(s, TN_BUG, "a contraction without an axis for vectors");
        return;
    }
    tn_nest_begin(s, n);
    plan_block(s, &c);
    tn_nest_roots(s, n, &roots);
    tn_hoist(s, &roots, p, n->red_set | n->par_set, n);
    tn_loops(s, c.outer, c.outer_count, NULL, false, p, blocks, &c);
    tn_nest_done(s, n);
}
