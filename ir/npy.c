/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/npy.h"

#include <string.h>

#include "ir/base/checked.h"
#include "ir/base/text.h"

static const struct {
    char kind;
    char bytes;
    tn_dtype dtype;
} descriptors[] = {
    {'f', '8', TN_F64},
    {'f', '4', TN_F32},
    {'f', '2', TN_F16},
    {'i', '8', TN_I64},
    {'i', '4', TN_I32},
    {'i', '2', TN_I16},
    {'i', '1', TN_I8},
    {'u', '8', TN_U64},
    {'u', '4', TN_U32},
    {'u', '2', TN_U16},
    {'u', '1', TN_U8},
    {'b', '1', TN_BOOL},
};

typedef struct header {
    const char *at, *end; /* the dictionary text */
    tn_diag *diag;
    const char *place;
} header;

static tn_status
bad(const header *h, const char *what)
{
    return tn_fail(h->diag, TN_MALFORMED, "%s: %s", h->place, what);
}

/* Behind "'key':" in the dictionary, blanks skipped; NULL if it is not
 * there. */
static const char *
find(const header *h, const char *key)
{
    size_t length = strlen(key);

    for (const char *at = h->at; at + length + 3 < h->end; at++) {
        if ((*at != '\'' && *at != '"') || strncmp(at + 1, key, length) != 0 ||
            at[length + 1] != *at)
            continue;
        at += length + 2;
        while (at < h->end && (*at == ' ' || *at == ':'))
            at++;
        return at < h->end ? at : NULL;
    }
    return NULL;
}

static tn_status
read_descriptor(const header *h, tn_npy *out)
{
    const char *at = find(h, "descr");

    if (!at || at + 5 > h->end || (*at != '\'' && *at != '"'))
        return bad(h, "the header has no descr, or a structured one");
    if (at[1] == '>')
        return bad(h, "big-endian elements; save them little-endian");
    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++)
        if (at[2] == descriptors[i].kind && at[3] == descriptors[i].bytes && at[4] == *at) {
            out->dtype = descriptors[i].dtype;
            return TN_OK;
        }
    return bad(h, "its element type is none of f8 f4 f2 i8 i4 i2 i1 u8 u4 u2 u1 b1");
}

static tn_status
read_shape(const header *h, tn_npy *out)
{
    const char *at = find(h, "shape");

    if (!at || *at++ != '(')
        return bad(h, "the header has no shape");
    out->elements = 1;
    while (at < h->end && *at != ')') {
        int64_t n = 0;

        if (*at == ' ' || *at == ',') {
            at++;
            continue;
        }
        if (*at < '0' || *at > '9')
            return bad(h, "its shape is no list of whole numbers");
        for (; at < h->end && *at >= '0' && *at <= '9'; at++)
            if (!tn_mul_i64(n, 10, &n) || !tn_add_i64(n, *at - '0', &n))
                return bad(h, "its shape exceeds 64 bits");
        if (out->rank == TN_MAX_RANK)
            return tn_fail(h->diag, TN_LIMIT, "%s: more than %d axes", h->place, TN_MAX_RANK);
        if (!tn_mul_i64(out->elements, n, &out->elements))
            return bad(h, "its shape exceeds 64 bits");
        out->dim[out->rank++] = n;
    }
    return at < h->end ? TN_OK : bad(h, "its shape is cut short");
}

tn_status
tn_npy_read(tn_diag *diag, const char *place, tn_span file, tn_npy *out)
{
    header h = {.diag = diag, .place = place};
    const char *order;
    size_t start, length;
    int64_t bytes = 0;

    *out = (tn_npy){0};
    if (file.bytes < 12 || memcmp(file.at, "\x93NUMPY", 6) != 0)
        return bad(&h, "this is not an .npy file");
    if (file.at[6] < 1 || file.at[6] > 3)
        return bad(&h, "an .npy version other than 1 to 3");
    start = file.at[6] == 1 ? 10 : 12;
    length = (size_t)file.at[8] | (size_t)file.at[9] << 8;
    if (file.at[6] > 1)
        length |= (size_t)file.at[10] << 16 | (size_t)file.at[11] << 24;
    if (length > file.bytes - start)
        return bad(&h, "the header is cut short");
    h.at = (const char *)file.at + start;
    h.end = h.at + length;
    TN_TRY(read_descriptor(&h, out));
    TN_TRY(read_shape(&h, out));
    order = find(&h, "fortran_order");
    out->fortran = order && *order == 'T';
    if (!tn_mul_i64(out->elements, tn_dtype_bytes(out->dtype), &bytes) ||
        (uint64_t)bytes != file.bytes - start - length)
        return tn_fail(diag, TN_MALFORMED, "%s: %zu bytes of data, its shape asks for %lld", place,
            file.bytes - start - length, (long long)bytes);
    out->data = (tn_span){file.at + start + length, (size_t)bytes};
    return TN_OK;
}

void
tn_npy_copy(const tn_npy *npy, void *to)
{
    size_t size = (size_t)tn_dtype_bytes(npy->dtype);
    int64_t index[TN_MAX_RANK] = {0};
    int64_t stride[TN_MAX_RANK], step = 1;

    if (!npy->fortran || npy->rank < 2) {
        if (npy->data.bytes)
            memcpy(to, npy->data.at, npy->data.bytes);
        return;
    }
    for (int i = 0; i < npy->rank; i++) {
        stride[i] = step;
        step *= npy->dim[i];
    }
    for (int64_t e = 0; e < npy->elements; e++) {
        int64_t at = 0;

        for (int i = 0; i < npy->rank; i++)
            at += index[i] * stride[i];
        memcpy((char *)to + (size_t)e * size, npy->data.at + (size_t)at * size, size);
        for (int i = npy->rank; i-- > 0;) {
            if (++index[i] < npy->dim[i])
                break;
            index[i] = 0;
        }
    }
}

void
tn_npy_write(tn_writer *out, tn_dtype dtype, int rank, const int64_t *dim, const void *data)
{
    tn_text text = {.arena = out->arena};
    size_t elements = 1;

    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++)
        if (descriptors[i].dtype == dtype)
            tn_text_add(&text, "{'descr': '%c%c%c', 'fortran_order': False, 'shape': (",
                descriptors[i].bytes == '1' ? '|' : '<', descriptors[i].kind, descriptors[i].bytes);
    for (int i = 0; i < rank; i++) {
        tn_text_add(&text, "%lld,%s", (long long)dim[i], i + 1 < rank ? " " : "");
        elements *= (size_t)dim[i];
    }
    tn_text_add(&text, "), }");
    while ((10 + text.length + 1) % 64)
        tn_text_add(&text, " ");
    tn_text_add(&text, "\n");
    tn_write(out, "\x93NUMPY\x01\x00", 8);
    tn_write_u16(out, (uint16_t)text.length);
    tn_write(out, text.at, text.length);
    tn_write(out, data, elements * (size_t)tn_dtype_bytes(dtype));
}
