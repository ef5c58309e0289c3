/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_LOWERED_H
#define TN_TESTS_SUPPORT_LOWERED_H

#include <stdbool.h>
#include <stdint.h>

/* Graphs as text, lowered and run by the tile interpreter, held against the
 * reference evaluator. */
typedef struct lowered_dim {
    const char *name;
    int64_t value;
} lowered_dim;

typedef struct lowered_case {
    const char *text;
    lowered_dim dims[6];
    double tolerance; /* of floats, relative to 1 + |wanted|; 0: 1e-9 */
    /* Every so many elements of float inputs a special number: NaN, the
     * infinities, zeros. 0: none. */
    int special;
    bool fails;      /* the run must fail, in both */
    int kernels;     /* with fusion; 0: any number */
    int refused;     /* status of lowering; 0: it works */
    uint64_t seeds;  /* of block sizes and cuts; 0: 6 */
} lowered_case;

/* Checks with and without fusion, with and without packed weights. With
 * `targets`, then schedules each fused kernel for several machines and holds
 * the lane interpreter against the tile interpreter, instead. */
void lowered_check(const lowered_case *c, bool targets);

/* Reads, groups and lowers with at most that many bytes; the status. */
int lowered_within(const char *text, unsigned long bytes);

/* The kernels (after the groups) as text in `out`, for golden tests. */
void lowered_print(const char *text, char *out, unsigned long room);

#endif
