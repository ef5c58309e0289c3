/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_WRITTEN_H
#define TN_PASSES_WRITTEN_H

#include "ir/graph/graph.h"

/* An array written piece by piece at places that are known when the file is
 * read, as exporters do for `x[:, t] = y` in a loop that they unroll
 * (scatter_nd, scatter_elements): a place that is read is what was written
 * there last, and the array is its pieces, joined. Changes no bit. */
bool tn_clean_written(tn_graph *g);

#endif
