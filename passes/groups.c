/* SPDX-License-Identifier: Apache-2.0
 * Groups of channels: what is reduced over axes that were joined for it, and
 * put back afterwards, is reduced over the axes themselves. What follows then
 * lies on the axes of the reduction. */
#include "ir/graph/build.h"
#include "passes/clean.h"
#include "passes/dims.h"

enum { OPS = 32, OPERANDS = 3, VECTOR = 16 };

/* What stands between two reshapes. */
typedef struct region {
    tn_op *back;      /* the second */
    tn_op *op[OPS];   /* the first as well */
    tn_value *made[OPS];
    int count;
    tn_size dim[TN_MAX_RANK]; /* the axes themselves, */
    int8_t of[TN_MAX_RANK];   /* the joined axis that each is part of */
    int rank;
    bool needed; /* a reduction goes along a joined axis */
} region;

static bool
push(region *r, tn_size size, int of)
{
    if (r->rank == TN_MAX_RANK)
        return false;
    r->of[r->rank] = (int8_t)of;
    r->dim[r->rank++] = size;
    return true;
}

/* a / b, NULL if that may not go even. */
static tn_size
part_of(tn_sizes *s, tn_size a, tn_size b)
{
    tn_size n = tn_size_div(s, a, b);

    return n && tn_size_is_whole(s, n) ? n : NULL;
}

/* The coarsest axes of which those of both types are joined. */
static bool
refine(tn_sizes *s, const tn_type *joined, const tn_type *own, region *r)
{
    tn_size a = NULL, b = NULL;
    int i = 0, k = 0;

    while (i < joined->rank && k < own->rank) {
        tn_size rest;

        a = a ? a : joined->dim[i];
        b = b ? b : own->dim[k];
        if (tn_size_is_one(a) && !tn_size_is_one(b)) {
            if (!push(r, a, i++))
                return false;
            a = NULL;
        } else if (tn_size_is_one(b) && !tn_size_is_one(a)) {
            b = NULL;
            k++;
        } else if (tn_size_equal(a, b)) {
            if (!push(r, a, i))
                return false;
            a = b = NULL;
            i++;
            k++;
        } else if ((rest = part_of(s, b, a)) != NULL) {
            if (!push(r, a, i++))
                return false;
            a = NULL;
            b = rest;
        } else if ((rest = part_of(s, a, b)) != NULL) {
            if (!push(r, b, i))
                return false;
            a = rest;
            b = NULL;
            k++;
        } else {
            return false;
        }
    }
    for (; !a && i < joined->rank && tn_size_is_one(joined->dim[i]); i++)
        if (!push(r, joined->dim[i], i))
            return false;
    while (!b && k < own->rank && tn_size_is_one(own->dim[k]))
        k++;
    return !a && !b && i == joined->rank && k == own->rank && r->rank > joined->rank;
}

/* Vectors lie along the last axis: where that is short, or does not fill them,
 * more is lost than a kernel. Behind channels one axis of unknown size is taken
 * to be long; of two the last is the width of an image. */
static bool
fills_vectors(const region *r)
{
    int last = r->rank - 1, parts = 0;
    int64_t size;

    for (int i = 0; i < r->rank; i++)
        parts += r->of[i] == r->of[last];
    if (parts == 1)
        return true;
    return tn_size_is_int(r->dim[last], &size) ? size % VECTOR == 0 : parts == 2;
}

static bool
same_dims(const tn_type *a, const tn_type *b)
{
    for (int i = 0; i < a->rank && a->rank == b->rank; i++)
        if (!tn_size_equal(a->dim[i], b->dim[i]))
            return false;
    return a->rank == b->rank;
}

static int
find(const region *r, const tn_op *op)
{
    for (int i = 0; i < r->count; i++)
        if (r->op[i] == op)
            return i;
    return -1;
}

static bool
is_free(const tn_value *v)
{
    return v->kind == TN_VALUE_LITERAL || v->type.rank == 0;
}

/* A joined axis that is reduced: it has several parts. */
static bool
reduces_parts(const region *r, unsigned mask)
{
    for (int i = 1; i < r->rank; i++)
        if (r->of[i] == r->of[i - 1] && mask >> r->of[i] & 1)
            return true;
    return false;
}

/* The op makes a value over the joined axes, or some of them reduced to 1. */
static bool
may_be(region *r, const tn_op *op)
{
    const tn_type *joined = &r->back->in[0]->type;
    int keep = tn_op_find_attr(op->code, "keepdims");

    if (op->out_count != 1 || op->block != r->back->block || op->out[0]->type.rank != joined->rank)
        return false;
    if (op->code == TN_OP_reshape)
        return same_dims(&op->out[0]->type, joined) &&
            same_dims(&op->in[0]->type, &r->back->out[0]->type);
    if (tn_lower_kind_of(op->code) == TN_LOWER_map)
        return op->in_count <= OPERANDS &&
            (tn_op_find_attr(op->code, "labels") < 0 ||
                !op->attr[tn_op_find_attr(op->code, "labels")].has_value);
    if (tn_lower_kind_of(op->code) != TN_LOWER_reduce || op->in_count != 1 || keep < 0 ||
        tn_op_find_attr(op->code, "axes") < 0 || !tn_op_int(op, keep))
        return false;
    r->needed |= reduces_parts(r, tn_op_reduced(op));
    return true;
}

/* Operations behind `back`, operands of each before all of theirs. */
static bool
collect(region *r)
{
    tn_value *v = r->back->in[0];

    if (v->kind != TN_VALUE_RESULT || !may_be(r, v->def))
        return false;
    r->op[r->count++] = v->def;
    for (int n = 0; n < r->count; n++) {
        const tn_op *op = r->op[n];

        for (int i = 0; i < op->in_count && op->code != TN_OP_reshape; i++) {
            v = op->in[i];
            if (!v || is_free(v) || (v->kind == TN_VALUE_RESULT && find(r, v->def) >= 0))
                continue;
            if (v->kind != TN_VALUE_RESULT || r->count == OPS || !may_be(r, v->def))
                return false;
            r->op[r->count++] = v->def;
        }
    }
    return r->needed;
}

/* Nothing else reads what stands between. */
static bool
is_closed(const region *r)
{
    for (int n = 0; n < r->count; n++) {
        const tn_value *v = r->op[n]->out[0];

        for (uint32_t i = 0; i < v->uses.count && r->op[n]->code != TN_OP_reshape; i++) {
            const tn_op *to = v->uses.at[i].op;

            if (to != r->back && (!to || find(r, to) < 0))
                return false;
        }
    }
    return true;
}

static tn_value *
reduced_over_parts(tn_build *b, const region *r, const tn_op *op, tn_value *x)
{
    int64_t axes[TN_MAX_RANK], keep = 1;
    unsigned mask = tn_op_reduced(op);
    int count = 0, axes_attr = tn_op_find_attr(op->code, "axes");
    tn_op *made;

    for (int i = 0; i < r->rank; i++)
        if (mask >> r->of[i] & 1)
            axes[count++] = i;
    made = tn_build_start(b, op->code, &x, 1);
    for (int i = 0; i < tn_op_info_of(op->code)->attr_count; i++)
        made->attr[i] = op->attr[i];
    tn_op_set_ints(made, axes_attr, axes, count);
    tn_op_set_ints(made, tn_op_find_attr(op->code, "keepdims"), &keep, 1);
    return tn_build_finish(made);
}

static tn_value *
again(tn_build *b, const region *r, tn_op *op)
{
    tn_value *in[OPERANDS];

    if (op->code == TN_OP_reshape)
        return tn_build_reshape(b, op->in[0], r->dim, r->rank);
    for (int i = 0; i < op->in_count; i++)
        in[i] = !op->in[i] || is_free(op->in[i]) ? op->in[i] : r->made[find(r, op->in[i]->def)];
    if (tn_lower_kind_of(op->code) == TN_LOWER_reduce)
        return reduced_over_parts(b, r, op, in[0]);
    return tn_build_copy(b, op, in)->out[0];
}

static void
make_again(region *r)
{
    tn_build b = tn_build_before(r->back);
    tn_value *y;

    for (tn_op *op = r->back->block->first; op != r->back; op = op->next) {
        int n = find(r, op);

        if (n >= 0)
            r->made[n] = again(&b, r, op);
    }
    y = tn_build_reshape(&b, r->made[0], r->back->out[0]->type.dim, r->back->out[0]->type.rank);
    y->name = r->back->out[0]->name;
    tn_value_replace(r->back->out[0], y);
    tn_op_remove(r->back);
}

bool
tn_clean_groups(tn_graph *g)
{
    bool changed = false;

    for (tn_op *op = g->block->first, *next; op; op = next) {
        region r = {.back = op};

        next = op->next;
        if (op->code != TN_OP_reshape ||
            !refine(g->sizes, &op->in[0]->type, &op->out[0]->type, &r) || !fills_vectors(&r) ||
            !collect(&r) || !is_closed(&r))
            continue;
        make_again(&r);
        changed = true;
    }
    return changed;
}
