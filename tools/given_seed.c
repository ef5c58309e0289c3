/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/random.h"
#include "tools/given.h"

/* Symbols that the inputs given so far bind by an axis that is the symbol
 * itself, then those of --dim, then samples. */
static void
known_symbols(const tn_given *g, int64_t *values, bool *known)
{
    for (uint32_t i = 0; i < g->entry->inputs.count; i++)
        for (int a = 0; g->has[i] && a < g->entry->inputs.at[i].rank; a++) {
            tn_formula f = g->entry->inputs.at[i].dim[a];

            if (f.bytes == 3 && f.code[0] == TN_FORMULA_SYMBOL) {
                uint32_t s = (uint32_t)f.code[1] | (uint32_t)f.code[2] << 8;

                values[s] = g->inputs[i].dim[a];
                known[s] = true;
            }
        }
    for (uint32_t s = 0; s < g->entry->symbols.count; s++) {
        const tn_plan_symbol *symbol = &g->entry->symbols.at[s];

        if (g->has_fixed[s])
            values[s] = g->fixed[s];
        else if (!known[s])
            values[s] = symbol->sample ? symbol->sample : symbol->low > 1 ? symbol->low : 1;
        if (values[s] > symbol->high)
            values[s] = symbol->high;
        known[s] = true;
    }
}

static tn_status
fill_one(tn_tool *tool, const tn_iface_input *in, uint64_t seed, tn_tensor *t)
{
    uint64_t key = tn_random_key(seed, in->name);
    int64_t n = 0;

    tn_tensor_elements(t, &n);
    if (tn_is_int(in->dtype) && !in->has_range)
        return tn_fail(tool->diag, TN_USAGE,
            "input %s: a seed fills whole numbers only within a range; give it with -i", in->name);
    for (int64_t i = 0; i < n; i++) {
        char *to = (char *)t->data + i * tn_dtype_bytes(t->dtype);
        uint32_t word = tn_random_word(key, (uint64_t)i);

        if (tn_is_float(t->dtype))
            tn_store_double(t->dtype, to, tn_random_normal(word));
        else if (t->dtype == TN_BOOL)
            tn_store_int(TN_BOOL, to, word >> 31);
        else
            tn_store_int(t->dtype, to, tn_random_between(word, in->low, in->high));
    }
    return TN_OK;
}

static tn_status
seed_one(tn_tool *tool, tn_given *g, uint32_t i, const int64_t *values, uint64_t seed)
{
    const tn_iface_input *in = &g->entry->inputs.at[i];
    tn_tensor *t = &g->inputs[i];

    *t = (tn_tensor){.dtype = in->dtype, .rank = in->rank};
    for (int a = 0; a < in->rank; a++)
        if (!tn_formula_eval(in->dim[a], values, g->entry->symbols.count, &t->dim[a]))
            return tn_fail(tool->diag, TN_MALFORMED, "input %s: axis %d is not known; give --dim",
                in->name, a);
    TN_TRY(tn_tensor_create(tool->env.alloc, tool->diag, t));
    g->has[i] = true;
    return fill_one(tool, in, seed, t);
}

tn_status
tn_given_rest(tn_tool *tool, tn_given *g, bool seeded, uint64_t seed)
{
    int64_t *values = tn_new_array(tool->arena, int64_t, g->entry->symbols.count + 1);
    bool *known = tn_new_array(tool->arena, bool, g->entry->symbols.count + 1);
    tn_text missing = {.arena = tool->arena};

    for (uint32_t i = 0; i < g->entry->inputs.count; i++)
        if (!g->has[i])
            tn_text_add(&missing, "%s%s", missing.length ? ", " : "", g->entry->inputs.at[i].name);
    if (missing.length && !seeded)
        return tn_fail(tool->diag, TN_USAGE,
            "inputs without data: %s; give them with -i NAME=VALUE, or --seed N to fill them",
            missing.at);
    known_symbols(g, values, known);
    for (uint32_t i = 0; i < g->entry->inputs.count; i++)
        if (!g->has[i])
            TN_TRY(seed_one(tool, g, i, values, seed));
    return TN_OK;
}

static tn_status
fresh(tn_tool *tool, const tn_given *g, const char *name, int rank, const int64_t *dim,
    const tn_iface_input **in, tn_tensor *out)
{
    int i = tn_iface_input_find(g->entry, name);

    if (i < 0)
        return tn_fail(tool->diag, TN_USAGE, "entry %s has no input \"%s\"", g->entry->name, name);
    *in = &g->entry->inputs.at[i];
    *out = (tn_tensor){.dtype = (*in)->dtype, .rank = rank};
    memcpy(out->dim, dim, (size_t)rank * sizeof *dim);
    return tn_tensor_create(tool->env.alloc, tool->diag, out);
}

tn_status
tn_given_empty(tn_tool *tool, tn_given *g, const char *name, int rank, const int64_t *dim)
{
    const tn_iface_input *in;
    tn_tensor t;

    TN_TRY(fresh(tool, g, name, rank, dim, &in, &t));
    return tn_given_tensor(tool, g, name, &t);
}

tn_status
tn_given_seeded(tn_tool *tool, tn_given *g, const char *name, uint64_t seed, int rank,
    const int64_t *dim)
{
    const tn_iface_input *in;
    tn_tensor t;
    tn_status status;

    TN_TRY(fresh(tool, g, name, rank, dim, &in, &t));
    status = fill_one(tool, in, seed, &t);
    if (status == TN_OK)
        return tn_given_tensor(tool, g, name, &t);
    tn_tensor_free(tool->env.alloc, &t);
    return status;
}

tn_status
tn_given_copy(tn_tool *tool, tn_given *g, const char *name, const tn_tensor *from)
{
    tn_tensor borrowed = *from;

    borrowed.owned = false;
    return tn_given_tensor(tool, g, name, &borrowed);
}
