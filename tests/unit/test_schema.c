/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/schema.h"

#include <string.h>

#include "frontend/json.h"
#include "ir/graph/op.h"
#include "tests/support/test.h"

typedef struct trial {
    tn_arena *arena;
    tn_diag diag;
    tn_json_doc *doc;
} trial;

static tn_status
inside(void *arg)
{
    trial *t = arg;
    tn_text text = {.arena = t->arena};
    tn_schema_write(&text);
    tn_span span = {(const uint8_t *)text.at, text.length};
    TN_TRY(tn_json_parse(t->arena, &t->diag, "schema", span, NULL, &t->doc));
    const tn_json *defs = tn_json_get(t->doc->root, "$defs");
    for (int i = 0; i < TN_OP_COUNT; i++) {
        const tn_op_info *info = tn_op_info_of((tn_opcode)i);
        const tn_json *def = tn_json_get(defs, tn_arena_printf(t->arena, "attrs.%s", info->name));
        const tn_json *keys = tn_json_get(def, "properties");
        if (!TN_CHECK(keys != NULL))
            tn_test_note("of %s", info->name);
        for (int a = 0; a < info->attr_count; a++)
            TN_CHECK(tn_json_get(keys, info->attr[a].name) ||
                strcmp(info->attr[a].name, "carries") == 0);
    }
    /* Every reference leads somewhere. */
    for (char *at = text.at; (at = strstr(at, "#/$defs/")) != NULL;) {
        at += 8;
        const char *name = tn_arena_copy(t->arena, at, strcspn(at, "\""));
        if (!TN_CHECK(tn_json_get(defs, name) != NULL))
            tn_test_note("of %s", name);
    }
    TN_CHECK(tn_json_get(tn_json_get(t->doc->root, "properties"), "tokenizers") != NULL);
    return TN_OK;
}

TN_TEST(complete)
{
    trial t = {0};
    tn_diag_init(&t.diag, tn_alloc_system());
    t.arena = tn_arena_create(tn_alloc_system(), 0);
    TN_NEED(t.arena);
    if (!TN_CHECK_EQ(tn_arena_guard(t.arena, inside, &t), TN_OK))
        tn_test_note("%s", tn_diag_text(&t.diag, 0));
    tn_arena_destroy(t.arena);
    tn_diag_clear(&t.diag);
}

TN_MAIN(TN_CASE(complete))
