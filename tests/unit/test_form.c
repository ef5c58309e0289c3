/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/graph/form.h"

#include <string.h>

#include "ir/base/arena.h"
#include "tests/support/test.h"

/* Reads it and prints it again. */
typedef struct job {
    tn_arena *arena;
    const char *text;
} job;

static tn_status
again(void *arg)
{
    job *j = arg;
    tn_text out = {.arena = j->arena};
    tn_form form;

    if (!tn_form_read(j->text, &form))
        return TN_MALFORMED;
    tn_form_print(&out, &form);
    return strcmp(out.at, j->text) == 0 ? TN_OK : TN_BUG;
}

static void
same(const char *text)
{
    job j = {.arena = tn_arena_create(tn_alloc_system(), 0), .text = text};

    TN_CHECK_EQ(tn_arena_guard(j.arena, again, &j), TN_OK);
    tn_arena_destroy(j.arena);
}

TN_TEST(forms_are_read_and_printed)
{
    tn_form form;

    same("sigmoid g | mul g #0 | add u 1 | mul #1 #2");
    same("maximum u -0.5 | minimum #0 1.702 | less #1 0 | where #2 0 #1");
    TN_CHECK(tn_form_read("  mul   u u |tanh #0", &form));
    TN_CHECK_EQ(form.count, 2);
    TN_CHECK(!tn_form_reads_g(&form));
    TN_CHECK(tn_form_read("mul u g", &form) && tn_form_reads_g(&form));
}

TN_TEST(what_is_no_form)
{
    static const char *const none[] = {"", "u", "mul u", "mul u u u", "mul u #0",
        "mul u #1 | neg u", "softmax u", "less u 0", "where u 0 1", "less u 0 | add #0 u",
        "mul u v", "neg u |", "greater u 0 | where #0 #0 1", "neg #999"};
    char longest[60 * 9] = "neg u";
    tn_form form;

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (!TN_CHECK(!tn_form_read(none[i], &form)))
            tn_test_note("'%s' was read", none[i]);
    for (int i = 1; i < TN_FORM_STEPS; i++)
        strcat(longest, " | neg u");
    TN_CHECK(tn_form_read(longest, &form));
    strcat(longest, " | neg u");
    TN_CHECK(!tn_form_read(longest, &form));
}

TN_MAIN(TN_CASE(forms_are_read_and_printed), TN_CASE(what_is_no_form))
