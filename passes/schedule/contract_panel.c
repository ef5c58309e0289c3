/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/contract.h"

/* The register block. Sums start from a constant, or from a tile in scratch
 * that holds initial values or the partial sums of earlier blocks of k; they
 * go back to the tile, and what follows is a plain loop over its rows: so the
 * arms hold the loop over k and little else. Rows of that loop are written
 * out, so that what is known of a row before the loop is computed before it. */

typedef struct arm {
    tn_contract_block *c;
    int rows;
    tn_point *top;
    tn_point *row[TN_CONTRACT_ROWS]; /* each row's point, outside the loop */
} arm;

void
tn_contract_bind_row(tn_sched *s, const tn_contract_block *c, tn_ins *row, tn_point *p)
{
    for (uint32_t i = c->row_count; i-- > 0;) {
        const tn_axis *a = c->rows[i];
        tn_ins *at = row, *length = tn_length(s, a);

        if (i > 0) {
            at = tn_rem(s, row, length);
            row = tn_div(s, row, length);
        }
        tn_point_bind_one(s, p, a, tn_add(s, tn_low(s, a), at));
    }
}

/* Row number r of the panel, the last one if there are not as many. */
static tn_ins *
panel_row(tn_sched *s, const arm *a, tn_ins *r)
{
    if (!a->c->clamp || a->rows == a->c->mr)
        return r;
    return a->rows > 1 ? tn_min(s, r, tn_subi(s, a->c->row_end, 1)) : tn_int(s, 0);
}

/* The same as a row of the task. */
static tn_ins *
task_row(tn_sched *s, const arm *a, tn_ins *r)
{
    return tn_add(s, a->c->row0, panel_row(s, a, r));
}

static tn_point *
row_point(tn_sched *s, const arm *a, tn_ins *r, tn_point *parent)
{
    tn_point *p = tn_point_new(s, parent);

    tn_contract_bind_row(s, a->c, task_row(s, a, r), p);
    return p;
}

/* ---- the tile ---- */

/* Element of the tile for a reduction, in row `r` of the panel, vector `v`;
 * `p` has both bound. With blocks of k, all panels have a place in `part`. */
static tn_ins *
tile_load(tn_sched *s, const tn_contract_block *c, uint32_t i, tn_ins *r, int v, tn_point *p)
{
    tn_ins *at;

    if (c->blocked)
        return tn_kept_load(s, c->part[i], p);
    at = tn_addi(s, tn_muli(s, r, (int64_t)c->nv * s->lanes), (int64_t)v * s->lanes);
    return tn_kb_load(s->b, c->tile[i], at, c->pos[v].lanes, NULL, NULL);
}

static void
tile_store(tn_sched *s, const tn_contract_block *c, uint32_t i, tn_ins *r, int v, tn_ins *x,
    tn_point *p)
{
    tn_ins *at;

    if (c->blocked) {
        tn_kept_store(s, c->part[i], x, p);
        return;
    }
    at = tn_addi(s, tn_muli(s, r, (int64_t)c->nv * s->lanes), (int64_t)v * s->lanes);
    tn_kb_store(s->b, c->tile[i], at, tn_wide(s, x, c->pos[v].lanes), NULL);
}

/* Where sums start, if that is a constant; else NULL. */
static tn_ins *
constant_start(tn_sched *s, tn_tval *v)
{
    if (v->op != TN_T_mma)
        return tn_neutral(s, tn_red_fn(v), tn_acc_dtype(v));
    if (v->arg[0]->op == TN_T_const)
        return tn_convert(s, tn_eval(s, v->arg[0], s->root), tn_acc_dtype(v));
    return NULL;
}

/* ---- rows of a panel, one after the other ---- */

typedef void (*row_fn)(tn_sched *s, const tn_contract_block *c, tn_ins *r, int v, tn_point *p);

/* What `roots` need of a row is computed once, not for each vector. */
static void
each_row(tn_sched *s, const tn_contract_block *c, tn_point *p, row_fn fn, const tn_vals *roots)
{
    TN_KFOR(s->b, r, TN_LOOP_SERIAL, tn_int(s, 0), c->row_end, 1, "row") {
        tn_point *q = tn_point_new(s, p);

        tn_contract_bind_row(s, c, tn_add(s, c->row0, r), q);
        tn_hoist(s, roots, q, c->n->red_set | tn_bit(c->lane), c->n);
        for (int v = 0; v < c->nv; v++) {
            tn_point *x = tn_point_new(s, q);

            tn_point_bind(s, x, c->lane, c->pos[v]);
            fn(s, c, r, v, x);
        }
    }
}

static void
start_row(tn_sched *s, const tn_contract_block *c, tn_ins *r, int v, tn_point *p)
{
    for (uint32_t i = 0; i < c->n->reds.count; i++) {
        tn_tval *red = c->n->reds.at[i];

        if (!constant_start(s, red))
            tile_store(s, c, i, r, v, tn_convert(s, tn_eval(s, red->arg[0], p), tn_acc_dtype(red)),
                p);
    }
}

/* Reduction `i` is done at `p`. */
static void
finish_one(tn_sched *s, const tn_contract_block *c, uint32_t i, tn_ins *x, tn_point *p)
{
    tn_tval *red = c->n->reds.at[i];

    x = tn_convert(s, x, red->dtype);
    tn_point_put(s, p, tn_key(red, 0), x);
    if (tn_val(s, red)->pending[0])
        tn_kept_store(s, tn_val(s, red)->pending[0], x, p);
}

static void
finish_row(tn_sched *s, const tn_contract_block *c, tn_ins *r, int v, tn_point *p)
{
    for (uint32_t i = 0; i < c->n->reds.count; i++)
        finish_one(s, c, i, tile_load(s, c, i, r, v, p), p);
    tn_outs(s, c->n->tail.at, c->n->tail.count, p);
}

/* ---- what the end reads ---- */

/* An operand of the result's shape, at places that are known before. */
static bool
is_asked_for(tn_sched *s, const tn_contract_block *c, const tn_tval *v)
{
    tn_axset deps = tn_val(s, v)->deps;
    tn_vals stem = {0};

    if (v->op != TN_T_load || v->buf->local || v->guard || v->buf->layout.kind != TN_LAYOUT_ROWS ||
        !(deps & tn_bit(c->lane)) || !(deps & c->row_set) || deps & c->n->red_set)
        return false;
    tn_stem_start(s, &stem);
    for (int i = 0; i < v->arg_count; i++)
        tn_stem(s, v->arg[i], TN_STOP_NOWHERE, true, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        if (stem.at[i]->op == TN_T_load || tn_is_anchor(stem.at[i]))
            return false;
    return true;
}

/* Asks for what the rows of the panel read once the sums are there: memory
 * takes its time while the loop over k runs. */
static void
ask_row(tn_sched *s, const tn_contract_block *c, tn_ins *r, int v, tn_point *p)
{
    tn_vals roots = {0}, stem = {0};

    (void)r, (void)v;
    for (uint32_t i = 0; i < c->n->tail.count; i++)
        tn_out_roots(s, c->n->tail.at[i], &roots);
    tn_stem_start(s, &stem);
    for (uint32_t i = 0; i < roots.count; i++)
        tn_stem(s, roots.at[i], TN_STOP_KEPT, true, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        if (is_asked_for(s, c, stem.at[i]))
            tn_kb_prefetch(s->b, tn_mem_of(s, stem.at[i]->buf),
                tn_place_of(s, stem.at[i]->buf, stem.at[i]->arg, p).at);
}

/* ---- accumulators ---- */

static bool
is_narrow(const tn_sched *s, const tn_contract_block *c, int v)
{
    return c->pos[v].lanes < s->lanes;
}

static tn_ins *
get_sum(tn_sched *s, const tn_contract_block *c, uint32_t i, tn_ins *r, int v)
{
    tn_ins *index[2] = {r, tn_int(s, v)};

    return is_narrow(s, c, v) ? tn_kb_get(s->b, c->narrow[i], 1, index)
                              : tn_kb_get(s->b, c->acc[i], 2, index);
}

static void
set_sum(tn_sched *s, const tn_contract_block *c, uint32_t i, tn_ins *r, int v, tn_ins *x)
{
    tn_ins *index[2] = {r, tn_int(s, v)};

    if (is_narrow(s, c, v))
        tn_kb_set(s->b, c->narrow[i], x, 1, index);
    else
        tn_kb_set(s->b, c->acc[i], x, 2, index);
}

static void
make_sums(tn_sched *s, const arm *a, uint32_t i)
{
    tn_contract_block *c = a->c;
    tn_dtype type = tn_acc_dtype(c->n->reds.at[i]);
    int last = c->pos[c->nv - 1].lanes;
    const int dims[2] = {a->rows, c->nv - (last < s->lanes)};

    if (dims[1] > 0)
        c->acc[i] = tn_kb_cell(s->b, "c", (tn_ktype){type, (uint16_t)s->lanes}, 2, dims, false);
    if (last < s->lanes)
        c->narrow[i] = tn_kb_cell(s->b, "d", (tn_ktype){type, (uint16_t)last}, 1, dims, false);
}

typedef enum transfer { FROM_START, FROM_TILE, TO_TILE } transfer;

static void
move_one(tn_sched *s, const arm *a, uint32_t i, tn_ins *r, int v, transfer how, tn_point *p)
{
    const tn_contract_block *c = a->c;
    tn_ins *constant = how == FROM_START ? constant_start(s, c->n->reds.at[i]) : NULL;

    if (how == TO_TILE)
        tile_store(s, c, i, r, v, get_sum(s, c, i, r, v), p);
    else if (constant)
        set_sum(s, c, i, r, v, constant);
    else
        set_sum(s, c, i, r, v, tile_load(s, c, i, panel_row(s, a, r), v, p));
}

static void
move(tn_sched *s, const arm *a, transfer how)
{
    const tn_contract_block *c = a->c;
    tn_ins *end = tn_int(s, a->rows);

    TN_KFOR(s->b, r, TN_LOOP_UNROLL, tn_int(s, 0), end, 1, "row") {
        tn_point *p = c->blocked ? row_point(s, a, r, a->top) : a->top;

        for (int v = 0; v < c->nv; v++) {
            tn_point *q = tn_point_new(s, p);

            tn_point_bind(s, q, c->lane, c->pos[v]);
            for (uint32_t i = 0; i < c->n->reds.count; i++)
                move_one(s, a, i, r, v, how, q);
        }
    }
}

/* ---- without a tile ---- */

static void
start_here(tn_sched *s, const arm *a, tn_ins *r, int v, tn_point *p)
{
    const tn_contract_block *c = a->c;

    for (uint32_t i = 0; i < c->n->reds.count; i++) {
        tn_tval *red = c->n->reds.at[i];
        tn_ins *x = constant_start(s, red);

        if (!x)
            x = tn_convert(s, tn_eval(s, red->arg[0], p), tn_acc_dtype(red));
        set_sum(s, c, i, r, v, tn_wide(s, x, c->pos[v].lanes));
    }
}

static void
finish_here(tn_sched *s, const arm *a, tn_ins *r, int v, tn_point *p)
{
    const tn_contract_block *c = a->c;

    for (uint32_t i = 0; i < c->n->reds.count; i++)
        finish_one(s, c, i, get_sum(s, c, i, r, v), p);
    tn_outs(s, c->n->tail.at, c->n->tail.count, p);
}

/* Calls `fn` for all elements of the arm: rows beyond the end are the last
 * one again. */
static void
each_here(tn_sched *s, const arm *a,
    void (*fn)(tn_sched *s, const arm *a, tn_ins *r, int v, tn_point *p))
{
    const tn_contract_block *c = a->c;
    tn_point *lane[TN_CONTRACT_VECTORS];
    tn_ins *end = tn_int(s, a->rows);
    tn_vals starts = {0};

    for (uint32_t i = 0; i < c->n->reds.count; i++)
        if (c->n->reds.at[i]->op == TN_T_mma)
            tn_vals_add(s, &starts, c->n->reds.at[i]->arg[0]);
    for (int v = 0; v < c->nv; v++) {
        lane[v] = tn_point_new(s, a->top);
        tn_point_bind(s, lane[v], c->lane, c->pos[v]);
        if (fn == start_here)
            tn_hoist(s, &starts, lane[v], c->row_set, c->n);
    }
    TN_KFOR(s->b, r, TN_LOOP_UNROLL, tn_int(s, 0), end, 1, "row") {
        tn_point *p = row_point(s, a, r, a->top);

        for (int v = 0; v < c->nv; v++) {
            tn_point *q = tn_point_new(s, p);

            q->parent[1] = lane[v];
            fn(s, a, r, v, q);
        }
    }
}

static void
start(tn_sched *s, const arm *a)
{
    tn_contract_block *c = a->c;
    bool constants = false;

    for (uint32_t i = 0; i < c->n->reds.count; i++) {
        make_sums(s, a, i);
        constants |= constant_start(s, c->n->reds.at[i]) != NULL;
    }
    if (c->direct) {
        each_here(s, a, start_here);
        return;
    }
    if (!c->blocked || !constants) {
        move(s, a, FROM_START);
        return;
    }
    tn_kb_if(s->b, c->first);
    move(s, a, FROM_START);
    tn_kb_else(s->b);
    move(s, a, FROM_TILE);
    tn_kb_close(s->b);
}

/* ---- the loop over k ---- */

static void
factors(tn_sched *s, const tn_nest *n, tn_vals *out)
{
    for (uint32_t i = 0; i < n->reds.count; i++) {
        const tn_tval *v = n->reds.at[i];

        for (int k = v->op == TN_T_mma; k < v->arg_count; k++)
            tn_vals_add(s, out, v->arg[k]);
    }
}

/* What lanes need at this step, once for all rows. */
static void
lane_values(tn_sched *s, tn_contract_block *c, tn_point *p, tn_point **lane)
{
    tn_vals roots = {0};

    factors(s, c->n, &roots);
    for (int v = 0; v < c->nv; v++) {
        lane[v] = tn_point_new(s, p);
        tn_point_bind(s, lane[v], c->lane, c->pos[v]);
        for (uint32_t i = 0; i < c->n->reds.count; i++) {
            tn_ins *at;

            if (!c->b_mem[i])
                continue;
            at = tn_muli(s, tn_contract_step(s, c, p), (int64_t)c->nv * s->lanes);
            at = tn_addi(s, tn_add(s, c->b_at, at), (int64_t)v * s->lanes);
            tn_point_put(s, lane[v], tn_key(c->b_side[i], 0),
                tn_kb_load(s->b, c->b_mem[i], at, c->pos[v].lanes, NULL, NULL));
        }
        tn_hoist(s, &roots, lane[v], c->row_set, c->n);
    }
}

static void
copied_row(tn_sched *s, const arm *a, int r, tn_point *p)
{
    const tn_contract_block *c = a->c;
    tn_ins *at = tn_mul(s, task_row(s, a, tn_int(s, r)), c->a_pitch);

    at = tn_add(s, at, tn_contract_step(s, c, p));
    tn_point_put(s, p, tn_key(c->a_side, 0), tn_kb_load(s->b, c->a_mem, at, 1, NULL, NULL));
}

static void
step(tn_sched *s, arm *a, tn_point *p)
{
    tn_contract_block *c = a->c;
    tn_point *lane[TN_CONTRACT_VECTORS];
    tn_vals roots = {0};

    factors(s, c->n, &roots);
    lane_values(s, c, p, lane);
    for (int r = 0; r < a->rows; r++) {
        tn_point *q = tn_point_new(s, p);

        q->parent[1] = a->row[r];
        if (c->a_side)
            copied_row(s, a, r, q);
        tn_hoist(s, &roots, q, tn_bit(c->lane), c->n);
        for (int v = 0; v < c->nv; v++) {
            tn_point *x = tn_point_new(s, q);

            x->parent[1] = lane[v];
            for (uint32_t i = 0; i < c->n->reds.count; i++) {
                tn_ins *at = tn_int(s, r), *acc = get_sum(s, c, i, at, v);

                set_sum(s, c, i, at, v, tn_accumulate(s, c->n->reds.at[i], acc, x));
            }
        }
    }
}

static void
step_at(tn_sched *s, arm *a, const tn_axis *k, tn_ins *at, tn_point *p)
{
    tn_point *q = tn_point_new(s, p);

    tn_point_bind_one(s, q, k, at);
    step(s, a, q);
}

/* The innermost reduced axis, `uk` steps at a time. */
static void
steps(tn_sched *s, tn_point *p, void *context)
{
    arm *a = context;
    const tn_axis *k = a->c->n->red.at[a->c->n->red.count - 1];
    tn_ins *low = tn_low(s, k), *length = tn_length(s, k);
    tn_ins *whole = tn_muli(s, tn_divi(s, length, a->c->uk), a->c->uk);

    TN_KFOR(s->b, i, TN_LOOP_SERIAL, tn_int(s, 0), whole, a->c->uk, k->name) {
        tn_ins *end = tn_int(s, a->c->uk), *base = tn_add(s, low, i);

        TN_KFOR(s->b, u, TN_LOOP_UNROLL, tn_int(s, 0), end, 1, "u")
            step_at(s, a, k, tn_add(s, base, u), p);
    }
    if (a->c->uk > 1)
        TN_KFOR(s->b, i, TN_LOOP_SERIAL, whole, length, 1, k->name)
            step_at(s, a, k, tn_add(s, low, i), p);
}

static void
emit_arm(tn_sched *s, tn_contract_block *c, int rows, tn_point *p)
{
    arm a = {.c = c, .rows = rows, .top = p};
    tn_vals roots = {0};
    uint32_t outer = c->n->red.count - 1;

    start(s, &a);
    factors(s, c->n, &roots);
    for (int r = 0; r < rows; r++) {
        a.row[r] = row_point(s, &a, tn_int(s, r), p);
        if (!c->a_side)
            tn_hoist(s, &roots, a.row[r], c->n->red_set | tn_bit(c->lane), c->n);
    }
    tn_loops(s, c->n->red.at, outer, NULL, false, p, steps, &a);
    if (c->direct)
        each_here(s, &a, finish_here);
    else
        move(s, &a, TO_TILE);
}

/* ---- the panel ---- */

static void
choose_arm(tn_sched *s, tn_contract_block *c, int i, tn_point *p)
{
    tn_ins *covers;

    if (i == c->arm_count - 1) {
        emit_arm(s, c, c->arm[i], tn_point_new(s, p));
        return;
    }
    if (c->clamp && i > 0)
        covers = tn_kb_fn2(s->b, TN_FN_lt, tn_int(s, c->arm[i + 1]), c->row_end);
    else
        covers = tn_kb_fn2(s->b, TN_FN_eq, c->row_end, tn_int(s, c->arm[i]));
    tn_kb_if(s->b, covers);
    emit_arm(s, c, c->arm[i], tn_point_new(s, p));
    tn_kb_else(s->b);
    choose_arm(s, c, i + 1, p);
    tn_kb_close(s->b);
}

/* Lengths of the lane axis that whole panels always fill. */
static bool
always_full(tn_sched *s, const tn_contract_block *c)
{
    const tn_axstate *x = &s->axis[c->lane->index];
    int64_t width = (int64_t)c->nv * s->lanes, length;

    if (tn_length_known(s, c->lane, &length))
        return length % width == 0;
    for (int i = 0; i < x->len_count; i++)
        if (x->lens[i] % width)
            return false;
    return x->len_count > 0;
}

/* Lanes of vector `v`: of the widest vectors the last one of the axis may be
 * half, which takes half the time on machines that do those in two parts. */
static int
lanes_of(tn_sched *s, const tn_contract_block *c, int v)
{
    int64_t length, from = (int64_t)v * s->lanes;
    bool halves = s->lanes == 16 && tn_length_known(s, c->lane, &length) && length > from &&
        length <= from + s->lanes / 2;

    return halves && v == c->nv - 1 ? s->lanes / 2 : s->lanes;
}

void
tn_contract_place_vectors(tn_sched *s, tn_contract_block *c, tn_ins *j)
{
    tn_ins *low = tn_low(s, c->lane), *length = tn_length(s, c->lane), *end, *last;
    bool full = always_full(s, c);

    end = tn_add(s, low, length);
    last = tn_muli(s, tn_divi(s, tn_subi(s, length, 1), s->lanes), s->lanes);
    last = tn_add(s, low, last);
    for (int v = 0; v < c->nv; v++) {
        tn_ins *base = tn_add(s, low, j), *padded;

        base = tn_addi(s, base, (int64_t)v * s->lanes);
        padded = full || v == 0 ? base : tn_min(s, base, last);
        c->pos[v] = (tn_pos){.base = base, .padded = padded, .lanes = lanes_of(s, c, v)};
        if (!full)
            c->pos[v].mask = tn_kb_below(s->b, tn_sub(s, end, base), c->pos[v].lanes);
    }
}

static bool
starts_constant(tn_sched *s, const tn_contract_block *c)
{
    for (uint32_t i = 0; i < c->n->reds.count; i++)
        if (!constant_start(s, c->n->reds.at[i]))
            return false;
    return true;
}

/* Runs `fn` for the rows of the panel, in the block of k that `when` tells. */
static void
rows_when(tn_sched *s, const tn_contract_block *c, tn_ins *when, tn_point *p, row_fn fn)
{
    tn_vals roots = {0};

    for (uint32_t i = 0; fn == finish_row && i < c->n->tail.count; i++)
        tn_out_roots(s, c->n->tail.at[i], &roots);
    if (c->blocked)
        tn_kb_if(s->b, when);
    each_row(s, c, tn_point_new(s, p), fn, &roots);
    if (c->blocked)
        tn_kb_close(s->b);
}

static void
choose_pace(tn_sched *s, tn_contract_block *c, tn_point *p)
{
    if (c->n->clean) {
        tn_kb_if(s->b, tn_quick_panel(s, c, p));
        s->quick = true;
        choose_arm(s, c, 0, tn_point_new(s, p));
        s->quick = false;
        tn_kb_else(s->b);
    }
    choose_arm(s, c, 0, tn_point_new(s, p));
    if (c->n->clean)
        tn_kb_close(s->b);
}

/* Panel number `i`. */
static void
place_rows(tn_sched *s, tn_contract_block *c, tn_ins *i)
{
    tn_ins *from, *to, *is_whole;

    if (c->clamp) {
        is_whole = tn_kb_fn2(s->b, TN_FN_lt, i, c->whole);
        from = tn_muli(s, tn_sub(s, i, c->whole), c->rest);
        from = tn_add(s, tn_muli(s, c->whole, c->mr), from);
        to = tn_muli(s, i, c->mr);
        c->row0 = tn_kb_fn3(s->b, TN_FN_select, is_whole, to, from);
        to = tn_mini(s, tn_sub(s, c->row_length, c->row0), c->rest);
        c->row_end = tn_kb_fn3(s->b, TN_FN_select, is_whole, tn_int(s, c->mr), to);
        return;
    }
    from = tn_mul(s, i, c->row_length);
    c->row0 = tn_div(s, from, c->panels);
    to = tn_mul(s, tn_addi(s, i, 1), c->row_length);
    to = tn_div(s, to, c->panels);
    c->row_end = tn_sub(s, to, c->row0);
}

/* The rows of the panel, for the vectors that are placed. */
static void
rows_at(tn_sched *s, tn_contract_block *c, tn_point *p)
{
    if (!c->direct && !starts_constant(s, c))
        rows_when(s, c, c->first, p, start_row);
    if (!c->direct)
        rows_when(s, c, c->last, p, ask_row);
    choose_pace(s, c, p);
    if (!c->direct)
        rows_when(s, c, c->last, p, finish_row);
}

void
tn_contract_panel(tn_sched *s, tn_contract_block *c, tn_ins *j, tn_point *p)
{
    tn_contract_place_vectors(s, c, j);
    if (c->n->packed) {
        c->b_mem = c->n->packed;
        c->b_at = tn_mul(s, j, tn_contract_steps(s, c));
    } else {
        tn_contract_copy_lanes(s, c, p);
    }
    TN_KFOR(s->b, i, TN_LOOP_SERIAL, tn_int(s, 0), c->panels, 1, "panel") {
        place_rows(s, c, i);
        rows_at(s, c, p);
    }
}

void
tn_contract_row_panel(tn_sched *s, tn_contract_block *c, tn_ins *i, tn_point *p)
{
    tn_ins *length = tn_length(s, c->lane);
    int64_t width = (int64_t)c->nv * s->lanes;

    place_rows(s, c, i);
    TN_KFOR(s->b, j, TN_LOOP_SERIAL, tn_int(s, 0), length, width, c->lane->name) {
        tn_contract_place_vectors(s, c, j);
        c->b_at = tn_mul(s, j, tn_contract_steps(s, c));
        rows_at(s, c, tn_point_new(s, p));
    }
}
