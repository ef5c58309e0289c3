/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/graph/expand.h"

#include <assert.h>
#include <string.h>

#include "ir/graph/expand_in.h"

typedef void (*expand_fn)(tn_build *b, const tn_op *op, tn_value **out);

#define TN_EXPAND_expand(op) [TN_OP_##op] = tn_expand_##op,

static const expand_fn rows[TN_OP_COUNT] = {
#define TN_OP(op, infer, lower, ...) TN_EXPAND_##lower(op)
#include "ir/graph/ops.def"
};

enum { OUT_LIMIT = 3 };

bool
tn_op_expands(tn_opcode code)
{
    return rows[code] != NULL;
}

static expand_fn
row_of(const tn_op *op)
{
    bool q8 = op->code == TN_OP_contract &&
        strcmp(tn_op_text(op, TN_ATTR_contract_activation), "none") != 0;

    return q8 ? tn_expand_contract_q8 : rows[op->code];
}

void
tn_op_expand(tn_op *op)
{
    tn_value *out[OUT_LIMIT] = {0};
    tn_build b = tn_build_before(op);

    assert(row_of(op) && op->out_count <= OUT_LIMIT);
    row_of(op)(&b, op, out);
    for (int i = 0; i < op->out_count; i++) {
        assert(out[i] && tn_type_equal(&out[i]->type, &op->out[i]->type));
        if (!out[i]->name)
            out[i]->name = op->out[i]->name;
        tn_value_replace(op->out[i], out[i]);
    }
    tn_op_remove(op);
}

/* Bodies are as deep as the reader let them be. */
static void
expand_block(tn_block *block, tn_expand_keep *keep, const void *self)
{
    for (tn_op *op = block->first; op;) {
        tn_op *before = op->prev;

        for (int i = 0; i < op->body_count; i++)
            expand_block(op->body[i], keep, self);
        if (row_of(op) && !(keep && keep(self, op))) {
            tn_op_expand(op);
            op = before ? before->next : block->first;
        } else {
            op = op->next;
        }
    }
}

void
tn_graph_expand(tn_graph *g)
{
    expand_block(g->block, NULL, NULL);
}

void
tn_graph_expand_but(tn_graph *g, tn_expand_keep *keep, const void *self)
{
    expand_block(g->block, keep, self);
}

/* ---- what several rows need ---- */

tn_value *
tn_expand_wide(tn_build *b, tn_value *x)
{
    bool half = x->type.dtype == TN_F16 || x->type.dtype == TN_BF16;

    return half ? tn_build_cast(b, x, TN_F32) : x;
}

tn_value *
tn_expand_number(tn_build *b, const tn_op *op, int attr, tn_dtype dtype)
{
    return tn_graph_literal(b->block->graph, dtype, op->attr[attr].numbers[0]);
}

tn_value *
tn_expand_over(tn_build *b, tn_opcode code, tn_value *x, int axis)
{
    int64_t axes = axis;

    return tn_build_reduce(b, code, x, &axes, 1, true);
}

/* From the code of whole numbers to that of doubles. */
static bool
convert(tn_reader *r, tn_writer *w)
{
    static const uint8_t one[] = {
        [TN_FORMULA_ADD] = TN_NOP_ADD,
        [TN_FORMULA_SUB] = TN_NOP_SUB,
        [TN_FORMULA_MUL] = TN_NOP_MUL,
        [TN_FORMULA_DIV] = TN_NOP_DIV,
        [TN_FORMULA_CEIL_DIV] = TN_NOP_DIV,
        [TN_FORMULA_FLOOR_DIV] = TN_NOP_DIV,
        [TN_FORMULA_MOD] = TN_NOP_MOD,
        [TN_FORMULA_MIN] = TN_NOP_MIN,
        [TN_FORMULA_MAX] = TN_NOP_MAX,
    };
    uint8_t op = tn_read_u8(r);

    if (op == TN_FORMULA_INT) {
        tn_write_u8(w, TN_NOP_REAL);
        tn_write_f64(w, (double)tn_read_i64(r));
    } else if (op == TN_FORMULA_SYMBOL) {
        tn_write_u8(w, TN_NOP_SYMBOL);
        tn_write_u16(w, tn_read_u16(r));
    } else if (op < sizeof one) {
        tn_write_u8(w, one[op]);
        if (op == TN_FORMULA_CEIL_DIV || op == TN_FORMULA_FLOOR_DIV)
            tn_write_u8(w, op == TN_FORMULA_CEIL_DIV ? TN_NOP_CEIL : TN_NOP_FLOOR);
    }
    return !r->failed;
}

tn_number
tn_expand_size(tn_build *b, tn_size size)
{
    tn_arena *arena = b->block->graph->module->arena;
    tn_number n = {.kind = TN_NUMBER_SYMBOLIC, .den = 1};
    tn_writer w = {.arena = arena};
    tn_formula f;
    tn_reader r;
    int64_t value;

    if (tn_size_is_int(size, &value))
        return tn_number_int(value);
    f = tn_size_formula(arena, size);
    r = (tn_reader){.from = {f.code, f.bytes}};
    while (r.next < f.bytes && convert(&r, &w))
        continue;
    n.code = (tn_formula){w.at, (uint32_t)w.bytes};
    return n;
}
