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

static tn_ins *
most_steps(tn_sched *s, const tn_contract_block *c)
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

    c->a_pitch = tn_addi(s, most_steps(s, c), TN_CONTRACT_SKEW);
    for (uint32_t i = 0; i < c->row_count; i++)
        rows = tn_mul(s, rows, tn_longest(s, c->rows[i]));
    c->a_mem = tn_kb_local(s->b, "rows", c->a_side->dtype, tn_mul(s, rows, c->a_pitch));
    tn_vals_add(s, &roots, c->a_side);
    TN_KFOR(s->b, r, TN_LOOP_SERIAL, tn_int(s, 0), c->row_length, 1, "row")
    {
        tn_point *q = tn_point_new(s, p);

        tn_contract_bind_row(s, c, r, q);
        k.row = r;
        tn_hoist(s, &roots, q, c->n->red_set, c->n);
        tn_loops(s, red, c->n->red.count, red[c->n->red.count - 1], false, q, copy_row_part, &k);
    }
}

static void
copy_lane_step(tn_sched *s, tn_point *p, void *context)
{
    tn_contract_block *c = context;
    tn_ins *k = tn_muli(s, tn_contract_step(s, c, p), (int64_t)c->nv * s->lanes);

    for (uint32_t i = 0; i < c->n->reds.count; i++)
        for (int v = 0; c->b_mem[i] && v < c->nv; v++) {
            tn_point *q = tn_point_new(s, p);
            tn_ins *x, *at = tn_addi(s, k, (int64_t)v * s->lanes);

            tn_point_bind(s, q, c->lane, c->pos[v]);
            x = tn_eval(s, c->b_side[i], q);
            tn_kb_store(s->b, c->b_mem[i], at, tn_wide(s, x, s->lanes), NULL);
        }
}

void
tn_contract_copy_lanes(tn_sched *s, tn_contract_block *c, tn_point *p)
{
    tn_ins *count = tn_muli(s, most_steps(s, c), (int64_t)c->nv * s->lanes);
    bool any = false;

    for (uint32_t i = 0; i < c->n->reds.count; i++) {
        c->b_mem[i] = NULL;
        if (!c->b_side[i])
            continue;
        any = true;
        c->b_mem[i] = tn_kb_local(s->b, "lanes", c->b_side[i]->dtype, count);
    }
    if (any)
        tn_loops(s, c->n->red.at, c->n->red.count, NULL, false, p, copy_lane_step, c);
}
