/* SPDX-License-Identifier: Apache-2.0
 * Views that change nothing, and numbers of literals. */
#include <math.h>

#include "ir/graph/build.h"
#include "ir/kernel/teval.h"
#include "passes/clean.h"
#include "passes/dims.h"

static bool
all_blocks(tn_block *block, bool (*clean)(tn_op *op))
{
    bool changed = false;

    for (tn_op *op = block->first, *next; op; op = next) {
        next = op->next;
        for (int i = 0; i < op->body_count; i++)
            changed |= all_blocks(op->body[i], clean);
        changed |= clean(op);
    }
    return changed;
}

/* ---- views ---- */

/* Equal types, and every element stays where it is. */
static bool
is_identity(const tn_op *op)
{
    int64_t start;

    if (op->out_count != 1 || op->in_count < 1 || !op->in[0] ||
        !tn_type_equal(&op->in[0]->type, &op->out[0]->type))
        return false;
    switch (op->code) {
    case TN_OP_reshape:
    case TN_OP_broadcast:
    case TN_OP_unsqueeze:
    case TN_OP_squeeze:
    case TN_OP_cast:
    case TN_OP_bitcast: return true;
    case TN_OP_concat: return op->in_count == 1;
    case TN_OP_transpose:
        for (int i = 0; i < op->in[0]->type.rank; i++)
            if (op->attr[TN_ATTR_transpose_perm].ints[i] != i)
                return false;
        return true;
    case TN_OP_slice:
        return op->attr[TN_ATTR_slice_start].operand < 0 &&
            tn_size_is_int(op->attr[TN_ATTR_slice_start].sizes[0], &start) && start == 0 &&
            tn_op_int(op, TN_ATTR_slice_step) == 1;
    default: return false;
    }
}

/* Consecutive parts, one slice each. */
static void
slice_parts(tn_op *op)
{
    tn_build b = tn_build_before(op);
    tn_sizes *s = op->graph->sizes;
    int axis = (int)tn_op_int(op, TN_ATTR_split_axis);
    tn_size start = tn_size_int(s, 0);

    for (int i = 0; i < op->out_count; i++) {
        tn_size size = op->out[i]->type.dim[axis];
        tn_value *part;

        if (op->out[i]->uses.count) {
            part = tn_build_slice(&b, op->in[0], axis, start, size);
            part->name = op->out[i]->name;
            tn_value_replace(op->out[i], part);
        }
        start = tn_size_add(s, start, size);
    }
    tn_op_remove(op);
}

/* Parts whose places are numbers (devices have as few as 31 buffers a kernel,
 * and there is the result), and parts with two sizes each. */
enum { CONCAT_PARTS = 28, CONCAT_SIZES = 8 };

static int
most_parts(const tn_op *op)
{
    int axis = (int)tn_op_int(op, TN_ATTR_concat_axis);

    for (int i = 0; i < op->in_count; i++)
        if (!tn_size_is_int(op->in[i]->type.dim[axis], &(int64_t){0}))
            return CONCAT_SIZES;
    return CONCAT_PARTS;
}

/* A long concat becomes one of shorter ones: a kernel reads a limited number
 * of tensors and sizes. */
static void
shorten_concat(tn_op *op, int most)
{
    tn_build b = tn_build_before(op);
    int axis = (int)tn_op_int(op, TN_ATTR_concat_axis);
    tn_arena *arena = op->graph->module->arena;
    tn_value **parts = tn_new_array(arena, tn_value *, op->in_count), *y;
    int count = 0;

    for (int from = 0; from < op->in_count; from += most) {
        int n = op->in_count - from < most ? op->in_count - from : most;

        parts[count++] = tn_build_concat(&b, op->in + from, n, axis);
    }
    y = tn_build_concat(&b, parts, count, axis);
    y->name = op->out[0]->name;
    tn_value_replace(op->out[0], y);
    tn_op_remove(op);
}

static bool
shorten(tn_op *op)
{
    int most = op->code == TN_OP_concat ? most_parts(op) : op->in_count;

    if (op->in_count <= most)
        return false;
    shorten_concat(op, most);
    return true;
}

bool
tn_clean_short(tn_graph *g)
{
    return all_blocks(g->block, shorten);
}

bool
tn_is_copied_result(const tn_op *op, const tn_value *by)
{
    bool computed = by->kind == TN_VALUE_RESULT && by->def->code != TN_OP_constant;

    if (computed)
        return false;
    for (uint32_t i = 0; i < op->out[0]->uses.count; i++)
        if (!op->out[0]->uses.at[i].op && !op->out[0]->uses.at[i].block->owner)
            return true;
    return false;
}

static bool
simplify_view(tn_op *op)
{
    if (!is_identity(op) || tn_is_copied_result(op, op->in[0]) || !op->out[0]->uses.count)
        return false;
    if (!op->in[0]->name)
        op->in[0]->name = op->out[0]->name;
    tn_value_replace(op->out[0], op->in[0]);
    tn_op_remove(op);
    return true;
}

bool
tn_clean_views(tn_graph *g)
{
    return all_blocks(g->block, simplify_view);
}

static bool
slice_split(tn_op *op)
{
    if (op->code != TN_OP_split)
        return false;
    slice_parts(op);
    return true;
}

bool
tn_clean_parts(tn_graph *g)
{
    return all_blocks(g->block, slice_split);
}

/* ---- literals ---- */

static bool
is_number(const tn_value *v)
{
    return v && v->kind == TN_VALUE_LITERAL && v->type.dtype != TN_BOOL &&
        v->number.kind != TN_NUMBER_SYMBOLIC && v->number.kind != TN_NUMBER_BOOL;
}

static bool
fold_real(const tn_op *op, double a, double b, double *out)
{
    switch (op->code) {
    case TN_OP_add: *out = a + b; return true;
    case TN_OP_sub: *out = a - b; return true;
    case TN_OP_mul: *out = a * b; return true;
    case TN_OP_div: *out = a / b; return true;
    case TN_OP_neg: *out = -a; return true;
    case TN_OP_sqrt: *out = sqrt(a); return true;
    default: return false;
    }
}

static bool
fold_whole(const tn_op *op, const int64_t *x, int64_t *out)
{
    static const struct {
        tn_opcode code;
        tn_fn fn;
    } known[] = {{TN_OP_add, TN_FN_add}, {TN_OP_sub, TN_FN_sub}, {TN_OP_mul, TN_FN_mul},
        {TN_OP_div, TN_FN_div}, {TN_OP_neg, TN_FN_neg}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == op->code)
            return tn_eval_int(known[i].fn, op->out[0]->type.dtype, x, out);
    return false;
}

/* One step that IEEE 754 rounds correctly: from double to the type no second
 * rounding shows. */
static bool
fold_op(tn_op *op)
{
    tn_dtype t = op->out_count == 1 ? op->out[0]->type.dtype : TN_BOOL;
    tn_number n;
    double real, x[2] = {0};
    int64_t whole, w[2] = {0};

    if (op->in_count < 1 || op->in_count > 2 || !op->out_count || !op->out[0]->uses.count)
        return false;
    for (int i = 0; i < op->in_count; i++) {
        if (!is_number(op->in[i]) || op->in[i]->type.dtype != t)
            return false;
        x[i] = tn_is_float(t) ? tn_round_to(t, op->in[i]->number.real) : 0;
        if (tn_is_int(t) && !tn_number_is_int(&op->in[i]->number, &w[i]))
            return false;
    }
    if (tn_is_float(t)) {
        if (!fold_real(op, x[0], x[1], &real))
            return false;
        n = tn_number_real(tn_round_to(t, real));
    } else {
        if (!tn_is_int(t) || !fold_whole(op, w, &whole))
            return false;
        n = tn_number_int(whole);
    }
    tn_value_replace(op->out[0], tn_graph_literal(op->graph, t, n));
    tn_op_remove(op);
    return true;
}

/* x + n, n a small whole number: n, else false. */
static bool
adds_number(const tn_op *op, int64_t *n)
{
    int labels = tn_op_find_attr(op->code, "labels");

    if ((op->code != TN_OP_add && op->code != TN_OP_sub) || op->attr[labels].has_value ||
        !is_number(op->in[1]) || !tn_number_is_int(&op->in[1]->number, n) || *n < -INT32_MAX ||
        *n > INT32_MAX)
        return false;
    *n = op->code == TN_OP_sub ? -*n : *n;
    return op->out[0]->type.dtype == TN_I64 || op->out[0]->type.dtype == TN_I32;
}

/* Counted down from step to step: (x - 1) - 1 is x - 2. */
static bool
fold_sum(tn_op *op)
{
    tn_op *inner = op->in_count == 2 && op->in[0] && op->in[0]->kind == TN_VALUE_RESULT
        ? op->in[0]->def
        : NULL;
    int64_t a, b;
    tn_build build;
    tn_value *y, *n;

    if (!inner || !op->out[0]->uses.count || !adds_number(op, &a) || !adds_number(inner, &b) ||
        a + b == 0 || a + b < -INT32_MAX || a + b > INT32_MAX)
        return false;
    build = tn_build_before(op);
    n = tn_build_int(&build, op->out[0]->type.dtype, a + b < 0 ? -(a + b) : a + b);
    y = tn_build_map2(&build, a + b < 0 ? TN_OP_sub : TN_OP_add, inner->in[0], n);
    y->name = op->out[0]->name;
    tn_value_replace(op->out[0], y);
    tn_op_remove(op);
    return true;
}

static bool
fold(tn_op *op)
{
    return fold_op(op) || fold_sum(op);
}

bool
tn_clean_fold(tn_graph *g)
{
    return all_blocks(g->block, fold);
}
