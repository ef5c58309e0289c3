/* SPDX-License-Identifier: Apache-2.0
 * Loops: their batch axes are the grid of a group; a later loop over the same
 * batch may follow in the same kernel (forward and backward of a CRF). */
#include <string.h>

#include "passes/group_in.h"
#include "passes/scan_axes.h"

/* The spanned axis of that extent that the value does not use yet. */
static int
span_for(tn_grouper *x, tn_group *group, const tn_group_place *p, tn_size extent)
{
    for (uint32_t i = 0; i < group->axes.count; i++) {
        bool used = false;

        for (int k = 0; k < TN_MAX_RANK; k++)
            used |= p->axis[k] == (int)i;
        if (group->axes.at[i].span && !used && tn_size_equal(group->axes.at[i].extent, extent))
            return (int)i;
    }
    return tn_group_add_axis(x, group, extent, true);
}

/* `axis_of` is the group's axis of each batch axis of the scan. */
static void
place_results(tn_grouper *x, tn_group *group, tn_op *op, tn_scan_axes *s, const int *axis_of)
{
    int carries = tn_scan_carries(op);

    for (int n = 0; n < op->out_count; n++) {
        const tn_value *v = op->out[n];
        tn_group_place *p = tn_group_add_place(x, group, op->out[n], true);

        p->memory = n >= carries;
        for (int i = 0; i < v->type.rank; i++) {
            int batch = tn_scan_axis_of(s, v, i);

            if (batch >= 0)
                p->axis[i] = (int8_t)axis_of[batch];
        }
        for (int i = 0; n < carries && i < v->type.rank; i++)
            if (p->axis[i] < 0 && !tn_size_is_one(v->type.dim[i]))
                p->axis[i] = (int8_t)span_for(x, group, p, v->type.dim[i]);
    }
}

void
tn_group_open_scan(tn_grouper *x, tn_group *group, tn_op *op)
{
    tn_scan_axes s = tn_scan_axes_find(x->arena, op);
    int axis_of[TN_SCAN_AXES];

    for (int i = 0; i < s.count; i++)
        axis_of[i] = tn_group_add_axis(x, group, s.extent[i], false);
    place_results(x, group, op, &s, axis_of);
    tn_group_add_op(x, group, op);
}

/* A member of the group that the scan reads: its grid axes are batch axes of
 * the scan and the other way round. */
static bool
fit_member(tn_scan_axes *s, const tn_group *group, const tn_value *as, const tn_trace *t,
    const tn_group_place *p, int *axis_of)
{
    for (int i = 0; i < as->type.rank; i++) {
        int axis = t->dim[i] < 0 ? -1 : p->axis[t->dim[i]];
        bool grid = axis >= 0 && !group->axes.at[axis].span;
        int batch = tn_scan_axis_of(s, as, i);

        if (tn_size_is_one(as->type.dim[i]))
            continue;
        if (grid != (batch >= 0) || (grid && axis_of[batch] >= 0 && axis_of[batch] != axis))
            return false;
        if (grid)
            axis_of[batch] = axis;
    }
    return true;
}

static bool
fit_value(tn_grouper *x, tn_scan_axes *s, const tn_group *group, tn_value *v, int *axis_of)
{
    tn_trace t;
    const tn_group_place *p;

    if (v->kind == TN_VALUE_LITERAL || v->kind == TN_VALUE_PARAM)
        return true;
    t = tn_group_trace(x, v);
    p = tn_group_find(group, t.base);
    if (p && p->member)
        return fit_member(s, group, v, &t, p, axis_of);
    tn_group_walk_start(x);
    tn_group_walk(x, v);
    for (uint32_t i = 0; i < x->leaves.count; i++)
        if (tn_group_of(x, x->leaves.at[i]) == group)
            return false;
    return true;
}

static bool
is_outer(const tn_grouper *x, const tn_value *v)
{
    return v->kind != TN_VALUE_RESULT || v->def->block == x->g->block;
}

static bool
fit_body(tn_grouper *x, tn_scan_axes *s, const tn_group *group, const tn_block *body, int *axis_of)
{
    for (const tn_op *op = body->first; op; op = op->next)
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i] && is_outer(x, op->in[i]) && !fit_value(x, s, group, op->in[i], axis_of))
                return false;
    for (uint32_t i = 0; i < body->results.count; i++)
        if (is_outer(x, body->results.at[i]) &&
            !fit_value(x, s, group, body->results.at[i], axis_of))
            return false;
    return true;
}

bool
tn_group_join_scan(tn_grouper *x, tn_group *into, tn_op *op)
{
    tn_scan_axes s;
    int axis_of[TN_SCAN_AXES];
    int grid = 0;

    if (into->kind != TN_GROUP_SCAN || into->axes.count + TN_MAX_RANK >= TN_GROUP_AXES)
        return false;
    s = tn_scan_axes_find(x->arena, op);
    memset(axis_of, -1, sizeof axis_of);
    for (int i = 0; i < op->in_count; i++)
        if (!fit_value(x, &s, into, op->in[i], axis_of))
            return false;
    if (!fit_body(x, &s, into, op->body[0], axis_of))
        return false;
    for (uint32_t i = 0; i < into->axes.count; i++)
        grid += !into->axes.at[i].span;
    for (int i = 0; i < s.count; i++)
        if (axis_of[i] < 0)
            return false;
    if (grid != s.count || !tn_group_ready(x, op, into))
        return false;
    place_results(x, into, op, &s, axis_of);
    tn_group_add_op(x, into, op);
    return true;
}

/* Axes of the operand's dimensions but the joined one: grid axes only, so that
 * little is kept in arrays of the task. */
static bool
fit_part(tn_grouper *x, const tn_group *group, tn_op *op, int in, int along, int8_t *result,
    bool *any)
{
    tn_value *v = op->in[in];
    tn_trace t = tn_group_trace(x, v);
    const tn_group_place *p = tn_group_find(group, t.base);

    if (!p || !p->member) {
        tn_group_walk_start(x);
        tn_group_walk(x, v);
        for (uint32_t i = 0; i < x->leaves.count; i++)
            if (tn_group_of(x, x->leaves.at[i]) == group)
                return false;
        return true;
    }
    for (int i = 0; i < v->type.rank; i++) {
        int axis = t.dim[i] < 0 ? -1 : p->axis[t.dim[i]];

        if (i == along ? axis >= 0 && !group->axes.at[axis].span
                       : !tn_size_is_one(v->type.dim[i]) &&
                    (axis < 0 || group->axes.at[axis].span ||
                        (result[i] >= 0 && result[i] != axis)))
            return false;
        if (i != along && axis >= 0)
            result[i] = (int8_t)axis;
    }
    *any = true;
    return true;
}

bool
tn_group_join_concat(tn_grouper *x, tn_group *into, tn_op *op)
{
    int along = (int)tn_op_int(op, TN_ATTR_concat_axis), grid = 0, found = 0;
    int8_t result[TN_MAX_RANK];
    tn_group_place *place;
    bool any = false;

    memset(result, -1, sizeof result);
    if (into->kind != TN_GROUP_SCAN || into->axes.count + 1 >= TN_GROUP_AXES)
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (!fit_part(x, into, op, i, along, result, &any))
            return false;
    for (uint32_t i = 0; i < into->axes.count; i++)
        grid += !into->axes.at[i].span;
    for (int i = 0; i < TN_MAX_RANK; i++)
        found += result[i] >= 0;
    if (!any || found != grid || !tn_group_ready(x, op, into))
        return false;
    result[along] = (int8_t)tn_group_add_axis(x, into, op->out[0]->type.dim[along], true);
    place = tn_group_add_place(x, into, op->out[0], true);
    memcpy(place->axis, result, sizeof result);
    tn_group_add_op(x, into, op);
    return true;
}
