/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/viterbi_plain.h"

#include <math.h>

/* What anyone would write: one sequence after the other, back pointers. */

static void
step(const float *d, const float *A, const float *e, float *next, int32_t *back, int tags)
{
    for (int j = 0; j < tags; j++) {
        float best = -INFINITY;
        int32_t at = 0;

        for (int i = 0; i < tags; i++) {
            float s = d[i] + A[i * tags + j];

            if (s > best) {
                best = s;
                at = i;
            }
        }
        next[j] = best + e[j];
        back[j] = at;
    }
}

void
viterbi_plain(const viterbi_work *w)
{
    int K = w->tags, T = w->steps;

    for (int b = w->first; b < w->last; b++) {
        const float *e = w->e + (size_t)b * (size_t)T * (size_t)K;
        float *d = w->scores;
        int32_t best = 0;

        for (int j = 0; j < K; j++)
            d[j] = e[j];
        for (int t = 1; t < T; t++) {
            float *from = d + (t - 1) % 2 * K;

            step(from, w->A, e + t * K, d + t % 2 * K, w->back + t * K, K);
        }
        d += (T - 1) % 2 * K;
        for (int j = 1; j < K; j++)
            best = d[j] > d[best] ? j : best;
        for (int t = T - 1; t >= 0; t--) {
            w->path[b * T + t] = best;
            if (t > 0)
                best = w->back[t * K + best];
        }
    }
}
