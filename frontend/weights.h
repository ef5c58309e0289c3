/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_WEIGHTS_H
#define TN_FRONTEND_WEIGHTS_H

#include "frontend/model.h"

/* Where the values of a weight come from: in the document, by full name. */
typedef struct tn_weight_source {
    tn_weight *weight;
    const tn_json *at;    /* its declaration */
    const tn_json *data;  /* nested lists, or NULL */
    const tn_json *init;  /* as it counts: its own or the model's; NULL: none */
    const tn_labels *labels; /* of a computed initialiser, else NULL */
    int computed;         /* 0 transitions, 1 starts, 2 ends */
    const char *scheme;
    double legal, illegal;
    bool any;             /* "any": the file decides what is stored */
} tn_weight_source;

/* Values that a test gives to weights: full name and data. */
typedef struct tn_weight_given {
    const char *name;
    const tn_json *data;
} tn_weight_given;

typedef struct tn_weights_options {
    const tn_weight_given *given;
    int given_count;
} tn_weights_options;

/* Fills the data of all weights of the module, in its arena: from files
 * (unless it was read with seed_weights or names none), `data`, computed
 * initialisers, seeded fills. Call inside a guard of the arena. Errors: 3 what
 * a file has does not fit, a weight that no file has (all are listed); 4 block
 * formats and GGUF; 7 a file that cannot be read. */
tn_status tn_weights_load(const tn_env *env, tn_module *module, const tn_weights_options *options)
    TN_MUST_USE;

#endif
