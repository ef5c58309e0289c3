/* SPDX-License-Identifier: Apache-2.0
 * Which scans are a loop inside one kernel. */
#include "passes/branch.h"
#include "passes/finding.h"
#include "passes/group.h"
#include "passes/scan_axes.h"

/* Where the elements of a value are asked for, as far as lowering can tell. */
enum { OWN = 0, FIXED = 1, COMPUTED = 2 };

/* Tensors that a kernel reads besides: what a lowering may add. */
enum { SPARE = 8 };

typedef struct fitting {
    const tn_op *scan;
    const tn_op *in_way; /* does not fit, and .. */
    const char *why;
    uint8_t *place; /* by value id */
    bool *counted;  /* by value id: a tensor of the kernel */
    uint32_t tensors;
} fitting;

static void
ask(fitting *f, const tn_value *v, int place)
{
    if (v && f->place[v->id] < place)
        f->place[v->id] = (uint8_t)place;
}

static int
asked(const fitting *f, const tn_op *op)
{
    int place = OWN;

    for (int i = 0; i < op->out_count; i++)
        place = f->place[op->out[i]->id] > place ? f->place[op->out[i]->id] : place;
    return place;
}

static int
max(int a, int b)
{
    return a > b ? a : b;
}

/* Where operand `in` is asked for if the result is asked for at `place`. */
static int
passed_on(const tn_op *op, int in, int place)
{
    int64_t at;

    switch (tn_lower_kind_of(op->code)) {
    case TN_LOWER_gather: return in == 0 ? COMPUTED : place;
    case TN_LOWER_write: return in == 0 ? place : COMPUTED;
    case TN_LOWER_view:
        if (tn_op_keeps_places(op))
            return place;
        if (op->code == TN_OP_index && op->attr[TN_ATTR_index_at].operand < 0 &&
            tn_size_is_int(op->attr[TN_ATTR_index_at].sizes[0], &at))
            return max(place, FIXED);
        return COMPUTED;
    default: return place;
    }
}

/* Running operations and top_k have their elements at positions of an axis. */
static bool
fits_order(const tn_op *op, int place)
{
    if (op->code == TN_OP_arg_max || op->code == TN_OP_arg_min)
        return true;
    return place <= (op->code == TN_OP_top_k ? FIXED : OWN);
}

/* NULL, or why not. */
static const char *
misfit(const tn_op *op, int place)
{
    switch (tn_lower_kind_of(op->code)) {
    case TN_LOWER_scan: return "is a loop";
    case TN_LOWER_deal: return "has kernels of its own";
    case TN_LOWER_flat:
        if (op->code == TN_OP_while)
            return "is a loop";
        return tn_branch_may_choose(op) ? NULL : "has a side that is no choice";
    case TN_LOWER_order: return fits_order(op, place) ? NULL : "is read at computed places";
    default: return NULL;
    }
}

static bool
is_inside(const tn_op *scan, const tn_value *v)
{
    for (const tn_block *b = v->block; b && b->owner; b = b->owner->block)
        if (b->owner == scan)
            return true;
    return false;
}

static void
count_tensor(fitting *f, const tn_value *v)
{
    if (v->kind == TN_VALUE_LITERAL || f->counted[v->id] || is_inside(f->scan, v))
        return;
    f->counted[v->id] = true;
    f->tensors++;
}

/* From the results back. Bodies are as deep as the reader let them be. */
static bool
fits_block(fitting *f, const tn_block *block)
{
    for (const tn_op *op = block->last; op; op = op->prev) {
        int place = asked(f, op);

        f->why = misfit(op, place);
        f->in_way = op;
        if (f->why)
            return false;
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i]) {
                ask(f, op->in[i], passed_on(op, i, place));
                count_tensor(f, op->in[i]);
            }
        for (int n = 0; n < op->body_count; n++) {
            for (int i = 0; i < op->out_count; i++)
                ask(f, op->body[n]->results.at[i], place);
            if (!fits_block(f, op->body[n]))
                return false;
        }
    }
    return true;
}

enum { SEEN_THROUGH = 6 /* views and conversions in a row */ };

static bool
is_multiplied(const tn_value *v, int depth)
{
    for (uint32_t i = 0; i < v->uses.count && depth < SEEN_THROUGH; i++) {
        const tn_op *op = v->uses.at[i].op;

        if (op && op->code == TN_OP_contract)
            return true;
        if (op && (tn_op_is_free_view(op) || op->code == TN_OP_cast) &&
            is_multiplied(op->out[0], depth + 1))
            return true;
    }
    return false;
}

/* A cache: each round stores rows of it and multiplies by it. A kernel would
 * carry it whole through each round; a loop of the plan has it in memory. */
static bool
carries_cache(fitting *f, const tn_op *scan, int carry)
{
    const tn_value *v = scan->body[0]->results.at[carry];
    bool multiplied = false, updated = false;

    for (; v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_update; v = v->def->in[0]) {
        multiplied |= is_multiplied(v, 0);
        f->in_way = v->def;
        updated = true;
    }
    f->why = "stores rows of a cache that each round multiplies by";
    return updated && v == scan->body[0]->params.at[carry] && (multiplied || is_multiplied(v, 0));
}

static bool
fits(fitting *f, const tn_op *scan)
{
    const tn_graph *g = scan->graph;
    tn_arena *arena = g->module->arena;

    *f = (fitting){.scan = scan};
    f->place = tn_new_array(arena, uint8_t, g->value_count + 1);
    f->counted = tn_new_array(arena, bool, g->value_count + 1);
    for (int i = 0; i < scan->in_count; i++)
        count_tensor(f, scan->in[i]);
    f->tensors += (uint32_t)scan->out_count;
    if (!fits_block(f, scan->body[0]))
        return false;
    for (int i = 0; i < tn_scan_carries(scan); i++)
        if (carries_cache(f, scan, i))
            return false;
    f->in_way = scan;
    f->why = "reads more tensors than a kernel binds";
    return f->tensors <= TN_GROUP_TENSORS - SPARE;
}

bool
tn_scan_fits_kernel(const tn_op *scan)
{
    fitting f;

    return fits(&f, scan);
}

static void
report(const tn_block *block, tn_findings *findings)
{
    fitting f;

    for (const tn_op *op = block->first; op; op = op->next) {
        if (op->code == TN_OP_scan && !fits(&f, op))
            tn_missed(findings, "scan", op, "all rounds run in one kernel",
                tn_arena_printf(findings->arena, "%s %s", tn_node_name(f.in_way), f.why),
                "it runs as a loop of kernels; take out of it what is the same in each round");
        for (int i = 0; i < op->body_count; i++)
            report(op->body[i], findings);
    }
}

void
tn_scan_report(const tn_graph *g, tn_findings *findings)
{
    if (findings)
        report(g->block, findings);
}
