/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/record.h"

/* Far above what the compiler writes. */
enum { NAME_LIMIT = 1 << 16, FORMULA_LIMIT = 1 << 16, COUNT_LIMIT = 1 << 24 };

bool
tn_record_ok(const tn_record *in)
{
    return !in->bad && !in->r.failed;
}

uint32_t
tn_record_count(tn_record *in)
{
    uint32_t n = tn_read_u32(&in->r);

    if (n > COUNT_LIMIT || n > in->r.from.bytes - in->r.next)
        in->bad = true;
    return tn_record_ok(in) ? n : 0;
}

const char *
tn_record_name(tn_record *in)
{
    return tn_read_str(&in->r, in->arena, NAME_LIMIT);
}

int32_t
tn_record_int(tn_record *in)
{
    return (int32_t)tn_read_u32(&in->r);
}

int32_t
tn_record_index(tn_record *in, uint32_t below, bool may_be_none)
{
    int32_t i = tn_record_int(in);

    if (i < (may_be_none ? -1 : 0) || (i >= 0 && (uint32_t)i >= below))
        in->bad = true;
    return i;
}

tn_formula
tn_record_formula(tn_record *in)
{
    uint32_t bytes = tn_read_u32(&in->r);
    tn_span s;

    if (bytes > FORMULA_LIMIT)
        in->bad = true;
    s = tn_read_span(&in->r, in->bad ? 0 : bytes);
    return (tn_formula){.code = s.at, .bytes = (uint32_t)s.bytes};
}

tn_span
tn_record_span(tn_record *in)
{
    uint64_t bytes = tn_read_u64(&in->r);

    if (bytes > in->r.from.bytes)
        in->bad = true;
    return tn_read_span(&in->r, in->bad ? 0 : (size_t)bytes);
}

void
tn_record_head(tn_record *in, tn_dtype *dtype, int32_t *rank)
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

void
tn_record_write_formula(tn_writer *w, tn_formula f)
{
    tn_write_u32(w, f.bytes);
    tn_write(w, f.code, f.bytes);
}

void
tn_record_write_span(tn_writer *w, tn_span s)
{
    tn_write_u64(w, s.bytes);
    tn_write(w, s.at, s.bytes);
}
