/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/data.h"

#include <inttypes.h>

#include "frontend/read.h"

typedef struct filler {
    tn_read *r;
    tn_dtype dtype;
    int rank;
    const int64_t *dim;
    uint8_t *to;
} filler;

static tn_status
fill_element(filler *f, const tn_json *at)
{
    tn_known known;
    const char *why;
    TN_TRY(tn_eval_params(f->r, at, &known));
    bool infinite =
        known.kind == TN_KNOWN_NUMBER && tn_is_float(f->dtype) && !tn_known_is_truth(&known);
    if (known.kind != TN_KNOWN_NUMBER)
        return tn_json_fail(f->r->doc, at, "expected a number, found %s",
            tn_json_found(f->r->doc, at));
    /* Data beyond a float type becomes an infinity, unlike a literal. */
    if (!infinite && !tn_number_fits(&known.number, f->dtype, &why))
        return tn_json_fail(f->r->doc, at, "%s stands for %s and %s", tn_json_found(f->r->doc, at),
            tn_dtype_name(f->dtype), why);
    tn_number number = tn_number_as(f->r->arena, &known, f->dtype);
    int64_t whole = number.num;
    if (tn_is_float(f->dtype)) {
        tn_store_double(f->dtype, f->to, number.real);
    } else {
        if (f->dtype != TN_BOOL)
            tn_number_is_int(&number, &whole);
        tn_store_int(f->dtype, f->to, whole);
    }
    f->to += tn_dtype_bytes(f->dtype);
    return TN_OK;
}

/* As deep as the document nests, which the guard limits. */
static tn_status
fill_axis(filler *f, const tn_json *at, int axis)
{
    if (axis == f->rank)
        return fill_element(f, at);
    if (at->kind != TN_JSON_LIST || at->count != f->dim[axis])
        return tn_json_fail(f->r->doc, at, "expected a list of %" PRId64 " along axis %d, found %s",
            f->dim[axis], axis,
            at->kind == TN_JSON_LIST ? tn_arena_printf(f->r->arena, "%" PRIu32, at->count)
                                     : tn_json_found(f->r->doc, at));
    for (const tn_json *part = at->first; part; part = part->next)
        TN_TRY(fill_axis(f, part, axis + 1));
    return TN_OK;
}

tn_status
tn_data_fill(const tn_document *document, const tn_json *at, tn_dtype dtype, int rank,
    const int64_t *dim, void *to)
{
    filler f = {document->reader, dtype, rank, dim, to};
    for (int i = 0; i < rank; i++)
        if (dim[i] == 0 && at->kind == TN_JSON_LIST && at->count == 0)
            return TN_OK;
    return fill_axis(&f, at, 0);
}
