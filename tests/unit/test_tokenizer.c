/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "ir/base/text.h"
#include "runtime/text/token_batch.h"
#include "runtime/text/unicode.h"
#include "tests/support/fake_alloc.h"
#include "tests/support/test.h"

static const char vocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\nplay\n##ing\n##s\ncafe\nun\n##aff\n##able\n'\n,\n$\n+\n"
    "\xe4\xb8\xad\n\xe6\x96\x87\nit\ns\na\n##a\n\xc3\x89t\xc3\xa9\n\xe2\x80\x99\n";

static tn_span
span(const char *text)
{
    return (tn_span){(const uint8_t *)text, strlen(text)};
}

static tn_tokenizer *
make(const tn_tokenizer_options *options)
{
    tn_tokenizer *t = NULL;

    TN_CHECK_EQ(tn_tokenizer_create(tn_alloc_system(), options, span(vocabulary), NULL, &t), TN_OK);
    return t;
}

/* Ids as "4 5", places of first ids after a bar; frees the tokenizer. */
static void
check_bytes(tn_tokenizer *t, const char *text, size_t bytes, const char *wanted)
{
    tn_text_in in = {text, bytes};
    tn_token_batch *batch = NULL;
    char found[4096] = "";
    size_t at = 0;

    TN_NEED(t != NULL);
    TN_NEED(tn_token_batch_create(tn_alloc_system(), t, &in, 1, NULL, &batch) == TN_OK);
    for (int32_t i = 0; i < batch->length[0]; i++)
        at += (size_t)snprintf(found + at, sizeof found - at, "%d ", (int)batch->ids[i]);
    at += (size_t)snprintf(found + at, sizeof found - at, "|");
    for (int32_t i = 0; i < batch->words[0]; i++)
        at += (size_t)snprintf(found + at, sizeof found - at, " %d", (int)batch->word_first[i]);
    TN_CHECK_STR(found, wanted);
    tn_token_batch_destroy(batch);
    tn_tokenizer_destroy(t);
}

static void
check_text(const tn_tokenizer_options *options, const char *text, const char *wanted)
{
    check_bytes(make(options), text, strlen(text), wanted);
}

static const tn_tokenizer_options lower = {.kind = "wordpiece", .lowercase = true};
static const tn_tokenizer_options cased = {.kind = "wordpiece"};

TN_TEST(cuts_the_longest_piece_first)
{
    check_text(&lower, "playing unaffable plays", "4 5 8 9 10 4 6 | 0 2 5");
}

TN_TEST(strips_case_and_accents_together)
{
    check_text(&lower, "CAF\xc3\x89 cafe\xcc\x81", "7 7 | 0 1");
    check_text(&cased, "\xc3\x89t\xc3\xa9 CAFE cafe", "21 1 7 | 0 1 2");
}

/* U+0130 is I with a dot, the one letter whose lower case is two characters. */
TN_TEST(decomposes_before_it_lowers)
{
    check_text(&lower, "\xc4\xb0T", "17 | 0");
}

TN_TEST(sets_marks_and_ideographs_apart)
{
    check_text(&lower, "it's, a$a+a", "17 11 18 12 19 13 19 14 19 | 0 4");
    check_text(&lower, "it\xe2\x80\x99s", "17 22 18 | 0");
    check_text(&lower,
        "a\xe4\xb8\xad\xe6\x96\x87"
        "a",
        "19 15 16 19 | 0");
}

TN_TEST(makes_a_run_with_an_unknown_rest_one_unknown)
{
    check_text(&lower, "playx play,x", "1 4 12 1 | 0 1");
}

TN_TEST(takes_a_hundred_characters_of_a_run_and_no_more)
{
    char text[102];

    memset(text, 'a', sizeof text);
    text[101] = 0;
    check_text(&lower, text, "1 | 0");
    text[100] = 0;
    check_bytes(make(&lower), text, 3, "19 20 20 | 0");
    {
        tn_tokenizer *t = make(&lower);
        tn_text_in in = {text, 100};
        tn_token_batch *batch = NULL;

        TN_NEED(tn_token_batch_create(tn_alloc_system(), t, &in, 1, NULL, &batch) == TN_OK);
        TN_CHECK_EQ(batch->length[0], 100);
        tn_token_batch_destroy(batch);
        tn_tokenizer_destroy(t);
    }
}

TN_TEST(drops_controls_and_words_of_them)
{
    check_bytes(make(&lower), "pl\0ay \xe2\x80\x8b \x0bit\xef\xbf\xbd", 17, "4 17 | 0 1");
}

TN_TEST(separates_words_at_any_white_space)
{
    check_text(&lower,
        "\tit\n\xc2\xa0play\xe2\x80\xa8s\xe3\x80\x80"
        "a \r",
        "17 4 18 19 | 0 1 2 3");
}

TN_TEST(cuts_at_max_length_before_the_end)
{
    tn_tokenizer_options o = lower;

    o.begin = "[CLS]";
    o.end = "[SEP]";
    check_text(&o, "it plays it", "2 17 4 6 17 3 | 1 2 4");
    o.max_length = 5;
    check_text(&o, "it plays it", "2 17 4 6 3 | 1 2");
    o.max_length = 4;
    check_text(&o, "it plays it", "2 17 4 3 | 1 2");
    o.max_length = 3;
    check_text(&o, "playx it", "2 1 3 | 1");
}

TN_TEST(gives_an_empty_text_a_shape)
{
    tn_text_in in = {"", 0};
    tn_tokenizer *t = make(&lower);
    tn_token_batch *batch = NULL;
    tn_tokenizer_options o = lower;

    TN_NEED(tn_token_batch_create(tn_alloc_system(), t, &in, 1, NULL, &batch) == TN_OK);
    TN_CHECK_EQ(batch->ids_size, 1);
    TN_CHECK_EQ(batch->words_size, 1);
    TN_CHECK_EQ(batch->length[0], 0);
    TN_CHECK_EQ(batch->words[0], 0);
    TN_CHECK_EQ(batch->mask[0], 0);
    tn_token_batch_destroy(batch);
    tn_tokenizer_destroy(t);
    o.begin = "[CLS]";
    o.end = "[SEP]";
    check_text(&o, " \n", "2 3 |");
}

TN_TEST(pads_a_batch)
{
    static const tn_text_in texts[] = {{"playing it", 10}, {"it", 2}, {"", 0}};
    static const int32_t ids[] = {4, 5, 17, 17, 3, 3, 3, 3, 3};
    static const int32_t first[] = {0, 2, 0, 0, 0, 0};
    static const uint8_t mask[] = {1, 1, 1, 1, 0, 0, 0, 0, 0};
    tn_tokenizer_options o = lower;
    tn_tokenizer *t;
    tn_token_batch *batch = NULL;

    o.pad = "[SEP]";
    t = make(&o);
    TN_NEED(tn_token_batch_create(tn_alloc_system(), t, texts, 3, NULL, &batch) == TN_OK);
    TN_CHECK_EQ(batch->ids_size, 3);
    TN_CHECK_EQ(batch->words_size, 2);
    TN_CHECK(memcmp(batch->ids, ids, sizeof ids) == 0);
    TN_CHECK(memcmp(batch->word_first, first, sizeof first) == 0);
    TN_CHECK(memcmp(batch->mask, mask, sizeof mask) == 0);
    TN_CHECK_EQ(batch->length[0], 3);
    TN_CHECK_EQ(batch->length[1], 1);
    TN_CHECK_EQ(batch->length[2], 0);
    TN_CHECK_EQ(batch->words[0], 2);
    TN_CHECK_EQ(batch->spans[0][1].start, 8);
    TN_CHECK_EQ(batch->spans[0][1].end, 10);
    tn_token_batch_destroy(batch);
    tn_tokenizer_destroy(t);
}

TN_TEST(numbers_characters_and_bytes)
{
    tn_tokenizer_options o = {.kind = "chars"};

    check_text(&o, "h\xc3\xa9 \xe4\xb8\xad", "104 233 32 20013 | 0 3");
    o.begin = "\xc3\xa9";
    check_text(&o, "a", "233 97 | 1");
    o = (tn_tokenizer_options){.kind = "bytes", .max_length = 3};
    check_text(&o, " \xc3\xa9", "32 195 169 | 1");
    check_text(&o, "  a bc", "32 32 97 | 2");
}

static void
check_refused(const char *text, size_t bytes, tn_status status, const char *wanted)
{
    tn_text_in in[2] = {{"it", 2}, {text, bytes}};
    tn_tokenizer *t = make(&lower);
    tn_token_batch *batch = NULL;
    tn_diag diag;

    tn_diag_init(&diag, tn_alloc_system());
    TN_CHECK_EQ(tn_token_batch_create(tn_alloc_system(), t, in + 1, 1, &diag, &batch), status);
    TN_CHECK(batch == NULL);
    TN_CHECK_STR(tn_diag_text(&diag, 0), wanted);
    TN_CHECK_EQ(tn_token_batch_create(tn_alloc_system(), t, in, 2, &diag, &batch), status);
    TN_CHECK_STR(tn_diag_text(&diag, 2), "text 1 of 2");
    tn_diag_clear(&diag);
    tn_tokenizer_destroy(t);
}

TN_TEST(refuses_what_is_no_utf8)
{
    check_refused("it \xc3(", 5, TN_MALFORMED, "text: byte 3: expected UTF-8, found the byte 0xc3");
    check_refused("a\xed\xa0\x80", 4, TN_MALFORMED,
        "text: byte 1: expected UTF-8, found the byte 0xed");
    check_refused("\xc0\x80", 2, TN_MALFORMED, "text: byte 0: expected UTF-8, found the byte 0xc0");
    check_refused("ab\xf4\x90\x80\x80", 6, TN_MALFORMED,
        "text: byte 2: expected UTF-8, found the byte 0xf4");
    check_refused("ab\xe4\xb8", 4, TN_MALFORMED,
        "text: byte 2: expected UTF-8, found the byte 0xe4");
}

static void
check_options(tn_tokenizer_options o, const char *pieces, tn_status status, const char *wanted)
{
    tn_tokenizer *t = NULL;
    tn_diag diag;

    tn_diag_init(&diag, tn_alloc_system());
    TN_CHECK_EQ(tn_tokenizer_create(tn_alloc_system(), &o, span(pieces), &diag, &t), status);
    TN_CHECK(t == NULL);
    TN_CHECK_STR(tn_diag_text(&diag, 0), wanted);
    tn_diag_clear(&diag);
}

TN_TEST(refuses_options_that_do_not_fit)
{
    check_options((tn_tokenizer_options){.kind = "bpe"}, "", TN_UNSUPPORTED,
        "tokenizer: there is no kind \"bpe\" here; there are: wordpiece, chars, bytes");
    check_options((tn_tokenizer_options){.kind = "wordpiece"}, "a\nb\n", TN_MALFORMED,
        "tokenizer: unknown is \"[UNK]\", which is no piece of the vocabulary");
    check_options((tn_tokenizer_options){.kind = "wordpiece", .begin = "x"}, "[UNK]", TN_MALFORMED,
        "tokenizer: begin is \"x\", which is no piece of the vocabulary");
    check_options((tn_tokenizer_options){.kind = "wordpiece"}, "[UNK]\n\xff\n", TN_MALFORMED,
        "vocabulary: line 2 is no UTF-8");
    check_options((tn_tokenizer_options){.kind = "wordpiece", .end = "a", .max_length = 1},
        "[UNK]\na\n", TN_MALFORMED, "tokenizer: max_length is 1, allowed are 2..2147483647");
    check_options((tn_tokenizer_options){.kind = "chars", .pad = "ab"}, "", TN_MALFORMED,
        "tokenizer: pad is \"ab\"; a tokenizer of kind chars wants one character");
    check_options((tn_tokenizer_options){.kind = "bytes", .end = "ab"}, "", TN_MALFORMED,
        "tokenizer: end is \"ab\"; a tokenizer of kind bytes wants one byte");
    check_options((tn_tokenizer_options){.kind = "chars", .lowercase = true}, "", TN_MALFORMED,
        "tokenizer: lowercase is for kind wordpiece only");
}

TN_TEST(reads_lines_of_either_ending)
{
    tn_tokenizer_options o = {.kind = "wordpiece"};
    tn_tokenizer *t = NULL;

    TN_CHECK_EQ(tn_tokenizer_create(tn_alloc_system(), &o, span("[UNK]\r\na\r\n\r\nb\nc\nb"), NULL,
                    &t),
        TN_OK);
    check_bytes(t, "a b c", 5, "1 5 4 | 0 1 2");
}

static tn_status
encode_somewhere(const tn_alloc *alloc)
{
    static const tn_text_in texts[] = {{"playing it's unaffable", 22}, {"it", 2}};
    tn_tokenizer *t = NULL;
    tn_token_batch *batch = NULL;
    tn_status status = tn_tokenizer_create(alloc, &lower, span(vocabulary), NULL, &t);

    if (status == TN_OK)
        status = tn_token_batch_create(alloc, t, texts, 2, NULL, &batch);
    tn_token_batch_destroy(batch);
    tn_tokenizer_destroy(t);
    return status;
}

TN_TEST(survives_running_out_anywhere)
{
    tn_fake_alloc memory;

    for (size_t n = 1;; n++) {
        tn_status status;

        tn_fake_alloc_init(&memory, n);
        status = encode_somewhere(&memory.table);
        TN_CHECK_EQ(memory.live, 0);
        if (!memory.failed)
            break;
        TN_CHECK_EQ(status, TN_NO_MEMORY);
    }
}

/* Characters of all kinds; in half of the texts a byte is then broken. */
static size_t
random_text(uint32_t *seed, char *out, size_t room)
{
    static const char *const likely[] = {"play", "ing", "'s", " ", "\xc3\xa9", "\xe4\xb8\xad",
        "\xcc\x81", "\xe2\x80\x8b", "\xf0\x9f\x8e\xb5", "\t", "$", "A", "\xed\x95\x9c"};
    size_t bytes = 0;

    for (size_t left = (*seed >> 8) % 12; left; left--) {
        const char *part;

        *seed = *seed * 1664525u + 1013904223u;
        part = likely[(*seed >> 16) % (sizeof likely / sizeof *likely)];
        TN_CHECK(bytes + strlen(part) <= room);
        memcpy(out + bytes, part, strlen(part));
        bytes += strlen(part);
    }
    *seed = *seed * 1664525u + 1013904223u;
    if (bytes && *seed >> 31)
        out[(*seed >> 8) % bytes] = (char)(*seed >> 20);
    return bytes;
}

static void
check_sane(const tn_token_batch *batch, size_t bytes)
{
    uint32_t end = 0;

    for (int32_t i = 0; i < batch->length[0]; i++)
        TN_NEED(batch->ids[i] >= 0 && batch->ids[i] <= 22);
    for (int32_t i = 0; i < batch->words[0]; i++) {
        const tn_token_word *word = &batch->spans[0][i];

        TN_NEED(word->first < batch->length[0] && (i == 0 || word->first > word[-1].first));
        TN_NEED(word->start >= end && word->end > word->start && word->end <= bytes);
        end = word->end;
    }
}

TN_TEST(takes_any_bytes)
{
    tn_tokenizer *t = make(&lower);
    uint32_t seed = 7, good = 0, bad = 0;
    char text[60];

    for (int i = 0; i < 5000; i++) {
        tn_text_in in = {text, random_text(&seed, text, sizeof text)};
        tn_token_batch *batch = NULL;
        tn_status status = tn_token_batch_create(tn_alloc_system(), t, &in, 1, NULL, &batch);

        TN_CHECK(status == TN_OK || status == TN_MALFORMED);
        if (batch)
            check_sane(batch, in.bytes);
        good += status == TN_OK;
        bad += status == TN_MALFORMED;
        tn_token_batch_destroy(batch);
    }
    TN_CHECK(good > 500 && bad > 500);
    tn_tokenizer_destroy(t);
}

/* Each scalar value goes through UTF-8 and back. */
TN_TEST(decodes_what_it_encodes)
{
    static const int32_t edges[] = {
        0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF};
    char bytes[4];

    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        int32_t scalar = -1;
        size_t put = tn_unicode_put(bytes, edges[i]);

        TN_CHECK_EQ(tn_unicode_next((const uint8_t *)bytes, put, &scalar), put);
        TN_CHECK_EQ(scalar, edges[i]);
    }
}

TN_MAIN(TN_CASE(cuts_the_longest_piece_first), TN_CASE(strips_case_and_accents_together),
    TN_CASE(decomposes_before_it_lowers), TN_CASE(sets_marks_and_ideographs_apart),
    TN_CASE(makes_a_run_with_an_unknown_rest_one_unknown),
    TN_CASE(takes_a_hundred_characters_of_a_run_and_no_more),
    TN_CASE(drops_controls_and_words_of_them), TN_CASE(separates_words_at_any_white_space),
    TN_CASE(cuts_at_max_length_before_the_end), TN_CASE(gives_an_empty_text_a_shape),
    TN_CASE(pads_a_batch), TN_CASE(numbers_characters_and_bytes), TN_CASE(refuses_what_is_no_utf8),
    TN_CASE(refuses_options_that_do_not_fit), TN_CASE(reads_lines_of_either_ending),
    TN_CASE(survives_running_out_anywhere), TN_CASE(takes_any_bytes),
    TN_CASE(decodes_what_it_encodes))
