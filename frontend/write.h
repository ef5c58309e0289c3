/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_WRITE_H
#define TN_FRONTEND_WRITE_H

#include "frontend/model.h"
#include "ir/base/hash.h"

/* The graphs of a module as a graph file of their own, with "stage": params,
 * functions and repeats are expanded, values have their paths as names. What is
 * read back is the same module: graphs, weights and states whether used or
 * not, tests and expectations; it writes the same text. Params stand with the
 * values that they had, so that tests can say for which of them they are. Left
 * out are what `doc` says of parts that are expanded, remarks, and, where the
 * module was read with options.entry, tests and expectations of other entries.
 * Inside a guard. */
void tn_model_write(tn_text *out, const tn_module *module, const char *stage);
/* The hash of what the graphs mean: of what tn_model_write writes, without
 * names of values, `doc`, `meta`, `from`, `was`, `sample`, labels (but for
 * those that weights are computed from), tokenizers, tests, expectations,
 * params. Names of inputs, outputs, weights and state count, ranges too. What
 * weights hold counts where the file itself says it. Inside a guard. */
tn_hash tn_model_meaning(tn_arena *arena, const tn_module *module);
/* A number as it stands in a file: a decimal, or "=1/3", "=inf", "=sqrt(T)". */
void tn_write_number(tn_text *out, tn_sizes *sizes, const tn_number *n);

#endif
