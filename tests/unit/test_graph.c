/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/graph/build.h"

#include <math.h>

#include "tests/support/graph_fixture.h"
#include "tests/support/test.h"

static tn_value *
map1(tn_fixture *f, tn_opcode code, tn_value *x)
{
    tn_op *op = tn_fixture_op(f, code, 1, x);

    TN_CHECK(tn_op_infer(op, &f->diag) == TN_OK);
    return op->out[0];
}

static int
uses(const tn_value *v)
{
    return (int)v->uses.count;
}

static void
links(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "f32[B]");
    tn_value *a = map1(f, TN_OP_neg, x);
    tn_value *b = map1(f, TN_OP_exp, a);
    tn_value *c = map1(f, TN_OP_log, a);
    tn_output out = {.name = "y"};

    tn_push(f->arena, &f->g->outputs, out);
    tn_block_result(f->g->block, a);
    TN_CHECK_EQ(uses(x), 1);
    TN_CHECK_EQ(uses(a), 3);
    TN_CHECK(a->uses.at[0].op == b->def && a->uses.at[1].op == c->def);
    TN_CHECK(a->uses.at[2].op == NULL && a->uses.at[2].block == f->g->block);
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_OK);

    tn_value_replace(a, x);
    TN_CHECK_EQ(uses(a), 0);
    TN_CHECK_EQ(uses(x), 4);
    TN_CHECK(b->def->in[0] == x && f->g->block->results.at[0] == x);
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_OK);

    tn_op_remove(a->def);
    TN_CHECK_EQ(uses(x), 3);
    TN_CHECK(f->g->block->first == b->def && f->g->block->last == c->def);
    tn_op_move_before(c->def, b->def);
    TN_CHECK(f->g->block->first == c->def && f->g->block->last == b->def);
    tn_op_set_in(b->def, 0, c);
    TN_CHECK_EQ(uses(c), 1);
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_OK);
}

static void
leaves(tn_fixture *f)
{
    tn_weight w = {.name = "w", .type = tn_fixture_type(f, "f32[2]")};
    tn_state s = {.name = "s"};

    TN_CHECK(tn_graph_weight(f->g, &w) == tn_graph_weight(f->g, &w));
    TN_CHECK(tn_graph_state(f->g, &s, w.type) == tn_graph_state(f->g, &s, w.type));
    TN_CHECK_EQ(f->g->weight_values.count, 1);
}

/* Removing a loop takes back what its body uses. */
static void
bodies(tn_fixture *f)
{
    tn_value *d = tn_fixture_input(f, "d", "f32[B]");
    tn_value *k = tn_fixture_input(f, "k", "f32[]");
    tn_op *scan = tn_fixture_op(f, TN_OP_scan, 1, d);
    tn_op *inner;

    tn_fixture_attrs(f, scan, "carries=1 count=T");
    TN_NEED(tn_op_open_bodies(scan, &f->diag) == TN_OK);
    inner = tn_op_create(scan->body[0], NULL, TN_OP_mul,
        (tn_value *[]){scan->body[0]->params.at[0], k}, 2);
    TN_NEED(tn_op_infer(inner, &f->diag) == TN_OK);
    tn_block_result(scan->body[0], inner->out[0]);
    TN_CHECK_STR(tn_fixture_infer(f, scan), "f32[B]");
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_OK);
    TN_CHECK_EQ(uses(k), 1);
    tn_op_remove(scan);
    TN_CHECK_EQ(uses(k), 0);
    TN_CHECK_EQ(uses(d), 0);
    TN_CHECK(f->g->block->first == NULL && f->g->block->last == NULL);
}

static void
broken(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "f32[B]");
    tn_value *a = map1(f, TN_OP_neg, x);
    tn_value *b = map1(f, TN_OP_exp, a);

    tn_op_move_before(b->def, a->def);
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_BUG);
    tn_op_move_before(a->def, b->def);
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_OK);

    a->type.dtype = TN_F64;
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_BUG);
    a->type.dtype = TN_F32;
    b->def->in[0] = x;
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_BUG);
    b->def->in[0] = a;
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_OK);
    a->def->prev = b->def;
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_BUG);
    a->def->prev = NULL;
    tn_block_result(f->g->block, b);
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_BUG); /* no output of that number */
}

static void
attributes(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "f32[B,4]");
    tn_value *at = tn_fixture_input(f, "at", "i32[]");
    tn_op *op = tn_fixture_op(f, TN_OP_slice, 1, x);
    tn_op *soft = tn_fixture_op(f, TN_OP_hard_sigmoid, 1, x);

    TN_CHECK(!tn_op_has(op, TN_ATTR_slice_axis));
    TN_CHECK(tn_op_has(op, TN_ATTR_slice_step) && !tn_op_attr(op, TN_ATTR_slice_step)->given);
    TN_CHECK_EQ(tn_op_int(op, TN_ATTR_slice_step), 1);
    tn_op_set_place(op, TN_ATTR_slice_start, at);
    TN_CHECK_EQ(op->in_count, 2);
    TN_CHECK_EQ(tn_op_attr(op, TN_ATTR_slice_start)->operand, 1);
    TN_CHECK_EQ(uses(at), 1);
    TN_CHECK_NEAR(soft->attr[TN_ATTR_hard_sigmoid_alpha].numbers[0].real, 1.0 / 6, 1e-16);
    TN_CHECK_EQ(soft->attr[TN_ATTR_hard_sigmoid_alpha].numbers[0].den, 6);
}

static void
literals(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "bf16[4]");
    tn_value *n = tn_fixture_input(f, "n", "u8[4]");
    tn_value *one = tn_graph_literal(f->g, TN_F32, tn_number_int(1));
    tn_op *op = tn_fixture_op(f, TN_OP_add, 2, one, x);

    TN_CHECK(tn_op_literal_dtype(op, 0) == TN_BF16);
    op = tn_fixture_op(f, TN_OP_where, 3, NULL, one, n);
    TN_CHECK(tn_op_literal_dtype(op, 0) == TN_BOOL);
    TN_CHECK(tn_op_literal_dtype(op, 1) == TN_U8);
    op = tn_fixture_op(f, TN_OP_gather, 2, x, one);
    TN_CHECK(tn_op_literal_dtype(op, 1) == TN_I32);
    op = tn_fixture_op(f, TN_OP_quantize, 3, x, one, one);
    TN_CHECK(tn_op_literal_dtype(op, 1) == TN_BF16);
    TN_CHECK(tn_op_literal_dtype(op, 2) == TN_DTYPE_COUNT);
    tn_op_set_dtype(op, TN_ATTR_quantize_to, TN_U8);
    TN_CHECK(tn_op_literal_dtype(op, 2) == TN_U8);
    op = tn_fixture_op(f, TN_OP_dequantize, 3, n, one, one);
    TN_CHECK(tn_op_literal_dtype(op, 1) == TN_F32);
    TN_CHECK(tn_op_literal_dtype(op, 2) == TN_U8);
    op = tn_fixture_op(f, TN_OP_random_bits, 1, one);
    TN_CHECK(tn_op_literal_dtype(op, 0) == TN_I64);
    op = tn_fixture_op(f, TN_OP_exp, 1, one);
    TN_CHECK(tn_op_literal_dtype(op, 0) == TN_DTYPE_COUNT);
}

static void
builders(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "f16[B,4]");
    tn_build b = {.block = f->g->block, .path = "nodes[0]"};
    int64_t last = 1;
    tn_value *wide = tn_build_cast(&b, x, TN_F32);
    tn_value *sum, *y;

    TN_CHECK(tn_build_cast(&b, wide, TN_F32) == wide);
    sum = tn_build_reduce(&b, TN_OP_reduce_sum, wide, &last, 1, true);
    y = tn_build_map2(&b, TN_OP_div, wide, sum);
    TN_CHECK_EQ(y->type.rank, 2);
    TN_CHECK_STR(y->def->path, "nodes[0]");
    y = tn_build_contract(&b, wide, wide, "bi,bj->ij", TN_DTYPE_COUNT);
    TN_CHECK_EQ(y->type.rank, 2);
    b = tn_build_before(y->def);
    y = tn_build_slice(&b, x, 1, tn_fixture_size(f, "1"), tn_fixture_size(f, "2"));
    TN_CHECK(y->def->next->code == TN_OP_contract);
    TN_CHECK_EQ(tn_graph_verify(f->g, &f->diag), TN_OK);
}

static bool
fits(tn_number n, tn_dtype dtype)
{
    return tn_number_fits(&n, dtype, NULL);
}

TN_TEST(numbers_fit_types)
{
    tn_number truth = {.kind = TN_NUMBER_BOOL, .num = 1, .den = 1, .real = 1};
    tn_number third = {.kind = TN_NUMBER_RATIONAL, .num = 1, .den = 3, .real = 1.0 / 3};

    TN_CHECK(fits(tn_number_int(127), TN_I8) && !fits(tn_number_int(128), TN_I8));
    TN_CHECK(fits(tn_number_int(-128), TN_I8) && !fits(tn_number_int(-1), TN_U32));
    TN_CHECK(fits(tn_number_int(4294967295), TN_U32) && !fits(tn_number_int(4294967296), TN_U32));
    TN_CHECK(fits(tn_number_real(3), TN_I32) && fits(tn_number_real(-0.0), TN_I32));
    TN_CHECK(!fits(tn_number_real(0.5), TN_I32) && !fits(tn_number_real(INFINITY), TN_I64));
    TN_CHECK(!fits(tn_number_real(NAN), TN_I64) && !fits(tn_number_real(1e19), TN_I64));
    TN_CHECK(!fits(third, TN_I32) && fits(third, TN_F16));
    TN_CHECK(fits(tn_number_real(INFINITY), TN_F16) && fits(tn_number_real(NAN), TN_F16));
    TN_CHECK(fits(tn_number_real(65519), TN_F16) && !fits(tn_number_real(65520), TN_F16));
    TN_CHECK(fits(truth, TN_BOOL) && !fits(truth, TN_F32));
    TN_CHECK(!fits(tn_number_int(1), TN_BOOL));
}

TN_TEST(labels_are_numbered_by_occurrence)
{
    const int ranks[] = {4, 2};
    tn_label_map m;
    char why[TN_LABELS_WHY];

    TN_NEED(tn_labels_parse("...h,fh->...f", 2, ranks, true, &m, why));
    TN_CHECK_EQ(m.label_count, 5);
    TN_CHECK(m.dots[0] && m.dots[2] && !m.dots[3] && !m.dots[4]);
    TN_CHECK(m.axis[0][3] == 3 && m.axis[1][0] == 4 && m.axis[1][1] == 3);
    TN_CHECK(m.out_rank == 4 && m.out[0] == 0 && m.out[3] == 4);
    TN_NEED(tn_labels_parse(NULL, 2, ranks, false, &m, why));
    TN_CHECK(m.out_rank == 4 && m.axis[1][0] == 2 && m.axis[1][1] == 3);
    TN_CHECK(!tn_labels_parse("abcd,ab", 2, ranks, false, &m, why));
    TN_CHECK_STR(why, "expected one group of letters for each operand, then \"->\"");
    TN_CHECK(!tn_labels_parse("abcd,ab->abcx", 2, ranks, false, &m, why));
    TN_CHECK_STR(why, "\"x\" is in the result only");
    TN_CHECK(!tn_labels_parse("ab...,ab->ab", 2, ranks, false, &m, why));
    TN_CHECK(!tn_labels_parse("...ab,ab->ab", 2, ranks, true, &m, why));
    TN_CHECK_STR(why, "\"...\" is not in the result and cannot be summed");
    TN_CHECK(tn_labels_parse("abcd,->dcba", 2, (const int[]){4, 0}, false, &m, why));
    TN_CHECK(m.out[0] == 3 && m.rank[1] == 0);
}

TN_TEST(uses_follow_every_change)
{
    TN_CHECK_EQ(tn_fixture_run(links), TN_OK);
}
TN_TEST(one_value_a_weight)
{
    TN_CHECK_EQ(tn_fixture_run(leaves), TN_OK);
}
TN_TEST(loops_can_be_removed)
{
    TN_CHECK_EQ(tn_fixture_run(bodies), TN_OK);
}
TN_TEST(verify_finds_what_is_broken)
{
    TN_CHECK_EQ(tn_fixture_run(broken), TN_OK);
}
TN_TEST(attributes_have_fallbacks)
{
    TN_CHECK_EQ(tn_fixture_run(attributes), TN_OK);
}
TN_TEST(literals_take_the_type_beside_them)
{
    TN_CHECK_EQ(tn_fixture_run(literals), TN_OK);
}
TN_TEST(builders_infer_at_once)
{
    TN_CHECK_EQ(tn_fixture_run(builders), TN_OK);
}

TN_MAIN(TN_CASE(uses_follow_every_change), TN_CASE(one_value_a_weight),
    TN_CASE(loops_can_be_removed), TN_CASE(verify_finds_what_is_broken),
    TN_CASE(attributes_have_fallbacks), TN_CASE(literals_take_the_type_beside_them),
    TN_CASE(builders_infer_at_once), TN_CASE(numbers_fit_types),
    TN_CASE(labels_are_numbered_by_occurrence))
