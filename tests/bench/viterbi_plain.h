/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_BENCH_VITERBI_PLAIN_H
#define TN_TESTS_BENCH_VITERBI_PLAIN_H

#include <stddef.h>
#include <stdint.h>

/* Sequences first .. last-1 of emissions [B,T,K]; scores: 2 K, back: T K. */
typedef struct viterbi_work {
    int first, last, steps, tags;
    const float *e, *A;
    float *scores;
    int32_t *back, *path;
} viterbi_work;

void viterbi_plain(const viterbi_work *w);

#endif
