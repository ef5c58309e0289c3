/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/iface.h"

#include <string.h>

static void
write_dims(tn_writer *w, tn_dtype dtype, int32_t rank, const tn_formula *dim)
{
    tn_write_u8(w, (uint8_t)dtype);
    tn_write_u8(w, (uint8_t)rank);
    for (int i = 0; i < rank; i++)
        tn_record_write_formula(w, dim[i]);
}

static void
write_entry(tn_writer *w, const tn_iface_entry *e)
{
    tn_write_str(w, e->name);
    tn_write_u32(w, e->symbols.count);
    for (uint32_t i = 0; i < e->symbols.count; i++)
        tn_plan_symbol_write(w, &e->symbols.at[i]);
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
    for (uint32_t i = 0; i < e->facts.count; i++)
        tn_plan_fact_write(w, &e->facts.at[i]);
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
    tn_record_write_span(w, t->vocabulary);
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

static void
dims(tn_record *in, tn_dtype *dtype, int32_t *rank, tn_formula *dim)
{
    tn_record_head(in, dtype, rank);
    for (int i = 0; i < *rank; i++)
        dim[i] = tn_record_formula(in);
}

static tn_iface_input
read_input(tn_record *in, uint32_t symbols)
{
    tn_iface_input v = {.name = tn_record_name(in)};

    dims(in, &v.dtype, &v.rank, v.dim);
    v.symbol = tn_record_int(in);
    v.has_range = tn_read_u8(&in->r) != 0;
    v.low = tn_read_i64(&in->r);
    v.high = tn_read_i64(&in->r);
    v.text = tn_record_name(in);
    v.product = tn_record_name(in);
    v.tokenizer = tn_record_int(in);
    if (v.symbol >= (int32_t)symbols || v.symbol < -1 || (v.symbol >= 0 && v.rank != 0))
        in->bad = true;
    return v;
}

static tn_iface_output
read_output(tn_record *in)
{
    tn_iface_output v = {.name = tn_record_name(in)};

    dims(in, &v.dtype, &v.rank, v.dim);
    v.labels = tn_record_int(in);
    v.scheme = tn_record_name(in);
    v.length = tn_record_name(in);
    v.align = tn_record_name(in);
    return v;
}

static tn_iface_entry
read_entry(tn_record *in)
{
    tn_iface_entry e = {.name = tn_record_name(in)};
    uint32_t n = tn_record_count(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_symbol s = tn_plan_symbol_read(in);

        tn_push(in->arena, &e.symbols, s);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_input v = read_input(in, e.symbols.count);

        tn_push(in->arena, &e.inputs, v);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_output v = read_output(in);

        tn_push(in->arena, &e.outputs, v);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_fact f = tn_plan_fact_read(in);

        tn_push(in->arena, &e.facts, f);
    }
    return e;
}

static tn_iface_weight
read_weight(tn_record *in)
{
    tn_iface_weight w = {.name = tn_record_name(in)};

    tn_record_head(in, &w.dtype, &w.rank);
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
read_labels(tn_record *in)
{
    tn_iface_labels l = {.name = tn_record_name(in)};
    uint32_t n = tn_record_count(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        const char *text = tn_record_name(in);

        tn_push(in->arena, &l.names, text);
    }
    return l;
}

static tn_iface_tokenizer
read_tokenizer(tn_record *in)
{
    tn_iface_tokenizer t = {.name = tn_record_name(in)};

    t.kind = tn_record_name(in);
    t.vocabulary = tn_record_span(in);
    t.lowercase = tn_read_u8(&in->r) != 0;
    t.unknown = tn_record_name(in);
    t.begin = tn_record_name(in);
    t.end = tn_record_name(in);
    t.pad = tn_record_name(in);
    t.max_length = tn_read_i64(&in->r);
    return t;
}

static tn_iface_state
read_state(tn_record *in, uint32_t entries)
{
    tn_iface_state s = {.name = tn_record_name(in)};

    s.entry = tn_record_int(in);
    if (s.entry < 0 || s.entry >= (int32_t)entries)
        in->bad = true;
    dims(in, &s.dtype, &s.rank, s.dim);
    s.fill = tn_read_f64(&in->r);
    return s;
}

static void
read_rest(tn_record *in, tn_iface *out)
{
    uint32_t n = tn_record_count(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_weight w = read_weight(in);

        tn_push(in->arena, &out->weights, w);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_state s = read_state(in, out->entries.count);

        tn_push(in->arena, &out->states, s);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_iface_labels l = read_labels(in);

        tn_push(in->arena, &out->labels, l);
    }
    n = tn_record_count(in);
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
    tn_record in = {.r = {.from = bytes}, .arena = arena};
    uint32_t n;

    *out = (tn_iface){.model = tn_record_name(&in)};
    out->params = tn_read_i64(&in.r);
    n = tn_record_count(&in);
    for (uint32_t i = 0; i < n && !in.bad; i++) {
        tn_iface_entry e = read_entry(&in);

        tn_push(arena, &out->entries, e);
    }
    if (!in.bad)
        read_rest(&in, out);
    if (!tn_record_ok(&in) || in.r.next != bytes.bytes || !links_ok(out))
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
