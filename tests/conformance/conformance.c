/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/conformance/graph_run.h"
#include "tests/support/run_device.h"
#include "tests/support/test.h"
#include "tests/support/tile_cases.h"

/* Devices against what defines them: tile programs against the tile
 * interpreter, every graph op against the reference evaluator.
 *
 *     conformance DEVICE.. [--dump FOLDER] [--tiles | --op OP] [--sample]
 *
 * DEVICE is a name, or the path of a plugin (.so). Prints what ran where, with
 * a hash of the code; exit code 77 if a device is not there. With --dump the
 * code of every kernel is left in the folder, for validators: k000, .. of the
 * tile programs, g000-0, .. of the graphs. --tiles runs the tile programs only,
 * --op the graphs of one op only. --sample runs each graph of
 * each op with one of its element types, in turns: every op, every row of the
 * table and every type that the device has, at least once. */
static const char *device_name = "cpu", *dump_folder, *only;
static bool skipped, sample, tiles;

static void
each(void *self, tn_run_tile p, const char *choice)
{
    tn_run_device *d = self;

    p.machine = &d->machine;
    if (tn_run_tile_start(&p))
        tn_run_tile_on(&p, d->target, choice);
    tn_run_tile_end(&p);
}

static void
programs_agree(void)
{
    tn_run_device d;

    if (only)
        TN_SKIP("only %s", only);
    if (!tn_run_device_open(&d, device_name)) {
        skipped = true;
        TN_SKIP("no device %s", device_name);
    }
    d.dump = dump_folder;
    printf("%s: %s\n  target %s\n", device_name, d.title, d.target);
    tn_tile_cases(each, &d);
    printf("%s: %d kernels\n", device_name, d.kernels);
    TN_CHECK(d.kernels > 0);
    tn_run_device_close(&d);
}

/* What kernels of one kind of machine never hold, and what no schedule emits. */
static bool
is_foreign(const tn_target *t, tn_kop op)
{
    switch (op) {
    case TN_K_barrier: return !t->gpu;
    case TN_K_sg_reduce: return !t->gpu || !t->subgroup;
    case TN_K_local: return !t->gpu; /* tile programs have it */
    case TN_K_extract: return true;  /* tests/unit/test_cpu_gen.c has it */
    case TN_K_gather:
    case TN_K_scatter:
    case TN_K_splat:
    case TN_K_lanes:
    case TN_K_below:
    case TN_K_prefetch:
    case TN_K_across: return t->gpu != 0;
    default: return false;
    }
}

static void
check_instructions(const graph_tally *tally)
{
    for (int i = 0; i < TN_K_COUNT && !only; i++)
        if (!tally->instructions[i] && !is_foreign(&tally->device->target, (tn_kop)i))
            TN_CHECK_STR("in no kernel that ran", tn_kop_name((tn_kop)i));
}

static void
check_types(const graph_tally *tally)
{
    for (int t = 0; t < TN_DTYPE_COUNT && !only; t++)
        if (!tally->types[t] && tn_dtype_in_graph((tn_dtype)t) &&
            !graph_device_lacks(tally->device, (tn_dtype)t))
            TN_CHECK_STR("ran with no graph", tn_dtype_name((tn_dtype)t));
}

static void
graphs_agree(void)
{
    tn_graph_device d;
    graph_tally tally = {.device = &d, .only = only, .sample = sample, .dump = dump_folder};
    char hex[TN_HASH_HEX];
    tn_hash hash;

    if (tiles)
        TN_SKIP("only tile programs");
    if (!tn_graph_device_open(&d, device_name)) {
        skipped = true;
        TN_SKIP("no device %s", device_name);
    }
    tn_hash_start(&tally.hasher);
    for (int i = 0; i < tn_graph_case_count; i++)
        graph_run_case(&tally, &tn_graph_cases[i]);
    hash = tn_hash_end(&tally.hasher);
    tn_hash_hex(&hash, hex);
    printf("%s: %s (%s)\n  target %s\n  %d graphs, %d runs, code %.16s; %d graphs of element types "
           "that it lacks\n",
        d.name, d.title, d.identity, d.text, tally.graphs, tally.runs, hex, tally.skipped);
    TN_CHECK(tally.runs > 0);
    check_instructions(&tally);
    check_types(&tally);
    tn_graph_device_close(&d);
}

static void
every_op_has_a_case(void)
{
    static const struct {
        const char *name, *lower;
    } rows[] = {
#define TN_OP(op, infer, lower, outs, flags, doc) {#op, #lower},
#include "ir/graph/ops.def"
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool found = !strcmp(rows[i].lower, "refuse");

        for (int k = 0; k < tn_graph_case_count && !found; k++)
            found = graph_word_in(tn_graph_cases[k].ops, rows[i].name);
        if (!found)
            TN_CHECK_STR("has no case", rows[i].name);
    }
}

int
main(int argc, char **argv)
{
    static const tn_case cases[] = {
        TN_CASE(programs_agree), TN_CASE(graphs_agree), TN_CASE(every_op_has_a_case)};
    int worst = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--sample"))
            sample = true;
        if (!strcmp(argv[i], "--tiles"))
            tiles = true;
        if (!strcmp(argv[i], "--dump") && i + 1 < argc)
            dump_folder = argv[i + 1];
        if (!strcmp(argv[i], "--op") && i + 1 < argc)
            only = argv[i + 1];
    }
    for (int i = 1; i < argc && strncmp(argv[i], "--", 2) != 0; i++) {
        int code;

        device_name = argv[i];
        code = tn_test_run(cases, sizeof cases / sizeof *cases, 1, argv);
        worst = code && code != 77 ? code : worst;
    }
    return worst ? worst : skipped ? 77 : 0;
}
