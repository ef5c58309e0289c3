/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/expr.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* An expression over two symbols, with no values at hand. */
static bool
find(void *self, const char *name, tn_known *out)
{
    tn_sizes *sizes = self;
    int symbol = tn_sizes_find(sizes, name);

    if (symbol < 0)
        return false;
    *out = tn_known_size(tn_size_symbol(sizes, symbol));
    return true;
}

static const char *
meant(void *self, const char *name)
{
    (void)self, (void)name;
    return "";
}

static tn_status
round_trip(void *arg)
{
    static const char json[] = "\"x\"";
    tn_fuzz *fuzz = arg;
    tn_span text = {(const uint8_t *)json, sizeof json - 1};
    tn_sizes *sizes = tn_sizes_create(fuzz->arena);
    tn_scope_ops scope = {
        .self = sizes, .arena = fuzz->arena, .sizes = sizes, .find = find, .meant = meant};
    tn_json_doc *doc;
    tn_known known;
    tn_expr *e;

    tn_sizes_add(sizes, &(tn_symbol){.name = "T", .low = 1, .high = 4096, .multiple = 1});
    tn_sizes_add(sizes, &(tn_symbol){.name = "M", .high = INT64_MAX, .multiple = 16});
    TN_TRY(tn_json_parse(fuzz->arena, &fuzz->diag, "m.json", text, NULL, &doc));
    tn_place place = {.doc = doc, .at = doc->root};
    TN_TRY(tn_expr_parse(&place, (const char *)fuzz->data, fuzz->size, &e));
    TN_TRY(tn_expr_eval(e, &place, &scope, &known));
    TN_FUZZ_HOLDS(tn_known_text(fuzz->arena, sizes, &known) != NULL);
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)!tn_fuzz_run(data, size, round_trip);
    return 0;
}
