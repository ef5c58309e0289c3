/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/text_input.h"
#include "tests/support/fake_alloc.h"
#include "tests/support/test.h"

static const char pieces[] = "[PAD]\n[UNK]\nplay\n##ing\nit\n";

static tn_iface_tokenizer tokenizer = {
    .name = "pieces",
    .kind = "wordpiece",
    .vocabulary = {(const uint8_t *)pieces, sizeof pieces - 1},
    .lowercase = true,
    .unknown = "",
    .begin = "",
    .end = "",
    .pad = "",
};

enum { INPUTS = 7 };

/* A tensor of another kind stands between the parts of the text. */
static tn_iface_input parts[INPUTS] = {
    {.name = "text.ids", .dtype = TN_I32, .text = "text", .product = "ids"},
    {.name = "other", .dtype = TN_F32, .text = "", .product = "", .tokenizer = -1},
    {.name = "text.length", .dtype = TN_I64, .text = "text", .product = "length"},
    {.name = "text.mask", .dtype = TN_BOOL, .text = "text", .product = "mask"},
    {.name = "text.type_ids", .dtype = TN_U8, .text = "text", .product = "type_ids"},
    {.name = "text.word_first", .dtype = TN_I32, .text = "text", .product = "word_first"},
    {.name = "text.words", .dtype = TN_U32, .text = "text", .product = "words"},
};

static const tn_text_in texts[] = {{"it's playing", 12}, {"it", 2}};

static tn_status
convert(const tn_alloc *alloc, tn_diag *diag, const char *name, tn_tensor *inputs,
    tn_token_batch **batch)
{
    tn_env env = {.alloc = alloc, .diag = diag};
    tn_iface_entry entry = {.name = "main", .inputs = {parts, INPUTS, INPUTS}};
    tn_iface iface = {.tokenizers = {&tokenizer, 1, 1}};

    return tn_text_inputs(&env, &iface, &entry, name, texts, 2, inputs, batch);
}

static void
check_numbers(const tn_tensor *t, const int64_t *wanted, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        TN_CHECK_EQ(tn_load_int(t->dtype, (char *)t->data + i * tn_dtype_bytes(t->dtype)),
            wanted[i]);
}

static void
check_shape(const tn_tensor *t, int64_t rows, int64_t columns)
{
    TN_CHECK_EQ(t->rank, columns ? 2 : 1);
    TN_CHECK_EQ(t->dim[0], rows);
    if (columns)
        TN_CHECK_EQ(t->dim[1], columns);
}

/* "it's" has an apostrophe that no piece fits. */
TN_TEST(fills_every_part_in_its_type)
{
    static const int64_t ids[] = {4, 1, 1, 2, 3, 4, 0, 0, 0, 0};
    static const int64_t mask[] = {1, 1, 1, 1, 1, 1, 0, 0, 0, 0};
    static const int64_t zeros[10] = {0};
    tn_tensor inputs[INPUTS] = {{0}};
    tn_token_batch *batch = NULL;

    TN_NEED(convert(tn_alloc_system(), NULL, "text", inputs, &batch) == TN_OK);
    check_shape(&inputs[0], 2, 5);
    check_numbers(&inputs[0], ids, 10);
    TN_CHECK(inputs[1].data == NULL);
    check_shape(&inputs[2], 2, 0);
    check_numbers(&inputs[2], (int64_t[]){5, 1}, 2);
    check_numbers(&inputs[3], mask, 10);
    check_numbers(&inputs[4], zeros, 10);
    check_shape(&inputs[5], 2, 2);
    check_numbers(&inputs[5], (int64_t[]){0, 3, 0, 0}, 4);
    check_numbers(&inputs[6], (int64_t[]){2, 1}, 2);
    for (int i = 0; i < INPUTS; i++) {
        TN_CHECK(i == 1 || inputs[i].dtype == parts[i].dtype);
        tn_tensor_free(tn_alloc_system(), &inputs[i]);
    }
    TN_CHECK_EQ(batch->spans[0][1].start, 5);
    tn_token_batch_destroy(batch);
}

static void
check_refused(const char *name, const char *wanted)
{
    tn_fake_alloc memory;
    tn_tensor inputs[INPUTS] = {{0}};
    tn_token_batch *batch = NULL;
    tn_diag diag;

    tn_fake_alloc_init(&memory, 0);
    tn_diag_init(&diag, tn_alloc_system());
    TN_CHECK_EQ(convert(&memory.table, &diag, name, inputs, &batch), TN_MALFORMED);
    TN_CHECK_STR(tn_diag_text(&diag, 0), wanted);
    TN_CHECK(batch == NULL && inputs[0].data == NULL);
    TN_CHECK_EQ(memory.live, 0);
    tn_diag_clear(&diag);
}

TN_TEST(refuses_what_a_text_does_not_give)
{
    check_refused("speech", "main: there is no text input \"speech\"");
    parts[5].product = "letters";
    check_refused("text",
        "a text has no \"letters\"; it has: ids, length, mask, type_ids, "
        "word_first, words");
    parts[5].product = "word_first";
    parts[6].dtype = TN_F32;
    check_refused("text", "words of a text is no f32");
    parts[6].dtype = TN_U32;
}

TN_TEST(refuses_an_id_that_its_type_cannot_hold)
{
    tn_iface_tokenizer bytes = {.kind = "bytes"};
    tn_env env = {.alloc = tn_alloc_system()};
    tn_text_in accent = {"\xc3\xa9", 2};
    tn_token_batch *batch = NULL;
    tn_tokenizer *t = NULL;
    tn_tensor out = {0};

    TN_NEED(tn_text_tokenizer(&env, &bytes, &t) == TN_OK);
    TN_NEED(tn_token_batch_create(env.alloc, t, &accent, 1, NULL, &batch) == TN_OK);
    TN_CHECK_EQ(tn_text_product(&env, batch, "ids", TN_I8, &out), TN_MALFORMED);
    TN_CHECK(out.data == NULL);
    TN_CHECK_EQ(tn_text_product(&env, batch, "ids", TN_U8, &out), TN_OK);
    check_numbers(&out, (int64_t[]){0xc3, 0xa9}, 2);
    tn_tensor_free(env.alloc, &out);
    tn_token_batch_destroy(batch);
    tn_tokenizer_destroy(t);
}

TN_TEST(survives_running_out_anywhere)
{
    tn_fake_alloc memory;

    for (size_t n = 1;; n++) {
        tn_tensor inputs[INPUTS] = {{0}};
        tn_token_batch *batch = NULL;
        tn_status status;

        tn_fake_alloc_init(&memory, n);
        status = convert(&memory.table, NULL, "text", inputs, &batch);
        for (int i = 0; i < INPUTS; i++)
            tn_tensor_free(&memory.table, &inputs[i]);
        tn_token_batch_destroy(batch);
        TN_CHECK_EQ(memory.live, 0);
        if (!memory.failed)
            break;
        TN_CHECK_EQ(status, TN_NO_MEMORY);
    }
}

TN_MAIN(TN_CASE(fills_every_part_in_its_type), TN_CASE(refuses_what_a_text_does_not_give),
    TN_CASE(refuses_an_id_that_its_type_cannot_hold), TN_CASE(survives_running_out_anywhere))
