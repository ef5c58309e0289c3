/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_WRITE_IN_H
#define TN_FRONTEND_WRITE_IN_H

#include "frontend/write.h"

/* The writer of graph files, for the files of this folder only: nodes in
 * write.c, declarations in write_declared.c, the rest in write_file.c. */
typedef struct tn_scribe {
    tn_text *out;
    tn_arena *arena;
    const tn_module *module;
    const tn_graph *g; /* the entry that is being written */
    const char **name; /* of its values, by id */
    tn_map used;       /* names that are taken in it */
    tn_map declared;   /* full names of weights and states declared so far; of
                      * a state its name in the last entry that has it */
    unsigned fresh;
    bool meaning; /* only what decides results; values are numbered, not named */
} tn_scribe;

/* `wanted`, or the like if that is taken; taken from now on. */
const char *tn_write_unique(tn_scribe *w, const char *wanted);
const char *tn_write_name_of(tn_scribe *w, const tn_value *v);
/* `"key": `, after a comma unless it is the first. */
void tn_write_key(tn_scribe *w, const char *key, bool first);
/* `, "low..high"` or `, "low.."` under a key. */
void tn_write_range(tn_scribe *w, const char *key, int64_t low, int64_t high);
/* A value as it stands in the file, on one line. */
void tn_write_json(tn_scribe *w, const tn_json *at);
const char *tn_write_size_text(const tn_scribe *w, tn_size size);
const char *tn_write_type_text(const tn_scribe *w, const tn_type *type);
void tn_write_block(tn_scribe *w, const tn_block *b, int depth);

/* Parts of an entry. */
void tn_write_inputs(tn_scribe *w);
void tn_write_declared(tn_scribe *w, bool last);
void tn_write_results(tn_scribe *w);

#endif
