/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/model.h"
#include "ir/base/hash.h"
#include "passes/lower/lower.h"
#include "passes/pass.h"
#include "runtime/compare.h"
#include "runtime/compile.h"
#include "tests/support/run_graph.h"
#include "tests/support/test.h"

/* Graphs that must fuse, or must not, as their `meta` says:
 *
 *     {"fuses": FAMILY}
 *     {"nearly": FAMILY, "predicate": the first condition that fails}
 *     {"kernels": how many there are, "none": FAMILY}
 *
 * beside "fuses" also how many kernels there are, how many "times" it does,
 * and what stands in the "parameters" that were found.
 *
 *     fusion DEVICE FILE..
 *
 * With "finite": true there are no special numbers among the inputs. A kernel
 * of the family is there, or none and the condition is named; with
 * the pass, without it and with every operation alone the results are those
 * of the reference, for several sizes, with special numbers too. No two files
 * are the same spelling. */
enum { ROOM = 1 << 16, ROUNDS = 4, FILES = 256 };

typedef struct job {
    const char *file;
    char text[ROOM];
    const char *printed;
    char family[40], predicate[200]; /* predicate: "" if it must fuse */
    char none[40];       /* a family that must not be there */
    char parameters[80]; /* "": any */
    uint32_t kernels;    /* without a family, or if not 0 */
    int times;
    tn_diag diag;
    tn_env env;
    tn_arena *arena;
    tn_findings findings;
    tn_lowered_list lowered;
    bool finite; /* the fusion drops products with 0: no special numbers */
    int64_t least; /* steps */
    int special; /* every so many elements; 0: none */
    uint64_t noise;
} job;

static bool
read_word(const char *text, const char *key, char *out, size_t room)
{
    const char *at = strstr(text, key);
    size_t length;

    if (!at)
        return false;
    at += strlen(key);
    length = strcspn(at, "\"}");
    if (length >= room)
        return false;
    memcpy(out, at, length);
    out[length] = 0;
    return true;
}

static uint32_t
read_count(const char *text, const char *key, uint32_t fallback)
{
    char count[16];

    return read_word(text, key, count, sizeof count) ? (uint32_t)strtoul(count, NULL, 10)
                                                     : fallback;
}

static bool
read_file(job *j)
{
    FILE *f = fopen(j->file, "rb");
    size_t bytes;

    if (!f)
        return false;
    bytes = fread(j->text, 1, ROOM - 1, f);
    j->text[bytes] = 0;
    fclose(f);
    j->family[0] = j->predicate[0] = j->none[0] = 0;
    j->finite = strstr(j->text, "\"finite\": true") != NULL;
    j->least = read_count(j->text, "\"T\": \"", 1);
    j->kernels = read_count(j->text, "\"kernels\": ", 0);
    j->times = (int)read_count(j->text, "\"times\": ", 1);
    (void)read_word(j->text, "\"none\": \"", j->none, sizeof j->none);
    (void)read_word(j->text, "\"parameters\": \"", j->parameters, sizeof j->parameters);
    if (read_word(j->text, "\"fuses\": \"", j->family, sizeof j->family) || j->kernels)
        return true;
    return read_word(j->text, "\"nearly\": \"", j->family, sizeof j->family) &&
        read_word(j->text, "\"predicate\": \"", j->predicate, sizeof j->predicate);
}

/* ---- what is found ---- */

static tn_status
lower(void *arg)
{
    job *j = arg;
    tn_model_options how = {.seed = 1, .seed_weights = true};
    tn_lower_options options = {.findings = &j->findings};
    tn_text text = {.arena = j->arena};
    tn_module *module;

    TN_TRY(tn_model_parse(&j->env, j->arena, j->file,
        (tn_span){(const uint8_t *)j->text, strlen(j->text)}, &how, &module));
    tn_graph_print(&text, module->entries.at[0]);
    j->printed = text.at;
    j->findings = (tn_findings){.arena = j->arena};
    return tn_lower_graph(j->arena, &j->diag, module->entries.at[0], &options, &j->lowered);
}

static int
kernels_of(const job *j, const char *family)
{
    int kernels = 0;

    for (uint32_t i = 0; i < j->lowered.at.count; i++)
        kernels += strcmp(j->lowered.at.at[i].family, family) == 0;
    return kernels;
}

static void
check_findings(job *j)
{
    int kernels, fused = 0, missed = 0;

    if (j->kernels)
        TN_CHECK_EQ(j->lowered.at.count, j->kernels);
    TN_CHECK(!j->none[0] || !kernels_of(j, j->none));
    if (!j->family[0])
        return;
    kernels = kernels_of(j, j->family);
    for (uint32_t i = 0; i < j->findings.at.count; i++) {
        const tn_finding *f = &j->findings.at.at[i];

        if (strcmp(f->family, j->family) != 0)
            continue;
        fused += f->fused;
        if (f->fused && !TN_CHECK(strstr(f->parameters, j->parameters) != NULL))
            tn_test_note("%s: found %s", j->file, f->parameters);
        missed += !f->fused && strcmp(f->predicate, j->predicate) == 0;
        if (!f->fused && !missed)
            tn_test_note("%s: refused because not: %s", f->nodes.at[0], f->predicate);
    }
    TN_CHECK_EQ(kernels > 0, !j->predicate[0]);
    TN_CHECK_EQ(fused, j->predicate[0] ? 0 : j->times);
    TN_CHECK_EQ(missed, j->predicate[0] != 0);
}

/* ---- what it computes ---- */

/* Scores of chains and choices are added and compared only: any number may
 * stand there. Elsewhere those that masks hold do, or infinity less infinity
 * is all there is to compare. */
static bool
only_masks(const job *j)
{
    return !j->family[0] || strcmp(j->family, "attention") == 0;
}

static double
odd_number(const job *j, const tn_value *v, uint64_t word, double x)
{
    static const double scores[] = {INFINITY, -INFINITY, NAN, -INFINITY, 0.0, -1e4, -100, 1e30};
    static const double masks[] = {-INFINITY, -INFINITY, -INFINITY, 0.0, 0.0, -1e4, -100, -1e9};
    uint64_t which = word / (uint64_t)j->special % 8;

    if (word % (uint64_t)j->special)
        return x;
    if (!only_masks(j))
        return scores[which];
    return v->name && strstr(v->name, "mask") ? masks[which] : x;
}

static void
element(void *self, const tn_value *v, const tn_input *in, int64_t k, void *to)
{
    job *j = self;
    int64_t low = 0, high = 1;
    uint64_t word;

    (void)k;
    j->noise = j->noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    word = j->noise >> 33;
    if (tn_is_float(v->type.dtype)) {
        double x = (double)word / 1073741824.0 * 2 - 2;

        tn_store_double(v->type.dtype, to, j->special ? odd_number(j, v, word, x) : x);
        return;
    }
    if (in && in->has_range) {
        tn_size_is_int(in->low, &low);
        tn_size_is_int(in->high, &high);
    }
    tn_store_int(v->type.dtype, to, low + (int64_t)(word % (uint64_t)(high - low + 1)));
}

static void
note_diag(const job *j, const tn_run_graph *run)
{
    for (size_t i = 0; i < tn_diag_count(&run->diag); i++)
        tn_test_note("%s: %s", j->file, tn_diag_text(&run->diag, i));
}

static void
compare(job *j, tn_run_graph *run, const tn_tensor *got, const char *skip)
{
    for (uint32_t i = 0; i < run->g->outputs.count; i++) {
        tn_tolerance t = {.given = false};
        tn_difference d;

        if (TN_CHECK(tn_compare(&got[i], &run->wanted[i], got[i].dtype, &t, &d)))
            continue;
        tn_test_note("%s without '%s': output %u, element %lld: %.9g, wanted %.9g (error %.2g)",
            j->file, skip, i, (long long)d.at, d.got, d.wanted, d.error);
    }
}

/* Weights are made with the first inputs: special numbers stand in inputs. */
static bool
fill(job *j, tn_run_graph *run, int round)
{
    static const int64_t sizes[ROUNDS][2] = {{5, 7}, {1, 1}, {19, 12}, {3, 2}};

    tn_run_graph_symbol(run, "B", sizes[round][0]);
    tn_run_graph_symbol(run, "T", sizes[round][1] < j->least ? j->least : sizes[round][1]);
    j->special = j->finite ? 0 : round == 2 ? 40 : round == 3 && only_masks(j) ? 2 : 0;
    j->noise = 77 + (uint64_t)round;
    return TN_CHECK(tn_run_graph_fill(run, element, j) == TN_OK);
}

static void
run_code(job *j, tn_run_graph *run, tn_graph_device *device, const char *skip)
{
    tn_pass_set set = 0;
    tn_graph_code code = {0};
    bool ok = tn_pass_parse(&run->diag, skip, &set) == TN_OK;

    ok = ok && fill(j, run, 0);
    ok = TN_CHECK(ok && tn_run_graph_compile(run, device, set, &code) == TN_OK);
    for (int i = 0; ok && i < ROUNDS; i++) {
        tn_tensor got[TN_RUN_GRAPH_TENSORS] = {{0}};

        ok = fill(j, run, i);
        ok = ok && TN_CHECK(tn_run_graph_want(run) == TN_OK);
        ok = ok && TN_CHECK(tn_run_graph_on(&code, got) == TN_OK);
        if (ok)
            compare(j, run, got, skip);
        tn_run_graph_free(run, got);
    }
    if (!ok)
        note_diag(j, run);
    tn_graph_code_close(&code);
}

static void
run_graph(job *j, tn_graph_device *device)
{
    static const char *const skips[] = {"", "viterbi,route,moe,attention", "group"};
    tn_run_graph run;

    if (TN_CHECK(tn_run_graph_open(&run, j->printed) == TN_OK))
        for (size_t i = 0; i < sizeof skips / sizeof *skips; i++) {
            if (i == 1 && !j->family[0])
                continue;
            run_code(j, &run, device, skips[i]);
        }
    else
        note_diag(j, &run);
    tn_run_graph_close(&run);
}

/* ---- what it is, names apart ---- */

static void
rename_leaf(job *j, tn_value *v, int *count)
{
    if (!v || v->def || v->kind == TN_VALUE_LITERAL || (v->name && v->name[0] == '$'))
        return;
    v->name = tn_arena_printf(j->arena, "$%d", (*count)++);
}

/* Folded, without equal operations, leaves named by first use: from the first
 * operation on, the text is the same for the same spelling. */
static tn_status
canonical(void *arg)
{
    job *j = arg;
    tn_model_options how = {.seed = 1, .seed_weights = true};
    tn_text text = {.arena = j->arena};
    tn_module *module;
    tn_graph *g;
    int leaves = 0;

    TN_TRY(tn_model_parse(&j->env, j->arena, j->file,
        (tn_span){(const uint8_t *)j->text, strlen(j->text)}, &how, &module));
    g = module->entries.at[0];
    tn_passes_run(g,
        tn_pass_optional(TN_STAGE_FUSE) | tn_pass_bit("rules") | tn_pass_bit("relaxed"));
    for (tn_op *op = g->block->first; op; op = op->next) {
        for (int i = 0; i < op->in_count; i++)
            rename_leaf(j, op->in[i], &leaves);
        for (int i = 0; i < op->out_count; i++)
            op->out[i]->name = NULL;
    }
    for (uint32_t i = 0; i < g->outputs.count; i++)
        g->outputs.at[i].name = "result";
    tn_graph_print(&text, g);
    j->printed = strstr(text.at, "\n    %");
    return j->printed ? TN_OK : TN_BUG;
}

/* ---- files ---- */

static const char *device_name;
static char **files;
static int file_count;

static bool
open_job(job *j, tn_status (*make)(void *arg))
{
    tn_status status;

    tn_diag_init(&j->diag, tn_alloc_system());
    j->env = (tn_env){tn_alloc_system(), tn_files_system(), &j->diag};
    j->arena = tn_arena_create(tn_alloc_system(), 0);
    status = j->arena ? tn_arena_guard(j->arena, make, j) : TN_NO_MEMORY;
    return TN_CHECK_EQ(status, TN_OK);
}

static void
close_job(job *j)
{
    for (size_t i = 0; i < tn_diag_count(&j->diag); i++)
        tn_test_note("%s: %s", j->file, tn_diag_text(&j->diag, i));
    tn_arena_destroy(j->arena);
    tn_diag_clear(&j->diag);
}

static void
check_file(job *j, tn_graph_device *device)
{
    if (open_job(j, lower)) {
        check_findings(j);
        run_graph(j, device);
    }
    close_job(j);
}

TN_TEST(no_two_files_are_the_same_spelling)
{
    static tn_hash seen[FILES];
    static job j;

    TN_CHECK(file_count <= FILES);
    for (int i = 0; i < file_count && i < FILES; i++) {
        j = (job){.file = files[i]};
        if (!TN_CHECK(read_file(&j)))
            return;
        if (open_job(&j, canonical))
            seen[i] = tn_hash_of(j.printed, strlen(j.printed));
        close_job(&j);
        for (int k = 0; k < i; k++)
            if (!TN_CHECK(memcmp(&seen[k], &seen[i], sizeof *seen) != 0))
                tn_test_note("%s is the same as %s", files[i], files[k]);
    }
}

TN_TEST(files_fuse_as_they_say)
{
    tn_graph_device device;

    if (!tn_graph_device_open(&device, device_name))
        TN_SKIP("no device %s", device_name);
    for (int i = 0; i < file_count; i++) {
        static job j;

        j = (job){.file = files[i]};
        if (TN_CHECK(read_file(&j))) {
            tn_test_note("%s", j.file);
            check_file(&j, &device);
        }
    }
    tn_graph_device_close(&device);
}

int
main(int argc, char **argv)
{
    static const tn_case cases[] = {
        TN_CASE(files_fuse_as_they_say),
        TN_CASE(no_two_files_are_the_same_spelling),
    };

    if (argc < 3) {
        fprintf(stderr, "fusion DEVICE FILE..\n");
        return 2;
    }
    device_name = argv[1];
    files = argv + 2;
    file_count = argc - 2;
    return tn_test_run(cases, 2, 1, argv);
}
