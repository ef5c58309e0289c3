/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FUSE_ONLINE_H
#define TN_PASSES_FUSE_ONLINE_H

#include "ir/kernel/tile.h"

/* Attention, by meaning: a rewrite from tile to tile. At tile level no view,
 * broadcast or order of axes is left of an exporter's spelling, so that a
 * weighted sum over keys is what it says:
 *
 *     mma[j](0, w, v)    w = f(exp(s - m)),  m = max[j](s) or absent
 *
 * where f is any chain of products, quotients, guards and conversions around
 * the exponential, and sum[j](exp(s - m)) may stand anywhere. The sum over
 * all keys becomes a fold over blocks of keys that carries the greatest score
 * so far, the sums and the weighted sums, rescaled as the greatest grows
 * (Milakov and Gimelshein, arXiv 1805.02867): nothing of the size of the
 * scores is left.
 *
 * Freedom taken: `reorder` (the sums), `finite` (keys that the mask excludes
 * for a whole block are not visited, a value there that is not finite is not
 * multiplied by zero), `wider` (weights are not rounded to halves). */
typedef struct tn_online {
    tn_tile *tile;          /* the rewritten program; NULL: does not apply */
    const char *predicate;  /* then: the condition that failed, */
    const char *found;      /* what stands there, */
    const char *advice;     /* what to change */
    bool causal, windowed;  /* blocks past an upper, below a lower bound are skipped */
    bool masked;            /* scores are chosen or added to by a mask */
} tn_online;

/* `tile` must be verified. The result has the same sizes, parameters and
 * sites in the same order. */
tn_online tn_online_rewrite(tn_arena *arena, const tn_tile *tile);

#endif
