/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/contract.h"

/* Operands of a contraction copied to scratch: rows as they lie, with guards,
 * gathers and conversions done; lanes as [k][nv vectors], so that the inner
 * loop loads whole vectors. */

tn_ins *
tn_contract_step(tn_sched *s, const tn_contract_block *c, const tn_point *p)
{
    tn_ins *k = tn_int(s, 0);

    for (uint32_t i = 0; i < c->n->red.count; i++) {
        const tn_axis *a = c->n->red.at[i];
        const tn_pos *pos = tn_point_pos(p, a);

        k = tn_mul(s, k, tn_length(s, a));
        k = tn_add(s, k, tn_sub(s, pos->base, tn_low(s, a)));
    }
    return k;
}

tn_ins *
tn_contract_steps(tn_sched *s, const tn_contract_block *c)
{
    tn_ins *k = tn_int(s, 1);

    for (uint32_t i = 0; i < c->n->red.count; i++)
        k = tn_mul(s, k, tn_longest(s, c->n->red.at[i]));
    return k;
}

typedef struct copy {
    tn_contract_block *c;
    tn_ins *row;
} copy;

static void
copy_row_part(tn_sched *s, tn_point *p, void *context)
{
    const copy *k = context;
    const tn_contract_block *c = k->c;
    tn_axset axes = c->n->red_set;
    tn_place to = {tn_mul(s, k->row, c->a_pitch), NULL, 0, false};
    const tn_pos *lanes = tn_lanes_of(s, p, axes);
    tn_ins *v;

    to.at = tn_add(s, to.at, tn_contract_step(s, c, p));
    to.coef = lanes ? 1 : 0;
    v = tn_eval(s, c->a_side, p);
    tn_store_at(s, c->a_mem, &to, v, lanes, NULL);
}

void
tn_contract_copy_rows(tn_sched *s, tn_contract_block *c, tn_point *p)
{
    tn_axis *const *red = c->n->red.at;
    tn_ins *rows = tn_int(s, 1);
    copy k = {c, NULL};
    tn_vals roots = {0};

    c->a_pitch = tn_addi(s, tn_contract_steps(s, c), TN_CONTRACT_SKEW);
    for (uint32_t i = 0; i < c->row_count; i++)
        rows = tn_mul(s, rows, tn_longest(s, c->rows[i]));
    c->a_mem = tn_kb_local(s->b, "rows", c->a_side->dtype, tn_mul(s, rows, c->a_pitch));
    tn_vals_add(s, &roots, c->a_side);
    TN_KFOR(s->b, r, TN_LOOP_SERIAL, tn_int(s, 0), c->row_length, 1, "row") {
        tn_point *q = tn_point_new(s, p);

        tn_contract_bind_row(s, c, r, q);
        k.row = r;
        tn_hoist(s, &roots, q, c->n->red_set, c->n);
        tn_loops(s, red, c->n->red.count, red[c->n->red.count - 1], false, q, copy_row_part, &k);
    }
}

/* Lanes one after the other, a few steps of each at a time: loads that follow
 * each other, stores a vector apart into what stays in the first cache. That
 * is no slower than gathers, and much faster where rows lie far apart. */
enum { STEPS = 64 };

static void
copy_element(tn_sched *s, const tn_contract_block *c, tn_ins *to, tn_point *p)
{
    tn_ins *at = tn_muli(s, tn_contract_step(s, c, p), (int64_t)c->nv * s->lanes);

    at = tn_add(s, c->b_at, tn_add(s, at, to));
    for (uint32_t i = 0; i < c->n->reds.count; i++)
        if (c->b_mem[i])
            tn_kb_store(s->b, c->b_mem[i], at,
                tn_convert(s, tn_eval(s, c->b_side[i], p), c->b_mem[i]->dtype), NULL);
}

/* Steps from .. end-1 of the innermost reduced axis, for one lane. Lanes
 * beyond the end are copies of the last one: their sums are not stored. */
static void
copy_lane(tn_sched *s, const tn_contract_block *c, tn_ins *lane, tn_ins *from, tn_ins *end,
    tn_point *p)
{
    const tn_axis *k = c->n->red.at[c->n->red.count - 1];
    tn_ins *last = tn_subi(s, tn_length(s, c->lane), 1), *at;
    tn_vals roots = {0};

    at = tn_add(s, tn_sub(s, c->pos[0].base, tn_low(s, c->lane)), lane);
    at = tn_min(s, at, last);
    tn_point_bind_one(s, p, c->lane, tn_add(s, tn_low(s, c->lane), at));
    for (uint32_t i = 0; i < c->n->reds.count; i++)
        tn_vals_add(s, &roots, c->b_side[i]);
    tn_hoist(s, &roots, p, tn_bit(k), c->n);
    TN_KFOR(s->b, i, TN_LOOP_SERIAL, from, end, 1, k->name) {
        tn_point *q = tn_point_new(s, p);

        tn_point_bind_one(s, q, k, tn_add(s, tn_low(s, k), i));
        copy_element(s, c, lane, q);
    }
}

static void
copy_steps(tn_sched *s, tn_point *p, void *context)
{
    const tn_contract_block *c = context;
    const tn_axis *k = c->n->red.at[c->n->red.count - 1];
    tn_ins *length = tn_length(s, k), *width = tn_int(s, (int64_t)c->nv * s->lanes);

    TN_KFOR(s->b, from, TN_LOOP_SERIAL, tn_int(s, 0), length, STEPS, k->name) {
        tn_ins *end = tn_min(s, tn_addi(s, from, STEPS), length);

        TN_KFOR(s->b, lane, TN_LOOP_SERIAL, tn_int(s, 0), width, 1, c->lane->name)
            copy_lane(s, c, lane, from, end, tn_point_new(s, p));
    }
}

/* Room for `count` lane sides; false: none is copied. */
static bool
make_room(tn_sched *s, tn_contract_block *c, tn_ins *count)
{
    bool any = false;

    c->b_at = tn_int(s, 0);
    for (uint32_t i = 0; i < c->n->reds.count; i++) {
        c->b_mem[i] = NULL;
        if (!c->b_side[i])
            continue;
        any = true;
        c->b_mem[i] = tn_kb_local(s->b, "lanes", c->b_side[i]->dtype, count);
    }
    return any;
}

/* ---- lanes that lie close together, as windows with a stride do ---- */

enum { CLOSE = 4 /* elements apart: a few lines for a vector */ };

/* The index moves by `step` for each lane. */
static bool
lane_step(const tn_sched *s, const tn_tval *v, const tn_axis *lane, int64_t *step)
{
    int64_t x, y;

    *step = 0;
    if (!(tn_val(s, v)->deps & tn_bit(lane)))
        return true;
    *step = 1;
    if (v->op == TN_T_index)
        return true;
    if (v->op != TN_T_fn || v->arg_count != 2 || !lane_step(s, v->arg[0], lane, &x))
        return false;
    if (v->fn == TN_FN_mul && tn_tval_is_int(v->arg[1], &y)) {
        *step = x && (y < 1 || y > CLOSE) ? CLOSE + 1 : x * y;
        return true;
    }
    if ((v->fn != TN_FN_add && v->fn != TN_FN_sub) || !lane_step(s, v->arg[1], lane, &y))
        return false;
    *step = v->fn == TN_FN_add ? x + y : x - y;
    return true;
}

static bool
is_close(const tn_sched *s, const tn_tval *load, const tn_axis *lane)
{
    for (int i = 0; i < load->arg_count; i++) {
        int64_t step;

        if (!lane_step(s, load->arg[i], lane, &step) || step < 0 || step > CLOSE ||
            (step && i != load->arg_count - 1))
            return false;
    }
    return load->buf->layout.kind == TN_LAYOUT_ROWS;
}

static bool
all_close(tn_sched *s, const tn_contract_block *c)
{
    tn_vals stem = {0};

    tn_stem_start(s, &stem);
    for (uint32_t i = 0; i < c->n->reds.count; i++)
        if (c->b_side[i])
            tn_stem(s, c->b_side[i], TN_STOP_STORED, false, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        if (stem.at[i]->op == TN_T_rename ||
            (stem.at[i]->op == TN_T_load && !is_close(s, stem.at[i], c->lane)))
            return false;
    return true;
}

/* Whole vectors of one step. */
static void
copy_vectors(tn_sched *s, tn_point *p, void *context)
{
    const tn_contract_block *c = context;
    tn_ins *at = tn_muli(s, tn_contract_step(s, c, p), (int64_t)c->nv * s->lanes);

    at = tn_add(s, c->b_at, at);
    for (int v = 0; v < c->nv; v++) {
        tn_point *q = tn_point_new(s, p);

        tn_point_bind(s, q, c->lane, c->pos[v]);
        for (uint32_t i = 0; i < c->n->reds.count; i++)
            if (c->b_mem[i]) {
                tn_ins *x = tn_convert(s, tn_eval(s, c->b_side[i], q), c->b_mem[i]->dtype);

                tn_kb_store(s->b, c->b_mem[i], tn_addi(s, at, (int64_t)v * s->lanes),
                    tn_wide(s, x, c->pos[v].lanes), NULL);
            }
    }
}

static void
copy_panel(tn_sched *s, tn_contract_block *c, tn_point *p)
{
    tn_axis *const *red = c->n->red.at;

    if (all_close(s, c))
        tn_loops(s, red, c->n->red.count, NULL, false, p, copy_vectors, c);
    else
        tn_loops(s, red, c->n->red.count - 1, NULL, false, p, copy_steps, c);
}

void
tn_contract_copy_lanes(tn_sched *s, tn_contract_block *c, tn_point *p)
{
    tn_ins *count = tn_muli(s, tn_contract_steps(s, c), (int64_t)c->nv * s->lanes);

    if (make_room(s, c, count))
        copy_panel(s, c, p);
}

void
tn_contract_copy_panels(tn_sched *s, tn_contract_block *c, tn_point *p)
{
    int64_t width = (int64_t)c->nv * s->lanes;
    tn_ins *steps = tn_contract_steps(s, c), *length = tn_length(s, c->lane), *count;

    count = tn_muli(s, tn_ceil_div(s, tn_longest(s, c->lane), width), width);
    if (!make_room(s, c, tn_mul(s, count, steps)))
        return;
    TN_KFOR(s->b, j, TN_LOOP_SERIAL, tn_int(s, 0), length, width, c->lane->name) {
        tn_point *q = tn_point_new(s, p);

        tn_contract_place_vectors(s, c, j);
        c->b_at = tn_mul(s, j, steps);
        copy_panel(s, c, q);
    }
}
