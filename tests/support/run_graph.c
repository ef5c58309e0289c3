/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/run_graph.h"

#include <stdio.h>
#include <string.h>

#include "ir/base/hash.h"
#include "runtime/compile.h"
#include "runtime/reference/reference.h"
#include "runtime/session.h"

/* ---- devices ---- */

static tn_status
find_device(tn_graph_device *d, const char *name, uint32_t *number)
{
    const tn_registry_options options = {0};
    size_t length = strlen(name);

    TN_TRY(tn_registry_create(&d->env, &options, &d->registry));
    if (length > 3 && !strcmp(name + length - 3, ".so")) {
        TN_TRY(tn_registry_load(d->registry, name));
        d->name = tn_registry_at(d->registry, tn_registry_count(d->registry) - 1)->name;
    }
    return tn_registry_device(d->registry, d->name, &d->backend, number);
}

static tn_status
describe(tn_graph_device *d, uint32_t number)
{
    TN_TRY(tn_registry_result(d->registry, &d->diag,
        d->backend->describe(d->backend->self, number, &d->text, &d->title, &d->identity),
        d->name));
    return tn_target_parse(&d->diag, d->text, strlen(d->text), &d->target);
}

bool
tn_graph_device_open(tn_graph_device *d, const char *name)
{
    uint32_t number = 0;
    tn_status status;

    *d = (tn_graph_device){.name = name};
    tn_diag_init(&d->diag, tn_alloc_system());
    d->env = (tn_env){tn_alloc_system(), tn_files_system(), &d->diag};
    status = find_device(d, name, &number);
    if (status == TN_OK)
        status = describe(d, number);
    if (status == TN_OK)
        return true;
    printf("no device %s: %s\n", name, tn_diag_count(&d->diag) ? tn_diag_text(&d->diag, 0) : "?");
    tn_graph_device_close(d);
    return false;
}

void
tn_graph_device_close(tn_graph_device *d)
{
    tn_registry_destroy(d->registry);
    d->registry = NULL;
    tn_diag_clear(&d->diag);
}

/* ---- the graph and its data ---- */

typedef struct parsing {
    tn_run_graph *run;
    tn_arena *arena;
    tn_module *module;
    tn_graph *g;
} parsing;

static tn_status
parse(void *arg)
{
    parsing *p = arg;

    p->module = tn_module_create(p->arena, "test");
    TN_TRY(tn_graph_parse(p->module, &p->run->diag, "test", p->run->text, &p->g));
    return tn_graph_verify(p->g, &p->run->diag);
}

tn_status
tn_run_graph_open(tn_run_graph *run, const char *text)
{
    parsing p = {.run = run};
    tn_status status;

    *run = (tn_run_graph){.text = text};
    tn_diag_init(&run->diag, tn_alloc_system());
    run->env = (tn_env){tn_alloc_system(), tn_files_system(), &run->diag};
    p.arena = run->arena = tn_arena_create(tn_alloc_system(), 0);
    if (!run->arena)
        return TN_NO_MEMORY;
    status = tn_arena_guard(run->arena, parse, &p);
    run->g = p.g;
    if (status == TN_OK &&
        (p.g->inputs.count > TN_RUN_GRAPH_TENSORS ||
            p.g->weight_values.count > TN_RUN_GRAPH_TENSORS ||
            p.g->outputs.count > TN_RUN_GRAPH_TENSORS ||
            p.g->state_values.count > TN_RUN_GRAPH_TENSORS ||
            p.g->stores.count > TN_RUN_GRAPH_TENSORS ||
            tn_sizes_count(p.g->sizes) > TN_RUN_GRAPH_SYMBOLS))
        return tn_fail(&run->diag, TN_LIMIT, "more tensors or symbols than the test holds");
    return status;
}

void
tn_run_graph_free(tn_run_graph *run, tn_tensor *tensors)
{
    for (int i = 0; i < TN_RUN_GRAPH_TENSORS; i++)
        tn_tensor_free(run->env.alloc, &tensors[i]);
}

void
tn_run_graph_close(tn_run_graph *run)
{
    tn_run_graph_free(run, run->inputs);
    tn_run_graph_free(run, run->weights);
    tn_run_graph_free(run, run->wanted);
    tn_run_graph_restart(run);
    tn_arena_destroy(run->arena);
    tn_diag_clear(&run->diag);
}

bool
tn_run_graph_symbol(tn_run_graph *run, const char *name, int64_t value)
{
    int index = tn_sizes_find(run->g->sizes, name);

    if (index >= 0)
        run->symbols[index] = value;
    return index >= 0;
}

static tn_status
create(tn_run_graph *run, const tn_value *v, tn_tensor *t)
{
    tn_tensor_free(run->env.alloc, t);
    *t = (tn_tensor){.dtype = v->type.dtype, .rank = v->type.rank};
    for (int i = 0; i < t->rank; i++)
        if (!tn_size_eval(v->type.dim[i], run->symbols, &t->dim[i]))
            return tn_fail(&run->diag, TN_MALFORMED, "%s: a size that is not whole", v->name);
    return tn_tensor_create(run->env.alloc, &run->diag, t);
}

static tn_status
fill(tn_run_graph *run, const tn_value *v, const tn_input *in, tn_run_graph_element *element,
    void *self, tn_tensor *t)
{
    int64_t count = 0;
    char *at;

    TN_TRY(create(run, v, t));
    tn_tensor_elements(t, &count);
    at = t->data;
    for (int64_t k = 0; k < count; k++, at += tn_dtype_bytes(t->dtype))
        element(self, v, in, k, at);
    if (in && in->symbol >= 0)
        tn_store_int(t->dtype, t->data, run->symbols[in->symbol]);
    return TN_OK;
}

tn_status
tn_run_graph_fill(tn_run_graph *run, tn_run_graph_element *element, void *self)
{
    tn_graph *g = run->g;

    for (uint32_t i = 0; i < g->inputs.count; i++)
        TN_TRY(fill(run, g->inputs.at[i].value, &g->inputs.at[i], element, self, &run->inputs[i]));
    for (uint32_t i = 0; i < g->weight_values.count; i++)
        if (!run->weights[i].data)
            TN_TRY(fill(run, g->weight_values.entries[i].value, NULL, element, self,
                &run->weights[i]));
    return TN_OK;
}

void
tn_run_graph_restart(tn_run_graph *run)
{
    tn_run_graph_free(run, run->states);
    tn_run_graph_free(run, run->stores);
    memset(run->states, 0, sizeof run->states);
    memset(run->stores, 0, sizeof run->stores);
}

void
tn_run_graph_advance(tn_run_graph *run)
{
    const tn_graph *g = run->g;

    for (uint32_t i = 0; i < g->stores.count; i++)
        for (uint32_t k = 0; k < g->state_values.count; k++)
            if (!strcmp(g->state_values.entries[k].key, g->stores.at[i]->name)) {
                tn_tensor_free(run->env.alloc, &run->states[k]);
                run->states[k] = run->stores[i];
                run->stores[i] = (tn_tensor){0};
            }
}

/* A new state holds zeros. */
static tn_status
begin_states(tn_run_graph *run)
{
    for (uint32_t k = 0; k < run->g->state_values.count; k++) {
        tn_tensor *t = &run->states[k];

        if (t->data)
            continue;
        TN_TRY(create(run, run->g->state_values.entries[k].value, t));
        memset(t->data, 0, (size_t)t->bytes);
    }
    return TN_OK;
}

tn_status
tn_run_graph_want(tn_run_graph *run)
{
    tn_reference_args args = {.symbols = run->symbols,
        .inputs = run->inputs,
        .states = run->states,
        .weights = run->weights,
        .outputs = run->wanted,
        .stores = run->stores};

    tn_run_graph_free(run, run->wanted);
    tn_run_graph_free(run, run->stores);
    memset(run->wanted, 0, sizeof run->wanted);
    memset(run->stores, 0, sizeof run->stores);
    TN_TRY(begin_states(run));
    return tn_reference_run(&run->env, run->g, &args);
}

/* ---- compiling and running ---- */

static void
hash_code(tn_graph_code *code)
{
    const tn_artifact_target *t = &code->artifact->targets.at[0];
    tn_hasher hasher;
    tn_hash hash;

    code->kernels = t->plans[0].kernels.count;
    tn_hash_start(&hasher);
    for (uint32_t k = 0; k < code->kernels; k++)
        tn_hash_add(&hasher, t->code[0][k].at, t->code[0][k].bytes);
    hash = tn_hash_end(&hasher);
    tn_hash_hex(&hash, code->hash);
}

static void
give_weights(tn_run_graph *run, tn_module *module)
{
    for (uint32_t i = 0; i < run->g->weight_values.count; i++) {
        tn_weight *w = tn_map_get(&module->weights, run->g->weight_values.entries[i].key);

        w->data = run->weights[i].data;
        w->bytes = (size_t)run->weights[i].bytes;
    }
}

static tn_status
open_session(tn_graph_code *code)
{
    tn_open_options opening = {.device = code->device->name};
    const tn_env *env = &code->run->env;

    TN_TRY(tn_model_open(env, code->device->registry, code->artifact, &opening, &code->model));
    return tn_session_open(env, code->model, &code->session);
}

tn_status
tn_run_graph_compile(tn_run_graph *run, tn_graph_device *device, uint64_t skip, tn_graph_code *code)
{
    tn_compile_target target = {device->name, device->backend->family, device->text};
    tn_compile_options options = {.targets = &target, .target_count = 1, .skip = skip};
    parsing p = {.run = run};
    tn_span bytes;

    *code = (tn_graph_code){.run = run, .device = device};
    p.arena = code->arena = tn_arena_create(tn_alloc_system(), 0);
    if (!p.arena)
        return TN_NO_MEMORY;
    TN_TRY(tn_arena_guard(p.arena, parse, &p));
    give_weights(run, p.module);
    TN_TRY(tn_compile(&run->env, device->registry, p.module, &options, &bytes));
    TN_TRY(tn_artifact_open_bytes(&run->env, bytes, false, &code->artifact));
    hash_code(code);
    return open_session(code);
}

tn_status
tn_run_graph_apart(tn_graph_code *code)
{
    tn_plan *plan = &code->artifact->targets.at[0].plans[0];

    tn_session_close(code->session);
    code->session = NULL;
    tn_model_close(code->model);
    code->model = NULL;
    for (uint32_t i = 0; i < plan->buffers.count; i++) {
        tn_plan_buffer *b = &plan->buffers.at[i];

        if (b->use == TN_USE_TEMP && b->first >= 0) {
            b->first = 0;
            b->last = (int32_t)plan->steps.count - 1;
        }
    }
    for (uint32_t i = 0; i < plan->steps.count; i++)
        plan->steps.at[i].wait = true;
    return open_session(code);
}

static tn_status
check_plan(tn_graph_code *code)
{
    const tn_plan *plan = &code->artifact->targets.at[0].plans[0];
    uint64_t *bytes = tn_new_array(code->arena, uint64_t, plan->buffers.count + 1);
    uint64_t *offset = tn_new_array(code->arena, uint64_t, plan->buffers.count + 1);
    uint64_t total;

    TN_TRY(tn_plan_place(plan, &code->run->diag, code->run->symbols, bytes, offset, &total));
    return tn_plan_check(plan, &code->run->diag, bytes, offset);
}

static tn_status
checked(void *arg)
{
    return check_plan(arg);
}

tn_status
tn_run_graph_on(tn_graph_code *code, tn_tensor *got)
{
    tn_run run = {.inputs = code->run->inputs, .outputs = got, .timeout_ns = code->run->timeout_ns};
    bool fixed[TN_RUN_GRAPH_SYMBOLS];

    memset(fixed, 1, sizeof fixed);
    run.has_fixed = fixed;
    run.fixed = code->run->symbols;
    TN_TRY(tn_arena_guard(code->arena, checked, code));
    TN_TRY(tn_session_run(code->session, &run));
    code->launches = run.launches;
    return TN_OK;
}

void
tn_graph_code_close(tn_graph_code *code)
{
    tn_session_close(code->session);
    tn_model_close(code->model);
    tn_artifact_close(code->artifact);
    tn_arena_destroy(code->arena);
    *code = (tn_graph_code){0};
}
