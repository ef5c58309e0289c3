/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_FUZZ_GRAPHS_FZ_TRIAL_H
#define TN_TESTS_FUZZ_GRAPHS_FZ_TRIAL_H

#include "tests/fuzz_graphs/fz.h"
#include "tests/support/run_graph.h"

/* One graph on devices against the reference. */
enum { FZ_DEVICES = 8, FZ_MODES = 4 };

typedef enum fz_outcome {
    FZ_SAME,
    FZ_NO_GRAPH,
    FZ_NO_REFERENCE,
    FZ_NO_CODE,
    FZ_NO_RUN,
    FZ_DIFFERS,
    FZ_NO_FAILURE, /* of a run with an index out of range */
} fz_outcome;

typedef struct fz_session {
    tn_graph_device devices[FZ_DEVICES];
    int device_count;
    /* A fault on purpose: devices are given graphs in which `plant` stands
     * for another op. NULL: none. */
    const char *plant, *planted;
    /* Of the last trial. */
    char why[600];
    int64_t compared, open;
    /* Of all. */
    int64_t kernels, failing_runs;
} fz_session;

/* Draws data until the reference leaves no element open, at most a few times;
 * sets g->draw. False if the last draw leaves some. */
bool fz_settle(fz_session *s, fz_graph *g);
/* On every device in every mode, or in one (`only` >= 0); `where` is the last
 * one: FZ_MODES*device + (1: fused) + (2: without the planner's reuse). */
fz_outcome fz_try(fz_session *s, const fz_graph *g, int only, int *where);
/* Prints failure `out` at `where`, cut down; gives the number of nodes that
 * are left. */
int fz_report(fz_session *s, const fz_graph *g, fz_outcome out, int where);

#endif
