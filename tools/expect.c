/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/expect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "passes/finding.h"
#include "passes/pass.h"
#include "tools/plan_totals.h"

/* One expectation for one entry on one target. */
typedef struct check {
    const tn_expecting *x;
    const tn_compiled *made;
    const tn_artifact_target *target;
    const tn_expect *e;
    uint32_t entry;
    tn_plan_totals totals;
} check;

static bool
applies(const tn_module *module, const tn_expect *e, const char *device)
{
    const char *preset = tn_module_document(module)->preset;

    if (e->when_preset && (!preset || strcmp(e->when_preset, preset) != 0))
        return false;
    return !e->when_device || (device && !strcmp(e->when_device, device));
}

static bool
is_for_entry(const tn_expect *e, const char *entry)
{
    return (!e->entry || !strcmp(e->entry, entry)) &&
        (!e->when_entry || !strcmp(e->when_entry, entry));
}

/* True if a row of passes.def makes this family. */
static bool
has_pass(const char *family)
{
    static const char *const by_another[][2] = {{"crf_partition", "viterbi"}};

    for (size_t i = 0; i < sizeof by_another / sizeof *by_another; i++)
        if (!strcmp(by_another[i][0], family))
            family = by_another[i][1];
    return tn_pass_bit(family) != 0;
}

/* ---- what is not checked ---- */

static void list(tn_text *out, const char *format, ...) TN_PRINTF(2, 3);

/* Once, though several entries expect it. */
static void
list(tn_text *out, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!out->length || !strstr(out->at, text))
        tn_text_add(out, "%s%s", out->length ? ", " : "", text);
}

/* All of an expectation, or only what no pass makes. */
static void
list_unchecked(tn_text *out, const tn_expect *e, bool all)
{
    for (uint32_t i = 0; i < e->fused.count; i++) {
        const tn_expect_fused *f = &e->fused.at[i];

        if (!all && has_pass(f->family))
            continue;
        if (f->count >= 0)
            list(out, "fused %s*%lld", f->family, (long long)f->count);
        else
            list(out, "fused %s", f->family);
    }
    for (int i = 0; all && i < TN_EXPECT_LIMITS; i++)
        if (e->has_limit[i])
            list(out, "%s", tn_expect_limit_name((tn_expect_limit)i));
    if ((all || !has_pass("in_place")) && (e->in_place_all || e->in_place.count))
        list(out, "in_place");
}

static void
note_unchecked(const tn_expecting *x, const char *device, bool all)
{
    const tn_tests *tests = tn_module_tests(x->module);
    tn_text unchecked = {.arena = x->tool->arena};

    for (uint32_t i = 0; i < tests->expects.count; i++)
        if (applies(x->module, &tests->expects.at[i], device))
            list_unchecked(&unchecked, &tests->expects.at[i], all);
    if (unchecked.length && !x->quiet)
        tn_tool_note(x->tool, "expected, not checked (%s): %s",
            all ? "passes are left out" : "no pass makes it", unchecked.at);
}

typedef struct report {
    const tn_expecting *x;
    const char *device;
} report;

static tn_status
check_params(void *arg)
{
    const report *r = arg;

    return tn_expect_check_params(&r->x->tool->env, r->x->module, r->device);
}

tn_status
tn_expect_report(const tn_expecting *x, const char *device)
{
    report r = {x, device};

    TN_TRY(tn_arena_guard(x->module->arena, check_params, &r));
    note_unchecked(x, device, true);
    return TN_OK;
}

/* ---- what is ---- */

static tn_status
fail(const check *c, const char *key, const char *text)
{
    tn_json_doc *doc = tn_module_document(c->x->module)->json;

    doc->diag = c->x->tool->diag;
    return tn_json_fail_at(doc, TN_EXPECTED, tn_json_get(c->e->at, key), false, -1, NULL,
        "entry %s on %s: %s", c->x->module->entries.at[c->entry]->name, c->target->name, text);
}

/* Where the family nearly was, from what `explain` knows. */
static void
add_missed(tn_text *out, const tn_findings *findings, const char *family)
{
    enum { SHOWN = 3 };
    int shown = 0;

    for (uint32_t i = 0; i < findings->at.count; i++) {
        const tn_finding *f = &findings->at.at[i];

        if (f->fused || strcmp(f->family, family) != 0)
            continue;
        if (shown++ == SHOWN) {
            tn_text_add(out, "; and more: see tenon explain");
            return;
        }
        tn_text_add(out, "; nearly at %s: wanted: %s, found: %s; %s", f->nodes.at[0], f->predicate,
            f->found, f->advice);
    }
}

static tn_status
check_fused(const check *c, const tn_expect_fused *wanted)
{
    const tn_findings *findings = &c->made->findings[c->entry];
    tn_text text = {.arena = c->x->tool->arena};
    int64_t found = 0;

    for (uint32_t i = 0; i < findings->at.count; i++)
        found += findings->at.at[i].fused && !strcmp(findings->at.at[i].family, wanted->family);
    if (!has_pass(wanted->family) || (wanted->count < 0 ? found > 0 : found == wanted->count))
        return TN_OK;
    if (wanted->count >= 0)
        tn_text_add(&text, "expected fused %s*%lld, found %lld", wanted->family,
            (long long)wanted->count, (long long)found);
    else
        tn_text_add(&text, "expected fused %s, found none", wanted->family);
    add_missed(&text, findings, wanted->family);
    return fail(c, "fused", text.at);
}

static tn_status
check_limit(const check *c, tn_expect_limit limit)
{
    const double found[TN_EXPECT_LIMITS] = {
        [TN_EXPECT_LAUNCHES] = (double)c->totals.launches,
        [TN_EXPECT_FLOPS] = c->totals.flops,
        [TN_EXPECT_PEAK_MEMORY] = (double)c->totals.peak_bytes,
        [TN_EXPECT_WEIGHTS_BYTES] = (double)tn_weights_bytes(&c->made->iface),
    };

    if (!c->e->has_limit[limit] || found[limit] <= (double)c->e->limit[limit])
        return TN_OK;
    return fail(c, tn_expect_limit_name(limit),
        tn_arena_printf(c->x->tool->arena, "expected %s of at most %lld, found %.0f",
            tn_expect_limit_name(limit), (long long)c->e->limit[limit], found[limit]));
}

/* A state that is copied into was not written where it lies. */
static bool
is_copied(const tn_plan *p, const tn_state *state)
{
    for (uint32_t s = 0; s < p->steps.count; s++) {
        const tn_plan_step *step = &p->steps.at[s];
        const tn_plan_buffer *to;

        if (step->kind != TN_STEP_COPY)
            continue;
        to = &p->buffers.at[step->buffers.at[1]];
        if (to->use == TN_USE_STATE && to->number == (int32_t)state->id)
            return true;
    }
    return false;
}

static bool
wants_in_place(const tn_expect *e, const char *state)
{
    for (uint32_t i = 0; i < e->in_place.count; i++)
        if (!strcmp(e->in_place.at[i], state))
            return true;
    return e->in_place_all;
}

static tn_status
check_in_place(const check *c)
{
    const tn_graph *g = c->x->module->entries.at[c->entry];
    tn_status status = TN_OK;

    for (uint32_t i = 0; i < g->stores.count && has_pass("in_place"); i++) {
        const tn_state *state = g->stores.at[i];
        tn_text text = {.arena = c->x->tool->arena};

        if (!wants_in_place(c->e, state->name) || !is_copied(&c->target->plans[c->entry], state))
            continue;
        tn_text_add(&text, "expected state %s updated in place, found that it is copied",
            state->name);
        add_missed(&text, &c->made->findings[c->entry], "in_place");
        status = fail(c, "in_place", text.at);
    }
    return status;
}

/* Every part that does not hold is told. */
static tn_status
check_entry(check *c)
{
    tn_status status = TN_OK, one;

    TN_TRY(tn_plan_measure(c->x->tool, &c->target->plans[c->entry], &c->totals));
    for (uint32_t i = 0; i < c->e->fused.count; i++) {
        one = check_fused(c, &c->e->fused.at[i]);
        status = one == TN_OK ? status : one;
    }
    for (int i = 0; i < TN_EXPECT_LIMITS; i++) {
        one = check_limit(c, (tn_expect_limit)i);
        status = one == TN_OK ? status : one;
    }
    one = check_in_place(c);
    return one == TN_OK ? status : one;
}

static tn_status
check_target(const tn_expecting *x, const tn_compiled *made, uint32_t target)
{
    const tn_tests *tests = tn_module_tests(x->module);
    tn_status status = TN_OK;

    for (uint32_t i = 0; i < tests->expects.count; i++)
        for (uint32_t e = 0; e < x->module->entries.count; e++) {
            check c = {.x = x,
                .made = made,
                .target = &made->targets[target],
                .e = &tests->expects.at[i],
                .entry = e};
            tn_status one;

            if (!applies(x->module, c.e, c.target->family) ||
                !is_for_entry(c.e, x->module->entries.at[e]->name))
                continue;
            one = check_entry(&c);
            status = one == TN_OK ? status : one;
        }
    return status;
}

static tn_status
check_all(void *self, const tn_compiled *made)
{
    const tn_expecting *x = self;
    tn_status status = TN_OK;

    TN_TRY(tn_expect_check_params(&x->tool->env, x->module, NULL));
    for (uint32_t t = 0; t < made->target_count; t++) {
        tn_status one = TN_OK;

        note_unchecked(x, made->targets[t].family, x->off);
        if (!x->off)
            one = check_target(x, made, t);
        status = one == TN_OK ? status : one;
    }
    return status;
}

void
tn_expect_hook(tn_expecting *x, tn_compile_options *options)
{
    x->off = x->off || options->skip || options->exact;
    options->check = check_all;
    options->check_self = x;
}
