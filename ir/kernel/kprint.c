/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "ir/kernel/kernel.h"

/* The text form, one instruction a line. Constants and sizes are written
 * where they are used; other values are numbered in the order of the text. */
typedef struct printer {
    tn_text *out;
    const tn_kernel *k;
    uint32_t *number; /* by id */
    uint32_t next;
    int depth;
} printer;

static void
put_name(tn_text *out, const char *name)
{
    bool plain = isalpha((unsigned char)name[0]) || name[0] == '_';
    for (const char *c = name; *c; c++)
        plain = plain && (isalnum((unsigned char)*c) || *c == '_');
    if (plain)
        tn_text_add(out, "%s", name);
    else
        tn_text_json(out, name);
}

static void
put_type(tn_text *out, tn_ktype type)
{
    tn_text_add(out, "%s", tn_dtype_name(type.dtype));
    if (type.lanes > 1)
        tn_text_add(out, "x%d", type.lanes);
}

static void
put_number(tn_text *out, tn_dtype dtype, int64_t whole, double real)
{
    if (tn_is_float(dtype))
        tn_text_double(out, real);
    else
        tn_text_add(out, "%lld", (long long)whole);
}

static void
put_value(printer *p, const tn_ins *v)
{
    if (v->op == TN_K_param) {
        put_name(p->out, p->k->sizes.at[v->whole].name);
    } else if (v->op != TN_K_const) {
        tn_text_add(p->out, "%%%u", p->number[v->id]);
    } else if (v->type.dtype == p->k->index) {
        put_number(p->out, v->type.dtype, v->whole, v->real);
    } else {
        tn_text_add(p->out, "%s(", tn_dtype_name(v->type.dtype));
        put_number(p->out, v->type.dtype, v->whole, v->real);
        tn_text_add(p->out, ")");
    }
}

/* Operands from `first` on, separated. */
static void
put_values(printer *p, const tn_ins *ins, int first, const char *before, const char *between,
    const char *after)
{
    for (int i = first; i < ins->arg_count; i++) {
        tn_text_add(p->out, "%s", i == first ? before : between);
        put_value(p, ins->arg[i]);
    }
    if (first < ins->arg_count)
        tn_text_add(p->out, "%s", after);
}

static void
put_cell(printer *p, const tn_ins *ins, int first)
{
    put_name(p->out, ins->cell->name);
    put_values(p, ins, first, "[", "][", "]");
}

/* The mask, operand `at` if there is one, and what is read instead. */
static void
put_mask(printer *p, const tn_ins *ins, int at, bool other)
{
    if (ins->arg_count <= at)
        return;
    tn_text_add(p->out, " where ");
    put_value(p, ins->arg[at]);
    if (!other)
        return;
    tn_text_add(p->out, " else ");
    put_number(p->out, ins->type.dtype, ins->other, ins->real);
}

static void
put_place(printer *p, const tn_ins *ins, bool indices)
{
    put_name(p->out, ins->mem->name);
    tn_text_add(p->out, "[");
    put_value(p, ins->arg[0]);
    if (indices) {
        tn_text_add(p->out, " + ");
        put_value(p, ins->arg[1]);
    }
    tn_text_add(p->out, "]");
}

static void
put_value_instruction(printer *p, const tn_ins *ins)
{
    tn_text *out = p->out;
    p->number[ins->id] = p->next++;
    tn_text_add(out, "%%%u: ", p->number[ins->id]);
    put_type(out, ins->type);
    tn_text_add(out, " = %s",
        ins->op == TN_K_fn ? tn_fn_info_of(ins->fn)->name : tn_kop_name(ins->op));
    switch (ins->op) {
    case TN_K_get:
        tn_text_add(out, " ");
        put_cell(p, ins, 0);
        break;
    case TN_K_load:
    case TN_K_gather:
        tn_text_add(out, " ");
        put_place(p, ins, ins->op == TN_K_gather);
        put_mask(p, ins, ins->op == TN_K_gather ? 2 : 1, true);
        break;
    case TN_K_across:
        tn_text_add(out, " %s", tn_fn_info_of(ins->fn)->name);
        put_values(p, ins, 0, " ", ", ", "");
        break;
    case TN_K_extract:
        put_values(p, ins, 0, " ", ", ", "");
        tn_text_add(out, ", %lld", (long long)ins->whole);
        break;
    default: put_values(p, ins, 0, " ", ", ", "");
    }
}

static void
put_declaration(printer *p, const tn_ins *ins)
{
    tn_text *out = p->out;
    tn_text_add(out, "%s ", tn_kop_name(ins->op));
    if (ins->op == TN_K_local) {
        put_name(out, ins->mem->name);
        tn_text_add(out, ": %s", tn_dtype_name(ins->mem->dtype));
        put_values(p, ins, 0, "[", "", "]");
        return;
    }
    put_name(out, ins->cell->name);
    tn_text_add(out, ": ");
    put_type(out, ins->cell->type);
    for (int i = 0; i < ins->cell->rank; i++)
        tn_text_add(out, "[%d]", ins->cell->dim[i]);
    if (ins->cell->per_lane)
        tn_text_add(out, " per_lane");
}

static void
put_action(printer *p, const tn_ins *ins)
{
    tn_text *out = p->out;
    if (ins->op == TN_K_cell || ins->op == TN_K_local) {
        put_declaration(p, ins);
        return;
    }
    tn_text_add(out, "%s", tn_kop_name(ins->op));
    switch (ins->op) {
    case TN_K_set:
        tn_text_add(out, " ");
        put_cell(p, ins, 1);
        tn_text_add(out, ", ");
        put_value(p, ins->arg[0]);
        break;
    case TN_K_store:
    case TN_K_scatter: {
        int value = ins->op == TN_K_scatter ? 2 : 1;
        tn_text_add(out, " ");
        put_place(p, ins, ins->op == TN_K_scatter);
        tn_text_add(out, ", ");
        put_value(p, ins->arg[value]);
        put_mask(p, ins, value + 1, false);
        break;
    }
    case TN_K_prefetch:
        tn_text_add(out, " ");
        put_place(p, ins, false);
        break;
    case TN_K_sg_reduce:
        tn_text_add(out, " %s ", tn_fn_info_of(ins->fn)->name);
        put_name(out, ins->cell->name);
        break;
    case TN_K_check:
        tn_text_add(out, " %lld", (long long)ins->whole);
        put_values(p, ins, 0, ", ", ", ", "");
        break;
    default: break;
    }
}

static void put_block(printer *p, const tn_kblock *block);

static void
put_loop(printer *p, const tn_ins *ins)
{
    static const char *const kinds[] = {"grid", "team", "lane", "serial", "unroll"};
    tn_text_add(p->out, "%s ", kinds[ins->loop]);
    if (ins->name) {
        put_name(p->out, ins->name);
        tn_text_add(p->out, " ");
    }
    p->number[ins->id] = p->next++;
    tn_text_add(p->out, "%%%u: ", p->number[ins->id]);
    put_values(p, ins, 0, "", " .. ", "");
    if (ins->whole != 1)
        tn_text_add(p->out, " step %lld", (long long)ins->whole);
    tn_text_add(p->out, " {\n");
    put_block(p, ins->body);
    tn_text_indent(p->out, p->depth);
    tn_text_add(p->out, "}\n");
}

static void
put_if(printer *p, const tn_ins *ins)
{
    put_values(p, ins, 0, "if ", "", " {\n");
    put_block(p, ins->body);
    tn_text_indent(p->out, p->depth);
    if (ins->orelse) {
        tn_text_add(p->out, "} else {\n");
        put_block(p, ins->orelse);
        tn_text_indent(p->out, p->depth);
    }
    tn_text_add(p->out, "}\n");
}

static void
put_block(printer *p, const tn_kblock *block)
{
    p->depth++;
    for (uint32_t i = 0; i < block->ins.count; i++) {
        const tn_ins *ins = block->ins.at[i];
        if (ins->op == TN_K_const || ins->op == TN_K_param)
            continue;
        tn_text_indent(p->out, p->depth);
        if (ins->op == TN_K_loop) {
            put_loop(p, ins);
        } else if (ins->op == TN_K_if) {
            put_if(p, ins);
        } else {
            if (ins->type.lanes)
                put_value_instruction(p, ins);
            else
                put_action(p, ins);
            tn_text_add(p->out, "\n");
        }
    }
    p->depth--;
}

static void
put_header(tn_text *out, const tn_kernel *k)
{
    tn_text_add(out, "kernel ");
    put_name(out, k->name);
    tn_text_add(out, " %s%s", tn_dtype_name(k->index), k->exact ? " exact" : "");
    if (k->lanes != 1)
        tn_text_add(out, " lanes %u", k->lanes);
    if (k->team)
        tn_text_add(out, " team %u", k->team);
    tn_text_add(out, " {\n");
    for (uint32_t i = 0; i < k->sizes.count; i++) {
        tn_text_add(out, "    size ");
        put_name(out, k->sizes.at[i].name);
        tn_text_add(out, " %lld .. %lld\n", (long long)k->sizes.at[i].low,
            (long long)k->sizes.at[i].high);
    }
    for (uint32_t i = 0; i < k->globals.count; i++) {
        const tn_kmem *mem = k->globals.at[i];
        tn_text_add(out, "    global ");
        put_name(out, mem->name);
        tn_text_add(out, ": %s%s%s\n", tn_dtype_name(mem->dtype), mem->read ? " read" : "",
            mem->written ? " write" : "");
    }
    for (uint32_t i = 0; i < k->sites.count; i++) {
        tn_text_add(out, "    site ");
        tn_text_json(out, k->sites.at[i].what);
        tn_text_add(out, "\n");
    }
}

void
tn_kernel_print(tn_text *out, const tn_kernel *k)
{
    printer p = {.out = out, .k = k};
    p.number = tn_new_array(out->arena, uint32_t, k->ins_count + 1);
    put_header(out, k);
    put_block(&p, k->root);
    tn_text_add(out, "}\n");
}
