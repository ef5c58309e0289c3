/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_RANDOM_H
#define TN_IR_RANDOM_H

#include <stdint.h>

/* Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). No
 * state; the same numbers on every machine. */

/* Words 0..3 of counter (c mod 2^32, c div 2^32, 0, 0). */
void tn_philox(uint64_t key, uint64_t counter, uint32_t out[4]);

/* 32 bits of element r: word r mod 4 of counter r div 4. */
uint32_t tn_random_word(uint64_t key, uint64_t element);
/* 64 bits of element r: words 2(r mod 2), 2(r mod 2)+1 of counter r div 2. */
uint64_t tn_random_word64(uint64_t key, uint64_t element);

/* Key of seeded weights and inputs: the first 8 bytes, little-endian, of
 * SHA-256 over the seed in decimal, a zero byte, the full name. */
uint64_t tn_random_key(uint64_t seed, const char *full_name);

/* 0 <= u < 1: the top 24 of 32, the top 53 of 64 bits. Exact in f32 (f64). */
double tn_random_uniform32(uint32_t word);
double tn_random_uniform64(uint64_t word);
/* Standard normal from one word, a multiple of 2^-21: exact in f32. */
double tn_random_normal(uint32_t word);
/* The table behind it, row by row: entry 0 .. ROWS * COLUMNS - 1. */
enum { TN_NORMAL_ROWS = 32, TN_NORMAL_COLUMNS = 129 };
int32_t tn_random_normal_entry(int index);
/* low + floor(word * (high - low + 1) / 2^32); high - low below 2^32. */
int64_t tn_random_between(uint32_t word, int64_t low, int64_t high);

#endif
