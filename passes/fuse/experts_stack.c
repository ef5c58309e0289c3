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
