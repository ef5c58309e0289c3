/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/text_input.h"

#include <assert.h>
#include <string.h>

tn_status
tn_text_tokenizer(const tn_env *env, const tn_iface_tokenizer *described, tn_tokenizer **out)
{
    tn_tokenizer_options options = {
        .kind = described->kind,
        .lowercase = described->lowercase,
        .unknown = described->unknown,
        .begin = described->begin,
        .end = described->end,
        .pad = described->pad,
        .max_length = described->max_length,
    };

    return tn_tokenizer_create(env->alloc, &options, described->vocabulary, env->diag, out);
}

/* ---- products ---- */

typedef enum axes { BY_ID, BY_WORD, BY_TEXT } axes;

typedef struct source {
    axes axes;
    const int32_t *numbers; /* or */
    const uint8_t *truths;
} source;

static bool
find_source(const tn_token_batch *batch, const char *product, source *out)
{
    const struct {
        const char *name;
        source source;
    } rows[] = {
        {"ids", {BY_ID, batch->ids, NULL}},
        {"length", {BY_TEXT, batch->length, NULL}},
        {"mask", {BY_ID, NULL, batch->mask}},
        {"type_ids", {BY_ID, batch->type_ids, NULL}},
        {"word_first", {BY_WORD, batch->word_first, NULL}},
        {"words", {BY_TEXT, batch->words, NULL}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, product) == 0) {
            *out = rows[i].source;
            return true;
        }
    return false;
}

static tn_tensor
shape_of(const tn_token_batch *batch, axes kind, tn_dtype dtype)
{
    tn_tensor tensor = {.dtype = dtype, .rank = kind == BY_TEXT ? 1 : 2, .dim = {batch->rows}};

    tensor.dim[1] = kind == BY_ID ? batch->ids_size : batch->words_size;
    return tensor;
}

static tn_status
fill(tn_diag *diag, const source *from, const char *product, tn_tensor *to)
{
    int64_t count = 0, low = 0, high = 1;
    bool counted = tn_tensor_elements(to, &count);

    assert(counted);
    (void)counted;
    if (to->dtype != TN_BOOL)
        tn_dtype_range(to->dtype, &low, &high);
    for (int64_t i = 0; i < count; i++) {
        int64_t value = from->numbers ? from->numbers[i] : from->truths[i];

        if (value < low || value > high)
            return tn_fail(diag, TN_MALFORMED, "%s: %lld does not fit %s", product,
                (long long)value, tn_dtype_name(to->dtype));
        tn_store_int(to->dtype, (char *)to->data + i * tn_dtype_bytes(to->dtype), value);
    }
    return TN_OK;
}

tn_status
tn_text_product(const tn_env *env, const tn_token_batch *batch, const char *product, tn_dtype dtype,
    tn_tensor *out)
{
    source from;
    tn_tensor made;
    tn_status status;

    if (!find_source(batch, product, &from))
        return tn_fail(env->diag, TN_MALFORMED,
            "a text has no \"%s\"; it has: ids, length, mask, type_ids, word_first, words",
            product);
    if (tn_is_float(dtype) || (dtype == TN_BOOL && !from.truths))
        return tn_fail(env->diag, TN_MALFORMED, "%s of a text is no %s", product,
            tn_dtype_name(dtype));
    made = shape_of(batch, from.axes, dtype);
    TN_TRY(tn_tensor_create(env->alloc, env->diag, &made));
    status = fill(env->diag, &from, product, &made);
    if (status == TN_OK)
        *out = made;
    else
        tn_tensor_free(env->alloc, &made);
    return status;
}

/* ---- inputs ---- */

static bool
is_part(const tn_iface_input *input, const char *name)
{
    return input->tokenizer >= 0 && strcmp(input->text, name) == 0;
}

static tn_status
encode(const tn_env *env, const tn_iface *iface, const tn_iface_entry *entry, const char *name,
    const tn_text_in *texts, uint32_t count, tn_token_batch **out)
{
    tn_tokenizer *tokenizer;
    tn_status status;
    uint32_t at = 0;

    while (at < entry->inputs.count && !is_part(&entry->inputs.at[at], name))
        at++;
    if (at == entry->inputs.count)
        return tn_fail(env->diag, TN_MALFORMED, "%s: there is no text input \"%s\"", entry->name,
            name);
    TN_TRY(tn_text_tokenizer(env, &iface->tokenizers.at[entry->inputs.at[at].tokenizer],
        &tokenizer));
    status = tn_token_batch_create(env->alloc, tokenizer, texts, count, env->diag, out);
    tn_tokenizer_destroy(tokenizer);
    return status;
}

/* Fills the parts before `end`; how far it came is in `*done`. */
static tn_status
make_parts(const tn_env *env, const tn_iface_entry *entry, const char *name,
    const tn_token_batch *batch, tn_tensor *inputs, uint32_t *done)
{
    for (*done = 0; *done < entry->inputs.count; ++*done) {
        const tn_iface_input *input = &entry->inputs.at[*done];

        if (is_part(input, name))
            TN_TRY(tn_text_product(env, batch, input->product, input->dtype, &inputs[*done]));
    }
    return TN_OK;
}

tn_status
tn_text_inputs(const tn_env *env, const tn_iface *iface, const tn_iface_entry *entry,
    const char *name, const tn_text_in *texts, uint32_t count, tn_tensor *inputs,
    tn_token_batch **batch)
{
    tn_status status;
    uint32_t done;

    *batch = NULL;
    TN_TRY(encode(env, iface, entry, name, texts, count, batch));
    status = make_parts(env, entry, name, *batch, inputs, &done);
    if (status == TN_OK)
        return TN_OK;
    while (done-- > 0)
        if (is_part(&entry->inputs.at[done], name))
            tn_tensor_free(env->alloc, &inputs[done]);
    tn_token_batch_destroy(*batch);
    *batch = NULL;
    return status;
}
