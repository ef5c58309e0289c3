/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/kernel/kbytes.h"
#include "ir/kernel/kraw.h"

/* Reads the byte form. Nothing in it is trusted: counts are bounded by the
 * bytes left, positions by their tables; the verifier does the rest. */
enum { TABLE_LIMIT = 255 };

typedef struct decoder {
    tn_reader in;
    tn_arena *arena;
    tn_diag *diag;
    tn_kernel *k;
    uint8_t row[TABLE_LIMIT], fn[TABLE_LIMIT], dtype[TABLE_LIMIT];
    uint32_t rows, fns, dtypes;
    const char **loop_names;
    uint32_t loop_name_count;
    TN_VEC(tn_ins *) all; /* by number */
} decoder;

static tn_status
malformed(decoder *d, const char *what)
{
    return tn_fail(d->diag, TN_MALFORMED, "kernel bytes, at %zu: %s", d->in.next, what);
}

/* A count of things that take at least `bytes` each. */
static tn_status
read_count(decoder *d, size_t bytes, uint32_t *out)
{
    *out = tn_read_u32(&d->in);
    if (d->in.failed || *out > (d->in.from.bytes - d->in.next) / bytes)
        return malformed(d, "a count exceeds the bytes");
    return TN_OK;
}

static int
find_row(const char *name)
{
    return (int)tn_kop_find(name, strlen(name));
}

static int
find_fn(const char *name)
{
    return (int)tn_fn_find(name, strlen(name));
}

static int
find_dtype(const char *name)
{
    return (int)tn_dtype_find(name, strlen(name));
}

static tn_status
read_table(decoder *d, int (*find)(const char *name), int limit, uint8_t *out, uint32_t *count)
{
    *count = tn_read_u16(&d->in);
    if (*count > TABLE_LIMIT)
        return malformed(d, "too many names");
    for (uint32_t i = 0; i < *count; i++) {
        const char *name = tn_read_str(&d->in, d->arena, TN_KERNEL_NAMES);
        if (d->in.failed)
            return malformed(d, "a name is cut off");
        int found = find(name);
        if (found == limit)
            return tn_fail(d->diag, TN_UNSUPPORTED, "kernel bytes: unknown name %s", name);
        out[i] = (uint8_t)found;
    }
    return TN_OK;
}

static tn_status
read_name(decoder *d, size_t limit, const char **out)
{
    *out = tn_read_str(&d->in, d->arena, limit);
    return d->in.failed ? malformed(d, "a name is cut off or too long") : TN_OK;
}

static tn_status
read_dtype(decoder *d, tn_dtype *out)
{
    uint8_t at = tn_read_u8(&d->in);
    if (d->in.failed || at >= d->dtypes)
        return malformed(d, "unknown element type");
    *out = (tn_dtype)d->dtype[at];
    return TN_OK;
}

/* ---- declarations ---- */

static tn_status
read_sizes(decoder *d)
{
    uint32_t count;
    TN_TRY(read_count(d, 20, &count));
    for (uint32_t i = 0; i < count; i++) {
        tn_ksize size = {0};
        TN_TRY(read_name(d, TN_KERNEL_NAMES, &size.name));
        size.low = tn_read_i64(&d->in);
        size.high = tn_read_i64(&d->in);
        tn_push(d->arena, &d->k->sizes, size);
    }
    return TN_OK;
}

static tn_status
read_memories(decoder *d, tn_space space)
{
    uint32_t count;
    bool global = space == TN_SPACE_GLOBAL;
    TN_TRY(read_count(d, 5, &count));
    for (uint32_t i = 0; i < count; i++) {
        const char *name;
        tn_dtype dtype = TN_BOOL;
        TN_TRY(read_name(d, TN_KERNEL_NAMES, &name));
        TN_TRY(read_dtype(d, &dtype));
        tn_kmem *mem = tn_kmem_new(d->k, name, dtype, space);
        uint8_t flags = global ? tn_read_u8(&d->in) : 3;
        mem->read = flags & 1;
        mem->written = (flags & 2) != 0;
        if (flags > 3)
            return malformed(d, "unknown use of a buffer");
    }
    return TN_OK;
}

static tn_status
read_cells(decoder *d)
{
    uint32_t count;
    TN_TRY(read_count(d, 15, &count));
    for (uint32_t i = 0; i < count; i++) {
        const char *name;
        tn_ktype type = {0};
        TN_TRY(read_name(d, TN_KERNEL_NAMES, &name));
        TN_TRY(read_dtype(d, &type.dtype));
        type.lanes = tn_read_u16(&d->in);
        tn_kcell *cell = tn_kcell_new(d->k, name, type);
        cell->rank = tn_read_u8(&d->in);
        uint8_t per_lane = tn_read_u8(&d->in);
        cell->per_lane = per_lane != 0;
        for (int dim = 0; dim < TN_CELL_RANK; dim++)
            cell->dim[dim] = tn_read_u16(&d->in);
        if (cell->rank > TN_CELL_RANK || per_lane > 1)
            return malformed(d, "bad cell");
    }
    return TN_OK;
}

static tn_status
read_texts(decoder *d)
{
    uint32_t count;
    TN_TRY(read_count(d, 4, &count));
    for (uint32_t i = 0; i < count; i++) {
        tn_ksite site;
        TN_TRY(read_name(d, TN_KERNEL_TEXTS, &site.what));
        tn_push(d->arena, &d->k->sites, site);
    }
    TN_TRY(read_count(d, 4, &d->loop_name_count));
    d->loop_names = tn_new_array(d->arena, const char *, d->loop_name_count);
    for (uint32_t i = 0; i < d->loop_name_count; i++)
        TN_TRY(read_name(d, TN_KERNEL_NAMES, &d->loop_names[i]));
    return TN_OK;
}

static tn_status
read_declarations(decoder *d)
{
    const char *name;
    tn_dtype index = TN_I64;
    TN_TRY(read_name(d, TN_KERNEL_NAMES, &name));
    TN_TRY(read_dtype(d, &index));
    d->k = tn_kernel_new(d->arena, name, index);
    uint8_t exact = tn_read_u8(&d->in);
    d->k->exact = exact != 0;
    d->k->lanes = tn_read_u32(&d->in);
    d->k->team = tn_read_u32(&d->in);
    if (exact > 1)
        return malformed(d, "bad flag");
    TN_TRY(read_sizes(d));
    TN_TRY(read_memories(d, TN_SPACE_GLOBAL));
    TN_TRY(read_memories(d, TN_SPACE_LOCAL));
    TN_TRY(read_cells(d));
    return read_texts(d);
}

/* ---- instructions ---- */

static void
set_number(tn_ins *ins, int64_t value)
{
    if (tn_kbytes_real(ins->op, ins->type.dtype))
        memcpy(&ins->real, &value, sizeof value);
    else if (tn_kbytes_other(ins->op))
        ins->other = value;
    else
        ins->whole = value;
}

static tn_status
set_reference(decoder *d, tn_ins *ins, uint32_t ref)
{
    const tn_kernel *k = d->k;
    bool cell = ins->op == TN_K_cell || ins->op == TN_K_get || ins->op == TN_K_set ||
        ins->op == TN_K_sg_reduce;
    bool mem = ins->op == TN_K_local || ins->op == TN_K_load || ins->op == TN_K_store ||
        ins->op == TN_K_gather || ins->op == TN_K_scatter || ins->op == TN_K_prefetch;
    if (cell && ref < k->cells.count)
        ins->cell = k->cells.at[ref];
    else if (mem && ref < k->globals.count)
        ins->mem = k->globals.at[ref];
    else if (mem && ref - k->globals.count < k->locals.count)
        ins->mem = k->locals.at[ref - k->globals.count];
    else if (cell || mem || ref != tn_kbytes_none)
        return malformed(d, "unknown cell or memory");
    return TN_OK;
}

static tn_status
read_operands(decoder *d, tn_ins *ins, uint8_t count)
{
    if (count > TN_INS_ARGS)
        return malformed(d, "too many operands");
    ins->arg_count = count;
    for (int i = 0; i < TN_INS_ARGS; i++) {
        uint32_t number = tn_read_u32(&d->in);
        if (i < count && number >= d->all.count)
            return malformed(d, "an operand comes later");
        if (i < count)
            ins->arg[i] = d->all.at[number];
        else if (number)
            return malformed(d, "bad record");
    }
    return TN_OK;
}

static tn_status
read_record(decoder *d, uint8_t kind, tn_ins **out)
{
    uint8_t fn = tn_read_u8(&d->in), dtype = tn_read_u8(&d->in), lanes = tn_read_u8(&d->in);
    uint8_t count = tn_read_u8(&d->in), loop = tn_read_u8(&d->in);
    uint16_t zero = tn_read_u16(&d->in);
    if ((uint32_t)(kind - TN_KBYTES_ROW) >= d->rows || (fn && fn >= d->fns) ||
        (dtype && dtype >= d->dtypes) || loop > TN_LOOP_UNROLL || zero)
        return malformed(d, "bad record");
    tn_ktype type = {d->dtypes ? (tn_dtype)d->dtype[dtype] : TN_BOOL, lanes};
    tn_ins *ins = tn_ins_new(d->k, (tn_kop)d->row[kind - TN_KBYTES_ROW], type);
    ins->fn = d->fns ? (tn_fn)d->fn[fn] : TN_FN_add;
    ins->loop = (tn_loop_kind)loop;
    TN_TRY(read_operands(d, ins, count));
    set_number(ins, tn_read_i64(&d->in));
    TN_TRY(set_reference(d, ins, tn_read_u32(&d->in)));
    uint32_t name = tn_read_u32(&d->in);
    if (d->in.failed || name > d->loop_name_count || (name && ins->op != TN_K_loop))
        return malformed(d, "bad record");
    ins->name = name ? d->loop_names[name - 1] : NULL;
    tn_push(d->arena, &d->all, ins);
    *out = ins;
    return TN_OK;
}

/* Ends a body, or begins the other side of an if: the block to go on in. */
static tn_status
read_mark(decoder *d, uint8_t kind, tn_kblock **block)
{
    tn_ins *owner = (*block)->owner;
    tn_span rest = tn_read_span(&d->in, TN_KBYTES_RECORD - 1);
    if (!owner || !rest.at)
        return malformed(d, "a body ends that was not opened");
    if (kind == TN_KBYTES_END) {
        *block = (*block)->parent;
        return TN_OK;
    }
    if (owner->op != TN_K_if || owner->orelse)
        return malformed(d, "not the side of an if");
    owner->orelse = tn_kblock_new(d->arena, (*block)->parent, owner);
    *block = owner->orelse;
    return TN_OK;
}

static tn_status
read_instructions(decoder *d)
{
    uint32_t count;
    tn_kblock *block = d->k->root;
    TN_TRY(read_count(d, TN_KBYTES_RECORD, &count));
    if (count > TN_KERNEL_RECORDS)
        return tn_fail(d->diag, TN_LIMIT, "kernel bytes: %u instructions", count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t kind = tn_read_u8(&d->in);
        if (kind < TN_KBYTES_ROW) {
            TN_TRY(read_mark(d, kind, &block));
            continue;
        }
        tn_ins *ins = NULL;
        TN_TRY(read_record(d, kind, &ins));
        tn_kblock_append(d->k, block, ins);
        if (ins->op != TN_K_loop && ins->op != TN_K_if)
            continue;
        if (block->depth >= TN_KERNEL_NESTING)
            return malformed(d, "nested too deep");
        ins->body = tn_kblock_new(d->arena, block, ins);
        block = ins->body;
    }
    if (block != d->k->root)
        return malformed(d, "a body is not closed");
    return d->in.next == d->in.from.bytes ? TN_OK : malformed(d, "bytes after the end");
}

tn_status
tn_kernel_decode(tn_arena *arena, tn_diag *diag, tn_span bytes, tn_kernel **out)
{
    decoder *d = tn_new(arena, decoder);
    *d = (decoder){.in = {.from = bytes}, .arena = arena, .diag = diag};
    if (tn_read_u32(&d->in) != TN_KBYTES_MAGIC)
        return malformed(d, "not a kernel");
    TN_TRY(read_table(d, find_row, TN_K_COUNT, d->row, &d->rows));
    TN_TRY(read_table(d, find_fn, TN_FN_COUNT, d->fn, &d->fns));
    TN_TRY(read_table(d, find_dtype, TN_DTYPE_COUNT, d->dtype, &d->dtypes));
    TN_TRY(read_declarations(d));
    TN_TRY(read_instructions(d));
    if (tn_kernel_verify(d->k, diag) != TN_OK)
        return malformed(d, "the kernel does not verify");
    if (!tn_kernel_formulas(d->k))
        return malformed(d, "its sizes are no formulas");
    *out = d->k;
    return TN_OK;
}
