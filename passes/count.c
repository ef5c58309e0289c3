/* SPDX-License-Identifier: Apache-2.0
 * Loops that count their rounds. */
#include "ir/graph/build.h"
#include "passes/branch.h"
#include "passes/dims.h"
#include "passes/range.h"
#include "passes/rounds.h"
#include "passes/scan_axes.h"

typedef struct counted {
    tn_op *op;
    int carry;     /* of the counter */
    bool down;     /* it falls by 1, else it grows by 1 */
    tn_size from;  /* its first value */
    tn_size most;  /* rounds that may be, the limit included */
    tn_value *go;  /* in the condition, if its bound is data */
} counted;

/* ---- the condition ---- */

/* `counter OP bound` on whole numbers; 0: another condition. */
enum { LESS = 1, LESS_EQUAL, GREATER, GREATER_EQUAL };

static int
relation(tn_opcode code)
{
    switch (code) {
    case TN_OP_less: return LESS;
    case TN_OP_less_equal: return LESS_EQUAL;
    case TN_OP_greater: return GREATER;
    case TN_OP_greater_equal: return GREATER_EQUAL;
    default: return 0;
    }
}

static bool
is_param(const tn_block *block, const tn_value *v)
{
    return v->kind == TN_VALUE_PARAM && v->block == block;
}

/* The condition's counter and bound, the counter on the left. */
static int
find_relation(const tn_block *cond, int *carry, tn_value **bound)
{
    static const int swapped[] = {0, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL};
    const tn_value *go = cond->results.at[0];
    int rel = go->kind == TN_VALUE_RESULT && go->def->block == cond ? relation(go->def->code) : 0;
    tn_value *side[2];

    if (!rel || tn_is_float(go->def->in[0]->type.dtype))
        return 0;
    side[0] = tn_plain_number(go->def->in[0]);
    side[1] = tn_plain_number(go->def->in[1]);
    for (int i = 0; i < 2; i++)
        if (is_param(cond, side[i]) && !is_param(cond, side[1 - i])) {
            *carry = side[i]->index;
            *bound = side[1 - i];
            return i ? swapped[rel] : rel;
        }
    return 0;
}

/* By 1 up or down in each round. */
static bool
find_step(counted *c)
{
    const tn_block *body = c->op->body[1];
    tn_sizes *s = c->op->graph->sizes;
    tn_size by;
    int64_t step;

    if (!tn_counts_with(s, body->results.at[c->carry], body->params.at[c->carry], &by) ||
        !tn_size_is_int(by, &step) || (step != 1 && step != -1))
        return false;
    c->down = step < 0;
    return true;
}

/* An upper bound of a number that is data. */
static tn_size
known_above(tn_sizes *s, tn_value *v)
{
    tn_size n = tn_number_known(s, v);
    const tn_op *op;

    v = tn_plain_number(v);
    op = v->kind == TN_VALUE_RESULT ? v->def : NULL;
    for (int i = 0; !n && op && op->code == TN_OP_minimum && i < 2; i++)
        n = tn_number_known(s, op->in[i]);
    return n;
}

static tn_size
at_least_none(tn_sizes *s, tn_size n)
{
    tn_size none = tn_size_int(s, 0);

    return !n || tn_size_proves_le(s, none, n) ? n : tn_size_max(s, n, none);
}

static tn_size
at_most(tn_sizes *s, tn_size n, tn_size limit)
{
    return !n || tn_size_proves_le(s, n, limit) ? n
        : tn_size_proves_le(s, limit, n)        ? limit
                                                : tn_size_min(s, n, limit);
}

static bool
count_rounds(counted *c, int rel, tn_value *bound)
{
    tn_sizes *s = c->op->graph->sizes;
    tn_size limit = c->op->attr[TN_ATTR_while_limit].sizes[0], n = tn_number_known(s, bound);
    bool up = rel == LESS || rel == LESS_EQUAL;

    if (up == c->down)
        return false;
    if (!n) {
        c->go = c->op->body[0]->results.at[0];
        n = c->down ? NULL : known_above(s, bound);
        if (!n)
            n = tn_size_add(s, c->from, limit);
    }
    n = c->down ? tn_size_sub(s, c->from, n) : tn_size_sub(s, n, c->from);
    if (n && (rel == LESS_EQUAL || rel == GREATER_EQUAL))
        n = tn_size_add(s, n, tn_size_int(s, 1));
    c->most = at_most(s, at_least_none(s, n), limit);
    return c->most && tn_size_is_whole(s, c->most) && !(c->go && c->down);
}

/* ---- rounds that do not count ---- */

/* That place is in the axis in each round, though the loop has ended. */
static bool
stays_inside(const counted *c, tn_value *place, tn_size extent)
{
    tn_sizes *s = c->op->graph->sizes;
    tn_size by, first, end;

    if (tn_value_below(place, extent))
        return true;
    if (!tn_counts_with(s, place, c->op->body[1]->params.at[c->carry], &by))
        return false;
    first = tn_size_add(s, c->from, by);
    end = first ? tn_size_add(s, first, c->most) : NULL;
    return end && tn_size_proves_le(s, tn_size_int(s, 0), first) &&
        tn_size_proves_le(s, end, extent);
}

static bool
cannot_fail(const counted *c)
{
    for (tn_op *op = c->op->body[1]->first; op; op = op->next) {
        int in = tn_op_risky_operand(op), axis = tn_op_find_attr(op->code, "axis");

        if (op->body_count || op->code == TN_OP_nonzero)
            return false;
        if (in < 0)
            continue;
        if (axis < 0 ||
            (op->code == TN_OP_slice &&
                !tn_size_is_one(op->out[0]->type.dim[tn_op_int(op, axis)])) ||
            (op->code == TN_OP_update && !tn_size_is_one(op->in[1]->type.dim[tn_op_int(op, axis)])))
            return false;
        if (!stays_inside(c, op->in[in], op->in[0]->type.dim[tn_op_int(op, axis)]))
            return false;
    }
    return true;
}

/* An array written at a place that counts: only there it keeps what it had. */
static tn_op *
record_of(const counted *c, const tn_block *body, int carry)
{
    tn_value *next = body->results.at[carry], *array = body->params.at[carry];
    tn_op *op = next->kind == TN_VALUE_RESULT ? next->def : NULL;
    int place = op && op->code == TN_OP_update ? op->attr[TN_ATTR_update_at].operand : -1;
    tn_size by;

    return place >= 0 && op->in[0] == array && array->uses.count == 1 && next->uses.count == 1 &&
            tn_counts_with(c->op->graph->sizes, op->in[place], body->params.at[c->carry], &by)
        ? op
        : NULL;
}

static void
keep_piece(tn_value *array, tn_op *update, tn_value *go)
{
    tn_build b = tn_build_before(update);
    int64_t axis = tn_op_int(update, TN_ATTR_update_axis);
    tn_size one = tn_size_int(update->graph->sizes, 1);
    tn_op *old = tn_build_start(&b, TN_OP_slice, &array, 1);
    tn_value *piece;

    tn_op_set_ints(old, TN_ATTR_slice_axis, &axis, 1);
    tn_op_set_place(old, TN_ATTR_slice_start, update->in[update->attr[TN_ATTR_update_at].operand]);
    tn_op_set_sizes(old, TN_ATTR_slice_size, &one, 1);
    piece = tn_build_finish(old);
    piece = tn_build_map3(&b, TN_OP_where, go, update->in[1], piece);
    tn_op_set_in(update, 1, piece);
}

/* ---- the scan ---- */

/* first + round, or the position itself. */
static tn_value *
counter_at(const counted *c, tn_build *b, tn_value *position)
{
    tn_sizes *s = c->op->graph->sizes;
    tn_dtype dtype = c->op->in[c->carry]->type.dtype;
    tn_size by = c->from;
    tn_value *v = tn_build_cast(b, position, dtype), *n;

    if (c->down) {
        by = tn_size_sub(s, c->from, c->most);
        by = tn_size_add(s, by, tn_size_int(s, 1));
    }
    if (tn_size_equal(by, tn_size_int(s, 0)))
        return v;
    n = tn_graph_literal(c->op->graph, dtype, tn_number_of_size(c->op->graph->module->arena, by));
    return tn_build_map2(b, TN_OP_add, v, n);
}

static tn_op *
open_scan(const counted *c, tn_build *b)
{
    tn_value *in[TN_ROUNDS_OPERANDS];
    int count = 0;

    for (int i = 0; i < c->op->in_count; i++)
        if (i != c->carry)
            in[count++] = c->op->in[i];
    return tn_build_scan(b, in, count, count, 0, c->down, &c->most);
}

/* The body's parameters become the scan's; the counter counts its rounds. */
static tn_value *
replace_params(const counted *c, const tn_block *from, tn_block *to, tn_value *counter)
{
    for (int i = 0, n = 0; i < c->op->in_count; i++)
        tn_value_replace(from->params.at[i], i == c->carry ? counter : to->params.at[n]),
            n += i != c->carry;
    return counter;
}

static tn_value *
next_value(const counted *c, tn_build *b, tn_value *old, tn_value *next)
{
    return c->go ? tn_build_map3(b, TN_OP_where, c->go, next, old) : next;
}

static void
fill_body(const counted *c, tn_op *scan)
{
    tn_block *to = scan->body[0], *from = c->op->body[1], *cond = c->op->body[0];
    tn_build b = {.block = to, .path = c->op->path, .from = c->op->from};
    tn_op **record = tn_new_array(c->op->graph->module->arena, tn_op *, c->op->in_count);
    tn_value *counter = counter_at(c, &b, to->params.at[scan->in_count]);

    for (int i = 0; i < c->op->in_count; i++)
        record[i] = record_of(c, from, i);
    if (c->go)
        tn_rounds_move(cond, to);
    replace_params(c, cond, to, counter);
    tn_rounds_move(from, to);
    replace_params(c, from, to, counter);
    for (int i = 0, n = 0; i < c->op->in_count; i++) {
        tn_value *next = from->results.at[i];

        if (i == c->carry)
            continue;
        if (c->go && record[i])
            keep_piece(c->op->in[i], record[i], c->go);
        else
            next = next_value(c, &b, to->params.at[n], next);
        tn_block_result(to, next);
        n++;
    }
}

static void
build(const counted *c)
{
    tn_build b = tn_build_before(c->op);
    tn_op *scan = open_scan(c, &b);
    int n = 0;

    fill_body(c, scan);
    (void)tn_build_finish(scan);
    for (int i = 0; i < c->op->out_count; i++) {
        if (i == c->carry)
            continue;
        scan->out[n]->name = c->op->out[i]->name;
        tn_value_replace(c->op->out[i], scan->out[n++]);
    }
    tn_op_remove(c->op);
}

static bool
is_light(const tn_op *op)
{
    tn_lower_kind kind = tn_lower_kind_of(op->code);

    return kind == TN_LOWER_map || kind == TN_LOWER_view || kind == TN_LOWER_make ||
        kind == TN_LOWER_reduce || kind == TN_LOWER_gather || kind == TN_LOWER_write ||
        op->code == TN_OP_arg_max || op->code == TN_OP_arg_min || op->code == TN_OP_top_k;
}

/* Rounds that make scores of those before, or follow places: worth one kernel
 * for all rounds, where others are worth many for each. */
static bool
is_chain(const counted *c)
{
    bool sums = false, follows = false, contracts = false;

    for (const tn_op *op = c->op->body[1]->first; op; op = op->next) {
        sums |=
            op->code == TN_OP_reduce_max || op->code == TN_OP_reduce_min || op->code == TN_OP_log;
        follows |= tn_lower_kind_of(op->code) == TN_LOWER_gather;
        contracts |= op->code == TN_OP_contract;
        if (op->body_count || (op->code != TN_OP_contract && !is_light(op)))
            return false;
    }
    return sums || (follows && !contracts && !c->go);
}

static bool
only_counts(const counted *c)
{
    for (uint32_t i = 0; i < c->op->body[0]->params.count; i++)
        if ((int)i != c->carry && c->op->body[0]->params.at[i]->uses.count)
            return false;
    return true;
}

static bool
find(counted *c)
{
    tn_value *bound;
    int rel = find_relation(c->op->body[0], &c->carry, &bound);

    if (!rel || !is_chain(c) || c->op->in_count < 2 || c->op->in_count >= TN_ROUNDS_OPERANDS ||
        !find_step(c) || c->op->out[c->carry]->uses.count)
        return false;
    c->from = tn_number_known(c->op->graph->sizes, c->op->in[c->carry]);
    if (!c->from || !count_rounds(c, rel, bound))
        return false;
    return !c->go || (only_counts(c) && cannot_fail(c));
}

bool
tn_clean_count(tn_graph *g)
{
    bool changed = false;

    for (tn_op *op = g->block->first, *next; op; op = next) {
        counted c = {.op = op};

        next = op->next;
        if (op->code == TN_OP_while && find(&c)) {
            build(&c);
            changed = true;
        }
    }
    return changed;
}
