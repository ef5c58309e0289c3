/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* Nests of one segment: reductions and outs between two loops are placed one
 * after the other, in program order, into the latest nest that fits. */

void
tn_work_roots(tn_sched *s, const tn_work *w, tn_vals *list)
{
    if (w->anchor) {
        for (int i = 0; i < w->anchor->arg_count; i++)
            tn_vals_add(s, list, w->anchor->arg[i]);
    } else if (w->out->kind == TN_OUT_KEEP) {
        tn_vals_add(s, list, w->out->node);
    } else {
        tn_out_roots(s, w->out, list);
    }
}

void
tn_works_insert(tn_sched *s, tn_works *w, uint32_t before, tn_work work)
{
    tn_push(s->arena, w, work);
    for (uint32_t i = w->count - 1; i > before; i--)
        w->at[i] = w->at[i - 1];
    w->at[before] = work;
}

static bool
is_product(const tn_tval *v)
{
    return v->op == TN_T_fn && v->arg_count == 2 && (v->fn == TN_FN_mul || v->fn == TN_FN_add);
}

bool
tn_is_contract(tn_sched *s, const tn_tval *v)
{
    const tn_tval *x, *y;
    tn_axset par = 0, red = 0, a, b;

    if (v->op == TN_T_mma) {
        x = v->arg[1];
        y = v->arg[2];
    } else if (v->op == TN_T_reduce && is_product(v->arg[0]) &&
        (v->fn == TN_FN_add || v->fn == TN_FN_max || v->fn == TN_FN_maxq || v->fn == TN_FN_min ||
            v->fn == TN_FN_minq)) {
        x = v->arg[0]->arg[0];
        y = v->arg[0]->arg[1];
    } else {
        return false;
    }
    for (int i = 0; i < v->axis_count; i++)
        par |= tn_bit(v->axes[i]);
    for (int i = 0; i < v->red_count; i++)
        red |= tn_bit(v->red[i]);
    a = tn_val(s, x)->deps;
    b = tn_val(s, y)->deps;
    return (par & ~a) && (par & ~b) && (red & a) && (red & b);
}

/* ---- what a nest reads and writes ---- */

static bool
same_index(const tn_tval *load, const tn_tstmt *store)
{
    if (load->buf != store->buf || load->arg_count != store->index_count)
        return false;
    for (int i = 0; i < store->index_count; i++)
        if (load->arg[i] != store->index[i])
            return false;
    return true;
}

/* Stores of the program that come before `store` and may touch its buffer. */
static uint32_t
order_of(const tn_sched *s, const tn_tstmt *store)
{
    uint32_t order = 0;

    for (uint32_t i = 0; i < s->stores.count && s->stores.at[i] != store; i++)
        order += tn_buf_overlaps(s->stores.at[i]->buf, store->buf);
    return order;
}

bool
tn_load_sees(const tn_sched *s, const tn_tval *load, const tn_tstmt *store)
{
    return load->epoch > order_of(s, store);
}

static bool
out_writes(const tn_out *o, const tn_tbuf *buf)
{
    return o->kind == TN_OUT_STORE && tn_buf_overlaps(o->stmt->buf, buf);
}

static bool
nest_writes(const tn_nest *n, const tn_tbuf *buf)
{
    for (uint32_t i = 0; i < n->inner.count; i++)
        if (out_writes(n->inner.at[i], buf))
            return true;
    for (uint32_t i = 0; i < n->tail.count; i++)
        if (out_writes(n->tail.at[i], buf))
            return true;
    return false;
}

static bool
writes_loads(const tn_nest *n, const tn_vals *stem)
{
    for (uint32_t i = 0; i < stem->count; i++)
        if (stem->at[i]->op == TN_T_load && nest_writes(n, stem->at[i]->buf))
            return true;
    return false;
}

static const tn_out *
nest_out(const tn_nest *n, uint32_t i)
{
    return i < n->inner.count ? n->inner.at[i] : n->tail.at[i - n->inner.count];
}

/* A load of the stem and a store of the nest touch one buffer: the load comes
 * after the store (`seen`), or before it and lies elsewhere. */
static bool
clashes(const tn_sched *s, const tn_nest *n, const tn_vals *stem, bool seen)
{
    for (uint32_t k = 0; k < n->inner.count + n->tail.count; k++) {
        const tn_out *o = nest_out(n, k);

        for (uint32_t i = 0; o->kind == TN_OUT_STORE && i < stem->count; i++) {
            const tn_tval *v = stem->at[i];

            if (v->op != TN_T_load || !tn_buf_overlaps(v->buf, o->stmt->buf))
                continue;
            if (tn_load_sees(s, v, o->stmt) ? seen : !seen && !same_index(v, o->stmt))
                return true;
        }
    }
    return false;
}

static void
nest_stem(tn_sched *s, const tn_nest *n, tn_vals *stem)
{
    tn_vals roots = {0};

    tn_nest_roots(s, n, &roots);
    tn_stem_start(s, stem);
    for (uint32_t i = 0; i < roots.count; i++)
        tn_stem(s, roots.at[i], TN_STOP_KEPT, true, stem);
}

/* The nest reads what the out writes. `elsewhere`: at another place only. */
static bool
reads_target(tn_sched *s, const tn_nest *n, const tn_out *o, bool elsewhere)
{
    tn_vals stem = {0};

    if (o->kind != TN_OUT_STORE && o->kind != TN_OUT_CARRY)
        return false;
    nest_stem(s, n, &stem);
    for (uint32_t i = 0; i < stem.count; i++) {
        tn_tval *v = stem.at[i];

        if (o->kind == TN_OUT_CARRY && !elsewhere && tn_carry_of(v) == o->node)
            return true;
        if (o->kind == TN_OUT_STORE && v->op == TN_T_load &&
            tn_buf_overlaps(v->buf, o->stmt->buf) && !(elsewhere && same_index(v, o->stmt)))
            return true;
    }
    return false;
}

/* ---- placing ---- */

/* Latest nests whose results (k), or whose running values (run), are read. */
static void
needs(tn_sched *s, const tn_vals *roots, const tn_tval *own, int *k, int *run)
{
    tn_vals stem = {0};

    *k = *run = -1;
    tn_stem_start(s, &stem);
    for (uint32_t i = 0; i < roots->count; i++)
        tn_stem(s, roots->at[i], TN_STOP_KEPT, false, &stem);
    for (uint32_t i = 0; i < stem.count; i++) {
        const tn_vstate *q = tn_val(s, stem.at[i]);

        if (q->where < 0 || stem.at[i] == own)
            continue;
        if (stem.at[i]->op == TN_T_prefix)
            *run = q->where > *run ? q->where : *run;
        else
            *k = q->where > *k ? q->where : *k;
    }
}

static tn_axset
axes_of(const tn_tval *v)
{
    tn_axset set = 0;

    for (int i = 0; i < v->axis_count; i++)
        set |= tn_bit(v->axes[i]);
    return set;
}

static void
add_axis(tn_sched *s, tn_nest *n, bool red, tn_axis *a)
{
    if (red) {
        tn_push(s->arena, &n->red, a);
        n->red_set |= tn_bit(a);
    } else if (!(n->par_set & tn_bit(a))) {
        tn_push(s->arena, &n->par, a);
        n->par_set |= tn_bit(a);
    }
}

static tn_nest *
new_nest(tn_sched *s, tn_nest_list *ns)
{
    tn_nest *n = tn_new(s->arena, tn_nest);

    tn_push(s->arena, ns, n);
    return n;
}

/* Axes of the result that are walked outside the reduction. */
static tn_axset
anchor_par(const tn_tval *v)
{
    tn_axset set = axes_of(v);

    if (v->op == TN_T_topk)
        set &= ~tn_bit(v->to);
    for (int i = 0; i < v->red_count; i++)
        set &= ~tn_bit(v->red[i]);
    return set;
}

static void
make_reduction(tn_sched *s, tn_nest *n, const tn_tval *v)
{
    tn_axset par = anchor_par(v);

    n->par.count = 0;
    n->par_set = 0;
    for (int i = 0; i < v->axis_count; i++)
        if (par & tn_bit(v->axes[i]))
            add_axis(s, n, false, v->axes[i]);
    for (int i = 0; i < v->red_count; i++)
        add_axis(s, n, true, v->red[i]);
    n->contract = tn_is_contract(s, v);
    n->reverse = v->op == TN_T_prefix && v->reverse;
}

static bool
only_stores(const tn_nest *n)
{
    for (uint32_t i = 0; i < n->tail.count; i++)
        if (n->tail.at[i]->kind == TN_OUT_CARRY)
            return false;
    return true;
}

static bool
joins(tn_sched *s, const tn_nest *n, const tn_tval *v, bool contract)
{
    tn_axset red = 0;

    for (int i = 0; i < v->red_count; i++)
        red |= tn_bit(v->red[i]);
    (void)s;
    return n->red.count && n->par_set == anchor_par(v) && n->red_set == red &&
        n->contract == contract && v->op != TN_T_topk && n->reds.at[0]->op != TN_T_topk &&
        n->reverse == (v->op == TN_T_prefix && v->reverse);
}

static void
place_anchor(tn_sched *s, tn_nest_list *ns, tn_tval *v)
{
    tn_vals roots = {0}, stem = {0};
    bool contract = tn_is_contract(s, v);
    int k, run, hit = -1;
    tn_axset all = anchor_par(v);

    for (int i = 0; i < v->red_count; i++)
        all |= tn_bit(v->red[i]);
    for (int i = 0; i < v->arg_count; i++)
        tn_vals_add(s, &roots, v->arg[i]);
    needs(s, &roots, NULL, &k, &run);
    k = run > k ? run : k;
    tn_stem_start(s, &stem);
    for (uint32_t i = 0; i < roots.count; i++)
        tn_stem(s, roots.at[i], TN_STOP_KEPT, true, &stem);
    for (int i = (int)ns->count - 1; i >= 0 && i >= k && hit < 0; i--) {
        tn_nest *n = ns->at[i];

        if (writes_loads(n, &stem))
            break;
        if (i > k && joins(s, n, v, contract)) {
            hit = i;
        } else if (!n->red.count && n->par_set == all && !contract && v->op != TN_T_topk &&
            only_stores(n)) {
            for (uint32_t o = 0; o < n->tail.count; o++)
                tn_push(s->arena, &n->inner, n->tail.at[o]);
            n->tail.count = 0;
            make_reduction(s, n, v);
            hit = i;
        }
    }
    if (hit < 0) {
        hit = (int)ns->count;
        make_reduction(s, new_nest(s, ns), v);
    }
    tn_push(s->arena, &ns->at[hit]->reds, v);
    tn_val(s, v)->where = hit;
}

static tn_axset
out_axes(tn_sched *s, const tn_out *o)
{
    tn_vals roots = {0};
    tn_axset set = 0;

    if (o->kind == TN_OUT_CARRY || o->kind == TN_OUT_KEEP)
        return axes_of(o->node);
    tn_out_roots(s, o, &roots);
    for (uint32_t i = 0; i < roots.count; i++)
        set |= axes_of(roots.at[i]);
    return set;
}

static void
set_axes(tn_sched *s, tn_nest *n, const tn_out *o)
{
    tn_vals roots = {0};

    if (o->kind == TN_OUT_CARRY || o->kind == TN_OUT_KEEP)
        tn_vals_add(s, &roots, o->node);
    else
        tn_out_roots(s, o, &roots);
    for (uint32_t i = 0; i < roots.count; i++)
        for (int k = 0; k < roots.at[i]->axis_count; k++)
            add_axis(s, n, false, roots.at[i]->axes[k]);
}

/* The out cannot run before the nest. */
static bool
must_follow(tn_sched *s, const tn_nest *n, const tn_out *o)
{
    if (reads_target(s, n, o, false))
        return true;
    return o->kind == TN_OUT_STORE && nest_writes(n, o->stmt->buf);
}

/* Behind its loop the nest stores there what comes first. */
static bool
tail_writes(const tn_nest *n, const tn_out *o)
{
    for (uint32_t i = 0; o->kind == TN_OUT_STORE && i < n->tail.count; i++)
        if (out_writes(n->tail.at[i], o->stmt->buf))
            return true;
    return false;
}

static void
place_out(tn_sched *s, tn_nest_list *ns, tn_out *o)
{
    tn_vals roots = {0}, stem = {0};
    tn_axset axes = out_axes(s, o);
    bool inner = false;
    int k, run, hit = -1;

    tn_out_roots(s, o, &roots);
    needs(s, &roots, o->kind == TN_OUT_KEEP ? o->node : NULL, &k, &run);
    tn_stem_start(s, &stem);
    for (uint32_t i = 0; i < roots.count; i++)
        tn_stem(s, roots.at[i], TN_STOP_KEPT, true, &stem);
    for (int i = (int)ns->count - 1; i >= 0 && i >= run && hit < 0; i--) {
        const tn_nest *n = ns->at[i];
        bool here = !clashes(s, n, &stem, false);

        if (clashes(s, n, &stem, true) || reads_target(s, n, o, true))
            break;
        if (here && i >= k && axes == n->par_set && !(n->red.count && run == i)) {
            hit = i;
        } else if (here && i > k && n->red.count && axes == (n->par_set | n->red_set) &&
            o->kind != TN_OUT_CARRY && n->reds.at[0]->op != TN_T_topk && !n->contract &&
            !tail_writes(n, o)) {
            hit = i;
            inner = true;
        }
        if (i <= k || must_follow(s, n, o))
            break;
    }
    if (hit < 0) {
        hit = (int)ns->count;
        set_axes(s, new_nest(s, ns), o);
    }
    if (inner)
        tn_push(s->arena, &ns->at[hit]->inner, o);
    else
        tn_push(s->arena, &ns->at[hit]->tail, o);
    if (o->kind == TN_OUT_KEEP)
        tn_val(s, o->node)->where = hit;
    else if (tn_out_loaded(s, o))
        tn_val(s, o->value)->where = hit;
}

tn_nest_list
tn_nests_of(tn_sched *s, const tn_works *works)
{
    tn_nest_list ns = {0};

    for (uint32_t i = 0; i < s->val_count; i++)
        s->val[i].where = -1;
    for (uint32_t i = 0; i < works->count; i++) {
        if (works->at[i].anchor)
            place_anchor(s, &ns, works->at[i].anchor);
        else
            place_out(s, &ns, works->at[i].out);
    }
    return ns;
}
