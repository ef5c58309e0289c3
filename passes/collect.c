/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/collect.h"

#include <assert.h>

#include "ir/graph/build.h"
#include "passes/idmap.h"
#include "passes/rounds.h"
#include "passes/scan_axes.h"

/* One carried array: it is only written, one piece a round. */
typedef struct record {
    tn_op *scan;
    int carry, axis;   /* of the array, that pieces lie along */
    int64_t first;     /* position of the piece of slice 0 */
    tn_value *piece;   /* in the body; `axis` has size 1 */
} record;

/* first + number of the slice. */
static bool
position_of(const tn_op *scan, tn_value *at, int64_t *first)
{
    tn_size by;

    return tn_counts_with(scan->graph->sizes, at, scan->body[0]->params.at[scan->in_count], &by) &&
        tn_size_is_int(by, first);
}

/* All pieces lie in the array. */
static bool
fits(const record *r, const tn_value *array)
{
    tn_sizes *s = r->scan->graph->sizes;
    tn_size end = tn_size_add(s, tn_scan_rounds(r->scan), tn_size_int(s, r->first));

    return r->first >= 0 && end && tn_size_proves_le(s, end, array->type.dim[r->axis]);
}

static bool
find_record(tn_op *scan, int carry, record *r)
{
    const tn_block *body = scan->body[0];
    const tn_value *array = body->params.at[carry], *next = body->results.at[carry];
    const tn_op *op = next->kind == TN_VALUE_RESULT ? next->def : NULL;
    const tn_attr *at = op && op->code == TN_OP_update ? &op->attr[TN_ATTR_update_at] : NULL;

    if (!at || at->operand < 0 || op->in[0] != array || array->uses.count != 1 ||
        next->uses.count != 1 || op->in[at->operand]->type.rank != 0)
        return false;
    *r = (record){.scan = scan, .carry = carry, .piece = op->in[1]};
    r->axis = (int)tn_op_int(op, TN_ATTR_update_axis);
    return tn_size_is_one(r->piece->type.dim[r->axis]) &&
        position_of(scan, op->in[at->operand], &r->first) && fits(r, array);
}

/* ---- the same loop without it ---- */

static tn_value *
copy_of(const tn_idmap *map, tn_value *v)
{
    tn_value *copy = v ? tn_idmap_get(map, v->id) : NULL;

    return copy ? copy : v;
}

static bool
is_plain(const tn_block *body)
{
    for (const tn_op *op = body->first; op; op = op->next)
        if (op->body_count)
            return false;
    return true;
}

static void
copy_op(tn_build *b, tn_idmap *map, const tn_op *op)
{
    tn_value **in = tn_new_array(map->arena, tn_value *, op->in_count + 1);
    tn_op *copy;

    for (int i = 0; i < op->in_count; i++)
        in[i] = copy_of(map, op->in[i]);
    copy = tn_build_copy(b, op, in);
    for (int i = 0; i < op->out_count; i++)
        tn_idmap_put(map, op->out[i]->id, copy->out[i]);
}

static void
fill_body(const record *r, tn_build *b, tn_idmap *map)
{
    const tn_block *old = r->scan->body[0];
    int64_t axis = r->axis;
    tn_value *piece;

    for (uint32_t i = 0; i < old->params.count; i++)
        if ((int)i != r->carry)
            tn_idmap_put(map, old->params.at[i]->id, b->block->params.at[i - ((int)i > r->carry)]);
    for (const tn_op *op = old->first; op; op = op->next)
        if (op != old->results.at[r->carry]->def)
            copy_op(b, map, op);
    for (uint32_t i = 0; i < old->results.count; i++)
        if ((int)i != r->carry)
            tn_block_result(b->block, copy_of(map, old->results.at[i]));
    piece = copy_of(map, r->piece);
    tn_block_result(b->block, tn_build_squeeze(b, piece, &axis, 1));
}

static tn_op *
rebuild(const record *r, tn_build *b)
{
    tn_op *old = r->scan, *scan;
    tn_arena *arena = old->graph->module->arena;
    tn_value **in = tn_new_array(arena, tn_value *, old->in_count + 1);
    int64_t carries = tn_scan_carries(old) - 1;
    tn_size rounds = tn_scan_rounds(old);
    tn_idmap map = {.arena = arena};
    tn_build body = {.path = old->path, .from = old->from};
    tn_status status;

    for (int i = 0; i < old->in_count; i++)
        if (i != r->carry)
            in[i - (i > r->carry)] = old->in[i];
    scan = tn_build_start(b, TN_OP_scan, in, old->in_count - 1);
    for (int i = 0; i < tn_op_info_of(TN_OP_scan)->attr_count; i++)
        scan->attr[i] = old->attr[i];
    tn_op_set_ints(scan, TN_ATTR_scan_carries, &carries, 1);
    if (scan->in_count == carries)
        tn_op_set_sizes(scan, TN_ATTR_scan_count, &rounds, 1);
    status = tn_op_open_bodies(scan, NULL);
    assert(status == TN_OK);
    (void)status;
    body.block = scan->body[0];
    fill_body(r, &body, &map);
    (void)tn_build_finish(scan);
    return scan;
}

/* What was there before and behind the pieces stays. */
static tn_value *
whole_array(const record *r, tn_build *b, tn_value *collected)
{
    tn_sizes *s = b->block->graph->sizes;
    tn_value *init = r->scan->in[r->carry], *part[3];
    int along = tn_scan_along(r->scan, collected->type.rank), count = 0;
    tn_size zero = tn_size_int(s, 0), first = tn_size_int(s, r->first);
    tn_size end = tn_size_add(s, first, tn_scan_rounds(r->scan));
    tn_size rest = tn_size_sub(s, init->type.dim[r->axis], end);
    int64_t perm[TN_MAX_RANK];

    for (int i = 0, n = 0; i < collected->type.rank; i++) {
        n += n == along;
        perm[i] = i == r->axis ? along : n++;
    }
    if (along != r->axis)
        collected = tn_build_transpose(b, collected, perm);
    if (r->first > 0)
        part[count++] = tn_build_slice(b, init, r->axis, zero, first);
    part[count++] = collected;
    if (!tn_size_equal(rest, zero))
        part[count++] = tn_build_slice(b, init, r->axis, end, rest);
    return count > 1 ? tn_build_concat(b, part, count, r->axis) : collected;
}

static void
apply(const record *r)
{
    tn_op *old = r->scan;
    tn_build b = tn_build_before(old);
    tn_op *scan = rebuild(r, &b);
    tn_value *array = whole_array(r, &b, scan->out[scan->out_count - 1]);

    for (int i = 0; i < old->out_count; i++)
        tn_value_replace(old->out[i], i == r->carry ? array : scan->out[i - (i > r->carry)]);
    tn_op_remove(old);
}

bool
tn_clean_collect(tn_graph *g)
{
    bool changed = false;

    for (tn_op *op = g->block->first, *next; op; op = next) {
        record r;

        next = op->next;
        for (int i = 0; op->code == TN_OP_scan && i < tn_scan_carries(op); i++)
            if (is_plain(op->body[0]) && find_record(op, i, &r)) {
                apply(&r);
                changed = true;
                break;
            }
    }
    return changed;
}
