/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "passes/schedule/schedule.h"

typedef struct field {
    const char *name;
    const char *doc;
    size_t offset;
    int32_t fallback;
} field;

static const field fields[] = {
#define TN_CHOICE(name, fallback, doc) {#name, doc, offsetof(tn_choice, name), fallback},
#include "passes/schedule/choice.def"
};

enum { FIELDS = sizeof fields / sizeof *fields };

static int32_t *
at(tn_choice *c, int i)
{
    return (int32_t *)(void *)((char *)c + fields[i].offset);
}

static int32_t
value(const tn_choice *c, int i)
{
    int32_t v;

    memcpy(&v, (const char *)c + fields[i].offset, sizeof v);
    return v;
}

void
tn_choice_init(tn_choice *choice)
{
    for (int i = 0; i < FIELDS; i++)
        *at(choice, i) = fields[i].fallback;
}

const char *
tn_choice_field(int i, const char **doc, int32_t *fallback)
{
    bool there = i >= 0 && i < FIELDS;

    *doc = there ? fields[i].doc : NULL;
    *fallback = there ? fields[i].fallback : 0;
    return there ? fields[i].name : NULL;
}

void
tn_choice_print(tn_text *out, const tn_choice *choice)
{
    const char *space = "";

    for (int i = 0; i < FIELDS; i++) {
        if (value(choice, i) == fields[i].fallback)
            continue;
        tn_text_add(out, "%s%s=%d", space, fields[i].name, (int)value(choice, i));
        space = " ";
    }
}

static int
find(const char *name, size_t length)
{
    for (int i = 0; i < FIELDS; i++)
        if (strlen(fields[i].name) == length && memcmp(fields[i].name, name, length) == 0)
            return i;
    return -1;
}

/* A whole number of at most seven digits. */
static bool
number(const char **p, const char *end, int32_t *out)
{
    bool minus = *p < end && **p == '-';
    int32_t v = 0;
    int digits = 0;

    *p += minus;
    for (; *p < end && **p >= '0' && **p <= '9'; digits++, (*p)++) {
        if (digits == 7)
            return false;
        v = v * 10 + (**p - '0');
    }
    *out = minus ? -v : v;
    return digits > 0;
}

tn_status
tn_choice_parse(tn_diag *diag, const char *text, size_t length, tn_choice *out)
{
    const char *p = text, *end = text + length;

    tn_choice_init(out);
    while (p < end) {
        const char *from = p;
        int i, shown;

        if (*p == ' ') {
            p++;
            continue;
        }
        while (p < end && *p != '=' && *p != ' ')
            p++;
        shown = (int)(p - from < 40 ? p - from : 40);
        i = find(from, (size_t)(p - from));
        if (i < 0)
            return tn_fail(diag, TN_USAGE, "choice: there is no \"%.*s\"", shown, from);
        if (p == end || *p++ != '=' || !number(&p, end, at(out, i)) || (p < end && *p != ' '))
            return tn_fail(diag, TN_USAGE, "choice: %s wants a whole number", fields[i].name);
    }
    return TN_OK;
}
