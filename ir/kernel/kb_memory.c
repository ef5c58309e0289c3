/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "ir/kernel/kb.h"

/* Cells, memory, collectives: what happens where it stands. */

static const tn_ktype no_value = {TN_BOOL, 0};

/* The name itself, or with the first number that makes it new. */
static const char *
unique_name(tn_kb *b, const char *name)
{
    const char *out = tn_arena_copy(b->arena, name, strlen(name));
    for (int i = 2; tn_map_get(&b->names, out); i++)
        out = tn_arena_printf(b->arena, "%s_%d", name, i);
    tn_map_put(&b->names, out, b);
    return out;
}

tn_kmem *
tn_kb_global(tn_kb *b, const char *name, tn_dtype dtype, bool read, bool written)
{
    tn_kmem *mem = tn_kmem_new(b->k, unique_name(b, name), dtype, TN_SPACE_GLOBAL);
    mem->read = read;
    mem->written = written;
    return mem;
}

tn_kmem *
tn_kb_local(tn_kb *b, const char *name, tn_dtype dtype, tn_ins *count)
{
    count = tn_kb_cast(b, b->k->index, count);
    tn_kmem *mem = tn_kmem_new(b->k, unique_name(b, name), dtype, TN_SPACE_LOCAL);
    tn_ins *ins = tn_kb_placed(b, TN_K_local, no_value);
    ins->mem = mem;
    tn_kb_arg(ins, count);
    return mem;
}

/* ---- cells ---- */

tn_kcell *
tn_kb_cell(tn_kb *b, const char *name, tn_ktype type, int rank, const int *dims, bool per_lane)
{
    assert(rank >= 0 && rank <= TN_CELL_RANK);
    tn_kcell *cell = tn_kcell_new(b->k, unique_name(b, name), type);
    cell->rank = rank;
    cell->per_lane = per_lane;
    for (int i = 0; i < rank; i++) {
        assert(dims[i] > 0 && dims[i] <= UINT16_MAX);
        cell->dim[i] = (uint16_t)dims[i];
    }
    tn_kb_placed(b, TN_K_cell, no_value)->cell = cell;
    return cell;
}

static void
index_args(tn_kb *b, tn_ins **out, const tn_kcell *cell, int rank, tn_ins *const *index)
{
    assert(rank == cell->rank);
    for (int i = 0; i < rank; i++)
        out[i] = tn_kb_cast(b, b->k->index, index[i]);
    (void)cell;
}

tn_ins *
tn_kb_get(tn_kb *b, tn_kcell *cell, int rank, tn_ins *const *index)
{
    tn_ins *args[TN_CELL_RANK];
    index_args(b, args, cell, rank, index);
    tn_ins *ins = tn_kb_placed(b, TN_K_get, cell->type);
    ins->cell = cell;
    for (int i = 0; i < rank; i++)
        tn_kb_arg(ins, args[i]);
    return ins;
}

void
tn_kb_set(tn_kb *b, tn_kcell *cell, tn_ins *value, int rank, tn_ins *const *index)
{
    tn_ins *args[TN_CELL_RANK];
    value = tn_kb_splatted(b, value, cell->type.lanes);
    assert(tn_ktype_equal(value->type, cell->type));
    index_args(b, args, cell, rank, index);
    tn_ins *ins = tn_kb_placed(b, TN_K_set, no_value);
    ins->cell = cell;
    tn_kb_arg(ins, value);
    for (int i = 0; i < rank; i++)
        tn_kb_arg(ins, args[i]);
}

/* ---- memory ---- */

/* NULL for a mask that is always true; *never for one that is always false. */
static tn_ins *
folded_mask(tn_kb *b, tn_ins *mask, int lanes, bool *never)
{
    *never = false;
    if (!mask)
        return NULL;
    assert(mask->type.dtype == TN_BOOL);
    mask = tn_kb_splatted(b, mask, lanes);
    const tn_ins *one = mask->op == TN_K_splat ? mask->arg[0] : mask;
    if (!kb_is_const(one))
        return mask;
    *never = !one->whole;
    return NULL;
}

static tn_ins *
other_value(tn_kb *b, tn_dtype dtype, tn_ins *other)
{
    if (!other)
        other = tn_is_float(dtype) ? tn_kb_real(b, TN_F32, 0) : tn_kb_whole(b, dtype, 0);
    /* A half is a rounded constant; set_other rounds again, to the same. */
    if (other->op == TN_K_fn && other->fn == TN_FN_cast && tn_is_float(other->type.dtype) &&
        other->type.dtype == dtype && kb_is_const(other->arg[0]))
        other = other->arg[0];
    assert(kb_is_const(other));
    return dtype == TN_F16 || dtype == TN_BF16 ? tn_kb_cast(b, TN_F32, other)
                                               : tn_kb_cast(b, dtype, other);
}

static void
set_other(tn_kb *b, tn_ins *proto, tn_ins *other)
{
    other = other_value(b, proto->mem->dtype, other);
    proto->real = tn_round_to(proto->mem->dtype, other->real);
    proto->other = other->whole;
}

/* The constant that a load gives which reads nothing. */
static tn_ins *
only_other(tn_kb *b, const tn_ins *proto)
{
    tn_dtype t = proto->mem->dtype;
    tn_ins *v = tn_is_float(t) ? tn_kb_real(b, t == TN_F64 ? t : TN_F32, proto->real)
                               : tn_kb_whole(b, t, proto->other);
    v = tn_kb_cast(b, t, v);
    return tn_kb_splatted(b, v, proto->type.lanes);
}

tn_ins *
tn_kb_access(tn_kb *b, const tn_ins *proto, tn_ins *mask)
{
    bool never, read = proto->type.lanes > 0;
    int lanes = read ? proto->type.lanes : proto->arg[proto->arg_count - 1]->type.lanes;
    mask = folded_mask(b, mask, lanes, &never);
    if (never)
        return read ? only_other(b, proto) : NULL;
    tn_ins *ins = tn_kb_placed(b, proto->op, proto->type);
    ins->mem = proto->mem;
    for (int i = 0; i < proto->arg_count; i++)
        tn_kb_arg(ins, proto->arg[i]);
    if (mask)
        tn_kb_arg(ins, mask);
    if (mask && read) {
        ins->real = proto->real;
        ins->other = proto->other;
    }
    return ins;
}

tn_ins *
tn_kb_load(tn_kb *b, tn_kmem *mem, tn_ins *address, int lanes, tn_ins *mask, tn_ins *other)
{
    tn_ins proto = {.op = TN_K_load, .mem = mem, .type = {mem->dtype, (uint16_t)lanes}};
    tn_kb_arg(&proto, tn_kb_address(b, address));
    set_other(b, &proto, other);
    return tn_kb_access(b, &proto, mask);
}

tn_ins *
tn_kb_gather(tn_kb *b, tn_kmem *mem, tn_ins *base, tn_ins *indices, tn_ins *mask, tn_ins *other)
{
    tn_ins proto = {.op = TN_K_gather, .mem = mem, .type = {mem->dtype, indices->type.lanes}};
    tn_kb_arg(&proto, tn_kb_address(b, base));
    tn_kb_arg(&proto, tn_kb_cast(b, TN_I32, indices));
    set_other(b, &proto, other);
    return tn_kb_access(b, &proto, mask);
}

void
tn_kb_store(tn_kb *b, tn_kmem *mem, tn_ins *address, tn_ins *value, tn_ins *mask)
{
    assert(value->type.dtype == mem->dtype);
    if (mask && mask->type.lanes > value->type.lanes)
        value = tn_kb_splatted(b, value, mask->type.lanes);
    tn_ins proto = {.op = TN_K_store, .mem = mem, .type = no_value};
    tn_kb_arg(&proto, tn_kb_address(b, address));
    tn_kb_arg(&proto, value);
    tn_kb_access(b, &proto, mask);
}

void
tn_kb_scatter(tn_kb *b, tn_kmem *mem, tn_ins *base, tn_ins *indices, tn_ins *value, tn_ins *mask)
{
    assert(value->type.dtype == mem->dtype);
    tn_ins proto = {.op = TN_K_scatter, .mem = mem, .type = no_value};
    tn_kb_arg(&proto, tn_kb_address(b, base));
    tn_kb_arg(&proto, tn_kb_cast(b, TN_I32, indices));
    tn_kb_arg(&proto, tn_kb_splatted(b, value, indices->type.lanes));
    tn_kb_access(b, &proto, mask);
}

void
tn_kb_prefetch(tn_kb *b, tn_kmem *mem, tn_ins *address)
{
    tn_ins *at = tn_kb_address(b, address), *ins = tn_kb_placed(b, TN_K_prefetch, no_value);

    ins->mem = mem;
    tn_kb_arg(ins, at);
}

/* ---- collectives and checks ---- */

void
tn_kb_barrier(tn_kb *b)
{
    tn_kb_placed(b, TN_K_barrier, no_value);
}

void
tn_kb_sg_reduce(tn_kb *b, tn_fn fn, tn_kcell *cell)
{
    assert(cell->rank == 0 && cell->type.lanes == 1);
    tn_ins *ins = tn_kb_placed(b, TN_K_sg_reduce, no_value);
    ins->fn = fn;
    ins->cell = cell;
}

void
tn_kb_check(tn_kb *b, uint32_t site, tn_ins *condition, tn_ins *position, tn_ins *value)
{
    int lanes = condition->type.lanes;
    assert(site < b->k->sites.count && condition->type.dtype == TN_BOOL);
    bool never;
    if (!folded_mask(b, condition, lanes, &never) && !never)
        return;
    position = tn_kb_cast(b, TN_I32, position);
    value = tn_kb_cast(b, TN_I32, value);
    position = tn_kb_splatted(b, position, lanes);
    value = tn_kb_splatted(b, value, lanes);
    tn_ins *ins = tn_kb_placed(b, TN_K_check, no_value);
    ins->whole = site;
    tn_kb_arg(ins, condition);
    tn_kb_arg(ins, position);
    tn_kb_arg(ins, value);
}
