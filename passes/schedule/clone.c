/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/clone.h"

static void
copy_buffers(tn_clone *c)
{
    for (uint32_t i = 0; i < c->from->bufs.count; i++) {
        const tn_tbuf *o = c->from->bufs.at[i];
        tn_tval *dim[TN_MAX_RANK] = {NULL};

        if (o->local)
            continue;
        for (int k = 0; k < o->rank; k++)
            dim[k] = tn_clone_value(c, o->dim[k]);
        c->buf[i] = tn_tb_buffer(c->b, o->name, o->dtype, o->rank, dim, o->layout, o->alias);
    }
}

void
tn_clone_start(tn_clone *c, tn_arena *arena, const tn_tile *from, const char *name)
{
    *c = (tn_clone){.arena = arena, .from = from};
    c->b = tn_tb_create(arena, name);
    c->value = tn_new_array(arena, tn_tval *, from->value_count);
    c->axis = tn_new_array(arena, tn_axis *, from->axes.count);
    c->buf = tn_new_array(arena, tn_tbuf *, from->bufs.count);
    for (uint32_t i = 0; i < from->sizes.count; i++) {
        const tn_tsize *z = &from->sizes.at[i];

        (void)tn_tb_size(c->b, z->name, z->known ? z->value : z->low,
            z->known ? z->value : z->high);
    }
    copy_buffers(c);
}

tn_axis *
tn_clone_axis(const tn_clone *c, const tn_axis *a)
{
    return c->axis[a->index];
}

/* Declared axes, in order; those of loops are made with them. */
static void
copy_axis(tn_clone *c, const tn_axis *a)
{
    tn_tval *low = tn_clone_value(c, a->low), *high = tn_clone_value(c, a->high);

    if (a->kind == TN_AXIS_GRID)
        c->axis[a->index] = tn_tb_grid(c->b, a->name, low, high, a->by_one);
    else if (a->kind == TN_AXIS_SPAN)
        c->axis[a->index] = tn_tb_span(c->b, a->name, high);
    else if (a->kind == TN_AXIS_OUT)
        c->axis[a->index] = tn_tb_out(c->b, a->name, high);
}

void
tn_clone_axes(tn_clone *c)
{
    for (uint32_t i = 0; i < c->from->axes.count; i++)
        if (c->from->axes.at[i]->kind != TN_AXIS_LOOP)
            copy_axis(c, c->from->axes.at[i]);
}

static tn_tstmt *
copy_of(const tn_clone *c, const tn_tstmt *loop)
{
    for (uint32_t i = 0; i < c->loops.count; i++)
        if (c->loops.at[i] == loop)
            return c->copies.at[i];
    return NULL;
}

void
tn_clone_note_loop(tn_clone *c, const tn_tstmt *loop, tn_tstmt *copy)
{
    tn_push(c->arena, &c->loops, loop);
    tn_push(c->arena, &c->copies, copy);
}

/* ---- values ---- */

static bool
visible(const tn_clone *c, const tn_tval *v)
{
    for (const tn_tbody *s = tn_tb_scope(c->b); s; s = s->parent)
        if (s == v->home)
            return true;
    return false;
}

static int
axes_of(const tn_clone *c, tn_axis *const *from, int count, tn_axis **to)
{
    for (int i = 0; i < count; i++)
        to[i] = tn_clone_axis(c, from[i]);
    return count;
}

static tn_tval *
function(tn_clone *c, const tn_tval *v, tn_tval *const *a)
{
    if (v->fn == TN_FN_cast)
        return tn_tb_cast(c->b, v->dtype, a[0]);
    if (v->fn == TN_FN_bits)
        return tn_tb_bits(c->b, v->dtype, a[0]);
    if (v->arg_count == 1)
        return tn_tb_fn1(c->b, v->fn, a[0]);
    if (v->arg_count == 2)
        return tn_tb_fn2(c->b, v->fn, a[0], a[1]);
    return tn_tb_fn3(c->b, v->fn, a[0], a[1], a[2]);
}

static tn_tval *
leaf(tn_clone *c, const tn_tval *v)
{
    const tn_tsize *z;

    switch (v->op) {
    case TN_T_const:
        return tn_is_float(v->dtype) ? tn_tb_real(c->b, v->dtype, v->real)
                                     : tn_tb_whole(c->b, v->dtype, v->whole);
    case TN_T_size:
        z = &c->from->sizes.at[v->whole];
        return tn_tb_size(c->b, z->name, z->low, z->high);
    case TN_T_index: return tn_tb_index(c->b, tn_clone_axis(c, v->axis));
    case TN_T_first: return tn_tb_first(c->b, tn_clone_axis(c, v->axis));
    case TN_T_last: return tn_tb_last(c->b, tn_clone_axis(c, v->axis));
    case TN_T_carry: return copy_of(c, v->loop)->carry.at[v->whole].value;
    default: return NULL;
    }
}

static tn_tval *
made(tn_clone *c, const tn_tval *v, tn_tval **a)
{
    tn_axis *red[TN_TILE_AXES];
    int count = axes_of(c, v->red, v->red_count, red);

    switch (v->op) {
    case TN_T_fn: return function(c, v, a);
    case TN_T_load:
        return tn_tb_load(c->b, c->buf[v->buf->index], a,
            v->guard ? tn_clone_value(c, v->guard) : NULL);
    case TN_T_reduce: return tn_tb_reduce(c->b, v->fn, a[0], red, count);
    case TN_T_mma: return tn_tb_mma(c->b, a[0], a[1], a[2], red, count);
    case TN_T_argreduce: return tn_tb_argreduce(c->b, v->fn, a[0], red[0]);
    case TN_T_prefix: return tn_tb_prefix(c->b, v->fn, a[0], red[0], v->inclusive, v->reverse);
    case TN_T_topk: return tn_tb_topk(c->b, a[0], red[0], tn_clone_axis(c, v->to));
    case TN_T_rename:
        return tn_tb_rename(c->b, a[0], tn_clone_axis(c, v->axis), tn_clone_axis(c, v->to));
    case TN_T_result:
        if (v->loop)
            return tn_tb_final(c->b, copy_of(c, v->loop), (int)v->whole);
        return tn_tb_result(c->b, a[0], (int)v->whole);
    default: return NULL;
    }
}

tn_tval *
tn_clone_value(tn_clone *c, tn_tval *v)
{
    tn_tval *copy = c->value[v->id], *a[TN_TVAL_ARGS] = {NULL};

    if (copy && visible(c, copy))
        return copy;
    copy = leaf(c, v);
    if (!copy) {
        for (int i = 0; i < v->arg_count; i++)
            a[i] = tn_clone_value(c, v->arg[i]);
        copy = made(c, v, a);
    }
    c->value[v->id] = copy;
    return copy;
}

/* ---- statements ---- */

static void
copy_local(tn_clone *c, const tn_tbuf *o)
{
    tn_tval *dim[TN_MAX_RANK] = {NULL};
    tn_axis *axis[TN_MAX_RANK] = {NULL};

    for (int k = 0; k < o->rank; k++) {
        axis[k] = o->dim_axis[k] ? tn_clone_axis(c, o->dim_axis[k]) : NULL;
        dim[k] = o->dim[k] ? tn_clone_value(c, o->dim[k]) : NULL;
    }
    c->buf[o->index] = tn_tb_local(c->b, o->name, o->dtype, o->rank, dim, axis);
}

void
tn_clone_carries(tn_clone *c, const tn_tstmt *loop, tn_tval *const *init)
{
    for (uint32_t i = 0; i < loop->carry.count; i++) {
        const tn_tcarry *k = &loop->carry.at[i];
        tn_axis *axes[TN_TILE_AXES];
        int count = axes_of(c, k->value->axes, k->value->axis_count, axes);

        c->value[k->value->id] = tn_tb_carry(c->b, init[i], axes, count, k->by);
    }
}

static void
copy_merge(tn_clone *c, const tn_tstmt *loop, tn_tstmt *copy)
{
    tn_tval **merged = tn_new_array(c->arena, tn_tval *, loop->carry.count);

    tn_tb_merge(c->b, copy);
    for (uint32_t i = 0; i < loop->carry.count; i++) {
        c->value[loop->carry.at[i].left->id] = tn_tb_merged(c->b, copy, 0, (int)i);
        c->value[loop->carry.at[i].right->id] = tn_tb_merged(c->b, copy, 1, (int)i);
    }
    for (uint32_t i = 0; i < loop->carry.count; i++)
        merged[i] = tn_clone_value(c, loop->carry.at[i].merged);
    tn_tb_end_merge(c->b, merged);
}

static void
copy_loop(tn_clone *c, const tn_tstmt *st)
{
    bool over = st->axis->kind != TN_AXIS_LOOP;
    tn_tval **init = tn_new_array(c->arena, tn_tval *, st->carry.count);
    tn_tval *low = over ? NULL : tn_clone_value(c, st->axis->low);
    tn_tval *high = over ? NULL : tn_clone_value(c, st->axis->high);
    tn_tstmt *copy;

    for (uint32_t i = 0; i < st->carry.count; i++)
        init[i] = tn_clone_value(c, st->carry.at[i].init);
    copy = tn_tb_loop(c->b, st->scan, st->axis->name, over ? tn_clone_axis(c, st->axis) : NULL, low,
        high, st->axis->by_one);
    c->axis[st->axis->index] = copy->axis;
    tn_clone_note_loop(c, st, copy);
    tn_clone_carries(c, st, init);
    tn_clone_body(c, st->body);
    for (uint32_t i = 0; i < st->carry.count; i++)
        init[i] = tn_clone_value(c, st->carry.at[i].next);
    tn_tb_end_loop(c->b, init);
    if (st->merge)
        copy_merge(c, st, copy);
}

static void
copy_store(tn_clone *c, const tn_tstmt *st)
{
    tn_tval *index[TN_MAX_RANK] = {NULL}, *value, *condition;

    for (int i = 0; i < st->index_count; i++)
        index[i] = tn_clone_value(c, st->index[i]);
    value = tn_clone_value(c, st->value);
    condition = st->condition ? tn_clone_value(c, st->condition) : NULL;
    tn_tb_store(c->b, c->buf[st->buf->index], index, value, condition);
}

static void
copy_check(tn_clone *c, const tn_tstmt *st)
{
    tn_tval *condition = tn_clone_value(c, st->condition);
    tn_tval *position = tn_clone_value(c, st->position);
    tn_tval *value = tn_clone_value(c, st->value);

    tn_tb_check(c->b, tn_tb_site(c->b, c->from->sites.at[st->site]), condition, position, value);
}

void
tn_clone_statement(tn_clone *c, const tn_tstmt *st)
{
    switch (st->op) {
    case TN_T_local: copy_local(c, st->buf); break;
    case TN_T_store: copy_store(c, st); break;
    case TN_T_check: copy_check(c, st); break;
    case TN_T_loop: copy_loop(c, st); break;
    case TN_T_if:
        tn_tb_if(c->b, tn_clone_value(c, st->condition));
        tn_clone_body(c, st->body);
        if (st->orelse) {
            tn_tb_else(c->b);
            tn_clone_body(c, st->orelse);
        }
        tn_tb_end_if(c->b);
        break;
    default: break;
    }
}

void
tn_clone_body(tn_clone *c, const tn_tbody *body)
{
    for (uint32_t i = 0; i < body->stmts.count; i++)
        tn_clone_statement(c, body->stmts.at[i]);
}

tn_tile *
tn_clone_end(tn_clone *c)
{
    tn_tile *t = tn_tb_finish(c->b);

    t->exact = c->from->exact;
    for (uint32_t i = 0; i < c->from->sizes.count; i++)
        t->sizes.at[i] = c->from->sizes.at[i];
    return t;
}
