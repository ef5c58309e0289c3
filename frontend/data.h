/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_DATA_H
#define TN_FRONTEND_DATA_H

#include "frontend/model.h"

/* Numbers written in a graph file: nested lists in a known shape, of numbers,
 * true, false and expressions over params ("=-inf"). Row-major into `to`, as
 * elements of `dtype`: floats are rounded once, integers must fit, truth
 * values and numbers do not mix. `[]` stands for any shape with a 0. Errors
 * (TN_MALFORMED) name the element. */
tn_status tn_data_fill(const tn_document *document, const tn_json *at, tn_dtype dtype, int rank,
    const int64_t *dim, void *to) TN_MUST_USE;

#endif
