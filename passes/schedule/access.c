/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* Memory accesses at a point: an index is split into a scalar, a step per
 * lane and the rest, a vector; layouts give strides; a step of one element is
 * a vector access, none a scalar one, all else gathers and scatters. */

typedef struct affine {
    tn_ins *scalar; /* index type */
    int64_t coef;   /* per lane */
    tn_ins *vec;    /* i32 vector, or NULL */
} affine;

static tn_ins *
vec_add(tn_sched *s, tn_ins *a, tn_ins *b)
{
    if (!a || !b)
        return a ? a : b;
    return tn_add(s, a, b);
}

/* A vector times a scalar of the index type. */
static tn_ins *
vec_mul(tn_sched *s, tn_ins *v, tn_ins *by)
{
    int64_t c;

    if (!v || (tn_kb_is_int(by, &c) && c == 1))
        return v;
    by = tn_wide(s, tn_convert(s, by, TN_I32), v->type.lanes);
    return tn_mul(s, v, by);
}

static affine split(tn_sched *s, tn_tval *v, tn_point *p);

static affine
whole(tn_sched *s, tn_tval *v, tn_point *p)
{
    tn_ins *x = tn_eval(s, v, p);

    if (x->type.lanes == 1)
        return (affine){tn_to_index(s, x), 0, NULL};
    return (affine){tn_int(s, 0), 0, tn_convert(s, x, TN_I32)};
}

static affine
split_sum(tn_sched *s, tn_tval *v, tn_point *p)
{
    affine x = split(s, v->arg[0], p), y = split(s, v->arg[1], p);
    affine r = {NULL, 0, NULL};

    if (v->fn == TN_FN_sub) {
        r.scalar = tn_sub(s, x.scalar, y.scalar);
        r.coef = x.coef - y.coef;
        r.vec = vec_add(s, x.vec, y.vec ? tn_kb_fn1(s->b, TN_FN_neg, y.vec) : NULL);
    } else {
        r.scalar = tn_add(s, x.scalar, y.scalar);
        r.coef = x.coef + y.coef;
        r.vec = vec_add(s, x.vec, y.vec);
    }
    return r;
}

static affine
split_product(tn_sched *s, tn_tval *v, tn_point *p)
{
    affine x = split(s, v->arg[0], p), y = split(s, v->arg[1], p), t;
    int64_t c = 0;

    if (x.coef || x.vec) {
        t = x;
        x = y;
        y = t;
    }
    if (x.coef || x.vec || (y.coef && !tn_kb_is_int(x.scalar, &c)))
        return whole(s, v, p);
    t.scalar = tn_mul(s, x.scalar, y.scalar);
    t.coef = y.coef * c;
    t.vec = vec_mul(s, y.vec, x.scalar);
    return t;
}

static affine
split(tn_sched *s, tn_tval *v, tn_point *p)
{
    const tn_pos *pos = v->op == TN_T_index ? tn_point_pos(p, v->axis) : NULL;
    const tn_ins *had = tn_point_find(p, tn_key(v, 0));

    if (pos)
        return (affine){pos->base, pos->lanes > 1, NULL};
    if (v->op == TN_T_fn && v->dtype == TN_I32 && (!had || had->type.lanes > 1)) {
        if (v->fn == TN_FN_add || v->fn == TN_FN_sub)
            return split_sum(s, v, p);
        if (v->fn == TN_FN_mul)
            return split_product(s, v, p);
    }
    return whole(s, v, p);
}

const tn_pos *
tn_lanes_of(const tn_sched *s, const tn_point *p, tn_axset axes)
{
    for (uint32_t i = 0; i < s->tile->axes.count; i++) {
        const tn_axis *a = s->tile->axes.at[i];
        const tn_pos *pos = axes & tn_bit(a) ? tn_point_pos(p, a) : NULL;

        if (pos && pos->lanes > 1)
            return pos;
    }
    return NULL;
}

/* ---- layouts ---- */

/* Adds index x with a stride in elements. */
static void
add_index(tn_sched *s, tn_place *r, const affine *x, tn_ins *stride, int lanes)
{
    int64_t c;

    r->at = tn_add(s, r->at, tn_mul(s, x->scalar, stride));
    r->vec = vec_add(s, r->vec, vec_mul(s, x->vec, stride));
    if (!x->coef)
        return;
    if (tn_kb_is_int(stride, &c)) {
        r->coef += x->coef * c;
    } else {
        tn_ins *by = tn_muli(s, stride, x->coef);

        r->vec = vec_add(s, r->vec, vec_mul(s, tn_kb_lanes(s->b, lanes), by));
    }
}

/* Position of vectors in panels of 16: an aligned one is contiguous. */
static void
add_panel(tn_sched *s, tn_place *r, const affine *x, tn_ins *k_size, const tn_pos *lanes,
    bool aligned)
{
    tn_ins *sixteen = tn_int(s, 16), *row = tn_mul(s, k_size, sixteen);
    int width = lanes ? lanes->lanes : 1;

    if (!x->vec && (!x->coef || (x->coef == 1 && aligned && width <= 16))) {
        tn_ins *n = x->scalar, *panel;

        if (x->coef && lanes && lanes->padded != lanes->base)
            n = tn_add(s, tn_sub(s, n, lanes->base), lanes->padded);
        panel = tn_div(s, n, sixteen);
        r->at = tn_add(s, r->at, tn_mul(s, panel, row));
        if (!x->coef || width < 16)
            r->at = tn_add(s, r->at, tn_rem(s, n, sixteen));
        r->coef += x->coef;
        r->padded = x->coef == 1;
    } else {
        tn_ins *n = tn_wide(s, tn_convert(s, x->scalar, TN_I32), width), *v, *wide;
        tn_ins *c = tn_kb_whole(s->b, TN_I32, x->coef);

        n = vec_add(s, n, x->vec);
        c = tn_wide(s, c, width);
        if (x->coef)
            n = vec_add(s, n, tn_mul(s, tn_kb_lanes(s->b, width), c));
        wide = tn_wide(s, tn_kb_whole(s->b, TN_I32, 16), width);
        v = vec_mul(s, tn_div(s, n, wide), row);
        r->vec = vec_add(s, r->vec, v);
        r->vec = vec_add(s, r->vec, tn_rem(s, n, wide));
    }
}

static tn_ins *
rows_place(tn_sched *s, tn_place *r, const affine *x, tn_tbuf *buf, const uint8_t *order, int count,
    tn_ins *stride, int lanes)
{
    for (int i = count; i-- > 0;) {
        add_index(s, r, &x[order[i]], stride, lanes);
        stride = tn_mul(s, stride, tn_scalar(s, buf->dim[order[i]]));
    }
    return stride;
}

static void
p16_place(tn_sched *s, tn_place *r, const affine *x, tn_tbuf *buf, tn_tval *const *index,
    const tn_pos *lanes, const tn_axis *lane)
{
    int n = buf->layout.n, inner = buf->rank - n - 1;
    uint8_t order[TN_MAX_RANK] = {0};
    tn_ins *k_size, *rows;

    for (int i = 0; i < inner; i++)
        order[i] = (uint8_t)(n + 1 + i);
    rows_place(s, r, x, buf, order, inner, tn_int(s, 16), lanes ? lanes->lanes : 1);
    k_size = tn_int(s, 1);
    for (int i = 0; i < inner; i++)
        k_size = tn_mul(s, k_size, tn_scalar(s, buf->dim[order[i]]));
    add_panel(s, r, &x[n], k_size, lanes,
        lane && tn_value_multiple(index[n], lane, s->lanes < 16 ? s->lanes : 16));
    rows = tn_round_up(s, tn_scalar(s, buf->dim[n]), 16);
    for (int i = 0; i < n; i++)
        order[i] = (uint8_t)i;
    rows_place(s, r, x, buf, order, n, tn_mul(s, rows, k_size), lanes ? lanes->lanes : 1);
}

static const tn_axis *
lane_axis(const tn_sched *s, const tn_point *p, tn_axset axes)
{
    for (uint32_t i = 0; i < s->tile->axes.count; i++) {
        const tn_axis *a = s->tile->axes.at[i];
        const tn_pos *pos = axes & tn_bit(a) ? tn_point_pos(p, a) : NULL;

        if (pos && pos->lanes > 1)
            return a;
    }
    return NULL;
}

static tn_place
local_place(tn_sched *s, const tn_kept *k, const affine *x, int lanes)
{
    tn_place r = {k->start ? k->start : tn_int(s, 0), NULL, 0, false};

    for (int i = 0; i < k->rank; i++) {
        affine y = x[i];

        if (!k->stride[i])
            continue;
        if (k->origin[i])
            y.scalar = tn_sub(s, y.scalar, k->origin[i]);
        add_index(s, &r, &y, k->stride[i], lanes);
    }
    return r;
}

tn_place
tn_place_of(tn_sched *s, tn_tbuf *buf, tn_tval *const *index, tn_point *p)
{
    affine x[TN_MAX_RANK];
    uint8_t order[TN_MAX_RANK] = {0};
    tn_axset axes = 0;
    tn_place r = {tn_int(s, 0), NULL, 0, false};
    const tn_pos *lanes;

    for (int i = 0; i < buf->rank; i++) {
        x[i] = split(s, index[i], p);
        axes |= tn_val(s, index[i])->deps;
        order[i] = buf->layout.kind == TN_LAYOUT_PERM ? buf->layout.perm[i] : (uint8_t)i;
    }
    lanes = tn_lanes_of(s, p, axes);
    if (buf->local)
        return local_place(s, s->local[buf->index], x, lanes ? lanes->lanes : 1);
    if (buf->layout.kind == TN_LAYOUT_P16)
        p16_place(s, &r, x, buf, index, lanes, lane_axis(s, p, axes));
    else
        rows_place(s, &r, x, buf, order, buf->rank, tn_int(s, 1), lanes ? lanes->lanes : 1);
    return r;
}

tn_kmem *
tn_mem_of(tn_sched *s, const tn_tbuf *buf)
{
    return buf->local ? s->local[buf->index]->mem : s->mem[buf->index];
}

/* ---- loads and stores ---- */

static tn_ins *
both(tn_sched *s, tn_ins *a, tn_ins *b)
{
    if (!a || !b)
        return a ? a : b;
    return tn_kb_fn2(s->b, TN_FN_and, a, b);
}

/* Element numbers of lanes, relative to the place: never NULL. */
static tn_ins *
indices(tn_sched *s, const tn_place *at, int lanes)
{
    tn_ins *v = at->vec, *c;

    if (at->coef) {
        c = tn_wide(s, tn_kb_whole(s->b, TN_I32, at->coef), lanes);
        v = vec_add(s, v, tn_mul(s, tn_kb_lanes(s->b, lanes), c));
    }
    return v ? v : tn_wide(s, tn_kb_whole(s->b, TN_I32, 0), lanes);
}

tn_ins *
tn_load_at(tn_sched *s, tn_kmem *mem, const tn_place *at, const tn_pos *lanes, tn_ins *mask,
    tn_ins *other)
{
    int width = lanes ? lanes->lanes : 1;
    tn_ins *inside = lanes && !at->padded ? lanes->mask : NULL;
    bool uniform = at->coef == 0 && !at->vec && (!mask || mask->type.lanes == 1);

    if (uniform || width == 1) {
        tn_ins *place = at->at;

        if (at->vec)
            place = tn_add(s, place, tn_to_index(s, at->vec));
        return tn_kb_load(s->b, mem, place, 1, mask, other);
    }
    if (mask)
        inside = both(s, inside, tn_wide(s, mask, width));
    if (at->coef == 1 && !at->vec)
        return tn_kb_load(s->b, mem, at->at, width, inside, other);
    return tn_kb_gather(s->b, mem, at->at, indices(s, at, width), inside, other);
}

void
tn_store_at(tn_sched *s, tn_kmem *mem, const tn_place *at, tn_ins *value, const tn_pos *lanes,
    tn_ins *mask)
{
    int width = lanes ? lanes->lanes : 1;
    bool uniform =
        at->coef == 0 && !at->vec && value->type.lanes == 1 && (!mask || mask->type.lanes == 1);
    tn_ins *inside = lanes ? lanes->mask : NULL;

    value = tn_convert(s, value, mem->dtype);
    if (uniform || width == 1) {
        tn_ins *place = at->at;

        if (at->vec)
            place = tn_add(s, place, tn_to_index(s, at->vec));
        tn_kb_store(s->b, mem, place, value, mask);
        return;
    }
    value = tn_wide(s, value, width);
    if (mask)
        inside = both(s, inside, tn_wide(s, mask, width));
    if (at->coef == 1 && !at->vec)
        tn_kb_store(s->b, mem, at->at, value, inside);
    else
        tn_kb_scatter(s->b, mem, at->at, indices(s, at, width), value, inside);
}

/* ---- guarded loads ---- */

static bool
same_size(const tn_sched *s, const tn_tval *a, const tn_tval *b)
{
    int64_t x, y;

    return a == b || (tn_value_size(s, a, &x) && tn_value_size(s, b, &y) && x <= y);
}

static bool
below_end(const tn_sched *s, const tn_tval *index, const tn_tval *dim)
{
    int64_t x, y;

    if (index->op == TN_T_index)
        return same_size(s, index->axis->high, dim);
    return tn_value_size(s, index, &x) && tn_value_size(s, dim, &y) && x < y;
}

/* The index is inside the buffer; NULL: always. */
static tn_ins *
in_range(tn_sched *s, tn_tval *v, tn_point *p)
{
    tn_ins *all = NULL, *x, *end;

    for (int i = 0; i < v->arg_count; i++) {
        tn_tval *dim = v->buf->dim[i];
        bool low = tn_value_not_negative(v->arg[i]);
        bool high = dim && below_end(s, v->arg[i], dim);

        if (low && high)
            continue;
        x = tn_eval(s, v->arg[i], p);
        if (!low) {
            end = tn_convert(s, tn_int(s, 0), x->type.dtype);
            all = both(s, all, tn_kb_fn2(s->b, TN_FN_le, tn_wide(s, end, x->type.lanes), x));
        }
        if (!high && dim) {
            end = tn_convert(s, tn_scalar(s, dim), x->type.dtype);
            all = both(s, all, tn_kb_fn2(s->b, TN_FN_lt, x, tn_wide(s, end, x->type.lanes)));
        }
    }
    return all;
}

/* The value out of range, as the builder wants it: a constant, f32 for
 * halves. */
static tn_ins *
guard_value(tn_sched *s, const tn_tval *v)
{
    if (v->dtype == TN_F16 || v->dtype == TN_BF16)
        return tn_kb_real(s->b, TN_F32, v->guard->real);
    return tn_convert(s, tn_eval(s, v->guard, s->root), v->dtype);
}

tn_ins *
tn_eval_load(tn_sched *s, tn_tval *v, tn_point *p)
{
    tn_ins *mask = v->guard ? in_range(s, v, p) : NULL;
    tn_ins *other = v->guard ? guard_value(s, v) : NULL;
    tn_place at = tn_place_of(s, v->buf, v->arg, p);
    tn_kmem *mem = tn_mem_of(s, v->buf);

    return tn_load_at(s, mem, &at, tn_lanes_of(s, p, tn_val(s, v)->deps), mask, other);
}
