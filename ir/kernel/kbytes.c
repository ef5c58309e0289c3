/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/kbytes.h"

#include <math.h>
#include <string.h>

/* Writes the byte form. */
typedef struct encoder {
    tn_writer *out;
    const tn_kernel *k;
    /* Position + 1 in the tables of names; 0: not used. */
    uint8_t row[TN_K_COUNT], fn[TN_FN_COUNT], dtype[TN_DTYPE_COUNT];
    uint32_t *number; /* of the record, by id */
    uint32_t next, records;
    TN_VEC(const char *) loop_names;
} encoder;

static bool
has_fn(const tn_ins *ins)
{
    return ins->op == TN_K_fn || ins->op == TN_K_across || ins->op == TN_K_sg_reduce;
}

static uint32_t
loop_name(encoder *e, const char *name)
{
    for (uint32_t i = 0; i < e->loop_names.count; i++)
        if (strcmp(e->loop_names.at[i], name) == 0)
            return i + 1;
    tn_push(e->out->arena, &e->loop_names, name);
    return e->loop_names.count;
}

/* Marks what is used, numbers instructions. */
static void
survey(encoder *e, const tn_kblock *block)
{
    for (uint32_t i = 0; i < block->ins.count; i++) {
        const tn_ins *ins = block->ins.at[i];
        e->row[ins->op] = 1;
        if (has_fn(ins))
            e->fn[ins->fn] = 1;
        if (ins->type.lanes)
            e->dtype[ins->type.dtype] = 1;
        if (ins->name)
            (void)loop_name(e, ins->name);
        e->number[ins->id] = e->next++;
        e->records++;
        if (ins->body) {
            survey(e, ins->body);
            e->records++;
        }
        if (ins->orelse) {
            survey(e, ins->orelse);
            e->records++;
        }
    }
}

static uint16_t
enumerate(uint8_t *used, int count)
{
    uint8_t next = 0;
    for (int i = 0; i < count; i++)
        if (used[i])
            used[i] = ++next;
    return next;
}

static void
write_names(encoder *e)
{
    tn_write_u16(e->out, enumerate(e->row, TN_K_COUNT));
    for (int i = 0; i < TN_K_COUNT; i++)
        if (e->row[i])
            tn_write_str(e->out, tn_kop_name((tn_kop)i));
    tn_write_u16(e->out, enumerate(e->fn, TN_FN_COUNT));
    for (int i = 0; i < TN_FN_COUNT; i++)
        if (e->fn[i])
            tn_write_str(e->out, tn_fn_info_of((tn_fn)i)->name);
    tn_write_u16(e->out, enumerate(e->dtype, TN_DTYPE_COUNT));
    for (int i = 0; i < TN_DTYPE_COUNT; i++)
        if (e->dtype[i])
            tn_write_str(e->out, tn_dtype_name((tn_dtype)i));
}

static uint8_t
type_ref(const encoder *e, tn_dtype dtype)
{
    return (uint8_t)(e->dtype[dtype] - 1);
}

static void
write_cells(encoder *e)
{
    const tn_kernel *k = e->k;
    tn_write_u32(e->out, k->cells.count);
    for (uint32_t i = 0; i < k->cells.count; i++) {
        const tn_kcell *cell = k->cells.at[i];
        tn_write_str(e->out, cell->name);
        tn_write_u8(e->out, type_ref(e, cell->type.dtype));
        tn_write_u16(e->out, cell->type.lanes);
        tn_write_u8(e->out, (uint8_t)cell->rank);
        tn_write_u8(e->out, cell->per_lane);
        for (int d = 0; d < TN_CELL_RANK; d++)
            tn_write_u16(e->out, d < cell->rank ? cell->dim[d] : 0);
    }
}

static void
write_declarations(encoder *e)
{
    const tn_kernel *k = e->k;
    tn_write_str(e->out, k->name);
    tn_write_u8(e->out, type_ref(e, k->index));
    tn_write_u8(e->out, k->exact);
    tn_write_u32(e->out, k->lanes);
    tn_write_u32(e->out, k->team);
    tn_write_u32(e->out, k->sizes.count);
    for (uint32_t i = 0; i < k->sizes.count; i++) {
        tn_write_str(e->out, k->sizes.at[i].name);
        tn_write_i64(e->out, k->sizes.at[i].low);
        tn_write_i64(e->out, k->sizes.at[i].high);
    }
    tn_write_u32(e->out, k->globals.count);
    for (uint32_t i = 0; i < k->globals.count; i++) {
        const tn_kmem *mem = k->globals.at[i];
        tn_write_str(e->out, mem->name);
        tn_write_u8(e->out, type_ref(e, mem->dtype));
        tn_write_u8(e->out, (uint8_t)(mem->read + 2 * mem->written));
    }
    tn_write_u32(e->out, k->locals.count);
    for (uint32_t i = 0; i < k->locals.count; i++) {
        tn_write_str(e->out, k->locals.at[i]->name);
        tn_write_u8(e->out, type_ref(e, k->locals.at[i]->dtype));
    }
    write_cells(e);
    tn_write_u32(e->out, k->sites.count);
    for (uint32_t i = 0; i < k->sites.count; i++)
        tn_write_str(e->out, k->sites.at[i].what);
    tn_write_u32(e->out, e->loop_names.count);
    for (uint32_t i = 0; i < e->loop_names.count; i++)
        tn_write_str(e->out, e->loop_names.at[i]);
}

static int64_t
value_of(const tn_ins *ins)
{
    if (!tn_kbytes_real(ins->op, ins->type.dtype))
        return tn_kbytes_other(ins->op) ? ins->other : ins->whole;
    double real = isnan(ins->real) ? (double)NAN : ins->real;
    int64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return isnan(real) ? 0x7ff8000000000000 : bits;
}

static uint32_t
reference(const encoder *e, const tn_ins *ins)
{
    if (ins->cell)
        return ins->cell->index;
    if (ins->mem)
        return ins->mem->index + (ins->mem->space == TN_SPACE_LOCAL ? e->k->globals.count : 0);
    return tn_kbytes_none;
}

static void
write_mark(encoder *e, uint8_t kind)
{
    static const uint8_t zeros[TN_KBYTES_RECORD - 1];
    tn_write_u8(e->out, kind);
    tn_write(e->out, zeros, sizeof zeros);
}

static void write_block(encoder *e, const tn_kblock *block);

static void
write_record(encoder *e, const tn_ins *ins)
{
    tn_writer *out = e->out;
    tn_write_u8(out, (uint8_t)(TN_KBYTES_ROW + e->row[ins->op] - 1));
    tn_write_u8(out, has_fn(ins) ? (uint8_t)(e->fn[ins->fn] - 1) : 0);
    tn_write_u8(out, ins->type.lanes ? type_ref(e, ins->type.dtype) : 0);
    tn_write_u8(out, (uint8_t)ins->type.lanes);
    tn_write_u8(out, ins->arg_count);
    tn_write_u8(out, ins->op == TN_K_loop ? (uint8_t)ins->loop : 0);
    tn_write_u16(out, 0);
    for (int i = 0; i < TN_INS_ARGS; i++)
        tn_write_u32(out, i < ins->arg_count ? e->number[ins->arg[i]->id] : 0);
    tn_write_i64(out, value_of(ins));
    tn_write_u32(out, reference(e, ins));
    tn_write_u32(out, ins->name ? loop_name(e, ins->name) : 0);
    if (ins->body) {
        write_block(e, ins->body);
        if (ins->orelse) {
            write_mark(e, TN_KBYTES_ELSE);
            write_block(e, ins->orelse);
        }
        write_mark(e, TN_KBYTES_END);
    }
}

static void
write_block(encoder *e, const tn_kblock *block)
{
    for (uint32_t i = 0; i < block->ins.count; i++)
        write_record(e, block->ins.at[i]);
}

void
tn_kernel_encode(tn_writer *out, const tn_kernel *k)
{
    encoder e = {.out = out, .k = k};
    e.number = tn_new_array(out->arena, uint32_t, k->ins_count + 1);
    e.dtype[k->index] = 1;
    for (uint32_t i = 0; i < k->globals.count; i++)
        e.dtype[k->globals.at[i]->dtype] = 1;
    for (uint32_t i = 0; i < k->locals.count; i++)
        e.dtype[k->locals.at[i]->dtype] = 1;
    for (uint32_t i = 0; i < k->cells.count; i++)
        e.dtype[k->cells.at[i]->type.dtype] = 1;
    survey(&e, k->root);
    tn_write_u32(out, TN_KBYTES_MAGIC);
    write_names(&e);
    write_declarations(&e);
    tn_write_u32(out, e.records);
    write_block(&e, k->root);
}
