/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_COMPILE_H
#define TN_RUNTIME_COMPILE_H

#include "ir/graph/graph.h"
#include "runtime/artifact.h"
#include "runtime/plugin.h"

/* What to make code for. */
typedef struct tn_compile_target {
    const char *name;   /* "cpu:x86-64-v4", "vulkan": as in the artifact */
    const char *family; /* "cpu", "vulkan", .. */
    const char *text;   /* target text (ir/target.h) */
} tn_compile_target;

typedef struct tn_compiled tn_compiled;
typedef struct tn_compile_options {
    const tn_compile_target *targets;
    uint32_t target_count;
    bool exact;   /* no freedom with floats */
    uint64_t skip; /* passes that are left out: tn_pass_set of passes/pass.h */
    bool no_code; /* kernels only, no finished code */
    bool no_pack; /* weights as rows */
    /* Weights by reference: none is read or copied, the artifact holds their
     * names and shapes. Who opens it sets iface.weights[i].at and bytes to
     * memory that outlives the model; with no_pack, rows as they lie in a
     * file. */
    bool no_weights;
    /* A fused row that an earlier compile found in this entry, to be left as it
     * is written (passes/finding.h); or NULL. */
    const struct tn_finding *leave;
    uint32_t leave_entry;
    /* Looks at the plans before code is made; its failure is the compile's.
     * Called inside the guard of the module's arena. May be NULL. */
    tn_status (*check)(void *self, const tn_compiled *made);
    void *check_self;
} tn_compile_options;

/* What a compile makes before it becomes a file, in module->arena. */
struct tn_compiled {
    /* Of each entry: what fused and what nearly did (passes/finding.h), and
     * the kernels before they are scheduled (passes/lower/lower.h). */
    const struct tn_findings *findings;
    const struct tn_lowered_list *lowered;
    tn_iface iface; /* weights without `at` unless they were loaded */
    tn_artifact_target *targets;
    uint32_t target_count;
};

/* Plans and kernels only: no code, no weights are needed. `module` is
 * rewritten. A guard of its own. */
tn_status tn_compile_plans(const tn_env *env, tn_registry *registry, tn_module *module,
    const tn_compile_options *options, tn_compiled *out) TN_MUST_USE;

/* The targets of a --target list ("cpu,vulkan"), in `arena`. TN_USAGE names
 * one that does not exist. */
tn_status tn_compile_targets(tn_arena *arena, tn_diag *diag, const char *list,
    const tn_compile_target **out, uint32_t *count) TN_MUST_USE;

/* The whole path, graph to artifact: every entry of `module` (whose graphs are
 * rewritten and must not be used afterwards), weights loaded. The bytes are
 * borrowed from module->arena. Runs inside a guard of that arena of its own. */
tn_status tn_compile(const tn_env *env, tn_registry *registry, tn_module *module,
    const tn_compile_options *options, tn_span *out) TN_MUST_USE;

/* The interface of a module, in its arena: for devices that take the graph as
 * it is (`ref`) and for `inspect`. Call inside a guard. */
tn_status tn_iface_of_module(const tn_env *env, tn_module *module, tn_iface *out) TN_MUST_USE;

#endif
