/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_IFACE_H
#define TN_RUNTIME_IFACE_H

#include "ir/plan.h"

/* What a caller must know of a model to run it: entries with their inputs and
 * outputs, weights, states, labels, tokenizers. Plain data, owned by one
 * arena; part of every artifact. */

typedef struct tn_iface_input {
    const char *name; /* "x", "text.ids" */
    tn_dtype dtype;
    int32_t rank;
    tn_formula dim[TN_MAX_RANK];
    int32_t symbol; /* a ranged scalar: the symbol it binds; else -1 */
    bool has_range;
    int64_t low, high; /* of every value, inclusive */
    const char *text, *product; /* part of a text input, or "" */
    int32_t tokenizer;          /* or -1 */
} tn_iface_input;

typedef struct tn_iface_output {
    const char *name;
    tn_dtype dtype;
    int32_t rank;
    tn_formula dim[TN_MAX_RANK];
    int32_t labels;                     /* or -1 */
    const char *scheme, *length, *align; /* or "" */
} tn_iface_output;

typedef struct tn_iface_entry {
    const char *name;
    TN_VEC(tn_plan_symbol) symbols;
    TN_VEC(tn_iface_input) inputs;
    TN_VEC(tn_iface_output) outputs;
    TN_VEC(tn_plan_fact) facts;
} tn_iface_entry;

/* The bytes of a weight in one layout, as they lie in the artifact. */
typedef struct tn_iface_weight {
    const char *name;
    tn_dtype dtype;
    int32_t rank;
    int64_t dim[TN_MAX_RANK];
    uint32_t layout, layout_n; /* tn_layout_kind, N of P16 */
    uint64_t offset, bytes;    /* in the weights section */
    tn_span at;                /* once read or built */
} tn_iface_weight;

typedef struct tn_iface_state {
    const char *name;
    tn_dtype dtype;
    int32_t entry; /* whose symbols the dimensions are over */
    int32_t rank;
    tn_formula dim[TN_MAX_RANK];
    double fill;
} tn_iface_state;

typedef struct tn_iface_labels {
    const char *name;
    TN_VEC(const char *) names;
} tn_iface_labels;

typedef struct tn_iface_tokenizer {
    const char *name, *kind;
    tn_span vocabulary; /* the file's bytes */
    bool lowercase;
    const char *unknown, *begin, *end, *pad; /* or "" */
    int64_t max_length;                      /* 0: none */
} tn_iface_tokenizer;

typedef struct tn_iface {
    const char *model; /* name for people */
    int64_t params;    /* elements of all distinct weights */
    TN_VEC(tn_iface_entry) entries;
    TN_VEC(tn_iface_weight) weights;
    TN_VEC(tn_iface_state) states;
    TN_VEC(tn_iface_labels) labels;
    TN_VEC(tn_iface_tokenizer) tokenizers;
} tn_iface;

void tn_iface_encode(tn_writer *out, const tn_iface *iface);
/* TN_INTEGRITY for anything that does not fit. */
tn_status tn_iface_decode(tn_arena *arena, tn_diag *diag, tn_span bytes, tn_iface *out) TN_MUST_USE;
/* -1 if there is none. */
int tn_iface_entry_find(const tn_iface *iface, const char *name);
int tn_iface_input_find(const tn_iface_entry *entry, const char *name);

#endif
