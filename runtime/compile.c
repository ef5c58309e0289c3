/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile.h"

#include <string.h>

#include "passes/assemble.h"
#include "runtime/codegen_many.h"

/* Where the code of a kernel goes. */
typedef struct place {
    tn_span *code;
    uint32_t kernel;
} place;

typedef struct job {
    const tn_env *env;
    tn_registry *registry;
    tn_module *module;
    const tn_compile_options *options;
    tn_span *out; /* NULL: plans only */
    tn_packed_list packed;
    tn_lowered_list *lowered; /* of each entry */
    tn_findings *findings;
    tn_compiled made;
    TN_VEC(tn_codegen_job) kernels; /* distinct ones, of all targets */
    TN_VEC(place) places;
} job;

static tn_status
lower_entries(job *j)
{
    tn_lower_options options = {
        .exact = j->options->exact, .pack = !j->options->no_pack, .skip = j->options->skip};
    uint32_t entries = j->module->entries.count;

    j->lowered = tn_new_array(j->module->arena, tn_lowered_list, entries);
    j->findings = tn_new_array(j->module->arena, tn_findings, entries);
    j->made.lowered = j->lowered;
    j->made.findings = j->findings;
    for (uint32_t e = 0; e < entries; e++) {
        j->findings[e].arena = j->module->arena;
        j->findings[e].leave = e == j->options->leave_entry ? j->options->leave : NULL;
        options.findings = &j->findings[e];
        TN_TRY(tn_lower_graph(j->module->arena, j->env->diag, j->module->entries.at[e], &options,
            &j->lowered[e]));
    }
    return TN_OK;
}

static tn_status
generator_name(job *j, const tn_compile_target *t, const char **out)
{
    const tn_backend *b;

    *out = "";
    if (!j->out || j->options->no_code)
        return TN_OK;
    TN_TRY(tn_registry_generator(j->registry, t->family, &b));
    *out = tn_arena_printf(j->module->arena, "%s %s", b->name, b->version);
    return TN_OK;
}

static tn_status
compile_target(job *j, const tn_compile_target *t, tn_artifact_target *out)
{
    tn_arena *arena = j->module->arena;
    uint32_t entries = j->module->entries.count;
    tn_target target;

    TN_TRY(tn_target_parse(j->env->diag, t->text, strlen(t->text), &target));
    *out = (tn_artifact_target){.name = t->name, .family = t->family, .text = t->text};
    TN_TRY(generator_name(j, t, &out->generator));
    out->plans = tn_new_array(arena, tn_plan, entries);
    out->code = tn_new_array(arena, tn_span *, entries);
    for (uint32_t e = 0; e < entries; e++) {
        TN_TRY(tn_assemble(arena, j->env->diag, j->module->entries.at[e], &j->lowered[e], &target,
            &j->packed, &out->plans[e]));
        out->code[e] = tn_new_array(arena, tn_span, out->plans[e].kernels.count);
    }
    return TN_OK;
}

/* ---- code ---- */

/* Kernels of several entries are often the same: each is made once. */
static uint32_t
kernel_number(job *j, const tn_artifact_target *t, tn_span lane)
{
    for (uint32_t i = 0; i < j->kernels.count; i++) {
        const tn_codegen_job *o = &j->kernels.at[i];

        if (o->target == t->text && o->lane.bytes == lane.bytes &&
            !memcmp(o->lane.at, lane.at, lane.bytes))
            return i;
    }
    tn_push(j->module->arena, &j->kernels,
        ((tn_codegen_job){.family = t->family, .target = t->text, .lane = lane}));
    return j->kernels.count - 1;
}

static void
collect_kernels(job *j)
{
    for (uint32_t t = 0; t < j->made.target_count; t++) {
        tn_artifact_target *target = &j->made.targets[t];

        for (uint32_t e = 0; e < j->module->entries.count; e++)
            for (uint32_t k = 0; k < target->plans[e].kernels.count; k++) {
                place p = {.code = &target->code[e][k]};

                p.kernel = kernel_number(j, target, target->plans[e].kernels.at[k].lane);
                tn_push(j->module->arena, &j->places, p);
            }
    }
}

/* The values of a stack that a pass made are those of its slices. */
static const void *
values_of(job *j, const tn_weight *w, int64_t bytes)
{
    uint8_t *to;
    size_t one;

    if (w->data || !w->slices.count)
        return w->data;
    to = tn_arena_get(j->module->arena, (size_t)bytes);
    one = (size_t)bytes / w->slices.count;
    for (uint32_t i = 0; i < w->slices.count; i++)
        memcpy(to + i * one, w->slices.at[i]->data, one);
    return to;
}

static void
pack_weight(job *j, const tn_packed *p)
{
    const tn_weight *w = p->weight;
    tn_iface_weight out = {.name = w->name,
        .dtype = w->type.dtype,
        .rank = w->type.rank,
        .layout = (uint32_t)p->layout.kind,
        .layout_n = p->layout.n};
    int64_t bytes;
    uint8_t *to;

    for (int i = 0; i < w->type.rank; i++)
        tn_size_is_int(w->type.dim[i], &out.dim[i]);
    bytes = tn_layout_bytes(&p->layout, out.dtype, out.rank, out.dim);
    out.bytes = (uint64_t)bytes;
    if (j->options->no_weights) {
        out.bytes = 0;
    } else if (j->out && p->layout.kind == TN_LAYOUT_ROWS) {
        out.at = (tn_span){values_of(j, w, bytes), (size_t)bytes};
    } else if (j->out) {
        static const tn_layout rows;

        to = tn_arena_get(j->module->arena, (size_t)bytes);
        tn_layout_pack(&p->layout, out.dtype, out.rank, out.dim,
            values_of(j, w, tn_layout_bytes(&rows, out.dtype, out.rank, out.dim)), to);
        out.at = (tn_span){to, (size_t)bytes};
    }
    tn_push(j->module->arena, &j->made.iface.weights, out);
}

static tn_status
compile(void *arg)
{
    job *j = arg;

    TN_TRY(tn_iface_of_module(j->env, j->module, &j->made.iface));
    TN_TRY(lower_entries(j));
    j->made.target_count = j->options->target_count;
    j->made.targets = tn_new_array(j->module->arena, tn_artifact_target, j->options->target_count);
    for (uint32_t t = 0; t < j->options->target_count; t++)
        TN_TRY(compile_target(j, &j->options->targets[t], &j->made.targets[t]));
    for (uint32_t i = 0; i < j->packed.at.count; i++)
        pack_weight(j, &j->packed.at.at[i]);
    if (j->out && !j->options->no_code)
        collect_kernels(j);
    if (j->options->check)
        return j->options->check(j->options->check_self, &j->made);
    return TN_OK;
}

static tn_status
encode(void *arg)
{
    job *j = arg;

    for (uint32_t i = 0; i < j->places.count; i++)
        *j->places.at[i].code = j->kernels.at[j->places.at[i].kernel].code;
    tn_artifact_encode(j->module->arena, &j->made.iface, j->made.targets, j->made.target_count,
        j->out);
    return TN_OK;
}

/* Generators run outside the guard: what they give is on the heap, and no
 * jump may pass it by. */
static tn_status
generate_and_encode(job *j)
{
    tn_status status = tn_generate_many(j->env, j->registry, j->kernels.at, j->kernels.count);

    if (status != TN_OK)
        return status;
    status = tn_arena_guard(j->module->arena, encode, j);
    for (uint32_t i = 0; i < j->kernels.count; i++)
        tn_generate_free(j->env, &j->kernels.at[i].code);
    return status;
}

static tn_status
run(job *j)
{
    tn_status status = tn_arena_guard(j->module->arena, compile, j);

    if (status == TN_OK && j->out)
        status = generate_and_encode(j);
    if (status == TN_NO_MEMORY)
        tn_fail_memory(j->env->diag, tn_arena_failed_bytes(j->module->arena), "compiling a model");
    return status;
}

tn_status
tn_compile(const tn_env *env, tn_registry *registry, tn_module *module,
    const tn_compile_options *options, tn_span *out)
{
    job j = {.env = env, .registry = registry, .module = module, .options = options, .out = out};

    return run(&j);
}

tn_status
tn_compile_plans(const tn_env *env, tn_registry *registry, tn_module *module,
    const tn_compile_options *options, tn_compiled *out)
{
    job j = {.env = env, .registry = registry, .module = module, .options = options};
    tn_status status = run(&j);

    *out = j.made;
    return status;
}

static const char *
family_of(tn_arena *arena, const char *name)
{
    size_t length = strcspn(name, ":");

    return tn_arena_copy(arena, name, length);
}

tn_status
tn_compile_targets(tn_arena *arena, tn_diag *diag, const char *list, const tn_compile_target **out,
    uint32_t *count)
{
    TN_VEC(tn_compile_target) targets = {0};

    while (*list) {
        size_t length = strcspn(list, ",");
        tn_compile_target t = {.name = tn_arena_copy(arena, list, length)};
        tn_text text = {.arena = arena};
        tn_target target;

        if (!tn_target_named(t.name, &target))
            return tn_fail(diag, TN_USAGE,
                "--target %s: unknown; there are cpu, cpu:x86-64-v2, cpu:x86-64-v3, "
                "cpu:x86-64-v4, cpu:aarch64, vulkan, opencl, interp",
                t.name);
        tn_target_print(&text, &target);
        t.text = text.at;
        t.family = family_of(arena, t.name);
        tn_push(arena, &targets, t);
        list += length + (list[length] == ',');
    }
    *out = targets.at;
    *count = targets.count;
    return TN_OK;
}
