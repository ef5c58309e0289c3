/* SPDX-License-Identifier: Apache-2.0
 * The matrices of all experts as one tensor: a stack that the graph has, or
 * one of weights that lie apart. */
#include "passes/fuse/experts_in.h"

static const tn_ex_matrix *
matrix(const tn_ex_term *t, int which)
{
    return which == 0 ? &t->up : which == 1 ? &t->gate : &t->down;
}

/* One weight whose slices are those: equal slices, equal weight. */
static tn_value *
joined(tn_experts *x, tn_ex_term *const *terms, int64_t count, int which)
{
    tn_module *m = x->g->module;
    const tn_type *one = &matrix(terms[0], which)->value->type;
    tn_text name = {.arena = m->arena};
    tn_weight *w;

    for (int64_t e = 0; e < count; e++)
        tn_text_add(&name, "%s%s", e ? " " : "", matrix(terms[e], which)->value->weight->name);
    w = tn_map_get(&m->weights, name.at);
    if (w)
        return tn_graph_weight(x->g, w);
    w = tn_new(m->arena, tn_weight);
    w->name = w->tensor = name.at;
    w->type = (tn_type){.dtype = one->dtype, .rank = 3};
    w->type.dim[0] = tn_size_int(x->g->sizes, count);
    w->type.dim[1] = one->dim[0];
    w->type.dim[2] = one->dim[1];
    w->fill = TN_FILL_NONE;
    w->id = m->weights.count;
    for (int64_t e = 0; e < count; e++) {
        tn_push(m->arena, &w->slices, matrix(terms[e], which)->value->weight);
        w->elements += w->slices.at[e]->elements;
    }
    tn_map_put(&m->weights, w->name, w);
    return tn_graph_weight(x->g, w);
}

bool
tn_ex_same_matrix(const tn_ex_matrix *a, const tn_ex_matrix *b)
{
    return a->value == b->value && a->expert == b->expert && a->row == b->row &&
        a->column == b->column && a->start == b->start && a->step == b->step;
}

static bool
are_alike(tn_experts *x, tn_ex_term *const *terms, int64_t count, int which)
{
    const tn_ex_matrix *first = matrix(terms[0], which);

    if (first->expert < 0 && count < 2)
        return tn_ex_fail(x, "there are several experts", "one", "leave the choice out");
    for (int64_t e = 0; e < count; e++) {
        const tn_ex_matrix *m = matrix(terms[e], which);

        if (m->row != first->row || m->start != first->start || m->step != first->step ||
            m->expert != first->expert || !tn_type_equal(&m->value->type, &first->value->type))
            return tn_ex_fail(x, "all experts have one shape", "different ones",
                "give all experts equal shapes and orders of axes");
        if (first->expert >= 0 && m->value != first->value)
            return tn_ex_fail(x, "the matrices of all experts are one stack", "several stacks",
                "keep them in one tensor");
        if (first->expert < 0 && m->value->kind != TN_VALUE_WEIGHT)
            return tn_ex_fail(x, "the matrices of experts are weights", "computed tensors",
                "stack them first: [experts,rows,columns]");
    }
    return true;
}

tn_value *
tn_ex_stack(tn_experts *x, tn_ex_term *const *terms, int64_t count, int which, tn_build *b)
{
    const tn_ex_matrix *m = matrix(terms[0], which);
    int shift = m->expert < 0, row = m->row + shift, column = m->column + shift;
    int64_t perm[3] = {shift ? 0 : m->expert, row, column};
    tn_size rows = which == 2 ? x->y->type.dim[x->lead]
                              : terms[0]->down.value->type.dim[terms[0]->down.column];
    tn_value *v;

    if (!are_alike(x, terms, count, which))
        return NULL;
    v = shift ? joined(x, terms, count, which) : m->value;
    if (m->start != 0 || m->step != 1 || !tn_size_equal(v->type.dim[row], rows)) {
        tn_size start = tn_size_int(x->g->sizes, m->start);
        tn_op *cut = tn_build_start(b, TN_OP_slice, &v, 1);
        int64_t axis = row;

        tn_op_set_ints(cut, TN_ATTR_slice_axis, &axis, 1);
        tn_op_set_sizes(cut, TN_ATTR_slice_start, &start, 1);
        tn_op_set_sizes(cut, TN_ATTR_slice_size, &rows, 1);
        tn_op_set_ints(cut, TN_ATTR_slice_step, &m->step, 1);
        v = tn_build_finish(cut);
    }
    if (perm[0] != 0 || perm[1] != 1)
        v = tn_build_transpose(b, v, perm);
    return v;
}

/* ---- what layers add ---- */

static const tn_ex_matrix *
bias(const tn_ex_term *t, int which)
{
    return which == 0 ? &t->up_bias : which == 1 ? &t->gate_bias : &t->down_bias;
}

static tn_value *
cut_rows(tn_experts *x, tn_build *b, const tn_ex_matrix *m, tn_value *v, int axis, tn_size rows)
{
    tn_size start = tn_size_int(x->g->sizes, m->start);
    int64_t along = axis;
    tn_op *cut;

    if (m->start == 0 && m->step == 1 && tn_size_equal(v->type.dim[axis], rows))
        return v;
    cut = tn_build_start(b, TN_OP_slice, &v, 1);
    tn_op_set_ints(cut, TN_ATTR_slice_axis, &along, 1);
    tn_op_set_sizes(cut, TN_ATTR_slice_start, &start, 1);
    tn_op_set_sizes(cut, TN_ATTR_slice_size, &rows, 1);
    tn_op_set_ints(cut, TN_ATTR_slice_step, &m->step, 1);
    return tn_build_finish(cut);
}

/* [X,rows] or, of one expert, [1,rows]. */
static tn_value *
vector(tn_experts *x, tn_build *b, const tn_ex_matrix *m, tn_size rows)
{
    tn_size one = tn_size_int(x->g->sizes, 1), to[2] = {one};
    tn_value *v = cut_rows(x, b, m, m->value, m->row, rows);

    to[1] = v->type.dim[m->row];
    if (m->expert >= 0)
        to[0] = v->type.dim[m->expert];
    if (m->expert > m->row) {
        int64_t perm[TN_MAX_RANK];

        for (int i = 0; i < v->type.rank; i++)
            perm[i] = i;
        perm[m->row] = m->expert;
        perm[m->expert] = m->row;
        v = tn_build_transpose(b, v, perm);
    }
    return tn_build_reshape(b, v, to, 2);
}

/* Joined a few at a time. */
tn_value *
tn_ex_concat(tn_experts *x, tn_build *b, tn_value **parts, int64_t count, int axis)
{
    enum { FEW = 6 };

    (void)x;
    while (count > 1) {
        int64_t made = 0;

        for (int64_t i = 0; i < count; i += FEW) {
            int n = (int)(count - i < FEW ? count - i : FEW);

            parts[made++] = n > 1 ? tn_build_concat(b, parts + i, n, axis) : parts[i];
        }
        count = made;
    }
    return parts[0];
}

static bool
biases_alike(tn_experts *x, tn_ex_term *const *terms, int64_t count, int which)
{
    const tn_ex_matrix *first = bias(terms[0], which);

    for (int64_t e = 1; e < count; e++) {
        const tn_ex_matrix *m = bias(terms[e], which);

        if (!m->value != !first->value ||
            (m->value && first->expert >= 0 && !tn_ex_same_matrix(m, first)))
            return tn_ex_fail(x, "all experts add something, or none does", "some do",
                "give all experts biases in one form");
    }
    return true;
}

bool
tn_ex_bias(tn_experts *x, tn_ex_term *const *terms, int64_t count, int64_t experts, int which,
    tn_build *b, tn_value **out)
{
    const tn_ex_matrix *first = bias(terms[0], which);
    tn_size to[2] = {tn_size_int(x->g->sizes, experts)};
    tn_value **parts, *v;

    *out = NULL;
    if (!biases_alike(x, terms, count, which))
        return false;
    if (!first->value)
        return true;
    to[1] = which == 2 ? x->y->type.dim[x->lead]
                       : terms[0]->down.value->type.dim[terms[0]->down.column];
    if (first->expert >= 0) {
        *out = vector(x, b, first, to[1]);
        return true;
    }
    parts = tn_new_array(x->arena, tn_value *, count);
    for (int64_t e = 0; e < count; e++)
        parts[e] = vector(x, b, bias(terms[e], which), to[1]);
    v = tn_ex_concat(x, b, parts, count, 0);
    *out = tn_build_broadcast(b, v, to, 2);
    return true;
}
