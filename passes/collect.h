/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_COLLECT_H
#define TN_PASSES_COLLECT_H

#include "ir/graph/graph.h"

/* An array that a scan carries and only writes, the piece of its round at a
 * place that counts with the rounds, is collected instead. */
bool tn_clean_collect(tn_graph *g);

#endif
