/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>

#include "ir/graph/infer.h"

static tn_status
fail_with(tn_infer *x, const char *place, const char *format, va_list args)
{
    const char *text;

    if (x->check_only || !x->diag)
        return TN_MALFORMED;
    text = tn_arena_vprintf(x->arena, format, args);
    if (place[0] == '\0')
        return tn_fail(x->diag, TN_MALFORMED, "%s: %s: %s", x->op->path, x->info->name, text);
    return tn_fail(x->diag, TN_MALFORMED, "%s%s: %s", x->op->path, place, text);
}

tn_status
tn_infer_fail(tn_infer *x, const char *place, const char *format, ...)
{
    va_list args;
    tn_status status;

    va_start(args, format);
    status = fail_with(x, place, format, args);
    va_end(args);
    return status;
}

tn_status
tn_infer_fail_attr(tn_infer *x, int attr, const char *format, ...)
{
    va_list args;
    tn_status status;

    va_start(args, format);
    status = fail_with(x, tn_infer_attr_place(x, attr), format, args);
    va_end(args);
    return status;
}

const char *
tn_infer_attr_place(tn_infer *x, int attr)
{
    return tn_arena_printf(x->arena, ".attrs.%s", x->info->attr[attr].name);
}

const char *
tn_infer_in_place(tn_infer *x, int index)
{
    const tn_in_info *info = tn_op_in_info(x->op->code, index);

    if (!info)
        return "";
    if ((x->info->flags & TN_FLAG_VARIADIC) && index >= x->info->in_count - 1)
        return tn_arena_printf(x->arena, ".in.%s[%d]", info->name, index - (x->info->in_count - 1));
    return tn_arena_printf(x->arena, ".in.%s", info->name);
}

const tn_type *
tn_infer_in(const tn_infer *x, int index)
{
    return index < x->op->in_count && x->op->in[index] ? &x->op->in[index]->type : NULL;
}

const char *
tn_infer_type_text(tn_infer *x, const tn_type *type)
{
    tn_text t = {.arena = x->arena};

    tn_type_print(&t, x->sizes, type);
    return t.at;
}

const char *
tn_infer_shape_text(tn_infer *x, const tn_type *type)
{
    return strchr(tn_infer_type_text(x, type), '[');
}

const char *
tn_infer_size_text(tn_infer *x, tn_size size)
{
    tn_text t = {.arena = x->arena};

    tn_size_print(&t, x->sizes, size);
    return t.at ? t.at : "";
}

const char *
tn_infer_name(tn_infer *x, int index)
{
    const tn_in_info *info = tn_op_in_info(x->op->code, index);

    if (x->op->in[index]->name)
        return x->op->in[index]->name;
    return info ? info->name : "it";
}

tn_size
tn_infer_int(tn_infer *x, int64_t value)
{
    return tn_size_int(x->sizes, value);
}

static tn_size
noted(tn_infer *x, tn_size s)
{
    x->overflow |= s == NULL;
    return s;
}

tn_size
tn_infer_add(tn_infer *x, tn_size a, tn_size b)
{
    return a && b ? noted(x, tn_size_add(x->sizes, a, b)) : NULL;
}

tn_size
tn_infer_sub(tn_infer *x, tn_size a, tn_size b)
{
    return a && b ? noted(x, tn_size_sub(x->sizes, a, b)) : NULL;
}

tn_size
tn_infer_mul(tn_infer *x, tn_size a, tn_size b)
{
    return a && b ? noted(x, tn_size_mul(x->sizes, a, b)) : NULL;
}

tn_size
tn_infer_elements(tn_infer *x, const tn_type *type)
{
    tn_size n = tn_infer_int(x, 1);

    for (int i = 0; i < type->rank; i++)
        n = tn_infer_mul(x, n, type->dim[i]);
    return n;
}

bool
tn_infer_is_one(tn_size size)
{
    int64_t value;

    return tn_size_is_int(size, &value) && value == 1;
}

/* 1 proven, -1 known to be false, 0 neither. */
static int
decide(tn_infer *x, tn_fact_op op, tn_size left, tn_size right)
{
    int64_t low, high;
    tn_size rest;

    if (tn_size_equal(left, right))
        return op == TN_FACT_EQ || op == TN_FACT_LE ? 1 : -1;
    rest = tn_size_sub(x->sizes, right, left);
    if (!rest)
        return 0;
    tn_size_bounds(x->sizes, rest, &low, &high);
    switch (op) {
    case TN_FACT_LE: return low >= 0 ? 1 : high < 0 ? -1 : 0;
    case TN_FACT_LT: return low > 0 ? 1 : high <= 0 ? -1 : 0;
    case TN_FACT_EQ: return low == 0 && high == 0 ? 1 : low > 0 || high < 0 ? -1 : 0;
    case TN_FACT_NE: return low > 0 || high < 0 ? 1 : low == 0 && high == 0 ? -1 : 0;
    }
    return 0;
}

/* Long graphs ask the same again and again, mostly close together. */
static bool
is_known_fact(const tn_graph *g, const tn_fact *fact)
{
    uint32_t back = g->facts.count < 64 ? g->facts.count : 64;

    for (uint32_t i = g->facts.count; i-- > g->facts.count - back;) {
        const tn_fact *f = &g->facts.at[i];

        if (f->op == fact->op && f->left == fact->left && f->right == fact->right)
            return true;
    }
    return false;
}

tn_status
tn_infer_need(tn_infer *x, const char *place, tn_fact_op op, tn_size left, tn_size right,
    const char *format, ...)
{
    tn_fact fact = {.op = op, .left = left, .right = right};
    va_list args;
    tn_status status = TN_OK;
    int known = left && right ? decide(x, op, left, right) : 1;

    if (known > 0 || (known == 0 && (x->check_only || is_known_fact(x->op->graph, &fact))))
        return TN_OK;
    va_start(args, format);
    if (known < 0) {
        status = fail_with(x, place, format, args);
    } else {
        fact.what = tn_arena_printf(x->arena, "%s%s: %s", x->op->path, place,
            tn_arena_vprintf(x->arena, format, args));
        tn_push(x->arena, &x->op->graph->facts, fact);
    }
    va_end(args);
    return status;
}

tn_status
tn_infer_same(tn_infer *x, const char *place, tn_size a, tn_size b, const char *what)
{
    if (!a || !b || tn_size_equal(a, b))
        return TN_OK;
    return tn_infer_fail(x, place, "%s: %s is not %s", what, tn_infer_size_text(x, a),
        tn_infer_size_text(x, b));
}

static void
set_ints(tn_infer *x, int attr, const int64_t *ints, int count)
{
    tn_attr *a = &x->op->attr[attr];

    if (a->count != count) {
        a->ints = tn_new_array(x->arena, int64_t, count);
        a->count = count;
    }
    for (int i = 0; i < count; i++)
        a->ints[i] = ints[i];
}

static tn_status
bring_axis(tn_infer *x, int attr, int rank, int64_t *axis)
{
    if (*axis < -rank || *axis >= rank)
        return tn_infer_fail_attr(x, attr, "there is no axis %lld, the rank is %d",
            (long long)*axis, rank);
    *axis += *axis < 0 ? rank : 0;
    return TN_OK;
}

tn_status
tn_infer_axis(tn_infer *x, int attr, int rank, int *out)
{
    int64_t axis = tn_op_int(x->op, attr);

    TN_TRY(bring_axis(x, attr, rank, &axis));
    set_ints(x, attr, &axis, 1);
    *out = (int)axis;
    return TN_OK;
}

static void
sort_ints(int64_t *v, int count)
{
    for (int i = 1; i < count; i++) {
        for (int k = i; k > 0 && v[k - 1] > v[k]; k--) {
            int64_t t = v[k];

            v[k] = v[k - 1];
            v[k - 1] = t;
        }
    }
}

tn_status
tn_infer_axes(tn_infer *x, int attr, int rank, bool sort, bool mask[TN_MAX_RANK])
{
    const tn_attr *a = &x->op->attr[attr];
    bool seen[TN_MAX_RANK] = {false};
    int64_t axes[TN_MAX_RANK];

    for (int i = 0; i < a->count; i++) {
        int64_t axis = a->ints[i];

        TN_TRY(bring_axis(x, attr, rank, &axis));
        if (seen[axis])
            return tn_infer_fail_attr(x, attr, "axis %lld stands twice", (long long)axis);
        seen[axis] = true;
        axes[i] = axis;
    }
    if (sort)
        sort_ints(axes, a->count);
    set_ints(x, attr, axes, a->count);
    if (mask)
        memcpy(mask, seen, sizeof seen);
    return TN_OK;
}

static tn_status
check_low(tn_infer *x, int attr, const int64_t *ints, int count, int64_t low)
{
    for (int i = 0; i < count; i++) {
        if (ints[i] < low || ints[i] > INT32_MAX)
            return tn_infer_fail_attr(x, attr, "expected numbers from %lld on, found %lld",
                (long long)low, (long long)ints[i]);
    }
    return TN_OK;
}

/* INTS become one number an axis, PADS one pair an axis. */
tn_status
tn_infer_spatial(tn_infer *x, int attr, int spatial, int64_t low)
{
    const tn_attr *a = &x->op->attr[attr];
    int count = a->kind == TN_KIND_PADS ? 2 * spatial : spatial;
    int64_t ints[2 * TN_MAX_RANK];

    TN_TRY(check_low(x, attr, a->ints, a->count, low));
    if (a->count == count)
        return TN_OK;
    if (a->count != 1)
        return tn_infer_fail_attr(x, attr, "expected a number or one for each of %d axes", spatial);
    for (int i = 0; i < count; i++)
        ints[i] = a->ints[0];
    set_ints(x, attr, ints, count);
    return TN_OK;
}

tn_status
tn_infer_rank(tn_infer *x, int index, int rank, const char *shape)
{
    const tn_type *type = tn_infer_in(x, index);

    if (type->rank == rank)
        return TN_OK;
    return tn_infer_fail(x, tn_infer_in_place(x, index), "%s of %s is %s, found %s",
        tn_op_in_info(x->op->code, index)->name, x->info->name, shape, tn_infer_type_text(x, type));
}

tn_status
tn_infer_vector(tn_infer *x, int index, tn_size size)
{
    const tn_type *type = tn_infer_in(x, index);

    if (!type || (type->rank == 1 && tn_size_equal(type->dim[0], size)))
        return TN_OK;
    return tn_infer_fail(x, "", "%s is %s, it must be [%s]",
        tn_op_in_info(x->op->code, index)->name, tn_infer_type_text(x, type),
        tn_infer_size_text(x, size));
}

void
tn_infer_from_end(tn_infer *x, int attr, tn_size axis)
{
    tn_attr *a = &x->op->attr[attr];
    int64_t value;

    if (a->operand < 0 && tn_size_is_int(a->sizes[0], &value) && value < 0) {
        tn_size at = tn_infer_add(x, axis, a->sizes[0]);

        if (at)
            a->sizes[0] = at;
    }
}

tn_size
tn_infer_place(const tn_infer *x, int attr)
{
    const tn_attr *a = &x->op->attr[attr];

    return a->operand < 0 ? a->sizes[0] : NULL;
}

tn_status
tn_infer_product(tn_infer *x, int attr, tn_dtype from)
{
    tn_attr *a = &x->op->attr[attr];

    if (!a->has_value) {
        a->has_value = true;
        a->dtype = from;
    }
    if (!a->given)
        a->dtype = from;
    if (a->dtype != from &&
        (tn_is_float(a->dtype) != tn_is_float(from) || a->dtype == TN_BOOL ||
            tn_dtype_bytes(a->dtype) <= tn_dtype_bytes(from)))
        return tn_infer_fail_attr(x, attr, "%s is not wider than %s, the type of the operands",
            tn_dtype_name(a->dtype), tn_dtype_name(from));
    return TN_OK;
}

bool
tn_infer_is(const tn_infer *x, int attr, const char *word)
{
    return strcmp(x->op->attr[attr].text, word) == 0;
}

tn_type
tn_infer_without(const tn_type *type, int axis)
{
    tn_type r = *type;

    r.rank--;
    for (int i = axis; i < r.rank; i++)
        r.dim[i] = type->dim[i + 1];
    return r;
}

void
tn_infer_give(tn_infer *x, tn_type type)
{
    tn_push(x->arena, &x->out, type);
}

bool
tn_infer_insert(tn_type *type, int axis, tn_size size)
{
    if (type->rank == TN_MAX_RANK)
        return false;
    for (int i = type->rank; i > axis; i--)
        type->dim[i] = type->dim[i - 1];
    type->dim[axis] = size;
    type->rank++;
    return true;
}

tn_status
tn_infer_too_deep(tn_infer *x, int rank)
{
    return x->check_only ? TN_LIMIT
                         : tn_fail(x->diag, TN_LIMIT,
                               "%s: %s: the result has %d axes, at most %d "
                               "are possible",
                               x->op->path, x->info->name, rank, TN_MAX_RANK);
}
