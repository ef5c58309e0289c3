/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/guard.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir/base/text.h"

enum { DEPTH_ROOM = 1024 };

typedef struct key {
    const char *at; /* unescaped */
    size_t length;
    uint32_t offset;
} key;

typedef struct scan {
    tn_arena *arena;
    tn_diag *diag;
    const char *name;
    tn_span text;
    const uint8_t *at, *end;
    uint32_t depth, max_depth;
    char open[DEPTH_ROOM];          /* '{' or '[' of each level */
    uint32_t first_key[DEPTH_ROOM]; /* where the keys of each level begin */
    TN_VEC(key) keys;               /* of all objects that are open */
    tn_guard *out;
} scan;

void
tn_guard_position(tn_span text, size_t offset, uint32_t *line, uint32_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset && i < text.bytes; i++) {
        if (text.at[i] == '\n') {
            ++*line;
            *column = 1;
        } else if ((text.at[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

static tn_status TN_PRINTF(4, 5)
    refuse(const scan *s, tn_status status, const uint8_t *at, const char *format, ...)
{
    uint32_t line, column;
    va_list args;
    va_start(args, format);
    const char *message = tn_arena_vprintf(s->arena, format, args);
    va_end(args);
    tn_guard_position(s->text, (size_t)(at - s->text.at), &line, &column);
    return tn_fail(s->diag, status, "%s:%" PRIu32 ":%" PRIu32 ": %s", s->name, line, column,
        message);
}

/* What stands at `at`, for messages. */
static const char *
found(const scan *s, const uint8_t *at)
{
    if (at >= s->end)
        return "the end of the file";
    if (*at < 0x20 || *at >= 0x7f)
        return tn_arena_printf(s->arena, "byte 0x%02x", *at);
    return tn_arena_printf(s->arena, "\"%c\"", *at);
}

static void
skip_space(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

/* Length of the UTF-8 character at `at`; 0 if it is malformed. */
static int
character(const uint8_t *at, const uint8_t *end)
{
    int length = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
    if (length == 0 || length > end - at || !tn_utf8_valid((const char *)at, (size_t)length))
        return 0;
    return length;
}

static int
hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0'
        : c >= 'a' && c <= 'f'  ? c - 'a' + 10
        : c >= 'A' && c <= 'F'  ? c - 'A' + 10
                                : -1;
}

/* The four digits behind \u; -1. */
static int32_t
code_unit(const scan *s, const uint8_t *at)
{
    int32_t value = 0;
    if (s->end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* s->at stands on the backslash and moves behind the escape. */
static tn_status
check_escape(scan *s)
{
    const uint8_t *at = s->at;
    if (s->end - at < 2 || !strchr("\"\\/bfnrtu", at[1]) || at[1] == 0)
        return refuse(s, TN_MALFORMED, at, "no such escape in a string");
    s->at += 2;
    if (at[1] != 'u')
        return TN_OK;
    int32_t unit = code_unit(s, at + 2);
    if (unit < 0)
        return refuse(s, TN_MALFORMED, at, "\\u wants four hexadecimal digits");
    if (unit == 0)
        return refuse(s, TN_MALFORMED, at, "a string may not hold the character NUL");
    s->at += 4;
    if (unit < 0xd800 || unit > 0xdfff)
        return TN_OK;
    int32_t low =
        s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u' ? code_unit(s, s->at + 2) : -1;
    if (unit >= 0xdc00 || low < 0xdc00 || low > 0xdfff)
        return refuse(s, TN_MALFORMED, at, "half of a surrogate pair stands alone");
    s->at += 6;
    return TN_OK;
}

/* s->at stands on the opening quote and moves behind the closing one. */
static tn_status
check_string(scan *s)
{
    const uint8_t *start = s->at++;
    while (s->at < s->end && *s->at != '"') {
        if (*s->at < 0x20)
            return refuse(s, TN_MALFORMED, s->at,
                "a control character (0x%02x) in a string; write \\u%04x", *s->at, *s->at);
        if (*s->at == '\\') {
            TN_TRY(check_escape(s));
            continue;
        }
        int length = character(s->at, s->end);
        if (length == 0)
            return refuse(s, TN_MALFORMED, s->at, "the file is not UTF-8 here (byte 0x%02x)",
                *s->at);
        s->at += length;
    }
    if (s->at == s->end)
        return refuse(s, TN_MALFORMED, start, "a string that never ends");
    s->at++;
    s->out->text_bytes += (size_t)(s->at - start);
    return TN_OK;
}

static const uint8_t *
digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* True for the digits of a whole number above 2^53. */
static bool
is_inexact(const char *number)
{
    static const char limit[] = "9007199254740992";
    const char *at = number + (*number == '-');
    size_t length = strlen(at);
    return length != sizeof limit - 1 ? length > sizeof limit - 1 : strcmp(at, limit) > 0;
}

static tn_status
check_value_of_number(scan *s, const uint8_t *start, bool whole)
{
    /* cJSON copies a number into 64 bytes; nobody needs as many digits. */
    if (s->at - start > 62)
        return refuse(s, TN_MALFORMED, start, "a number of more than 62 characters");
    const char *text = tn_arena_copy(s->arena, (const char *)start, (size_t)(s->at - start));
    double value = tn_double_read(text, &(const char *){NULL});
    if (isinf(value))
        return refuse(s, TN_MALFORMED, start,
            "%s is beyond every double; write infinity as \"=inf\"", text);
    if (whole && is_inexact(text))
        return refuse(s, TN_MALFORMED, start, "a whole number beyond 2^53; write it as \"=%s\"",
            text);
    return TN_OK;
}

static tn_status
check_number(scan *s)
{
    const uint8_t *start = s->at, *first = start + (*start == '-'), *after = digits(first, s->end);
    bool whole = true;
    if (after == first)
        return refuse(s, TN_MALFORMED, start, "a number wants a digit here, found %s",
            found(s, first));
    if (*first == '0' && after > first + 1)
        return refuse(s, TN_MALFORMED, start, "a number does not start with 0");
    if (after < s->end && *after == '.') {
        whole = false;
        first = after + 1;
        after = digits(first, s->end);
        if (after == first)
            return refuse(s, TN_MALFORMED, start, "a number wants a digit behind the point");
    }
    if (after < s->end && (*after == 'e' || *after == 'E')) {
        whole = false;
        first = after + 1;
        if (first < s->end && (*first == '+' || *first == '-'))
            first++;
        after = digits(first, s->end);
        if (after == first)
            return refuse(s, TN_MALFORMED, start, "a number wants a digit in its exponent");
    }
    s->at = after;
    return check_value_of_number(s, start, whole);
}

static tn_status
check_word(scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(s->end - s->at) >= length && memcmp(s->at, words[i], length) == 0) {
            s->at += length;
            return TN_OK;
        }
    }
    if (*s->at == '\'')
        return refuse(s, TN_MALFORMED, s->at, "strings stand between double quotes");
    if (*s->at == '/')
        return refuse(s, TN_MALFORMED, s->at,
            "JSON has no comments; write a string among the nodes, or \"doc\"");
    if (*s->at == ']' || *s->at == '}')
        return refuse(s, TN_MALFORMED, s->at,
            "expected a value, found \"%c\"; is there a comma too many?", *s->at);
    return refuse(s, TN_MALFORMED, s->at, "expected a value, found %s", found(s, s->at));
}

/* The text of a key, unescaped; one without escapes is borrowed. `at` is
 * behind the opening quote, `end` on the closing one. */
static const char *
unescape(const scan *s, const uint8_t *at, const uint8_t *end, size_t *length)
{
    *length = (size_t)(end - at);
    if (!memchr(at, '\\', *length))
        return (const char *)at;
    char *text = tn_arena_get(s->arena, *length + 1), *put = text;
    while (at < end) {
        if (*at != '\\') {
            *put++ = (char)*at++;
            continue;
        }
        static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
        if (at[1] != 'u') {
            *put++ = strchr(plain, at[1])[1];
            at += 2;
            continue;
        }
        uint32_t c = (uint32_t)code_unit(s, at + 2);
        at += 6;
        if (c >= 0xd800 && c <= 0xdfff) {
            c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)code_unit(s, at + 2) - 0xdc00);
            at += 6;
        }
        int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
        *put++ = (char)(lead[more] | (c >> (6 * more)));
        while (more-- > 0)
            *put++ = (char)(0x80 | ((c >> (6 * more)) & 0x3f));
    }
    *length = (size_t)(put - text);
    return text;
}

static int
compare_keys(const void *a, const void *b)
{
    const key *left = a, *right = b;
    size_t shared = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->at, right->at, shared);
    if (order)
        return order;
    if (left->length != right->length)
        return left->length < right->length ? -1 : 1;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* The keys of the object that closes are forgotten, unless two are equal:
 * then the first repetition in the file is named. */
static tn_status
check_keys(scan *s)
{
    uint32_t first = s->first_key[s->depth - 1], count = s->keys.count - first;
    const key *twice = NULL, *before = NULL;
    key *keys = s->keys.at + first;
    if (count > 1)
        qsort(keys, count, sizeof *keys, compare_keys);
    for (uint32_t i = 1; i < count; i++) {
        bool equal = keys[i].length == keys[i - 1].length &&
            memcmp(keys[i].at, keys[i - 1].at, keys[i].length) == 0;
        if (equal && (!twice || keys[i].offset < twice->offset)) {
            twice = &keys[i];
            before = &keys[i - 1];
        }
    }
    if (twice) {
        uint32_t line, column;
        tn_guard_position(s->text, before->offset, &line, &column);
        return refuse(s, TN_MALFORMED, s->text.at + twice->offset,
            "the key \"%.*s\" stands in line %" PRIu32 " already",
            (int)(twice->length > 200 ? 200 : twice->length), twice->at, line);
    }
    s->keys.count = first;
    return TN_OK;
}

static void
record(scan *s)
{
    tn_push(s->arena, &s->out->offsets, (uint32_t)(s->at - s->text.at));
}

/* Key and colon of a member. */
static tn_status
check_member(scan *s)
{
    skip_space(s);
    if (s->at == s->end || *s->at != '"')
        return refuse(s, TN_MALFORMED, s->at,
            s->at < s->end && *s->at == '}' ? "expected a key, found %s; is there a comma too many?"
                                            : "expected a key between double quotes, found %s",
            found(s, s->at));
    const uint8_t *start = s->at;
    record(s);
    TN_TRY(check_string(s));
    key k = {.offset = (uint32_t)(start - s->text.at)};
    k.at = unescape(s, start + 1, s->at - 1, &k.length);
    tn_push(s->arena, &s->keys, k);
    skip_space(s);
    if (s->at == s->end || *s->at != ':')
        return refuse(s, TN_MALFORMED, s->at, "expected \":\" after a key, found %s",
            found(s, s->at));
    s->at++;
    return TN_OK;
}

static tn_status
enter(scan *s, char open)
{
    s->open[s->depth] = open;
    s->first_key[s->depth] = s->keys.count;
    s->depth++;
    s->at++;
    return TN_OK;
}

/* A value up to where it is complete or, for a list or object that is not
 * empty, entered: *entered. */
static tn_status
check_value(scan *s, bool *entered)
{
    *entered = false;
    skip_space(s);
    if (s->at == s->end)
        return refuse(s, TN_MALFORMED, s->at, "expected a value, found the end of the file");
    if (s->depth + 1 > s->max_depth)
        return refuse(s, TN_LIMIT, s->at,
            "lists and objects nest deeper than %" PRIu32 " levels (--limit depth=N allows more)",
            s->max_depth);
    record(s);
    s->out->values++;
    if (*s->at == '"')
        return check_string(s);
    if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
        return check_number(s);
    if (*s->at != '{' && *s->at != '[')
        return check_word(s);
    char open = (char)*s->at, close = open == '{' ? '}' : ']';
    TN_TRY(enter(s, open));
    skip_space(s);
    if (s->at < s->end && *s->at == close) {
        s->at++;
        s->depth--;
        return TN_OK;
    }
    *entered = true;
    return TN_OK;
}

/* After a value: closes what ends here; *more if another value follows. */
static tn_status
check_after(scan *s, bool *more)
{
    *more = false;
    while (s->depth) {
        char open = s->open[s->depth - 1];
        skip_space(s);
        if (s->at < s->end && *s->at == ',') {
            s->at++;
            *more = true;
            return TN_OK;
        }
        if (s->at == s->end || *s->at != (open == '{' ? '}' : ']'))
            return refuse(s, TN_MALFORMED, s->at, "expected \",\" or \"%c\", found %s",
                open == '{' ? '}' : ']', found(s, s->at));
        if (open == '{')
            TN_TRY(check_keys(s));
        s->at++;
        s->depth--;
    }
    return TN_OK;
}

static tn_status
check_document(scan *s)
{
    bool more = true, entered;
    while (more) {
        if (s->depth && s->open[s->depth - 1] == '{')
            TN_TRY(check_member(s));
        TN_TRY(check_value(s, &entered));
        if (!entered)
            TN_TRY(check_after(s, &more));
    }
    skip_space(s);
    if (s->at < s->end)
        return refuse(s, TN_MALFORMED, s->at, "the file goes on after its value: %s",
            found(s, s->at));
    return TN_OK;
}

tn_status
tn_guard_check(tn_arena *arena, tn_diag *diag, const char *name, tn_span text,
    const tn_read_limits *limits, tn_guard *out)
{
    scan *s = tn_new(arena, scan);
    tn_read_limits most = tn_read_limits_of(limits);
    *s = (scan){.arena = arena,
        .diag = diag,
        .name = name,
        .text = text,
        .at = text.at,
        .end = text.at + text.bytes,
        .out = out};
    s->max_depth = most.depth < DEPTH_ROOM ? most.depth : DEPTH_ROOM;
    *out = (tn_guard){0};
    if (text.bytes > most.bytes)
        return tn_fail(diag, TN_LIMIT,
            "%s: more than %" PRIu32 " bytes of JSON (--limit bytes=N allows more)", name,
            most.bytes);
    if (text.bytes >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
        return refuse(s, TN_MALFORMED, s->at,
            "the file starts with a byte-order mark; save it as UTF-8 without one");
    return check_document(s);
}
