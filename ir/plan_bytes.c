/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/plan.h"

#include "ir/record.h"

static void
write_number(tn_writer *w, const tn_number *n)
{
    tn_write_u8(w, (uint8_t)n->kind);
    tn_write_i64(w, n->num);
    tn_write_i64(w, n->den);
    tn_write_f64(w, n->real);
    tn_record_write_formula(w, n->code);
}

static void
write_buffer(tn_writer *w, const tn_plan_buffer *b)
{
    tn_write_u8(w, (uint8_t)b->use);
    tn_write_u8(w, (uint8_t)b->dtype);
    tn_write_u8(w, (uint8_t)b->rank);
    tn_write_str(w, b->name);
    for (int i = 0; i < b->rank; i++)
        tn_record_write_formula(w, b->dim[i]);
    tn_record_write_formula(w, b->bytes);
    tn_write_u32(w, (uint32_t)b->number);
    tn_write_u32(w, (uint32_t)b->same_as);
    tn_write_u32(w, b->layout);
    tn_write_u32(w, b->layout_n);
    if (b->use == TN_USE_SCALAR)
        write_number(w, &b->scalar);
    if (b->use == TN_USE_CONST)
        tn_record_write_span(w, b->constant);
    tn_write_u32(w, (uint32_t)b->first);
    tn_write_u32(w, (uint32_t)b->last);
}

static void
write_kernel(tn_writer *w, const tn_plan_kernel *k)
{
    tn_write_str(w, k->name);
    tn_record_write_span(w, k->lane);
    tn_record_write_span(w, k->tile);
    tn_write_str(w, k->choice);
    tn_record_write_formula(w, k->tasks);
    tn_record_write_formula(w, k->scratch);
    tn_write_u32(w, k->size_count);
    tn_write_u32(w, k->binding_count);
    tn_write_u32(w, k->site_count);
}

static void
write_step(tn_writer *w, const tn_plan_step *s)
{
    tn_write_u8(w, (uint8_t)s->kind);
    tn_write_u8(w, s->wait);
    if (s->kind == TN_STEP_LOOP) {
        tn_write_u32(w, s->length);
        tn_write_u32(w, s->chunk);
    }
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
        tn_record_write_formula(w, s->sizes.at[i]);
    tn_record_write_formula(w, s->flops);
    tn_record_write_formula(w, s->bytes);
    tn_write_u32(w, s->ops.count);
    for (uint32_t i = 0; i < s->ops.count; i++)
        tn_write_str(w, s->ops.at[i]);
}

static void
write_undo(tn_writer *w, const tn_plan_undo *u)
{
    tn_write_u32(w, u->buffer);
    tn_write_u32(w, u->axis);
    tn_record_write_formula(w, u->at);
    tn_record_write_formula(w, u->rows);
    tn_write_u32(w, (uint32_t)u->input);
}

void
tn_plan_symbol_write(tn_writer *w, const tn_plan_symbol *s)
{
    tn_write_str(w, s->name);
    tn_write_i64(w, s->low);
    tn_write_i64(w, s->high);
    tn_write_i64(w, s->multiple);
    tn_write_i64(w, s->sample);
    tn_write_u32(w, (uint32_t)s->input);
}

void
tn_plan_fact_write(tn_writer *w, const tn_plan_fact *f)
{
    tn_write_u32(w, f->op);
    tn_record_write_formula(w, f->left);
    tn_record_write_formula(w, f->right);
    tn_write_str(w, f->what);
}

void
tn_plan_encode(tn_writer *w, const tn_plan *plan)
{
    tn_write_str(w, plan->entry);
    tn_write_u32(w, plan->symbols.count);
    for (uint32_t i = 0; i < plan->symbols.count; i++)
        tn_plan_symbol_write(w, &plan->symbols.at[i]);
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
        tn_record_write_formula(w, plan->sites.at[i].extent);
    }
    tn_write_u32(w, plan->steps.count);
    for (uint32_t i = 0; i < plan->steps.count; i++)
        write_step(w, &plan->steps.at[i]);
    tn_write_u32(w, plan->facts.count);
    for (uint32_t i = 0; i < plan->facts.count; i++)
        tn_plan_fact_write(w, &plan->facts.at[i]);
    tn_write_u32(w, plan->undos.count);
    for (uint32_t i = 0; i < plan->undos.count; i++)
        write_undo(w, &plan->undos.at[i]);
}

/* ---- reading ---- */

static tn_number
read_number(tn_record *in)
{
    tn_number n = {0};
    uint8_t kind = tn_read_u8(&in->r);

    if (kind > TN_NUMBER_SYMBOLIC)
        in->bad = true;
    n.kind = (tn_number_kind)kind;
    n.num = tn_read_i64(&in->r);
    n.den = tn_read_i64(&in->r);
    n.real = tn_read_f64(&in->r);
    n.code = tn_record_formula(in);
    return n;
}

static tn_plan_buffer
read_buffer(tn_record *in, uint32_t count)
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
    b.name = tn_record_name(in);
    for (int i = 0; i < b.rank; i++)
        b.dim[i] = tn_record_formula(in);
    b.bytes = tn_record_formula(in);
    b.number = tn_record_int(in);
    b.same_as = tn_record_index(in, count, true);
    b.layout = tn_read_u32(&in->r);
    b.layout_n = tn_read_u32(&in->r);
    if (b.use == TN_USE_SCALAR)
        b.scalar = read_number(in);
    if (b.use == TN_USE_CONST)
        b.constant = tn_record_span(in);
    b.first = tn_record_int(in);
    b.last = tn_record_int(in);
    return b;
}

static tn_plan_kernel
read_kernel(tn_record *in)
{
    tn_plan_kernel k = {0};

    k.name = tn_record_name(in);
    k.lane = tn_record_span(in);
    k.tile = tn_record_span(in);
    k.choice = tn_record_name(in);
    k.tasks = tn_record_formula(in);
    k.scratch = tn_record_formula(in);
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
    if (s->kind == TN_STEP_ZERO || s->kind == TN_STEP_TEST)
        return s->buffers.count == 1;
    if (s->kind == TN_STEP_LOOP)
        return s->buffers.count == 0 && s->sizes.count == 1 && s->chunk >= 1;
    if (s->kernel < 0)
        return false;
    k = &plan->kernels.at[s->kernel];
    if (s->buffers.count != k->binding_count || s->sizes.count != k->size_count)
        return false;
    return k->site_count == 0 ||
        (s->first_site >= 0 && k->site_count <= plan->sites.count &&
            (uint32_t)s->first_site <= plan->sites.count - k->site_count);
}

/* Inputs may be the caller's memory, weights the file's: nobody writes there. */
static bool
writes_ok(const tn_plan *plan, const tn_plan_step *s)
{
    for (uint32_t i = 0; i < s->buffers.count; i++) {
        tn_plan_use use = plan->buffers.at[tn_plan_owner(plan, s->buffers.at[i])].use;

        if (s->writes.at[i] && use != TN_USE_OUTPUT && use != TN_USE_STATE && use != TN_USE_TEMP)
            return false;
    }
    return true;
}

static tn_plan_step
read_step(tn_record *in, const tn_plan *plan)
{
    tn_plan_step s = {.part = -1};
    uint8_t kind = tn_read_u8(&in->r);
    uint32_t n;

    if (kind > TN_STEP_TEST)
        in->bad = true;
    s.kind = (tn_step_kind)kind;
    s.wait = tn_read_u8(&in->r) != 0;
    if (s.kind == TN_STEP_LOOP) {
        s.length = tn_read_u32(&in->r);
        s.chunk = tn_read_u32(&in->r);
    }
    s.name = tn_record_name(in);
    s.family = tn_record_name(in);
    s.kernel = tn_record_index(in, plan->kernels.count, true);
    s.first_site = tn_record_int(in);
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n; i++) {
        int32_t at = tn_record_index(in, plan->buffers.count, false);
        bool written = tn_read_u8(&in->r) != 0;

        tn_push(in->arena, &s.buffers, (uint32_t)at);
        tn_push(in->arena, &s.writes, written);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n; i++) {
        tn_formula f = tn_record_formula(in);

        tn_push(in->arena, &s.sizes, f);
    }
    s.flops = tn_record_formula(in);
    s.bytes = tn_record_formula(in);
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n; i++) {
        const char *op = tn_record_name(in);

        tn_push(in->arena, &s.ops, op);
    }
    if (tn_record_ok(in) && (!fits(plan, &s) || !writes_ok(plan, &s)))
        in->bad = true;
    return s;
}

tn_plan_symbol
tn_plan_symbol_read(tn_record *in)
{
    tn_plan_symbol s = {.name = tn_record_name(in)};

    s.low = tn_read_i64(&in->r);
    s.high = tn_read_i64(&in->r);
    s.multiple = tn_read_i64(&in->r);
    s.sample = tn_read_i64(&in->r);
    s.input = tn_record_int(in);
    if (s.multiple < 1)
        in->bad = true;
    return s;
}

tn_plan_fact
tn_plan_fact_read(tn_record *in)
{
    tn_plan_fact f = {.op = tn_read_u32(&in->r)};

    f.left = tn_record_formula(in);
    f.right = tn_record_formula(in);
    f.what = tn_record_name(in);
    if (f.op > 3)
        in->bad = true;
    return f;
}

static tn_plan_undo
read_undo(tn_record *in, const tn_plan *plan)
{
    int32_t buffer = tn_record_index(in, plan->buffers.count, false);
    tn_plan_undo u = {.buffer = (uint32_t)buffer, .axis = tn_read_u32(&in->r)};

    u.at = tn_record_formula(in);
    u.rows = tn_record_formula(in);
    u.input = tn_record_int(in);
    if (tn_record_ok(in) &&
        (plan->buffers.at[u.buffer].use != TN_USE_STATE ||
            u.axis >= (uint32_t)plan->buffers.at[u.buffer].rank))
        in->bad = true;
    return u;
}

static void
read_tables(tn_record *in, tn_plan *out)
{
    uint32_t n = tn_record_count(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_symbol s = tn_plan_symbol_read(in);

        tn_push(in->arena, &out->symbols, s);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_buffer b = read_buffer(in, n);

        tn_push(in->arena, &out->buffers, b);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_kernel k = read_kernel(in);

        tn_push(in->arena, &out->kernels, k);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_site s = {.what = tn_record_name(in)};

        s.input = tn_record_int(in);
        s.extent = tn_record_formula(in);
        tn_push(in->arena, &out->sites, s);
    }
}

static void
read_program(tn_record *in, tn_plan *out)
{
    uint32_t n = tn_record_count(in);

    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_step s = read_step(in, out);

        tn_push(in->arena, &out->steps, s);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_fact f = tn_plan_fact_read(in);

        tn_push(in->arena, &out->facts, f);
    }
    n = tn_record_count(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        tn_plan_undo u = read_undo(in, out);

        tn_push(in->arena, &out->undos, u);
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

/* Loops lie inside one another, not too deep, none with two tests. */
static bool
loops_ok(const tn_plan *plan)
{
    uint32_t end[TN_PLAN_LOOPS], tests[TN_PLAN_LOOPS], depth = 0;

    for (uint32_t s = 0; s <= plan->steps.count; s++) {
        const tn_plan_step *step;

        while (depth && end[depth - 1] == s)
            if (tests[--depth] > 1)
                return false;
        if (s == plan->steps.count)
            break;
        step = &plan->steps.at[s];
        if (step->kind == TN_STEP_TEST && (!depth || tests[depth - 1]++))
            return false;
        if (step->kind != TN_STEP_LOOP)
            continue;
        if (depth == TN_PLAN_LOOPS || step->length >= plan->steps.count - s ||
            (depth && s + 1 + step->length > end[depth - 1]))
            return false;
        end[depth] = s + 1 + step->length;
        tests[depth++] = 0;
    }
    return depth == 0;
}

tn_status
tn_plan_decode(tn_arena *arena, tn_diag *diag, tn_span bytes, tn_plan *out)
{
    tn_record in = {.r = {.from = bytes}, .arena = arena};

    *out = (tn_plan){0};
    out->entry = tn_record_name(&in);
    read_tables(&in, out);
    if (tn_record_ok(&in))
        read_program(&in, out);
    if (!tn_record_ok(&in) || in.r.next != bytes.bytes || !aliases_ok(out) || !loops_ok(out))
        return tn_fail(diag, TN_INTEGRITY, "plan: damaged at byte %zu of %zu", in.r.next,
            bytes.bytes);
    return TN_OK;
}
