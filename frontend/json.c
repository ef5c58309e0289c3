/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/json.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ir/base/text.h"

/* cJSON's memory is the C library's, and it is not told about our arena: its
 * tree must not live across an allocation that can jump. All nodes and all
 * room for strings are therefore taken before cJSON parses, which the guard's
 * counts make possible, and the tree is copied and deleted at once. */
typedef struct copy {
    tn_json *nodes;
    uint32_t node_count, nodes_used;
    const uint32_t *offsets;
    uint32_t offset_count, offsets_used;
    char *text;
    size_t text_room, text_used;
    bool broken;
} copy;

static const char *
copy_text(copy *c, const char *text)
{
    size_t length = strlen(text) + 1;
    if (length > c->text_room - c->text_used) {
        c->broken = true;
        return "";
    }
    char *at = c->text + c->text_used;
    memcpy(at, text, length);
    c->text_used += length;
    return at;
}

static uint32_t
next_offset(copy *c)
{
    if (c->offsets_used == c->offset_count) {
        c->broken = true;
        return 0;
    }
    return c->offsets[c->offsets_used++];
}

static tn_json *
copy_node(copy *c, const cJSON *from, tn_json *parent)
{
    if (c->nodes_used == c->node_count) {
        c->broken = true;
        return NULL;
    }
    tn_json *node = &c->nodes[c->nodes_used++];
    bool member = parent && parent->kind == TN_JSON_OBJECT;
    node->parent = parent;
    node->key_offset = member ? next_offset(c) : 0;
    node->offset = next_offset(c);
    if (member)
        node->key = copy_text(c, from->string);
    else
        node->key_offset = node->offset;
    node->kind = cJSON_IsObject(from) ? TN_JSON_OBJECT
        : cJSON_IsArray(from)         ? TN_JSON_LIST
        : cJSON_IsString(from)        ? TN_JSON_STRING
        : cJSON_IsNumber(from)        ? TN_JSON_NUMBER
        : cJSON_IsBool(from)          ? TN_JSON_BOOL
                                      : TN_JSON_NULL;
    node->truth = cJSON_IsTrue(from) != 0;
    if (node->kind == TN_JSON_STRING)
        node->text = copy_text(c, from->valuestring);
    else if (node->kind == TN_JSON_NUMBER)
        node->number = from->valuedouble;
    return node;
}

/* Copies the tree in document order without recursion: the parents are found
 * again through the copies, the originals on a stack as deep as cJSON reads. */
static tn_json *
copy_tree(copy *c, const cJSON *root)
{
    enum { ROOM = CJSON_NESTING_LIMIT + 2 };
    const cJSON *open[ROOM];
    int depth = 0;
    const cJSON *from = root;
    tn_json *parent = NULL, *before = NULL, *top = NULL;
    while (from && !c->broken) {
        tn_json *node = copy_node(c, from, parent);
        if (!node)
            return NULL;
        top = top ? top : node;
        if (before)
            before->next = node;
        else if (parent)
            parent->first = node;
        if (parent)
            node->index = parent->count++;
        before = node;
        if (from->child && depth < ROOM) {
            open[depth++] = from;
            parent = node;
            before = NULL;
            from = from->child;
            continue;
        }
        while (depth && !from->next) {
            from = open[--depth];
            before = parent;
            parent = parent->parent;
        }
        from = depth ? from->next : NULL;
    }
    return c->broken ? NULL : top;
}

tn_status
tn_json_parse(tn_arena *arena, tn_diag *diag, const char *name, tn_span text,
    const tn_read_limits *limits, tn_json_doc **out)
{
    tn_guard guard;
    *out = NULL;
    TN_TRY(tn_guard_check(arena, diag, name, text, limits, &guard));
    tn_json_doc *doc = tn_new(arena, tn_json_doc);
    *doc = (tn_json_doc){.name = name,
        .text = text,
        .arena = arena,
        .diag = diag,
        .limits = tn_read_limits_of(limits)};
    copy c = {.node_count = guard.values,
        .offsets = guard.offsets.at,
        .offset_count = guard.offsets.count,
        .text_room = guard.text_bytes};
    c.nodes = tn_new_array(arena, tn_json, guard.values);
    c.text = tn_arena_get(arena, guard.text_bytes);
    cJSON *tree = cJSON_ParseWithLength((const char *)text.at, text.bytes);
    if (!tree)
        return tn_fail_memory(diag, text.bytes, name);
    doc->root = copy_tree(&c, tree);
    cJSON_Delete(tree);
    if (!doc->root)
        return tn_fail(diag, TN_BUG, "%s: the guard and the parser disagree", name);
    *out = doc;
    return TN_OK;
}

tn_status
tn_json_read(const tn_env *env, tn_arena *arena, const char *path, const tn_read_limits *limits,
    tn_json_doc **out)
{
    tn_span text;
    tn_status status = tn_file_read_arena(env, arena, path, tn_read_limits_of(limits).bytes, &text);
    if (status == TN_LIMIT)
        return tn_fail(env->diag, status, "%s: --limit bytes=N allows more", path);
    TN_TRY(status);
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    return tn_json_parse(arena, env->diag, name, text, limits, out);
}

tn_json *
tn_json_get(const tn_json *object, const char *key)
{
    if (!object || object->kind != TN_JSON_OBJECT)
        return NULL;
    for (tn_json *at = object->first; at; at = at->next)
        if (strcmp(at->key, key) == 0)
            return at;
    return NULL;
}

tn_json *
tn_json_at(const tn_json *list, uint32_t index)
{
    if (!list || list->kind != TN_JSON_LIST || index >= list->count)
        return NULL;
    tn_json *at = list->first;
    while (index-- > 0)
        at = at->next;
    return at;
}

void
tn_json_place(tn_json *value, tn_json *parent, tn_json_step step, const char *key)
{
    value->parent = parent;
    value->step = (uint8_t)step;
    if (key)
        value->key = key;
}

/* Length of the beginning of a text that is at most `bytes` long and ends
 * between two characters. */
static int
cut(const char *text, size_t bytes)
{
    size_t length = strlen(text);
    if (length <= bytes)
        return (int)length;
    while (bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80)
        bytes--;
    return (int)bytes;
}

static void
print_step(tn_text *out, const tn_json *value)
{
    static const char *const prefix[] = {"", "", "", "in.", "attrs."};
    if (value->step == TN_JSON_HIDDEN)
        return;
    if (!value->key) {
        tn_text_add(out, "[%" PRIu32 "]", value->index);
        return;
    }
    tn_text_add(out, "%s%s", out->length ? "." : "", prefix[value->step]);
    /* Keys are names of the user: cut where no message needs more. */
    tn_text_add(out, "%.*s", cut(value->key, 100), value->key);
}

const char *
tn_json_path(const tn_json_doc *doc, const tn_json *value)
{
    const tn_json *chain[256];
    int depth = 0;
    tn_text out = {.arena = doc->arena};
    tn_text_put(&out, "", 0);
    for (; value && value->parent && depth < 256; value = value->parent)
        chain[depth++] = value;
    while (depth > 0)
        print_step(&out, chain[--depth]);
    return out.at;
}

/* The offset in the file of character `column` (in bytes of the unescaped
 * text) of the string that starts at `offset`. */
static size_t
offset_in_string(const tn_json_doc *doc, uint32_t offset, int column)
{
    if (offset >= doc->text.bytes)
        return offset;
    const uint8_t *at = doc->text.at + offset + 1, *end = doc->text.at + doc->text.bytes;
    for (int done = 0; done < column && at < end && *at != '"';) {
        if (*at != '\\') {
            at++;
            done++;
            continue;
        }
        bool wide = at + 1 < end && at[1] == 'u';
        at += wide ? 6 : 2;
        done++;
    }
    return (size_t)(at - doc->text.at);
}

static tn_status
report(const tn_json_doc *doc, tn_status status, const tn_json *at, size_t offset, const char *more,
    const char *message)
{
    uint32_t line, column;
    tn_guard_position(doc->text, offset, &line, &column);
    const char *path = tn_json_path(doc, at);
    bool named = *path || (more && *more);
    if (more && !*path && *more == '.')
        more++;
    return tn_fail(doc->diag, status, "%s:%" PRIu32 ":%" PRIu32 ": %s%s%s%s%s", doc->name, line,
        column, path, more ? more : "", named ? ": " : "", message,
        doc->context ? doc->context(doc->self) : "");
}

tn_status
tn_json_fail(const tn_json_doc *doc, const tn_json *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *message = tn_arena_vprintf(doc->arena, format, args);
    va_end(args);
    return report(doc, TN_MALFORMED, at, at->offset, NULL, message);
}

tn_status
tn_json_fail_key(const tn_json_doc *doc, const tn_json *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *message = tn_arena_vprintf(doc->arena, format, args);
    va_end(args);
    return report(doc, TN_MALFORMED, at, at->key_offset, NULL, message);
}

tn_status
tn_json_fail_at(const tn_json_doc *doc, tn_status status, const tn_json *at, bool key, int column,
    const char *more, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *message = tn_arena_vprintf(doc->arena, format, args);
    va_end(args);
    size_t offset = key ? at->key_offset : at->offset;
    if (column >= 0 && at->kind == TN_JSON_STRING)
        offset = offset_in_string(doc, at->offset, column);
    return report(doc, status, at, offset, more, message);
}

const char *
tn_json_kind_name(tn_json_kind kind)
{
    static const char *const names[] = {
        "null", "true or false", "a number", "a string", "a list", "an object"};
    return names[kind];
}

const char *
tn_json_found(const tn_json_doc *doc, const tn_json *value)
{
    tn_span token;
    switch ((tn_json_kind)value->kind) {
    case TN_JSON_BOOL: return value->truth ? "true" : "false";
    case TN_JSON_NUMBER:
        token = tn_json_token(doc, value);
        return tn_arena_copy(doc->arena, (const char *)token.at, token.bytes);
    case TN_JSON_STRING:
        return tn_arena_printf(doc->arena, "\"%.*s%s\"", cut(value->text, 60), value->text,
            strlen(value->text) > 60 ? ".." : "");
    default: return tn_json_kind_name((tn_json_kind)value->kind);
    }
}

tn_status
tn_json_want(const tn_json_doc *doc, const tn_json *value, tn_json_kind kind)
{
    if (value->kind == kind)
        return TN_OK;
    return tn_json_fail(doc, value, "expected %s, found %s", tn_json_kind_name(kind),
        tn_json_found(doc, value));
}

tn_status
tn_json_int(const tn_json_doc *doc, const tn_json *value, int64_t low, int64_t high, int64_t *out)
{
    bool whole = value->kind == TN_JSON_NUMBER && value->number == floor(value->number) &&
        fabs(value->number) <= 0x1p53;
    if (!whole)
        return tn_json_fail(doc, value, "expected a whole number, found %s",
            tn_json_found(doc, value));
    *out = (int64_t)value->number;
    if (*out < low || *out > high)
        return tn_json_fail(doc, value, "%s is not in %" PRId64 "..%" PRId64,
            tn_json_found(doc, value), low, high);
    return TN_OK;
}

static bool
equal_children(const tn_json *a, const tn_json *b)
{
    const tn_json *other = b->first;
    if (a->count != b->count)
        return false;
    for (const tn_json *at = a->first; at; at = at->next) {
        if (a->kind == TN_JSON_OBJECT)
            other = tn_json_get(b, at->key);
        if (!other || !tn_json_equal(at, other))
            return false;
        if (a->kind == TN_JSON_LIST)
            other = other->next;
    }
    return true;
}

/* As deep as documents nest, which the guard limits. */
bool
tn_json_equal(const tn_json *a, const tn_json *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->kind != b->kind)
        return false;
    switch ((tn_json_kind)a->kind) {
    case TN_JSON_BOOL: return a->truth == b->truth;
    case TN_JSON_NUMBER: return a->number == b->number;
    case TN_JSON_STRING: return strcmp(a->text, b->text) == 0;
    case TN_JSON_LIST:
    case TN_JSON_OBJECT: return equal_children(a, b);
    case TN_JSON_NULL: break;
    }
    return true;
}

tn_span
tn_json_token(const tn_json_doc *doc, const tn_json *number)
{
    const uint8_t *at = doc->text.at + number->offset, *end = doc->text.at + doc->text.bytes;
    size_t length = 0;
    while (at + length < end &&
        (at[length] == '-' || at[length] == '+' || at[length] == '.' || at[length] == 'e' ||
            at[length] == 'E' || (at[length] >= '0' && at[length] <= '9')))
        length++;
    return (tn_span){at, length};
}

const char *
tn_json_meant(tn_arena *arena, const char *name, const char *const *names, uint32_t count)
{
    const char *best = NULL;
    size_t length = strlen(name);
    int distance = length < 4 ? 1 : length < 8 ? 2 : 3;
    for (uint32_t i = 0; i < count; i++) {
        int edits = tn_edit_distance(name, names[i], distance);
        /* Changing every letter of a short name is no misspelling. */
        if (edits > distance || ((size_t)edits >= length && (size_t)edits >= strlen(names[i])))
            continue;
        best = names[i];
        distance = edits - 1;
    }
    return best ? tn_arena_printf(arena, "; did you mean \"%s\"?", best) : "";
}
