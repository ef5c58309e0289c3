/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tbuild_in.h"

#include <assert.h>
#include <string.h>

tn_tb *
tn_tb_create(tn_arena *arena, const char *name)
{
    tn_tb *b = tn_new(arena, tn_tb);

    b->arena = arena;
    b->names.arena = arena;
    b->size_of.arena = arena;
    b->tile = tn_new(arena, tn_tile);
    b->tile->arena = arena;
    b->tile->name = tn_arena_copy(arena, name, strlen(name));
    b->tile->body = tn_new(arena, tn_tbody);
    b->body = b->tile->body;
    return b;
}

const tn_tbody *
tn_tb_scope(const tn_tb *b)
{
    return b->body;
}

/* Parameters first, then locals, each in order of declaration. */
static void
order_buffers(tn_tile *t)
{
    uint32_t count = t->bufs.count, at = 0;
    tn_tbuf **sorted = tn_new_array(t->arena, tn_tbuf *, count);

    for (int local = 0; local < 2; local++)
        for (uint32_t i = 0; i < count; i++)
            if (t->bufs.at[i]->local == (local == 1))
                sorted[at++] = t->bufs.at[i];
    for (uint32_t i = 0; i < count; i++) {
        t->bufs.at[i] = sorted[i];
        sorted[i]->index = i;
    }
}

tn_tile *
tn_tb_finish(tn_tb *b)
{
    assert(b->body == b->tile->body && "an open loop or if");
    order_buffers(b->tile);
    return b->tile;
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Words that may stand where a size or an axis may, and v0, v1, .. */
static bool
is_taken(const char *name)
{
    static const char *const words[] = {"load", "inf", "nan", "true", "false", "by", "if"};
    size_t i = 1;

    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strcmp(name, words[k]) == 0)
            return true;
    while (is_digit(name[i]))
        i++;
    return name[0] == 'v' && i > 1 && !name[i];
}

const char *
tn_tb_unique(tn_tb *b, const char *name)
{
    size_t length = strlen(name);
    char *clean = tn_arena_get(b->arena, length + 3);
    const char *unique = clean;
    size_t n = 0;

    if (!is_letter(name[0]))
        clean[n++] = '_';
    for (size_t i = 0; i < length; i++)
        clean[n++] = is_letter(name[i]) || is_digit(name[i]) ? name[i] : '_';
    if (is_taken(clean))
        clean[n++] = '_';
    for (int i = 1; tn_map_get(&b->names, unique); i++)
        unique = tn_arena_printf(b->arena, "%s_%d", clean, i);
    tn_map_put(&b->names, unique, b);
    return unique;
}

/* ---- buffers and axes ---- */

static tn_tbuf *
add_buffer(tn_tb *b, const char *name, tn_dtype dtype, int rank)
{
    tn_tbuf *buf = tn_new(b->arena, tn_tbuf);

    assert(rank >= 0 && rank <= TN_MAX_RANK);
    buf->name = tn_tb_unique(b, name);
    buf->dtype = dtype;
    buf->rank = rank;
    buf->index = b->tile->bufs.count;
    tn_push(b->arena, &b->tile->bufs, buf);
    tn_push(b->arena, &b->stores, 0);
    return buf;
}

tn_tbuf *
tn_tb_buffer(tn_tb *b, const char *name, tn_dtype dtype, int rank, tn_tval *const *dims,
    tn_layout layout, uint32_t alias)
{
    tn_tbuf *buf = add_buffer(b, name, dtype, rank);

    for (int i = 0; i < rank; i++)
        buf->dim[i] = dims[i];
    buf->layout = layout;
    buf->alias = alias;
    return buf;
}

static tn_tstmt *
add_statement(tn_tb *b, tn_top op)
{
    tn_tstmt *s = tn_new(b->arena, tn_tstmt);

    s->op = op;
    tn_push(b->arena, &b->body->stmts, s);
    b->started = true;
    return s;
}

tn_tbuf *
tn_tb_local(tn_tb *b, const char *name, tn_dtype dtype, int rank, tn_tval *const *dims,
    tn_axis *const *dim_axes)
{
    tn_tbuf *buf = add_buffer(b, name, dtype, rank);

    buf->local = true;
    for (int i = 0; i < rank; i++) {
        buf->dim_axis[i] = dim_axes ? dim_axes[i] : NULL;
        buf->dim[i] = buf->dim_axis[i] ? NULL : dims[i];
    }
    add_statement(b, TN_T_local)->buf = buf;
    return buf;
}

static tn_axis *
add_axis(tn_tb *b, tn_axis_kind kind, const char *name, tn_tval *low, tn_tval *high)
{
    tn_axis *axis = tn_new(b->arena, tn_axis);

    axis->name = tn_tb_unique(b, name);
    axis->kind = kind;
    axis->low = low ? low : tn_tb_int(b, 0);
    axis->high = high;
    axis->index = b->tile->axes.count;
    tn_push(b->arena, &b->tile->axes, axis);
    return axis;
}

tn_axis *
tn_tb_grid(tn_tb *b, const char *name, tn_tval *low, tn_tval *high, bool by_one)
{
    tn_axis *axis = add_axis(b, TN_AXIS_GRID, name, low, high);

    assert(!b->started && "grid axes come before statements");
    axis->by_one = by_one;
    tn_push(b->arena, &b->tile->grid, axis);
    return axis;
}

tn_axis *
tn_tb_span(tn_tb *b, const char *name, tn_tval *extent)
{
    return add_axis(b, TN_AXIS_SPAN, name, NULL, extent);
}

tn_axis *
tn_tb_out(tn_tb *b, const char *name, tn_tval *extent)
{
    return add_axis(b, TN_AXIS_OUT, name, NULL, extent);
}

/* ---- store, check, if ---- */

static bool
may_alias(const tn_tbuf *a, const tn_tbuf *c)
{
    return a == c || (a->alias && a->alias == c->alias);
}

uint32_t
tn_tb_epoch(const tn_tb *b, const tn_tbuf *buf)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < b->tile->bufs.count; i++)
        if (b->stores.at[i] && may_alias(buf, b->tile->bufs.at[i]))
            n += b->stores.at[i];
    return n;
}

void
tn_tb_store(tn_tb *b, tn_tbuf *buf, tn_tval *const *index, tn_tval *value, tn_tval *condition)
{
    tn_tstmt *s;

    assert(value->dtype == buf->dtype && (!condition || condition->dtype == TN_BOOL));
    s = add_statement(b, TN_T_store);
    s->buf = buf;
    s->index_count = buf->rank;
    for (int i = 0; i < buf->rank; i++)
        s->index[i] = index[i];
    s->value = value;
    s->condition = condition;
    buf->written = true;
    b->stores.at[buf->index]++;
}

uint32_t
tn_tb_site(tn_tb *b, const char *what)
{
    uint32_t at = 0;

    while (at < b->tile->sites.count && strcmp(b->tile->sites.at[at], what) != 0)
        at++;
    if (at == b->tile->sites.count)
        tn_push(b->arena, &b->tile->sites, tn_arena_copy(b->arena, what, strlen(what)));
    return at;
}

void
tn_tb_check(tn_tb *b, uint32_t site, tn_tval *condition, tn_tval *at, tn_tval *value)
{
    tn_tstmt *s;

    assert(condition->dtype == TN_BOOL && site < b->tile->sites.count);
    s = add_statement(b, TN_T_check);
    s->site = site;
    s->condition = condition;
    s->position = at;
    s->value = value;
}

static tn_tbody *
open_body(tn_tb *b, tn_tstmt *owner)
{
    tn_tbody *body = tn_new(b->arena, tn_tbody);

    body->parent = b->body;
    body->owner = owner;
    b->body = body;
    return body;
}

static tn_tstmt *
close_body(tn_tb *b, tn_top op)
{
    tn_tstmt *owner = b->body->owner;

    assert(owner && owner->op == op);
    (void)op;
    b->body = b->body->parent;
    return owner;
}

void
tn_tb_if(tn_tb *b, tn_tval *condition)
{
    tn_tstmt *s = add_statement(b, TN_T_if);

    assert(condition->dtype == TN_BOOL && condition->axis_count == 0);
    s->condition = condition;
    s->body = open_body(b, s);
}

void
tn_tb_else(tn_tb *b)
{
    tn_tstmt *s = close_body(b, TN_T_if);

    s->orelse = open_body(b, s);
}

void
tn_tb_end_if(tn_tb *b)
{
    close_body(b, TN_T_if);
}

/* ---- loops ---- */

tn_tstmt *
tn_tb_loop(tn_tb *b, bool scan, const char *name, tn_axis *over, tn_tval *low, tn_tval *high,
    bool by_one)
{
    tn_axis *axis = over;
    tn_tstmt *s;

    if (!axis) {
        axis = add_axis(b, TN_AXIS_LOOP, name, low, high);
        axis->by_one = by_one;
    }
    s = add_statement(b, TN_T_loop);
    s->axis = axis;
    s->scan = scan;
    s->body = open_body(b, s);
    return s;
}

tn_tval *
tn_tb_loop_node(tn_tb *b, tn_top op, tn_tstmt *loop, int number, int side)
{
    const tn_tcarry *c = &loop->carry.at[number];
    tn_tval like = {
        .op = op, .dtype = c->init->dtype, .loop = loop, .whole = number, .side = (uint8_t)side};

    if (c->value) {
        like.axes = c->value->axes;
        like.axis_count = c->value->axis_count;
    }
    return tn_tb_node(b, &like);
}

tn_tval *
tn_tb_carry(tn_tb *b, tn_tval *init, tn_axis *const *axes, int count, tn_fn by)
{
    tn_tstmt *loop = b->body->owner;
    tn_axis *sorted[TN_TILE_AXES];
    tn_tval like = {.op = TN_T_carry, .dtype = init->dtype, .loop = loop, .axes = sorted};
    tn_tcarry carry = {.init = init, .by = by};

    assert(loop && loop->op == TN_T_loop && b->body->stmts.count == 0);
    for (int i = 0; i < count; i++) {
        int at = i;

        while (at > 0 && sorted[at - 1]->index > axes[i]->index)
            at--;
        memmove(sorted + at + 1, sorted + at, (size_t)(i - at) * sizeof *sorted);
        sorted[at] = axes[i];
    }
    like.axis_count = (uint8_t)count;
    like.whole = loop->carry.count;
    carry.value = tn_tb_node(b, &like);
    tn_push(b->arena, &loop->carry, carry);
    return carry.value;
}

void
tn_tb_end_loop(tn_tb *b, tn_tval *const *next)
{
    tn_tstmt *loop = close_body(b, TN_T_loop);

    for (uint32_t i = 0; i < loop->carry.count; i++) {
        assert(next[i]->dtype == loop->carry.at[i].value->dtype);
        loop->carry.at[i].next = next[i];
    }
}

tn_tval *
tn_tb_final(tn_tb *b, tn_tstmt *loop, int number)
{
    return tn_tb_loop_node(b, TN_T_result, loop, number, 0);
}

void
tn_tb_merge(tn_tb *b, tn_tstmt *loop)
{
    loop->merge = true;
    loop->merge_body = open_body(b, loop);
    for (uint32_t i = 0; i < loop->carry.count; i++) {
        loop->carry.at[i].left = tn_tb_loop_node(b, TN_T_merged, loop, (int)i, 0);
        loop->carry.at[i].right = tn_tb_loop_node(b, TN_T_merged, loop, (int)i, 1);
    }
}

tn_tval *
tn_tb_merged(tn_tb *b, tn_tstmt *loop, int side, int number)
{
    (void)b;
    return side ? loop->carry.at[number].right : loop->carry.at[number].left;
}

void
tn_tb_end_merge(tn_tb *b, tn_tval *const *merged)
{
    tn_tstmt *loop = close_body(b, TN_T_loop);

    for (uint32_t i = 0; i < loop->carry.count; i++)
        loop->carry.at[i].merged = merged[i];
}
