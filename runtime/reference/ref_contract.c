/* SPDX-License-Identifier: Apache-2.0
 * Contractions: operands are gathered into [batch, rows, depth] and [batch,
 * depth, columns], multiplied, and the product spread to the result. */
#include <string.h>

#include "runtime/reference/ref.h"

enum { BATCH, ROW, COLUMN, DEPTH, KINDS };

/* A label: what it is, its size, its strides in a, b and the result. */
typedef struct label {
    int kind;
    int64_t size, a, b, out;
} label;

typedef struct plan {
    label label[TN_MAX_LABELS];
    int count;
    int64_t size[KINDS]; /* product of the labels of a kind */
} plan;

static void
read_operand(plan *p, const tn_label_map *map, int operand, const tn_ref_value *x)
{
    int64_t stride[TN_MAX_RANK];

    tn_ref_strides(x, stride);
    for (int i = 0; i < x->rank; i++) {
        label *l = &p->label[map->axis[operand][i]];

        l->kind |= operand ? 2 : 1; /* seen in a, in b */
        if (x->dim[i] != 1 || l->size == 0)
            l->size = x->dim[i];
        if (x->dim[i] != 1)
            *(operand ? &l->b : &l->a) = stride[i];
    }
}

/* A label under `...` that is 1 in one operand takes the size of the other;
 * an empty axis stays one. */
static void
mark_kinds(plan *p, const tn_label_map *map, const tn_ref_value *out)
{
    int64_t stride[TN_MAX_RANK];

    tn_ref_strides(out, stride);
    for (int i = 0; i < map->label_count; i++) {
        label *l = &p->label[i];
        bool kept = false;

        for (int k = 0; k < map->out_rank; k++) {
            if (map->out[k] == i) {
                kept = true;
                l->out = stride[k];
                l->size = out->dim[k];
            }
        }
        l->kind = !kept ? DEPTH : l->kind == 1 ? ROW : l->kind == 2 ? COLUMN : BATCH;
    }
    for (int kind = 0; kind < KINDS; kind++)
        p->size[kind] = 1;
    for (int i = 0; i < map->label_count; i++)
        p->size[p->label[i].kind] *= p->label[i].size;
    p->count = map->label_count;
}

/* An odometer over the labels of up to three kinds, outermost kind first. */
typedef struct odometer {
    const label *label[TN_MAX_LABELS];
    int64_t index[TN_MAX_LABELS];
    int count;
    int64_t a, b, out;
} odometer;

static odometer
start(const plan *p, int first, int second, int third)
{
    odometer o = {.count = 0};
    int kinds[] = {first, second, third};

    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < p->count; i++) {
            if (p->label[i].kind == kinds[k])
                o.label[o.count++] = &p->label[i];
        }
    }
    return o;
}

static void
step(odometer *o)
{
    for (int i = o->count - 1; i >= 0; i--) {
        const label *l = o->label[i];

        o->a += l->a;
        o->b += l->b;
        o->out += l->out;
        if (++o->index[i] < l->size)
            return;
        o->a -= l->a * l->size;
        o->b -= l->b * l->size;
        o->out -= l->out * l->size;
        o->index[i] = 0;
    }
}

static void
gather(const plan *p, const tn_ref_value *x, bool second, double *to)
{
    odometer o = second ? start(p, BATCH, DEPTH, COLUMN) : start(p, BATCH, ROW, DEPTH);
    int64_t count = p->size[BATCH] * p->size[DEPTH] * p->size[second ? COLUMN : ROW];

    /* Integers travel as their bits. */
    for (int64_t k = 0; k < count; k++, step(&o))
        memcpy(&to[k], &x->f[second ? o.b : o.a], sizeof *to);
}

/* The bits of integer products: wrapping sums of 64 bits, cut at the end. */
static void
multiply_bits(int64_t *c, const int64_t *a, const int64_t *b, int64_t m, int64_t n, int64_t k)
{
    for (int64_t i = 0; i < m; i++) {
        for (int64_t p = 0; p < k; p++) {
            uint64_t x = (uint64_t)a[i * k + p];

            for (int64_t j = 0; j < n; j++)
                c[i * n + j] = (int64_t)((uint64_t)c[i * n + j] + x * (uint64_t)b[p * n + j]);
        }
    }
}

/* out[m,n] += a[m,k] b[k,n] for floats or integers of the given type. */
static void
multiply(tn_dtype dtype, double *c, const double *a, const double *b, int64_t m, int64_t n,
    int64_t k)
{
    if (tn_is_float(dtype))
        tn_ref_matmul(c, a, b, m, n, k);
    else
        multiply_bits((int64_t *)(void *)c, (const int64_t *)(const void *)a,
            (const int64_t *)(const void *)b, m, n, k);
}

static void
spread(const plan *p, const double *product, tn_ref_value *out)
{
    odometer o = start(p, BATCH, ROW, COLUMN);

    for (int64_t k = 0; k < out->count; k++, step(&o)) {
        if (tn_is_float(out->dtype))
            out->f[o.out] = product[k];
        else {
            int64_t bits;

            memcpy(&bits, &product[k], sizeof bits);
            out->i[o.out] = tn_ref_wrap(out->dtype, (uint64_t)bits);
        }
    }
}

static tn_status
contract_with(tn_ref_call *c, const plan *p, bool q8)
{
    const tn_ref_value *x = tn_ref_in(c, 0), *y = tn_ref_in(c, 1);
    int64_t m = p->size[ROW], n = p->size[COLUMN], k = p->size[DEPTH];
    tn_ref_value a, b, product;

    TN_TRY(tn_ref_scratch(c->r, TN_F64, p->size[BATCH] * m * k, &a));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, p->size[BATCH] * k * n, &b));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, p->size[BATCH] * m * n, &product));
    gather(p, x, false, a.f);
    gather(p, y, true, b.f);
    for (int64_t i = 0; q8 && i < p->size[BATCH] * m; i++)
        tn_ref_q8(a.f + i * k, k);
    for (int64_t i = 0; i < p->size[BATCH]; i++)
        multiply(x->dtype, product.f + i * m * n, a.f + i * m * k, b.f + i * k * n, m, n, k);
    spread(p, product.f, &c->out[0]);
    return TN_OK;
}

static tn_status
contract_labels(tn_ref_call *c, const char *labels, bool q8)
{
    const tn_ref_value *a = tn_ref_in(c, 0), *b = tn_ref_in(c, 1);
    int ranks[] = {a->rank, b->rank};
    plan p = {.count = 0};
    tn_label_map map;

    if (!tn_labels_parse(labels, 2, ranks, true, &map, NULL))
        return tn_ref_fail(c, ".attrs.labels", "labels that do not fit");
    read_operand(&p, &map, 0, a);
    read_operand(&p, &map, 1, b);
    mark_kinds(&p, &map, &c->out[0]);
    if (c->out[0].count == 0)
        return TN_OK;
    return contract_with(c, &p, q8);
}

tn_status
tn_oracle_contract(tn_ref_call *c)
{
    return contract_labels(c, tn_op_text(c->op, TN_ATTR_contract_labels),
        tn_ref_is(c, TN_ATTR_contract_activation, "q8"));
}

tn_status
tn_oracle_linear(tn_ref_call *c)
{
    const tn_ref_value *bias = tn_ref_in(c, TN_IN_linear_bias);
    tn_ref_value *out = &c->out[0];

    TN_TRY(contract_labels(c, "...i,oi->...o", tn_ref_is(c, TN_ATTR_linear_activation, "q8")));
    for (int64_t k = 0; bias && k < out->count; k++) {
        if (tn_is_float(out->dtype))
            out->f[k] += bias->f[k % bias->count];
        else
            out->i[k] =
                tn_ref_wrap(out->dtype, (uint64_t)out->i[k] + (uint64_t)bias->i[k % bias->count]);
    }
    return TN_OK;
}

/* Sums of segments, each checked before a row is read. */
static tn_status
check_counts(const tn_ref_call *c, const tn_ref_value *counts, int64_t rows)
{
    int64_t sum = 0;

    for (int64_t e = 0; e < counts->count; e++) {
        if (counts->i[e] < 0)
            return tn_ref_fail(c, ".in.counts", "%lld at [%lld] is below 0",
                (long long)counts->i[e], (long long)e);
        if (counts->i[e] > rows - sum)
            return tn_ref_fail(c, ".in.counts",
                "%lld at [%lld] makes the sum exceed the %lld rows of x", (long long)counts->i[e],
                (long long)e, (long long)rows);
        sum += counts->i[e];
    }
    return TN_OK;
}

static void
transpose(double *to, const double *from, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++)
            memcpy(&to[j * rows + i], &from[i * columns + j], sizeof *to);
    }
}

tn_status
tn_oracle_grouped_linear(tn_ref_call *c)
{
    const tn_ref_value *x = tn_ref_in(c, TN_IN_grouped_linear_x);
    const tn_ref_value *w = tn_ref_in(c, TN_IN_grouped_linear_w);
    const tn_ref_value *counts = tn_ref_in(c, TN_IN_grouped_linear_counts);
    int64_t k = w->dim[2], n = w->dim[1], row = 0;
    tn_ref_value a, b;

    TN_TRY(check_counts(c, counts, x->dim[0]));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, x->count, &a));
    TN_TRY(tn_ref_scratch(c->r, TN_F64, n * k, &b));
    memcpy(a.f, x->f, (size_t)x->count * sizeof *a.f);
    if (tn_ref_is(c, TN_ATTR_grouped_linear_activation, "q8")) {
        for (int64_t i = 0; i < x->dim[0]; i++)
            tn_ref_q8(a.f + i * k, k);
    }
    for (int64_t e = 0; e < counts->count; e++) {
        transpose(b.f, w->f + e * n * k, n, k);
        multiply(x->dtype, c->out[0].f + row * n, a.f + row * k, b.f, counts->i[e], n, k);
        row += counts->i[e];
    }
    for (int64_t i = 0; !tn_is_float(x->dtype) && i < c->out[0].count; i++)
        c->out[0].i[i] = tn_ref_wrap(c->out[0].dtype, (uint64_t)c->out[0].i[i]);
    return TN_OK;
}
