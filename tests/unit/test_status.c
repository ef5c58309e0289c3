/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/status.h"

#include "tests/support/test.h"

static tn_status
pass_on(tn_status status, int *reached)
{
    TN_TRY(status);
    *reached = 1;
    return TN_OK;
}

TN_TEST(names_are_those_of_the_table)
{
    TN_CHECK_STR(tn_status_name(TN_MALFORMED), "MALFORMED");
    TN_CHECK_STR(tn_status_sentence(TN_OK), "done");
    TN_CHECK_STR(tn_status_name((tn_status)99), "BUG");
    TN_CHECK_STR(tn_status_sentence((tn_status)99), tn_status_sentence(TN_BUG));
}

/* The exit codes that users rely on. */
TN_TEST(codes_are_the_exit_codes)
{
    TN_CHECK_EQ(TN_USAGE, 2);
    TN_CHECK_EQ(TN_MALFORMED, 3);
    TN_CHECK_EQ(TN_NO_MEMORY, 6);
    TN_CHECK_EQ(TN_EXPECTED, 13);
    TN_CHECK_EQ(TN_BUG, 70);
}

TN_TEST(try_leaves_on_failure_only)
{
    int reached = 0;

    TN_CHECK_EQ(pass_on(TN_IO, &reached), TN_IO);
    TN_CHECK_EQ(reached, 0);
    TN_CHECK_EQ(pass_on(TN_OK, &reached), TN_OK);
    TN_CHECK_EQ(reached, 1);
}

TN_MAIN(TN_CASE(names_are_those_of_the_table), TN_CASE(codes_are_the_exit_codes),
    TN_CASE(try_leaves_on_failure_only))
