/* SPDX-License-Identifier: Apache-2.0
 * Bodies of scan, while and if: their parameters and what they give. */
#include "ir/graph/infer.h"

#include <assert.h>

static tn_infer
infer_of(tn_op *op, tn_diag *diag)
{
    return (tn_infer){
        .op = op,
        .info = tn_op_info_of(op->code),
        .sizes = op->graph->sizes,
        .arena = op->graph->module->arena,
        .diag = diag,
    };
}

static const char *
list_place(tn_infer *x, const char *list, int index)
{
    return tn_arena_printf(x->arena, ".%s[%d]", list, index);
}

/* A negative axis counts in each tensor's own rank. */
static int
own_axis(const tn_infer *x, int rank)
{
    int64_t axis = tn_op_int(x->op, TN_ATTR_scan_axis);

    axis += axis < 0 ? rank : 0;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

/* Rounds of a scan: the one size of what is sliced, or `count`. */
static tn_status
scan_rounds(tn_infer *x, tn_size *out)
{
    int64_t carries = tn_op_int(x->op, TN_ATTR_scan_carries);
    const tn_attr *count = &x->op->attr[TN_ATTR_scan_count];
    tn_size rounds = count->has_value ? count->sizes[0] : NULL;

    if (carries < 0 || carries > x->op->in_count)
        return tn_infer_fail_attr(x, TN_ATTR_scan_carries, "there are %d values", x->op->in_count);
    for (int i = (int)carries; i < x->op->in_count; i++) {
        const tn_type *type = tn_infer_in(x, i);
        int axis = own_axis(x, type->rank);
        const char *place = list_place(x, "over", i - (int)carries);

        if (axis < 0)
            return tn_infer_fail(x, place, "%s has no axis %lld", tn_infer_type_text(x, type),
                (long long)tn_op_int(x->op, TN_ATTR_scan_axis));
        if (!rounds)
            rounds = type->dim[axis];
        TN_TRY(tn_infer_same(x, place, type->dim[axis], rounds, "the sizes along the axis"));
    }
    if (!rounds)
        return tn_infer_fail_attr(x, TN_ATTR_scan_count, "nothing is sliced, so scan needs count");
    *out = rounds;
    return tn_infer_need(x, ".attrs.count", TN_FACT_LE, tn_infer_int(x, 0), rounds, "%s is below 0",
        tn_infer_size_text(x, rounds));
}

static tn_status
check_values(tn_infer *x)
{
    for (int i = 0; i < x->op->in_count; i++) {
        if (!tn_infer_in(x, i))
            return tn_infer_fail(x, tn_infer_in_place(x, i), "%s needs a value", x->info->name);
    }
    return TN_OK;
}

/* The type of parameter `index` of the body of a scan. */
static tn_type
scan_param(const tn_infer *x, int index)
{
    const tn_type *type = tn_infer_in(x, index);

    if (!type)
        return (tn_type){.dtype = TN_I32};
    if (index < tn_op_int(x->op, TN_ATTR_scan_carries))
        return *type;
    return tn_infer_without(type, own_axis(x, type->rank));
}

static void
open_body(tn_op *op, int count, int params, tn_type (*type_of)(const tn_infer *, int),
    const tn_infer *x)
{
    op->body_count = count;
    op->body = tn_new_array(x->arena, tn_block *, count);
    for (int i = 0; i < count; i++) {
        op->body[i] = tn_block_create(op->graph, op);
        for (int k = 0; k < params; k++)
            tn_block_param(op->body[i], type_of(x, k), NULL);
    }
}

static tn_type
carried_param(const tn_infer *x, int index)
{
    return *tn_infer_in(x, index);
}

tn_status
tn_op_open_bodies(tn_op *op, tn_diag *diag)
{
    tn_infer x = infer_of(op, diag);
    tn_size rounds;

    TN_TRY(check_values(&x));
    switch (op->code) {
    case TN_OP_scan:
        TN_TRY(scan_rounds(&x, &rounds));
        open_body(op, 1, op->in_count + 1, scan_param, &x);
        return TN_OK;
    case TN_OP_while: open_body(op, 2, op->in_count, carried_param, &x); return TN_OK;
    default:
        assert(op->code == TN_OP_if);
        open_body(op, 2, 0, carried_param, &x);
        return TN_OK;
    }
}

static tn_status
check_params(tn_infer *x, const tn_block *body, int params,
    tn_type (*type_of)(const tn_infer *, int))
{
    if ((int)body->params.count != params)
        return tn_infer_fail(x, ".body", "the body takes %d values, it needs %d",
            (int)body->params.count, params);
    for (int i = 0; i < params; i++) {
        tn_type want = type_of(x, i);

        if (!tn_type_equal(&body->params.at[i]->type, &want))
            return tn_infer_fail(x, ".body", "value %d of the body is %s, it must be %s", i,
                tn_infer_type_text(x, &body->params.at[i]->type), tn_infer_type_text(x, &want));
    }
    return TN_OK;
}

/* The next values have the types of the first ones. */
static tn_status
check_next(tn_infer *x, const tn_block *body, int carries)
{
    if ((int)body->results.count < carries)
        return tn_infer_fail(x, ".body", "the body gives %d values, %d are carried",
            (int)body->results.count, carries);
    for (int i = 0; i < carries; i++) {
        const tn_type *first = tn_infer_in(x, i);
        const tn_type *next = &body->results.at[i]->type;

        if (!tn_type_equal(first, next))
            return tn_infer_fail(x, list_place(x, "carry", i),
                "the first value is %s, the next %s; carried types do not change",
                tn_infer_type_text(x, first), tn_infer_type_text(x, next));
        tn_infer_give(x, *first);
    }
    return TN_OK;
}

tn_status
tn_infer_scan(tn_infer *x)
{
    int carries = (int)tn_op_int(x->op, TN_ATTR_scan_carries);
    tn_size rounds;

    TN_TRY(check_values(x));
    TN_TRY(scan_rounds(x, &rounds));
    if (x->op->body_count != 1)
        return tn_infer_fail(x, ".body", "scan needs a body");
    TN_TRY(check_params(x, x->op->body[0], x->op->in_count + 1, scan_param));
    TN_TRY(check_next(x, x->op->body[0], carries));
    for (int i = carries; i < (int)x->op->body[0]->results.count; i++) {
        tn_type type = x->op->body[0]->results.at[i]->type;
        const char *place = list_place(x, "collect", i - carries);
        int axis = own_axis(x, type.rank + 1);

        if (axis < 0)
            return tn_infer_fail(x, place, "%s with one more axis has no axis %lld",
                tn_infer_type_text(x, &type), (long long)tn_op_int(x->op, TN_ATTR_scan_axis));
        if (!tn_infer_insert(&type, axis, rounds))
            return tn_infer_too_deep(x, type.rank + 1);
        tn_infer_give(x, type);
    }
    return TN_OK;
}

tn_status
tn_infer_while(tn_infer *x)
{
    int carries = x->op->in_count;
    const tn_size limit = x->op->attr[TN_ATTR_while_limit].sizes[0];
    const tn_block *cond;

    TN_TRY(check_values(x));
    if (x->op->body_count != 2)
        return tn_infer_fail(x, ".body", "while needs a condition and a body");
    cond = x->op->body[0];
    TN_TRY(tn_infer_need(x, ".attrs.limit", TN_FACT_LE, tn_infer_int(x, 0), limit, "%s is below 0",
        tn_infer_size_text(x, limit)));
    TN_TRY(check_params(x, cond, carries, carried_param));
    TN_TRY(check_params(x, x->op->body[1], carries, carried_param));
    if (cond->results.count != 1 || cond->results.at[0]->type.dtype != TN_BOOL ||
        cond->results.at[0]->type.rank)
        return tn_infer_fail(x, ".test", "expected bool[], found %s",
            cond->results.count ? tn_infer_type_text(x, &cond->results.at[0]->type) : "nothing");
    if ((int)x->op->body[1]->results.count != carries)
        return tn_infer_fail(x, ".body", "the body gives %d values, %d are carried",
            (int)x->op->body[1]->results.count, carries);
    return check_next(x, x->op->body[1], carries);
}

tn_status
tn_infer_if(tn_infer *x)
{
    const tn_block *yes, *no;

    TN_TRY(tn_infer_rank(x, TN_IN_if_pred, 0, "a scalar"));
    if (x->op->body_count != 2)
        return tn_infer_fail(x, ".then", "if needs two bodies");
    yes = x->op->body[0];
    no = x->op->body[1];
    if (yes->results.count != no->results.count)
        return tn_infer_fail(x, ".yield", "one side gives %d values, the other %d",
            (int)yes->results.count, (int)no->results.count);
    for (uint32_t i = 0; i < yes->results.count; i++) {
        const tn_type *type = &yes->results.at[i]->type;

        if (!tn_type_equal(type, &no->results.at[i]->type))
            return tn_infer_fail(x, list_place(x, "yield", (int)i),
                "one side gives %s, the other %s; they must be equal", tn_infer_type_text(x, type),
                tn_infer_type_text(x, &no->results.at[i]->type));
        tn_infer_give(x, *type);
    }
    return TN_OK;
}
