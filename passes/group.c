/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/group.h"

#include <assert.h>
#include <string.h>

#include "ir/graph/build.h"
#include "passes/fuse/attend.h"
#include "passes/group_in.h"
#include "passes/scan_axes.h"

const tn_group_place *
tn_group_find(const tn_group *group, const tn_value *value)
{
    for (uint32_t i = 0; i < group->places.count; i++)
        if (group->places.at[i].value == value)
            return &group->places.at[i];
    return NULL;
}

tn_group *
tn_group_of(const tn_grouper *x, const tn_value *v)
{
    return v->kind == TN_VALUE_RESULT ? x->out->of[v->def->id] : NULL;
}

/* ---- walks through inlined operations ---- */

tn_trace
tn_group_trace(const tn_grouper *x, tn_value *v)
{
    tn_trace t = {.base = v};

    for (int i = 0; i < TN_MAX_RANK; i++)
        t.dim[i] = (int8_t)(i < v->type.rank ? i : -1);
    while (tn_group_is_inlined(x, t.base) && tn_op_keeps_places(t.base->def)) {
        const tn_op *op = t.base->def;
        int8_t to[TN_MAX_RANK], from[TN_MAX_RANK];

        (void)tn_op_dims(op, 0, to);
        memset(from, -1, sizeof from);
        for (int i = 0; i < op->in[0]->type.rank; i++)
            if (to[i] >= 0)
                from[to[i]] = (int8_t)i;
        for (int i = 0; i < TN_MAX_RANK; i++)
            t.dim[i] = (int8_t)(t.dim[i] < 0 ? -1 : from[t.dim[i]]);
        t.base = op->in[0];
    }
    return t;
}

void
tn_group_walk_start(tn_grouper *x)
{
    x->round++;
    x->leaves.count = 0;
}

/* As deep as operations are inlined behind one another. */
void
tn_group_walk(tn_grouper *x, tn_value *v)
{
    const tn_op *op = v->def;

    if (v->kind == TN_VALUE_LITERAL || (v->kind == TN_VALUE_PARAM && v->block != x->g->block))
        return;
    if (!tn_group_is_inlined(x, v)) {
        tn_push(x->arena, &x->leaves, v);
        return;
    }
    if (x->mark[op->id] == x->round)
        return;
    x->mark[op->id] = x->round;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i])
            tn_group_walk(x, op->in[i]);
}

static void
walk_block(tn_grouper *x, const tn_block *block)
{
    for (const tn_op *op = block->first; op; op = op->next) {
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i] &&
                (op->in[i]->kind != TN_VALUE_RESULT || op->in[i]->def->block == x->g->block))
                tn_group_walk(x, op->in[i]);
        for (int i = 0; i < op->body_count; i++)
            walk_block(x, op->body[i]);
    }
    for (uint32_t i = 0; i < block->results.count; i++) {
        tn_value *v = block->results.at[i];

        if (v->kind != TN_VALUE_RESULT || v->def->block == x->g->block)
            tn_group_walk(x, v);
    }
}

void
tn_group_walk_op(tn_grouper *x, const tn_op *op)
{
    /* An update in place reads no old row. */
    int first = x->update[op->id] && op->in[0]->kind != TN_VALUE_RESULT ? 1 : 0;

    for (int i = first; i < op->in_count; i++)
        if (op->in[i])
            tn_group_walk(x, op->in[i]);
    for (int i = 0; i < op->body_count; i++)
        walk_block(x, op->body[i]);
}

/* ---- order ---- */

void
tn_group_need(tn_grouper *x, tn_group *group, const tn_group *other)
{
    for (uint32_t i = 0; i < group->needs.count; i++)
        if (group->needs.at[i] == other->number)
            return;
    tn_push(x->arena, &group->needs, other->number);
}

static void
visit(tn_grouper *x, tn_group *group)
{
    if (group->seen == x->visit)
        return;
    group->seen = x->visit;
    tn_push(x->arena, &x->open, group);
}

/* True if `from` reads, directly or not, what `to` computes; true also when
 * the search takes too long. */
bool
tn_group_reaches(tn_grouper *x, tn_group *from, const tn_group *to)
{
    x->visit++;
    x->open.count = 0;
    visit(x, from);
    for (uint32_t i = 0; i < x->open.count; i++) {
        const tn_group *g = x->open.at[i];

        if (g == to || i == TN_GROUP_VISITS)
            return true;
        for (uint32_t k = 0; k < g->needs.count; k++)
            visit(x, x->out->at.at[g->needs.at[k]]);
    }
    return false;
}

bool
tn_group_ready(tn_grouper *x, const tn_op *op, const tn_group *into)
{
    tn_group_walk_start(x);
    tn_group_walk_op(x, op);
    for (uint32_t i = 0; i < x->leaves.count; i++) {
        tn_group *g = tn_group_of(x, x->leaves.at[i]);

        if (tn_group_overwrites(into, x->leaves.at[i]) ||
            (g && g != into && tn_group_reaches(x, g, into)))
            return false;
    }
    return true;
}

static bool
is_read(const tn_group *group, const tn_value *v)
{
    for (uint32_t i = 0; i < group->reads.count; i++)
        if (group->reads.at[i] == v)
            return true;
    return false;
}

bool
tn_group_has_room(tn_grouper *x, const tn_op *op, const tn_group *into)
{
    uint32_t more = 0;

    tn_group_walk_start(x);
    tn_group_walk_op(x, op);
    for (uint32_t i = 0; i < x->leaves.count; i++)
        more += tn_group_of(x, x->leaves.at[i]) != into && !is_read(into, x->leaves.at[i]);
    return into->reads.count + more <= TN_GROUP_READS;
}

void
tn_group_note_reads(tn_grouper *x, tn_group *group, const tn_op *op)
{
    tn_group_walk_start(x);
    tn_group_walk_op(x, op);
    for (uint32_t i = 0; i < x->leaves.count; i++) {
        tn_group *g = tn_group_of(x, x->leaves.at[i]);

        x->reader[x->leaves.at[i]->id] = group;
        if (g != group && !is_read(group, x->leaves.at[i]))
            tn_push(x->arena, &group->reads, x->leaves.at[i]);
        if (g && g != group)
            tn_group_need(x, group, g);
    }
}

void
tn_group_add_op(tn_grouper *x, tn_group *group, tn_op *op)
{
    tn_push(x->arena, &group->ops, op);
    x->out->of[op->id] = group;
    tn_group_note_reads(x, group, op);
}

int
tn_group_add_axis(tn_grouper *x, tn_group *group, tn_size extent, bool span)
{
    tn_push(x->arena, &group->axes, ((tn_group_axis){.extent = extent, .span = span}));
    return (int)group->axes.count - 1;
}

tn_group_place *
tn_group_add_place(tn_grouper *x, tn_group *group, tn_value *value, bool member)
{
    for (uint32_t i = 0; i < group->places.count; i++)
        if (group->places.at[i].value == value) {
            group->places.at[i].member |= member;
            return &group->places.at[i];
        }
    tn_push(x->arena, &group->places, ((tn_group_place){.value = value, .member = member}));
    memset(group->places.at[group->places.count - 1].axis, -1, TN_MAX_RANK);
    return &group->places.at[group->places.count - 1];
}

/* ---- placing one operation ---- */

enum { CANDIDATES = 8 };

static int
add_candidate(tn_group **list, int count, tn_group *group)
{
    int at = count;

    for (int i = 0; i < count; i++)
        if (list[i] == group)
            return count;
    if (count == CANDIDATES)
        return count;
    while (at > 0 && list[at - 1]->first < group->first)
        at--;
    memmove(list + at + 1, list + at, (size_t)(count - at) * sizeof *list);
    list[at] = group;
    return count + 1;
}

static int
add_maker(tn_grouper *x, tn_value *v, tn_group **list, int count)
{
    tn_group *g = tn_group_of(x, tn_group_trace(x, v).base);

    return g ? add_candidate(list, count, g) : count;
}

/* What a body reads from outside, apart from what is handed to it. */
static int
body_makers(tn_grouper *x, const tn_block *body, tn_group **list, int count)
{
    for (const tn_op *op = body->first; op; op = op->next)
        for (int i = 0; i < op->in_count; i++)
            if (op->in[i] && op->in[i]->kind == TN_VALUE_RESULT &&
                op->in[i]->def->block == x->g->block)
                count = add_maker(x, op->in[i], list, count);
    return count;
}

/* Rows that read what `v` is made from. */
static int
add_readers(tn_grouper *x, tn_value *v, tn_group **list, int count)
{
    tn_group_walk_start(x);
    tn_group_walk(x, v);
    for (uint32_t i = 0; i < x->leaves.count; i++) {
        tn_group *g = x->reader[x->leaves.at[i]->id];

        if (g && g->kind == TN_GROUP_ROW)
            count = add_candidate(list, count, g);
    }
    return count;
}

/* Groups that compute operands, the latest first; then readers of the same
 * operands. */
static int
candidates(tn_grouper *x, const tn_op *op, tn_group **list)
{
    int count = 0;

    for (int i = 0; i < op->in_count; i++) {
        tn_trace t;
        tn_group *g;

        if (!op->in[i])
            continue;
        t = tn_group_trace(x, op->in[i]);
        count = add_maker(x, op->in[i], list, count);
        g = x->reader[t.base->id];
        if (g &&
            (g->kind == TN_GROUP_ROW ||
                (g->kind == TN_GROUP_CONTRACT && tn_lower_kind_of(op->code) == TN_LOWER_contract)))
            count = add_candidate(list, count, g);
        if (tn_lower_kind_of(op->code) == TN_LOWER_reduce)
            count = add_readers(x, t.base, list, count);
    }
    if (op->code == TN_OP_scan)
        count = body_makers(x, op->body[0], list, count);
    return count;
}

static bool
leaves_grid(const tn_op *reduce)
{
    const tn_value *v = reduce->in[0];
    unsigned mask = tn_op_reduced(reduce);

    for (int i = 0; i < v->type.rank; i++)
        if (!(mask >> i & 1) && !tn_size_is_one(v->type.dim[i]))
            return true;
    return false;
}

bool
tn_group_feeds_rows(const tn_op *op)
{
    const tn_value *v = op->out[0];

    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_op *to = v->uses.at[i].op;

        if (!to || tn_lower_kind_of(to->code) != TN_LOWER_reduce || !leaves_grid(to))
            return false;
    }
    return v->uses.count > 0;
}

static void
place(tn_grouper *x, tn_op *op)
{
    tn_group *list[CANDIDATES];
    int count = x->fuse ? candidates(x, op, list) : 0;

    for (int i = 0; i < count; i++)
        if ((list[i]->kind != TN_GROUP_CONTRACT || !tn_group_feeds_rows(op)) &&
            !tn_group_is_full(x, list[i], op) && list[i]->region == x->out->region[op->id] &&
            tn_group_has_room(x, op, list[i]) && tn_group_join(x, list[i], op))
            return;
    if (!tn_group_inline_once(x, op))
        (void)tn_group_open(x, op);
}

/* The group of a fusion takes its place where its last operation stands. */
static void
place_claimed(tn_grouper *x, const tn_op *op)
{
    tn_group *group = x->claim[op->id];
    uint32_t count = group->ops.count;

    if (group->ops.at[count - 1] != op)
        return;
    group->number = x->out->at.count;
    group->region = x->out->region[op->id];
    group->first = x->position[op->id];
    tn_push(x->arena, &x->out->at, group);
    for (uint32_t i = 0; i < count; i++)
        x->out->of[group->ops.at[i]->id] = group;
    for (uint32_t i = 0; i < count; i++)
        tn_group_note_reads(x, group, group->ops.at[i]);
}

/* ---- outputs ---- */

static void
add_output(tn_grouper *x, tn_value *v)
{
    tn_group *group = tn_group_of(x, v);

    for (uint32_t i = 0; i < group->outputs.count; i++)
        if (group->outputs.at[i] == v)
            return;
    tn_push(x->arena, &group->outputs, v);
}

static void
find_outputs(tn_grouper *x)
{
    tn_block *block = x->g->block;

    for (tn_op *op = block->first; op; op = op->next) {
        tn_group *group = x->out->of[op->id];

        if (!group)
            continue;
        tn_group_walk_start(x);
        tn_group_walk_op(x, op);
        for (uint32_t i = 0; i < x->leaves.count; i++)
            if (tn_group_of(x, x->leaves.at[i]) && tn_group_of(x, x->leaves.at[i]) != group)
                add_output(x, x->leaves.at[i]);
    }
    for (uint32_t i = 0; i < block->results.count; i++)
        if (tn_group_of(x, block->results.at[i]))
            add_output(x, block->results.at[i]);
    for (uint32_t i = 0; i < x->out->flat.kept.count; i++)
        if (!x->gone[x->out->flat.kept.at[i]->id])
            add_output(x, x->out->flat.kept.at[i]->out[0]);
    for (uint32_t i = 0; i < x->out->in_place.at.count; i++)
        if (x->out->in_place.at.at[i].carry && x->out->in_place.at.at[i].how != TN_IN_PLACE_COPY)
            add_output(x, x->out->in_place.at.at[i].op->out[0]);
}

/* ---- the graph ---- */

static bool
is_refused(const tn_op *op)
{
    tn_lower_kind kind = tn_lower_kind_of(op->code);

    return kind == TN_LOWER_refuse || kind == TN_LOWER_flat;
}

static tn_status
refuse_block(tn_grouper *x, const tn_block *block, tn_status status)
{
    for (const tn_op *op = block->first; op; op = op->next) {
        if (is_refused(op))
            status = tn_fail(x->diag, TN_UNSUPPORTED, "%s: %s: no device runs this yet", op->path,
                tn_op_info_of(op->code)->name);
        for (int i = 0; i < op->body_count; i++)
            status = refuse_block(x, op->body[i], status);
    }
    return status;
}

/* A result that nothing computes gets an operation that copies it. */
static void
copy_results(tn_grouper *x)
{
    tn_block *block = x->g->block;
    tn_build b = {.block = block, .path = "outputs"};

    for (uint32_t i = 0; i < block->results.count; i++) {
        tn_value *v = block->results.at[i];

        if (v->kind == TN_VALUE_RESULT && v->def->code != TN_OP_constant)
            continue;
        v = tn_build_reshape(&b, v, v->type.dim, v->type.rank);
        v->name = block->results.at[i]->name;
        tn_block_set_result(block, (int)i, v);
    }
}

static void
prepare(tn_grouper *x)
{
    uint32_t ops = x->g->op_count, position = 0;

    x->out->at.count = 0;
    x->out->of = tn_new_array(x->arena, tn_group *, ops);
    x->out->inlined = tn_new_array(x->arena, bool, ops);
    x->out->region = tn_flat_regions(x->arena, x->g, &x->out->flat);
    x->kept = tn_new_array(x->arena, bool, ops);
    for (uint32_t i = 0; i < x->out->flat.kept.count; i++)
        x->kept[x->out->flat.kept.at[i]->id] = true;
    x->position = tn_new_array(x->arena, uint32_t, ops);
    x->depth = tn_new_array(x->arena, uint8_t, ops);
    x->cost = tn_new_array(x->arena, uint8_t, ops);
    x->loads = tn_new_array(x->arena, uint8_t, ops);
    x->mark = tn_new_array(x->arena, uint32_t, ops);
    x->claim = tn_new_array(x->arena, tn_group *, ops);
    x->update = tn_new_array(x->arena, tn_in_place *, ops);
    for (uint32_t i = 0; i < x->out->in_place.at.count; i++) {
        tn_in_place *u = &x->out->in_place.at.at[i];

        x->update[u->op->id] = u->how == TN_IN_PLACE_COPY ? NULL : u;
    }
    x->gone = tn_new_array(x->arena, bool, ops);
    for (uint32_t i = 0; i < x->out->flat.carries.count; i++) {
        const tn_flat_carry *c = &x->out->flat.carries.at[i];

        if (c->next && tn_in_place_carries(&x->out->in_place, c))
            x->gone[c->next->id] = x->gone[c->over->id] = true;
    }
    x->reader = tn_new_array(x->arena, tn_group *, x->g->value_count);
    for (const tn_op *op = x->g->block->first; op; op = op->next)
        x->position[op->id] = position++;
}

bool
tn_group_is_stretched(const tn_value *v, const tn_trace *t)
{
    for (int i = 0; i < v->type.rank; i++)
        if (t->dim[i] < 0 && !tn_size_is_one(v->type.dim[i]))
            return true;
    return false;
}

/* A view of a member can be stored instead of it, or beside it, by the same
 * kernel: at the member's places, or, for a reshape, in the member's shape. */
static bool
place_view(tn_grouper *x, tn_value *v)
{
    bool reshape = v->def->code == TN_OP_reshape;
    tn_trace t = tn_group_trace(x, reshape ? v->def->in[0] : v);
    tn_group *group = tn_group_of(x, t.base);
    const tn_group_place *p = group ? tn_group_find(group, t.base) : NULL;
    tn_group_place *own;

    if (!p || !p->member || p->memory || p->shape_of || p->through ||
        group->region != x->out->region[v->def->id] || tn_group_is_full(x, group, v->def) ||
        (reshape && t.base != v->def->in[0]) ||
        (!reshape && (t.base == v || tn_group_is_stretched(v, &t))))
        return false;
    own = tn_group_add_place(x, group, v, true);
    p = tn_group_find(group, t.base);
    for (int i = 0; i < TN_MAX_RANK; i++)
        own->axis[i] = (int8_t)(reshape ? p->axis[i] : t.dim[i] < 0 ? -1 : p->axis[t.dim[i]]);
    own->shape_of = reshape ? t.base : NULL;
    tn_push(x->arena, &group->ops, v->def);
    x->out->of[v->def->id] = group;
    return true;
}

/* An inlined operation whose result the graph gives out is computed once
 * more, for that. */
static void
place_results(tn_grouper *x)
{
    for (uint32_t i = 0; i < x->g->block->results.count; i++) {
        tn_value *v = x->g->block->results.at[i];

        if (!tn_group_is_inlined(x, v) || x->out->of[v->def->id] || place_view(x, v) ||
            tn_group_store_through(x, v))
            continue;
        x->out->inlined[v->def->id] = false;
        (void)tn_group_open(x, v->def);
        x->out->inlined[v->def->id] = true;
    }
}

/* A copy that a loop wants in memory, by the kernel that computes what it
 * copies if there is one. */
static void
place_kept(tn_grouper *x, tn_op *op)
{
    if (op->code != TN_OP_reshape)
        place(x, op);
    else if (!x->fuse || !place_view(x, op->out[0]))
        (void)tn_group_open(x, op);
}

static void
place_all(tn_grouper *x)
{
    for (tn_op *op = x->g->block->first; op; op = op->next) {
        if (x->gone[op->id])
            continue;
        if (x->claim[op->id])
            place_claimed(x, op);
        else if (x->out->inlined[op->id])
            continue; /* by a fusion that was found before */
        else if (x->kept[op->id])
            place_kept(x, op);
        else if (x->update[op->id])
            tn_group_place_update(x, x->update[op->id]);
        else if (op->code != TN_OP_constant && !tn_group_join_through(x, op) &&
            !tn_group_inline(x, op))
            place(x, op);
    }
    place_results(x);
}

/* False if an update that was to be in place cannot, or a group became too
 * large: they have been told so. */
static bool
group_once(tn_grouper *x)
{
    tn_findings *findings = x->options->findings;
    uint32_t known = findings ? findings->at.count : 0;

    prepare(x);
    if (x->fuse && !x->options->exact && !(x->options->skip & tn_pass_bit("attention")))
        tn_attend(x);
    place_all(x);
    if (tn_in_place_settle(x)) {
        find_outputs(x);
        if (tn_group_settle_size(x))
            return true;
    }
    if (findings)
        findings->at.count = known;
    return false;
}

tn_status
tn_group_graph(tn_arena *arena, tn_diag *diag, tn_graph *g, const tn_lower_options *options,
    tn_groups *out)
{
    tn_grouper x = {.out = out,
        .arena = arena,
        .g = g,
        .diag = diag,
        .options = options,
        .fuse = !(options->skip & tn_pass_bit("group"))};

    *out = (tn_groups){.arena = arena, .g = g};
    tn_scan_report(g, options->findings);
    tn_flatten(arena, g, &out->flat);
    TN_TRY(refuse_block(&x, g->block, TN_OK));
    copy_results(&x);
    tn_in_place_find(arena, g, &out->flat, !(options->skip & tn_pass_bit("in_place")),
        &out->in_place);
    x.narrow = tn_new_array(arena, uint8_t, g->op_count);
    while (!group_once(&x))
        ;
    tn_in_place_report(&x);
    tn_group_order(&x);
    return TN_OK;
}
