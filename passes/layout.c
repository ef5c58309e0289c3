/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "passes/assemble.h"

/* A tensor seen as [outer][n][k], row-major: for P16 n is the named
 * dimension, k what follows it. */
typedef struct folded {
    int64_t outer, n, k;
} folded;

static folded
fold(const tn_layout *layout, int rank, const int64_t *dim)
{
    folded f = {1, 1, 1};

    for (int i = 0; i < rank; i++) {
        if (i < layout->n)
            f.outer *= dim[i];
        else if (i == layout->n)
            f.n = dim[i];
        else
            f.k *= dim[i];
    }
    return f;
}

int64_t
tn_layout_bytes(const tn_layout *layout, tn_dtype dtype, int rank, const int64_t *dim)
{
    int64_t elements = 1;

    if (layout->kind == TN_LAYOUT_P16) {
        folded f = fold(layout, rank, dim);

        return f.outer * ((f.n + 15) / 16 * 16) * f.k * tn_dtype_bytes(dtype);
    }
    for (int i = 0; i < rank; i++)
        elements *= dim[i];
    return elements * tn_dtype_bytes(dtype);
}

static void
pack_p16(folded f, size_t size, const char *from, char *to)
{
    int64_t panels = (f.n + 15) / 16;

    for (int64_t o = 0; o < f.outer; o++)
        for (int64_t n = 0; n < f.n; n++)
            for (int64_t k = 0; k < f.k; k++) {
                int64_t source = (o * f.n + n) * f.k + k;
                int64_t target = ((o * panels + n / 16) * f.k + k) * 16 + n % 16;

                memcpy(to + (size_t)target * size, from + (size_t)source * size, size);
            }
}

/* Element `linear` of the result, counted in the order of `perm`, comes from
 * the row-major place of its coordinates. */
static void
pack_perm(const tn_layout *layout, size_t size, int rank, const int64_t *dim, const char *from,
    char *to)
{
    int64_t stride[TN_MAX_RANK], count = 1;

    for (int i = rank; i-- > 0;) {
        stride[i] = count;
        count *= dim[i];
    }
    for (int64_t linear = 0; linear < count; linear++) {
        int64_t rest = linear, source = 0;

        for (int i = rank; i-- > 0;) {
            int axis = layout->perm[i];

            source += rest % dim[axis] * stride[axis];
            rest /= dim[axis];
        }
        memcpy(to + (size_t)linear * size, from + (size_t)source * size, size);
    }
}

void
tn_layout_pack(const tn_layout *layout, tn_dtype dtype, int rank, const int64_t *dim,
    const void *from, void *to)
{
    size_t size = (size_t)tn_dtype_bytes(dtype);

    if (layout->kind == TN_LAYOUT_P16)
        pack_p16(fold(layout, rank, dim), size, from, to);
    else if (layout->kind == TN_LAYOUT_PERM)
        pack_perm(layout, size, rank, dim, from, to);
    else
        memcpy(to, from, (size_t)tn_layout_bytes(layout, dtype, rank, dim));
}
