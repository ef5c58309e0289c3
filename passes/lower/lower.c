/* SPDX-License-Identifier: Apache-2.0
 * From an entry to tile kernels, one for each group. */
#include "passes/lower/lower.h"

#include <string.h>

#include "ir/graph/expand.h"
#include "passes/fuse/crf.h"
#include "passes/fuse/experts.h"
#include "passes/fuse/online.h"
#include "passes/lower/lo.h"
#include "passes/pass.h"
#include "passes/rule.h"

/* The op that a kernel is named after: its reduction, contraction or loop,
 * else its last. */
static const tn_op *
namesake(const tn_group *group)
{
    for (uint32_t i = 0; i < group->ops.count; i++) {
        tn_lower_kind kind = tn_lower_kind_of(group->ops.at[i]->code);

        if (kind == TN_LOWER_contract || kind == TN_LOWER_reduce || kind == TN_LOWER_order ||
            kind == TN_LOWER_scan)
            return group->ops.at[i];
    }
    return group->ops.at[group->ops.count - 1];
}

static const char *
axis_name(tn_lo *k, const tn_group_axis *axis)
{
    static const char *const letters[] = {"i", "j", "l", "m", "n", "o", "p", "q"};
    uint32_t at = (uint32_t)(axis - k->group->axes.at);

    return letters[at % (sizeof letters / sizeof *letters)];
}

/* A kernel has at least one grid axis. */
static void
make_axes(tn_lo *k)
{
    bool any = false;

    k->axis = tn_new_array(k->arena, tn_axis *, k->group->axes.count);
    for (uint32_t i = 0; i < k->group->axes.count; i++) {
        const tn_group_axis *a = &k->group->axes.at[i];

        if (a->span || (k->group->parts && (int)i == k->group->part_axis))
            continue;
        k->axis[i] = tn_tb_grid(k->b, axis_name(k, a), NULL, tn_lo_size(k, a->extent), a->by_one);
        any = true;
    }
    if (!any)
        (void)tn_tb_grid(k->b, "one", NULL, tn_tb_int(k->b, 1), false);
    for (uint32_t i = 0; i < k->group->axes.count; i++) {
        const tn_group_axis *a = &k->group->axes.at[i];
        tn_lo_span span = {.extent = a->extent};

        if (!a->span)
            continue;
        span.axis = tn_tb_span(k->b, axis_name(k, a), tn_lo_size(k, a->extent));
        k->axis[i] = span.axis;
        tn_push(k->arena, &k->spans, span);
    }
}

/* Stores the element at the axes of the group, `along` at `at` instead. */
static void
store_at(tn_lo *k, tn_value *v, tn_tval *at)
{
    const tn_group_place *p = tn_group_find(k->group, v);
    tn_value *from = p->update ? p->update->in[1] : p->shape_of ? p->shape_of : v;
    const tn_type *to = p->update ? &v->type : &from->type;
    tn_tval *index[TN_MAX_RANK], *x;

    for (int i = 0; i < from->type.rank; i++) {
        if (p->axis[i] < 0)
            index[i] = tn_tb_int(k->b, 0);
        else if (at && p->axis[i] == k->group->part_axis)
            index[i] = at;
        else
            index[i] = tn_tb_index(k->b, k->axis[p->axis[i]]);
    }
    x = tn_lo_el(k, from, index);
    if (p->update)
        tn_lower_update_place(k, p->update, index);
    tn_tb_store(k->b, tn_lo_output(k, v, to), index, x, NULL);
}

/* At the places of a view of a member. The member is made before, at its own
 * places, so that no condition guards what it reads. */
static void
store_through(tn_lo *k, tn_value *v, const tn_group_place *p)
{
    tn_lo_bound made = {.kind = TN_LO_TILE};
    tn_value *member = p->through;
    tn_tval *index[TN_MAX_RANK], *inside, *x, *outer;
    const tn_group_place *own;

    while (k->groups->inlined[member->def->id])
        member = member->def->in[0];
    own = tn_group_find(k->group, member);
    for (int i = 0; i < member->type.rank; i++) {
        made.axis[i] = own->axis[i] < 0 ? NULL : k->axis[own->axis[i]];
        index[i] = made.axis[i] ? tn_tb_index(k->b, made.axis[i]) : tn_tb_int(k->b, 0);
    }
    made.tile = tn_lo_el(k, member, index);
    if (!tn_idmap_get(&k->bound, member->id))
        tn_lo_bind(k, member, &made);
    inside = tn_lo_through(k, p->through, member, index);
    outer = tn_lo_only_where(k, inside);
    x = tn_lo_el(k, v, index);
    (void)tn_lo_only_where(k, outer);
    tn_tb_store(k->b, tn_lo_output(k, v, &v->type), index, x, inside);
}

/* Part by part, each along an axis of its own extent. */
static void
store_parts(tn_lo *k, tn_value *v)
{
    const tn_op *op = k->group->parts;
    int along = (int)tn_op_int(op, TN_ATTR_concat_axis);
    tn_sizes *s = k->g->sizes;
    tn_size start = tn_size_int(s, 0);

    for (k->part = 0; k->part < op->in_count; k->part++) {
        tn_size extent = op->in[k->part]->type.dim[along];
        tn_tval *first = tn_lo_size(k, start);

        k->part_at = tn_size_is_one(extent)
            ? tn_tb_int(k->b, 0)
            : tn_tb_index(k->b, tn_lo_span_axis(k, extent, NULL, 0));
        store_at(k, v, tn_tb_fn2(k->b, TN_FN_add, k->part_at, first));
        start = tn_size_add(s, start, extent);
    }
    k->part_at = NULL;
}

static void
store_output(tn_lo *k, tn_value *v)
{
    const tn_group_place *p = tn_group_find(k->group, v);

    if (p->memory && !p->update)
        return;
    if (p->through)
        store_through(k, v, p);
    else if (k->group->parts)
        store_parts(k, v);
    else
        store_at(k, v, NULL);
}

static bool
is_output(const tn_group *group, const tn_value *v)
{
    for (uint32_t i = 0; i < group->outputs.count; i++)
        if (group->outputs.at[i] == v)
            return true;
    return false;
}

/* In the order of operations, so that what is stored first can be read again
 * by what follows. */
static void
make_statements(tn_lo *k)
{
    for (uint32_t i = 0; i < k->group->ops.count; i++) {
        tn_op *op = k->group->ops.at[i];

        if (op->code == TN_OP_scan)
            tn_lower_scan_loop(k, op);
        for (int n = 0; n < op->out_count; n++)
            if (is_output(k->group, op->out[n]))
                store_output(k, op->out[n]);
    }
}

/* With what it reads that is computed there, before it; as deep as operations
 * are inlined behind one another. */
static void
list_op(tn_lo *k, const tn_op *op)
{
    for (uint32_t i = 0; i < k->out->ops.count; i++)
        if (k->out->ops.at[i] == op)
            return;
    for (int i = 0; i < op->in_count; i++) {
        const tn_value *v = op->in[i];

        if (v && v->kind == TN_VALUE_RESULT && v->def->block == k->g->block &&
            k->groups->inlined[v->def->id])
            list_op(k, v->def);
    }
    if (!k->groups->inlined[op->id] || k->groups->of[op->id] || tn_op_cost(op) > 0)
        tn_push(k->arena, &k->out->ops, op);
}

static void
finish(tn_lo *k)
{
    k->out->tile = tn_tb_finish(k->b);
    k->out->tile->exact = k->options->exact;
    for (uint32_t i = 0; i < k->out->tile->bufs.count; i++)
        for (uint32_t n = 0; n < k->buffers.count; n++)
            if (k->buffers.at[n].buf == k->out->tile->bufs.at[i]) {
                tn_value *v = k->buffers.at[n].value;

                tn_push(k->arena, &k->out->buffers, v);
            }
    for (uint32_t i = 0; i < k->group->ops.count; i++)
        list_op(k, k->group->ops.at[i]);
}

/* Attention runs online. What joined the group behind it cannot undo that. */
static tn_status
run_online(tn_lo *k)
{
    const tn_group *g = k->group;
    tn_online o = tn_online_rewrite(k->arena, k->out->tile);
    tn_text text = {.arena = k->arena};

    if (!o.tile)
        return tn_fail(k->diag, TN_BUG, "%s: attention: %s", namesake(g)->path, o.predicate);
    k->out->tile = o.tile;
    for (uint32_t i = 0; i < g->axes.count; i++)
        if (g->axes.at[i].span) {
            tn_text_add(&text, "width=");
            tn_size_print(&text, k->g->sizes, g->axes.at[i].extent);
            tn_text_add(&text, " ");
        }
    tn_text_add(&text, "mask=%s%s",
        o.causal       ? "causal"
            : o.masked ? "data"
                       : "none",
        o.windowed ? " window" : "");
    (void)tn_found(k->options->findings, g->family, g->ops.at, g->ops.count, text.at);
    return tn_tile_verify(o.tile, k->diag);
}

void
tn_lo_start(tn_lo *k, tn_lowered *out, const char *name)
{
    *k = (tn_lo){.arena = k->arena,
        .diag = k->diag,
        .g = k->g,
        .options = k->options,
        .groups = k->groups,
        .group = k->group,
        .out = out,
        .bound = {.arena = k->arena},
        .literals = {.arena = k->arena}};
    k->b = tn_tb_create(k->arena, name);
}

tn_status
tn_lo_finish(tn_lo *k)
{
    tn_lowered *out = k->out;

    finish(k);
    if (k->status != TN_OK)
        return k->status;
    if (out->buffers.count > TN_GROUP_TENSORS || out->sizes.count > TN_GROUP_SIZES)
        return tn_fail(k->diag, TN_UNSUPPORTED,
            "%s: %s: more than %d tensors or %d sizes in one kernel", namesake(k->group)->path,
            out->family, TN_GROUP_TENSORS, TN_GROUP_SIZES);
    TN_TRY(tn_tile_verify(out->tile, k->diag));
    return k->group->online ? run_online(k) : TN_OK;
}

tn_status
tn_lo_finish_into(tn_lo *k, tn_lowered_list *list)
{
    tn_status status = tn_lo_finish(k);

    tn_push(k->arena, &list->at, *k->out);
    return status;
}

static tn_status
lower_one(tn_lo *k, tn_lowered *out)
{
    out->family = k->group->family;
    if (!out->family)
        out->family = tn_op_info_of(namesake(k->group)->code)->name;
    tn_lo_start(k, out, out->family);
    make_axes(k);
    make_statements(k);
    return tn_lo_finish(k);
}

tn_status
tn_lower_group(tn_arena *arena, tn_diag *diag, tn_graph *g, const tn_lower_options *options,
    const tn_groups *groups, const tn_group *group, tn_lowered *out)
{
    tn_lo *k = tn_new(arena, tn_lo);

    *k = (tn_lo){
        .arena = arena, .diag = diag, .g = g, .options = options, .groups = groups, .group = group};
    return lower_one(k, out);
}

static tn_status
lower_group(tn_lo *k, tn_lowered_list *list)
{
    tn_lowered out = {0};
    tn_status status;

    if (k->group->kind == TN_GROUP_WHOLE)
        return tn_lower_whole(k, list);
    status = lower_one(k, &out);
    if (status != TN_OK || !tn_lo_join_beside(k, &out, list))
        tn_push(k->arena, &list->at, out);
    return status;
}

/* ---- loops of the plan ---- */

typedef struct mark {
    tn_lowered_mark mark;
    uint32_t region; /* before its first kernel */
    bool done;
} mark;

typedef struct mark_list {
    TN_VEC(mark) at;
} mark_list;

static uint32_t
region_of(const tn_groups *groups, const tn_op *op)
{
    return op ? groups->region[op->id] : UINT32_MAX;
}

static void
collect_marks(tn_arena *arena, const tn_groups *groups, mark_list *list)
{
    for (uint32_t i = 0; i < groups->flat.loops.count; i++) {
        const tn_flat_loop *l = &groups->flat.loops.at[i];
        mark begin = {.mark = {.kind = TN_MARK_LOOP, .limit = l->limit, .counted = !l->go}};
        mark test = {.mark = {.kind = TN_MARK_TEST, .go = l->go}};
        mark end = {.mark = {.kind = TN_MARK_END}};

        begin.region = region_of(groups, l->first);
        test.region = region_of(groups, l->body);
        end.region = region_of(groups, l->behind);
        tn_push(arena, &list->at, begin);
        if (l->go)
            tn_push(arena, &list->at, test);
        tn_push(arena, &list->at, end);
    }
}

/* Those up to a region. Of several at the very end the inner loop's is first:
 * loops are listed from outside in. */
static void
add_marks(tn_arena *arena, uint32_t region, mark_list *list, tn_lowered_list *out)
{
    mark *next;

    do {
        next = NULL;
        for (uint32_t i = 0; i < list->at.count; i++) {
            mark *m = &list->at.at[i];

            if (!m->done && m->region <= region && (!next || m->region <= next->region))
                next = m;
        }
        if (!next)
            break;
        next->done = true;
        next->mark.before = out->at.count;
        tn_push(arena, &out->marks, next->mark);
    } while (next);
}

/* What was updated in place is what the next round starts from. */
static void
list_same(tn_arena *arena, const tn_groups *groups, tn_lowered_list *out)
{
    for (uint32_t i = 0; i < groups->flat.same.count; i++)
        tn_push(arena, &out->same, groups->flat.same.at[i]);
    for (uint32_t i = 0; i < groups->flat.carries.count; i++) {
        const tn_flat_carry *c = &groups->flat.carries.at[i];

        if (c->next && tn_in_place_carries(&groups->in_place, c))
            tn_push(arena, &out->same, ((tn_same){c->over->out[0], c->result}));
    }
}

/* Rows that would have kernels of their own, but for one. */
static bool
is_not_left(const void *findings, const tn_op *op)
{
    return !tn_is_left(findings, tn_op_info_of(op->code)->name, op);
}

tn_status
tn_lower_graph(tn_arena *arena, tn_diag *diag, tn_graph *g, const tn_lower_options *options,
    tn_lowered_list *out)
{
    tn_lo *k = tn_new(arena, tn_lo);
    tn_groups groups;
    mark_list marks = {0};
    tn_status status = TN_OK;
    tn_pass_set skip = options->skip;

    if (options->exact) /* the sum over experts may be in another order */
        skip |= tn_pass_bit("moe") | tn_pass_bit("relaxed") | tn_pass_bit("apart");
    memset(out, 0, sizeof *out);
    if (options->findings && options->findings->leave)
        tn_graph_expand_but(g, is_not_left, options->findings);
    if (!(skip & tn_pass_bit("moe")))
        tn_read_segments(g);
    tn_passes_run(g, skip);
    tn_rules_near(g, !(skip & tn_pass_bit("relaxed")), options->findings);
    if (!(skip & tn_pass_bit("moe")))
        tn_fuse_experts(arena, diag, g, options);
    if (!(options->skip & tn_pass_bit("viterbi")))
        tn_near_crf(g, options->findings);
    TN_TRY(tn_group_graph(arena, diag, g, options, &groups));
    if (!(options->skip & tn_pass_bit("route")))
        tn_name_routes(&groups, options->findings);
    if (!(options->skip & tn_pass_bit("viterbi")))
        tn_fuse_crf(&groups, options->findings);
    collect_marks(arena, &groups, &marks);
    for (uint32_t i = 0; i < groups.at.count; i++) {
        tn_status one;

        add_marks(arena, groups.at.at[i]->region, &marks, out);
        *k = (tn_lo){.arena = arena,
            .diag = diag,
            .g = g,
            .options = options,
            .groups = &groups,
            .group = groups.at.at[i]};
        one = lower_group(k, out);
        status = one == TN_OK ? status : one;
    }
    add_marks(arena, UINT32_MAX, &marks, out);
    out->in_place = groups.in_place;
    list_same(arena, &groups, out);
    tn_lower_place_findings(options->findings, out);
    return status;
}
