/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/load_ref.h"

#include <string.h>

#include "runtime/bind.h"
#include "runtime/compile.h"
#include "runtime/reference/reference.h"

typedef struct opening {
    tn_tool *tool;
    tn_loaded *l;
} opening;

static tn_status
make_iface(void *arg)
{
    opening *o = arg;

    return tn_iface_of_module(&o->tool->env, o->l->module, &o->l->own);
}

tn_status
tn_ref_open(tn_tool *tool, tn_loaded *l)
{
    opening o = {tool, l};

    TN_TRY(tn_arena_guard(l->arena, make_iface, &o));
    l->iface = &l->own;
    l->states = tn_alloc_zero(tool->env.alloc, (l->module->states.count + 1) * sizeof *l->states);
    if (!l->states)
        return tn_fail_memory(tool->diag, l->module->states.count * sizeof *l->states, "states");
    return TN_OK;
}

tn_status
tn_ref_reset(tn_tool *tool, tn_loaded *l)
{
    for (uint32_t i = 0; i < l->module->states.count; i++)
        tn_tensor_free(tool->env.alloc, &l->states[i]);
    return TN_OK;
}

void
tn_ref_close(tn_tool *tool, tn_loaded *l)
{
    (void)!tn_ref_reset(tool, l);
    tn_alloc_free(tool->env.alloc, l->states, (l->module->states.count + 1) * sizeof *l->states);
    l->states = NULL;
}

/* A state that has no value yet gets its initial one, in the type it has
 * under this binding. */
static tn_status
ensure_state(tn_tool *tool, tn_loaded *l, const tn_value *v, const int64_t *symbols)
{
    tn_tensor *t = &l->states[v->state->id];
    tn_tensor shape = {.dtype = v->type.dtype, .rank = v->type.rank};
    int64_t n = 0;

    for (int a = 0; a < shape.rank; a++)
        if (!tn_size_eval(v->type.dim[a], symbols, &shape.dim[a]))
            return tn_fail(tool->diag, TN_LIMIT, "state %s: its size does not come out",
                v->state->name);
    if (t->data) {
        for (int a = 0; a < shape.rank; a++)
            if (t->dim[a] != shape.dim[a])
                return tn_fail(tool->diag, TN_MALFORMED,
                    "state %s: axis %d is %lld since the first run, now %lld", v->state->name, a,
                    (long long)t->dim[a], (long long)shape.dim[a]);
        return TN_OK;
    }
    TN_TRY(tn_tensor_create(tool->env.alloc, tool->diag, &shape));
    tn_tensor_elements(&shape, &n);
    for (int64_t e = 0; e < n && v->state->fill == TN_FILL_VALUE; e++) {
        char *at = (char *)shape.data + e * tn_dtype_bytes(shape.dtype);

        if (tn_is_float(shape.dtype))
            tn_store_double(shape.dtype, at, v->state->fill_a);
        else
            tn_store_int(shape.dtype, at, (int64_t)v->state->fill_a);
    }
    *t = shape;
    return TN_OK;
}

static tn_status
round_outputs(tn_tool *tool, const tn_graph *g, tn_tensor *outputs)
{
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        tn_tensor rounded;

        TN_TRY(tn_reference_round(&tool->env, &outputs[i], g->block->results.at[i]->type.dtype,
            &rounded));
        tn_tensor_free(tool->env.alloc, &outputs[i]);
        outputs[i] = rounded;
    }
    return TN_OK;
}

static tn_status
evaluate(tn_tool *tool, tn_loaded *l, const tn_graph *g, tn_run *run, const int64_t *symbols)
{
    tn_tensor *states = tn_new_array(tool->arena, tn_tensor, g->state_values.count + 1);
    tn_tensor *stores = tn_new_array(tool->arena, tn_tensor, g->stores.count + 1);
    tn_reference_args args = {.symbols = symbols,
        .inputs = run->inputs,
        .states = states,
        .outputs = run->outputs,
        .stores = stores,
        .watch = l->watch};

    for (uint32_t i = 0; i < g->state_values.count; i++) {
        const tn_value *v = g->state_values.entries[i].value;

        TN_TRY(ensure_state(tool, l, v, symbols));
        states[i] = l->states[v->state->id];
    }
    TN_TRY(tn_reference_run(&tool->env, g, &args));
    for (uint32_t i = 0; i < g->stores.count; i++) {
        tn_tensor *t = &l->states[g->stores.at[i]->id];

        tn_tensor_free(tool->env.alloc, t);
        *t = stores[i];
    }
    return TN_OK;
}

tn_status
tn_ref_run(tn_tool *tool, tn_loaded *l, tn_run *run, bool wide)
{
    const tn_iface_entry *entry = &l->iface->entries.at[run->entry];
    const tn_graph *g = l->module->entries.at[run->entry];
    int64_t *symbols = tn_new_array(tool->arena, int64_t, entry->symbols.count + 1);

    for (uint32_t i = 0; i < entry->outputs.count; i++)
        run->outputs[i] = (tn_tensor){0};
    TN_TRY(tn_bind(tool->diag, entry, run->inputs, run->has_fixed, run->fixed, symbols));
    TN_TRY(evaluate(tool, l, g, run, symbols));
    run->launches = 0;
    return wide ? TN_OK : round_outputs(tool, g, run->outputs);
}
