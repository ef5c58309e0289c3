/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "tools/given.h"

typedef struct filler {
    tn_tool *tool;
    const tn_json_doc *doc;
    tn_tensor *t;
    int64_t next;
} filler;

/* The shape that the nesting shows along its first elements. */
static tn_status
shape(const filler *f, const tn_json *value, int rank)
{
    for (int i = 0; i < rank; i++) {
        if (!value || value->kind != TN_JSON_LIST) {
            if (value)
                return tn_json_fail(f->doc, value, "expected %d nested lists, found %s at depth %d",
                    rank, tn_json_found(f->doc, value), i);
            f->t->dim[i] = 0;
            continue;
        }
        f->t->dim[i] = value->count;
        value = value->first;
    }
    return TN_OK;
}

static tn_status
special(const filler *f, const tn_json *value, double *out)
{
    static const struct {
        const char *text;
        double value;
    } words[] = {{"=inf", INFINITY}, {"=-inf", -INFINITY}, {"=nan", NAN}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (value->kind == TN_JSON_STRING && !strcmp(value->text, words[i].text)) {
            *out = words[i].value;
            return TN_OK;
        }
    if (value->kind != TN_JSON_NUMBER)
        return tn_json_fail(f->doc, value, "expected a number, found %s",
            tn_json_found(f->doc, value));
    *out = value->number;
    return TN_OK;
}

static tn_status
element(const filler *f, const tn_json *value, void *to)
{
    double real = 0;
    int64_t whole, low, high;

    if (f->t->dtype == TN_BOOL) {
        TN_TRY(tn_json_want(f->doc, value, TN_JSON_BOOL));
        tn_store_int(TN_BOOL, to, value->truth);
        return TN_OK;
    }
    if (tn_is_float(f->t->dtype)) {
        TN_TRY(special(f, value, &real));
        tn_store_double(f->t->dtype, to, real);
        return TN_OK;
    }
    tn_dtype_range(f->t->dtype, &low, &high);
    TN_TRY(tn_json_int(f->doc, value, low, high, &whole));
    tn_store_int(f->t->dtype, to, whole);
    return TN_OK;
}

static tn_status
fill(filler *f, const tn_json *value, int axis)
{
    if (axis == f->t->rank) {
        char *to = (char *)f->t->data + f->next++ * tn_dtype_bytes(f->t->dtype);

        return element(f, value, to);
    }
    if (value->kind != TN_JSON_LIST || value->count != f->t->dim[axis])
        return tn_json_fail(f->doc, value, "expected a list of %lld, found %s",
            (long long)f->t->dim[axis], tn_json_found(f->doc, value));
    for (const tn_json *v = value->first; v; v = v->next)
        TN_TRY(fill(f, v, axis + 1));
    return TN_OK;
}

tn_status
tn_tensor_of_json(tn_tool *tool, const tn_json_doc *doc, const tn_json *value, tn_dtype dtype,
    int rank, tn_tensor *out)
{
    filler f = {.tool = tool, .doc = doc, .t = out};
    tn_status status;

    *out = (tn_tensor){.dtype = dtype, .rank = rank};
    TN_TRY(shape(&f, value, rank));
    TN_TRY(tn_tensor_create(tool->env.alloc, tool->diag, out));
    status = fill(&f, value, 0);
    if (status != TN_OK)
        tn_tensor_free(tool->env.alloc, out);
    return status;
}
