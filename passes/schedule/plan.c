/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* Bodies to items: segments of reductions and outs between loops become
 * nests; values that are not cheap and are used by two of them are kept. */

/* Enclosing loops and conditions of the body being planned. */
typedef struct plan_scope {
    const struct plan_scope *outer;
    const tn_tstmt *stmt;
    int depth;
} plan_scope;

typedef struct plan_body {
    tn_sched *s;
    const plan_scope *scope;
    tn_items *items;
    tn_works segment;
    TN_VEC(tn_tval *) assigned; /* anchors placed in this body */
    uint8_t *seen;              /* by value */
} plan_body;

static tn_items *plan(tn_sched *s, tn_tbody *body, const plan_scope *scope);

/* ---- which loop an anchor belongs to ---- */

static bool
body_stores(const tn_tbody *body, const tn_tbuf *buf)
{
    for (uint32_t i = 0; body && i < body->stmts.count; i++) {
        const tn_tstmt *st = body->stmts.at[i];

        if (st->op == TN_T_store && tn_buf_overlaps(st->buf, buf))
            return true;
        if (body_stores(st->body, buf) || body_stores(st->orelse, buf))
            return true;
    }
    return false;
}

/* `v` alone changes from one round of `loop` to the next. */
static bool
changes_in(const tn_tval *v, const tn_tstmt *loop)
{
    if (loop->op != TN_T_loop)
        return false;
    switch (v->op) {
    case TN_T_carry: return v->loop == loop;
    case TN_T_index:
    case TN_T_first:
    case TN_T_last: return v->axis == loop->axis;
    case TN_T_load: return body_stores(loop->body, v->buf);
    default: break;
    }
    if (tn_is_anchor(v))
        for (int i = 0; i < v->red_count; i++)
            if (v->red[i] == loop->axis)
                return true;
    return false;
}

static void
level_walk(tn_sched *s, const tn_tval *v, const plan_scope *scope, int *level)
{
    tn_vstate *q = tn_val(s, v);

    if (q->mark == s->mark)
        return;
    q->mark = s->mark;
    for (const plan_scope *l = scope; l && l->depth > *level; l = l->outer)
        if (l->stmt && changes_in(v, l->stmt)) {
            *level = l->depth;
            break;
        }
    if (v->op == TN_T_result && v->loop)
        return;
    for (int i = 0; i < v->arg_count; i++)
        level_walk(s, v->arg[i], scope, level);
}

/* Depth of the innermost scope that an anchor depends on. */
static int
level_of(tn_sched *s, const tn_tval *v, const plan_scope *scope)
{
    int level = 0;

    s->mark++;
    level_walk(s, v, scope, &level);
    return level;
}

/* Anchors below a value that belong here, operands first. `at`: the scope of
 * the use, which may be deeper. */
static void
find(plan_body *b, tn_tval *v, const plan_scope *at)
{
    tn_vstate *q;

    if (!v || b->seen[v->id])
        return;
    b->seen[v->id] = 1;
    for (int i = 0; i < v->arg_count; i++)
        find(b, v->arg[i], at);
    q = tn_val(b->s, v);
    if (tn_is_anchor(v) && !q->assigned && level_of(b->s, v, at) <= b->scope->depth) {
        q->assigned = true;
        tn_push(b->s->arena, &b->assigned, v);
        tn_push(b->s->arena, &b->segment, ((tn_work){.anchor = v}));
    }
}

static void
find_all(plan_body *b, const tn_vals *list, const plan_scope *at)
{
    for (uint32_t i = 0; i < list->count; i++)
        find(b, list->at[i], at);
}

static void
statement_reads(tn_sched *s, const tn_tstmt *st, tn_vals *list)
{
    for (int k = 0; k < st->index_count; k++)
        tn_vals_add(s, list, st->index[k]);
    tn_vals_add(s, list, st->value);
    tn_vals_add(s, list, st->condition);
    tn_vals_add(s, list, st->position);
    if (st->op == TN_T_loop) {
        tn_vals_add(s, list, st->axis->low);
        tn_vals_add(s, list, st->axis->high);
        for (uint32_t k = 0; k < st->carry.count; k++)
            tn_vals_add(s, list, st->carry.at[k].init);
    }
}

/* Anchors used inside a loop but not depending on it come before it. */
static void
find_inside(plan_body *b, const tn_tstmt *loop, const plan_scope *at)
{
    plan_scope inner = {at, loop, at->depth + 1};

    for (uint32_t i = 0; i < loop->body->stmts.count; i++) {
        const tn_tstmt *st = loop->body->stmts.at[i];
        tn_vals reads = {0};

        statement_reads(b->s, st, &reads);
        find_all(b, &reads, &inner);
        if (st->op == TN_T_loop)
            find_inside(b, st, &inner);
    }
    for (uint32_t k = 0; k < loop->carry.count; k++)
        find(b, loop->carry.at[k].next, &inner);
}

/* ---- values to keep ---- */

typedef struct keep_use {
    tn_tval *value;
    uint32_t nests;
} keep_use;

typedef struct keep_uses {
    keep_use *at;
    uint32_t count, room;
} keep_uses;

/* `store h, v` in this segment: v can be loaded again from h. */
static const tn_tstmt *
stored_by(const tn_works *works, const tn_tval *v)
{
    for (uint32_t i = 0; i < works->count; i++) {
        const tn_out *o = works->at[i].out;
        tn_axset axes = 0, want = 0;
        bool plain = true;

        if (!o || o->kind != TN_OUT_STORE || o->value != v || o->stmt->condition ||
            o->stmt->buf->local || o->stmt->buf->dtype != v->dtype)
            continue;
        for (int k = 0; k < o->stmt->index_count; k++) {
            plain &= o->stmt->index[k]->op == TN_T_index;
            for (int a = 0; a < o->stmt->index[k]->axis_count; a++)
                axes |= tn_bit(o->stmt->index[k]->axes[a]);
        }
        for (int a = 0; a < v->axis_count; a++)
            want |= tn_bit(v->axes[a]);
        if (plain && axes == want)
            return o->stmt;
    }
    return NULL;
}

static void
count_uses(tn_sched *s, const tn_nest_list *ns, keep_uses *uses)
{
    uint32_t *slot = tn_new_array(s->arena, uint32_t, s->val_count);

    for (uint32_t i = 0; i < ns->count; i++) {
        tn_vals roots = {0}, stem = {0};

        tn_nest_roots(s, ns->at[i], &roots);
        tn_stem_start(s, &stem);
        for (uint32_t r = 0; r < roots.count; r++)
            tn_stem(s, roots.at[r], TN_STOP_KEPT, false, &stem);
        for (uint32_t k = 0; k < stem.count; k++) {
            tn_tval *v = stem.at[k];

            if (v->op != TN_T_fn || tn_val(s, v)->kept)
                continue;
            if (!slot[v->id]) {
                tn_push(s->arena, uses, ((keep_use){v, 0}));
                slot[v->id] = uses->count;
            }
            uses->at[slot[v->id] - 1].nests++;
        }
    }
}

static bool
below_another(tn_sched *s, const keep_uses *cand, const tn_tval *v)
{
    for (uint32_t i = 0; i < cand->count; i++) {
        tn_vals stem = {0};

        if (cand->at[i].value == v)
            continue;
        tn_stem_start(s, &stem);
        tn_stem(s, cand->at[i].value, TN_STOP_KEPT, true, &stem);
        for (uint32_t k = 0; k < stem.count; k++)
            if (stem.at[k] == v)
                return true;
    }
    return false;
}

static bool
nest_replaces(const tn_sched *s, const tn_nest *n, const tn_tval *load)
{
    for (uint32_t k = 0; k < n->inner.count + n->tail.count; k++) {
        const tn_out *o = k < n->inner.count ? n->inner.at[k] : n->tail.at[k - n->inner.count];

        if (o->kind == TN_OUT_STORE && tn_buf_overlaps(o->stmt->buf, load->buf) &&
            !tn_load_sees(s, load, o->stmt))
            return true;
    }
    return false;
}

/* A load whose buffer an earlier nest writes, though the program loads first;
 * NULL: none. */
static tn_tval *
overwritten(tn_sched *s, const tn_nest_list *ns)
{
    for (uint32_t i = 1; i < ns->count; i++) {
        tn_vals roots = {0}, stem = {0};

        tn_nest_roots(s, ns->at[i], &roots);
        tn_stem_start(s, &stem);
        for (uint32_t r = 0; r < roots.count; r++)
            tn_stem(s, roots.at[r], TN_STOP_KEPT, false, &stem);
        for (uint32_t k = 0; k < stem.count; k++) {
            if (stem.at[k]->op != TN_T_load || tn_val(s, stem.at[k])->kept)
                continue;
            for (uint32_t j = 0; j < i; j++)
                if (nest_replaces(s, ns->at[j], stem.at[k]))
                    return stem.at[k];
        }
    }
    return NULL;
}

/* Made from a contraction that is stored for its users otherwise: what they
 * all begin with takes no more room, and is done once. */
static bool
replaces_contraction(tn_sched *s, tn_tval *v)
{
    tn_vals stem = {0};
    bool found = false;

    if (s->target->gpu)
        return false;
    tn_stem_start(s, &stem);
    tn_stem(s, v, TN_STOP_KEPT, true, &stem);
    for (uint32_t i = 0; i < stem.count; i++) {
        const tn_tval *x = stem.at[i];

        if (tn_is_anchor(x) && x->op != TN_T_mma)
            return false;
        if (x->op == TN_T_mma && tn_val(s, x)->deps != tn_val(s, v)->deps)
            return false;
        found |= x->op == TN_T_mma;
    }
    return found;
}

/* The largest value worth keeping, or one that must be kept; NULL: none. */
static tn_tval *
want_keep(tn_sched *s, const tn_nest_list *ns, const tn_works *works)
{
    keep_uses uses = {0}, cand = {0};
    tn_tval *lost;

    count_uses(s, ns, &uses);
    for (uint32_t i = 0; i < uses.count; i++) {
        tn_tval *v = uses.at[i].value;

        if (uses.at[i].nests > 1 && v->axis_count &&
            (tn_value_cost(s, v) > 8 || stored_by(works, v) || replaces_contraction(s, v)))
            tn_push(s->arena, &cand, uses.at[i]);
    }
    for (uint32_t i = 0; i < cand.count; i++)
        if (!below_another(s, &cand, cand.at[i].value))
            return cand.at[i].value;
    lost = cand.count ? cand.at[0].value : overwritten(s, ns);
    return lost;
}

static bool
work_uses(tn_sched *s, const tn_work *w, const tn_tval *v)
{
    tn_vals roots = {0}, stem = {0};
    /* A work that keeps a value computes what stands behind it. */
    bool behind = w->out && w->out->kind == TN_OUT_KEEP;

    tn_work_roots(s, w, &roots);
    tn_stem_start(s, &stem);
    for (uint32_t i = 0; i < roots.count; i++)
        tn_stem(s, roots.at[i], TN_STOP_KEPT, behind, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        if (stem.at[i] == v)
            return true;
    return false;
}

/* The work stores over what the load `v` reads. */
static bool
work_replaces(const tn_sched *s, const tn_work *w, const tn_tval *v)
{
    return v->op == TN_T_load && w->out && w->out->kind == TN_OUT_STORE &&
        tn_buf_overlaps(w->out->stmt->buf, v->buf) && !tn_load_sees(s, v, w->out->stmt);
}

/* The store that later uses can load from, if it comes before all of them. */
static const tn_tstmt *
first_stored(tn_sched *s, const tn_works *works, const tn_tval *v)
{
    const tn_tstmt *store = stored_by(works, v);

    for (uint32_t i = 0; store && i < works->count; i++) {
        const tn_out *o = works->at[i].out;

        if (o && o->stmt == store)
            return store;
        if (work_uses(s, &works->at[i], v))
            return NULL;
    }
    return store;
}

static void
keep(tn_sched *s, plan_body *b, tn_tval *v)
{
    const tn_tstmt *store = first_stored(s, &b->segment, v);
    tn_vstate *q = tn_val(s, v);
    tn_out *o;
    uint32_t at = 0;

    if (!store) {
        while (at < b->segment.count && !work_uses(s, &b->segment.at[at], v) &&
            !work_replaces(s, &b->segment.at[at], v))
            at++;
        o = tn_new(s->arena, tn_out);
        o->kind = TN_OUT_KEEP;
        o->value = o->node = v;
        tn_works_insert(s, &b->segment, at, (tn_work){.out = o});
    }
    q->kept = true;
    q->forward = store ? tn_value_reload(s, store, v) : NULL;
    tn_push(s->arena, &b->items->keeps, ((tn_keep){v, b->items->list.count}));
}

static void
end_segment(plan_body *b)
{
    tn_sched *s = b->s;
    tn_nest_list ns = tn_nests_of(s, &b->segment);
    tn_tval *v;

    while (s->status == TN_OK && (v = want_keep(s, &ns, &b->segment)) != NULL) {
        keep(s, b, v);
        ns = tn_nests_of(s, &b->segment);
    }
    for (uint32_t i = 0; i < ns.count; i++) {
        tn_item *item = tn_new(s->arena, tn_item);

        item->kind = TN_ITEM_NEST;
        item->nest = ns.at[i];
        ns.at[i]->index = s->nests.count;
        tn_push(s->arena, &s->nests, ns.at[i]);
        tn_push(s->arena, &b->items->list, item);
    }
    b->segment = (tn_works){0};
}

/* ---- bodies ---- */

static void
add_out(plan_body *b, tn_out_kind kind, tn_tval *value, tn_tval *node, tn_tstmt *stmt)
{
    tn_out *o = tn_new(b->s->arena, tn_out);

    *o = (tn_out){kind, value, node, stmt};
    tn_push(b->s->arena, &b->segment, ((tn_work){.out = o}));
}

static void
add_nested(plan_body *b, tn_tstmt *st)
{
    tn_item *item = tn_new(b->s->arena, tn_item);
    plan_scope inner = {b->scope, st, b->scope->depth + 1};

    end_segment(b);
    item->kind = st->op == TN_T_loop ? TN_ITEM_LOOP : TN_ITEM_IF;
    item->stmt = st;
    tn_push(b->s->arena, &b->items->list, item);
    item->body = plan(b->s, st->body, &inner);
    if (st->orelse)
        item->orelse = plan(b->s, st->orelse, &inner);
}

static void
add_statement(plan_body *b, tn_tstmt *st)
{
    tn_vals reads = {0};

    statement_reads(b->s, st, &reads);
    find_all(b, &reads, b->scope);
    switch (st->op) {
    case TN_T_store: add_out(b, TN_OUT_STORE, st->value, NULL, st); break;
    case TN_T_check: add_out(b, TN_OUT_CHECK, st->value, NULL, st); break;
    case TN_T_loop:
        find_inside(b, st, b->scope);
        for (uint32_t k = 0; k < st->carry.count; k++)
            add_out(b, TN_OUT_CARRY, st->carry.at[k].init, st->carry.at[k].value, NULL);
        add_nested(b, st);
        break;
    case TN_T_if: add_nested(b, st); break;
    default: break;
    }
}

static tn_items *
plan(tn_sched *s, tn_tbody *body, const plan_scope *scope)
{
    tn_items *items = tn_new(s->arena, tn_items);
    plan_body b = {.s = s, .scope = scope, .items = items};
    const tn_tstmt *loop = scope->stmt && scope->stmt->op == TN_T_loop ? scope->stmt : NULL;

    b.seen = tn_new_array(s->arena, uint8_t, s->val_room);
    items->source = body;
    for (uint32_t i = 0; i < body->stmts.count; i++)
        add_statement(&b, body->stmts.at[i]);
    if (loop && body == loop->body) {
        for (uint32_t k = 0; k < loop->carry.count; k++)
            find(&b, loop->carry.at[k].next, scope);
        for (uint32_t k = 0; k < loop->carry.count; k++)
            add_out(&b, TN_OUT_CARRY, loop->carry.at[k].next, loop->carry.at[k].value, NULL);
    }
    end_segment(&b);
    for (uint32_t i = 0; i < b.assigned.count; i++)
        tn_val(s, b.assigned.at[i])->assigned = false;
    tn_items_leave(s, items);
    return items;
}

static void
reset_keep(tn_sched *s, tn_tval *v, bool kept)
{
    tn_vstate *q = tn_val(s, v);

    q->kept = kept;
    q->forward_ready = false;
    q->store[0] = q->store[1] = NULL;
}

void
tn_items_enter(tn_sched *s, const tn_items *items, uint32_t item)
{
    for (uint32_t i = 0; i < items->keeps.count; i++)
        if (items->keeps.at[i].from == item)
            reset_keep(s, items->keeps.at[i].value, true);
}

void
tn_items_leave(tn_sched *s, const tn_items *items)
{
    for (uint32_t i = 0; i < items->keeps.count; i++)
        reset_keep(s, items->keeps.at[i].value, false);
}

void
tn_plan(tn_sched *s)
{
    plan_scope top = {NULL, NULL, 0};

    s->items = plan(s, s->tile->body, &top);
    if (s->status == TN_OK)
        tn_plan_users(s);
}

/* ---- readers ---- */

static void
add_user(tn_sched *s, tn_tval *v, tn_nest *n)
{
    tn_vstate *q = tn_val(s, v);

    for (uint32_t i = 0; i < q->users.count; i++)
        if (q->users.at[i] == n)
            return;
    tn_push(s->arena, &q->users, n);
}

static void
use_roots(tn_sched *s, const tn_vals *roots, tn_nest *n)
{
    tn_vals stem = {0};

    tn_stem_start(s, &stem);
    for (uint32_t i = 0; i < roots->count; i++)
        tn_stem(s, roots->at[i], TN_STOP_KEPT, false, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        add_user(s, stem.at[i], n);
}

static void
users_of(tn_sched *s, tn_items *items)
{
    for (uint32_t i = 0; i < items->list.count; i++) {
        tn_item *item = items->list.at[i];
        tn_vals roots = {0};

        tn_items_enter(s, items, i);
        if (item->nest) {
            tn_nest_roots(s, item->nest, &roots);
        } else if (item->stmt->op == TN_T_loop) {
            tn_vals_add(s, &roots, item->stmt->axis->low);
            tn_vals_add(s, &roots, item->stmt->axis->high);
        } else {
            tn_vals_add(s, &roots, item->stmt->condition);
        }
        use_roots(s, &roots, item->nest);
        if (item->body)
            users_of(s, item->body);
        if (item->orelse)
            users_of(s, item->orelse);
    }
    tn_items_leave(s, items);
}

void
tn_plan_users(tn_sched *s)
{
    users_of(s, s->items);
}

/* ---- carries ---- */

static bool
nest_writes_carry(const tn_nest *n, const tn_tval *carry)
{
    for (uint32_t i = 0; i < n->tail.count; i++)
        if (n->tail.at[i]->kind == TN_OUT_CARRY && n->tail.at[i]->node == carry)
            return true;
    return false;
}

static bool
under_rename(tn_sched *s, tn_tval *v, const tn_tval *carry)
{
    tn_vals below = {0};

    if (v->op != TN_T_rename)
        return false;
    tn_stem_start(s, &below);
    tn_stem(s, v, TN_STOP_NOWHERE, true, &below);
    for (uint32_t i = 0; i < below.count; i++)
        if (below.at[i] == carry)
            return true;
    return false;
}

/* `n` reads the carry; `any`: where it matters, at another position. */
static bool
nest_reads_carry(tn_sched *s, const tn_nest *n, const tn_tval *carry, bool elsewhere)
{
    tn_vals roots = {0}, stem = {0};
    tn_axset axes = 0;

    for (int i = 0; i < carry->axis_count; i++)
        axes |= tn_bit(carry->axes[i]);
    tn_nest_roots(s, n, &roots);
    tn_stem_start(s, &stem);
    for (uint32_t i = 0; i < roots.count; i++)
        tn_stem(s, roots.at[i], TN_STOP_KEPT, true, &stem);
    for (uint32_t i = 0; i < stem.count; i++) {
        if (stem.at[i] == carry && (!elsewhere || axes & n->red_set || (axes != n->par_set)))
            return true;
        if (under_rename(s, stem.at[i], carry))
            return true;
    }
    return false;
}

bool
tn_carry_twice(tn_sched *s, tn_items *items, tn_tval *carry)
{
    bool written = false;

    for (uint32_t i = 0; i < items->list.count; i++) {
        const tn_item *item = items->list.at[i];

        if (!item->nest)
            continue;
        if (written && nest_reads_carry(s, item->nest, carry, false))
            return true;
        if (nest_writes_carry(item->nest, carry)) {
            if (nest_reads_carry(s, item->nest, carry, true))
                return true;
            written = true;
        }
    }
    return false;
}
