/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "passes/schedule/sched.h"

/* Formulas over the sizes of a tile program, and what it costs. */

tn_sum
tn_sum_of(const tn_sched *s)
{
    return (tn_sum){.code = {.arena = s->arena}, .tile = s->tile, .first = s->first_size};
}

void
tn_sum_int(tn_sum *f, int64_t value)
{
    tn_write_u8(&f->code, TN_FORMULA_INT);
    tn_write_i64(&f->code, value);
}

void
tn_sum_op(tn_sum *f, tn_formula_op op)
{
    tn_write_u8(&f->code, (uint8_t)op);
}

tn_formula
tn_sum_end(tn_sum *f)
{
    return (tn_formula){f->code.at, (uint32_t)f->code.bytes};
}

static void
symbol(tn_sum *f, uint32_t number)
{
    tn_write_u8(&f->code, TN_FORMULA_SYMBOL);
    tn_write_u16(&f->code, (uint16_t)number);
}

static bool
operation(tn_fn fn, tn_formula_op *op)
{
    switch (fn) {
    case TN_FN_add: *op = TN_FORMULA_ADD; return true;
    case TN_FN_sub: *op = TN_FORMULA_SUB; return true;
    case TN_FN_mul: *op = TN_FORMULA_MUL; return true;
    case TN_FN_div: *op = TN_FORMULA_FLOOR_DIV; return true;
    case TN_FN_rem: *op = TN_FORMULA_MOD; return true;
    case TN_FN_min: *op = TN_FORMULA_MIN; return true;
    case TN_FN_max: *op = TN_FORMULA_MAX; return true;
    default: return false;
    }
}

bool
tn_is_size(const tn_tval *v)
{
    tn_formula_op op;

    if (v->op == TN_T_const || v->op == TN_T_size)
        return true;
    return v->op == TN_T_fn && v->arg_count == 2 && operation(v->fn, &op) &&
        tn_is_size(v->arg[0]) && tn_is_size(v->arg[1]);
}

static void
write_value(tn_sum *f, const tn_tval *v)
{
    tn_formula_op op = TN_FORMULA_ADD;

    if (v->op == TN_T_const) {
        tn_sum_int(f, v->whole);
    } else if (v->op == TN_T_size) {
        const tn_tsize *z = &f->tile->sizes.at[v->whole];

        if (z->known)
            tn_sum_int(f, z->value);
        else
            symbol(f, f->first + (uint32_t)v->whole);
    } else {
        write_value(f, v->arg[0]);
        write_value(f, v->arg[1]);
        (void)operation(v->fn, &op);
        tn_sum_op(f, op);
    }
}

bool
tn_sum_value(tn_sum *f, const tn_tval *v)
{
    if (!tn_is_size(v))
        return false;
    write_value(f, v);
    return true;
}

void
tn_sum_ins(tn_sum *f, const tn_ins *v, const tn_sched *s)
{
    tn_formula_op op = TN_FORMULA_ADD;

    if (v->op == TN_K_const) {
        tn_sum_int(f, v->whole);
    } else if (v->op == TN_K_param) {
        symbol(f, f->first + tn_tile_size_of(s, (uint32_t)v->whole));
    } else if (v->op == TN_K_fn && v->arg_count == 2 && operation(v->fn, &op)) {
        tn_sum_ins(f, v->arg[0], s);
        tn_sum_ins(f, v->arg[1], s);
        tn_sum_op(f, op);
    } else {
        tn_sum_int(f, 0);
    }
}

uint32_t
tn_tile_size_of(const tn_sched *s, uint32_t number)
{
    const char *name = tn_kb_kernel(s->b)->sizes.at[number].name;

    for (uint32_t i = 0; i < s->tile->sizes.count; i++)
        if (strcmp(s->tile->sizes.at[i].name, name) == 0)
            return i;
    return UINT32_MAX;
}

/* ---- estimates ---- */

/* A dimension that the bare position of an axis indexes; NULL: none. */
static const tn_tval *
dimension_of(const tn_sched *s, const tn_axis *a)
{
    for (uint32_t id = 0; id < s->val_count; id++) {
        const tn_tval *v = s->val[id].value;

        for (int i = 0; v && v->op == TN_T_load && i < v->arg_count; i++)
            if (v->arg[i]->op == TN_T_index && v->arg[i]->axis == a && v->buf->dim[i])
                return v->buf->dim[i];
    }
    return NULL;
}

static void
extent(tn_sched *s, tn_sum *f, const tn_axis *a)
{
    const tn_tval *dim;

    if (tn_is_size(a->high) && tn_is_size(a->low)) {
        write_value(f, a->high);
        write_value(f, a->low);
        tn_sum_op(f, TN_FORMULA_SUB);
        return;
    }
    dim = dimension_of(s, a);
    if (!dim || !tn_sum_value(f, dim))
        tn_sum_int(f, 1);
}

static int
cost(const tn_tval *v)
{
    if (v->op == TN_T_mma)
        return 2;
    if (v->op == TN_T_fn)
        return v->fn == TN_FN_cast || v->fn == TN_FN_select ? 0 : tn_fn_info_of(v->fn)->cost;
    return tn_is_anchor(v) ? 1 : 0;
}

/* Elements at the positions of `axes`. */
static void
positions(tn_sched *s, tn_sum *f, tn_axset axes)
{
    tn_sum_int(f, 1);
    for (uint32_t i = 0; i < s->tile->axes.count; i++)
        if (axes & tn_bit(s->tile->axes.at[i])) {
            extent(s, f, s->tile->axes.at[i]);
            tn_sum_op(f, TN_FORMULA_MUL);
        }
}

static tn_formula
flops(tn_sched *s)
{
    tn_sum f = tn_sum_of(s);

    tn_sum_int(&f, 0);
    for (uint32_t id = 0; id < s->tile->value_count; id++) {
        const tn_tval *v = s->val[id].value;
        tn_axset axes = v ? s->val[id].deps : 0;

        if (!v || cost(v) == 0 || (v->op == TN_T_fn && v->dtype == TN_I32))
            continue;
        for (int i = 0; i < v->red_count; i++)
            axes |= tn_bit(v->red[i]);
        positions(s, &f, axes);
        tn_sum_int(&f, cost(v));
        tn_sum_op(&f, TN_FORMULA_MUL);
        tn_sum_op(&f, TN_FORMULA_ADD);
    }
    return tn_sum_end(&f);
}

/* Elements of a parameter that loads read: no more than it has. */
static void
elements_read(tn_sched *s, tn_sum *f, const tn_tbuf *b)
{
    tn_sum_int(f, 0);
    for (uint32_t id = 0; id < s->tile->value_count; id++) {
        const tn_tval *v = s->val[id].value;

        if (!v || v->op != TN_T_load || v->buf != b)
            continue;
        positions(s, f, s->val[id].deps);
        tn_sum_op(f, TN_FORMULA_ADD);
    }
}

static void
elements(tn_sum *f, const tn_tbuf *b)
{
    tn_sum_int(f, 1);
    for (int k = 0; k < b->rank; k++) {
        if (!tn_sum_value(f, b->dim[k]))
            tn_sum_int(f, 1);
        tn_sum_op(f, TN_FORMULA_MUL);
    }
}

/* Stores that are made once for each position of their axes. */
static bool
is_stored_plainly(const tn_tbody *body, const tn_tbuf *b, bool nested)
{
    for (uint32_t i = 0; body && i < body->stmts.count; i++) {
        const tn_tstmt *st = body->stmts.at[i];

        if (st->op == TN_T_store && st->buf == b && (nested || st->condition))
            return false;
        if (!is_stored_plainly(st->body, b, true) || !is_stored_plainly(st->orelse, b, true))
            return false;
    }
    return true;
}

/* Elements of a parameter that are written: no more than it has, fewer where
 * rows go to a place in it. */
static void
elements_written(tn_sched *s, tn_sum *f, const tn_tbuf *b)
{
    const tn_tbody *body = s->tile->body;

    if (!is_stored_plainly(body, b, false)) {
        elements(f, b);
        return;
    }
    tn_sum_int(f, 0);
    for (uint32_t i = 0; i < body->stmts.count; i++) {
        const tn_tstmt *st = body->stmts.at[i];
        tn_axset axes = 0;

        if (st->op != TN_T_store || st->buf != b)
            continue;
        for (int k = 0; k < st->index_count; k++)
            for (int n = 0; n < st->index[k]->axis_count; n++)
                axes |= tn_bit(st->index[k]->axes[n]);
        positions(s, f, axes);
        tn_sum_op(f, TN_FORMULA_ADD);
    }
}

static tn_formula
bytes(tn_sched *s)
{
    tn_sum f = tn_sum_of(s);

    tn_sum_int(&f, 0);
    for (uint32_t i = 0; i < s->tile->bufs.count; i++) {
        const tn_tbuf *b = s->tile->bufs.at[i];

        if (b->local)
            continue;
        for (int side = 0; side < 2; side++) {
            if (!(side ? b->written : b->read))
                continue;
            elements(&f, b);
            if (side)
                elements_written(s, &f, b);
            else
                elements_read(s, &f, b);
            tn_sum_op(&f, TN_FORMULA_MIN);
            tn_sum_int(&f, tn_dtype_bytes(b->dtype));
            tn_sum_op(&f, TN_FORMULA_MUL);
            tn_sum_op(&f, TN_FORMULA_ADD);
        }
    }
    return tn_sum_end(&f);
}

static tn_formula
sum(tn_sched *s, tn_formula a, tn_formula b)
{
    tn_writer w = {.arena = s->arena};

    if (!a.bytes)
        return b;
    tn_write(&w, a.code, a.bytes);
    tn_write(&w, b.code, b.bytes);
    tn_write_u8(&w, TN_FORMULA_ADD);
    return (tn_formula){w.at, (uint32_t)w.bytes};
}

void
tn_estimate(tn_sched *s, tn_launch *launch)
{
    launch->flops = sum(s, launch->flops, flops(s));
    launch->bytes = sum(s, launch->bytes, bytes(s));
}
