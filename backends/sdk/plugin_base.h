/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_SDK_PLUGIN_BASE_H
#define TN_BACKENDS_SDK_PLUGIN_BASE_H

#include "backends/backend.h"
#include "ir/base/alloc.h"
#include "ir/base/arena.h"
#include "ir/base/diag.h"
#include "ir/kernel/kernel.h"

/* What every backend of the tree begins with: the head that its query hands
 * out, and the host in the forms that ir/base knows. A plugin's own block has
 * it as its first member, so that `self` of every entry is both. Backends
 * outside the tree need backend.h alone (backends/null). */
typedef struct tn_plugin_base {
    tn_plugin head;
    tn_backend backend;
    const tn_backend *list[2];
    const tn_host *host;
    tn_alloc alloc; /* the host's memory */
    size_t bytes;   /* of the whole block */
} tn_plugin_base;

/* A block of `bytes`, all 0 but the base: the entries with `self` set to the
 * block, and a shutdown that frees it where the entries have none. NULL: another
 * ABI, or out of memory. `host` must outlive it. */
tn_plugin_base *tn_plugin_base_new(uint32_t abi, const tn_host *host, const tn_backend *entries,
    size_t bytes);
/* Frees the block; the shutdown of a backend that holds nothing else. */
void tn_plugin_base_free(void *self);

/* Explains to the host, if it listens, and gives `status`. Any thread. */
int tn_plugin_fail(const tn_plugin_base *base, tn_status status, const char *format, ...)
    TN_PRINTF(3, 4);
/* The same with the first line of `diag`, if `status` is a failure; clears
 * `diag`. */
int tn_plugin_told(const tn_plugin_base *base, tn_status status, tn_diag *diag);

/* Code from a kernel; both live in the arena. */
typedef tn_status (*tn_plugin_generate_fn)(tn_arena *arena, tn_diag *diag, const tn_kernel *kernel,
    const char *target, tn_blob *code);
/* `compile` of backend.h by way of `generate`: decodes the bytes of the kernel
 * in an arena of its own and hands out the code. Any thread. */
int tn_plugin_compile(const tn_plugin_base *base, tn_plugin_generate_fn generate,
    const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code), void *to);

#endif
