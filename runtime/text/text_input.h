/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_TEXT_TEXT_INPUT_H
#define TN_RUNTIME_TEXT_TEXT_INPUT_H

#include "ir/base/files.h"
#include "runtime/iface.h"
#include "runtime/tensor.h"
#include "runtime/text/token_batch.h"

/* From texts to the tensors that a graph reads. */

/* The tokenizer as a model describes it. */
tn_status tn_text_tokenizer(const tn_env *env, const tn_iface_tokenizer *described,
    tn_tokenizer **out) TN_MUST_USE;

/* One product of a batch as a tensor of element type `dtype`, an integer
 * type or bool: `ids`, `mask`, `type_ids` are [B,S], `word_first` is [B,W],
 * `length` and `words` are [B]. Free with tn_tensor_free. TN_MALFORMED:
 * another product, or an id that the type cannot hold. */
tn_status tn_text_product(const tn_env *env, const tn_token_batch *batch, const char *product,
    tn_dtype dtype, tn_tensor *out) TN_MUST_USE;

/* All tensors of the text input `name` of an entry, in their places of
 * `inputs` (one for each input of the entry; the others are not touched, and
 * on failure none is). `batch` gets the words of the texts, for printing;
 * destroy it. TN_MALFORMED if the entry has no such text input. */
tn_status tn_text_inputs(const tn_env *env, const tn_iface *iface, const tn_iface_entry *entry,
    const char *name, const tn_text_in *texts, uint32_t count, tn_tensor *inputs,
    tn_token_batch **batch) TN_MUST_USE;

#endif
