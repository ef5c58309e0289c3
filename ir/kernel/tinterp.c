/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tinterp_in.h"

#include <math.h>
#include <string.h>

enum { BLOCK_LIMIT = 9, PART_LIMIT = 4 };

void
tn_ti_fail(tn_ti *c, const char *format, ...)
{
    va_list args;

    if (c->failed)
        return;
    va_start(args, format);
    (void)tn_vfail(c->job->diag, TN_BUG, format, args);
    va_end(args);
    c->failed = true;
}

/* splitmix64 */
uint64_t
tn_ti_random(tn_ti *c, uint64_t below)
{
    uint64_t x = c->random += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return below ? x % below : x;
}

/* Length of the next block of an axis of which `left` are left. */
static int64_t
block_length(tn_ti *c, int64_t left)
{
    int64_t limit = left < BLOCK_LIMIT ? left : BLOCK_LIMIT;

    if (!c->random_on || left <= 1)
        return left;
    return 1 + (int64_t)tn_ti_random(c, (uint64_t)limit);
}

/* ---- statements ---- */

static void run_body(tn_ti *c, const tn_tbody *body);

static int
join(tn_axis **axes, int count, const tn_tval *v)
{
    for (int i = 0; v && i < v->axis_count; i++) {
        bool known = false;

        for (int k = 0; k < count; k++)
            known |= axes[k] == v->axes[i];
        if (!known)
            axes[count++] = v->axes[i];
    }
    return count;
}

static void
run_store(tn_ti *c, const tn_tstmt *s)
{
    tn_ti_val *index[TN_MAX_RANK], *value, *condition = NULL;
    tn_axis *axes[TN_TILE_AXES];
    int64_t at[TN_MAX_RANK];
    int count = join(axes, 0, s->value);

    for (int i = 0; i < s->index_count; i++) {
        index[i] = tn_ti_eval(c, s->index[i]);
        count = join(axes, count, s->index[i]);
    }
    value = tn_ti_eval(c, s->value);
    if (s->condition)
        condition = tn_ti_eval(c, s->condition);
    count = join(axes, count, s->condition);
    c->stores++;
    if (c->failed || !tn_ti_first(c, axes, count))
        return;
    do {
        if (condition && !tn_ti_at(c, condition).whole)
            continue;
        for (int i = 0; i < s->index_count; i++)
            at[i] = tn_ti_at(c, index[i]).whole;
        tn_ti_store(c, s->buf, at, tn_ti_at(c, value));
    } while (!c->failed && tn_ti_next(c, axes, count));
}

static void
run_check(tn_ti *c, const tn_tstmt *s)
{
    tn_ti_val *condition = tn_ti_eval(c, s->condition);
    tn_ti_val *position = tn_ti_eval(c, s->position);
    tn_ti_val *value = tn_ti_eval(c, s->value);
    tn_axis *axes[TN_TILE_AXES];
    int count = join(axes, join(axes, join(axes, 0, s->condition), s->position), s->value);

    if (c->failed || !tn_ti_first(c, axes, count))
        return;
    do {
        if (tn_ti_at(c, condition).whole || c->job->check_failed)
            continue;
        c->job->check_failed = true;
        c->job->site = s->site;
        c->job->position = tn_ti_at(c, position).whole;
        c->job->value = tn_ti_at(c, value);
        c->job->value_dtype = s->value->dtype;
    } while (!c->failed && tn_ti_next(c, axes, count));
}

/* ---- loops ---- */

/* The value over the carry's axes, in cells of its own. */
static tn_ti_val *
spread(tn_ti *c, const tn_tval *carry, tn_tval *v)
{
    tn_ti_val *from = tn_ti_eval(c, v), *to;
    int64_t at = 0;

    if (!from)
        return NULL;
    to = tn_ti_new(c, carry, carry->axes, carry->axis_count);
    if (!c->failed && tn_ti_first(c, carry->axes, carry->axis_count))
        do
            to->cell[at++] = tn_ti_at(c, from);
        while (tn_ti_next(c, carry->axes, carry->axis_count) && !c->failed);
    return to;
}

static tn_ti_val *
neutral(tn_ti *c, const tn_tcarry *carry)
{
    tn_ti_val *v = tn_ti_new(c, carry->value, carry->value->axes, carry->value->axis_count);

    for (int64_t i = 0; i < v->count; i++)
        v->cell[i] = tn_ti_neutral(carry->by, carry->value->dtype);
    return v;
}

static void
run_round(tn_ti *c, const tn_tstmt *s, tn_ti_val **carried)
{
    uint32_t mark = c->trail.count, loops = c->loops.count;
    tn_ti_val **next = tn_new_array(c->task, tn_ti_val *, s->carry.count);

    for (uint32_t i = 0; i < s->carry.count; i++)
        tn_ti_remember(c, s->carry.at[i].value, carried[i]);
    run_body(c, s->body);
    for (uint32_t i = 0; i < s->carry.count && !c->failed; i++)
        next[i] = spread(c, s->carry.at[i].value, s->carry.at[i].next);
    tn_ti_forget(c, mark);
    c->loops.count = loops;
    c->finals.count = loops;
    memcpy(carried, next, s->carry.count * sizeof *next);
}

static void
run_part(tn_ti *c, const tn_tstmt *s, tn_ti_range part, tn_ti_val **carried)
{
    uint32_t axis = s->axis->index;

    for (int64_t at = part.low; at < part.high && !c->failed;) {
        int64_t length = s->axis->by_one ? 1 : block_length(c, part.high - at);

        c->range[axis] = (tn_ti_range){at, at + length};
        run_round(c, s, carried);
        at += length;
    }
}

static void
merge_parts(tn_ti *c, const tn_tstmt *s, tn_ti_val *const *left, tn_ti_val *const *right,
    tn_ti_val **out)
{
    uint32_t mark = c->trail.count;

    for (uint32_t i = 0; i < s->carry.count; i++) {
        tn_ti_remember(c, s->carry.at[i].left, left[i]);
        tn_ti_remember(c, s->carry.at[i].right, right[i]);
    }
    for (uint32_t i = 0; i < s->carry.count && !c->failed; i++)
        out[i] = spread(c, s->carry.at[i].value, s->carry.at[i].merged);
    tn_ti_forget(c, mark);
}

static void
add_parts(tn_ti *c, const tn_tstmt *s, tn_ti_val *const *left, tn_ti_val *const *right,
    tn_ti_val **out)
{
    for (uint32_t i = 0; i < s->carry.count && !c->failed; i++) {
        const tn_tcarry *carry = &s->carry.at[i];

        out[i] = tn_ti_new(c, carry->value, carry->value->axes, carry->value->axis_count);
        for (int64_t k = 0; k < out[i]->count; k++)
            out[i]->cell[k] = tn_ti_combine(c, carry->by, carry->value->dtype, left[i]->cell[k],
                right[i]->cell[k]);
    }
}

static bool
nearly(tn_dtype dtype, tn_cell a, tn_cell b)
{
    if (!tn_is_float(dtype))
        return a.whole == b.whole;
    if (isnan(a.real) || isnan(b.real))
        return isnan(a.real) && isnan(b.real);
    return a.real == b.real || fabs(a.real - b.real) <= 1e-9 * fabs(b.real);
}

/* merge(first value, x) = x, else cutting changes the result. */
static void
check_neutral(tn_ti *c, const tn_tstmt *s, tn_ti_val *const *init, tn_ti_val *const *last)
{
    tn_ti_val **merged = tn_new_array(c->task, tn_ti_val *, s->carry.count);

    merge_parts(c, s, init, last, merged);
    for (uint32_t i = 0; i < s->carry.count && !c->failed; i++)
        for (int64_t k = 0; k < last[i]->count && !c->failed; k++)
            if (!nearly(s->carry.at[i].value->dtype, merged[i]->cell[k], last[i]->cell[k]))
                tn_ti_fail(c, "the first value of carry %u of loop %s is not neutral in its merge",
                    i, s->axis->name);
}

static bool
may_cut(const tn_tstmt *s)
{
    if (s->scan || !s->carry.count)
        return false;
    for (uint32_t i = 0; i < s->carry.count && !s->merge; i++)
        if (s->carry.at[i].by == TN_FN_COUNT)
            return false;
    return true;
}

/* Cuts a range into 1 to PART_LIMIT parts, some of which may be empty. */
static int
cut(tn_ti *c, const tn_tstmt *s, tn_ti_range all, tn_ti_range *parts)
{
    int count = 1;

    if (c->random_on && may_cut(s) && all.high - all.low > 1)
        count = 1 + (int)tn_ti_random(c, PART_LIMIT);
    for (int i = 0; i < count; i++) {
        int64_t left = all.high - all.low;

        parts[i].low = all.low;
        parts[i].high = i + 1 == count
            ? all.high
            : all.low + (int64_t)(left > 0 ? tn_ti_random(c, (uint64_t)left) : 0);
        all.low = parts[i].high;
    }
    return count;
}

static void
run_parts(tn_ti *c, const tn_tstmt *s, tn_ti_range all, tn_ti_val *const *init, tn_ti_val **result)
{
    uint32_t n = s->carry.count;
    tn_ti_range parts[PART_LIMIT];
    int count = cut(c, s, all, parts);

    for (int p = 0; p < count && !c->failed; p++) {
        tn_ti_val **carried = tn_new_array(c->task, tn_ti_val *, n);
        tn_ti_val **joined = tn_new_array(c->task, tn_ti_val *, n);

        for (uint32_t i = 0; i < n; i++)
            carried[i] = p == 0 || s->merge ? init[i] : neutral(c, &s->carry.at[i]);
        run_part(c, s, parts[p], carried);
        if (c->failed)
            return;
        if (p == 0)
            memcpy(joined, carried, n * sizeof *joined);
        else if (s->merge)
            merge_parts(c, s, result, carried, joined);
        else
            add_parts(c, s, result, carried, joined);
        memcpy(result, joined, n * sizeof *joined);
    }
}

static void
run_loop(tn_ti *c, const tn_tstmt *s)
{
    uint32_t axis = s->axis->index, n = s->carry.count;
    tn_ti_val **init = tn_new_array(c->task, tn_ti_val *, n);
    tn_ti_val **result = tn_new_array(c->task, tn_ti_val *, n);
    tn_ti_range all = {tn_ti_scalar(c, s->axis->low), tn_ti_scalar(c, s->axis->high)};
    tn_ti_range old = c->range[axis];
    bool was_bound = c->bound[axis];

    for (uint32_t i = 0; i < n && !c->failed; i++)
        init[i] = spread(c, s->carry.at[i].value, s->carry.at[i].init);
    if (c->failed)
        return;
    c->bound[axis] = true;
    run_parts(c, s, all, init, result);
    c->bound[axis] = was_bound;
    c->range[axis] = old;
    if (s->merge && !c->failed)
        check_neutral(c, s, init, result);
    tn_push(c->task, &c->loops, s);
    tn_push(c->task, &c->finals, result);
}

static void
run_if(tn_ti *c, const tn_tstmt *s)
{
    uint32_t mark, loops = c->loops.count;
    bool taken = tn_ti_scalar(c, s->condition) != 0;
    const tn_tbody *body = taken ? s->body : s->orelse;

    mark = c->trail.count;
    if (!c->failed && body)
        run_body(c, body);
    tn_ti_forget(c, mark);
    c->loops.count = loops;
    c->finals.count = loops;
}

static void
run_body(tn_ti *c, const tn_tbody *body)
{
    for (uint32_t i = 0; i < body->stmts.count && !c->failed; i++) {
        const tn_tstmt *s = body->stmts.at[i];

        switch (s->op) {
        case TN_T_store: run_store(c, s); break;
        case TN_T_check: run_check(c, s); break;
        case TN_T_local: tn_ti_open_local(c, s->buf); break;
        case TN_T_if: run_if(c, s); break;
        default: run_loop(c, s); break;
        }
    }
}

/* ---- tasks ---- */

typedef struct task_list {
    tn_ti *c;
    TN_VEC(tn_ti_range *) at; /* ranges of the grid axes */
} task_list;

/* What stands for a whole task: `body` under a guard of its own arena. */
typedef struct task_run {
    tn_ti *c;
    void (*body)(tn_ti *c, void *arg);
    void *arg;
} task_run;

static void
start_task(tn_ti *c)
{
    c->memo = tn_new_array(c->task, tn_ti_val *, c->t->value_count);
    memset(&c->trail, 0, sizeof c->trail);
    memset(&c->loops, 0, sizeof c->loops);
    memset(&c->finals, 0, sizeof c->finals);
    c->set = tn_tset_create(c->task, c->t);
}

static tn_status
guarded(void *arg)
{
    task_run *r = arg;

    start_task(r->c);
    r->body(r->c, r->arg);
    return r->c->failed ? TN_BUG : TN_OK;
}

static tn_status
with_arena(tn_ti *c, void (*body)(tn_ti *c, void *arg), void *arg)
{
    task_run r = {c, body, arg};
    tn_status status = TN_NO_MEMORY;

    c->task = tn_arena_create(c->job->alloc, 0);
    if (c->task)
        status = tn_arena_guard(c->task, guarded, &r);
    tn_arena_destroy(c->task);
    return status;
}

static void
measure_spans(tn_ti *c, void *arg)
{
    (void)arg;
    for (uint32_t i = 0; i < c->t->axes.count && !c->failed; i++) {
        const tn_axis *a = c->t->axes.at[i];

        if (a->kind != TN_AXIS_SPAN && a->kind != TN_AXIS_OUT)
            continue;
        c->bound[i] = true;
        c->range[i] = (tn_ti_range){0, tn_ti_scalar(c, a->high)};
    }
}

static void list_blocks(task_list *l, uint32_t depth);

static void
list_task(task_list *l)
{
    tn_ti *c = l->c;
    tn_ti_range *task = tn_new_array(c->arena, tn_ti_range, c->t->grid.count);

    for (uint32_t i = 0; i < c->t->grid.count; i++)
        task[i] = c->range[c->t->grid.at[i]->index];
    tn_push(c->arena, &l->at, task);
}

/* As deep as the grid has axes. */
static void
list_blocks(task_list *l, uint32_t depth)
{
    tn_ti *c = l->c;
    const tn_axis *a;
    int64_t low, high;

    if (depth == c->t->grid.count) {
        list_task(l);
        return;
    }
    a = c->t->grid.at[depth];
    tn_ti_forget(c, 0);
    low = tn_ti_scalar(c, a->low);
    high = tn_ti_scalar(c, a->high);
    c->bound[a->index] = true;
    for (int64_t at = low; at < high && !c->failed;) {
        int64_t length = a->by_one ? 1 : block_length(c, high - at);

        c->range[a->index] = (tn_ti_range){at, at + length};
        list_blocks(l, depth + 1);
        at += length;
    }
}

static void
list_all(tn_ti *c, void *arg)
{
    (void)c;
    list_blocks(arg, 0);
}

static void
shuffle(tn_ti *c, task_list *l)
{
    for (uint32_t i = l->at.count; c->random_on && i > 1; i--) {
        uint32_t k = (uint32_t)tn_ti_random(c, i);
        tn_ti_range *swap = l->at.at[i - 1];

        l->at.at[i - 1] = l->at.at[k];
        l->at.at[k] = swap;
    }
}

static void
run_task(tn_ti *c, void *arg)
{
    const tn_ti_range *task = arg;

    for (uint32_t i = 0; i < c->t->grid.count; i++)
        c->range[c->t->grid.at[i]->index] = task[i];
    run_body(c, c->t->body);
}

static tn_status
run_all(void *arg)
{
    tn_ti *c = arg;
    task_list l = {.c = c};

    c->bound = tn_new_array(c->arena, bool, c->t->axes.count);
    c->range = tn_new_array(c->arena, tn_ti_range, c->t->axes.count);
    c->pos = tn_new_array(c->arena, int64_t, c->t->axes.count);
    if (!tn_ti_open_params(c))
        return TN_BUG;
    c->task_id = -2;
    TN_TRY(with_arena(c, measure_spans, NULL));
    TN_TRY(with_arena(c, list_all, &l));
    shuffle(c, &l);
    for (uint32_t i = 0; i < l.at.count; i++) {
        c->task_id = (int64_t)i + 1;
        TN_TRY(with_arena(c, run_task, l.at.at[i]));
    }
    c->job->tasks = l.at.count;
    return TN_OK;
}

tn_status
tn_tinterp_run(tn_tinterp *job)
{
    tn_ti c = {.job = job, .t = job->tile, .random = job->seed, .random_on = job->seed != 0};
    tn_status status = TN_NO_MEMORY;

    job->check_failed = false;
    c.arena = tn_arena_create(job->alloc, 0);
    if (c.arena)
        status = tn_arena_guard(c.arena, run_all, &c);
    tn_arena_destroy(c.arena);
    return status;
}
