/* SPDX-License-Identifier: Apache-2.0
 * Every row that has a decomposition equals it: the oracle evaluates the row
 * by its formula and the decomposition op by op. */
#include "ir/graph/expand.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/reference/reference.h"
#include "tests/support/test.h"

/* `%s` is the element type of what is drawn. */
typedef struct row {
    const char *shapes[6]; /* of x, y, .. */
    const char *line;      /* results u, v, w */
    double tolerance;      /* relative, for f64 and f32 */
} row;

/* Tags and score in one number. */
#define LENGTHS "l: i64[3] = constant {type=i64[3], data=[2,0,9]}\n"
#define PATH(operands)                                                        \
    "a, b = viterbi " operands "\nc = cast a {to=f64}\nd = cast b {to=f64}\n" \
    "e = unsqueeze d {axes=[1]}\nu = add c, e"

static const row rows[] = {
    {{"3,5"}, "u = relu x", 0},
    {{"3,5"}, "u = silu x", 0},
    {{"3,5"}, "u = softplus x", 0},
    {{"3,5"}, "u = mish x", 0},
    {{"3,5"}, "u = hard_swish x", 0},
    {{"3,5"}, "u = leaky_relu x {alpha=0.3}", 0},
    {{"3,5"}, "u = elu x {alpha=0.7}", 0},
    {{"3,5"}, "u = hard_sigmoid x {alpha=0.3, beta=0.4}", 0},
    {{"3,5", "5"}, "u = prelu x, y", 0},
    {{"3,5"}, "u = gelu x", 0},
    {{"3,5"}, "u = gelu x {approximate=\"tanh\"}", 0},
    {{"3,5", "3,5"}, "u = glu x, y", 0},
    {{"3,5", "3,5"}, "u = glu x, y {act=\"gelu_tanh\"}", 0},
    {{"3,5", "3,1"}, "u = glu x, y {act=\"relu\"}", 0},
    {{"3,5", "3,5"}, "u = glu x, y {act=\"sigmoid\"}", 0},
    {{"3,5", "3,5"}, "u = glu x, y {act=\"tanh\"}", 0},
    {{"3,5", "3,5"}, "u = glu x, y {act=\"gelu\"}", 0},
    {{"3,5,2"}, "u = softmax x {axis=1}", 0},
    {{"3,5,2"}, "u = log_softmax x {axis=-1}", 1e-11},
    {{"3,5,2"}, "u = reduce_logsumexp x {axes=[0,2]}", 1e-11},
    {{"3,5,2"}, "u = reduce_logsumexp x {axes=[1], keepdims=true}", 1e-11},
    {{"3,5,2"}, "u = reduce_var x {axes=[0,1]}", 0},
    {{"3,5,2"}, "u = reduce_var x {axes=[2], divisor=\"n-1\", keepdims=true}", 1e-11},
    {{"3,5,2"}, "u = reduce_std x {axes=[0,1,2], divisor=\"n-1\"}", 0},
    {{"2,3,4", "5,4"}, "u = linear x, y", 1e-11},
    {{"2,3,4", "5,4", "5"}, "u = linear x, y, z", 1e-11},
    {{"2,3,4", "5,4"}, "u = linear x, y {dtype=f64}", 1e-11},
    {{"2,3"}, "u = tile x {repeats=[2,3]}", 0},
    {{"3,5", "5", "5"}, "u = layer_norm x, y, z {eps=0.001}", 1e-11},
    {{"3,5", "5"}, "u = layer_norm x, y {eps=0.001}", 1e-11},
    {{"2,3,5", "5"}, "u = rms_norm x, y {eps=1e-6}", 1e-11},
    {{"2,4,3", "4", "4"}, "a = mul y, y\nu = batch_norm x, y, z, y, a {eps=0.01}", 1e-11},
    {{"3,70", "5,70"}, "u = contract x, y {labels=\"ik,jk->ij\", activation=\"q8\"}", 1e-2},
    {{"3,5", "5"}, "a = quantize x, y {axis=1, to=i8}\nu = cast a {to=f64}", 0},
    {{"3,5", "3,2"},
        "s = mul y, 1e-9\nz = cast x {to=i32}\nb = slice z {axis=1, size=2}\n"
        "a = quantize x, s, b {axis=1, block=3, to=i32}\nu = cast a {to=f64}",
        1e-6}, /* the quotient is rounded to f32 in the row alone */
    {{"3,5", "5"}, /* NaN is the zero point */
        "l = log x\ns = exp y\nz: i8[5] = constant {type=i8[5], data=[3,-7,1,5,9]}\n"
        "a = quantize l, s, z {axis=1, to=i8}\nu = cast a {to=f64}",
        0},
    {{"3,5", "5"}, /* beyond i64, and back in it */
        "m = mul x, 1.5e19\nf = mul y, 0\ns = add f, 1\nz: i64[5] = constant {type=i64[5], "
        "data=[-9000000000000000000,9000000000000000000,-7,5,-9000000000000000000]}\n"
        "a = quantize m, s, z {axis=1, to=i64}\nu = cast a {to=f64}",
        1e-6},
    {{"3,5", "3"},
        "a = mul x, 100\nc = cast a {to=u8}\nd = slice c {axis=1, size=1}\n"
        "e = squeeze d {axes=[1]}\nf = cast y {to=f32}\nu = dequantize c, f, e {axis=0}",
        0},
    {{"2,4,7", "6,4,3", "6"}, "u = conv x, y, z {padding=[1,2], strides=[2]}", 1e-11},
    {{"2,4,7", "6,2,3"}, "u = conv x, y {padding=[2], dilations=[2], groups=2}", 1e-11},
    {{"2,4,5,6", "4,1,3,2", "4"}, "u = conv x, y, z {padding=[1], groups=4}", 1e-11},
    {{"2,4,5,6", "3,4,2,3"}, "u = conv x, y {strides=[2,1], dilations=[1,2]}", 1e-11},
    {{"2,4,5", "4,3,4", "3"}, "u = conv_transpose x, y, z {strides=[2], padding=[1]}", 1e-11},
    {{"2,4,5", "4,3,5"}, "u = conv_transpose x, y {strides=[3], output_padding=[2]}", 1e-11},
    {{"2,4,5,3", "4,2,3,4"},
        "u = conv_transpose x, y {groups=2, strides=[1,2], dilations=[2,1], padding=[3,2,0,1]}",
        1e-11},
    {{"2,3,7"}, "u = max_pool x {window=[3], strides=[2], padding=[1,0]}", 0},
    {{"2,3,5,6"}, "u = max_pool x {window=[2,3], strides=[1,2], padding=[1]}", 0},
    {{"2,3,5,6"}, "u = avg_pool x {window=[2,3], strides=[1,2], padding=[1]}", 1e-11},
    {{"2,3,5,6"}, "u = avg_pool x {window=[2,3], strides=[2,2], padding=[1], count_padding=true}",
        1e-11},
    {{"2,4,3", "4", "4"}, "u = group_norm x, y, z {groups=2}", 1e-11},
    {{"2,4,3,2", "4", "4"}, "u = instance_norm x, y, z", 1e-11},
    {{"2,3,2,6"}, "u = rope x, 5", 1e-5},
    {{"2,3,2,6"}, "u = rope x, 5 {dims=4, pairing=\"interleaved\", theta=100}", 1e-5},
    {{"2,3,2,6"}, "i = iota {start=2, size=2}\nu = rope x, i {layout=\"bntd\"}", 1e-5},
    {{"2,3,4", "8,4", "8,2", "8", "2,2", "2,2"}, "u, v, w = lstm x, y, z, p, q, r", 1e-11},
    {{"2,3,4", "8,4", "8,2"}, "u, v, w = lstm x, y, z {reverse=true}", 1e-11},
    {{"2,3,4", "6,4", "6,2", "12", "2,2"}, "u, v = gru x, y, z, p, q", 1e-11},
    {{"2,3,4", "6,4", "6,2", "12", "2,2"}, "u, v = gru x, y, z, p, q {reset_after=false}", 1e-11},
    {{"2,3,4", "6,4", "6,2"}, "u, v = gru x, y, z {reverse=true}", 1e-11},
    {{"3,4,5", "5,5"}, PATH("x, y"), 0},
    {{"3,4,5", "5,5", "5", "5"}, LENGTHS PATH("x, y, l, z, p"), 0},
    {{"3,1,5", "5,5", "5", "5"}, LENGTHS PATH("x, y, _, z, p"), 0},
    {{"3,4,5", "5,5"}, "u = crf_partition x, y", 1e-11},
    {{"3,4,5", "5,5", "5", "5"}, LENGTHS "u = crf_partition x, y, l, z, p", 1e-11},
    {{"3,4,5", "5,5", "5", "5"}, "u = crf_partition x, y, _, z, p", 1e-11},
    {{"3,4,5", "5,5"}, "u = crf_marginals x, y", 1e-11},
    {{"3,4,5", "5,5", "5", "5"}, LENGTHS "u = crf_marginals x, y, l, z, p", 1e-11},
    {{"3,1,5", "5,5", "5", "5"}, "u = crf_marginals x, y, _, z, p", 1e-11},
    {{"3,8"}, "a, b, u = route x {k=2, norm=\"std\", lambda=2}", 1e-11},
    {{"3,8"}, "a, u, b = route x {k=2, norm=\"std\", divisor=\"n\"}", 1e-11},
    {{"2,3,8"}, "a, u, b = route x {k=3, select=\"before\", score=\"sigmoid\"}", 1e-11},
    {{"2,3,8", "8"}, "a, u, b = route x, y {k=3, score=\"sqrt_softplus\", eps=1, scale=3}", 1e-11},
    {{"3,8"}, "a, b, c = route x {k=4, groups=4, top_groups=2}\nu = cast a {to=f64}", 0},
    {{"3,8", "8"},
        "a, b, c = route x, y {k=3, groups=2, top_groups=1, group_score=\"top2\", renorm=false, "
        "score=\"none\"}\nu = cast a {to=f64}",
        0},
    {{"3,4", "5,6,4", "3,5", "5,4,6", "5,6,4"}, "i, m, g = route z {k=2}\nu = moe x, i, m, y, p, q",
        1e-11},
    {{"2,3,4", "5,6,4", "2,3,5", "5,4,6"},
        "i, m, g = route z {k=2}\nu = moe x, i, m, y, p {order=\"expert\", act=\"gelu\"}", 1e-11},
    {{"4,2", "3,5,2"}, "n = constant {type=i32[3], data=[1,0,2]}\nu = grouped_linear x, y, n",
        1e-11},
    {{"1"}, "u = random_uniform 11 {type=f32[3,5]}", 0},
    {{"1"}, "u = random_uniform -7 {type=f64[2,3]}", 0},
    {{"1"}, "u = random_normal 81985529216486895 {type=f32[40,50]}", 0},
    {{"1"}, "u = random_normal 3 {type=f64[7]}", 0},
    {{"5,7"}, "u = random_categorical x, 9 {temperature=0.5}", 0},
    {{"5,7"}, "u = random_categorical x, 9 {temperature=0}", 0},
};

typedef struct job {
    tn_arena *arena;
    tn_env env;
    const char *text;
    bool expand;
    tn_tensor out[3];
    uint32_t count;
    bool left; /* a row that should have been expanded is still there */
} job;

static bool
has_composite(const tn_block *b)
{
    for (const tn_op *op = b->first; op; op = op->next) {
        if (tn_op_expands(op->code))
            return true;
        for (int i = 0; i < op->body_count; i++) {
            if (has_composite(op->body[i]))
                return true;
        }
    }
    return false;
}

static tn_status
evaluate(void *arg)
{
    job *j = arg;
    tn_module *m = tn_module_create(j->arena, "expand");
    tn_reference_args args = {.outputs = j->out};
    tn_graph *g;

    TN_TRY(tn_graph_parse(m, j->env.diag, "expand", j->text, &g));
    if (j->expand)
        tn_graph_expand(g);
    j->left = has_composite(g->block);
    TN_TRY(tn_graph_verify(g, j->env.diag));
    TN_TRY(tn_reference_run(&j->env, g, &args));
    j->count = g->outputs.count;
    return TN_OK;
}

static tn_status
run(job *j, tn_diag *diag, const char *text, bool expand)
{
    tn_status status;

    *j = (job){.text = text,
        .expand = expand,
        .arena = tn_arena_create(tn_alloc_system(), 0),
        .env = {tn_alloc_system(), NULL, diag}};
    status = tn_arena_guard(j->arena, evaluate, j);
    tn_arena_destroy(j->arena);
    return status;
}

static void
free_outputs(job *j)
{
    for (uint32_t i = 0; i < j->count; i++)
        tn_tensor_free(j->env.alloc, &j->out[i]);
}

/* Halves round at the end: a last bit may differ. */
static bool
is_close(double a, double b, tn_dtype dtype, double tolerance)
{
    if (dtype == TN_F16 || dtype == TN_BF16)
        tolerance = 1e-2;
    else if (tolerance == 0)
        tolerance = 1e-13;
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= tolerance * (fabs(b) + 1e-3);
}

/* The reference gives floats as doubles, integers in their type. */
static double
value_at(const tn_tensor *t, int64_t k)
{
    switch (t->dtype) {
    case TN_I32: return ((const int32_t *)t->data)[k];
    case TN_I64: return (double)((const int64_t *)t->data)[k];
    case TN_BOOL:
    case TN_U8: return ((const uint8_t *)t->data)[k];
    case TN_I8: return ((const int8_t *)t->data)[k];
    default: return ((const double *)t->data)[k];
    }
}

static void
compare(const job *direct, const job *expanded, tn_dtype dtype, const char *line, double tolerance)
{
    for (uint32_t i = 0; i < direct->count; i++) {
        int64_t n = 0;

        tn_tensor_elements(&direct->out[i], &n);
        TN_CHECK(n > 0);
        for (int64_t k = 0; k < n; k++) {
            double a = value_at(&direct->out[i], k), b = value_at(&expanded->out[i], k);

            if (TN_CHECK(is_close(a, b, dtype, tolerance)))
                continue;
            tn_test_note("%s: %s: output %u, element %lld: %.17g by its formula, %.17g expanded",
                tn_dtype_name(dtype), line, i, (long long)k, a, b);
            return;
        }
    }
}

static void
write_graph(char *text, size_t room, const row *r, tn_dtype dtype)
{
    static const char names[] = "xyzpqr";
    const char *type = tn_dtype_name(dtype);
    size_t used = (size_t)snprintf(text, room, "graph g\n");

    for (int i = 0; i < 6 && r->shapes[i]; i++)
        used += (size_t)snprintf(text + used, room - used,
            "s%c: i64[] = fill {type=i64[], value=%d}\n"
            "n%c = random_normal s%c {type=f32[%s]}\n"
            "%c = cast n%c {to=%s}\n",
            names[i], 7 + i, names[i], names[i], r->shapes[i], names[i], names[i], type);
    used += (size_t)snprintf(text + used, room - used, "%s\noutput u = u\n", r->line);
    if (strstr(r->line, "v"))
        used += (size_t)snprintf(text + used, room - used, "%s",
            strncmp(r->line, "u, v", 4) == 0 ? "output v = v\n" : "");
    if (strncmp(r->line, "u, v, w", 7) == 0)
        snprintf(text + used, room - used, "output w = w\n");
}

static void
check_row(const row *r, tn_dtype dtype)
{
    char text[2000];
    tn_diag diag;
    job direct, expanded;
    bool ran;

    write_graph(text, sizeof text, r, dtype);
    tn_diag_init(&diag, tn_alloc_system());
    ran = run(&direct, &diag, text, false) == TN_OK;
    ran = run(&expanded, &diag, text, true) == TN_OK && ran;
    if (TN_CHECK(ran)) {
        TN_CHECK(direct.left && !expanded.left);
        compare(&direct, &expanded, dtype, r->line, r->tolerance);
    } else {
        tn_test_note("%s: %s: %s", tn_dtype_name(dtype), r->line,
            tn_diag_count(&diag) ? tn_diag_text(&diag, 0) : "");
    }
    free_outputs(&direct);
    free_outputs(&expanded);
    tn_diag_clear(&diag);
}

TN_TEST(rows_are_their_decompositions)
{
    static const tn_dtype dtypes[] = {TN_F64, TN_F32, TN_F16, TN_BF16};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t k = 0; k < 4; k++)
            check_row(&rows[i], dtypes[k]);
    }
}

/* Corners: what is left of a row that holds infinities and NaN. */
TN_TEST(corners_too)
{
    static const char *const lines[] = {"u = softmax x {axis=1}", "u = log_softmax x {axis=1}",
        "u = reduce_logsumexp x {axes=[1]}", "u = silu x", "u = softplus x", "u = relu x",
        "u = elu x", "u = gelu x", "u = hard_swish x", "u = reduce_var x {axes=[1]}"};
    char text[1000];

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        tn_diag diag;
        job direct, expanded;

        snprintf(text, sizeof text,
            "graph g\nx: f64[5,3] = constant {type=f64[5,3],"
            " data=[-inf,-inf,-inf,inf,0,1,nan,0,1,-inf,0,1,-0.0,0,1000]}\n%s\noutput u = u\n",
            lines[i]);
        tn_diag_init(&diag, tn_alloc_system());
        TN_CHECK_EQ(run(&direct, &diag, text, false), TN_OK);
        TN_CHECK_EQ(run(&expanded, &diag, text, true), TN_OK);
        compare(&direct, &expanded, TN_F64, lines[i], 1e-12);
        free_outputs(&direct);
        free_outputs(&expanded);
        tn_diag_clear(&diag);
    }
}

/* A new row with a decomposition cannot be forgotten here. */
TN_TEST(every_row_is_compared)
{
    for (int code = 0; code < TN_OP_COUNT; code++) {
        char word[64];
        bool found = !tn_op_expands((tn_opcode)code);

        snprintf(word, sizeof word, "= %s ", tn_op_info_of((tn_opcode)code)->name);
        for (size_t i = 0; !found && i < sizeof rows / sizeof *rows; i++)
            found = strstr(rows[i].line, word) != NULL;
        if (!TN_CHECK(found))
            tn_test_note("no line for%s", word + 1);
    }
}

TN_MAIN(TN_CASE(rows_are_their_decompositions), TN_CASE(corners_too),
    TN_CASE(every_row_is_compared))
