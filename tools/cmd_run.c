/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/npy.h"
#include "tools/load.h"
#include "tools/show.h"
#include "tools/trace.h"

/* bf16 is no NumPy type: it is written as f32, which is exact. */
static tn_status
write_npy(tn_tool *tool, const char *path, const tn_tensor *t)
{
    tn_writer w = {.arena = tool->arena};
    int64_t n = 0;
    float *wide;

    tn_tensor_elements(t, &n);
    if (t->dtype != TN_BF16) {
        tn_npy_write(&w, t->dtype, t->rank, t->dim, t->data);
        return tn_tool_write(tool, path, w.at, w.bytes);
    }
    wide = tn_new_array(tool->arena, float, n);
    for (int64_t i = 0; i < n; i++)
        wide[i] = (float)tn_load_double(TN_BF16, (const char *)t->data + 2 * i);
    tn_npy_write(&w, TN_F32, t->rank, t->dim, wide);
    return tn_tool_write(tool, path, w.at, w.bytes);
}

static tn_status
write_outputs(tn_tool *tool, const tn_iface_entry *entry, const tn_tensor *outputs)
{
    const tn_option_value *o = &tool->options->value[TN_OPT_output];

    for (uint32_t i = 0; i < o->list.count; i++) {
        const char *equals = strchr(o->list.at[i], '=');
        uint32_t at = 0;

        if (!equals)
            return tn_fail(tool->diag, TN_USAGE, "-o %s: expected NAME=FILE.npy", o->list.at[i]);
        while (at < entry->outputs.count &&
            (strlen(entry->outputs.at[at].name) != (size_t)(equals - o->list.at[i]) ||
                strncmp(entry->outputs.at[at].name, o->list.at[i],
                    (size_t)(equals - o->list.at[i])) != 0))
            at++;
        if (at == entry->outputs.count)
            return tn_fail(tool->diag, TN_USAGE, "-o %s: entry %s has no such output",
                o->list.at[i], entry->name);
        TN_TRY(write_npy(tool, equals + 1, &outputs[at]));
    }
    return TN_OK;
}

static tn_status
print_outputs(tn_tool *tool, const tn_loaded *l, const tn_given *given, const tn_tensor *outputs)
{
    tn_text text = {.arena = tool->arena};
    tn_shown shown = {
        .iface = l->iface,
        .entry = given->entry,
        .inputs = given->inputs,
        .outputs = outputs,
        .batch = given->batch,
        .texts = given->texts,
        .device = l->device,
        .color = tool->color,
    };

    if (tn_tool_json(tool))
        tn_show_json(&text, &shown);
    else if (!tool->options->value[TN_OPT_output].given)
        tn_show_outputs(&text, &shown);
    return tn_tool_print(tool, &text);
}

static tn_status
run_once(tn_tool *tool, tn_loaded *l, tn_given *given, int entry)
{
    tn_tensor *outputs = tn_new_array(tool->arena, tn_tensor, given->entry->outputs.count + 1);
    const tn_option_value *o = tool->options->value;
    tn_run run = {.profile = o[TN_OPT_trace].given && !l->module};
    tn_status status;

    TN_TRY(tn_given_options(tool, given));
    TN_TRY(tn_given_rest(tool, given, o[TN_OPT_seed].given, (uint64_t)o[TN_OPT_seed].whole));
    status = tn_loaded_run(tool, l, entry, given, false, outputs, &run);
    if (status == TN_OK && o[TN_OPT_trace].given)
        status = tn_trace_write(tool, o[TN_OPT_trace].text, l, &run);
    if (status == TN_OK)
        status = write_outputs(tool, given->entry, outputs);
    if (status == TN_OK)
        status = print_outputs(tool, l, given, outputs);
    for (uint32_t i = 0; i < given->entry->outputs.count; i++)
        tn_tensor_free(tool->env.alloc, &outputs[i]);
    return status;
}

tn_status
tn_cmd_run(tn_tool *tool)
{
    const tn_option_value *o = tool->options->value;
    const char *path;
    tn_loaded l;
    tn_given given;
    tn_status status;
    int entry;

    TN_TRY(tn_tool_operand(tool, &path));
    TN_TRY(tn_load(tool, path, o[TN_OPT_device].given ? o[TN_OPT_device].text : "cpu", NULL, &l));
    status = tn_loaded_entry(tool, &l, o[TN_OPT_entry].text, &entry);
    if (status == TN_OK) {
        tn_given_init(tool, l.iface, entry, &given);
        status = run_once(tool, &l, &given, entry);
        tn_given_free(tool, &given);
    }
    tn_loaded_close(tool, &l);
    return status;
}
