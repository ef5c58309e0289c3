/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/hash.h"

#include <string.h>

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube
 * roots of the first 64 primes. */
static const uint32_t round_constants[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
    0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
    0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* 5.3.3: of the square roots of the first eight primes. */
static const uint32_t first_state[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static inline uint32_t
rotate(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

static void
expand(uint32_t w[64], const uint8_t *block)
{
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
            (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;

        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

/* 6.2.2, steps 2 to 4. */
static void
mix(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

    expand(w, block);
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + round_constants[i] + w[i];
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));

        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

void
tn_hash_start(tn_hasher *h)
{
    memset(h, 0, sizeof *h);
    memcpy(h->state, first_state, sizeof first_state);
}

void
tn_hash_add(tn_hasher *h, const void *from, size_t bytes)
{
    const uint8_t *at = from;
    size_t filled = (size_t)(h->bytes % sizeof h->block);

    h->bytes += bytes;
    if (filled) {
        size_t part = sizeof h->block - filled;

        part = part < bytes ? part : bytes;
        if (part)
            memcpy(h->block + filled, at, part);
        if (filled + part < sizeof h->block)
            return;
        mix(h->state, h->block);
        at += part;
        bytes -= part;
    }
    for (; bytes >= sizeof h->block; at += sizeof h->block, bytes -= sizeof h->block)
        mix(h->state, at);
    if (bytes)
        memcpy(h->block, at, bytes);
}

tn_hash
tn_hash_end(tn_hasher *h)
{
    uint64_t bits = h->bytes * 8;
    uint8_t tail[72] = {0x80};
    size_t zeros = (size_t)((119 - h->bytes % 64) % 64);
    tn_hash out;

    for (size_t i = 0; i < 8; i++)
        tail[1 + zeros + i] = (uint8_t)(bits >> (56 - 8 * i));
    tn_hash_add(h, tail, 1 + zeros + 8);
    for (size_t i = 0; i < TN_HASH_BYTES; i++)
        out.at[i] = (uint8_t)(h->state[i / 4] >> (24 - 8 * (i % 4)));
    return out;
}

tn_hash
tn_hash_of(const void *from, size_t bytes)
{
    tn_hasher h;

    tn_hash_start(&h);
    tn_hash_add(&h, from, bytes);
    return tn_hash_end(&h);
}

void
tn_hash_hex(const tn_hash *hash, char out[TN_HASH_HEX])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < TN_HASH_BYTES; i++) {
        out[2 * i] = digits[hash->at[i] >> 4];
        out[2 * i + 1] = digits[hash->at[i] & 15];
    }
    out[2 * TN_HASH_BYTES] = '\0';
}
