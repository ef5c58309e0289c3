/* SPDX-License-Identifier: Apache-2.0
 * What the rows of the oracle share. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/reference/ref.h"

const tn_ref_value *
tn_ref_in(const tn_ref_call *c, int index)
{
    return index < c->op->in_count && c->op->in[index] ? &c->r->slot[c->op->in[index]->id] : NULL;
}

tn_status
tn_ref_fail(const tn_ref_call *c, const char *place, const char *format, ...)
{
    char text[TN_DIAG_LINE];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return tn_fail(c->r->env->diag, TN_MALFORMED, "%s%s: %s: %s", c->op->path, place,
        tn_op_info_of(c->op->code)->name, text);
}

const char *
tn_ref_position(const tn_ref_value *v, int64_t at, char text[TN_REF_POSITION])
{
    int64_t index[TN_MAX_RANK];
    size_t used = 0;

    for (int i = v->rank - 1; i >= 0; i--) {
        index[i] = at % v->dim[i];
        at /= v->dim[i];
    }
    text[used++] = '[';
    for (int i = 0; i < v->rank; i++)
        used += (size_t)snprintf(text + used, TN_REF_POSITION - used, "%s%lld", i ? "," : "",
            (long long)index[i]);
    snprintf(text + used, TN_REF_POSITION - used, "]");
    return text;
}

tn_status
tn_ref_size(const tn_ref_call *c, tn_size size, int64_t *out)
{
    if (!tn_size_eval(size, c->r->args->symbols, out))
        return tn_ref_fail(c, "", "a size is no whole number in this run");
    return TN_OK;
}

tn_status
tn_ref_attr_size(const tn_ref_call *c, int attr, int64_t *out)
{
    return tn_ref_size(c, c->op->attr[attr].sizes[0], out);
}

tn_status
tn_ref_place(const tn_ref_call *c, int attr, int64_t *out)
{
    const tn_attr *a = &c->op->attr[attr];

    if (a->operand < 0)
        return tn_ref_size(c, a->sizes[0], out);
    *out = tn_ref_in(c, a->operand)->i[0];
    return TN_OK;
}

int
tn_ref_axis(const tn_ref_call *c, int attr)
{
    return (int)tn_op_int(c->op, attr);
}

bool
tn_ref_is(const tn_ref_call *c, int attr, const char *word)
{
    return strcmp(c->op->attr[attr].text, word) == 0;
}

double
tn_ref_real(const tn_ref_call *c, int attr, tn_dtype dtype)
{
    return tn_round_to(dtype, c->op->attr[attr].numbers[0].real);
}

bool
tn_ref_number(const tn_ref *r, const tn_number *n, tn_dtype dtype, double *f, int64_t *i)
{
    uint32_t count = (uint32_t)tn_sizes_count(r->g->sizes);
    tn_number known = *n;

    if (n->kind == TN_NUMBER_SYMBOLIC) {
        known = tn_number_real(0);
        if (!tn_number_eval(n, r->args->symbols, count, &known.real))
            return false;
    }
    if (dtype == TN_BOOL) {
        *i = n->kind == TN_NUMBER_SYMBOLIC ? known.real != 0 : known.num != 0;
        return true;
    }
    if (tn_is_float(dtype)) {
        *f = tn_round_to(dtype, known.real);
        return true;
    }
    return tn_number_fits(&known, dtype, NULL) && tn_number_is_int(&known, i);
}

int64_t
tn_ref_wrap(tn_dtype dtype, uint64_t bits)
{
    switch (dtype) {
    case TN_I32: return (int32_t)(uint32_t)bits;
    case TN_I16: return (int16_t)(uint16_t)bits;
    case TN_I8: return (int8_t)(uint8_t)bits;
    case TN_U32: return (int64_t)(uint32_t)bits;
    case TN_U16: return (int64_t)(uint16_t)bits;
    case TN_U8: return (int64_t)(uint8_t)bits;
    case TN_BOOL: return bits != 0;
    default: return (int64_t)bits;
    }
}

/* Beyond 2^53 a double would round first: shift down, keeping a bit that says
 * whether anything fell off, and the one rounding sees the right side. */
double
tn_ref_int_to_float(tn_dtype dtype, int64_t value)
{
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    double rounded;
    int shift = 0;

    if (dtype == TN_F64)
        return (double)value;
    while (size >> 53) {
        size = size >> 1 | (size & 1);
        shift++;
    }
    rounded = tn_round_to(dtype, ldexp((double)size, shift));
    return value < 0 ? -rounded : rounded;
}

int64_t
tn_ref_float_to_int(tn_dtype dtype, double value)
{
    int64_t low, high;

    if (isnan(value))
        return 0;
    tn_dtype_range(dtype, &low, &high);
    value = trunc(value);
    if (value <= (double)low)
        return low;
    if (value >= (double)high)
        return high;
    return (int64_t)value;
}

tn_dtype
tn_ref_wide_dtype(tn_dtype dtype)
{
    return dtype == TN_F64 ? TN_F64 : TN_F32;
}

double
tn_ref_wide(tn_dtype dtype, double value)
{
    return dtype == TN_F16 || dtype == TN_BF16 ? tn_round_to(TN_F32, value) : value;
}

double
tn_ref_narrow(tn_dtype dtype, double value)
{
    return dtype == TN_F16 || dtype == TN_BF16 ? tn_round_to(dtype, value) : value;
}

tn_ref_axes
tn_ref_along(const tn_ref_value *x, int axis)
{
    tn_ref_axes a = {.outer = 1, .size = x->dim[axis], .inner = 1};

    for (int i = 0; i < axis; i++)
        a.outer *= x->dim[i];
    for (int i = axis + 1; i < x->rank; i++)
        a.inner *= x->dim[i];
    return a;
}

void
tn_ref_strides(const tn_ref_value *x, int64_t stride[TN_MAX_RANK])
{
    int64_t step = 1;

    for (int i = x->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= x->dim[i];
    }
}

/* ---- broadcasting ---- */

typedef struct walk {
    int rank, operands;
    int64_t dim[TN_MAX_RANK];
    int64_t stride[3][TN_MAX_RANK];
} walk;

/* The stride of each axis of the result in each operand; 0 where the operand
 * has no such axis or stretches. */
static void
lay_out(const tn_ref_call *c, int operands, walk *w)
{
    int labels = tn_op_find_attr(c->op->code, "labels");
    bool has_labels = labels >= 0 && c->op->attr[labels].has_value;
    tn_label_map map;
    int ranks[3];

    for (int o = 0; o < operands; o++)
        ranks[o] = tn_ref_in(c, o)->rank;
    tn_labels_parse(has_labels ? c->op->attr[labels].text : NULL, operands, ranks, false, &map,
        NULL);
    *w = (walk){.rank = map.out_rank, .operands = operands};
    memcpy(w->dim, c->out[0].dim, sizeof w->dim);
    for (int o = 0; o < operands; o++) {
        const tn_ref_value *x = tn_ref_in(c, o);
        int64_t stride[TN_MAX_RANK];

        tn_ref_strides(x, stride);
        for (int i = 0; i < x->rank; i++) {
            for (int k = 0; k < map.out_rank; k++) {
                if (map.out[k] == map.axis[o][i] && x->dim[i] != 1)
                    w->stride[o][k] = stride[i];
            }
        }
    }
}

tn_status
tn_ref_broadcast(tn_ref_call *c, int operands, tn_ref_run_fn *run, const void *info)
{
    tn_ref_stretch s = {.c = c, .info = info, .count = 1};
    int64_t index[TN_MAX_RANK] = {0};
    int last;
    walk w;

    lay_out(c, operands, &w);
    last = w.rank - 1;
    if (c->out[0].count == 0)
        return TN_OK;
    if (w.rank) {
        s.count = w.dim[last];
        for (int o = 0; o < operands; o++)
            s.step[o] = w.stride[o][last];
    }
    for (;;) {
        int axis = last - 1;

        TN_TRY(run(&s));
        s.out += s.count;
        for (; axis >= 0; axis--) {
            for (int o = 0; o < operands; o++)
                s.at[o] += w.stride[o][axis];
            if (++index[axis] < w.dim[axis])
                break;
            for (int o = 0; o < operands; o++)
                s.at[o] -= w.stride[o][axis] * w.dim[axis];
            index[axis] = 0;
        }
        if (axis < 0)
            return TN_OK;
    }
}
