/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/tokenizer.h"

#include <assert.h>
#include <string.h>

#include "ir/base/vec.h"
#include "runtime/text/unicode.h"
#include "runtime/text/vocabulary.h"
#include "runtime/text/wordpiece.h"

typedef enum kind { WORDPIECE, CHARS, BYTES } kind;

struct tn_tokenizer {
    tn_arena *arena; /* holds this struct too */
    kind kind;
    bool lowercase;
    tn_vocabulary vocabulary;
    int32_t unknown, begin, end, pad; /* begin, end: -1 for none */
    uint32_t limit;                   /* ids before `end` */
    int64_t max_length;
};

/* ---- creation ---- */

typedef struct creation {
    tn_arena *arena;
    const tn_tokenizer_options *options;
    tn_span vocabulary;
    tn_diag *diag;
    tn_tokenizer *made;
} creation;

static tn_status
find_kind(const creation *job, kind *out)
{
    static const char *const names[] = {"wordpiece", "chars", "bytes"};
    const char *name = job->options->kind;

    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (kind)i;
            return TN_OK;
        }
    return tn_fail(job->diag, TN_UNSUPPORTED,
        "tokenizer: there is no kind \"%s\" here; there are: wordpiece, chars, bytes", name);
}

/* The id of a piece that the options name. */
static tn_status
find_named(const creation *job, const char *role, const char *name, int32_t *id)
{
    size_t length = strlen(name);
    size_t step;

    switch (job->made->kind) {
    case WORDPIECE:
        *id = tn_vocabulary_find(&job->made->vocabulary, name, length);
        if (*id >= 0)
            return TN_OK;
        return tn_fail(job->diag, TN_MALFORMED,
            "tokenizer: %s is \"%s\", which is no piece of the vocabulary", role, name);
    case CHARS:
        step = tn_unicode_next((const uint8_t *)name, length, id);
        if (step > 0 && step == length)
            return TN_OK;
        return tn_fail(job->diag, TN_MALFORMED,
            "tokenizer: %s is \"%s\"; a tokenizer of kind chars wants one character", role, name);
    default:
        *id = (unsigned char)name[0];
        if (length == 1)
            return TN_OK;
        return tn_fail(job->diag, TN_MALFORMED,
            "tokenizer: %s is \"%s\"; a tokenizer of kind bytes wants one byte", role, name);
    }
}

static bool
is_given(const char *name)
{
    return name && *name;
}

static tn_status
find_names(const creation *job)
{
    const tn_tokenizer_options *o = job->options;
    tn_tokenizer *t = job->made;

    t->begin = t->end = -1;
    if (is_given(o->begin))
        TN_TRY(find_named(job, "begin", o->begin, &t->begin));
    if (is_given(o->end))
        TN_TRY(find_named(job, "end", o->end, &t->end));
    if (is_given(o->pad))
        TN_TRY(find_named(job, "pad", o->pad, &t->pad));
    if (t->kind == WORDPIECE)
        return find_named(job, "unknown", is_given(o->unknown) ? o->unknown : "[UNK]", &t->unknown);
    if (is_given(o->unknown) || o->lowercase)
        return tn_fail(job->diag, TN_MALFORMED, "tokenizer: %s is for kind wordpiece only",
            o->lowercase ? "lowercase" : "unknown");
    return TN_OK;
}

static tn_status
set_limit(const creation *job)
{
    tn_tokenizer *t = job->made;
    int64_t most = job->options->max_length;
    int64_t own = (t->begin >= 0) + (t->end >= 0);

    t->limit = UINT32_MAX;
    t->max_length = most;
    if (most == 0)
        return TN_OK;
    if (most < own + 1 || most > INT32_MAX)
        return tn_fail(job->diag, TN_MALFORMED,
            "tokenizer: max_length is %lld, allowed are %lld..%d", (long long)most,
            (long long)own + 1, INT32_MAX);
    t->limit = (uint32_t)(most - (t->end >= 0));
    return TN_OK;
}

static tn_status
create(void *arg)
{
    creation *job = arg;
    tn_tokenizer *t = job->made = tn_new(job->arena, tn_tokenizer);

    t->arena = job->arena;
    t->lowercase = job->options->lowercase;
    TN_TRY(find_kind(job, &t->kind));
    if (t->kind == WORDPIECE && !tn_unicode_has_data())
        return tn_fail(job->diag, TN_UNSUPPORTED,
            "tokenizer: kind wordpiece needs Unicode data, and this tenon was built without "
            "utf8proc");
    if (t->kind == WORDPIECE)
        TN_TRY(tn_vocabulary_read(job->vocabulary, job->arena, job->diag, &t->vocabulary));
    TN_TRY(find_names(job));
    return set_limit(job);
}

tn_status
tn_tokenizer_create(const tn_alloc *alloc, const tn_tokenizer_options *options, tn_span vocabulary,
    tn_diag *diag, tn_tokenizer **out)
{
    creation job = {.options = options, .vocabulary = vocabulary, .diag = diag};
    tn_status status = TN_NO_MEMORY;

    *out = NULL;
    job.arena = tn_arena_create(alloc, 0);
    if (job.arena)
        status = tn_arena_guard(job.arena, create, &job);
    if (status == TN_NO_MEMORY)
        status =
            tn_fail_memory(diag, job.arena ? tn_arena_failed_bytes(job.arena) : 0, "a tokenizer");
    if (status == TN_OK)
        *out = job.made;
    else
        tn_arena_destroy(job.arena);
    return status;
}

void
tn_tokenizer_destroy(tn_tokenizer *tokenizer)
{
    if (tokenizer)
        tn_arena_destroy(tokenizer->arena);
}

int32_t
tn_tokenizer_pad(const tn_tokenizer *tokenizer)
{
    return tokenizer->pad;
}

int64_t
tn_tokenizer_max_length(const tn_tokenizer *tokenizer)
{
    return tokenizer->max_length;
}

/* ---- encoding ---- */

typedef struct encoding {
    const tn_tokenizer *tokenizer;
    const uint8_t *text;
    size_t length;
    tn_wordpiece sink; /* collects the ids of all kinds */
    TN_VEC(tn_token_word) words;
} encoding;

static tn_status
check_text(const uint8_t *text, size_t length, tn_diag *diag)
{
    if (length > TN_TOKENIZER_TEXT)
        return tn_fail(diag, TN_LIMIT, "text: %zu bytes, at most %d are read", length,
            TN_TOKENIZER_TEXT);
    for (size_t at = 0; at < length;) {
        int32_t scalar;
        size_t step = tn_unicode_next(text + at, length - at, &scalar);

        if (!step)
            return tn_fail(diag, TN_MALFORMED,
                "text: byte %zu: expected UTF-8, found the byte 0x%02x", at, text[at]);
        at += step;
    }
    return TN_OK;
}

static size_t
next_scalar(const encoding *e, size_t at, int32_t *scalar)
{
    size_t step = tn_unicode_next(e->text + at, e->length - at, scalar);

    assert(step > 0 && "the text was checked");
    return at + step;
}

/* A character that is no piece of any word: kinds that keep everything keep
 * it, white space or not. */
static void
put_raw(encoding *e, size_t start, size_t end)
{
    int32_t scalar;

    if (e->tokenizer->kind == CHARS) {
        (void)next_scalar(e, start, &scalar);
        tn_wordpiece_put(&e->sink, scalar);
    } else if (e->tokenizer->kind == BYTES) {
        for (size_t i = start; i < end; i++)
            tn_wordpiece_put(&e->sink, e->text[i]);
    }
}

static void
put_word(encoding *e, size_t start, size_t end)
{
    uint32_t first = e->sink.count;
    tn_token_word word = {(uint32_t)start, (uint32_t)end, (int32_t)first};

    if (e->tokenizer->kind == WORDPIECE)
        tn_wordpiece_cut(&e->sink, e->text + start, end - start);
    else
        for (size_t at = start, next; at < end; at = next) {
            int32_t scalar;

            next = next_scalar(e, at, &scalar);
            put_raw(e, at, next);
        }
    if (e->sink.count > first)
        tn_push(e->sink.arena, &e->words, word);
}

/* BERT drops control characters before it looks for white space, so that one
 * which both are (a vertical tab) separates nothing. */
static bool
separates(const encoding *e, int32_t scalar)
{
    return tn_unicode_is_space(scalar) &&
        (e->tokenizer->kind != WORDPIECE || !tn_wordpiece_drops(scalar));
}

static void
encode_body(encoding *e)
{
    size_t word = 0;

    for (size_t at = 0, next; at < e->length && e->sink.count < e->sink.limit; at = next) {
        int32_t scalar;
        bool last;

        next = next_scalar(e, at, &scalar);
        last = next == e->length;
        if (separates(e, scalar)) {
            if (at > word)
                put_word(e, word, at);
            put_raw(e, at, next);
            word = next;
        } else if (last) {
            put_word(e, word, next);
        }
    }
}

tn_status
tn_tokenizer_encode(const tn_tokenizer *tokenizer, const char *text, size_t length, tn_arena *arena,
    tn_diag *diag, tn_tokens *out)
{
    encoding e = {.tokenizer = tokenizer, .text = (const uint8_t *)text, .length = length};

    TN_TRY(check_text(e.text, length, diag));
    e.sink = (tn_wordpiece){
        .vocabulary = &tokenizer->vocabulary,
        .unknown = tokenizer->unknown,
        .lowercase = tokenizer->lowercase,
        .arena = arena,
        .limit = tokenizer->limit,
    };
    if (tokenizer->begin >= 0)
        tn_wordpiece_put(&e.sink, tokenizer->begin);
    encode_body(&e);
    e.sink.limit = UINT32_MAX;
    if (tokenizer->end >= 0)
        tn_wordpiece_put(&e.sink, tokenizer->end);
    *out = (tn_tokens){e.sink.ids, e.sink.count, e.words.at, e.words.count};
    return TN_OK;
}
