/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/graph/op.h"

#include <string.h>

#include "tests/support/test.h"

TN_TEST(finds_rows_by_name)
{
    TN_CHECK(tn_op_find("softmax") == TN_OP_softmax);
    TN_CHECK(tn_op_find("if") == TN_OP_if);
    TN_CHECK(tn_op_find("softmx") == TN_OP_COUNT);
    TN_CHECK(tn_op_find_in(TN_OP_linear, "bias") == TN_IN_linear_bias);
    TN_CHECK(tn_op_find_in(TN_OP_linear, "b") == -1);
    TN_CHECK(tn_op_find_attr(TN_OP_slice, "step") == TN_ATTR_slice_step);
    TN_CHECK(tn_op_find_attr(TN_OP_slice, "steps") == -1);
}

TN_TEST(entries_stand_under_their_own_row)
{
    const tn_op_info *slice = tn_op_info_of(TN_OP_slice);
    const tn_op_info *fill = tn_op_info_of(TN_OP_fill);

    TN_CHECK(slice->in_count == 1 && slice->attr_count == 4);
    TN_CHECK(strcmp(slice->attr[TN_ATTR_slice_size].name, "size") == 0);
    TN_CHECK(slice->attr[TN_ATTR_slice_start].kind == TN_KIND_PLACE);
    TN_CHECK(fill->in_count == 0 && fill->attr_count == 2);
    TN_CHECK(strcmp(fill->attr[0].name, "type") == 0);
    TN_CHECK(tn_op_info_of(TN_OP_crf_marginals)->in_count == 5);
    TN_CHECK(tn_op_info_of(TN_OP_gather)->in[1].classes == (TN_CLASS_INDEX | TN_CLASS_OWN));
}

TN_TEST(the_tail_of_a_list_has_the_last_entry)
{
    TN_CHECK(tn_op_in_info(TN_OP_concat, 7) == tn_op_in_info(TN_OP_concat, 0));
    TN_CHECK(tn_op_in_info(TN_OP_add, 2) == NULL);
}

/* No op has an operand and an attribute of one name, so that an operand may
 * stand among the attributes; a required attribute has no other mark. */
TN_TEST(names_in_a_row_are_distinct)
{
    for (int code = 0; code < TN_OP_COUNT; code++) {
        const tn_op_info *info = tn_op_info_of((tn_opcode)code);

        TN_CHECK(tn_op_find(info->name) == (tn_opcode)code);
        TN_CHECK(info->doc[0] != '\0');
        for (int i = 0; i < info->attr_count; i++) {
            TN_CHECK(tn_op_find_in((tn_opcode)code, info->attr[i].name) == -1);
            TN_CHECK(tn_op_find_attr((tn_opcode)code, info->attr[i].name) == i);
            TN_CHECK((info->attr[i].kind == TN_KIND_CHOICE) == (info->attr[i].options[0] != '\0'));
        }
    }
}

TN_MAIN(TN_CASE(finds_rows_by_name), TN_CASE(entries_stand_under_their_own_row),
    TN_CASE(the_tail_of_a_list_has_the_last_entry), TN_CASE(names_in_a_row_are_distinct))
