/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench_graph.h"
#include "tests/bench/probe.h"

/* Runs a graph on the CPU device when it is told to, so that a script can let
 * other programs run in between (turns.py).
 *
 *     bench_turns MODEL.json THREADS FOLDER
 *
 * Inputs are FOLDER/NAME.bin, the bytes of the tensors. A line on standard
 * input is a command, a line on standard output the answer:
 *
 *     run     seconds on the wall, seconds of processor time of all threads
 *     write   results to FOLDER/out.NAME.bin
 *     probe   multiply-adds from registers, in operations a second */
enum { MAX_VALUES = 16, PROBES = 3 };

typedef struct bench {
    const char *folder;
    uint32_t threads;
    tn_diag diag;
    tn_env env;
    tn_registry *registry;
    tn_bench_graph graph;
    const tn_iface_entry *entry;
    tn_tensor in[MAX_VALUES], out[MAX_VALUES];
} bench;

static tn_status
read_input(bench *b, uint32_t i)
{
    const tn_iface_input *from = &b->entry->inputs.at[i];
    tn_tensor *t = &b->in[i];
    const char *path = tn_arena_printf(b->graph.arena, "%s/%s.bin", b->folder, from->name);
    tn_span bytes;
    bool fits;

    *t = (tn_tensor){.dtype = from->dtype, .rank = from->rank};
    for (int n = 0; n < t->rank; n++)
        if (!tn_formula_eval(from->dim[n], NULL, 0, &t->dim[n]))
            return tn_fail(b->env.diag, TN_USAGE, "%s: a size is not a number", from->name);
    TN_TRY(tn_tensor_create(b->env.alloc, b->env.diag, t));
    TN_TRY(tn_file_read(&b->env, path, t->bytes, &bytes));
    fits = bytes.bytes == t->bytes;
    if (fits)
        memcpy(t->data, bytes.at, bytes.bytes);
    tn_file_free(&b->env, &bytes);
    return fits ? TN_OK : tn_fail(b->env.diag, TN_USAGE, "%s: too short", path);
}

static tn_status
read_inputs(void *arg)
{
    bench *b = arg;

    for (uint32_t i = 0; i < b->entry->inputs.count; i++)
        TN_TRY(read_input(b, i));
    return TN_OK;
}

static void
free_outputs(bench *b)
{
    for (uint32_t i = 0; i < b->entry->outputs.count; i++)
        tn_tensor_free(b->env.alloc, &b->out[i]);
}

static tn_status
run_once(bench *b)
{
    tn_run run = {.inputs = b->in, .outputs = b->out};
    tn_probe_clock start = tn_probe_start(), end;

    TN_TRY(tn_session_run(b->graph.session, &run));
    end = tn_probe_start();
    printf("%.9f %.9f\n", (double)(end.wall - start.wall) * 1e-9,
        (double)(end.cpu - start.cpu) * 1e-9);
    free_outputs(b);
    return TN_OK;
}

static tn_status
write_outputs(void *arg)
{
    bench *b = arg;
    tn_run run = {.inputs = b->in, .outputs = b->out};
    tn_status status = TN_OK;

    TN_TRY(tn_session_run(b->graph.session, &run));
    for (uint32_t i = 0; status == TN_OK && i < b->entry->outputs.count; i++) {
        const char *path = tn_arena_printf(b->graph.arena, "%s/out.%s.bin", b->folder,
            b->entry->outputs.at[i].name);

        status = tn_file_write(&b->env, path, (tn_span){b->out[i].data, (size_t)b->out[i].bytes});
    }
    free_outputs(b);
    printf("written\n");
    return status;
}

static tn_status
obey(bench *b)
{
    char line[100];

    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!strcmp(line, "run"))
            TN_TRY(run_once(b));
        else if (!strcmp(line, "write"))
            TN_TRY(tn_arena_guard(b->graph.arena, write_outputs, b));
        else if (!strcmp(line, "probe"))
            printf("%.0f\n", tn_probe_fma(b->threads, PROBES));
        else
            return tn_fail(b->env.diag, TN_USAGE, "%s: no such command", line);
        fflush(stdout);
    }
    return TN_OK;
}

static tn_status
serve(bench *b, const char *path)
{
    tn_registry_options options = {.log = NULL};

    TN_TRY(tn_registry_create(&b->env, &options, &b->registry));
    TN_TRY(tn_bench_open_file(&b->env, b->registry, path, b->threads, &b->graph));
    b->entry = &b->graph.artifact->iface.entries.at[0];
    if (b->entry->inputs.count > MAX_VALUES || b->entry->outputs.count > MAX_VALUES)
        return tn_fail(b->env.diag, TN_LIMIT, "%s: too many inputs or outputs", path);
    TN_TRY(tn_arena_guard(b->graph.arena, read_inputs, b));
    printf("ready\n");
    fflush(stdout);
    return obey(b);
}

int
main(int argc, char **argv)
{
    static bench b;
    tn_status status;

    if (argc < 4) {
        fprintf(stderr, "bench_turns MODEL.json THREADS FOLDER\n");
        return TN_USAGE;
    }
    b.threads = (uint32_t)strtoul(argv[2], NULL, 10);
    b.folder = argv[3];
    tn_diag_init(&b.diag, tn_alloc_system());
    b.env = (tn_env){tn_alloc_system(), tn_files_system(), &b.diag};
    status = serve(&b, argv[1]);
    if (status != TN_OK)
        fprintf(stderr, "%s\n", tn_diag_count(&b.diag) ? tn_diag_text(&b.diag, 0) : "failed");
    for (int i = 0; i < MAX_VALUES; i++)
        tn_tensor_free(b.env.alloc, &b.in[i]);
    tn_bench_close(&b.graph);
    tn_registry_destroy(b.registry);
    tn_diag_clear(&b.diag);
    return (int)status;
}
