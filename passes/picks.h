/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_PICKS_H
#define TN_PASSES_PICKS_H

#include "ir/graph/graph.h"

/* One element of a row, and the greatest of one, in one form each:
 *
 *   gather_nd by one number, or by positions  gather with batch_dims
 *   gather of rows laid end to end            gather with batch_dims
 *   sum of a row where its position is y      gather_elements, zeros outside
 *   top_k of 1                                reduce_max and arg_max
 *   the element at arg_max                    reduce_max
 *   one row of arg_max, of an outer sum       arg_max of that row, its sum
 *   the only place of an axis                 squeeze
 *
 * None changes a bit, nor which runs fail. */
bool tn_clean_picks(tn_graph *g);
/* Elements are 0, 1, .. along that dimension, whatever the others. */
bool tn_is_position(tn_value *v, int dim);

#endif
