/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_BASE_HASH_H
#define TN_IR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* SHA-256 (FIPS 180-4), the one content hash. */
enum { TN_HASH_BYTES = 32, TN_HASH_HEX = 65 };

typedef struct tn_hash {
    uint8_t at[TN_HASH_BYTES];
} tn_hash;

typedef struct tn_hasher {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
} tn_hasher;

void tn_hash_start(tn_hasher *h);
void tn_hash_add(tn_hasher *h, const void *from, size_t bytes);
tn_hash tn_hash_end(tn_hasher *h);

tn_hash tn_hash_of(const void *from, size_t bytes);
/* Lower-case hexadecimal with a terminator. */
void tn_hash_hex(const tn_hash *hash, char out[TN_HASH_HEX]);

#endif
