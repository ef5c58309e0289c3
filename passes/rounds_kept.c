/* SPDX-License-Identifier: Apache-2.0
 * One round's piece for each row, such as the last of a sequence, is carried. */
#include <string.h>

#include "ir/graph/build.h"
#include "passes/dims.h"
#include "passes/rounds.h"
#include "passes/scan_axes.h"

enum { HOISTS = 12 };

/* Pieces of all rounds, read at one place for each row. */
typedef struct kept {
    tn_op *scan, *op;    /* the loop, the gather */
    int result;          /* of the loop */
    tn_value *first;     /* of the first place, before the loop; or NULL */
    int64_t outer[TN_MAX_RANK]; /* dimensions of what is gathered from -> its */
    int axis;            /* of the places, in what is gathered from */
    int64_t perm[TN_MAX_RANK]; /* its dimensions -> those that the loop collected */
    int rank;
    tn_value *at;        /* places, with that axis of size 1, if not squeezed */
    int more;            /* axes that they lack at the end */
    bool squeezed;       /* the gather drops the axis */
} kept;

/* ---- what is read ---- */

static void
start_order(kept *k, int rank)
{
    k->rank = rank;
    for (int i = 0; i < rank; i++)
        k->perm[i] = i;
}

/* The loop, behind transpositions. */
static const tn_op *
behind_order(kept *k, tn_value **v)
{
    const tn_op *op = (*v)->kind == TN_VALUE_RESULT ? (*v)->def : NULL;

    while (op && op->code == TN_OP_transpose) {
        for (int i = 0; i < k->rank; i++)
            k->perm[i] = op->attr[TN_ATTR_transpose_perm].ints[k->perm[i]];
        *v = op->in[0];
        op = (*v)->kind == TN_VALUE_RESULT ? (*v)->def : NULL;
    }
    return op;
}

static bool
find_source(kept *k, tn_value *v)
{
    const tn_op *op;

    start_order(k, v->type.rank);
    op = behind_order(k, &v);
    memcpy(k->outer, k->perm, sizeof k->outer);
    if (op && op->code == TN_OP_concat && op->in_count == 2 &&
        tn_op_int(op, TN_ATTR_concat_axis) == k->perm[k->axis] &&
        tn_size_is_one(op->in[0]->type.dim[k->perm[k->axis]])) {
        k->first = op->in[0];
        v = op->in[1];
        op = behind_order(k, &v);
    }
    if (!op || op->code != TN_OP_scan || op->block != k->op->block ||
        v->index < tn_scan_carries(op) || tn_scan_along(op, v->type.rank) != k->perm[k->axis])
        return false;
    k->scan = v->def;
    k->result = v->index;
    return true;
}

/* To the order of the loop's pieces, or back from it. */
static tn_value *
in_order(const kept *k, tn_build *b, tn_value *v, bool back)
{
    int64_t perm[TN_MAX_RANK];
    bool same = true;

    for (int i = 0, n = 0; i < k->rank; i++) {
        int64_t to = k->perm[i] - (k->perm[i] > k->perm[k->axis]);

        if (i == k->axis)
            continue;
        same &= to == n;
        perm[back ? n : to] = back ? to : n;
        n++;
    }
    return same ? v : tn_build_transpose(b, v, perm);
}

/* Places as small as they are known, with size 1 along the axis. */
static tn_value *
places(const kept *k, tn_value *v)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;

    if (op && op->code == TN_OP_broadcast && op->in[0]->type.rank == v->type.rank &&
        tn_size_is_one(op->in[0]->type.dim[k->axis]))
        return op->in[0];
    return v;
}

static bool
find_places(kept *k)
{
    tn_op *op = k->op;
    int last = op->in[1]->type.rank - 1;

    k->at = op->in[1];
    if (strcmp(tn_op_text(op, tn_op_find_attr(op->code, "outside")), "fail") != 0)
        return false;
    if (op->code == TN_OP_gather_elements) {
        k->axis = (int)tn_op_int(op, TN_ATTR_gather_elements_axis);
        k->at = places(k, op->in[1]);
        return tn_size_is_one(op->in[1]->type.dim[k->axis]);
    }
    k->axis = (int)tn_op_int(op, TN_ATTR_gather_axis);
    k->squeezed = last < k->axis;
    /* Every axis behind the place is read whole. */
    k->more = op->in[0]->type.rank - k->axis - 1;
    return tn_op_int(op, TN_ATTR_gather_batch_dims) == k->axis &&
        (last == k->axis - 1 || (last == k->axis && tn_size_is_one(op->in[1]->type.dim[last])));
}

/* ---- what is known before the loop ---- */

static bool
is_behind(const tn_op *scan, const tn_op *op)
{
    for (const tn_op *o = scan->next; o; o = o->next)
        if (o == op)
            return true;
    return false;
}

/* Moves what the value is made of before the loop. False: it takes the loop. */
static bool
move_before(tn_op *scan, tn_value *v, int depth)
{
    tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;

    if (!op || (op != scan && !is_behind(scan, op)))
        return true;
    if (op == scan || op->body_count || depth == HOISTS)
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && !move_before(scan, op->in[i], depth + 1))
            return false;
    tn_op_move_before(op, scan);
    return true;
}

/* ---- the loop ---- */

static tn_value *
first_value(const kept *k, tn_build *b)
{
    const tn_value *piece = k->scan->body[0]->results.at[k->result];
    int64_t axis = k->axis;
    tn_value *v;

    if (!k->first)
        return tn_build_fill(b, piece->type, tn_number_int(0));
    v = tn_build_transpose(b, k->first, k->outer);
    return in_order(k, b, tn_build_squeeze(b, v, &axis, 1), false);
}

/* Where the round is that of the row its piece, else what was kept. */
static tn_value *
next_value(const kept *k, tn_op *scan, tn_value *at, tn_value *piece, tn_value *old)
{
    tn_block *body = scan->body[0];
    tn_build b = {.block = body, .path = scan->path, .from = scan->from};
    tn_value *round = tn_build_cast(&b, body->params.at[scan->in_count], at->type.dtype), *here;

    if (k->first)
        round = tn_build_map2(&b, TN_OP_add, round, tn_build_int(&b, at->type.dtype, 1));
    here = tn_build_map2(&b, TN_OP_equal, round, at);
    return tn_build_map3(&b, TN_OP_where, here, piece, old);
}

static void
carry(const kept *k)
{
    tn_op *old = k->scan, *scan;
    tn_build b = tn_build_before(old), behind = tn_build_before(k->op);
    int carries = tn_scan_carries(old), param[TN_ROUNDS_OPERANDS + 1];
    tn_value *in[TN_ROUNDS_OPERANDS], *by[TN_ROUNDS_OPERANDS], *at, *out;
    int64_t axis = k->axis;

    at = tn_checked_place(&b, k->at, k->op->in[0]->type.dim[k->axis]);
    at = k->squeezed ? at : tn_build_squeeze(&b, at, &axis, 1);
    for (int64_t i = 0; i < k->more; i++) {
        int64_t more = at->type.rank;

        at = tn_build_unsqueeze(&b, at, &more, 1);
    }
    at = in_order(k, &b, at, false);
    for (int i = 0; i <= old->in_count; i++)
        param[i] = i + (i >= carries);
    for (int i = 0; i < old->in_count; i++)
        in[param[i]] = old->in[i];
    in[carries] = first_value(k, &b);
    scan = tn_rounds_rebuild(old, in, old->in_count + 1, carries + 1,
        tn_op_int(old, TN_ATTR_scan_reverse) != 0, param);
    for (int i = 0; i < old->out_count; i++) {
        if (i == carries)
            tn_block_result(scan->body[0],
                next_value(k, scan, at, old->body[0]->results.at[k->result],
                    scan->body[0]->params.at[carries]));
        tn_block_result(scan->body[0], old->body[0]->results.at[i]);
    }
    (void)tn_build_finish(scan);
    for (int i = 0; i < old->out_count; i++)
        by[i] = scan->out[i + (i >= carries)];
    tn_rounds_replace(old, by);
    out = in_order(k, &behind, scan->out[carries], true);
    if (!k->squeezed)
        out = tn_build_unsqueeze(&behind, out, &axis, 1);
    tn_value_replace(k->op->out[0], out);
    tn_op_remove(k->op);
}

/* A step of a chain: what else loops collect is wanted whole. */
static bool
is_chain(const tn_op *scan)
{
    for (const tn_op *op = scan->body[0]->first; op; op = op->next)
        if (op->code == TN_OP_reduce_max || op->code == TN_OP_reduce_min || op->code == TN_OP_log)
            return true;
    return false;
}

static bool
keep(tn_op *op)
{
    kept k = {.op = op};

    if ((op->code != TN_OP_gather_elements && op->code != TN_OP_gather) ||
        !tn_is_float(op->in[0]->type.dtype) || !find_places(&k) || !find_source(&k, op->in[0]) ||
        !is_chain(k.scan) || k.scan->in_count + 1 >= TN_ROUNDS_OPERANDS ||
        k.scan->out_count + 1 >= TN_ROUNDS_OPERANDS || !move_before(k.scan, k.at, 0) ||
        (k.first && !move_before(k.scan, k.first, 0)))
        return false;
    carry(&k);
    return true;
}

bool
tn_clean_kept(tn_graph *g)
{
    bool changed = false;

    for (tn_op *op = g->block->first, *next; op; op = next) {
        next = op->next;
        changed |= keep(op);
    }
    return changed;
}
