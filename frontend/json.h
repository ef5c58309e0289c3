/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_JSON_H
#define TN_FRONTEND_JSON_H

#include <stdbool.h>

#include "frontend/guard.h"
#include "ir/base/files.h"

/* A JSON document as a tree in an arena, in which every value knows where it
 * stands in the file and in the tree. Read through the guard, parsed by
 * cJSON. Immutable but for the path names that the reader gives to values
 * (below). */
typedef enum tn_json_kind {
    TN_JSON_NULL,
    TN_JSON_BOOL,
    TN_JSON_NUMBER,
    TN_JSON_STRING,
    TN_JSON_LIST,
    TN_JSON_OBJECT,
} tn_json_kind;

typedef struct tn_json_doc tn_json_doc;
typedef struct tn_json tn_json;

/* How a value appears in a path. */
typedef enum tn_json_step {
    TN_JSON_PLAIN,  /* ".key" or "[index]" */
    TN_JSON_HIDDEN, /* no step of its own */
    TN_JSON_NAMED,  /* ".key" although it stands in a list */
    TN_JSON_IN,     /* ".in.key" */
    TN_JSON_ATTR,   /* ".attrs.key" */
} tn_json_step;

struct tn_json {
    uint8_t kind; /* tn_json_kind */
    uint8_t step; /* tn_json_step */
    bool truth;
    uint32_t offset;     /* in the file */
    uint32_t key_offset; /* of its key; else equal to `offset` */
    uint32_t index;      /* in its list or object */
    uint32_t count;      /* elements or members */
    const char *key;     /* in its object, or given by the reader */
    tn_json *parent, *next;
    union {
        double number;
        const char *text; /* NUL-terminated UTF-8 */
        tn_json *first;
    };
};

struct tn_json_doc {
    const char *name; /* of the file, as the caller gave it */
    tn_span text;
    tn_json *root;
    tn_arena *arena;
    tn_diag *diag;
    tn_read_limits limits; /* none is 0 */
    /* What every message ends with, asked for when one is made: where an
     * expansion stands (", in nodes[1] round 0 @block"). NULL: nothing. */
    const char *(*context)(void *self);
    void *self;
};

/* Reads and parses a file ("-": standard input) or text. Everything is in the
 * arena; `text` is borrowed and must live as long as the document. */
tn_status tn_json_read(const tn_env *env, tn_arena *arena, const char *path,
    const tn_read_limits *limits, tn_json_doc **out) TN_MUST_USE;
tn_status tn_json_parse(tn_arena *arena, tn_diag *diag, const char *name, tn_span text,
    const tn_read_limits *limits, tn_json_doc **out) TN_MUST_USE;

/* The member of that key, or element number `index`; NULL. */
tn_json *tn_json_get(const tn_json *object, const char *key);
tn_json *tn_json_at(const tn_json *list, uint32_t index);

/* Gives a value another place in paths: below `parent`, as `key` (NULL: the
 * key it has). */
void tn_json_place(tn_json *value, tn_json *parent, tn_json_step step, const char *key);
/* "functions.block.nodes[3].attrs.axis"; "" for the root. */
const char *tn_json_path(const tn_json_doc *doc, const tn_json *value);

/* Message "file:line:column: path: ..", and the status given. The position is
 * that of the value, of its key for tn_json_fail_key, `column` characters into
 * the text of the string for tn_json_fail_in. Without a path (the root) the
 * second colon is left out. */
tn_status tn_json_fail(const tn_json_doc *doc, const tn_json *at, const char *format, ...)
    TN_PRINTF(3, 4);
tn_status tn_json_fail_key(const tn_json_doc *doc, const tn_json *at, const char *format, ...)
    TN_PRINTF(3, 4);
/* The general form: another status, a path that goes on behind that of `at`
 * (or NULL), a column in the string or -1. */
tn_status tn_json_fail_at(const tn_json_doc *doc, tn_status status, const tn_json *at, bool key,
    int column, const char *more, const char *format, ...) TN_PRINTF(7, 8);

/* What a value is, for messages: `"last"`, `3`, `a list`. Short. */
const char *tn_json_found(const tn_json_doc *doc, const tn_json *value);
const char *tn_json_kind_name(tn_json_kind kind); /* "a string" */
/* Refuses (TN_MALFORMED) a value of another kind: "expected a string, found
 * 3". */
tn_status tn_json_want(const tn_json_doc *doc, const tn_json *value, tn_json_kind kind) TN_MUST_USE;
/* A whole number in low..high. */
tn_status tn_json_int(const tn_json_doc *doc, const tn_json *value, int64_t low, int64_t high,
    int64_t *out) TN_MUST_USE;
/* The same kind and contents, members in any order. */
bool tn_json_equal(const tn_json *a, const tn_json *b);
/* The token of a number as it is written. Borrowed from the document. */
tn_span tn_json_token(const tn_json_doc *doc, const tn_json *number);

/* The best of `count` names for a misspelt one: `; did you mean "x"?`, or "". */
const char *tn_json_meant(tn_arena *arena, const char *name, const char *const *names,
    uint32_t count);

#endif
