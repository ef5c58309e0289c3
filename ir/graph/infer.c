/* SPDX-License-Identifier: Apache-2.0
 * What is checked of every op, before and after its own rule. */
#include "ir/graph/infer.h"

#include <string.h>

static tn_status (*const rules[TN_OP_COUNT])(tn_infer *) = {
#define TN_OP(op, infer, ...) [TN_OP_##op] = tn_infer_##infer,
#include "ir/graph/ops.def"
};

/* "f32 f16 bf16" of a class. */
static const char *
class_text(tn_infer *x, unsigned classes)
{
    tn_text t = {.arena = x->arena};

    for (int i = 0; i < TN_DTYPE_COUNT; i++) {
        if ((classes & 1u << i) && tn_dtype_in_graph((tn_dtype)i))
            tn_text_add(&t, "%s%s", t.length ? ", " : "", tn_dtype_name((tn_dtype)i));
    }
    return t.at;
}

static tn_status
check_class(tn_infer *x, int index, const tn_in_info *info)
{
    const tn_type *type = tn_infer_in(x, index);

    if (!tn_dtype_in_graph(type->dtype) || !(info->classes & 1u << type->dtype))
        return tn_infer_fail(x, tn_infer_in_place(x, index), "%s takes %s, found %s", x->info->name,
            class_text(x, info->classes), tn_infer_type_text(x, type));
    return TN_OK;
}

static tn_status
check_operands(tn_infer *x)
{
    int first = -1;

    for (int i = 0; i < x->op->in_count; i++) {
        const tn_in_info *info = tn_op_in_info(x->op->code, i);
        const tn_type *type = tn_infer_in(x, i);

        if (!info)
            break;
        if (!type && !info->optional)
            return tn_infer_fail(x, tn_infer_in_place(x, i), "%s needs %s", x->info->name,
                info->name);
        if (!type)
            continue;
        TN_TRY(check_class(x, i, info));
        if (info->classes & TN_CLASS_OWN)
            continue;
        if (first < 0)
            first = i;
        if (type->dtype != tn_infer_in(x, first)->dtype)
            return tn_infer_fail(x, "", "%s is %s, %s is %s; write a cast",
                tn_op_in_info(x->op->code, first)->name,
                tn_dtype_name(tn_infer_in(x, first)->dtype), info->name,
                tn_dtype_name(type->dtype));
    }
    if (x->info->in_count && !x->info->in[x->info->in_count - 1].optional &&
        x->op->in_count < x->info->in_count)
        return tn_infer_fail(x, tn_infer_in_place(x, 0), "%s needs %s", x->info->name,
            x->info->in[0].name);
    return TN_OK;
}

/* A word of "none tanh". */
static bool
is_option(const char *options, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = options; (at = strstr(at, word)) != NULL && length; at += length) {
        if ((at == options || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    }
    return false;
}

static tn_status
check_place(tn_infer *x, int attr)
{
    const tn_attr *a = &x->op->attr[attr];
    const tn_type *type;

    if (a->operand < 0)
        return TN_OK;
    type = tn_infer_in(x, a->operand);
    if (!type || !tn_is_int(type->dtype))
        return tn_infer_fail_attr(x, attr, "expected an integer value, found %s",
            type ? tn_infer_type_text(x, type) : "nothing");
    if (type->rank && x->op->code != TN_OP_update)
        return tn_infer_fail_attr(x, attr, "expected a scalar, found %s",
            tn_infer_type_text(x, type));
    return TN_OK;
}

static tn_status
check_shape_attr(tn_infer *x, int attr, int rank)
{
    if (rank > TN_MAX_RANK)
        return tn_fail(x->diag, TN_LIMIT, "%s.attrs.%s: %d axes, at most %d are possible",
            x->op->path, x->info->attr[attr].name, rank, TN_MAX_RANK);
    return TN_OK;
}

static tn_status
check_attr(tn_infer *x, int attr)
{
    const tn_attr_info *info = &x->info->attr[attr];
    const tn_attr *a = &x->op->attr[attr];

    if (!a->has_value)
        return info->fallback[0] == '!'
            ? tn_infer_fail_attr(x, attr, "%s needs %s", x->info->name, info->name)
            : TN_OK;
    switch (a->kind) {
    case TN_KIND_CHOICE:
        if (!is_option(info->options, a->text))
            return tn_infer_fail_attr(x, attr, "expected one of: %s; found \"%s\"", info->options,
                a->text);
        return TN_OK;
    case TN_KIND_DTYPE:
        if (!tn_dtype_in_graph(a->dtype))
            return tn_infer_fail_attr(x, attr, "expected an element type");
        return TN_OK;
    case TN_KIND_TYPE:
        if (!tn_dtype_in_graph(a->type.dtype))
            return tn_infer_fail_attr(x, attr, "expected an element type");
        return check_shape_attr(x, attr, a->type.rank);
    case TN_KIND_SHAPE: return check_shape_attr(x, attr, a->count);
    case TN_KIND_PLACE: return check_place(x, attr);
    default: return TN_OK;
    }
}

/* No dimension of a result may be below 0 in any run. */
static tn_status
check_results(tn_infer *x)
{
    if (x->overflow)
        return tn_infer_fail(x, "", "a size of the result overflows 64 bits");
    for (uint32_t i = 0; i < x->out.count; i++) {
        const tn_type *type = &x->out.at[i];

        for (int k = 0; k < type->rank; k++) {
            int64_t low, high;

            tn_size_bounds(x->sizes, type->dim[k], &low, &high);
            if (low < 0)
                TN_TRY(tn_infer_need(x, "", TN_FACT_LE, tn_infer_int(x, 0), type->dim[k],
                    "axis %d of the result is %s, below 0", k,
                    tn_infer_size_text(x, type->dim[k])));
        }
    }
    return TN_OK;
}

static tn_status
run_rule(tn_infer *x)
{
    TN_TRY(check_operands(x));
    for (int i = 0; i < x->info->attr_count; i++)
        TN_TRY(check_attr(x, i));
    TN_TRY(rules[x->op->code](x));
    return check_results(x);
}

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

static void
make_results(tn_op *op, const tn_infer *x)
{
    op->out_count = (int)x->out.count;
    op->out = tn_new_array(x->arena, tn_value *, x->out.count);
    for (int i = 0; i < op->out_count; i++) {
        tn_value *v = tn_new(x->arena, tn_value);

        v->kind = TN_VALUE_RESULT;
        v->def = op;
        v->index = i;
        v->block = op->block;
        v->id = op->graph->value_count++;
        op->out[i] = v;
    }
}

tn_status
tn_op_infer(tn_op *op, tn_diag *diag)
{
    tn_infer x = infer_of(op, diag);

    TN_TRY(run_rule(&x));
    if (!op->out)
        make_results(op, &x);
    if (op->out_count != (int)x.out.count)
        return tn_infer_fail(&x, ".out", "%s gives %d results now, it gave %d", x.info->name,
            (int)x.out.count, op->out_count);
    for (int i = 0; i < op->out_count; i++)
        op->out[i]->type = x.out.at[i];
    return TN_OK;
}

bool
tn_op_check(tn_op *op, tn_diag *diag)
{
    tn_infer x = infer_of(op, diag);

    x.check_only = true;
    if (run_rule(&x) != TN_OK || op->out_count != (int)x.out.count)
        return false;
    for (int i = 0; i < op->out_count; i++) {
        if (!tn_type_equal(&op->out[i]->type, &x.out.at[i]))
            return false;
    }
    return true;
}
