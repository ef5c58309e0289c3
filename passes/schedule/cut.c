/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "passes/schedule/clone.h"
#include "passes/schedule/sched.h"

/* A fold cut into parts: a rewrite from tile to tile, before any schedule.
 * The first program has a grid axis `part`, runs a range of the fold and
 * stores the carries; the second folds the parts by the merge, in order, and
 * goes on as the old one did. */

/* Cut points are multiples of this many positions from the start, as panels
 * of p16 want. */
enum { ALIGN = 16 };

static bool
stores_outside(const tn_tbody *body)
{
    for (uint32_t i = 0; body && i < body->stmts.count; i++) {
        const tn_tstmt *st = body->stmts.at[i];

        if ((st->op == TN_T_store && !st->buf->local) || stores_outside(st->body) ||
            stores_outside(st->orelse))
            return true;
    }
    return false;
}

/* Parts of the carry are told apart by the tasks that make them. */
static bool
carries_grid(const tn_tile *t, const tn_tval *carry)
{
    for (uint32_t i = 0; i < t->grid.count; i++)
        if (!t->grid.at[i]->by_one && !tn_tval_has_axis(carry, t->grid.at[i]))
            return false;
    for (int i = 0; i < carry->axis_count; i++)
        if (!tn_is_size(carry->axes[i]->high) || !tn_is_size(carry->axes[i]->low))
            return false;
    return carry->axis_count + (int)t->grid.count < TN_MAX_RANK;
}

static bool
may_cut(const tn_tile *t, const tn_tstmt *st)
{
    if (st->op != TN_T_loop || st->scan || st->axis->kind != TN_AXIS_LOOP || st->carry.count == 0)
        return false;
    for (uint32_t i = 0; i < st->carry.count; i++)
        if ((!st->merge && st->carry.at[i].by == TN_FN_COUNT) ||
            !carries_grid(t, st->carry.at[i].value))
            return false;
    return !stores_outside(st->body);
}

tn_tstmt *
tn_cut_find(const tn_tile *t)
{
    for (uint32_t i = 0; i < t->grid.count; i++)
        if (tn_axis_loaded(t->grid.at[i]))
            return NULL;
    for (uint32_t i = 0; i < t->body->stmts.count; i++) {
        tn_tstmt *st = t->body->stmts.at[i];

        if (may_cut(t, st))
            return st;
        if (st->op != TN_T_local)
            return NULL;
    }
    return NULL;
}

/* ---- the buffers between ---- */

typedef struct part_buf {
    tn_tbuf *buf;
    tn_axis *axis[TN_MAX_RANK];
    int count;
} part_buf;

/* [parts][grid axes by one][axes of the carry] */
static part_buf
make_part(tn_clone *c, const tn_tstmt *loop, uint32_t i, int parts)
{
    const tn_tval *carry = loop->carry.at[i].value;
    tn_tval *dim[TN_MAX_RANK] = {tn_tb_int(c->b, parts)};
    part_buf p = {.count = 0};

    for (uint32_t k = 0; k < c->from->grid.count; k++)
        if (c->from->grid.at[k]->by_one)
            p.axis[p.count++] = c->from->grid.at[k];
    for (int k = 0; k < carry->axis_count; k++)
        p.axis[p.count++] = carry->axes[k];
    for (int k = 0; k < p.count; k++)
        dim[k + 1] = tn_clone_value(c, p.axis[k]->high);
    p.buf = tn_tb_buffer(c->b, tn_arena_printf(c->arena, "part%u", i), carry->dtype, p.count + 1,
        dim, (tn_layout){.kind = TN_LAYOUT_ROWS}, 0);
    return p;
}

static void
part_index(tn_clone *c, const part_buf *p, tn_axis *part, tn_tval **index)
{
    index[0] = tn_tb_index(c->b, part);
    for (int k = 0; k < p->count; k++)
        index[k + 1] = tn_tb_index(c->b, tn_clone_axis(c, p->axis[k]));
}

static tn_tval *
op(tn_clone *c, tn_fn fn, tn_tval *a, tn_tval *b)
{
    return tn_tb_fn2(c->b, fn, a, b);
}

static tn_tval *
opi(tn_clone *c, tn_fn fn, tn_tval *a, int64_t b)
{
    return tn_tb_fn2(c->b, fn, a, tn_tb_int(c->b, b));
}

static tn_tval *
neutral(tn_clone *c, tn_fn by, tn_dtype t)
{
    int64_t low, high;

    if (tn_is_float(t))
        return tn_tb_real(c->b, t,
            by == TN_FN_mul                           ? 1
                : by == TN_FN_max || by == TN_FN_maxq ? -(double)INFINITY
                : by == TN_FN_min || by == TN_FN_minq ? (double)INFINITY
                                                      : 0);
    if (t == TN_BOOL)
        return tn_tb_whole(c->b, t, by == TN_FN_and || by == TN_FN_min);
    tn_dtype_range(t, &low, &high);
    return tn_tb_whole(c->b, t,
        by == TN_FN_mul                           ? 1
            : by == TN_FN_max || by == TN_FN_maxq ? low
            : by == TN_FN_min || by == TN_FN_minq ? high
            : by == TN_FN_and                     ? -1
                                                  : 0);
}

/* ---- the first program ---- */

/* Start of part `number`. */
static tn_tval *
part_start(tn_clone *c, tn_tval *low, tn_tval *pieces, tn_tval *number, int parts)
{
    tn_tval *at = opi(c, TN_FN_div, op(c, TN_FN_mul, pieces, number), parts);

    return op(c, TN_FN_add, low, opi(c, TN_FN_mul, at, ALIGN));
}

static void
first_loop(tn_clone *c, const tn_tstmt *loop, tn_axis *part, int parts)
{
    tn_tval *low = tn_clone_value(c, loop->axis->low), *high = tn_clone_value(c, loop->axis->high);
    tn_tval *number = tn_tb_index(c->b, part), *pieces, *from, *to;
    tn_tval **init = tn_new_array(c->arena, tn_tval *, loop->carry.count);
    tn_tstmt *copy;

    pieces = opi(c, TN_FN_max, op(c, TN_FN_sub, high, low), 0);
    pieces = opi(c, TN_FN_div, opi(c, TN_FN_add, pieces, ALIGN - 1), ALIGN);
    from = part_start(c, low, pieces, number, parts);
    to = part_start(c, low, pieces, opi(c, TN_FN_add, number, 1), parts);
    to = op(c, TN_FN_min, high, to);
    for (uint32_t i = 0; i < loop->carry.count; i++) {
        const tn_tcarry *k = &loop->carry.at[i];
        tn_tval *first = opi(c, TN_FN_eq, number, 0);

        init[i] = tn_clone_value(c, k->init);
        if (!loop->merge)
            init[i] =
                tn_tb_fn3(c->b, TN_FN_select, first, init[i], neutral(c, k->by, k->value->dtype));
    }
    copy = tn_tb_loop(c->b, false, loop->axis->name, NULL, from, to, loop->axis->by_one);
    c->axis[loop->axis->index] = copy->axis;
    tn_clone_note_loop(c, loop, copy);
    tn_clone_carries(c, loop, init);
    tn_clone_body(c, loop->body);
    for (uint32_t i = 0; i < loop->carry.count; i++)
        init[i] = tn_clone_value(c, loop->carry.at[i].next);
    tn_tb_end_loop(c->b, init);
}

static void
make_first(tn_arena *arena, const tn_tile *t, const tn_tstmt *loop, int parts, tn_cut_result *out)
{
    tn_tval *index[TN_MAX_RANK];
    part_buf *bufs = tn_new_array(arena, part_buf, loop->carry.count);
    tn_axis *part;
    tn_clone c;

    tn_clone_start(&c, arena, t, tn_arena_printf(arena, "%s_part", t->name));
    for (uint32_t i = 0; i < loop->carry.count; i++)
        bufs[i] = make_part(&c, loop, i, parts);
    tn_clone_axes(&c);
    part = tn_tb_grid(c.b, "part", NULL, tn_tb_int(c.b, parts), true);
    for (uint32_t i = 0; t->body->stmts.at[i] != loop; i++)
        tn_clone_statement(&c, t->body->stmts.at[i]);
    first_loop(&c, loop, part, parts);
    for (uint32_t i = 0; i < loop->carry.count; i++) {
        tn_tstmt *copy = c.copies.at[c.copies.count - 1];

        part_index(&c, &bufs[i], part, index);
        tn_tb_store(c.b, bufs[i].buf, index, tn_tb_final(c.b, copy, (int)i), NULL);
        out->written[i] = bufs[i].buf;
    }
    out->first = tn_clone_end(&c);
}

/* ---- the second program ---- */

static void
second_loop(tn_clone *c, const tn_tstmt *loop, const part_buf *bufs, int parts)
{
    tn_tval **value = tn_new_array(c->arena, tn_tval *, loop->carry.count);
    tn_tval *index[TN_MAX_RANK], *end = tn_tb_int(c->b, parts);
    tn_tstmt *copy;

    for (uint32_t i = 0; i < loop->carry.count; i++) {
        const tn_tcarry *k = &loop->carry.at[i];

        value[i] = loop->merge ? tn_clone_value(c, k->init) : neutral(c, k->by, k->value->dtype);
    }
    copy = tn_tb_loop(c->b, false, "part", NULL, NULL, end, true);
    tn_clone_note_loop(c, loop, copy);
    tn_clone_carries(c, loop, value);
    for (uint32_t i = 0; i < loop->carry.count; i++) {
        const tn_tcarry *k = &loop->carry.at[i];
        tn_tval *right, *left = c->value[k->value->id];

        part_index(c, &bufs[i], copy->axis, index);
        right = tn_tb_load(c->b, bufs[i].buf, index, NULL);
        if (loop->merge) {
            c->value[k->left->id] = left;
            c->value[k->right->id] = right;
        } else {
            value[i] = op(c, k->by, left, right);
        }
    }
    for (uint32_t i = 0; loop->merge && i < loop->carry.count; i++)
        value[i] = tn_clone_value(c, loop->carry.at[i].merged);
    tn_tb_end_loop(c->b, value);
}

static void
make_second(tn_arena *arena, const tn_tile *t, const tn_tstmt *loop, int parts, tn_cut_result *out)
{
    part_buf *bufs = tn_new_array(arena, part_buf, loop->carry.count);
    tn_clone c;

    tn_clone_start(&c, arena, t, tn_arena_printf(arena, "%s_merge", t->name));
    for (uint32_t i = 0; i < loop->carry.count; i++) {
        bufs[i] = make_part(&c, loop, i, parts);
        out->read[i] = bufs[i].buf;
    }
    tn_clone_axes(&c);
    for (uint32_t i = 0; i < t->body->stmts.count; i++) {
        if (t->body->stmts.at[i] == loop)
            second_loop(&c, loop, bufs, parts);
        else
            tn_clone_statement(&c, t->body->stmts.at[i]);
    }
    out->second = tn_clone_end(&c);
}

void
tn_cut(tn_arena *arena, const tn_tile *tile, const tn_tstmt *loop, int parts, tn_cut_result *out)
{
    *out = (tn_cut_result){.count = loop->carry.count};
    out->written = tn_new_array(arena, tn_tbuf *, out->count);
    out->read = tn_new_array(arena, tn_tbuf *, out->count);
    make_first(arena, tile, loop, parts, out);
    make_second(arena, tile, loop, parts, out);
}
