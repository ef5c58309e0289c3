/* SPDX-License-Identifier: Apache-2.0
 * What loops do not need, and which way they run. */
#include "ir/graph/build.h"
#include "passes/rounds.h"
#include "passes/scan_axes.h"

/* ---- what nobody reads ---- */

typedef struct trimmer {
    tn_op *scan;
    int carries;
    bool *live;   /* by op id: operations of the body */
    bool *wanted; /* results of the body */
} trimmer;

static bool want(trimmer *x, const tn_value *v);

static bool
want_block(trimmer *x, const tn_block *block)
{
    bool changed = false;

    for (const tn_op *op = block->first; op; op = op->next) {
        for (int i = 0; i < op->in_count; i++)
            changed |= op->in[i] && want(x, op->in[i]);
        for (int i = 0; i < op->body_count; i++)
            changed |= want_block(x, op->body[i]);
    }
    for (uint32_t i = 0; i < block->results.count; i++)
        changed |= want(x, block->results.at[i]);
    return changed;
}

/* True if that is news. */
static bool
want(trimmer *x, const tn_value *v)
{
    const tn_block *body = x->scan->body[0];

    if (v->kind == TN_VALUE_PARAM && v->block == body && v->index < x->carries &&
        !x->wanted[v->index])
        return x->wanted[v->index] = true;
    if (v->kind != TN_VALUE_RESULT || v->def->block != body || x->live[v->def->id])
        return false;
    return x->live[v->def->id] = true;
}

/* Operations stand behind what they read. */
static bool
spread(trimmer *x)
{
    const tn_block *body = x->scan->body[0];
    bool changed = false;

    for (uint32_t i = 0; i < body->results.count; i++)
        if (x->wanted[i])
            changed |= want(x, body->results.at[i]);
    for (const tn_op *op = body->last; op; op = op->prev) {
        if (!x->live[op->id])
            continue;
        for (int i = 0; i < op->in_count; i++)
            changed |= op->in[i] && want(x, op->in[i]);
        for (int i = 0; i < op->body_count; i++)
            changed |= want_block(x, op->body[i]);
    }
    return changed;
}

static bool
is_wanted(const trimmer *x, int n)
{
    return x->wanted[n];
}

static void
trim(trimmer *x)
{
    tn_op *old = x->scan, *scan;
    tn_value *in[TN_ROUNDS_OPERANDS], *by[TN_ROUNDS_OPERANDS];
    int param[TN_ROUNDS_OPERANDS + 1], count = 0, carries = 0, n = 0;

    for (int i = 0; i < old->in_count; i++) {
        bool kept = i >= x->carries || is_wanted(x, i);

        param[i] = kept ? count : -1;
        carries += kept && i < x->carries;
        if (kept)
            in[count++] = old->in[i];
    }
    param[old->in_count] = count;
    for (int i = 0; i < x->carries; i++)
        if (!is_wanted(x, i) && old->body[0]->params.at[i]->uses.count) {
            /* What reads it is dead, and goes with it. */
            tn_value_replace(old->body[0]->params.at[i], old->in[i]);
        }
    scan = tn_rounds_rebuild(old, in, count, carries, tn_op_int(old, TN_ATTR_scan_reverse) != 0,
        param);
    for (int i = 0; i < old->out_count; i++)
        if (is_wanted(x, i))
            tn_block_result(scan->body[0], old->body[0]->results.at[i]);
    (void)tn_build_finish(scan);
    for (int i = 0; i < old->out_count; i++)
        by[i] = is_wanted(x, i) ? scan->out[n++] : NULL;
    tn_rounds_replace(old, by);
}

static bool
trim_scan(tn_op *scan)
{
    tn_arena *arena = scan->graph->module->arena;
    trimmer x = {.scan = scan, .carries = tn_scan_carries(scan)};
    int wanted = 0;

    if (scan->in_count >= TN_ROUNDS_OPERANDS || scan->out_count >= TN_ROUNDS_OPERANDS)
        return false;
    x.live = tn_new_array(arena, bool, scan->graph->op_count);
    x.wanted = tn_new_array(arena, bool, scan->out_count + 1);
    for (int i = 0; i < scan->out_count; i++)
        x.wanted[i] = scan->out[i]->uses.count > 0;
    while (spread(&x))
        ;
    for (int i = 0; i < scan->out_count; i++)
        wanted += x.wanted[i];
    if (wanted == 0 || wanted == scan->out_count)
        return false;
    trim(&x);
    return true;
}

static bool
each_scan(tn_graph *g, bool (*clean)(tn_op *scan))
{
    bool changed = false;

    for (tn_op *op = g->block->first, *next; op; op = next) {
        next = op->next;
        if (op->code == TN_OP_scan)
            changed |= clean(op);
    }
    return changed;
}

bool
tn_clean_trim(tn_graph *g)
{
    return each_scan(g, trim_scan);
}

/* ---- which way ---- */

/* What lies reversed along that axis only, or NULL. */
static tn_value *
reversed(const tn_value *v, int axis)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;

    return op && op->code == TN_OP_reverse && op->attr[TN_ATTR_reverse_axes].count == 1 &&
            op->attr[TN_ATTR_reverse_axes].ints[0] == axis
        ? op->in[0]
        : NULL;
}

static tn_value *
reverse(tn_build *b, tn_value *v, int axis)
{
    tn_value *twice = reversed(v, axis);
    int64_t along = axis;
    tn_op *op;

    if (twice)
        return twice;
    op = tn_build_start(b, TN_OP_reverse, &v, 1);
    tn_op_set_ints(op, TN_ATTR_reverse_axes, &along, 1);
    return tn_build_finish(op);
}

/* The number of the round, counted from the other end. */
static void
count_from_end(tn_op *scan)
{
    tn_block *body = scan->body[0];
    tn_value *at = body->params.at[scan->in_count], *last, *turned;
    tn_sizes *s = scan->graph->sizes;
    tn_build b = {.block = body, .before = body->first, .path = scan->path, .from = scan->from};
    tn_size n = tn_size_sub(s, tn_scan_rounds(scan), tn_size_int(s, 1));

    if (at->uses.count == 0)
        return;
    last = tn_graph_literal(scan->graph, at->type.dtype,
        tn_number_of_size(scan->graph->module->arena, n));
    turned = tn_build_map2(&b, TN_OP_sub, last, last);
    tn_value_replace(at, turned);
    tn_op_set_in(turned->def, 1, at);
}

/* Readers that turn it round again read it as it was. */
static void
replace_collected(tn_op *old, tn_value *out, tn_value *by, int axis)
{
    tn_build b = tn_build_before(old);
    tn_value *turned = NULL;

    for (uint32_t i = 0; i < out->uses.count;) {
        tn_op *op = out->uses.at[i].op;

        if (op && op->block == old->block && reversed(op->out[0], axis) == out) {
            tn_value_replace(op->out[0], by);
            tn_op_remove(op);
            continue;
        }
        i++;
    }
    if (out->uses.count == 0)
        return;
    turned = reverse(&b, by, axis);
    tn_value_replace(out, turned);
}

static void
turn(tn_op *old)
{
    tn_build b = tn_build_before(old);
    int carries = tn_scan_carries(old), param[TN_ROUNDS_OPERANDS + 1];
    tn_value *in[TN_ROUNDS_OPERANDS], *none[TN_ROUNDS_OPERANDS] = {0};
    tn_op *scan;

    for (int i = 0; i < old->in_count; i++)
        in[i] = i < carries ? old->in[i]
                            : reverse(&b, old->in[i], tn_scan_along(old, old->in[i]->type.rank));
    for (int i = 0; i <= old->in_count; i++)
        param[i] = i;
    scan = tn_rounds_rebuild(old, in, old->in_count, carries,
        tn_op_int(old, TN_ATTR_scan_reverse) == 0, param);
    for (uint32_t i = 0; i < old->body[0]->results.count; i++)
        tn_block_result(scan->body[0], old->body[0]->results.at[i]);
    count_from_end(scan);
    (void)tn_build_finish(scan);
    for (int i = 0; i < old->out_count; i++) {
        scan->out[i]->name = old->out[i]->name;
        if (i < carries)
            tn_value_replace(old->out[i], scan->out[i]);
        else
            replace_collected(old, old->out[i], scan->out[i],
                tn_scan_along(old, old->out[i]->type.rank));
    }
    tn_rounds_replace(old, none);
}

static bool
turn_scan(tn_op *scan)
{
    int carries = tn_scan_carries(scan), found = 0, other = 0;

    if (scan->in_count >= TN_ROUNDS_OPERANDS || scan->out_count >= TN_ROUNDS_OPERANDS)
        return false;
    for (int i = carries; i < scan->in_count; i++) {
        bool turned = reversed(scan->in[i], tn_scan_along(scan, scan->in[i]->type.rank)) != NULL;

        found += turned;
        other += !turned;
    }
    if (found <= other)
        return false;
    turn(scan);
    return true;
}

bool
tn_clean_turn(tn_graph *g)
{
    return each_scan(g, turn_scan);
}
