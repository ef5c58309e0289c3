/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/graph/infer.h"

#include "tests/support/graph_fixture.h"
#include "tests/support/test.h"

#define TRY(want, code, attrs, ...) \
    TN_CHECK_STR(tn_fixture_try(f, TN_OP_##code, attrs, __VA_ARGS__), want)

static void
maps(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "f32[B,T,3]");
    tn_value *row = tn_fixture_input(f, "row", "f32[3]");
    tn_value *one = tn_fixture_input(f, "one", "f32[B,1,3]");
    tn_value *sym = tn_fixture_input(f, "sym", "f32[B,C,3]");
    tn_value *half = tn_fixture_input(f, "half", "f16[3]");
    tn_value *n = tn_fixture_input(f, "n", "i32[3]");
    tn_value *c = tn_fixture_input(f, "c", "bool[T,1]");
    tn_value *lit = tn_graph_literal(f->g, TN_F32, tn_number_int(2));

    TRY("f32[B,T,3]", neg, "", 1, x);
    TRY("f32[B,T,3]", add, "", 2, x, row);
    TRY("f32[B,T,3]", add, "", 2, one, x);
    TRY("f32[B,T,3]", mul, "", 2, lit, x);
    TRY("bool[B,T,3]", less, "", 2, x, row);
    TRY("bool[B,T,3]", is_nan, "", 1, x);
    TRY("f32[B,T,3]", where, "", 3, c, x, lit);
    TRY("i32[3]", bit_not, "", 1, n);
    TRY("bool[T,1]", and, "", 2, c, c);
    TRY("i64[B,T,3]", cast, "to=i64", 1, x);
    TRY("i32[B,T,3]", bitcast, "to=i32", 1, x);
    TRY("f32[B,T,3]", relu, "", 1, x);
    TRY("nodes[12]: add: [B,T,3] meets [B,C,3]: axis -2 is T against C (a symbol never stretches)",
        add, "", 2, x, sym);
    TRY("nodes[13]: add: x is f16, y is f32; write a cast", add, "", 2, half, row);
    TRY("nodes[14].in.x: sin takes f64, f32, f16, bf16, found i32[3]", sin, "", 1, n);
    TRY("nodes[15].in.y: add needs y", add, "", 1, x);
    TRY("nodes[16].attrs.to: cast needs to", cast, "", 1, x);
    TRY("nodes[17].attrs.to: i8 has not the width of f32", bitcast, "to=i8", 1, x);
    TRY("nodes[18].attrs.approximate: expected one of: none tanh; found \"tan\"", gelu,
        "approximate=tan", 1, x);
}

static void
labels(tn_fixture *f)
{
    tn_value *d = tn_fixture_input(f, "d", "f32[B,3]");
    tn_value *A = tn_fixture_input(f, "A", "f32[3,3]");
    tn_value *x = tn_fixture_input(f, "x", "bf16[B,T,C,3]");
    tn_value *w = tn_fixture_input(f, "w", "bf16[7,3]");
    tn_value *one = tn_fixture_input(f, "one", "f32[1,3]");

    TRY("f32[B,3,3]", add, "labels=bi,ij->bij", 2, d, A);
    TRY("f32[3,3,B]", add, "labels=bi,ij->ijb", 2, d, A);
    TRY("bf16[B,T,C,7]", contract, "labels=...h,fh->...f", 2, x, w);
    TRY("f32[7,C,T,B]", contract, "labels=btch,fh->fctb dtype=f32", 2, x, w);
    TRY("f32[3]", contract, "labels=bi,bi->i", 2, d, d);
    TRY("f32[]", contract, "labels=bi,bi->", 2, d, d);
    TRY("nodes[6].attrs.labels: \"bi,ij->bj\": \"i\" is not in the result", add, "labels=bi,ij->bj",
        2, d, A);
    TRY("nodes[7].attrs.labels: \"bi,jk->bjk\": \"i\" is in one operand only and not in the "
        "result; a summed label is in both. Write reduce_sum if you mean it",
        contract, "labels=bi,jk->bjk", 2, d, A);
    TRY("nodes[8].attrs.labels: \"bii,ij->bj\": \"i\" stands twice in one group", contract,
        "labels=bii,ij->bj", 2, d, A);
    TRY("nodes[9].attrs.labels: \"b,ij->bij\": operand 1 has 2 axes, its group names 1", contract,
        "labels=b,ij->bij", 2, d, A);
    TRY("nodes[10]: add: axis 0 of y, which is f32[1,3], has the label of an axis that is B "
        "(under a letter nothing stretches)",
        add, "labels=bi,bi->bi", 2, d, one);
    TRY("f32[B,3]", add, "labels=...i,...i->...i", 2, d, one);
    TRY("nodes[12].attrs.dtype: f16 is not wider than bf16, the type of the operands", contract,
        "labels=btch,fh->fctb dtype=f16", 2, x, w);
    TRY("nodes[13].attrs.activation: q8 needs exactly one summed label, found 2", contract,
        "labels=bi,bi-> activation=q8", 2, d, d);
    TRY("f32[B,1]", linear, "", 2, d, one);
    TRY("nodes[15]: linear: x is f32, w is bf16; write a cast", linear, "", 2, A, w);
    TRY("nodes[16]: linear: bias is f32[2], it must be [B]", linear, "", 3, one, d,
        tn_fixture_input(f, "v", "f32[2]"));
    TRY("nodes[17]: linear: x is f32[2], w is f32[B,3]; the last axes must agree (w is [out,in])",
        linear, "", 2, tn_fixture_input(f, "u", "f32[2]"), d);
}

static void
views(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "f32[B,T,6]");
    tn_value *at = tn_fixture_input(f, "at", "i32[]");
    tn_op *op;

    TRY("f32[B*T,2,3]", reshape, "to=[B*T,2,3]", 1, x);
    TRY("nodes[1].attrs.to: f32[B,T,6] has 6*B*T elements, [B,T,2,2] has 4*B*T; they are not "
        "provably equal",
        reshape, "to=[B,T,2,2]", 1, x);
    TRY("f32[6,B,T]", transpose, "perm=[-1,0,1]", 1, x);
    TRY("nodes[3].attrs.perm: axis 0 stands twice", transpose, "perm=[0,0,1]", 1, x);
    TRY("f32[1,B,T,6,1]", unsqueeze, "axes=[-1,0]", 1, x);
    TRY("nodes[5].attrs.axes: axis 0 of x is B, not a written 1", squeeze, "axes=[0]", 1, x);
    TRY("f32[T,B,T,6]", broadcast, "to=[T,B,T,6]", 1, x);
    TRY("f32[B,T,2]", slice, "axis=-1 start=-2 size=2", 1, x);
    TN_CHECK_EQ(f->g->facts.count, 0);
    TRY("nodes[8].attrs.size: 8 exceeds axis 2 of x, which is 6", slice, "axis=2 start=4 size=4", 1,
        x);
    TRY("f32[B,past,6]", slice, "axis=1 start=0 size=past", 1, x);
    TN_CHECK_EQ(f->g->facts.count, 1);
    TN_CHECK_STR(f->g->facts.at[0].what,
        "nodes[9].attrs.size: past exceeds axis 1 of x, which is T");
    TRY("f32[B,T]", index, "axis=2 at=-1", 1, x);
    TRY("nodes[11].attrs.at: 7 exceeds axis 2 of x, which is 6", index, "axis=2 at=6", 1, x);
    op = tn_fixture_op(f, TN_OP_index, 1, x);
    tn_fixture_attrs(f, op, "axis=1");
    tn_op_set_place(op, TN_ATTR_index_at, at);
    TN_CHECK_STR(tn_fixture_infer(f, op), "f32[B,6]");
    TRY("f32[B,T,2] f32[B,T,4]", split, "axis=2 sizes=[2,4]", 1, x);
    TRY("nodes[14].attrs.sizes: the sizes add up to 5, axis 2 of x is 6", split,
        "axis=2 sizes=[2,3]", 1, x);
    TRY("f32[B,2*T,6]", concat, "axis=1", 2, x, x);
    TRY("nodes[16]: concat: f32[B,T,6] and f32[]; all axes but 1 must be equal", concat, "axis=1",
        2, x, tn_graph_literal(f->g, TN_F32, tn_number_int(1)));
    TRY("f32[B,T+3,6]", pad, "axis=1 before=1 after=2", 1, x);
    TRY("f32[2*B,T,18]", tile, "repeats=[2,1,3]", 1, x);
    TRY("nodes[19].attrs.axis: there is no axis 3, the rank is 3", softmax, "axis=3", 1, x);
}

static void
reductions(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "bf16[B,T,6]");
    tn_value *b = tn_fixture_input(f, "b", "bool[B,T]");

    TRY("bf16[B]", reduce_sum, "axes=[-1,1]", 1, x);
    TRY("bf16[B,1,1]", reduce_max, "axes=[1,2] keepdims=true", 1, x);
    TRY("bf16[B,T,6]", reduce_mean, "axes=[]", 1, x);
    TRY("nodes[3].attrs.axes: axis 2 stands twice", reduce_sum, "axes=[2,-1]", 1, x);
    TRY("bool[T]", reduce_any, "axes=[0]", 1, b);
    TRY("i64[B,T,1]", arg_max, "axis=2 keepdims=true dtype=i64", 1, x);
    TN_CHECK_EQ(f->g->facts.count, 0);
    TRY("i32[B,6]", arg_min, "axis=1", 1, x);
    TN_CHECK_EQ(f->g->facts.count, 1);
    TRY("bf16[B,T,2] i32[B,T,2]", top_k, "k=2", 1, x);
    TRY("nodes[8].attrs.k: 7 exceeds axis 2 of x, which is 6", top_k, "k=7", 1, x);
    TRY("bf16[B,T,6] i64[B,T,6]", sort, "axis=1 dtype=i64", 1, x);
    TRY("bf16[B,T,6]", cum_sum, "axis=-2", 1, x);
}

static void
indices(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "f32[B,T,6]");
    tn_value *table = tn_fixture_input(f, "table", "f32[100,6]");
    tn_value *ids = tn_fixture_input(f, "ids", "i32[B,T]");
    tn_value *pos = tn_fixture_input(f, "pos", "i64[B,5,2]");
    tn_value *one = tn_fixture_input(f, "one", "i32[B,T,1]");
    tn_value *rows = tn_fixture_input(f, "rows", "i32[B]");
    tn_value *y = tn_fixture_input(f, "y", "f32[B,1,6]");
    tn_op *op;

    TRY("f32[B,T,6]", gather, "axis=0", 2, table, ids);
    TRY("f32[B,T]", gather, "axis=2 batch_dims=2", 2, x, ids);
    TRY("nodes[2].attrs.batch_dims: 1 is not possible for f32[100,6] and indices i32[B,T]", gather,
        "axis=0 batch_dims=1", 2, table, ids);
    TRY("f32[B,T,1]", gather_elements, "axis=2", 2, x, one);
    TRY("f32[B,5,6]", gather_nd, "", 2, x, pos);
    TRY("f32[B,5]", gather_nd, "batch_dims=1", 2, x, pos);
    TRY("nodes[6].in.indices: gather takes i64, i32, u32, found f32[100,6]", gather, "axis=0", 2, x,
        table);
    op = tn_fixture_op(f, TN_OP_update, 2, x, y);
    tn_fixture_attrs(f, op, "axis=1");
    tn_op_set_place(op, TN_ATTR_update_at, rows);
    TN_CHECK_STR(tn_fixture_infer(f, op), "f32[B,T,6]");
    TRY("f32[B,T,6]", update, "axis=1 at=past", 2, x, y);
    TRY("i32[8,3] i32[]", nonzero, "limit=8", 1, x);
    TRY("bf16[B,T,C]", one_hot, "depth=C dtype=bf16", 1, ids);
}

static void
makers(tn_fixture *f)
{
    tn_value *seed = tn_fixture_input(f, "seed", "i64[]");

    TRY("i32[2,2]", constant, "type=i32[2,2] data=[1,2,3,4]", 0);
    TRY("nodes[1].attrs.data: expected 4 numbers for i32[2,2], found 3", constant,
        "type=i32[2,2] data=[1,2,3]", 0);
    TRY("nodes[2].attrs.data: 0.5 stands beside i32 and is not a whole number", constant,
        "type=i32[1] data=[0.5]", 0);
    TRY("nodes[3].attrs.data: 300 stands beside u8 and is out of range", constant,
        "type=u8[1] data=[300]", 0);
    TRY("nodes[4].attrs.value: 1e39 stands beside f32 and is beyond the type's range", fill,
        "type=f32[1] value=1e+39", 0);
    TRY("f32[B,T]", fill, "type=f32[B,T] value=0.5", 0);
    TRY("nodes[6].attrs.value: 1 stands beside bool and is not true or false", fill,
        "type=bool[1] value=1", 0);
    TRY("i32[T+1]", iota, "start=past size=T+1", 0);
    TRY("f32[B]", random_normal, "type=f32[B]", 1, seed);
    TRY("nodes[9].attrs.type: expected f32 or f64, found i32[B]", random_normal, "type=i32[B]", 1,
        seed);
}

static void
layers(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "f16[B,T,4,8]");
    tn_value *w = tn_fixture_input(f, "w", "f16[8]");
    tn_value *first = tn_fixture_input(f, "first", "i32[]");
    tn_value *image = tn_fixture_input(f, "image", "f32[B,4,T,9]");
    tn_value *kernel = tn_fixture_input(f, "kernel", "f32[6,2,3,3]");
    tn_value *up = tn_fixture_input(f, "up", "f32[4,3,2,2]");
    tn_value *e = tn_fixture_input(f, "e", "f32[B,7,5]");
    tn_value *A = tn_fixture_input(f, "A", "f32[5,5]");

    TRY("f16[B,T,4,8]", rms_norm, "eps=1e-6", 2, x, w);
    TRY("nodes[1].attrs.eps: layer_norm needs eps", layer_norm, "", 2, x, w);
    TRY("f16[B,T,4,8]", rope, "", 2, x, first);
    TRY("nodes[3].attrs.dims: 3 components of 8 cannot turn in pairs", rope, "dims=3", 2, x, first);
    TRY("f32[B,6,floor(T/2-1/2)+1,5]", conv, "strides=2 padding=1 groups=2", 2, image, kernel);
    TRY("f32[B,3,2*T,18]", conv_transpose, "strides=2", 2, image, up);
    TRY("f32[B,4,T-1,8]", max_pool, "window=2 strides=1", 1, image);
    TRY("i32[B,7] f32[B]", viterbi, "", 2, e, A);
    TRY("f32[B,7,5]", crf_marginals, "", 2, e, A);
    TRY("i32[B,7,2] f32[B,7,2] f32[B,7,5]", route, "k=2", 1, e);
}

static void
control(tn_fixture *f)
{
    tn_value *d = tn_fixture_input(f, "d", "f32[B,3]");
    tn_value *e = tn_fixture_input(f, "e", "f32[B,T,3]");
    tn_op *scan = tn_fixture_op(f, TN_OP_scan, 2, d, e);
    tn_op *inner;
    tn_block *body;

    tn_fixture_attrs(f, scan, "carries=1 axis=1");
    TN_NEED(tn_op_open_bodies(scan, &f->diag) == TN_OK);
    body = scan->body[0];
    TN_NEED(body->params.count == 3);
    TN_CHECK_STR(tn_infer_type_text(&(tn_infer){.arena = f->arena, .sizes = f->sizes},
                     &body->params.at[1]->type),
        "f32[B,3]");
    inner = tn_op_create(body, NULL, TN_OP_add, body->params.at, 2);
    TN_NEED(tn_op_infer(inner, &f->diag) == TN_OK);
    tn_block_result(body, inner->out[0]);
    tn_block_result(body, inner->out[0]);
    TN_CHECK_STR(tn_fixture_infer(f, scan), "f32[B,3] f32[B,T,3]");
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_OK);
    tn_block_set_result(body, 0, body->params.at[2]);
    TN_CHECK_STR(tn_fixture_infer(f, scan),
        "nodes[0].carry[0]: the first value is f32[B,3], the "
        "next i32[]; carried types do not change");
}

TN_TEST(element_wise)
{
    TN_CHECK_EQ(tn_fixture_run(maps), TN_OK);
}
TN_TEST(labelled)
{
    TN_CHECK_EQ(tn_fixture_run(labels), TN_OK);
}
TN_TEST(moving)
{
    TN_CHECK_EQ(tn_fixture_run(views), TN_OK);
}
TN_TEST(reducing)
{
    TN_CHECK_EQ(tn_fixture_run(reductions), TN_OK);
}
TN_TEST(indexing)
{
    TN_CHECK_EQ(tn_fixture_run(indices), TN_OK);
}
TN_TEST(making)
{
    TN_CHECK_EQ(tn_fixture_run(makers), TN_OK);
}
TN_TEST(composites)
{
    TN_CHECK_EQ(tn_fixture_run(layers), TN_OK);
}
TN_TEST(bodies)
{
    TN_CHECK_EQ(tn_fixture_run(control), TN_OK);
}

TN_MAIN(TN_CASE(element_wise), TN_CASE(labelled), TN_CASE(moving), TN_CASE(reducing),
    TN_CASE(indexing), TN_CASE(making), TN_CASE(composites), TN_CASE(bodies))
