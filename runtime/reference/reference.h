/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_REFERENCE_REFERENCE_H
#define TN_RUNTIME_REFERENCE_REFERENCE_H

#include "ir/base/files.h"
#include "ir/graph/graph.h"
#include "runtime/tensor.h"

/* The oracle: evaluates a graph op by op in double precision, integers exactly
 * in their type. Inputs, weights, literals and the results of cast, quantize
 * and bitcast are values of their element type; no other result is rounded to
 * it. Shares no code with lowering. */

/* Called with every value that an op gives, as f64 for floats and i64 for all
 * else. `round` counts the rounds of the loop around it. The tensor is
 * borrowed. */
typedef struct tn_reference_watch {
    void *self;
    void (*value)(void *self, const tn_value *value, int64_t round, const tn_tensor *tensor);
} tn_reference_watch;

typedef struct tn_reference_args {
    const int64_t *symbols;  /* one for each symbol of the graph, bound and checked */
    const tn_tensor *inputs; /* one for each input; floats as declared or as f64 */
    /* One for each of graph->state_values, in order: floats as declared or as
     * f64; and one for each of graph->weight_values, or NULL: tn_weight.data
     * (for a stack without it, that of its slices) is used. */
    const tn_tensor *states;
    const tn_tensor *weights;
    /* Results: floats are f64, not rounded; everything else as declared. Both
     * arrays are filled on success only; the caller frees the tensors. */
    tn_tensor *outputs; /* one for each output */
    tn_tensor *stores;  /* one for each of graph->stores; may be NULL if none */
    const tn_reference_watch *watch; /* or NULL */
} tn_reference_args;

/* TN_MALFORMED for what fails a run (an index out of range, an integer divided
 * by zero, a limit exceeded), naming op, operand, position and value;
 * TN_NO_MEMORY. The graph is only read; runs of one graph may go on in several
 * threads. */
tn_status tn_reference_run(const tn_env *env, const tn_graph *graph, const tn_reference_args *args)
    TN_MUST_USE;

/* A tensor of f64 rounded to `dtype` (TN_DTYPE_COUNT or no float: a copy). */
tn_status tn_reference_round(const tn_env *env, const tn_tensor *from, tn_dtype dtype,
    tn_tensor *to) TN_MUST_USE;

#endif
