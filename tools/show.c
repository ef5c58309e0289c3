/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/show.h"

#include <math.h>
#include <string.h>

static const void *
element(const tn_tensor *t, int64_t index)
{
    return (const char *)t->data + index * tn_dtype_bytes(t->dtype);
}

void
tn_show_element(tn_text *out, const tn_tensor *t, int64_t index, bool json)
{
    double v;

    if (t->dtype == TN_BOOL) {
        tn_text_add(out, tn_load_int(TN_BOOL, element(t, index)) ? "true" : "false");
    } else if (tn_is_int(t->dtype)) {
        tn_text_add(out, "%lld", (long long)tn_load_int(t->dtype, element(t, index)));
    } else {
        v = tn_load_double(t->dtype, element(t, index));
        if (json && !isfinite(v))
            tn_text_add(out, isnan(v) ? "\"=nan\"" : v > 0 ? "\"=inf\"" : "\"=-inf\"");
        else if (json || t->dtype == TN_F64)
            tn_text_double(out, v);
        else
            tn_text_add(out, "%.7g", v);
    }
}

static void
show_axis(tn_text *out, const tn_tensor *t, int axis, int64_t at, int64_t limit, bool json)
{
    int64_t n = axis < t->rank ? t->dim[axis] : 1;

    if (axis == t->rank) {
        tn_show_element(out, t, at, json);
        return;
    }
    tn_text_add(out, "[");
    for (int64_t i = 0; i < n; i++) {
        if (i)
            tn_text_add(out, json ? "," : ", ");
        if (limit && i >= limit && n > limit) {
            tn_text_add(out, "..");
            break;
        }
        show_axis(out, t, axis + 1, at * n + i, limit, json);
    }
    tn_text_add(out, "]");
}

void
tn_show_tensor(tn_text *out, const tn_tensor *t, int64_t limit, bool json)
{
    show_axis(out, t, 0, 0, limit, json);
}

void
tn_show_type(tn_text *out, const tn_tensor *t)
{
    tn_text_add(out, "%s[", tn_dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++)
        tn_text_add(out, "%s%lld", i ? "," : "", (long long)t->dim[i]);
    tn_text_add(out, "]");
}

static const char *
label(const tn_shown *s, const tn_iface_output *o, int64_t number)
{
    const tn_iface_labels *l = &s->iface->labels.at[o->labels];

    return number >= 0 && number < (int64_t)l->names.count ? l->names.at[number] : "?";
}

static const tn_tensor *
tensor_named(const tn_shown *s, const char *name)
{
    int i = tn_iface_input_find(s->entry, name);

    if (i >= 0)
        return &s->inputs[i];
    for (uint32_t o = 0; o < s->entry->outputs.count; o++)
        if (!strcmp(s->entry->outputs.at[o].name, name))
            return &s->outputs[o];
    return NULL;
}

/* How many of a row's elements count: its `length`, clamped to the axis. */
static int64_t
row_length(const tn_shown *s, const tn_iface_output *o, int64_t row, int64_t axis)
{
    const tn_tensor *l = *o->length ? tensor_named(s, o->length) : NULL;
    int64_t n = l ? tn_load_int(l->dtype, element(l, row)) : axis;

    return n < 0 ? 0 : n > axis ? axis : n;
}

/* A colour for each kind of chunk, from its name: stable, readable on dark
 * and light. */
static const char *
tag_color(const char *tag)
{
    static const char *const colors[] = {
        "\x1b[36m", "\x1b[33m", "\x1b[35m", "\x1b[32m", "\x1b[34m", "\x1b[31m"};
    unsigned h = 5381;

    for (const char *c = tag + 2; *c; c++)
        h = h * 33 + (unsigned char)*c;
    return colors[h % (sizeof colors / sizeof *colors)];
}

/* "play [jazz:genre] by [nick cave:artist]": chunks in brackets, or coloured
 * with their names. */
static void
show_tags(tn_text *out, const tn_shown *s, const tn_iface_output *o, const tn_tensor *t,
    int64_t row)
{
    int64_t axis = t->dim[t->rank - 1], n = row_length(s, o, row, axis);
    const tn_token_word *words = s->batch->spans[row];

    for (int64_t i = 0; i < n; i++) {
        const char *tag = label(s, o, tn_load_int(t->dtype, element(t, row * axis + i)));
        const char *next =
            i + 1 < n ? label(s, o, tn_load_int(t->dtype, element(t, row * axis + i + 1))) : "O";
        bool inside = !!strcmp(tag, "O");
        bool opens = inside && tag[0] != 'I';
        bool closes = inside && next[0] != 'I';

        tn_text_add(out, "%s", i ? " " : "");
        if (opens)
            tn_text_add(out, "%s", s->color ? tag_color(tag) : "[");
        tn_text_put(out, s->texts[row].at + words[i].start, words[i].end - words[i].start);
        if (closes)
            tn_text_add(out, s->color ? "\x1b[2m:%s\x1b[0m" : ":%s]", tag + 2);
    }
    tn_text_add(out, "\n");
}

/* One row of an output with labels: names, or tags beside their words. */
static void
show_label_row(tn_text *out, const tn_shown *s, const tn_iface_output *o, const tn_tensor *t,
    int64_t row)
{
    int64_t axis = t->rank > 1 ? t->dim[t->rank - 1] : 1;

    if (*o->align && s->batch && t->rank == 2 && row < (int64_t)s->batch->rows) {
        show_tags(out, s, o, t, row);
        return;
    }
    for (int64_t i = 0, n = t->rank > 1 ? row_length(s, o, row, axis) : 1; i < n; i++)
        tn_text_add(out, "%s%s", i ? " " : "",
            label(s, o, tn_load_int(t->dtype, element(t, row * axis + i))));
    tn_text_add(out, "\n");
}

static bool
has_labels(const tn_iface_output *o, const tn_tensor *t)
{
    return o->labels >= 0 && !tn_is_float(t->dtype);
}

/* Slice `row` of axis 0. */
static tn_tensor
row_of(const tn_tensor *t, int64_t row)
{
    tn_tensor r = {.dtype = t->dtype, .rank = t->rank - 1};

    memcpy(r.dim, t->dim + 1, sizeof *t->dim * (size_t)r.rank);
    r.bytes = t->dim[0] ? t->bytes / (uint64_t)t->dim[0] : 0;
    r.data = (char *)t->data + (uint64_t)row * r.bytes;
    return r;
}

static void
show_output(tn_text *out, const tn_shown *s, uint32_t i)
{
    const tn_iface_output *o = &s->entry->outputs.at[i];
    const tn_tensor *t = &s->outputs[i];
    int64_t rows = t->rank ? t->dim[0] : 1;

    for (int64_t row = 0; has_labels(o, t) && row < rows; row++) {
        tn_text_add(out, "%-10s ", o->name);
        show_label_row(out, s, o, t, row);
    }
    if (has_labels(o, t))
        return;
    tn_text_add(out, "%-10s ", o->name);
    tn_show_type(out, t);
    tn_text_add(out, " ");
    tn_show_tensor(out, t, 8, false);
    tn_text_add(out, "\n");
}

/* Texts one after the other, each with its own row of every output. */
static void
show_texts(tn_text *out, const tn_shown *s)
{
    for (uint32_t row = 0; row < s->batch->rows; row++) {
        tn_text_add(out, "%s%.*s\n", row ? "\n" : "", (int)s->texts[row].bytes, s->texts[row].at);
        for (uint32_t i = 0; i < s->entry->outputs.count; i++) {
            const tn_iface_output *o = &s->entry->outputs.at[i];
            const tn_tensor *t = &s->outputs[i];
            tn_tensor slice;

            tn_text_add(out, "  %-10s ", o->name);
            if (has_labels(o, t)) {
                show_label_row(out, s, o, t, row);
                continue;
            }
            slice = row_of(t, row);
            tn_show_tensor(out, &slice, 8, false);
            tn_text_add(out, "\n");
        }
    }
}

/* Every output has one row for each text. */
static bool
is_by_text(const tn_shown *s)
{
    for (uint32_t i = 0; s->batch && i < s->entry->outputs.count; i++)
        if (s->outputs[i].rank == 0 || s->outputs[i].dim[0] != (int64_t)s->batch->rows)
            return false;
    return s->batch != NULL;
}

void
tn_show_outputs(tn_text *out, const tn_shown *s)
{
    if (is_by_text(s)) {
        show_texts(out, s);
        return;
    }
    for (uint32_t i = 0; i < s->entry->outputs.count; i++)
        show_output(out, s, i);
}

/* Nested label names in the shape of the tensor. */
static void
json_labels(tn_text *out, const tn_shown *s, const tn_iface_output *o, const tn_tensor *t, int axis,
    int64_t at)
{
    if (axis == t->rank) {
        tn_text_json(out, label(s, o, tn_load_int(t->dtype, element(t, at))));
        return;
    }
    tn_text_add(out, "[");
    for (int64_t i = 0; i < t->dim[axis]; i++) {
        if (i)
            tn_text_add(out, ",");
        json_labels(out, s, o, t, axis + 1, at * t->dim[axis] + i);
    }
    tn_text_add(out, "]");
}

void
tn_show_json(tn_text *out, const tn_shown *s)
{
    tn_text_add(out, "{\"schema\":\"tenon.run/1\",\"device\":");
    tn_text_json(out, s->device);
    tn_text_add(out, ",\"outputs\":{");
    for (uint32_t i = 0; i < s->entry->outputs.count; i++) {
        const tn_iface_output *o = &s->entry->outputs.at[i];
        const tn_tensor *t = &s->outputs[i];

        tn_text_add(out, "%s", i ? "," : "");
        tn_text_json(out, o->name);
        tn_text_add(out, ":{\"type\":\"");
        tn_show_type(out, t);
        tn_text_add(out, "\",\"data\":");
        tn_show_tensor(out, t, 0, true);
        if (has_labels(o, t)) {
            tn_text_add(out, ",\"labels\":");
            json_labels(out, s, o, t, 0, 0);
        }
        tn_text_add(out, "}");
    }
    tn_text_add(out, "}}\n");
}
