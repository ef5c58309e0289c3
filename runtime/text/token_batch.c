/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/token_batch.h"

#include <assert.h>
#include <string.h>

#include "ir/base/checked.h"

typedef struct creation {
    tn_arena *arena;
    const tn_tokenizer *tokenizer;
    const tn_text_in *texts;
    uint32_t count;
    tn_diag *diag;
    tn_token_batch *made;
} creation;

static tn_status
encode_all(const creation *job, tn_tokens *rows)
{
    for (uint32_t r = 0; r < job->count; r++) {
        const tn_text_in *text = &job->texts[r];
        tn_status status = tn_tokenizer_encode(job->tokenizer, text->at, text->bytes, job->arena,
            job->diag, &rows[r]);

        if (status != TN_OK && job->count > 1)
            return tn_fail(job->diag, status, "text %u of %u", r, job->count);
        TN_TRY(status);
    }
    return TN_OK;
}

static void
find_sizes(tn_token_batch *batch, const tn_tokens *rows)
{
    batch->ids_size = batch->words_size = 1;
    for (uint32_t r = 0; r < batch->rows; r++) {
        if (rows[r].count > batch->ids_size)
            batch->ids_size = rows[r].count;
        if (rows[r].word_count > batch->words_size)
            batch->words_size = rows[r].word_count;
    }
}

static void
fill_row(tn_token_batch *batch, uint32_t r, const tn_tokens *row, int32_t pad)
{
    int32_t *ids = batch->ids + (size_t)r * batch->ids_size;
    uint8_t *mask = batch->mask + (size_t)r * batch->ids_size;
    int32_t *first = batch->word_first + (size_t)r * batch->words_size;

    for (uint32_t i = 0; i < batch->ids_size; i++) {
        mask[i] = i < row->count;
        ids[i] = mask[i] ? row->ids[i] : pad;
    }
    for (uint32_t i = 0; i < row->word_count; i++)
        first[i] = row->words[i].first;
    batch->length[r] = (int32_t)row->count;
    batch->words[r] = (int32_t)row->word_count;
}

static tn_status
make_arrays(const creation *job, tn_token_batch *batch)
{
    size_t ids, words, bytes;

    if (!tn_mul_size(batch->rows, batch->ids_size, &ids) ||
        !tn_mul_size(batch->rows, batch->words_size, &words) ||
        !tn_mul_size(ids, sizeof(int32_t), &bytes))
        return tn_fail(job->diag, TN_LIMIT, "text: %u texts of %u ids are too many", batch->rows,
            batch->ids_size);
    batch->ids = tn_new_array(job->arena, int32_t, ids);
    batch->type_ids = tn_new_array(job->arena, int32_t, ids);
    batch->mask = tn_new_array(job->arena, uint8_t, ids);
    batch->length = tn_new_array(job->arena, int32_t, batch->rows);
    batch->words = tn_new_array(job->arena, int32_t, batch->rows);
    batch->word_first = tn_new_array(job->arena, int32_t, words);
    return TN_OK;
}

static tn_status
create(void *arg)
{
    creation *job = arg;
    tn_token_batch *batch = job->made = tn_new(job->arena, tn_token_batch);
    tn_tokens *rows = tn_new_array(job->arena, tn_tokens, job->count);
    const tn_token_word **spans = tn_new_array(job->arena, const tn_token_word *, job->count);

    batch->arena = job->arena;
    batch->rows = job->count;
    batch->spans = spans;
    TN_TRY(encode_all(job, rows));
    find_sizes(batch, rows);
    TN_TRY(make_arrays(job, batch));
    for (uint32_t r = 0; r < job->count; r++) {
        fill_row(batch, r, &rows[r], tn_tokenizer_pad(job->tokenizer));
        spans[r] = rows[r].words;
    }
    return TN_OK;
}

tn_status
tn_token_batch_create(const tn_alloc *alloc, const tn_tokenizer *tokenizer, const tn_text_in *texts,
    uint32_t count, tn_diag *diag, tn_token_batch **out)
{
    creation job = {.tokenizer = tokenizer, .texts = texts, .count = count, .diag = diag};
    tn_status status = TN_NO_MEMORY;

    assert(count > 0);
    *out = NULL;
    job.arena = tn_arena_create(alloc, 0);
    if (job.arena)
        status = tn_arena_guard(job.arena, create, &job);
    if (status == TN_NO_MEMORY)
        status = tn_fail_memory(diag, job.arena ? tn_arena_failed_bytes(job.arena) : 0,
            "the ids of texts");
    if (status == TN_OK)
        *out = job.made;
    else
        tn_arena_destroy(job.arena);
    return status;
}

void
tn_token_batch_destroy(tn_token_batch *batch)
{
    if (batch)
        tn_arena_destroy(batch->arena);
}
