/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_CONFORMANCE_GRAPH_CASES_H
#define TN_TESTS_CONFORMANCE_GRAPH_CASES_H

#include "ir/graph/op.h"

/* What float inputs hold. */
typedef enum graph_data {
    DATA_ANY,   /* NaN, infinities, zeros, denormals, extremes between noise */
    DATA_NOISE, /* -2 .. 2 */
    DATA_UNIT,  /* -1 .. 1 with infinities and NaN now and then */
} graph_data;

typedef enum graph_match {
    MATCH_NEAR,
    MATCH_VALUES, /* equal numbers; a zero of either sign */
    MATCH_BITS,   /* zeros with their sign too; any NaN equals any other */
} graph_match;

/* One graph for every op of `ops` and every element type of `types`. `body`:
 * statements of the graph's text form, separated by ";"; $O is the op, $T the
 * type, N and M are sizes (0..512, M at least 1). Results named y, y1 .. y9
 * are the outputs. Float results are within rel * |wanted| + abs of the
 * reference (rel 0: the type's rounding; halves have more), or as `match` says. */
typedef struct graph_case {
    const char *ops;
    unsigned types; /* bits 1 << dtype */
    const char *body;
    graph_data data;
    double rel, abs;
    graph_match match;
    bool fails; /* the run ends with code 3 */
    bool full;  /* N and M are 1 or more */
} graph_case;

extern const graph_case tn_graph_cases[];
extern const int tn_graph_case_count;

#endif
