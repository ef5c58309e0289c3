/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/plan.h"

/* The longest name, formula and text a plan may hold; far above what the
 * compiler writes. */
enum { NAME_LIMIT = 1 << 16, FORMULA_LIMIT = 1 << 16, COUNT_LIMIT = 1 << 24 };

static void
write_formula(tn_writer *w, tn_formula f)
{
    tn_write_u32(w, f.bytes);
    tn_write(w, f.code, f.bytes);
}

static void
write_span(tn_writer *w, tn_span s)
{
    tn_write_u64(w, s.bytes);
    tn_write(w, s.at, s.bytes);
}

static void
write_number(tn_writer *w, const tn_number *n)
{
    tn_write_u8(w, (uint8_t)n->kind);
    tn_write_i64(w, n->num);
    tn_write_i64(w, n->den);
    tn_write_f64(w, n->real);
    write_formula(w, n->code);
}

static void
write_buffer(tn_writer *w, const tn_plan_buffer *b)
{
    tn_write_u8(w, (uint8_t)b->use);
    tn_write_u8(w, (uint8_t)b->dtype);
    tn_write_u8(w, (uint8_t)b->rank);
    tn_write_str(w, b->name);
    for (int i = 0; i < b->rank; i++)
        write_formula(w, b->dim[i]);
    write_formula(w, b->bytes);
    tn_write_u32(w, (uint32_t)b->number);
    tn_write_u32(w, (uint32_t)b->same_as);
    tn_write_u32(w, b->layout);
    tn_write_u32(w, b->layout_n);
    if (b->use == TN_USE_SCALAR)
        write_number(w, &b->scalar);
    if (b->use == TN_USE_CONST)
        write_span(w, b->constant);
    tn_write_u32(w, (uint32_t)b->first);
    tn_write_u32(w, (uint32_t)b->last);
}

static void
write_kernel(tn_writer *w, const tn_plan_kernel *k)
{
    tn_write_str(w, k->name);
    write_span(w, k->lane);
    write_span(w, k->tile);
    tn_write_str(w, k->choice);
    write_formula(w, k->tasks);
    write_formula(w, k->scratch);
    tn_write_u32(w, k->size_count);
    tn_write_u32(w, k->binding_count);
    tn_write_u32(w, k->site_count);
}

static void
write_step(tn_writer *w, const tn_plan_step *s)
{
    tn_write_u8(w, (uint8_t)s->kind);
    tn_write_u8(w, s->wait);
    tn_write_str(w, s->name);
    tn_write_str(w, s->family);
    tn_write_u32(w, (uint32_t)s->kernel);
    tn_write_u32(w, (uint32_t)s->first_site);
    tn_write_u32(w, s->buffers.count);
    for (uint32_t i = 0; i < s->buffers.count; i++) {
        tn_write_u32(w, s->buffers.at[i]);
        tn_write_u8(w, s->writes.at[i]);
    }
    tn_write_u32(w, s->sizes.count);
    for (uint32_t i = 0; i < s->sizes.count; i++)
        write_formula(w, s->sizes.at[i]);
    write_formula(w, s->flops);
    write_formula(w, s->bytes);
    tn_write_u32(w, s->ops.count);
    for (uint32_t i = 0; i < s->ops.count; i++)
        tn_write_str(w, s->ops.at[i]);
}

static void
write_symbol(tn_writer *w, const tn_plan_symbol *s)
{
    tn_write_str(w, s->name);
    tn_write_i64(w, s->low);
    tn_write_i64(w, s->high);
    tn_write_i64(w, s->multiple);
    tn_write_i64(w, s->sample);
    tn_write_u32(w, (uint32_t)s->input);
}

void
tn_plan_encode(tn_writer *w, const tn_plan *plan)
{
    tn_write_str(w, plan->entry);
    tn_write_u32(w, plan->symbols.count);
    for (uint32_t i = 0; i < plan->symbols.count; i++)
        write_symbol(w, &plan->symbols.at[i]);
    tn_write_u32(w, plan->buffers.count);
    for (uint32_t i = 0; i < plan->buffers.count; i++)
        write_buffer(w, &plan->buffers.at[i]);
    tn_write_u32(w, plan->kernels.count);
    for (uint32_t i = 0; i < plan->kernels.count; i++)
        write_kernel(w, &plan->kernels.at[i]);
    tn_write_u32(w, plan->sites.count);
    for (uint32_t i = 0; i < plan->sites.count; i++) {
        tn_write_str(w, plan->sites.at[i].what);
        tn_write_u32(w, (uint32_t)plan->sites.at[i].input);
        write_formula(w, plan->sites.at[i].extent);
    }
    tn_write_u32(w, plan->steps.count);
    for (uint32_t i = 0; i < plan->steps.count; i++)
        write_step(w, &plan->steps.at[i]);
    tn_write_u32(w, plan->facts.count);
    for (uint32_t i = 0; i < plan->facts.count; i++) {
        tn_write_u32(w, plan->facts.at[i].op);
        write_formula(w, plan->facts.at[i].left);
        write_formula(w, plan->facts.at[i].right);
        tn_write_str(w, plan->facts.at[i].what);
    }
}

/* ---- reading: `bad` collects what the reader itself cannot see ---- */

typedef struct input {
    tn_reader r;
    tn_arena *arena;
    const tn_plan *plan;
    bool bad;
} input;

static uint32_t
read_count(input *in)
{
    uint32_t n = tn_read_u32(&in->r);

    /* Each element takes at least one byte: a wild count cannot make us
     * allocate more than the file's size allows. */
    if (n > COUNT_LIMIT || n > in->r.from.bytes - in->r.next) {
        in->bad = true;
        return 0;
    }
    return in->r.failed ? 0 : n;
}

static tn_formula
read_formula(input *in)
{
    uint32_t bytes = tn_read_u32(&in->r);
    tn_span s;

    if (bytes > FORMULA_LIMIT)
        in->bad = true;
    s = tn_read_span(&in->r, in->bad ? 0 : bytes);
    return (tn_formula){.code = s.at, .bytes = (uint32_t)s.bytes};
}

static tn_span
read_span(input *in)
{
    uint64_t bytes = tn_read_u64(&in->r);

    if (bytes > in->r.from.bytes) {
        in->bad = true;
        return (tn_span){0};
    }
    return tn_read_span(&in->r, (size_t)bytes);
}

static const char *
read_name(input *in)
{
    return tn_read_str(&in->r, in->arena, NAME_LIMIT);
}

static int32_t
read_index(input *in, uint32_t below, bool may_be_none)
{
    int32_t i = (int32_t)tn_read_u32(&in->r);

    if (i < (may_be_none ? -1 : 0) || (i >= 0 && (uint32_t)i >= below))
        in->bad = true;
    return i;
}

static tn_number
read_number(input *in)
{
    tn_number n = {0};
    uint8_t kind = tn_read_u8(&in->r);

    if (kind > TN_NUMBER_SYMBOLIC)
        in->bad = true;
    n.kind = (tn_number_kind)kind;
    n.num = tn_read_i64(&in->r);
    n.den = tn_read_i64(&in->r);
    n.real = tn_read_f64(&in->r);
    n.code = read_formula(in);
    return n;
}

static tn_plan_buffer
read_buffer(input *in, uint32_t count)
{
    tn_plan_buffer b = {0};
    uint8_t use = tn_read_u8(&in->r), dtype = tn_read_u8(&in->r);

    b.rank = tn_read_u8(&in->r);
    if (use > TN_USE_CONST || dtype >= TN_DTYPE_COUNT || b.rank > TN_MAX_RANK) {
        in->bad = true;
        b.rank = 0;
        return b;
    }
    b.use = (tn_plan_use)use;
    b.dtype = (tn_dtype)dtype;
    b.name = read_name(in);
    for (int i = 0; i < b.rank; i++)
        b.dim[i] = read_formula(in);
    b.bytes = read_formula(in);
    b.number = (int32_t)tn_read_u32(&in->r);
    b.same_as = read_index(in, count, true);
    b.layout = tn_read_u32(&in->r);
    b.layout_n = tn_read_u32(&in->r);
    if (b.use == TN_USE_SCALAR)
        b.scalar = read_number(in);
    if (b.use == TN_USE_CONST)
        b.constant = read_span(in);
    b.first = (int32_t)tn_read_u32(&in->r);
    b.last = (int32_t)tn_read_u32(&in->r);
    return b;
}

static tn_plan_kernel
read_kernel(input *in)
{
    tn_plan_kernel k = {0};

    k.name = read_name(in);
    k.lane = read_span(in);
    k.tile = read_span(in);
    k.choice = read_name(in);
    k.tasks = read_formula(in);
    k.scratch = read_formula(in);
    k.size_count = tn_read_u32(&in->r);
    k.binding_count = tn_read_u32(&in->r);
    k.site_count = tn_read_u32(&in->r);
    return k;
}

/* A launch must fit its kernel: the number of buffers, sizes and sites. */
static bool
fits(const tn_plan *plan, const tn_plan_step *s)
{
    const tn_plan_kernel *k;

    if (s->kind == TN_STEP_COPY)
        return s->buffers.count == 2;
    if (s->kind == TN_STEP_ZERO)
        return s->buffers.count == 1;
    if (s->kernel < 0)
        return false;
    k = &plan->kernels.at[s->kernel];
    if (s->buffers.count != k->binding_count || s->sizes.count != k->size_count)
        return false;
    return k->site_count == 0 ||
        (s->first_site >= 0 && k->site_count <= plan->sites.count &&
            (uint32_t)s->first_site <= plan->sites.count - k->site_count);
}

static tn_plan_step
read_step(input *in)
{
    tn_plan_step s = {0};
    uint8_t kind = tn_read_u8(&in->r);
    uint32_t n;

    if (kind > TN_STEP_ZERO)
        in->bad = true;
    s.kind = (tn_step_kind)kind;
    s.wait = tn_read_u8(&in->r) != 0;
    s.name = read_name(in);
    s.family = read_name(in);
    s.kernel = read_index(in, in->plan->kernels.count, true);
    s.first_site = (int32_t)tn_read_u32(&in->r);
    n = read_count(in);
    for (uint32_t i = 0; i < n; i++) {
        int32_t at = read_index(in, in->plan->buffers.count, false);
        bool written = tn_read_u8(&in->r) != 0;

        tn_push(in->arena, &s.buffers, (uint32_t)at);
        tn_push(in->arena, &s.writes, written);
    }
    n = read_count(in);
    for (uint32_t i = 0; i < n; i++) {
        tn_formula f = read_formula(in);

        tn_push(in->arena, &s.sizes, f);
    }
    s.flops = read_formula(in);
    s.bytes = read_formula(in);
    n = read_count(in);
    for (uint32_t i = 0; i < n; i++) {
        const char *op = read_name(in);

        tn_push(in->arena, &s.ops, op);
    }
    if (!in->bad && !in->r.failed && !fits(in->plan, &s))
        in->bad = true;
    return s;
}

static tn_plan_symbol
read_symbol(input *in)
{
    tn_plan_symbol s = {0};

    s.name = read_name(in);
    s.low = tn_read_i64(&in->r);
    s.high = tn_read_i64(&in->r);
    s.multiple = tn_read_i64(&in->r);
    s.sample = tn_read_i64(&in->r);
    s.input = (int32_t)tn_read_u32(&in->r);
    if (s.multiple < 1)
        in->bad = true;
    return s;
}

static void
read_tables(input *in, tn_plan *out)
{
    uint32_t n = read_count(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_symbol s = read_symbol(in);

        tn_push(in->arena, &out->symbols, s);
    }
    n = read_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_buffer b = read_buffer(in, n);

        tn_push(in->arena, &out->buffers, b);
    }
    n = read_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_kernel k = read_kernel(in);

        tn_push(in->arena, &out->kernels, k);
    }
    n = read_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_site s = {.what = read_name(in)};

        s.input = (int32_t)tn_read_u32(&in->r);
        s.extent = read_formula(in);
        tn_push(in->arena, &out->sites, s);
    }
}

static void
read_program(input *in, tn_plan *out)
{
    uint32_t n = read_count(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_step s = read_step(in);

        tn_push(in->arena, &out->steps, s);
    }
    n = read_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_fact f = {.op = tn_read_u32(&in->r)};

        f.left = read_formula(in);
        f.right = read_formula(in);
        f.what = read_name(in);
        if (f.op > 3)
            in->bad = true;
        tn_push(in->arena, &out->facts, f);
    }
}

/* An alias names an owner that owns: no chains, so no cycles. */
static bool
aliases_ok(const tn_plan *plan)
{
    for (uint32_t i = 0; i < plan->buffers.count; i++) {
        int32_t owner = plan->buffers.at[i].same_as;

        if (owner >= 0 && plan->buffers.at[owner].same_as >= 0)
            return false;
    }
    return true;
}

tn_status
tn_plan_decode(tn_arena *arena, tn_diag *diag, tn_span bytes, tn_plan *out)
{
    input in = {.r = {.from = bytes}, .arena = arena, .plan = out};

    *out = (tn_plan){0};
    out->entry = read_name(&in);
    read_tables(&in, out);
    if (!in.bad && !in.r.failed)
        read_program(&in, out);
    if (in.bad || in.r.failed || in.r.next != bytes.bytes || !aliases_ok(out))
        return tn_fail(diag, TN_INTEGRITY, "plan: damaged at byte %zu of %zu", in.r.next,
            bytes.bytes);
    return TN_OK;
}
