/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/parsed.h"

#include "passes/pass.h"
#include "tests/support/test.h"

static tn_status
parse(void *arg)
{
    parsed *p = arg;
    tn_module *m = tn_module_create(p->arena, "text");
    tn_text out = {.arena = p->arena};

    TN_TRY(tn_graph_parse(m, &p->diag, "text", p->text, &p->g));
    if (p->cleaned)
        tn_passes_run(p->g, 0);
    TN_TRY(tn_graph_verify(p->g, &p->diag));
    tn_graph_print(&out, p->g);
    p->printed = out.at;
    return TN_OK;
}

bool
parsed_open(parsed *p, const char *text, bool clean)
{
    bool works;

    *p = (parsed){.text = text, .cleaned = clean};
    tn_diag_init(&p->diag, tn_alloc_system());
    p->arena = tn_arena_create(tn_alloc_system(), 0);
    works = p->arena && TN_CHECK_EQ(tn_arena_guard(p->arena, parse, p), TN_OK);
    for (size_t i = 0; i < tn_diag_count(&p->diag); i++)
        tn_test_note("%s", tn_diag_text(&p->diag, i));
    return works;
}

void
parsed_close(parsed *p)
{
    tn_arena_destroy(p->arena);
    tn_diag_clear(&p->diag);
}
