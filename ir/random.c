/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/random.h"

#include <stdio.h>
#include <string.h>

#include "ir/base/hash.h"

enum { ROUNDS = 10 };

static const int32_t normal_table[TN_NORMAL_ROWS][TN_NORMAL_COLUMNS] = {
#include "ir/normal_table.def"
};

void
tn_philox(uint64_t key, uint64_t counter, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t x0 = (uint32_t)counter, x1 = (uint32_t)(counter >> 32), x2 = 0, x3 = 0;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t p0 = (uint64_t)x0 * 0xD2511F53u, p1 = (uint64_t)x2 * 0xCD9E8D57u;
        uint32_t y0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0, y2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;

        x1 = (uint32_t)p1;
        x3 = (uint32_t)p0;
        x0 = y0;
        x2 = y2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

uint32_t
tn_random_word(uint64_t key, uint64_t element)
{
    uint32_t words[4];

    tn_philox(key, element / 4, words);
    return words[element % 4];
}

uint64_t
tn_random_word64(uint64_t key, uint64_t element)
{
    uint32_t words[4];

    tn_philox(key, element / 2, words);
    return words[2 * (element % 2)] | (uint64_t)words[2 * (element % 2) + 1] << 32;
}

uint64_t
tn_random_key(uint64_t seed, const char *full_name)
{
    char decimal[24];
    int length = snprintf(decimal, sizeof decimal, "%llu", (unsigned long long)seed);
    tn_hasher h;
    tn_hash hash;
    uint64_t key = 0;

    tn_hash_start(&h);
    tn_hash_add(&h, decimal, (size_t)length + 1);
    tn_hash_add(&h, full_name, strlen(full_name));
    hash = tn_hash_end(&h);
    for (int i = 8; i-- > 0;)
        key = key << 8 | hash.at[i];
    return key;
}

double
tn_random_uniform32(uint32_t word)
{
    return (double)(word >> 8) / 16777216.0;
}

double
tn_random_uniform64(uint64_t word)
{
    return (double)(word >> 11) / 9007199254740992.0;
}

/* The word picks a probability 2^-33 * x, x odd: its octave o and the next 7
 * bits name two neighbours in the table, the 16 bits after those a place
 * between them. */
double
tn_random_normal(uint32_t word)
{
    uint64_t x = 2 * (uint64_t)(word & 0x7fffffffu) + 1;
    int o = 0;
    uint64_t bits;
    int64_t i, f, q;

    while (x >> (o + 1))
        o++;
    bits = (x << (63 - o)) << 1;
    i = (int64_t)(bits >> 57);
    f = (int64_t)(bits >> 41 & 0xffff);
    q = normal_table[o][i] - (((int64_t)normal_table[o][i] - normal_table[o][i + 1]) * f >> 16);
    return (word >> 31 ? -1.0 : 1.0) * (double)q / 2097152.0;
}

int32_t
tn_random_normal_entry(int index)
{
    return normal_table[index / TN_NORMAL_COLUMNS][index % TN_NORMAL_COLUMNS];
}

int64_t
tn_random_between(uint32_t word, int64_t low, int64_t high)
{
    uint64_t count = (uint64_t)high - (uint64_t)low + 1;

    return low + (int64_t)((uint64_t)word * count >> 32);
}
