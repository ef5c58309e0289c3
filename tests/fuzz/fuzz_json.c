/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/json.h"

#include <string.h>

#include "ir/base/text.h"
#include "tests/fuzz/fuzz.h"

/* Every value of what is accepted has a path and a position, and every string
 * is UTF-8. */
static void
walk(const tn_json_doc *doc, const tn_json *value, int depth)
{
    uint32_t line, column;

    TN_FUZZ_HOLDS(depth <= 64);
    TN_FUZZ_HOLDS(value->offset < doc->text.bytes && tn_json_path(doc, value) != NULL);
    tn_guard_position(doc->text, value->offset, &line, &column);
    TN_FUZZ_HOLDS(line >= 1 && column >= 1);
    if (value->kind == TN_JSON_STRING)
        TN_FUZZ_HOLDS(tn_utf8_valid(value->text, strlen(value->text)));
    if (value->kind == TN_JSON_LIST || value->kind == TN_JSON_OBJECT)
        for (const tn_json *v = value->first; v; v = v->next)
            walk(doc, v, depth + 1);
}

static tn_status
round_trip(void *arg)
{
    tn_fuzz *fuzz = arg;
    tn_span text = {fuzz->data, fuzz->size};
    tn_json_doc *doc;

    TN_TRY(tn_json_parse(fuzz->arena, &fuzz->diag, "m.json", text, NULL, &doc));
    walk(doc, doc->root, 1);
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)!tn_fuzz_run(data, size, round_trip);
    return 0;
}
