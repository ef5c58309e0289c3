/* SPDX-License-Identifier: Apache-2.0
 * Elements: memory, bound values, operations. */
#include <assert.h>
#include <math.h>

#include "passes/lower/lo.h"

/* ---- memo ---- */

static uint32_t
slot_of(const tn_lo *k, const tn_value *v, tn_tval *const *index)
{
    uint32_t h = v->id * UINT32_C(2654435769) + (k->where ? k->where->id + 1 : 0);

    for (int i = 0; i < v->type.rank; i++)
        h = (h ^ index[i]->id) * UINT32_C(16777619);
    return (h ^ h >> 15) % TN_LO_SLOTS;
}

static tn_tval *
known(const tn_lo *k, uint32_t slot, const tn_value *v, tn_tval *const *index)
{
    for (const tn_lo_memo *m = k->memo[slot]; m; m = m->next) {
        bool same = m->value == v && m->where == k->where;

        for (int i = 0; i < v->type.rank && same; i++)
            same = m->index[i] == index[i];
        if (same)
            return m->result;
    }
    return NULL;
}

static void
remember(tn_lo *k, uint32_t slot, const tn_value *v, tn_tval *const *index, tn_tval *result)
{
    tn_lo_memo *m = tn_new(k->arena, tn_lo_memo);

    *m = (tn_lo_memo){.value = v, .where = k->where, .result = result, .next = k->memo[slot]};
    tn_lo_copy(m->index, index, v->type.rank);
    k->memo[slot] = m;
    tn_push(k->arena, &k->trail, slot);
}

uint32_t
tn_lo_enter(tn_lo *k)
{
    return k->trail.count;
}

void
tn_lo_leave(tn_lo *k, uint32_t mark)
{
    while (k->trail.count > mark) {
        uint32_t slot = k->trail.at[--k->trail.count];

        k->memo[slot] = k->memo[slot]->next;
    }
}

/* ---- memory ---- */

static bool
is_computed(const tn_lo *k, const tn_value *v)
{
    const tn_op *op = v->def;

    if (v->kind != TN_VALUE_RESULT || op->code == TN_OP_constant)
        return false;
    return op->block != k->g->block || k->groups->inlined[op->id] ||
        k->groups->of[op->id] == k->group;
}

bool
tn_lo_in_memory(const tn_lo *k, const tn_value *v)
{
    return v->kind != TN_VALUE_LITERAL && !tn_idmap_get(&k->bound, v->id) && !is_computed(k, v);
}

static bool
same_shape(const tn_lo_buffer *b, const tn_value *v, int rank, const tn_size *dim, tn_layout layout)
{
    if (b->value != v || b->rank != rank || b->layout.kind != layout.kind ||
        b->layout.n != layout.n)
        return false;
    for (int i = 0; i < rank; i++)
        if (!tn_size_equal(b->dim[i], dim[i]))
            return false;
    return true;
}

static tn_tbuf *
buffer_of(tn_lo *k, tn_value *v, int rank, const tn_size *dim, tn_layout layout)
{
    tn_lo_buffer b = {.value = v, .rank = rank, .layout = layout};
    tn_tval *sizes[TN_MAX_RANK];

    for (uint32_t i = 0; i < k->buffers.count; i++)
        if (same_shape(&k->buffers.at[i], v, rank, dim, layout))
            return k->buffers.at[i].buf;
    for (int i = 0; i < rank; i++) {
        b.dim[i] = dim[i];
        sizes[i] = tn_lo_size(k, dim[i]);
    }
    b.buf = tn_tb_buffer(k->b, v->name ? v->name : "t", v->type.dtype, rank, sizes, layout, 0);
    tn_push(k->arena, &k->buffers, b);
    return b.buf;
}

/* A position on an axis that the group carries values along. */
static bool
is_own(const tn_lo *k, const tn_tval *index)
{
    for (uint32_t i = 0; i < k->group->axes.count; i++)
        if (index->op == TN_T_index && k->axis[i] == index->axis)
            return true;
    return false;
}

/* Where neighbours along such an axis lie apart, but not in a turned copy. */
static tn_tval *
from_turned(tn_lo *k, const tn_value *v, int rank, tn_tval *const *index)
{
    for (uint32_t i = 0; i < k->turned.count; i++) {
        tn_tval *at[2];

        if (k->turned.at[i].value != v || rank != v->type.rank || is_own(k, index[rank - 1]) ||
            !is_own(k, index[rank - 2]))
            continue;
        at[0] = index[rank - 1];
        at[1] = index[rank - 2];
        return tn_tb_load(k->b, k->turned.at[i].local, at,
            k->where ? tn_lo_zero(k, v->type.dtype) : NULL);
    }
    return NULL;
}

void
tn_lo_turn(tn_lo *k)
{
    for (uint32_t i = 0; i < k->group->turned.count; i++) {
        tn_lo_turned turned = {.value = k->group->turned.at[i]};
        const tn_type *t = &turned.value->type;
        int rank = t->rank;
        tn_tval *index[TN_MAX_RANK], *at[2], *dims[2], *x;
        tn_axis *axes[2] = {0};

        if (!tn_lo_in_memory(k, turned.value))
            continue;
        for (int d = 0; d < rank - 2; d++)
            index[d] = tn_tb_int(k->b, 0);
        at[1] = tn_tb_index(k->b, tn_lo_span_axis(k, t->dim[rank - 2], NULL, 0));
        at[0] = tn_tb_index(k->b, tn_lo_span_axis(k, t->dim[rank - 1], &at[1], 1));
        for (int d = 0; d < 2; d++)
            dims[d] = tn_lo_size(k, t->dim[rank - 1 - d]);
        index[rank - 2] = at[1];
        index[rank - 1] = at[0];
        turned.local = tn_tb_local(k->b, "turned", t->dtype, 2, dims, axes);
        x = tn_lo_load(k, k->group->turned.at[i], rank, t->dim, (tn_layout){.kind = TN_LAYOUT_ROWS},
            index);
        tn_tb_store(k->b, turned.local, at, x, NULL);
        tn_push(k->arena, &k->turned, turned);
    }
}

tn_tval *
tn_lo_load(tn_lo *k, tn_value *v, int rank, const tn_size *dim, tn_layout layout,
    tn_tval *const *index)
{
    tn_tval *turned = from_turned(k, v, rank, index);
    tn_tbuf *buf;

    if (turned)
        return turned;
    buf = buffer_of(k, v, rank, dim, layout);
    return tn_tb_load(k->b, buf, index, k->where && rank ? tn_lo_zero(k, v->type.dtype) : NULL);
}

tn_tbuf *
tn_lo_output(tn_lo *k, tn_value *v, const tn_type *type)
{
    return buffer_of(k, v, type->rank, type->dim, (tn_layout){.kind = TN_LAYOUT_ROWS});
}

/* ---- bound values ---- */

void
tn_lo_bind(tn_lo *k, const tn_value *v, const tn_lo_bound *bound)
{
    tn_lo_bound *copy = tn_new(k->arena, tn_lo_bound);

    *copy = *bound;
    tn_idmap_put(&k->bound, v->id, copy);
}

/* The tile in an array of the task, for reading at any place. Made where it
 * is first asked for. */
static tn_tbuf *
spill(tn_lo *k, const tn_value *v, tn_lo_bound *bound)
{
    tn_tval *dims[TN_MAX_RANK], *index[TN_MAX_RANK];
    tn_axis *axes[TN_MAX_RANK];

    if (bound->local)
        return bound->local;
    for (int i = 0; i < v->type.rank; i++) {
        axes[i] = bound->axis[i];
        dims[i] = axes[i] ? NULL : tn_tb_int(k->b, 1);
        index[i] = axes[i] ? tn_tb_index(k->b, axes[i]) : tn_tb_int(k->b, 0);
    }
    bound->local = tn_tb_local(k->b, "kept", v->type.dtype, v->type.rank, dims, axes);
    tn_tb_store(k->b, bound->local, index, bound->tile, NULL);
    return bound->local;
}

static bool
is_position(const tn_tval *v, const tn_axis *axis)
{
    return v->op == TN_T_index && v->axis == axis;
}

/* Where the indices are the tile's own axes it is used as it is; on other
 * axes of equal extent by renaming; else through memory. */
static tn_tval *
from_tile(tn_lo *k, const tn_value *v, tn_lo_bound *bound, tn_tval *const *index)
{
    tn_tval *x = bound->tile;
    bool direct = true;

    for (int i = 0; i < v->type.rank && direct; i++) {
        tn_axis *own = bound->axis[i], *other = index[i]->axis;

        if (!own || is_position(index[i], own))
            continue;
        direct = index[i]->op == TN_T_index && !other->by_one && other->high == own->high &&
            other->low == own->low && other->kind != TN_AXIS_GRID && own->kind != TN_AXIS_GRID &&
            !tn_tval_has_axis(x, other);
        if (direct)
            x = tn_tb_rename(k->b, x, own, other);
    }
    if (direct)
        return x;
    return tn_tb_load(k->b, spill(k, v, bound), index,
        k->where ? tn_lo_zero(k, v->type.dtype) : NULL);
}

static tn_tval *
from_slice(tn_lo *k, const tn_value *v, const tn_lo_bound *bound, tn_tval *const *index)
{
    tn_tval *at[TN_MAX_RANK];

    for (int i = 0, n = 0; i < bound->of->type.rank; i++)
        at[i] = i == bound->along ? bound->tile : index[n++];
    (void)v;
    return tn_lo_el(k, bound->of, at);
}

/* What a scan carried at the start of a round. */
static tn_tval *
from_past(tn_lo *k, const tn_value *v, const tn_lo_bound *bound, tn_tval *const *index)
{
    tn_tval *at[TN_MAX_RANK];

    at[0] = bound->tile;
    tn_lo_copy(at + 1, index, v->type.rank);
    return tn_tb_load(k->b, bound->local, at, k->where ? tn_lo_zero(k, v->type.dtype) : NULL);
}

static tn_tval *
from_bound(tn_lo *k, const tn_value *v, tn_lo_bound *bound, tn_tval *const *index)
{
    switch (bound->kind) {
    case TN_LO_TILE: return from_tile(k, v, bound, index);
    case TN_LO_SLICE: return from_slice(k, v, bound, index);
    case TN_LO_SCALAR: return bound->tile;
    case TN_LO_PAST: return from_past(k, v, bound, index);
    case TN_LO_AGAIN: return tn_lower_scan_again(k, bound, v->index, index);
    default:
        return tn_tb_load(k->b, bound->local, index,
            k->where ? tn_lo_zero(k, v->type.dtype) : NULL);
    }
}

/* ---- elements ---- */

tn_tval *
tn_lo_zero(tn_lo *k, tn_dtype dtype)
{
    return tn_tb_whole(k->b, dtype, 0);
}

/* Exact numbers are rounded once, straight to the type. */
tn_tval *
tn_lo_number(tn_lo *k, tn_dtype dtype, const tn_number *n)
{
    int64_t value = 0;

    if (tn_is_float(dtype))
        return tn_tb_real(k->b, dtype, n->real);
    if (n->kind == TN_NUMBER_REAL)
        value = (int64_t)n->real;
    else
        value = n->num;
    return tn_tb_whole(k->b, dtype, value);
}

static tn_tval *
literal(tn_lo *k, tn_value *v)
{
    if (v->number.kind != TN_NUMBER_SYMBOLIC)
        return tn_lo_number(k, v->type.dtype, &v->number);
    return tn_lo_load(k, v, 0, NULL, (tn_layout){.kind = TN_LAYOUT_ROWS}, NULL);
}

tn_tval *
tn_lo_symbolic(tn_lo *k, const tn_op *op, tn_dtype dtype, const tn_number *n)
{
    tn_value *v = tn_idmap_get(&k->literals, op->id);

    if (!v) {
        v = tn_graph_literal(k->g, dtype, *n);
        tn_idmap_put(&k->literals, op->id, v);
    }
    return literal(k, v);
}

static tn_tval *
no_expand(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    (void)result;
    (void)index;
    return tn_lo_refuse(k, op, "no device runs this yet", op->out[0]->type.dtype);
}

#define tn_lower_flat no_expand
#define tn_lower_expand no_expand
#define tn_lower_refuse no_expand

static const tn_lower_fn lowerings[TN_OP_COUNT] = {
#define TN_OP(op, infer, lower, ...) [TN_OP_##op] = tn_lower_##lower,
#include "ir/graph/ops.def"
};

tn_tval *
tn_lo_el(tn_lo *k, tn_value *v, tn_tval *const *index)
{
    tn_lo_bound *bound = tn_idmap_get(&k->bound, v->id);
    uint32_t slot;
    tn_tval *x;

    if (bound)
        return from_bound(k, v, bound, index);
    if (v->kind == TN_VALUE_LITERAL)
        return literal(k, v);
    if (!is_computed(k, v))
        return tn_lo_load(k, v, v->type.rank, v->type.dim, (tn_layout){.kind = TN_LAYOUT_ROWS},
            index);
    slot = slot_of(k, v, index);
    x = known(k, slot, v, index);
    if (x)
        return x;
    if (k->depth >= TN_LO_DEPTH)
        return tn_lo_refuse(k, v->def, "too many operations behind one another in one kernel",
            v->type.dtype);
    k->depth++;
    x = lowerings[v->def->code](k, v->def, v->index, index);
    k->depth--;
    assert(x->dtype == v->type.dtype);
    remember(k, slot, v, index, x);
    return x;
}

static bool
is_half(tn_dtype t)
{
    return t == TN_F16 || t == TN_BF16;
}

tn_tval *
tn_lo_wide(tn_lo *k, tn_value *v, tn_tval *const *index)
{
    tn_tval *x = tn_lo_el(k, v, index);

    return is_half(x->dtype) ? tn_tb_cast(k->b, TN_F32, x) : x;
}

tn_tval *
tn_lo_narrow(tn_lo *k, tn_tval *x, tn_dtype to)
{
    return tn_tb_cast(k->b, to, x);
}

tn_tval *
tn_lo_scalar(tn_lo *k, tn_value *v)
{
    return tn_lo_el(k, v, NULL);
}

tn_tval *
tn_lo_only_where(tn_lo *k, tn_tval *condition)
{
    tn_tval *old = k->where;

    k->where = condition;
    return old;
}

tn_tval *
tn_lo_refuse(tn_lo *k, const tn_op *op, const char *why, tn_dtype dtype)
{
    k->status = tn_fail(k->diag, TN_UNSUPPORTED, "%s: %s: %s", op->path,
        tn_op_info_of(op->code)->name, why);
    return tn_lo_zero(k, dtype);
}
