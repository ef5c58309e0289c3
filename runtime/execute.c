/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/session_internal.h"

/* Launches are collected and submitted in groups, so that a device can record
 * many at once. */
enum { GROUP = 64, BINDING_LIMIT = 64, SIZE_LIMIT = 32 };

typedef struct group {
    tn_dispatch list[GROUP];
    tn_binding bindings[GROUP][BINDING_LIMIT];
    int32_t sizes[GROUP][SIZE_LIMIT];
    uint32_t count;
} group;

typedef struct executor {
    tn_session *s;
    tn_run *run;
    const tn_plan *plan;
    const int64_t *symbols;
    group *group;
} executor;

static tn_status
result(const executor *x, int code, const char *what)
{
    return tn_registry_result(x->s->model->registry, x->s->env.diag, code, what);
}

static tn_status
flush(executor *x)
{
    uint32_t count = x->group->count;

    x->group->count = 0;
    if (!count)
        return TN_OK;
    return result(x, x->s->model->backend->submit(x->s->model->device, x->group->list, count),
        "submit");
}

static tn_status
evaluate(const executor *x, const tn_plan_step *step, tn_formula f, int64_t *out)
{
    if (tn_formula_eval(f, x->symbols, x->plan->symbols.count, out))
        return TN_OK;
    return tn_fail(x->s->env.diag, TN_LIMIT, "%s: a size does not come out", step->name);
}

static tn_status
fill_sizes(executor *x, const tn_plan_step *step, int32_t *sizes, int64_t *wide)
{
    for (uint32_t i = 0; i < step->sizes.count; i++) {
        TN_TRY(evaluate(x, step, step->sizes.at[i], &wide[i]));
        if (wide[i] < INT32_MIN || wide[i] > INT32_MAX)
            return tn_fail(x->s->env.diag, TN_LIMIT, "%s: a size of %lld exceeds 31 bits",
                step->name, (long long)wide[i]);
        sizes[i] = (int32_t)wide[i];
    }
    return TN_OK;
}

static tn_status
launch(executor *x, uint32_t index, const tn_plan_step *step)
{
    const tn_plan_kernel *k = &x->plan->kernels.at[step->kernel];
    uint32_t at = x->group->count;
    tn_dispatch *d = &x->group->list[at];
    int64_t sizes[SIZE_LIMIT], tasks, scratch;

    if (step->buffers.count > BINDING_LIMIT || step->sizes.count > SIZE_LIMIT)
        return tn_fail(x->s->env.diag, TN_LIMIT, "%s: more than %d buffers or %d sizes", step->name,
            BINDING_LIMIT, SIZE_LIMIT);
    TN_TRY(fill_sizes(x, step, x->group->sizes[at], sizes));
    if (!tn_formula_eval(k->tasks, sizes, step->sizes.count, &tasks) || tasks < 0 ||
        !tn_formula_eval(k->scratch, sizes, step->sizes.count, &scratch) || scratch < 0)
        return tn_fail(x->s->env.diag, TN_LIMIT, "%s: the grid does not come out", step->name);
    for (uint32_t i = 0; i < step->buffers.count; i++)
        x->group->bindings[at][i] = tn_session_binding(x->s, x->run->entry, step->buffers.at[i]);
    *d = (tn_dispatch){
        .size = sizeof *d,
        .program = x->s->model->programs[x->run->entry][step->kernel],
        .bindings = x->group->bindings[at],
        .binding_count = step->buffers.count,
        .sizes = x->group->sizes[at],
        .size_count = step->sizes.count,
        .tasks = (uint64_t)tasks,
        .scratch_bytes = (uint64_t)scratch,
        .wait = step->wait,
        .took_ns = x->run->profile ? &x->s->took[index] : NULL,
    };
    if (k->site_count)
        d->status = (tn_binding){
            x->s->status, (uint64_t)step->first_site * 16, (uint64_t)k->site_count * 16};
    x->run->launches++;
    x->group->count++;
    return x->group->count == GROUP ? flush(x) : TN_OK;
}

static tn_status
copy_or_zero(executor *x, const tn_plan_step *step)
{
    const tn_backend *b = x->s->model->backend;
    tn_binding to, from;
    int64_t bytes;

    TN_TRY(evaluate(x, step, step->bytes, &bytes));
    TN_TRY(flush(x));
    from = tn_session_binding(x->s, x->run->entry, step->buffers.at[0]);
    if (step->kind == TN_STEP_ZERO)
        return result(x, b->fill_zero(from.buffer, from.offset, (uint64_t)bytes), step->name);
    to = tn_session_binding(x->s, x->run->entry, step->buffers.at[1]);
    return result(x, b->copy(to.buffer, to.offset, from.buffer, from.offset, (uint64_t)bytes),
        step->name);
}

/* Room for a time of each step; kept between runs. */
static tn_status
prepare_times(executor *x)
{
    tn_session *s = x->s;
    uint32_t count = x->plan->steps.count;

    if (!x->run->profile)
        return TN_OK;
    if (s->time_room < count || !s->times) {
        tn_alloc_free(s->env.alloc, s->times, (s->time_room + 1) * sizeof *s->times);
        tn_alloc_free(s->env.alloc, s->took, (s->time_room + 1) * sizeof *s->took);
        s->times = tn_alloc_zero(s->env.alloc, (count + 1) * sizeof *s->times);
        s->took = tn_alloc_zero(s->env.alloc, (count + 1) * sizeof *s->took);
        s->time_room = count;
        if (!s->times || !s->took)
            return tn_fail_memory(s->env.diag, count * sizeof *s->times, "times of the steps");
    }
    memset(s->took, 0, count * sizeof *s->took);
    return TN_OK;
}

static void
report_times(executor *x)
{
    uint64_t at = 0;

    if (!x->run->profile)
        return;
    for (uint32_t i = 0; i < x->plan->steps.count; i++) {
        x->s->times[i] = (tn_step_time){&x->plan->steps.at[i], at, x->s->took[i]};
        at += x->s->took[i];
    }
    x->run->times = x->s->times;
    x->run->time_count = x->plan->steps.count;
}

/* ---- what a failed check says ---- */

/* The first element of an input outside 0 .. extent-1: exact where several
 * lanes reported at once. */
static bool
first_bad(const tn_tensor *t, int64_t extent, int64_t *position, int64_t *value)
{
    int64_t n = 0;

    if (!tn_tensor_elements(t, &n))
        return false;
    for (*position = 0; *position < n; ++*position) {
        *value = tn_load_int(t->dtype, (char *)t->data + *position * tn_dtype_bytes(t->dtype));
        if (*value < 0 || *value >= extent)
            return true;
    }
    return false;
}

static tn_status
report_site(executor *x, const tn_plan_site *site, const int32_t *words)
{
    int64_t extent = 0, position = words[1], value = words[2];
    const tn_iface_entry *entry = &x->s->model->artifact->iface.entries.at[x->run->entry];
    bool bounded = site->extent.bytes &&
        tn_formula_eval(site->extent, x->symbols, x->plan->symbols.count, &extent);

    if (site->input >= 0 && bounded)
        first_bad(&x->run->inputs[site->input], extent, &position, &value);
    if (bounded)
        return tn_fail(x->s->env.diag, TN_MALFORMED,
            "%s%s%s: element %lld is %lld, expected 0..%lld", site->what,
            site->input >= 0 ? ": input " : "",
            site->input >= 0 ? entry->inputs.at[site->input].name : "", (long long)position,
            (long long)value, (long long)extent - 1);
    return tn_fail(x->s->env.diag, TN_MALFORMED, "%s: at element %lld", site->what,
        (long long)position);
}

static tn_status
check_sites(executor *x)
{
    uint32_t count = x->plan->sites.count;
    int32_t words[4];

    for (uint32_t i = 0; i < count; i++) {
        TN_TRY(result(x,
            x->s->model->backend->read(x->s->status, (uint64_t)i * 16, words, sizeof words),
            "check sites"));
        if (words[0])
            return report_site(x, &x->plan->sites.at[i], words);
    }
    return TN_OK;
}

static tn_status
clear_sites(executor *x)
{
    static const uint8_t zeros[16];

    for (uint32_t i = 0; i < x->plan->sites.count; i++)
        TN_TRY(result(x,
            x->s->model->backend->write(x->s->status, (uint64_t)i * 16, zeros, sizeof zeros),
            "check sites"));
    return TN_OK;
}

static tn_status run_steps(executor *x, uint32_t from, uint32_t to);

/* The test of the loop at step `at`, not one of a loop inside; its end if it
 * has none. */
static uint32_t
test_of(const tn_plan *plan, uint32_t at)
{
    uint32_t s = at + 1, end = s + plan->steps.at[at].length;

    while (s < end && plan->steps.at[s].kind != TN_STEP_TEST)
        s += plan->steps.at[s].kind == TN_STEP_LOOP ? 1 + plan->steps.at[s].length : 1;
    return s;
}

static tn_status
look(executor *x, const tn_plan_step *test, bool *holds)
{
    tn_binding at = tn_session_binding(x->s, x->run->entry, test->buffers.at[0]);
    uint8_t value = 0;

    TN_TRY(flush(x));
    TN_TRY(result(x, x->s->model->backend->read(at.buffer, at.offset, &value, 1), "a condition"));
    *holds = value != 0;
    return TN_OK;
}

/* The host looks at the condition before the first round, then after 1, 2, 4
 * .. rounds, at most `chunk`: those in between change nothing once it has
 * failed. As deep as loops lie inside one another, which the reader limits. */
static tn_status
run_loop(executor *x, uint32_t at)
{
    const tn_plan_step *loop = &x->plan->steps.at[at];
    uint32_t test = test_of(x->plan, at), end = at + 1 + loop->length;
    int64_t limit, due = 0, ahead = 1;
    bool holds = true;

    TN_TRY(evaluate(x, loop, loop->sizes.at[0], &limit));
    for (int64_t round = 0; round < limit; round++) {
        TN_TRY(run_steps(x, at + 1, test));
        if (test == end)
            continue;
        if (round == due) {
            TN_TRY(look(x, &x->plan->steps.at[test], &holds));
            due += ahead;
            ahead = 2 * ahead < loop->chunk ? 2 * ahead : loop->chunk;
        }
        if (!holds)
            break;
        TN_TRY(run_steps(x, test + 1, end));
    }
    return TN_OK;
}

static tn_status
run_steps(executor *x, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        const tn_plan_step *step = &x->plan->steps.at[i];

        if (step->kind == TN_STEP_LOOP) {
            TN_TRY(run_loop(x, i));
            i += step->length;
        } else {
            TN_TRY(step->kind == TN_STEP_LAUNCH ? launch(x, i, step) : copy_or_zero(x, step));
        }
    }
    return TN_OK;
}

static tn_status
walk(executor *x)
{
    TN_TRY(prepare_times(x));
    TN_TRY(clear_sites(x));
    TN_TRY(run_steps(x, 0, tn_plan_commit(x->plan)));
    TN_TRY(flush(x));
    TN_TRY(result(x, x->s->model->backend->wait(x->s->model->device, x->run->timeout_ns), "wait"));
    report_times(x);
    return check_sites(x);
}

static tn_status
commit(executor *x)
{
    TN_TRY(run_steps(x, tn_plan_commit(x->plan), x->plan->steps.count));
    return result(x, x->s->model->backend->wait(x->s->model->device, x->run->timeout_ns), "wait");
}

static tn_status
with_group(tn_session *s, tn_run *run, tn_status (*steps)(executor *x))
{
    executor x = {
        .s = s,
        .run = run,
        .plan = &s->model->target->plans[run->entry],
        .symbols = s->entries[run->entry].symbols,
        .group = tn_alloc_get(s->env.alloc, sizeof(group)),
    };
    tn_status status;

    if (!x.group)
        return tn_fail_memory(s->env.diag, sizeof(group), "a list of launches");
    x.group->count = 0;
    status = steps(&x);
    tn_alloc_free(s->env.alloc, x.group, sizeof(group));
    return status;
}

tn_status
tn_execute(tn_session *s, tn_run *run)
{
    run->launches = 0;
    return with_group(s, run, walk);
}

tn_status
tn_execute_commit(tn_session *s, tn_run *run)
{
    const tn_plan *p = &s->model->target->plans[run->entry];

    return tn_plan_commit(p) == p->steps.count ? TN_OK : with_group(s, run, commit);
}
