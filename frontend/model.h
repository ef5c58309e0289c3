/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_MODEL_H
#define TN_FRONTEND_MODEL_H

#include "frontend/json.h"
#include "ir/graph/graph.h"

/* A graph file read, checked and expanded: params, functions, `repeat` and
 * formulas are gone, `scan`, `while` and run-time `if` keep their bodies. */

/* --set NAME=VALUE; the value as typed: a number, true, false, an element
 * type, or an expression over params above. NAME may be "preset". */
typedef struct tn_model_set {
    const char *name, *value;
} tn_model_set;

/* --dim NAME=LOW..HIGH; LOW == HIGH fixes it. */
typedef struct tn_model_dim {
    const char *name;
    int64_t low, high;
} tn_model_dim;

/* Everything may be zero. Borrowed while reading. */
typedef struct tn_model_options {
    const tn_model_set *sets;
    int set_count;
    const char *preset;
    const tn_model_dim *dims;
    int dim_count;
    const char *entry; /* only this one; NULL: all */
    uint64_t seed;
    bool seed_weights; /* no weight file is read, seeded values instead */
    tn_read_limits limits;
} tn_model_options;

/* What the file says beyond the graphs, for tools: module->document. */
typedef struct tn_param {
    const char *name;
    const char *value; /* "4608", "bf16" */
    bool set;          /* by --set or a preset */
} tn_param;

typedef struct tn_document {
    tn_json_doc *json;
    TN_VEC(tn_param) params;
    TN_VEC(const char *) presets;
    const char *preset; /* the one in force, or NULL */
    const char *title;  /* meta.name, or the file's name without folder and ending */
    const char *stage;  /* after which pass it was printed, or NULL */
    bool seed_weights;
    tn_map weights; /* full name -> tn_weight_source, of weights.h */
    TN_VEC(const char *) unused; /* tensors of weight files that nobody uses */
    struct tn_tests *tests;      /* of tests.h */
    void *reader;                /* the reader: values of params */
} tn_document;

/* Reads `path` into a module in the arena. Call inside a guard of the arena.
 * Weights have types and sources but no data yet (tn_weights_load).
 *
 * Errors: 2 an unknown name in `sets`, `preset`, `dims`, `entry`; 3 malformed;
 * 4 ops and attributes of ops that this version does not know, all of them
 * listed; 5 a limit; 7 a file. Every message names file, line, column, path. */
tn_status tn_model_read(const tn_env *env, tn_arena *arena, const char *path,
    const tn_model_options *options, tn_module **out) TN_MUST_USE;
/* The same of text that is in memory; `name` stands for the file in messages,
 * its folder is where the model's other files are. */
tn_status tn_model_parse(const tn_env *env, tn_arena *arena, const char *name, tn_span text,
    const tn_model_options *options, tn_module **out) TN_MUST_USE;

static inline tn_document *
tn_module_document(const tn_module *module)
{
    return module->document;
}

/* The entry of that name; for NULL `main`, else the first. NULL: none. */
tn_graph *tn_module_entry(const tn_module *module, const char *name);
/* Elements of all distinct weights, slices of stacks one by one. */
int64_t tn_module_params(const tn_module *module);

#endif
