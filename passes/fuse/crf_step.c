/* SPDX-License-Identifier: Apache-2.0
 * One round of a chain: what the next scores are made of. */
#include "passes/dims.h"
#include "passes/fuse/crf_in.h"
#include "passes/scan_axes.h"

const tn_value *
tn_crf_strip(const tn_value *v)
{
    while (v->kind == TN_VALUE_RESULT &&
        (v->def->code == TN_OP_cast || tn_op_keeps_places(v->def) || v->def->code == TN_OP_reshape))
        v = v->def->in[0];
    return v;
}

static const tn_value *
param(const tn_crf_step *c)
{
    return c->scan->body[0]->params.at[c->carry];
}

bool
tn_crf_depends(const tn_crf_step *c, const tn_value *v)
{
    const tn_block *body = c->scan->body[0];

    if (v->kind == TN_VALUE_PARAM && v->block == body)
        return v->index < tn_scan_carries(c->scan);
    return v->kind == TN_VALUE_RESULT && v->def->block == body && c->depends[v->def->id];
}

static void
find_depends(tn_arena *arena, tn_crf_step *c)
{
    c->depends = tn_new_array(arena, bool, c->scan->graph->op_count);
    for (const tn_op *op = c->scan->body[0]->first; op; op = op->next)
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i] && tn_crf_depends(c, op->in[i]))
                c->depends[op->id] = true;
}

static bool
refuse(tn_crf_step *c, const tn_op *where, const char *predicate, const char *advice)
{
    if (!c->predicate) {
        c->where = where;
        c->predicate = predicate;
        c->found = where ? tn_op_info_of(where->code)->name : "nothing";
        c->advice = advice;
    }
    return false;
}

static bool
is_view(const tn_op *op)
{
    return op->code == TN_OP_cast || tn_op_is_free_view(op);
}

/* ---- what is reduced ---- */

/* Dimensions of operand `in` that run with those of `mask` of the result; all
 * of them where that is not known. */
static unsigned
mask_of(const tn_op *op, int in, unsigned mask)
{
    int8_t to[TN_MAX_RANK];
    unsigned out = 0;

    if (!tn_op_dims(op, in, to))
        return UINT32_MAX;
    for (int i = 0; i < op->in[in]->type.rank; i++)
        if (to[i] >= 0 && mask >> to[i] & 1)
            out |= 1u << i;
    return out;
}

static bool reduced(tn_crf_step *c, tn_crf_scores *s, const tn_value *v, unsigned mask);

static bool
add_addend(tn_crf_step *c, tn_crf_scores *s, tn_value *v)
{
    if (v->kind == TN_VALUE_LITERAL)
        return true;
    if (s->count == TN_CRF_ADDENDS)
        return refuse(c, NULL, "few terms are added to the scores", "add them once, outside");
    while (tn_crf_strip(v) != v)
        v = v->def->in[0];
    s->addend[s->count++] = v;
    return true;
}

static bool
reduced_operands(tn_crf_step *c, tn_crf_scores *s, const tn_op *op, int from, unsigned mask)
{
    for (int i = from; i < op->in_count; i++) {
        if (!tn_crf_depends(c, op->in[i]) ? !add_addend(c, s, op->in[i])
                                          : !reduced(c, s, op->in[i], mask_of(op, i, mask)))
            return false;
    }
    return true;
}

static bool
reduced_op(tn_crf_step *c, tn_crf_scores *s, const tn_op *op, unsigned mask)
{
    if (is_view(op))
        return reduced(c, s, op->in[0], mask_of(op, 0, mask));
    if (op->code == TN_OP_add || (op->code == TN_OP_sub && !tn_crf_depends(c, op->in[1])))
        return reduced_operands(c, s, op, 0, mask);
    if (op->code == TN_OP_where && !tn_crf_depends(c, op->in[0])) {
        s->where = true;
        return reduced_operands(c, s, op, 1, mask);
    }
    return refuse(c, op, "terms are only added to the carried scores",
        "add transitions and emissions to the scores of the step before");
}

static bool
reduced(tn_crf_step *c, tn_crf_scores *s, const tn_value *v, unsigned mask)
{
    bool ok;

    if (v == param(c)) {
        s->carried = true;
        s->reduced |= mask != 0;
        return true;
    }
    if (v->kind != TN_VALUE_RESULT || c->depth >= TN_CRF_DEPTH)
        return refuse(c, NULL, "the maximum is taken of the carried scores",
            "carry the scores through the loop");
    c->depth++;
    ok = reduced_op(c, s, v->def, mask);
    c->depth--;
    return ok;
}

static bool
take_sum(tn_crf_step *c, tn_crf_sum sum, const tn_op *op)
{
    c->sum = sum;
    if (!reduced(c, &c->scores, op->in[0], tn_op_reduced(op)))
        return false;
    if (!c->scores.carried || !c->scores.reduced)
        return refuse(c, op, "it is taken over the tags of the step before",
            "reduce along the axis of the scores that the loop carries");
    return true;
}

/* ---- the logarithm of a sum of exponentials ---- */

static const tn_op *
def_of(const tn_value *v, tn_opcode code)
{
    v = tn_crf_strip(v);
    return v->kind == TN_VALUE_RESULT && v->def->code == code ? v->def : NULL;
}

/* max s, or that where it is finite. */
static bool
is_guard(const tn_value *v, const tn_value *s)
{
    const tn_op *op = def_of(v, TN_OP_where);

    op = def_of(op ? op->in[1] : v, TN_OP_reduce_max);
    return op && tn_crf_strip(op->in[0]) == tn_crf_strip(s);
}

/* sum exp(..), or the product of exp(..) and a matrix, which sums. */
static const tn_op *
summed_exponentials(const tn_value *v)
{
    const tn_op *op = def_of(v, TN_OP_reduce_sum), *exp = NULL;

    if (op)
        return def_of(op->in[0], TN_OP_exp);
    op = def_of(v, TN_OP_contract);
    for (int i = 0; op && i < 2 && !exp; i++)
        exp = def_of(op->in[i], TN_OP_exp);
    return exp;
}

/* log(sum exp(s - g)) + g, or without g. */
static const tn_op *
sum_of_exponentials(const tn_op *op)
{
    const tn_op *log = op->code == TN_OP_log ? op : NULL, *exp, *sub;
    const tn_value *guard = NULL;

    for (int i = 0; i < 2 && op->code == TN_OP_add && !log; i++) {
        log = def_of(op->in[i], TN_OP_log);
        guard = op->in[1 - i];
    }
    exp = log ? summed_exponentials(log->in[0]) : NULL;
    if (!exp || !guard)
        return exp;
    sub = def_of(exp->in[0], TN_OP_sub);
    return sub && is_guard(guard, sub->in[0]) && is_guard(sub->in[1], sub->in[0]) ? sub : NULL;
}

static bool
take_exponentials(tn_crf_step *c, const tn_op *inner)
{
    const tn_value *s = inner->in[0];
    bool ok;

    c->sum = TN_CRF_LSE;
    /* Along all its dimensions: whether the sum runs along the scores' is told
     * by the shapes, for what comes out is carried. */
    ok = reduced(c, &c->scores, s, UINT32_MAX);
    return ok && c->scores.carried;
}

/* ---- the next scores ---- */

static bool next(tn_crf_step *c, const tn_value *v);

/* What tells whether a round counts. */
static void
note_condition(tn_crf_step *c, const tn_value *v, int depth)
{
    const tn_block *body = c->scan->body[0];

    if (v->kind == TN_VALUE_PARAM && v->block == body) {
        c->by_length |= v->index == c->scan->in_count;
        c->by_mask |= v->index < c->scan->in_count;
        return;
    }
    if (v->kind != TN_VALUE_RESULT || v->def->block != body || depth > 8)
        return;
    for (int i = 0; i < v->def->in_count; i++)
        if (v->def->in[i])
            note_condition(c, v->def->in[i], depth + 1);
}

static bool
next_operands(tn_crf_step *c, const tn_op *op, int from)
{
    for (int i = from; i < op->in_count; i++) {
        if (!tn_crf_depends(c, op->in[i]))
            continue;
        if (!next(c, op->in[i]))
            return false;
    }
    return true;
}

static bool
next_op(tn_crf_step *c, const tn_op *op)
{
    const tn_op *inner = sum_of_exponentials(op);

    if (inner)
        return take_exponentials(c, inner);
    if (is_view(op))
        return next(c, op->in[0]);
    switch (op->code) {
    case TN_OP_reduce_max:
    case TN_OP_reduce_min:
        c->least = op->code == TN_OP_reduce_min;
        return take_sum(c, TN_CRF_MAX, op);
    case TN_OP_where:
        if (tn_crf_depends(c, op->in[0]))
            return refuse(c, op, "the condition of a step does not come from the scores",
                "decide by length or mask");
        note_condition(c, op->in[0], 0);
        return next_operands(c, op, 1);
    case TN_OP_mul:
        if (tn_crf_depends(c, op->in[0]) && tn_crf_depends(c, op->in[1]))
            break;
        note_condition(c, op->in[tn_crf_depends(c, op->in[0])], 0);
        return next_operands(c, op, 0);
    case TN_OP_add:
        c->after |= !tn_crf_depends(c, op->in[0]) || !tn_crf_depends(c, op->in[1]);
        return next_operands(c, op, 0);
    case TN_OP_sub:
        if (tn_crf_depends(c, op->in[1]))
            break;
        c->after = true;
        return next_operands(c, op, 0);
    default: break;
    }
    return refuse(c, op, "the next scores are the greatest sums of the scores before",
        "reduce by max over scores + transitions");
}

static bool
next(tn_crf_step *c, const tn_value *v)
{
    bool ok;

    if (v == param(c)) {
        c->frozen = true;
        return true;
    }
    if (v->kind != TN_VALUE_RESULT || c->depth >= TN_CRF_DEPTH)
        return refuse(c, NULL, "the next scores come from the scores before",
            "carry them through the loop");
    c->depth++;
    ok = next_op(c, v->def);
    c->depth--;
    return ok;
}

bool
tn_crf_step_find(tn_arena *arena, const tn_op *scan, int carry, tn_crf_step *c)
{
    const tn_value *v = scan->body[0]->results.at[carry];

    *c = (tn_crf_step){.scan = scan, .carry = carry};
    if (!tn_is_float(v->type.dtype))
        return false;
    find_depends(arena, c);
    return tn_crf_depends(c, v) && next(c, v) && c->sum != TN_CRF_NONE;
}

/* ---- pointers ---- */

static bool
holds(const tn_crf_scores *s, const tn_value *v)
{
    for (int i = 0; i < s->count; i++)
        if (s->addend[i] == v)
            return true;
    return false;
}

/* Equal but for terms that do not vary along what is reduced, such as the
 * emissions of the tag. */
static bool
same_scores(const tn_crf_scores *a, const tn_crf_scores *b)
{
    int missing = 0;

    for (int i = 0; i < a->count; i++)
        missing += !holds(b, a->addend[i]);
    for (int i = 0; i < b->count; i++)
        missing += !holds(a, b->addend[i]);
    return missing == 0 && a->where == b->where;
}

static bool pointer(tn_crf_step *c, const tn_value *v, bool *is);

static bool
pointer_op(tn_crf_step *c, const tn_op *op, bool *is)
{
    tn_crf_scores scores = {.count = 0};

    if (op->code == (c->least ? TN_OP_arg_min : TN_OP_arg_max)) {
        if (!reduced(c, &scores, op->in[0], tn_op_reduced(op)) || !same_scores(&scores, &c->scores))
            return refuse(c, op, "the pointers are positions of the same sums as the maximum",
                "take arg_max of what reduce_max takes");
        *is = true;
        return true;
    }
    if (is_view(op))
        return pointer(c, op->in[0], is);
    if (op->code != TN_OP_where && op->code != TN_OP_add && op->code != TN_OP_mul)
        return refuse(c, op, "the pointers are positions of the maximum",
            "take arg_max of what reduce_max takes");
    for (int i = 0; i < op->in_count; i++)
        if (tn_crf_depends(c, op->in[i]) && !pointer(c, op->in[i], is))
            return false;
    return true;
}

static bool
pointer(tn_crf_step *c, const tn_value *v, bool *is)
{
    bool ok;

    if (v->kind != TN_VALUE_RESULT || c->depth >= TN_CRF_DEPTH)
        return false;
    c->depth++;
    ok = pointer_op(c, v->def, is);
    c->depth--;
    return ok;
}

bool
tn_crf_is_pointer(tn_crf_step *c, const tn_value *v, bool *is)
{
    *is = false;
    /* Whole numbers may be kept as floats. */
    while (tn_is_float(v->type.dtype) && v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_cast)
        v = v->def->in[0];
    return tn_is_float(v->type.dtype) || !tn_crf_depends(c, v) || pointer(c, v, is);
}
