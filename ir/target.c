/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/target.h"

#include <stddef.h>
#include <string.h>

typedef enum field_kind { REQUIRE, HINT } field_kind;

typedef struct field_row {
    const char *name;
    field_kind kind;
    int64_t fallback;
    size_t offset;
} field_row;

static const field_row fields[] = {
#define TN_TARGET(field, kind, fallback, doc) {#field, kind, fallback, offsetof(tn_target, field)},
#include "ir/target.def"
};

enum { FIELDS = sizeof fields / sizeof *fields };

static int64_t *
at(tn_target *t, const field_row *f)
{
    return (int64_t *)(void *)((char *)t + f->offset);
}

static int64_t
value(const tn_target *t, const field_row *f)
{
    int64_t v;

    memcpy(&v, (const char *)t + f->offset, sizeof v);
    return v;
}

void
tn_target_init(tn_target *t)
{
    for (int i = 0; i < FIELDS; i++)
        *at(t, &fields[i]) = fields[i].fallback;
}

void
tn_target_print(tn_text *out, const tn_target *t)
{
    const char *space = "";

    for (int i = 0; i < FIELDS; i++) {
        int64_t v = value(t, &fields[i]);

        if (v == fields[i].fallback)
            continue;
        tn_text_add(out, "%s%s=%lld", space, fields[i].name, (long long)v);
        space = " ";
    }
    if (!out->at)
        tn_text_add(out, "%s", "");
}

/* A whole number of at most 18 digits, so that it cannot overflow. */
static bool
read_number(const char *from, size_t length, int64_t *out)
{
    bool minus = length && *from == '-';
    int64_t v = 0;

    if (minus) {
        from++;
        length--;
    }
    if (!length || length > 18)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (from[i] < '0' || from[i] > '9')
            return false;
        v = v * 10 + (from[i] - '0');
    }
    *out = minus ? -v : v;
    return true;
}

static tn_status
read_field(tn_diag *diag, const char *word, size_t length, tn_target *out)
{
    const char *equals = memchr(word, '=', length);
    size_t name = equals ? (size_t)(equals - word) : 0;
    int64_t v;

    if (!equals || !read_number(equals + 1, length - name - 1, &v))
        return tn_fail(diag, TN_MALFORMED, "target: expected name=number, found \"%.*s\"",
            (int)(length < 64 ? length : 64), word);
    for (int i = 0; i < FIELDS; i++)
        if (strlen(fields[i].name) == name && !memcmp(fields[i].name, word, name))
            *at(out, &fields[i]) = v;
    return TN_OK;
}

tn_status
tn_target_parse(tn_diag *diag, const char *text, size_t length, tn_target *out)
{
    size_t next = 0;

    tn_target_init(out);
    while (next < length) {
        size_t start = next;

        while (next < length && text[next] != ' ')
            next++;
        if (next > start)
            TN_TRY(read_field(diag, text + start, next - start, out));
        next++;
    }
    return TN_OK;
}

/* Fields that must be equal rather than reached. */
static bool
is_equality(const field_row *f)
{
    return !strcmp(f->name, "gpu");
}

const char *
tn_target_lacks(const tn_target *device, const tn_target *wanted)
{
    for (int i = 0; i < FIELDS; i++) {
        int64_t has = value(device, &fields[i]), wants = value(wanted, &fields[i]);

        if (fields[i].kind == HINT)
            continue;
        if (is_equality(&fields[i]) ? has != wants : has < wants)
            return fields[i].name;
    }
    if (wanted->arch && wanted->arch != device->arch)
        return "arch";
    return NULL;
}

typedef struct named_target {
    const char *name, *text;
} named_target;

/* Registers and widths of the psABI levels; GPU minimums that every driver of
 * Vulkan 1.2 and OpenCL 1.2 offers. */
static const named_target named[] = {
    {"cpu", "arch=1 level=3 vector_bytes=32 registers=16"},
    {"cpu:x86-64-v2", "arch=1 level=2 vector_bytes=16 registers=16"},
    {"cpu:x86-64-v3", "arch=1 level=3 vector_bytes=32 registers=16"},
    {"cpu:x86-64-v4", "arch=1 level=4 vector_bytes=64 registers=32 masked=1"},
    {"cpu:aarch64", "arch=2 vector_bytes=16 registers=32"},
    {"cpu:generic", "vector_bytes=16 registers=16"},
    {"vulkan", "gpu=1 group_lanes=128 group_bytes=16384"},
    {"opencl", "gpu=1 group_lanes=128 group_bytes=16384"},
    {"gpu:generic", "gpu=1 group_lanes=64 group_bytes=16384"},
    {"interp", "vector_bytes=16 registers=16 masked=1"},
    {"interp:gpu", "gpu=1 group_lanes=8 group_bytes=4096"},
};

bool
tn_target_named(const char *name, tn_target *out)
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (!strcmp(named[i].name, name))
            return tn_target_parse(NULL, named[i].text, strlen(named[i].text), out) == TN_OK;
    return false;
}
