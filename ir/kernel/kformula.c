/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/base/checked.h"
#include "ir/kernel/kraw.h"

/* Formulas of a kernel: the extent of its grid, and the bytes of local memory
 * that a task needs. A partial result is code plus a constant. */
enum { CODE_LIMIT = 1 << 16, DEEP_LIMIT = 48, VISIT_LIMIT = 1 << 14 };

typedef struct part {
    tn_writer code; /* bytes 0: only the constant */
    int64_t plus;
    int deep; /* values on the stack of the evaluator */
} part;

typedef struct maker {
    tn_kernel *k;
    bool failed;
    int visits; /* of shared operands too */
} maker;

static part
whole(int64_t value)
{
    return (part){.plus = value, .deep = 1};
}

static void
put_int(tn_writer *w, int64_t value)
{
    tn_write_u8(w, TN_FORMULA_INT);
    tn_write_i64(w, value);
}

/* The part as code alone. */
static part
settled(maker *m, part a)
{
    if (!a.code.bytes) {
        a.code = (tn_writer){.arena = m->k->arena};
        put_int(&a.code, a.plus);
    } else if (a.plus) {
        put_int(&a.code, a.plus);
        tn_write_u8(&a.code, TN_FORMULA_ADD);
        a.deep = a.deep > 2 ? a.deep : 2;
    }
    a.plus = 0;
    return a;
}

static part
joined(maker *m, part a, part b, tn_formula_op op)
{
    a = settled(m, a);
    b = settled(m, b);
    part out = {.code = {.arena = m->k->arena}};
    out.deep = a.deep > b.deep + 1 ? a.deep : b.deep + 1;
    if (a.code.bytes + b.code.bytes > CODE_LIMIT || out.deep > DEEP_LIMIT) {
        m->failed = true;
        return whole(0);
    }
    tn_write(&out.code, a.code.at, a.code.bytes);
    tn_write(&out.code, b.code.at, b.code.bytes);
    tn_write_u8(&out.code, (uint8_t)op);
    return out;
}

static part
sum(maker *m, part a, part b)
{
    int64_t plus;
    if (!tn_add_i64(a.plus, b.plus, &plus)) {
        m->failed = true;
        return whole(0);
    }
    if (!a.code.bytes || !b.code.bytes) {
        part out = a.code.bytes ? a : b;
        out.plus = plus;
        return out;
    }
    a.plus = b.plus = 0;
    part out = joined(m, a, b, TN_FORMULA_ADD);
    out.plus = plus;
    return out;
}

static bool
same_code(const part *a, const part *b)
{
    return a->code.bytes == b->code.bytes &&
        (!a->code.bytes || memcmp(a->code.at, b->code.at, a->code.bytes) == 0);
}

static part
greater(maker *m, part a, part b)
{
    if (same_code(&a, &b))
        return a.plus > b.plus ? a : b;
    return joined(m, a, b, TN_FORMULA_MAX);
}

static tn_formula_op
formula_op(maker *m, tn_fn fn)
{
    switch (fn) {
    case TN_FN_add: return TN_FORMULA_ADD;
    case TN_FN_sub: return TN_FORMULA_SUB;
    case TN_FN_mul: return TN_FORMULA_MUL;
    case TN_FN_div: /* sizes are not negative: truncating is flooring */
        return TN_FORMULA_FLOOR_DIV;
    case TN_FN_rem: return TN_FORMULA_MOD;
    case TN_FN_min:
    case TN_FN_minq: return TN_FORMULA_MIN;
    case TN_FN_max:
    case TN_FN_maxq: return TN_FORMULA_MAX;
    default: m->failed = true; return TN_FORMULA_ADD;
    }
}

static part
expression(maker *m, const tn_ins *v, int depth)
{
    if (depth > DEEP_LIMIT || ++m->visits > VISIT_LIMIT || !tn_is_int(v->type.dtype) ||
        v->type.lanes != 1)
        m->failed = true;
    if (m->failed)
        return whole(0);
    if (v->op == TN_K_const)
        return whole(v->whole);
    if (v->op == TN_K_param) {
        part out = {.code = {.arena = m->k->arena}, .deep = 1};
        tn_write_u8(&out.code, TN_FORMULA_SYMBOL);
        tn_write_u16(&out.code, (uint16_t)v->whole);
        return out;
    }
    if (v->op == TN_K_fn && v->fn == TN_FN_cast)
        return expression(m, v->arg[0], depth + 1);
    if (v->op != TN_K_fn || v->arg_count != 2) {
        m->failed = true;
        return whole(0);
    }
    tn_formula_op op = formula_op(m, v->fn);
    part a = expression(m, v->arg[0], depth + 1);
    part b = expression(m, v->arg[1], depth + 1);
    return op == TN_FORMULA_ADD ? sum(m, a, b) : joined(m, a, b, op);
}

/* Bytes of a local, up to the next multiple of 64. */
static part
local_bytes(maker *m, const tn_ins *ins)
{
    part count = expression(m, ins->arg[0], 0);
    int64_t size = tn_dtype_bytes(ins->mem->dtype), bytes;
    if (count.code.bytes) {
        part all = joined(m, count, whole(size), TN_FORMULA_MUL);
        all.plus = 63;
        return joined(m, joined(m, all, whole(64), TN_FORMULA_FLOOR_DIV), whole(64),
            TN_FORMULA_MUL);
    }
    if (count.plus < 0 || !tn_mul_i64(count.plus, size, &bytes) || !tn_add_i64(bytes, 63, &bytes)) {
        m->failed = true;
        return whole(0);
    }
    return whole(bytes & ~(int64_t)63);
}

static part scratch_of(maker *m, const tn_kblock *block);

/* Most bytes at any time inside a loop or condition. */
static part
nested(maker *m, const tn_ins *ins)
{
    part peak = scratch_of(m, ins->body);
    if (!ins->orelse)
        return peak;
    part other = scratch_of(m, ins->orelse);
    return m->k->lanes > 1 ? sum(m, peak, other) : greater(m, peak, other);
}

/* Locals are a stack, emptied at the end of their block; group memory of
 * kernels with lanes is not used twice. */
static part
scratch_of(maker *m, const tn_kblock *block)
{
    bool stack = m->k->lanes <= 1;
    bool inner = false;
    part run = whole(0), peak = whole(0);
    for (uint32_t i = 0; i < block->ins.count && !m->failed; i++) {
        const tn_ins *ins = block->ins.at[i];
        part more;
        if (ins->op == TN_K_local) {
            more = local_bytes(m, ins);
        } else if (ins->op == TN_K_loop || ins->op == TN_K_if) {
            more = nested(m, ins);
            if (!more.code.bytes && !more.plus)
                continue;
        } else {
            continue;
        }
        part top = sum(m, run, more);
        if (ins->op == TN_K_local || !stack)
            run = top;
        /* While nothing nested was met, the stack itself is the peak. */
        peak = !inner ? top : greater(m, peak, top);
        inner = inner || ins->op != TN_K_local;
    }
    return peak;
}

bool
tn_kernel_formulas(tn_kernel *k)
{
    maker m = {.k = k};
    part tasks = whole(0);
    for (uint32_t i = 0; i < k->root->ins.count; i++) {
        const tn_ins *ins = k->root->ins.at[i];
        if (ins->op == TN_K_loop && ins->loop == TN_LOOP_GRID)
            tasks = settled(&m, expression(&m, ins->arg[1], 0));
    }
    tasks = settled(&m, tasks);
    part scratch = settled(&m, scratch_of(&m, k->root));
    if (m.failed)
        return false;
    k->tasks = (tn_formula){tasks.code.at, (uint32_t)tasks.code.bytes};
    k->scratch = (tn_formula){scratch.code.at, (uint32_t)scratch.code.bytes};
    return true;
}
