/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/graph_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/artifact.h"
#include "runtime/compare.h"
#include "tests/support/run_device.h"
#include "tests/support/test.h"

typedef struct job {
    graph_tally *tally;
    const graph_case *c;
    const char *op;
    tn_dtype dtype;
    char text[4096];
    tn_run_graph run;
    tn_graph_code code;
    uint64_t noise;
} job;

bool
graph_word_in(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

/* ---- text ---- */

typedef struct writer {
    char *at, *end;
} writer;

static void
put(writer *w, const char *text, size_t length)
{
    if ((size_t)(w->end - w->at) > length) {
        memcpy(w->at, text, length);
        w->at += length;
        *w->at = '\0';
    }
}

static void
put_text(writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static bool
has_symbol(const char *body, char symbol)
{
    for (const char *at = strchr(body, symbol); at; at = strchr(at + 1, symbol))
        if (at > body && strchr("[,*=", at[-1]) && strchr("],}+ ", at[1]))
            return true;
    return false;
}

static void
write_text(job *j)
{
    writer w = {j->text, j->text + sizeof j->text - 1};

    put_text(&w, "graph main\n");
    for (const char *s = "NM"; *s; s++)
        if (has_symbol(j->c->body, *s)) {
            put_text(&w, "    dim ");
            put(&w, s, 1);
            put_text(&w, j->c->full ? " 1..512\n" : " 0..512\n");
        }
    put_text(&w, "    ");
    for (const char *at = j->c->body; *at; at++) {
        if (at[0] == '$') {
            at++;
            put_text(&w, *at == 'T' ? tn_dtype_name(j->dtype) : j->op);
        } else if (at[0] == ';') {
            put_text(&w, "\n    ");
            at += at[1] == ' ';
        } else {
            put(&w, at, 1);
        }
    }
    put_text(&w, "\n");
    for (int i = 0; i < 10; i++) {
        char name[8] = "y", line[32];

        if (i)
            snprintf(name, sizeof name, "y%d", i);
        snprintf(line, sizeof line, " %s: ", name);
        if (!strstr(j->text, line))
            continue;
        snprintf(line, sizeof line, "    output %s = %s\n", name, name);
        put_text(&w, line);
    }
}

/* ---- data ---- */

static uint64_t
noise(job *j)
{
    j->noise = j->noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return j->noise >> 33;
}

static double
real_data(job *j)
{
    static const double any[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1, -1, 0x1p-149, -0x1p-130,
        0x1p-126, 0x1.fffffep127, -0x1.fffffep127, 0.5, 1.5, 2.5, -2.5, 1e10, -3e9, 2147483647.5,
        65504, 65520, 0x1p-24, 0x1p-14, -0x1p-15, 127.5, -128.5, 255.5, 88.7, -87.4, -104, 20, 3};
    static const double unit[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1, -1, 0.5};
    double x = (double)noise(j) / 1073741824.0 * 2 - 2;

    if (j->c->data == DATA_ANY && noise(j) % 3 == 0)
        return any[noise(j) % (sizeof any / sizeof *any)];
    if (j->c->data == DATA_UNIT)
        return noise(j) % 40 == 0 ? unit[noise(j) % (sizeof unit / sizeof *unit)] : x / 2;
    return x;
}

/* A device that flushes denormals sees zeros: choices among them, and what
 * grows from them, differ. */
static double
kept(const job *j, tn_dtype t, double x)
{
    double least = t == TN_F64 ? 0x1p-1022 : t == TN_F16 ? 0x1p-14 : 0x1p-126;

    return j->tally->device->target.keeps_denormals || !(fabs(x) < least) ? x : copysign(0, x);
}

static int64_t
whole_data(job *j, tn_dtype t)
{
    static const int64_t list[] = {0, 1, -1, 2, -2, 7, 127, 128, -128, 255, 256, 65535, INT32_MAX,
        INT32_MIN, UINT32_MAX, INT64_C(1) << 32, INT64_MAX, INT64_MIN, INT64_C(1) << 53};
    uint64_t word = noise(j) << 40 ^ noise(j) << 20 ^ noise(j);

    if (t == TN_BOOL)
        return (int64_t)(word & 1);
    switch (noise(j) % 3) {
    case 0: return list[word % (sizeof list / sizeof *list)];
    case 1: return (int64_t)(word % 21) - (tn_is_signed(t) ? 10 : 0);
    default: return (int64_t)word;
    }
}

static void
element(void *self, const tn_value *v, const tn_input *in, int64_t k, void *to)
{
    job *j = self;
    int64_t low = 0, high = 0;

    (void)k;
    if (tn_is_float(v->type.dtype)) {
        tn_store_double(v->type.dtype, to, kept(j, v->type.dtype, real_data(j)));
        return;
    }
    if (!in || !in->has_range) {
        tn_store_int(v->type.dtype, to, whole_data(j, v->type.dtype));
        return;
    }
    tn_size_is_int(in->low, &low);
    tn_size_is_int(in->high, &high);
    tn_store_int(v->type.dtype, to,
        low + (int64_t)((noise(j) << 31 ^ noise(j)) % (uint64_t)(high - low + 1)));
}

/* ---- comparing ---- */

static tn_tolerance
tolerance_of(const job *j, tn_dtype t)
{
    tn_tolerance out = {.given = true, .flushed = !j->tally->device->target.keeps_denormals};
    double ulp = t == TN_F64 ? 0x1p-52 : t == TN_F32 ? 0x1p-23 : t == TN_F16 ? 0x1p-10 : 0x1p-7;
    double least = t == TN_F64 ? 0 : t == TN_F32 ? 0x1p-149 : t == TN_F16 ? 0x1p-24 : 0x1p-133;

    if (j->c->match != MATCH_NEAR)
        return out;
    out.rel = fmax(j->c->rel, 2 * ulp);
    out.abs = fmax(j->c->abs, 2 * least);
    if (j->c->abs != 0 && (t == TN_F16 || t == TN_BF16)) {
        out.rel = 8 * ulp;
        out.abs = 16 * ulp;
    }
    return out;
}

static bool
same_zeros(const tn_tensor *got, const tn_tensor *wanted, tn_difference *d)
{
    int64_t count = 0;

    tn_tensor_elements(got, &count);
    for (int64_t i = 0; i < count; i++) {
        const char *a = (const char *)got->data + i * tn_dtype_bytes(got->dtype);
        double x = tn_load_double(got->dtype, a), y = ((const double *)wanted->data)[i];

        if (x != 0 || y != 0 || signbit(x) == signbit(y))
            continue;
        *d = (tn_difference){.at = i, .got = x, .wanted = y};
        return false;
    }
    return true;
}

static bool
matches(const job *j, const tn_tensor *got, const tn_tensor *wanted, tn_difference *d)
{
    tn_tolerance tolerance = tolerance_of(j, got->dtype);

    if (!tn_compare(got, wanted, got->dtype, &tolerance, d))
        return false;
    return j->c->match != MATCH_BITS || !tn_is_float(got->dtype) || same_zeros(got, wanted, d);
}

static void
complain(job *j, const char *what)
{
    TN_CHECK(!"as the reference");
    tn_test_note("%s of %s on %s: %s", j->op, tn_dtype_name(j->dtype), j->tally->device->name,
        what);
    for (size_t i = 0; i < tn_diag_count(&j->run.diag); i++)
        tn_test_note("%s", tn_diag_text(&j->run.diag, i));
}

static void
compare_all(job *j, const tn_tensor *got)
{
    for (uint32_t i = 0; i < j->run.g->outputs.count; i++) {
        tn_difference d;
        char what[200];

        if (matches(j, &got[i], &j->run.wanted[i], &d))
            continue;
        snprintf(what, sizeof what, "%s[%lld] is %.9g, wanted %.9g (N %lld, M %lld)",
            j->run.g->outputs.at[i].name, (long long)d.at, d.got, d.wanted,
            (long long)j->run.symbols[0], (long long)j->run.symbols[1]);
        complain(j, what);
    }
}

/* ---- running ---- */

static void
mark(graph_tally *tally, const tn_kblock *block)
{
    for (uint32_t i = 0; i < block->ins.count; i++) {
        const tn_ins *ins = block->ins.at[i];

        tally->instructions[ins->op] = true;
        if (ins->body)
            mark(tally, ins->body);
        if (ins->orelse)
            mark(tally, ins->orelse);
    }
}

static tn_status
mark_kernels(void *arg)
{
    job *j = arg;
    const tn_plan *plan = &j->code.artifact->targets.at[0].plans[0];

    for (uint32_t i = 0; i < plan->kernels.count; i++) {
        tn_kernel *k;

        TN_TRY(tn_kernel_decode(j->code.arena, &j->run.diag, plan->kernels.at[i].lane, &k));
        mark(j->tally, k->root);
    }
    return TN_OK;
}

static tn_status
dump(const job *j)
{
    const tn_artifact_target *t = &j->code.artifact->targets.at[0];
    char name[32];

    for (uint32_t k = 0; j->tally->dump && k < j->code.kernels; k++) {
        snprintf(name, sizeof name, "g%03d-%u", j->tally->graphs, k);
        TN_TRY(tn_run_device_dump(&j->run.env, j->tally->dump, name, t->family, t->code[0][k]));
    }
    return TN_OK;
}

static bool
compiled(job *j)
{
    tn_status status = tn_run_graph_compile(&j->run, j->tally->device, 0, &j->code);

    if (status == TN_OK)
        status = tn_arena_guard(j->code.arena, mark_kernels, j);
    if (status == TN_OK)
        status = dump(j);
    if (status != TN_OK) {
        complain(j, "does not compile");
        return false;
    }
    tn_hash_add(&j->tally->hasher, j->code.hash, sizeof j->code.hash);
    j->tally->graphs++;
    return true;
}

static void
run_once(job *j)
{
    tn_tensor got[TN_RUN_GRAPH_TENSORS] = {{0}};
    tn_status status;

    if (tn_run_graph_fill(&j->run, element, j) != TN_OK) {
        complain(j, "no inputs");
        return;
    }
    status = tn_run_graph_want(&j->run);
    if (status != (j->c->fails ? TN_MALFORMED : TN_OK)) {
        complain(j, "the reference ends otherwise");
        return;
    }
    tn_diag_clear(&j->run.diag);
    if (!j->code.session && !compiled(j))
        return;
    status = tn_run_graph_on(&j->code, got);
    j->tally->runs++;
    if (status != (j->c->fails ? TN_MALFORMED : TN_OK))
        complain(j, status == TN_OK ? "the run does not fail" : "the run fails");
    else if (status == TN_OK)
        compare_all(j, got);
    tn_diag_clear(&j->run.diag);
    tn_run_graph_free(&j->run, got);
}

static void
run_sizes(job *j)
{
    static const int64_t sizes[][2] = {{5, 8}, {1, 1}, {0, 3}, {3, 0}, {37, 19}, {130, 2}};
    bool any = tn_sizes_count(j->run.g->sizes) > 0;

    for (int i = 0; i < (any ? 6 : 1); i++) {
        if ((j->c->full || j->c->fails) && (sizes[i][0] == 0 || sizes[i][1] == 0))
            continue;
        tn_run_graph_symbol(&j->run, "N", sizes[i][0]);
        tn_run_graph_symbol(&j->run, "M", sizes[i][1]);
        run_once(j);
        if (!j->code.session)
            return;
    }
}

const char *
graph_device_lacks(const tn_graph_device *device, tn_dtype dtype)
{
    const tn_target *t = &device->target;

    if (dtype == TN_F64 && !t->f64_arith)
        return "no double arithmetic";
    if (dtype == TN_I64 && !t->i64_arith)
        return "no 64-bit integers";
    if ((dtype == TN_F16 || dtype == TN_BF16) && !t->f16_storage)
        return "no 16-bit elements";
    if ((dtype == TN_I8 || dtype == TN_U8 || dtype == TN_BOOL) && !t->i8_storage)
        return "no 8-bit elements";
    return NULL;
}

static void
run_one(graph_tally *tally, const graph_case *c, const char *op, tn_dtype dtype)
{
    job j = {.tally = tally, .c = c, .op = op, .dtype = dtype, .noise = (uint64_t)dtype + 1};

    if (graph_device_lacks(tally->device, dtype)) {
        tally->skipped++;
        return;
    }
    tally->types[dtype] = true;
    write_text(&j);
    if (tn_run_graph_open(&j.run, j.text) == TN_OK) {
        run_sizes(&j);
    } else {
        complain(&j, "no graph");
        tn_test_note("%s", j.text);
    }
    tn_graph_code_close(&j.code);
    tn_run_graph_close(&j.run);
}

static bool
is_wanted(const graph_tally *tally, const graph_case *c, const char *op)
{
    if (!tally->only || !strcmp(tally->only, op))
        return true;
    return !strstr(c->body, "$O") && graph_word_in(c->ops, tally->only);
}

/* Which types of the row: all, or the next in turn of those the device has. */
static unsigned
wanted_types(graph_tally *tally, const graph_case *c)
{
    unsigned had = 0, count = 0, left;

    for (int t = 0; t < TN_DTYPE_COUNT; t++)
        if (c->types >> t & 1 && !graph_device_lacks(tally->device, (tn_dtype)t)) {
            had |= 1u << t;
            count++;
        }
    if (!tally->sample || !count)
        return (unsigned)c->types;
    left = tally->turn++ % count;
    for (unsigned t = 0;; t++)
        if (had >> t & 1 && left-- == 0)
            return 1u << t;
}

void
graph_run_case(graph_tally *tally, const graph_case *c)
{
    for (const char *at = c->ops; *at;) {
        size_t length = strcspn(at, " ");
        unsigned types;
        char op[64];

        snprintf(op, sizeof op, "%.*s", (int)length, at);
        at += length + (at[length] == ' ');
        types = is_wanted(tally, c, op) ? wanted_types(tally, c) : 0;
        for (int t = 0; t < TN_DTYPE_COUNT; t++)
            if (types >> t & 1)
                run_one(tally, c, op, (tn_dtype)t);
        if (!strstr(c->body, "$O"))
            return;
    }
}
