/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/json.h"
#include "tests/support/test.h"

typedef struct trial {
    tn_arena *arena;
    tn_diag diag;
    const char *text;
    size_t bytes;
    const tn_read_limits *limits;
    tn_json_doc *doc;
    void (*then)(struct trial *);
} trial;

static tn_status
inside(void *arg)
{
    trial *t = arg;
    tn_span span = {(const uint8_t *)t->text, t->bytes};
    TN_TRY(tn_json_parse(t->arena, &t->diag, "m.json", span, t->limits, &t->doc));
    if (t->then)
        t->then(t);
    return TN_OK;
}

static tn_status
start(trial *t)
{
    tn_diag_init(&t->diag, tn_alloc_system());
    t->arena = tn_arena_create(tn_alloc_system(), 0);
    if (!t->arena)
        return TN_NO_MEMORY;
    return tn_arena_guard(t->arena, inside, t);
}

static void
finish(trial *t)
{
    tn_arena_destroy(t->arena);
    tn_diag_clear(&t->diag);
}

static void
refused_bytes(const char *text, size_t bytes, tn_status status, const char *message)
{
    trial t = {.text = text, .bytes = bytes};
    tn_status got = start(&t);
    if (!TN_CHECK_EQ(got, status) || !TN_CHECK_STR(tn_diag_text(&t.diag, 0), message))
        tn_test_note("of %.60s", text);
    finish(&t);
}

static void
refused(const char *text, const char *message)
{
    refused_bytes(text, strlen(text), TN_MALFORMED, message);
}

static void
accepted(const char *text)
{
    trial t = {.text = text, .bytes = strlen(text)};
    if (!TN_CHECK_EQ(start(&t), TN_OK))
        tn_test_note("%s: %s", text, tn_diag_text(&t.diag, 0));
    finish(&t);
}

TN_TEST(accepts)
{
    static const char *const texts[] = {"0", "-0", "-0.0e-0", "1E+2", "true", "null", "\"\"", "[]",
        "{}", " [ 1 , 2 ] ", "{\"a\":{\"a\":1},\"b\":[{\"a\":1}]}", "\"\\ud834\\udd1e\"",
        "\"\xf0\x9d\x84\x9e\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", "9007199254740992",
        "-9007199254740992", "1e300", "1e-999", "[[[[[]]]]]", "\t\r\n1\n",
        "0.00000000000000000000000000000000000000000000000000000000001"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        accepted(texts[i]);
}

TN_TEST(refuses_structure)
{
    refused("", "m.json:1:1: expected a value, found the end of the file");
    refused("[1,]", "m.json:1:4: expected a value, found \"]\"; is there a comma too many?");
    refused("{\"a\":1,}", "m.json:1:8: expected a key, found \"}\"; is there a comma too many?");
    refused("[1 2]", "m.json:1:4: expected \",\" or \"]\", found \"2\"");
    refused("[1}", "m.json:1:3: expected \",\" or \"]\", found \"}\"");
    refused("{\"a\" 1}", "m.json:1:6: expected \":\" after a key, found \"1\"");
    refused("{a:1}", "m.json:1:2: expected a key between double quotes, found \"a\"");
    refused("[1", "m.json:1:3: expected \",\" or \"]\", found the end of the file");
    refused("1 1", "m.json:1:3: the file goes on after its value: \"1\"");
    refused("tru", "m.json:1:1: expected a value, found \"t\"");
    refused("['a']", "m.json:1:2: strings stand between double quotes");
    refused("[\n// no\n1]",
        "m.json:2:1: JSON has no comments; write a string among the nodes, or \"doc\"");
    refused_bytes("1\0", 2, TN_MALFORMED,
        "m.json:1:2: the file goes on after its value: byte 0x00");
    refused("\xef\xbb\xbf{}",
        "m.json:1:1: the file starts with a byte-order mark; save it as "
        "UTF-8 without one");
}

TN_TEST(refuses_numbers)
{
    refused("01", "m.json:1:1: a number does not start with 0");
    refused("-", "m.json:1:1: a number wants a digit here, found the end of the file");
    refused("1.", "m.json:1:1: a number wants a digit behind the point");
    refused("1e+", "m.json:1:1: a number wants a digit in its exponent");
    refused(".5", "m.json:1:1: expected a value, found \".\"");
    refused("+1", "m.json:1:1: expected a value, found \"+\"");
    refused("NaN", "m.json:1:1: expected a value, found \"N\"");
    refused("1e999", "m.json:1:1: 1e999 is beyond every double; write infinity as \"=inf\"");
    refused("[9007199254740993]",
        "m.json:1:2: a whole number beyond 2^53; write it as \"=9007199254740993\"");
    refused("0.000000000000000000000000000000000000000000000000000000000001234",
        "m.json:1:1: a number of more than 62 characters");
}

TN_TEST(refuses_strings)
{
    refused("\"a\nb\"", "m.json:1:3: a control character (0x0a) in a string; write \\u000a");
    refused("\"\\x\"", "m.json:1:2: no such escape in a string");
    refused("\"\\u12g4\"", "m.json:1:2: \\u wants four hexadecimal digits");
    refused("\"\\u0000\"", "m.json:1:2: a string may not hold the character NUL");
    refused("\"\\ud800\"", "m.json:1:2: half of a surrogate pair stands alone");
    refused("\"\\udc00\\ud800\"", "m.json:1:2: half of a surrogate pair stands alone");
    refused("\"\\ud800\\u0041\"", "m.json:1:2: half of a surrogate pair stands alone");
    refused("\"\xff\"", "m.json:1:2: the file is not UTF-8 here (byte 0xff)");
    refused("\"\xc0\xaf\"", "m.json:1:2: the file is not UTF-8 here (byte 0xc0)");
    refused("\"\xed\xa0\x80\"", "m.json:1:2: the file is not UTF-8 here (byte 0xed)");
    refused("\"\xf4\x90\x80\x80\"", "m.json:1:2: the file is not UTF-8 here (byte 0xf4)");
    refused("\"abc", "m.json:1:1: a string that never ends");
    refused("[\"\xc3\xa4\xc3\xb6\" x]", "m.json:1:7: expected \",\" or \"]\", found \"x\"");
}

TN_TEST(refuses_duplicates)
{
    refused("{\"a\":1,\n\"b\":2,\n\"a\":3}", "m.json:3:1: the key \"a\" stands in line 1 already");
    refused("{\"a\":1,\"\\u0061\":2}", "m.json:1:8: the key \"a\" stands in line 1 already");
    refused("{\"\xf0\x9d\x84\x9e\":1,\"\\ud834\\udd1e\":2}",
        "m.json:1:8: the key \"\xf0\x9d\x84\x9e\" stands in line 1 already");
    refused("[{\"x\":{\"y\":1,\"y\":1}}]", "m.json:1:14: the key \"y\" stands in line 1 already");
}

static void
nested(uint32_t depth, bool inner, tn_status status)
{
    char text[512];
    size_t length = 0;
    for (uint32_t i = 0; i < depth; i++)
        text[length++] = '[';
    if (inner)
        text[length++] = '1';
    for (uint32_t i = 0; i < depth; i++)
        text[length++] = ']';
    trial t = {.text = text, .bytes = length};
    TN_CHECK_EQ(start(&t), status);
    finish(&t);
}

TN_TEST(limits)
{
    nested(64, false, TN_OK);
    nested(63, true, TN_OK);
    nested(64, true, TN_LIMIT);
    nested(65, false, TN_LIMIT);
    tn_read_limits limits = {.bytes = 4, .depth = 0};
    trial t = {.text = "[1,2]", .bytes = 5, .limits = &limits};
    TN_CHECK_EQ(start(&t), TN_LIMIT);
    TN_CHECK_STR(tn_diag_text(&t.diag, 0),
        "m.json: more than 4 bytes of JSON (--limit bytes=N allows more)");
    finish(&t);
    limits = (tn_read_limits){.bytes = 0, .depth = 2};
    t = (trial){.text = "[[1]]", .bytes = 5, .limits = &limits};
    TN_CHECK_EQ(start(&t), TN_LIMIT);
    TN_CHECK_STR(tn_diag_text(&t.diag, 0),
        "m.json:1:3: lists and objects nest deeper than 2 levels (--limit depth=N allows more)");
    finish(&t);
}

static void
walk(trial *t)
{
    tn_json *root = t->doc->root, *a = tn_json_get(root, "a"), *b = tn_json_get(root, "b\n");
    TN_NEED(a && b && root->kind == TN_JSON_OBJECT);
    TN_CHECK_EQ(root->count, 2);
    TN_CHECK_EQ(a->count, 3);
    TN_CHECK_EQ(tn_json_at(a, 1)->number, 2.5);
    TN_CHECK(!tn_json_at(a, 3) && !tn_json_get(root, "c") && !tn_json_get(a, "a"));
    tn_json *inner = tn_json_get(tn_json_at(a, 2), "x");
    TN_NEED(inner);
    TN_CHECK_STR(inner->text, "y");
    TN_CHECK_STR(tn_json_path(t->doc, inner), "a[2].x");
    TN_CHECK_EQ(tn_json_fail(t->doc, inner, "wrong"), TN_MALFORMED);
    TN_CHECK_STR(tn_diag_text(&t->diag, 0), "m.json:2:10: a[2].x: wrong");
    (void)tn_json_fail_key(t->doc, inner, "wrong");
    TN_CHECK_STR(tn_diag_text(&t->diag, 1), "m.json:2:6: a[2].x: wrong");
    (void)tn_json_fail_at(t->doc, TN_LIMIT, b, false, 2, ".z", "here");
    TN_CHECK_STR(tn_diag_text(&t->diag, 2), "m.json:4:19: b\n.z: here");
    (void)tn_json_fail(t->doc, root, "all");
    TN_CHECK_STR(tn_diag_text(&t->diag, 3), "m.json:1:1: all");
    tn_json_place(inner, root, TN_JSON_ATTR, "axis");
    TN_CHECK_STR(tn_json_path(t->doc, inner), "attrs.axis");
}

TN_TEST(tree)
{
    static const char text[] =
        "{\"a\": [true, 2.5,\n    {\"x\":\"y\"}],\n\n  \"b\\n\": \"\\u0041\\\"c\"}";
    trial t = {.text = text, .bytes = sizeof text - 1, .then = walk};
    TN_CHECK_EQ(start(&t), TN_OK);
    finish(&t);
}

TN_TEST(integers)
{
    static const char text[] = "[1, 1.5, \"x\", 1e3]";
    trial t = {.text = text, .bytes = sizeof text - 1};
    int64_t value = 0;
    TN_CHECK_EQ(start(&t), TN_OK);
    TN_NEED(t.doc);
    TN_CHECK_EQ(tn_json_int(t.doc, tn_json_at(t.doc->root, 3), 0, 1000, &value), TN_OK);
    TN_CHECK_EQ(value, 1000);
    finish(&t);
}

/* Whatever bytes come, the guard and the parser agree, and nothing is read
 * outside the text. */
TN_TEST(random_bytes)
{
    static const char alphabet[] = "{}[]\",:0123456789eE.+-truefalsn\\u d8\xc3\xa4 \n";
    uint32_t state = 1;
    int fine = 0;
    for (int i = 0; i < 20000; i++) {
        size_t bytes = 1 + (state >> 8) % 12;
        char *text = malloc(bytes);
        TN_NEED(text);
        for (size_t b = 0; b < bytes; b++) {
            state = state * 1103515245u + 12345u;
            text[b] = alphabet[(state >> 16) % (sizeof alphabet - 1)];
        }
        trial t = {.text = text, .bytes = bytes};
        tn_status status = start(&t);
        TN_CHECK(status == TN_OK || status == TN_MALFORMED);
        fine += status == TN_OK;
        finish(&t);
        free(text);
    }
    TN_CHECK(fine > 100);
}

TN_MAIN(TN_CASE(accepts), TN_CASE(refuses_structure), TN_CASE(refuses_numbers),
    TN_CASE(refuses_strings), TN_CASE(refuses_duplicates), TN_CASE(limits), TN_CASE(tree),
    TN_CASE(integers), TN_CASE(random_bytes))
