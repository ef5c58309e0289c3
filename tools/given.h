/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_GIVEN_H
#define TN_TOOLS_GIVEN_H

#include "frontend/json.h"
#include "runtime/iface.h"
#include "runtime/tensor.h"
#include "runtime/text/token_batch.h"
#include "tools/tool.h"

/* The inputs of one run, as given: on the command line, in a test of the
 * model, or filled from a seed. Tensors are owned. */
typedef struct tn_given {
    const tn_iface *iface;
    const tn_iface_entry *entry;
    tn_tensor *inputs; /* one for each input of the entry */
    bool *has;
    tn_token_batch *batch; /* of the text input, if a text was given */
    tn_text_in *texts;
    bool *has_fixed; /* symbols by --dim */
    int64_t *fixed;
    tn_span text_file; /* behind `texts` */
} tn_given;

/* Empty: nothing given yet. Memory from tool->arena and env->alloc. */
void tn_given_init(tn_tool *tool, const tn_iface *iface, int entry, tn_given *out);
void tn_given_free(tn_tool *tool, tn_given *given);

/* All -i and --dim of the command line. */
tn_status tn_given_options(tn_tool *tool, tn_given *given) TN_MUST_USE;
/* One input by JSON: nested lists, numbers, "=inf"; for a text input a string
 * or a list of strings. */
tn_status tn_given_json(tn_tool *tool, tn_given *given, const char *name, const tn_json_doc *doc,
    const tn_json *value) TN_MUST_USE;
/* Puts a tensor under a name, taking it over; converts as the contract says. */
tn_status tn_given_tensor(tn_tool *tool, tn_given *given, const char *name, tn_tensor *tensor)
    TN_MUST_USE;
/* The tensor of a .npy file. */
tn_status tn_given_npy(tn_tool *tool, tn_given *given, const char *name, const char *path)
    TN_MUST_USE;
tn_status tn_given_dim(tn_tool *tool, tn_given *given, const char *symbol, int64_t value)
    TN_MUST_USE;
tn_status tn_given_texts(tn_tool *tool, tn_given *given, const char *name, const tn_text_in *texts,
    uint32_t count) TN_MUST_USE;
/* One input filled from a seed of its own (normal numbers; integers within
 * their range), one of zeros, and a copy of a result. */
tn_status tn_given_seeded(tn_tool *tool, tn_given *given, const char *name, uint64_t seed, int rank,
    const int64_t *dim) TN_MUST_USE;
tn_status tn_given_empty(tn_tool *tool, tn_given *given, const char *name, int rank,
    const int64_t *dim) TN_MUST_USE;
tn_status tn_given_copy(tn_tool *tool, tn_given *given, const char *name, const tn_tensor *from)
    TN_MUST_USE;
/* What is still missing: filled from the seed, or TN_USAGE naming all. */
tn_status tn_given_rest(tn_tool *tool, tn_given *given, bool seeded, uint64_t seed) TN_MUST_USE;

/* JSON data to a tensor of `dtype` and rank; shapes from the nesting. */
tn_status tn_tensor_of_json(tn_tool *tool, const tn_json_doc *doc, const tn_json *value,
    tn_dtype dtype, int rank, tn_tensor *out) TN_MUST_USE;

#endif
