/* SPDX-License-Identifier: Apache-2.0
 * Contractions: one mma over a spanned axis for each summed label. */

#include "passes/lower/lo.h"

typedef struct sum {
    tn_label_map map;
    tn_tval *at[TN_MAX_LABELS]; /* position along each label */
    bool summed[TN_MAX_LABELS];
    tn_axis *axis[TN_MAX_LABELS];
    int axes;
} sum;

static void
read_labels(tn_lo *k, const tn_op *op, tn_tval *const *index, sum *s)
{
    int ranks[2] = {op->in[0]->type.rank, op->in[1]->type.rank};
    tn_size extent[TN_MAX_LABELS] = {0};
    int count = 0;

    (void)tn_labels_parse(tn_op_text(op, TN_ATTR_contract_labels), 2, ranks, true, &s->map, NULL);
    for (int i = 0; i < s->map.out_rank; i++)
        s->at[s->map.out[i]] = index[i];
    for (int in = 0; in < 2; in++)
        for (int i = 0; i < s->map.rank[in]; i++)
            extent[s->map.axis[in][i]] = op->in[in]->type.dim[i];
    for (int l = 0; l < s->map.label_count; l++)
        s->summed[l] = s->at[l] == NULL;
    for (int l = 0; l < s->map.label_count; l++) {
        tn_tval *used[TN_MAX_LABELS];

        if (s->at[l])
            continue;
        count = 0;
        for (int n = 0; n < s->map.label_count; n++)
            if (s->at[n])
                used[count++] = s->at[n];
        if (tn_size_is_one(extent[l])) {
            s->at[l] = tn_tb_int(k->b, 0);
            continue;
        }
        s->axis[s->axes] = tn_lo_span_axis(k, extent[l], used, count);
        s->at[l] = tn_tb_index(k->b, s->axis[s->axes++]);
    }
}

static void
operand_index(tn_lo *k, const tn_op *op, const sum *s, int in, tn_tval **at)
{
    const tn_value *v = op->in[in];

    for (int i = 0; i < v->type.rank; i++)
        at[i] = tn_size_is_one(v->type.dim[i]) ? tn_tb_int(k->b, 0) : s->at[s->map.axis[in][i]];
}

/* A weight, perhaps through slices that start at known places. */
typedef struct source {
    tn_value *weight;
    int64_t start[TN_MAX_RANK];
} source;

static source
source_of(tn_lo *k, tn_value *v)
{
    source s = {.weight = v};

    while (s.weight->kind == TN_VALUE_RESULT && s.weight->def->code == TN_OP_slice &&
        !tn_lo_in_memory(k, s.weight)) {
        const tn_op *op = s.weight->def;
        const tn_attr *start = &op->attr[TN_ATTR_slice_start];
        int axis = (int)tn_op_int(op, TN_ATTR_slice_axis);
        int64_t from;

        if (tn_op_int(op, TN_ATTR_slice_step) != 1 || start->operand >= 0 ||
            !tn_size_is_int(start->sizes[0], &from))
            break;
        s.start[axis] += from;
        s.weight = op->in[0];
    }
    return s;
}

/* A weight whose last dimensions are all summed and stand behind one that is
 * not, along which it differs from the other operand: packed by 16 of that. */
static bool
packs(tn_lo *k, const tn_op *op, const sum *s, int in, const source *from, tn_layout *layout)
{
    int n = op->in[in]->type.rank - 1;
    const int8_t *label = s->map.axis[in];

    if (!k->options->pack || from->weight->kind != TN_VALUE_WEIGHT)
        return false;
    while (n >= 0 && s->summed[label[n]] && from->start[n] == 0 &&
        tn_size_equal(op->in[in]->type.dim[n], from->weight->type.dim[n]))
        n--;
    if (n < 0 || n == op->in[in]->type.rank - 1 || from->start[n] % 16 != 0)
        return false;
    for (int i = 0; i <= n; i++)
        if (s->summed[label[i]])
            return false;
    for (int i = 0; i < s->map.rank[1 - in]; i++)
        if (s->map.axis[1 - in][i] == label[n])
            return false;
    *layout = (tn_layout){.kind = TN_LAYOUT_P16, .n = (uint8_t)n};
    return true;
}

tn_tval *
tn_lo_matrix(tn_lo *k, tn_value *w, tn_tval *const *index)
{
    source from = source_of(k, w);
    const tn_type *t = &from.weight->type;
    int n = t->rank - 2;
    tn_tval *at[TN_MAX_RANK];

    if (!k->options->pack || from.weight->kind != TN_VALUE_WEIGHT || from.start[n] % 16 != 0 ||
        !tn_size_equal(t->dim[n + 1], w->type.dim[n + 1]))
        return tn_lo_el(k, w, index);
    for (int i = 0; i < t->rank; i++)
        at[i] = tn_tb_fn2(k->b, TN_FN_add, index[i], tn_tb_int(k->b, from.start[i]));
    return tn_lo_load(k, from.weight, t->rank, t->dim,
        (tn_layout){.kind = TN_LAYOUT_P16, .n = (uint8_t)n}, at);
}

static tn_tval *
factor(tn_lo *k, const tn_op *op, const sum *s, int in, tn_dtype wide)
{
    source from = source_of(k, op->in[in]);
    tn_tval *at[TN_MAX_RANK], *x;
    tn_layout layout;

    operand_index(k, op, s, in, at);
    if (packs(k, op, s, in, &from, &layout)) {
        const tn_type *t = &from.weight->type;

        for (int i = 0; i < t->rank; i++)
            at[i] = tn_tb_fn2(k->b, TN_FN_add, at[i], tn_tb_int(k->b, from.start[i]));
        x = tn_lo_load(k, from.weight, t->rank, t->dim, layout, at);
    } else {
        x = tn_lo_el(k, op->in[in], at);
    }
    return tn_tb_cast(k->b, wide, x);
}

tn_tval *
tn_lower_contract(tn_lo *k, tn_op *op, int result, tn_tval *const *index)
{
    tn_dtype to = op->out[0]->type.dtype;
    tn_dtype wide = to == TN_F16 || to == TN_BF16 ? TN_F32 : to;
    sum s = {.axes = 0};
    tn_tval *a, *b, *x;

    (void)result;
    read_labels(k, op, index, &s);
    a = factor(k, op, &s, 0, wide);
    b = factor(k, op, &s, 1, wide);
    for (int i = 0; i < s.axes; i++)
        if (!tn_tval_has_axis(b, s.axis[i]))
            a = tn_lo_with_axis(k, a, s.axis[i]);
    if (s.axes)
        x = tn_tb_mma(k->b, tn_lo_zero(k, wide), a, b, s.axis, s.axes);
    else
        x = tn_tb_fn2(k->b, TN_FN_mul, a, b);
    return tn_lo_narrow(k, x, to);
}
