/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "passes/clean.h"
#include "passes/dims.h"
#include "passes/lower/lower.h"
#include "passes/pass.h"
#include "runtime/compare.h"
#include "tests/support/rule_sample.h"
#include "tests/support/run_graph.h"
#include "tests/support/test.h"

/* For each row of rules.def: graphs that its pattern fits, and what the rule
 * makes of them, computed by the reference and by interpreted kernels. A row
 * without freedom gives the same bits, special values included; one with
 * freedom is within a bound for its type. */
enum { ROOM = 4000, DRAWS = 20000, SAMPLES = 60, ON_DEVICE = 6 };

typedef struct draw {
    const tn_rule *row;
    uint64_t noise;
    tn_arena *arena;
    char from[ROOM], to[ROOM];
    bool fits;
    const char *wrong; /* or NULL */
} draw;

/* ---- one draw ---- */

/* ---- what a row must lower ---- */

static int64_t
functions(const tn_graph *g)
{
    int64_t count = 0;

    for (const tn_op *op = g->block->first; op; op = op->next)
        count += op->code == TN_OP_pow ? 2
                                       : op->code == TN_OP_exp || op->code == TN_OP_log ||
                op->code == TN_OP_sqrt || op->code == TN_OP_recip;
    return count;
}

static int64_t
elements(const tn_type *t)
{
    static const int64_t symbols[] = {TN_SAMPLE_S, TN_SAMPLE_R};
    int64_t product = 1, n = 1;

    for (int i = 0; i < t->rank; i++)
        product *= tn_size_eval(t->dim[i], symbols, &n) ? n : 1;
    return product;
}

/* For each element what fns.def says, and something for each operation. */
static int64_t
cost(const tn_graph *g)
{
    int64_t sum = 0;

    for (const tn_op *op = g->block->first; op; op = op->next)
        if (op->code != TN_OP_fill)
            sum +=
                4 + 4 * tn_op_cost(op) * elements(&op->out[0]->type) + (op->code == TN_OP_reshape);
    return sum;
}

static int
contractions_above(const tn_value *v)
{
    int most = 0;

    if (v->kind != TN_VALUE_RESULT)
        return 0;
    for (int i = 0; i < v->def->in_count; i++) {
        int n = contractions_above(v->def->in[i]);

        most = n > most ? n : most;
    }
    return most + (v->def->code == TN_OP_contract);
}

static int
contractions_behind(const tn_value *v)
{
    int most = 0;

    for (uint32_t i = 0; i < v->uses.count; i++) {
        const tn_op *user = v->uses.at[i].op;
        int n = user ? contractions_behind(user->out[0]) + (user->code == TN_OP_contract) : 0;

        most = n > most ? n : most;
    }
    return most;
}

enum { MEASURES = 5 };

static void
take_measure(const tn_graph *g, int64_t measure[MEASURES])
{
    double number;

    measure[0] = functions(g);
    measure[1] = measure[2] = measure[3] = 0;
    measure[4] = cost(g);
    for (const tn_op *op = g->block->first; op; op = op->next) {
        if (op->code == TN_OP_div) {
            measure[1] += tn_uniform(op->in[1], &number);
            measure[2] += contractions_above(op->out[0]);
        }
        if (op->code == TN_OP_mul &&
            (tn_uniform(op->in[0], &number) || tn_uniform(op->in[1], &number)))
            measure[3] += contractions_behind(op->out[0]);
    }
}

static bool
falls(const int64_t *from, const int64_t *to)
{
    for (int i = 0; i < MEASURES; i++)
        if (from[i] != to[i])
            return to[i] < from[i];
    return false;
}

static bool
print(draw *d, const tn_graph *g, char *to)
{
    tn_text text = {.arena = d->arena};

    tn_graph_print(&text, g);
    if (strlen(text.at) >= ROOM)
        return false;
    memcpy(to, text.at, strlen(text.at) + 1);
    return true;
}

static tn_status
draw_one(void *arg)
{
    draw *d = arg;
    const tn_form_rule *rule = tn_rule_read(d->arena, d->row, NULL);
    tn_op *root = rule ? tn_rule_sample(d->arena, rule, &d->noise) : NULL;
    int64_t before[MEASURES], after[MEASURES];
    tn_graph *g;

    if (!root)
        return TN_OK;
    g = root->graph;
    (void)tn_clean_dead(g);
    take_measure(g, before);
    if (tn_graph_verify(g, NULL) != TN_OK || !print(d, g, d->from))
        return TN_BUG;
    d->fits = true;
    if (!tn_rule_apply(rule, root)) {
        d->to[0] = 0;
        d->wrong = "the replacement does not fit";
        return TN_OK;
    }
    (void)tn_clean_dead(g);
    if (!d->wrong && (tn_graph_verify(g, NULL) != TN_OK || !print(d, g, d->to)))
        d->wrong = "the replacement is no graph";
    take_measure(g, after);
    if (!d->wrong && !falls(before, after))
        d->wrong = "the replacement is not simpler than the pattern";
    return TN_OK;
}

static bool
draws(draw *d)
{
    tn_status status = TN_NO_MEMORY;

    d->fits = false;
    d->wrong = NULL;
    d->arena = tn_arena_create(tn_alloc_system(), 0);
    if (d->arena)
        status = tn_arena_guard(d->arena, draw_one, d);
    TN_CHECK_EQ(status, TN_OK);
    tn_arena_destroy(d->arena);
    return d->fits;
}

/* ---- values ---- */

typedef struct values {
    uint64_t noise;
    bool special;
} values;

static void
element(void *self, const tn_value *v, const tn_input *in, int64_t k, void *to)
{
    static const double odd[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1e-40, -1e-6, 6e4, -1.0, 1.0};
    values *x = self;
    uint64_t word;

    (void)in;
    (void)k;
    x->noise = x->noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    word = x->noise >> 33;
    if (!tn_is_float(v->type.dtype))
        tn_store_int(v->type.dtype, to,
            v->type.dtype == TN_BOOL ? (int64_t)(word & 1) : (int64_t)(word % 256) - 100);
    else if (x->special && word % 4 == 0)
        tn_store_double(v->type.dtype, to, odd[word / 4 % 10]);
    else
        tn_store_double(v->type.dtype, to, (double)word / 0x1p31 * 8 - 4);
}

/* Fills by name, so that both graphs have the same: noise starts anew. */
static bool
fill(tn_run_graph *run, uint64_t seed, bool special)
{
    values x = {seed, special};

    (void)tn_run_graph_symbol(run, "S", TN_SAMPLE_S);
    (void)tn_run_graph_symbol(run, "R", TN_SAMPLE_R);
    return tn_run_graph_fill(run, element, &x) == TN_OK;
}

static double
bound_of(tn_dtype t)
{
    return t == TN_F64 ? 1e-12 : t == TN_F32 ? 1e-6 : t == TN_F16 ? 4e-3 : 3e-2;
}

/* True if every element has the same bits, as numbers of `type`. */
static bool
same_bits(const tn_tensor *a, const tn_tensor *b)
{
    int64_t count = 0;

    if (a->dtype != b->dtype || a->rank != b->rank)
        return false;
    tn_tensor_elements(a, &count);
    for (int64_t i = 0; i < count; i++) {
        size_t step = (size_t)tn_dtype_bytes(a->dtype);
        const char *p = (const char *)a->data + (size_t)i * step;
        const char *q = (const char *)b->data + (size_t)i * step;

        if (memcmp(p, q, step) != 0 &&
            !(tn_is_float(a->dtype) && isnan(tn_load_double(a->dtype, p)) &&
                isnan(tn_load_double(b->dtype, q))))
            return false;
    }
    return true;
}

static bool
agree(const tn_rule *row, const tn_tensor *a, const tn_tensor *b, tn_dtype type)
{
    tn_tolerance t = {.given = true, .rel = bound_of(type), .abs = bound_of(type)};

    return row->freedom ? tn_compare(b, a, type, &t, NULL) : same_bits(a, b);
}

/* ---- comparing ---- */

typedef struct pair {
    tn_run_graph run[2];
} pair;

static bool
open_pair(pair *p, const draw *d)
{
    bool first = tn_run_graph_open(&p->run[0], d->from) == TN_OK;
    bool second = tn_run_graph_open(&p->run[1], d->to) == TN_OK;

    return first && second;
}

static void
close_pair(pair *p)
{
    tn_run_graph_close(&p->run[0]);
    tn_run_graph_close(&p->run[1]);
}

static bool
by_reference(pair *p, const draw *d)
{
    bool ok = true;

    for (int i = 0; i < 2; i++)
        ok = ok && fill(&p->run[i], d->noise, !d->row->freedom) &&
            tn_run_graph_want(&p->run[i]) == TN_OK;
    return ok &&
        agree(d->row, &p->run[0].wanted[0], &p->run[1].wanted[0],
            p->run[0].g->block->results.at[0]->type.dtype);
}

/* The order of a sum of floats is a kernel's choice. */
static bool
has_sums(const tn_graph *g)
{
    for (const tn_op *op = g->block->first; op; op = op->next)
        if ((op->code == TN_OP_contract || op->code == TN_OP_reduce_sum ||
                op->code == TN_OP_reduce_mean) &&
            tn_is_float(op->out[0]->type.dtype))
            return true;
    return false;
}

static bool
agree_on_device(const draw *d, const pair *p, const tn_tensor *a, const tn_tensor *b)
{
    if (d->row->freedom || has_sums(p->run[0].g))
        return tn_compare(b, a, a->dtype, NULL, NULL);
    return same_bits(a, b);
}

/* Interpreted kernels, no pass but those that must run. */
static bool
by_kernels(pair *p, const draw *d, tn_graph_device *device)
{
    tn_pass_set skip = tn_pass_optional(TN_STAGE_CLEAN) | tn_pass_optional(TN_STAGE_FUSE);
    tn_tensor got[2][TN_RUN_GRAPH_TENSORS] = {{{0}}};
    tn_graph_code code[2] = {{0}};
    bool ok = true;

    for (int i = 0; i < 2; i++)
        ok = ok && fill(&p->run[i], d->noise, !d->row->freedom) &&
            tn_run_graph_compile(&p->run[i], device, skip, &code[i]) == TN_OK &&
            tn_run_graph_on(&code[i], got[i]) == TN_OK;
    ok = ok && agree_on_device(d, p, &got[0][0], &got[1][0]);
    for (int i = 0; i < 2; i++) {
        tn_run_graph_free(&p->run[i], got[i]);
        tn_graph_code_close(&code[i]);
    }
    return ok;
}

/* How many of the samples differ; `found` is how many there were. */
static int
differences(const tn_rule *row, tn_graph_device *device, int *found, bool tell)
{
    static draw d;
    int wrong = 0;

    d = (draw){.row = row, .noise = 12345};
    *found = 0;
    for (int i = 0; i < DRAWS && *found < SAMPLES; i++) {
        pair p;
        bool same;

        if (!draws(&d))
            continue;
        same = !d.wrong;
        same = open_pair(&p, &d) && same && by_reference(&p, &d);
        if (same && *found < ON_DEVICE)
            same = by_kernels(&p, &d, device);
        for (int k = 0; k < 2 && !same && tell; k++)
            for (size_t n = 0; n < tn_diag_count(&p.run[k].diag); n++)
                tn_test_note("%s", tn_diag_text(&p.run[k].diag, n));
        close_pair(&p);
        if (!same && tell)
            tn_test_note("%s: %s\n%s%s", row->name, d.wrong ? d.wrong : "values", d.from, d.to);
        wrong += !same;
        ++*found;
    }
    return wrong;
}

TN_TEST(rows_give_what_they_replace)
{
    tn_graph_device device;
    int found;

    TN_NEED(tn_graph_device_open(&device, "interp"));
    for (int i = 0; i < tn_rule_count(); i++) {
        TN_CHECK_EQ(differences(tn_rule_at(i), &device, &found, true), 0);
        if (!TN_CHECK_EQ(found, SAMPLES))
            tn_test_note("%s: only %d draws fit", tn_rule_at(i)->name, found);
    }
    tn_graph_device_close(&device);
}

/* Rows that are wrong: each must be caught. */
TN_TEST(wrong_rows_are_caught)
{
    static const tn_rule wrong[] = {
        {"turned", "sub(x, y)", "", "neg(sub(x, y))", 0, ""},
        {"order", "transpose(transpose(x){perm=$p}){perm=$q}", "", "transpose(x){perm=$q}", 0, ""},
        {"minus_zero", "add(x, 0)", "", "x", 0, ""},
        {"rounded", "div(x, c)", "has_inverse(c)", "mul(x, @recip(c))", 0, ""},
        {"square", "pow(x, 3)", "", "mul(x, x)", TN_FREE_WIDER, ""},
        {"narrow", "cast(y:cast(x)){to=$u}", "", "cast(x){to=$u}", 0, ""},
        {"sign", "mul(sub(1, cast(c)), b)", "is_truth(c), is_number(b), is_real(b)",
            "where(c, 0, @number(b))", 0, ""},
        {"sums",
            "div(y:contract(e:exp(x), v){labels=$l}, "
            "s:reduce_sum(e){axes=$a, keepdims=true})",
            "", "contract(div(e, s), v){labels=$l}", TN_FREE_REORDER, ""},
    };
    tn_graph_device device;
    int found;

    TN_NEED(tn_graph_device_open(&device, "interp"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (!TN_CHECK(differences(&wrong[i], &device, &found, false) > 0))
            tn_test_note("%s passed in %d samples", wrong[i].name, found);
    tn_graph_device_close(&device);
}

typedef struct mistake {
    const tn_rule *row;
    tn_arena *arena;
} mistake;

static tn_status
read_wrong(void *arg)
{
    const mistake *m = arg;
    const char *why = NULL;

    TN_CHECK(tn_rule_read(m->arena, m->row, &why) == NULL);
    TN_CHECK(why && strstr(why, m->row->name));
    return TN_OK;
}

TN_TEST(mistakes_in_rows_are_told)
{
    static const tn_rule wrong[] = {
        {"unknown", "mull(x, 1)", "", "x", 0, ""},
        {"no_name", "mul(x, 1)", "", "y", 0, ""},
        {"no_test", "mul(x, 1)", "is_green(x)", "x", 0, ""},
        {"no_attribute", "exp(x){axis=$a}", "", "x", 0, ""},
        {"no_bracket", "mul(x, 1", "", "x", 0, ""},
        {"more", "mul(x, 1) x", "", "x", 0, ""},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mistake m = {&wrong[i], tn_arena_create(tn_alloc_system(), 0)};

        TN_NEED(m.arena != NULL);
        TN_CHECK_EQ(tn_arena_guard(m.arena, read_wrong, &m), TN_OK);
        tn_arena_destroy(m.arena);
    }
}

/* ---- what nearly applies ---- */

typedef struct nearly {
    const char *text, *node, *found; /* node NULL: nothing is told */
    bool relaxed;
    tn_arena *arena;
    tn_diag diag;
} nearly;

static tn_status
look_near(void *arg)
{
    nearly *n = arg;
    tn_module *module = tn_module_create(n->arena, "text");
    tn_findings list = {.arena = n->arena};
    tn_graph *g;

    TN_TRY(tn_graph_parse(module, &n->diag, "text", n->text, &g));
    tn_rules_near(g, n->relaxed, &list);
    if (!TN_CHECK_EQ(list.at.count, n->node != NULL) || !n->node)
        return TN_OK;
    TN_CHECK_STR(list.at.at[0].family, "rules");
    TN_CHECK_STR(list.at.at[0].nodes.at[0], n->node);
    TN_CHECK(!list.at.at[0].fused && list.at.at[0].predicate[0] && list.at.at[0].advice[0]);
    TN_CHECK(strstr(list.at.at[0].found, n->found) != NULL);
    return TN_OK;
}

static void
told(const char *text, bool relaxed, const char *node, const char *found)
{
    nearly n = {.text = text, .node = node, .found = found, .relaxed = relaxed};

    tn_diag_init(&n.diag, tn_alloc_system());
    n.arena = tn_arena_create(tn_alloc_system(), 0);
    TN_CHECK_EQ(tn_arena_guard(n.arena, look_near, &n), TN_OK);
    for (size_t i = 0; i < tn_diag_count(&n.diag); i++)
        tn_test_note("%s", tn_diag_text(&n.diag, i));
    tn_arena_destroy(n.arena);
    tn_diag_clear(&n.diag);
}

#define ROOT_OF(x)                                        \
    "graph main\n    input x: f32[4]\n    a: f32[4] = " x \
    "\n    b: f32[4] = pow a, 0.5\n    output b = b\n"
/* Weights of 4 queries and 4 keys; divided by a sum along `axis`. */
#define LAST_BY(axis)                                                                     \
    "graph main\n    input x: f32[4,4]\n    input v: f32[4,3]\n    e: f32[4,4] = exp x\n" \
    "    y: f32[4,3] = contract e, v {labels=\"ts,sd->td\"}\n" axis                       \
    "    z: f32[4,3] = div y, s\n    output z = z\n"

TN_TEST(near_misses_are_told)
{
    told(ROOT_OF("neg x"), true, "b", "pow_half");
    told(ROOT_OF("neg x"), false, NULL, NULL); /* --exact would not take it anyhow */
    told(ROOT_OF("exp x"), true, NULL, NULL);  /* applies */
    told(LAST_BY("    s: f32[4,1] = reduce_sum e {axes=[1], keepdims=true}\n"), true, NULL, NULL);
    told("graph main\n    input x: f32[3,3]\n    input v: f32[3,3]\n    e: f32[3,3] = exp x\n"
         "    y: f32[3,3] = contract e, v {labels=\"ts,sd->td\"}\n"
         "    s: f32[1,3] = reduce_sum e {axes=[0], keepdims=true}\n"
         "    z: f32[3,3] = div y, s\n    output z = z\n",
        true, "z", "divided_last");
}

/* ---- freedom ---- */

typedef struct lowered {
    bool exact;
    tn_arena *arena;
    tn_diag diag;
    const char *tile;
} lowered;

static tn_status
lower(void *arg)
{
    lowered *l = arg;
    tn_module *module = tn_module_create(l->arena, "text");
    tn_lower_options options = {.exact = l->exact};
    tn_text text = {.arena = l->arena};
    tn_lowered_list list;
    tn_graph *g;

    TN_TRY(tn_graph_parse(module, &l->diag, "text",
        "graph main\n    input x: f32[4]\n    a: f32[4] = div x, 3\n    b: f32[4] = div a, 4\n"
        "    output b = b\n",
        &g));
    TN_TRY(tn_lower_graph(l->arena, &l->diag, g, &options, &list));
    for (uint32_t i = 0; i < list.at.count; i++)
        tn_tile_print(&text, list.at.at[i].tile);
    l->tile = text.at;
    return TN_OK;
}

/* By 4 is exact, by 3 is not; the two quotients are one product. */
TN_TEST(exact_takes_no_freedom)
{
    for (int exact = 0; exact < 2; exact++) {
        lowered l = {.exact = exact};

        tn_diag_init(&l.diag, tn_alloc_system());
        l.arena = tn_arena_create(tn_alloc_system(), 0);
        if (TN_CHECK_EQ(tn_arena_guard(l.arena, lower, &l), TN_OK)) {
            TN_CHECK_EQ(strstr(l.tile, "div(") != NULL, exact);
            TN_CHECK(strstr(l.tile, exact ? "0.25" : "0.0833") != NULL);
        }
        tn_arena_destroy(l.arena);
        tn_diag_clear(&l.diag);
    }
}

TN_MAIN(TN_CASE(exact_takes_no_freedom), TN_CASE(near_misses_are_told),
    TN_CASE(rows_give_what_they_replace), TN_CASE(wrong_rows_are_caught),
    TN_CASE(mistakes_in_rows_are_told))
