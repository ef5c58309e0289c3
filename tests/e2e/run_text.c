/* SPDX-License-Identifier: Apache-2.0
 * Runs an artifact on a text with what libtenon_run has, and nothing else:
 *
 *     run_text FILE.tenon INPUT TEXT
 *
 * prints the elements of each output of whole numbers: `intent 4`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/session.h"
#include "runtime/text/text_input.h"

typedef struct running {
    tn_env env;
    tn_diag diag;
    tn_registry *registry;
    tn_artifact *artifact;
    tn_model *model;
    tn_session *session;
    tn_token_batch *batch;
    tn_tensor *inputs, *outputs;
} running;

static void
print(const tn_iface_output *output, const tn_tensor *t)
{
    int64_t count = 0;

    if (tn_is_float(t->dtype) || !tn_tensor_elements(t, &count))
        return;
    printf("%s", output->name);
    for (int64_t i = 0; i < count; i++)
        printf(" %lld",
            (long long)tn_load_int(t->dtype, (char *)t->data + i * tn_dtype_bytes(t->dtype)));
    printf("\n");
}

static tn_status
run(running *r, const char *path, const char *name, const char *words)
{
    tn_open_options options = {.device = "cpu", .threads = 1};
    tn_text_in text = {words, strlen(words)};
    tn_run job = {0};

    TN_TRY(tn_registry_create(&r->env, &(tn_registry_options){0}, &r->registry));
    TN_TRY(tn_artifact_open_file(&r->env, path, false, &r->artifact));
    TN_TRY(tn_model_open(&r->env, r->registry, r->artifact, &options, &r->model));
    TN_TRY(tn_session_open(&r->env, r->model, &r->session));
    const tn_iface_entry *entry = &r->artifact->iface.entries.at[0];
    r->inputs = calloc(entry->inputs.count + 1, sizeof *r->inputs);
    r->outputs = calloc(entry->outputs.count + 1, sizeof *r->outputs);
    if (!r->inputs || !r->outputs)
        return TN_NO_MEMORY;
    TN_TRY(tn_text_inputs(&r->env, &r->artifact->iface, entry, name, &text, 1, r->inputs,
        &r->batch));
    job.inputs = r->inputs;
    job.outputs = r->outputs;
    TN_TRY(tn_session_run(r->session, &job));
    for (uint32_t o = 0; o < entry->outputs.count; o++)
        print(&entry->outputs.at[o], &r->outputs[o]);
    return TN_OK;
}

static void
finish(running *r)
{
    const tn_iface_entry *entry = r->artifact ? &r->artifact->iface.entries.at[0] : NULL;

    for (uint32_t i = 0; r->inputs && i < entry->inputs.count; i++)
        tn_tensor_free(r->env.alloc, &r->inputs[i]);
    for (uint32_t o = 0; r->outputs && o < entry->outputs.count; o++)
        tn_tensor_free(r->env.alloc, &r->outputs[o]);
    free(r->inputs);
    free(r->outputs);
    tn_token_batch_destroy(r->batch);
    tn_session_close(r->session);
    tn_model_close(r->model);
    tn_artifact_close(r->artifact);
    tn_registry_destroy(r->registry);
}

int
main(int argc, char **argv)
{
    running r = {.env = {tn_alloc_system(), tn_files_system(), &r.diag}};
    tn_status status;

    if (argc != 4)
        return TN_USAGE;
    tn_diag_init(&r.diag, tn_alloc_system());
    status = run(&r, argv[1], argv[2], argv[3]);
    for (size_t i = 0; i < tn_diag_count(&r.diag) && status != TN_OK; i++)
        fprintf(stderr, "%s\n", tn_diag_text(&r.diag, i));
    finish(&r);
    tn_diag_clear(&r.diag);
    return (int)status;
}
