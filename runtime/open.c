/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/open.h"

#include <string.h>

#include "runtime/codegen.h"

static tn_status
result(const tn_model *m, int code, const char *what)
{
    return tn_registry_result(m->registry, m->env.diag, code, what);
}

static tn_status
choose_target(tn_model *m, uint32_t device, const char *name)
{
    const char *text = NULL, *title = NULL, *identity = NULL, *lacks = NULL;
    tn_target offered, wanted;
    bool any = false;

    TN_TRY(result(m, m->backend->describe(m->backend->self, device, &text, &title, &identity),
        name));
    TN_TRY(tn_target_parse(m->env.diag, text, strlen(text), &offered));
    for (uint32_t i = 0; i < m->artifact->targets.count; i++) {
        const tn_artifact_target *t = &m->artifact->targets.at[i];

        if (strcmp(t->family, m->backend->family) != 0)
            continue;
        any = true;
        TN_TRY(tn_target_parse(m->env.diag, t->text, strlen(t->text), &wanted));
        lacks = tn_target_lacks(&offered, &wanted);
        if (lacks)
            continue;
        m->target = t;
        return TN_OK;
    }
    if (!any)
        return tn_fail(m->env.diag, TN_INTEGRITY,
            "the artifact has no code for %s devices; compile it with --target %s", name,
            m->backend->family);
    return tn_fail(m->env.diag, TN_INTEGRITY, "%s: the device lacks what the artifact needs: %s",
        name, lacks);
}

static tn_status
load_entry(tn_model *m, const tn_open_options *options, uint32_t e)
{
    const tn_plan *plan = &m->target->plans[e];

    m->programs[e] = tn_alloc_zero(m->env.alloc, (plan->kernels.count + 1) * sizeof(tn_program *));
    if (!m->programs[e])
        return tn_fail_memory(m->env.diag, plan->kernels.count * sizeof(tn_program *),
            "a list of programs");
    for (uint32_t k = 0; k < plan->kernels.count; k++) {
        tn_span code = m->target->code[e][k];
        tn_span made = {0};
        tn_status status;

        if (options->no_native || code.bytes == 0) {
            TN_TRY(tn_generate(&m->env, m->registry, m->target->family, m->target->text,
                plan->kernels.at[k].lane, &made));
            code = made;
            m->generated = true;
        }
        status = result(m,
            m->backend->load(m->device, (tn_blob){code.at, code.bytes}, &m->programs[e][k]),
            plan->kernels.at[k].name);
        tn_generate_free(&m->env, &made);
        TN_TRY(status);
    }
    return TN_OK;
}

static tn_status
load_programs(tn_model *m, const tn_open_options *options)
{
    uint32_t entries = m->artifact->iface.entries.count;

    m->programs = tn_alloc_zero(m->env.alloc, (entries + 1) * sizeof *m->programs);
    if (!m->programs)
        return tn_fail_memory(m->env.diag, entries * sizeof *m->programs, "a list of entries");
    for (uint32_t e = 0; e < entries; e++)
        TN_TRY(load_entry(m, options, e));
    return TN_OK;
}

static bool
try_wrap(const tn_model *m, const tn_iface_weight *w, tn_buffer **out)
{
    union {
        const void *from;
        void *to;
    } at = {w->at.at};

    if (!m->backend->buffer_wrap || (uintptr_t)w->at.at % 64 != 0)
        return false;
    return m->backend->buffer_wrap(m->device, at.to, w->bytes, out) == 0;
}

static tn_status
upload_weights(tn_model *m)
{
    const tn_iface *f = &m->artifact->iface;

    m->weights = tn_alloc_zero(m->env.alloc, (f->weights.count + 1) * sizeof *m->weights);
    if (!m->weights)
        return tn_fail_memory(m->env.diag, f->weights.count * sizeof *m->weights,
            "a list of weights");
    for (uint32_t i = 0; i < f->weights.count; i++) {
        const tn_iface_weight *w = &f->weights.at[i];

        if (w->bytes && try_wrap(m, w, &m->weights[i]))
            continue;
        TN_TRY(result(m, m->backend->buffer_new(m->device, w->bytes ? w->bytes : 1, &m->weights[i]),
            w->name));
        if (w->bytes)
            TN_TRY(result(m, m->backend->write(m->weights[i], 0, w->at.at, w->bytes), w->name));
    }
    return TN_OK;
}

static tn_status
prepare(tn_model *m, const tn_open_options *options)
{
    uint32_t device = 0;

    TN_TRY(tn_registry_device(m->registry, options->device, &m->backend, &device));
    TN_TRY(choose_target(m, device, options->device));
    TN_TRY(result(m, m->backend->open(m->backend->self, device, &m->device), options->device));
    if (options->threads && m->backend->threads)
        TN_TRY(result(m, m->backend->threads(m->device, options->threads), options->device));
    TN_TRY(load_programs(m, options));
    return upload_weights(m);
}

tn_status
tn_model_open(const tn_env *env, tn_registry *registry, const tn_artifact *artifact,
    const tn_open_options *options, tn_model **out)
{
    tn_model *m = tn_alloc_zero(env->alloc, sizeof *m);
    tn_status status;

    *out = NULL;
    if (!m)
        return tn_fail_memory(env->diag, sizeof *m, "a model");
    m->env = *env;
    m->artifact = artifact;
    m->registry = registry;
    status = prepare(m, options);
    if (status == TN_OK)
        *out = m;
    else
        tn_model_close(m);
    return status;
}

static void
unload(tn_model *m)
{
    for (uint32_t e = 0; m->programs && e < m->artifact->iface.entries.count; e++) {
        uint32_t kernels = m->target->plans[e].kernels.count;

        for (uint32_t k = 0; m->programs[e] && k < kernels; k++)
            if (m->programs[e][k])
                m->backend->unload(m->programs[e][k]);
        tn_alloc_free(m->env.alloc, m->programs[e], (kernels + 1) * sizeof(tn_program *));
    }
    tn_alloc_free(m->env.alloc, m->programs,
        (m->artifact->iface.entries.count + 1) * sizeof *m->programs);
}

void
tn_model_close(tn_model *m)
{
    uint32_t weights;

    if (!m)
        return;
    unload(m);
    weights = m->artifact->iface.weights.count;
    for (uint32_t i = 0; m->weights && i < weights; i++)
        if (m->weights[i])
            m->backend->buffer_free(m->weights[i]);
    tn_alloc_free(m->env.alloc, m->weights, (weights + 1) * sizeof *m->weights);
    if (m->device)
        m->backend->close(m->device);
    tn_alloc_free(m->env.alloc, m, sizeof *m);
}
