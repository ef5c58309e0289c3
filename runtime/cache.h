/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_CACHE_H
#define TN_RUNTIME_CACHE_H

#include "backends/backend.h"
#include "ir/base/files.h"
#include "ir/base/hash.h"

/* A folder of compiled things, each in a file named by the hash of all that
 * decides what it holds. Threads and processes may use one folder at once. A
 * cache never fails: what is damaged, foreign or writable by others is as
 * absent, and is replaced; what cannot be written is not kept. */

/* Calls `take` with what was kept under `key`, in memory that lives until it
 * returns, and returns true. `folder` NULL: there is no cache. */
bool tn_cache_find(const tn_env *env, const char *folder, const tn_hash *key,
    void (*take)(void *to, tn_blob kept), void *to);

/* The file appears whole or not at all; folders are made as needed. A file
 * counts as used when it was last kept or found. */
void tn_cache_keep(const tn_env *env, const char *folder, const tn_hash *key, tn_blob kept);

/* If the files of the folder exceed `limit_bytes`, removes those used longest
 * ago until three quarters of that are left. Only files that a cache names are
 * counted and removed, also unfinished ones of processes that ended. */
void tn_cache_trim(const tn_env *env, const char *folder, uint64_t limit_bytes);

/* Adds a part of a key: its length, then its bytes, so that parts do not run
 * into each other. */
void tn_cache_part(tn_hasher *h, const void *from, size_t bytes);

#endif
