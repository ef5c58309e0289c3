/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/finding.h"

#include "ir/graph/expand.h"
#include "passes/lower/lower.h"
#include "tests/support/graph_fixture.h"
#include "tests/support/test.h"

static void
names_parts(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "f32[B,8]");
    tn_op *op = tn_fixture_op(f, TN_OP_softmax, 1, x);
    tn_findings list = {.arena = f->arena};
    int parts = 0;

    tn_fixture_attrs(f, op, "axis=1");
    TN_CHECK_STR(tn_fixture_infer(f, op), "f32[B,8]");
    op->out[0]->name = "h.p";
    tn_block_result(f->g->block, op->out[0]);
    TN_CHECK_STR(tn_node_name(op), "h.p");
    tn_graph_expand(f->g);
    for (op = f->g->block->first; op; op = op->next, parts++)
        TN_CHECK_STR(tn_node_name(op), "h.p");
    TN_CHECK(parts > 3);

    tn_op *two[] = {f->g->block->first, f->g->block->first->next};

    TN_CHECK(tn_found(NULL, "row", two, 2, "") == NULL);
    TN_CHECK(tn_found(&list, "row", two, 2, "axes=1") != NULL);
    TN_CHECK(list.at.at[0].nodes.count == 1); /* one node of two parts */
    TN_CHECK(list.at.at[0].ops.count == 2);
    tn_missed(&list, "row", two[0], "wanted", "found", "advice");
    TN_CHECK(!list.at.at[1].fused);
    TN_CHECK_STR(list.at.at[1].nodes.at[0], "h.p");
}

TN_TEST(names_parts_of_a_row_after_it)
{
    TN_CHECK(tn_fixture_run(names_parts) == TN_OK);
}

/* The kernel of the family wins over those that hold a part of it. */
static void
places(tn_fixture *f)
{
    tn_value *x = tn_fixture_input(f, "x", "f32[B]");
    tn_findings list = {.arena = f->arena};
    tn_lowered kernels[] = {{.family = "map"}, {.family = "row"}, {.family = "map"}};
    tn_lowered_list all = {.at = {kernels, 3, 3}};
    tn_op *ops[3];

    for (int i = 0; i < 3; i++) {
        ops[i] = tn_fixture_op(f, TN_OP_neg, 1, x);
        TN_CHECK_STR(tn_fixture_infer(f, ops[i]), "f32[B]");
        tn_push(f->arena, &kernels[i].ops, ops[i]);
    }
    (void)tn_found(&list, "row", ops, 3, "");
    (void)tn_found(&list, "none", &ops[2], 1, "");
    tn_missed(&list, "row", ops[2], "", "", "");
    tn_lower_place_findings(&list, &all);
    TN_CHECK(list.at.at[0].kernel == 1);
    TN_CHECK(list.at.at[1].kernel == 2);
    TN_CHECK(list.at.at[2].kernel == 0);
}

TN_TEST(finds_the_kernel_of_a_fusion)
{
    TN_CHECK(tn_fixture_run(places) == TN_OK);
}

TN_MAIN(TN_CASE(names_parts_of_a_row_after_it), TN_CASE(finds_the_kernel_of_a_fusion))
