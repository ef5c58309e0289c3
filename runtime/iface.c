/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/iface.h"

#include <string.h>

enum { NAME_LIMIT = 1 << 16, FORMULA_LIMIT = 1 << 16, COUNT_LIMIT = 1 << 24 };

static void
write_dims(tn_writer *w, tn_dtype dtype, int32_t rank, const tn_formula *dim)
{
    tn_write_u8(w, (uint8_t)dtype);
    tn_write_u8(w, (uint8_t)rank);
    for (int i = 0; i < rank; i++) {
        tn_write_u32(w, dim[i].bytes);
        tn_write(w, dim[i].code, dim[i].bytes);
    }
}

static void
write_formula(tn_writer *w, tn_formula f)
{
    tn_write_u32(w, f.bytes);
    tn_write(w, f.code, f.bytes);
}

static void
write_entry(tn_writer *w, const tn_iface_entry *e)
{
    tn_write_str(w, e->name);
    tn_write_u32(w, e->symbols.count);
    for (uint32_t i = 0; i < e->symbols.count; i++) {
        const tn_plan_symbol *s = &e->symbols.at[i];

        tn_write_str(w, s->name);
        tn_write_i64(w, s->low);
        tn_write_i64(w, s->high);
        tn_write_i64(w, s->multiple);
        tn_write_i64(w, s->sample);
        tn_write_u32(w, (uint32_t)s->input);
    }
    tn_write_u32(w, e->inputs.count);
    for (uint32_t i = 0; i < e->inputs.count; i++) {
        const tn_iface_input *in = &e->inputs.at[i];

        tn_write_str(w, in->name);
        write_dims(w, in->dtype, in->rank, in->dim);
        tn_write_u32(w, (uint32_t)in->symbol);
        tn_write_u8(w, in->has_range);
        tn_write_i64(w, in->low);
        tn_write_i64(w, in->high);
        tn_write_str(w, in->text);
        tn_write_str(w, in->product);
        tn_write_u32(w, (uint32_t)in->tokenizer);
    }
    tn_write_u32(w, e->outputs.count);
    for (uint32_t i = 0; i < e->outputs.count; i++) {
        const tn_iface_output *o = &e->outputs.at[i];

        tn_write_str(w, o->name);
        write_dims(w, o->dtype, o->rank, o->dim);
        tn_write_u32(w, (uint32_t)o->labels);
        tn_write_str(w, o->scheme);
        tn_write_str(w, o->length);
        tn_write_str(w, o->align);
    }
    tn_write_u32(w, e->facts.count);
    for (uint32_t i = 0; i < e->facts.count; i++) {
        tn_write_u32(w, e->facts.at[i].op);
        write_formula(w, e->facts.at[i].left);
        write_formula(w, e->facts.at[i].right);
        tn_write_str(w, e->facts.at[i].what);
    }
}

static void
write_weight(tn_writer *w, const tn_iface_weight *v)
{
    tn_write_str(w, v->name);
    tn_write_u8(w, (uint8_t)v->dtype);
    tn_write_u8(w, (uint8_t)v->rank);
    for (int i = 0; i < v->rank; i++)
        tn_write_i64(w, v->dim[i]);
    tn_write_u32(w, v->layout);
    tn_write_u32(w, v->layout_n);
    tn_write_u64(w, v->offset);
    tn_write_u64(w, v->bytes);
}

static void
write_tokenizer(tn_writer *w, const tn_iface_tokenizer *t)
{
    tn_write_str(w, t->name);
    tn_write_str(w, t->kind);
    tn_write_u64(w, t->vocabulary.bytes);
    tn_write(w, t->vocabulary.at, t->vocabulary.bytes);
    tn_write_u8(w, t->lowercase);
    tn_write_str(w, t->unknown);
    tn_write_str(w, t->begin);
    tn_write_str(w, t->end);
    tn_write_str(w, t->pad);
    tn_write_i64(w, t->max_length);
}

void
tn_iface_encode(tn_writer *w, const tn_iface *f)
{
    tn_write_str(w, f->model);
    tn_write_i64(w, f->params);
    tn_write_u32(w, f->entries.count);
    for (uint32_t i = 0; i < f->entries.count; i++)
        write_entry(w, &f->entries.at[i]);
    tn_write_u32(w, f->weights.count);
    for (uint32_t i = 0; i < f->weights.count; i++)
        write_weight(w, &f->weights.at[i]);
    tn_write_u32(w, f->states.count);
    for (uint32_t i = 0; i < f->states.count; i++) {
        tn_write_str(w, f->states.at[i].name);
        tn_write_u32(w, (uint32_t)f->states.at[i].entry);
        write_dims(w, f->states.at[i].dtype, f->states.at[i].rank, f->states.at[i].dim);
        tn_write_f64(w, f->states.at[i].fill);
    }
    tn_write_u32(w, f->labels.count);
    for (uint32_t i = 0; i < f->labels.count; i++) {
        tn_write_str(w, f->labels.at[i].name);
        tn_write_u32(w, f->labels.at[i].names.count);
        for (uint32_t j = 0; j < f->labels.at[i].names.count; j++)
            tn_write_str(w, f->labels.at[i].names.at[j]);
    }
    tn_write_u32(w, f->tokenizers.count);
    for (uint32_t i = 0; i < f->tokenizers.count; i++)
        write_tokenizer(w, &f->tokenizers.at[i]);
}

/* ---- reading ---- */

typedef struct input {
    tn_reader r;
    tn_arena *arena;
    bool bad;
} input;

static uint32_t
count(input *in)
{
    uint32_t n = tn_read_u32(&in->r);

    if (n > COUNT_LIMIT || n > in->r.from.bytes - in->r.next) {
        in->bad = true;
        return 0;
    }
    return in->r.failed ? 0 : n;
}

static const char *
name(input *in)
{
    return tn_read_str(&in->r, in->arena, NAME_LIMIT);
}

static int32_t
integer(input *in)
{
    return (int32_t)tn_read_u32(&in->r);
}

static tn_formula
formula(input *in)
{
    uint32_t bytes = tn_read_u32(&in->r);
    tn_span s;

    if (bytes > FORMULA_LIMIT)
        in->bad = true;
    s = tn_read_span(&in->r, in->bad ? 0 : bytes);
    return (tn_formula){.code = s.at, .bytes = (uint32_t)s.bytes};
}

static void
head(input *in, tn_dtype *dtype, int32_t *rank)
{
    uint8_t d = tn_read_u8(&in->r);

    *rank = tn_read_u8(&in->r);
    if (d >= TN_DTYPE_COUNT || *rank > TN_MAX_RANK) {
        in->bad = true;
        d = 0;
        *rank = 0;
    }
    *dtype = (tn_dtype)d;
}

static void
dims(input *in, tn_dtype *dtype, int32_t *rank, tn_formula *dim)
{
    head(in, dtype, rank);
    for (int i = 0; i < *rank; i++)
        dim[i] = formula(in);
}

static tn_plan_symbol
read_symbol(input *in)
{
    tn_plan_symbol s = {.name = name(in)};

    s.low = tn_read_i64(&in->r);
    s.high = tn_read_i64(&in->r);
    s.multiple = tn_read_i64(&in->r);
    s.sample = tn_read_i64(&in->r);
    s.input = integer(in);
    if (s.multiple < 1)
        in->bad = true;
    return s;
}

static tn_iface_input
read_input(input *in, uint32_t symbols)
{
    tn_iface_input v = {.name = name(in)};

    dims(in, &v.dtype, &v.rank, v.dim);
    v.symbol = integer(in);
    v.has_range = tn_read_u8(&in->r) != 0;
    v.low = tn_read_i64(&in->r);
    v.high = tn_read_i64(&in->r);
    v.text = name(in);
    v.product = name(in);
    v.tokenizer = integer(in);
    if (v.symbol >= (int32_t)symbols || v.symbol < -1 || (v.symbol >= 0 && v.rank != 0))
        in->bad = true;
    return v;
}

static tn_iface_output
read_output(input *in)
{
    tn_iface_output v = {.name = name(in)};

    dims(in, &v.dtype, &v.rank, v.dim);
    v.labels = integer(in);
    v.scheme = name(in);
    v.length = name(in);
    v.align = name(in);
    return v;
}

static tn_iface_entry
read_entry(input *in)
{
    tn_iface_entry e = {.name = name(in)};
    uint32_t n = count(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_symbol s = read_symbol(in);

        tn_push(in->arena, &e.symbols, s);
    }
    n = count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_input v = read_input(in, e.symbols.count);

        tn_push(in->arena, &e.inputs, v);
    }
    n = count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_output v = read_output(in);

        tn_push(in->arena, &e.outputs, v);
    }
    n = count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_fact f = {.op = tn_read_u32(&in->r)};

        f.left = formula(in);
        f.right = formula(in);
        f.what = name(in);
        if (f.op > 3)
            in->bad = true;
        tn_push(in->arena, &e.facts, f);
    }
    return e;
}

static tn_iface_weight
read_weight(input *in)
{
    tn_iface_weight w = {.name = name(in)};

    head(in, &w.dtype, &w.rank);
    for (int i = 0; i < w.rank; i++) {
        w.dim[i] = tn_read_i64(&in->r);
        if (w.dim[i] < 0)
            in->bad = true;
    }
    w.layout = tn_read_u32(&in->r);
    w.layout_n = tn_read_u32(&in->r);
    w.offset = tn_read_u64(&in->r);
    w.bytes = tn_read_u64(&in->r);
    return w;
}

static tn_iface_labels
read_labels(input *in)
{
    tn_iface_labels l = {.name = name(in)};
    uint32_t n = count(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        const char *text = name(in);

        tn_push(in->arena, &l.names, text);
    }
    return l;
}

static tn_iface_tokenizer
read_tokenizer(input *in)
{
    tn_iface_tokenizer t = {.name = name(in)};
    uint64_t bytes;

    t.kind = name(in);
    bytes = tn_read_u64(&in->r);
    if (bytes > in->r.from.bytes)
        in->bad = true;
    t.vocabulary = tn_read_span(&in->r, in->bad ? 0 : (size_t)bytes);
    t.lowercase = tn_read_u8(&in->r) != 0;
    t.unknown = name(in);
    t.begin = name(in);
    t.end = name(in);
    t.pad = name(in);
    t.max_length = tn_read_i64(&in->r);
    return t;
}

static tn_iface_state
read_state(input *in, uint32_t entries)
{
    tn_iface_state s = {.name = name(in)};

    s.entry = integer(in);
    if (s.entry < 0 || s.entry >= (int32_t)entries)
        in->bad = true;
    dims(in, &s.dtype, &s.rank, s.dim);
    s.fill = tn_read_f64(&in->r);
    return s;
}

static void
read_rest(input *in, tn_iface *out)
{
    uint32_t n = count(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_weight w = read_weight(in);

        tn_push(in->arena, &out->weights, w);
    }
    n = count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_state s = read_state(in, out->entries.count);

        tn_push(in->arena, &out->states, s);
    }
    n = count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_labels l = read_labels(in);

        tn_push(in->arena, &out->labels, l);
    }
    n = count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_tokenizer t = read_tokenizer(in);

        tn_push(in->arena, &out->tokenizers, t);
    }
}

static bool
links_ok(const tn_iface *f)
{
    for (uint32_t e = 0; e < f->entries.count; e++) {
        const tn_iface_entry *entry = &f->entries.at[e];

        for (uint32_t i = 0; i < entry->inputs.count; i++)
            if (entry->inputs.at[i].tokenizer < -1 ||
                entry->inputs.at[i].tokenizer >= (int32_t)f->tokenizers.count)
                return false;
        for (uint32_t i = 0; i < entry->outputs.count; i++)
            if (entry->outputs.at[i].labels < -1 ||
                entry->outputs.at[i].labels >= (int32_t)f->labels.count)
                return false;
    }
    return true;
}

tn_status
tn_iface_decode(tn_arena *arena, tn_diag *diag, tn_span bytes, tn_iface *out)
{
    input in = {.r = {.from = bytes}, .arena = arena};
    uint32_t n;

    *out = (tn_iface){.model = name(&in)};
    out->params = tn_read_i64(&in.r);
    n = count(&in);
    for (uint32_t i = 0; i < n && !in.bad; i++) {
        tn_iface_entry e = read_entry(&in);

        tn_push(arena, &out->entries, e);
    }
    if (!in.bad)
        read_rest(&in, out);
    if (in.bad || in.r.failed || in.r.next != bytes.bytes || !links_ok(out))
        return tn_fail(diag, TN_INTEGRITY, "interface: damaged at byte %zu of %zu", in.r.next,
            bytes.bytes);
    return TN_OK;
}

int
tn_iface_entry_find(const tn_iface *iface, const char *wanted)
{
    for (uint32_t i = 0; i < iface->entries.count; i++)
        if (!strcmp(iface->entries.at[i].name, wanted))
            return (int)i;
    return -1;
}

int
tn_iface_input_find(const tn_iface_entry *entry, const char *wanted)
{
    for (uint32_t i = 0; i < entry->inputs.count; i++)
        if (!strcmp(entry->inputs.at[i].name, wanted))
            return (int)i;
    return -1;
}
