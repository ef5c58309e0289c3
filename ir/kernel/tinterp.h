/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_TINTERP_H
#define TN_IR_KERNEL_TINTERP_H

#include "ir/kernel/tile.h"

/* What a tile kernel means: runs it in double and int64 over host arrays.
 *
 * Everything a schedule may choose is chosen at random by `seed`: block
 * sizes, the order of tasks, where folds are cut; 0 takes one block an axis,
 * in order. All choices must give the same result up to the order of sums.
 * Objected to (TN_BUG, with the reason in `diag`): an access out of bounds, a
 * read of what nobody wrote, a task that reads or writes what another writes,
 * one store writing an element twice, a merge whose first value is not
 * neutral, NaN in minq or maxq, a division by 0. */
typedef union tn_cell {
    double real;   /* float types; not rounded to the type */
    int64_t whole; /* integer types and bool */
} tn_cell;

typedef struct tn_tinterp {
    const tn_tile *tile;
    const tn_alloc *alloc;
    tn_diag *diag;
    const int64_t *sizes; /* by position in tile->sizes; known ones are not read */
    /* By position in tile->bufs (parameters only): row-major over the logical
     * dimensions, whatever the layout. Two that alias are one array. */
    tn_cell *const *bufs;
    /* Which elements hold a value; NULL: all. Stores set them. */
    bool *const *known;
    uint64_t seed;
    /* Results: */
    uint64_t tasks;
    bool check_failed; /* the first check that did not hold: */
    uint32_t site;
    int64_t position;
    tn_cell value;
    tn_dtype value_dtype;
} tn_tinterp;

tn_status tn_tinterp_run(tn_tinterp *job) TN_MUST_USE;

/* Value of a dimension or bound made of sizes, constants and functions; false
 * if it is anything else or divides by 0. */
bool tn_tile_size_value(const tn_tile *t, const tn_tval *v, const int64_t *sizes, int64_t *out);
/* Number of elements of a parameter; false also on overflow. */
bool tn_tile_elements(const tn_tile *t, const tn_tbuf *buf, const int64_t *sizes, int64_t *out);

#endif
