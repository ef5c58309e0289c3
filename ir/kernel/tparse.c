/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tparse_in.h"

#include <string.h>

#include "ir/kernel/tbuild_in.h"

static void
define_value(tn_tparse *p, const char *name, tn_tval *v)
{
    tn_push(p->arena, &p->names, ((tn_tname){.name = name, .value = v}));
}

static void
define_axis(tn_tparse *p, const char *name, tn_axis *axis)
{
    if (p->b->tile->axes.count > TN_TILE_AXES)
        tn_tp_fail(p, "more than %d axes", TN_TILE_AXES);
    tn_push(p->arena, &p->names, ((tn_tname){.name = name, .axis = axis}));
}

/* ---- header ---- */

static tn_layout
read_layout(tn_tparse *p, int rank)
{
    tn_layout layout = {.kind = TN_LAYOUT_ROWS};
    bool seen[TN_MAX_RANK] = {0};

    if (tn_tp_accept(p, "p16")) {
        int64_t n = rank - 2;

        layout.kind = TN_LAYOUT_P16;
        if (tn_tp_accept(p, "(")) {
            n = tn_tp_whole(p);
            tn_tp_expect(p, ")");
        }
        if (n < 0 || n >= rank - 1)
            tn_tp_fail(p, "p16 names a dimension before the last");
        layout.n = p->failed ? 0 : (uint8_t)n;
    } else if (tn_tp_accept(p, "perm")) {
        layout.kind = TN_LAYOUT_PERM;
        tn_tp_expect(p, "(");
        for (int i = 0; i < rank && !p->failed; i++) {
            int64_t at = tn_tp_whole(p);

            if (at < 0 || at >= rank || seen[at])
                tn_tp_fail(p, "perm lists each dimension once");
            else
                seen[at] = true;
            layout.perm[i] = p->failed ? 0 : (uint8_t)at;
            if (i + 1 < rank)
                tn_tp_expect(p, ",");
        }
        tn_tp_expect(p, ")");
    } else {
        (void)tn_tp_accept(p, "rows");
    }
    return layout;
}

static void
read_param(tn_tparse *p)
{
    const char *name = tn_tp_name(p, "a parameter");
    tn_tval *dims[TN_MAX_RANK];
    tn_layout layout;
    tn_dtype dtype;
    int64_t alias = 0;
    int rank = 0;

    tn_tp_expect(p, ":");
    dtype = tn_tp_dtype(p);
    tn_tp_expect(p, "[");
    while (!p->failed && !tn_tp_is(p, "]")) {
        if (rank == TN_MAX_RANK) {
            tn_tp_fail(p, "more than %d dimensions", TN_MAX_RANK);
            break;
        }
        dims[rank++] = tn_tp_index(p);
        if (!tn_tp_accept(p, ","))
            break;
    }
    tn_tp_expect(p, "]");
    layout = read_layout(p, rank);
    if (tn_tp_accept(p, "alias"))
        alias = tn_tp_whole(p);
    if (tn_map_get(&p->bufs, name))
        tn_tp_fail(p, "\"%s\" is a parameter already", name);
    if (!p->failed)
        tn_map_put(&p->bufs, name,
            tn_tb_buffer(p->b, name, dtype, rank, dims, layout, (uint32_t)alias));
}

static void
read_size(tn_tparse *p)
{
    const char *name = tn_tp_name(p, "a size");
    tn_tval *v;
    tn_tsize *size;
    bool known = false;
    int64_t value = 0;

    if (tn_tp_look(p, name))
        tn_tp_fail(p, "\"%s\" is a size already", name);
    if (tn_tp_accept(p, "=")) {
        v = tn_tp_index(p);
        known = tn_tval_is_int(v, &value);
        if (!known) {
            define_value(p, name, v);
            return;
        }
    }
    v = tn_tb_size(p->b, name, 0, INT32_MAX);
    size = &p->b->tile->sizes.at[v->whole];
    size->known = known;
    size->value = value;
    if (!known && tn_tp_accept(p, "in")) {
        size->low = tn_tp_whole(p);
        tn_tp_expect(p, "..");
        size->high = tn_tp_whole(p);
    }
    define_value(p, name, v);
}

static void
read_sizes(tn_tparse *p)
{
    if (!tn_tp_accept(p, "sizes"))
        return;
    do
        read_size(p);
    while (!p->failed && tn_tp_accept(p, ","));
}

static void
read_spans(tn_tparse *p)
{
    while (tn_tp_accept(p, "axis"))
        do {
            const char *name = tn_tp_name(p, "an axis");
            tn_tval *extent;

            tn_tp_expect(p, ":");
            extent = tn_tp_index(p);
            if (!p->failed && extent->axis_count)
                tn_tp_fail(p, "the extent of an axis is no tile");
            if (!p->failed)
                define_axis(p, name, tn_tb_span(p->b, name, extent));
        } while (!p->failed && tn_tp_accept(p, ","));
}

static bool
read_range(tn_tparse *p, tn_tval **low, tn_tval **high)
{
    *low = NULL;
    *high = tn_tp_index(p);
    if (tn_tp_accept(p, "..")) {
        *low = *high;
        *high = tn_tp_index(p);
    }
    if (!p->failed && ((*low && (*low)->axis_count) || (*high)->axis_count))
        tn_tp_fail(p, "bounds are scalars of the task");
    if (!tn_tp_accept(p, "by"))
        return false;
    if (tn_tp_whole(p) != 1)
        tn_tp_fail(p, "\"by\" is followed by 1");
    return true;
}

static void
read_grid(tn_tparse *p)
{
    tn_tp_expect(p, "grid");
    while (!p->failed && !tn_tp_is(p, "{")) {
        const char *name = tn_tp_name(p, "an axis");
        tn_tval *low, *high;
        bool by_one;

        tn_tp_expect(p, ":");
        by_one = read_range(p, &low, &high);
        if (!p->failed)
            define_axis(p, name, tn_tb_grid(p->b, name, low, high, by_one));
        if (!tn_tp_accept(p, ","))
            break;
    }
}

/* ---- statements ---- */

static void read_body(tn_tparse *p, tn_tstmt *loop, bool merge);

static int
read_place(tn_tparse *p, const tn_tbuf *buf, tn_tval **index)
{
    int count = 0;

    tn_tp_expect(p, "[");
    while (!p->failed && !tn_tp_is(p, "]")) {
        tn_tval *v = tn_tp_index(p);

        if (count == buf->rank) {
            tn_tp_fail(p, "%s has %d dimensions", buf->name, buf->rank);
            break;
        }
        index[count++] = v;
        if (!tn_tp_accept(p, ","))
            break;
    }
    tn_tp_expect(p, "]");
    if (!p->failed && count != buf->rank)
        tn_tp_fail(p, "%s has %d dimensions, %d are given", buf->name, buf->rank, count);
    return count;
}

static tn_tval *
read_condition(tn_tparse *p)
{
    tn_toperand c = tn_tp_expr(p);

    if (!p->failed && c.v->dtype != TN_BOOL)
        tn_tp_fail(p, "a condition is a bool");
    return c.v;
}

static void
read_store(tn_tparse *p)
{
    const char *name = tn_tp_name(p, "a buffer");
    tn_tbuf *buf = tn_map_get(&p->bufs, name);
    tn_tval *index[TN_MAX_RANK], *value, *condition = NULL;

    if (!buf)
        tn_tp_unknown(p, "there is no buffer", name);
    if (p->failed)
        return;
    read_place(p, buf, index);
    tn_tp_expect(p, ",");
    value = tn_tp_as(p, tn_tp_expr(p), buf->dtype);
    if (tn_tp_accept(p, "if"))
        condition = read_condition(p);
    if (!p->failed)
        tn_tb_store(p->b, buf, index, value, condition);
}

static void
read_check(tn_tparse *p)
{
    tn_tval *condition = read_condition(p), *position, *value;
    const char *site;

    tn_tp_expect(p, ",");
    site = tn_tp_string(p);
    tn_tp_expect(p, ",");
    position = tn_tp_index(p);
    tn_tp_expect(p, ",");
    value = tn_tp_expr(p).v;
    if (!p->failed)
        tn_tb_check(p->b, tn_tb_site(p->b, site), condition, position, value);
}

static void
read_local(tn_tparse *p)
{
    const char *name = tn_tp_name(p, "a buffer");
    tn_tval *dims[TN_MAX_RANK] = {0};
    tn_axis *axes[TN_MAX_RANK] = {0};
    tn_dtype dtype;
    int rank = 0;

    tn_tp_expect(p, ":");
    dtype = tn_tp_dtype(p);
    tn_tp_expect(p, "[");
    while (!p->failed && !tn_tp_is(p, "]")) {
        const tn_tname *found;

        if (rank == TN_MAX_RANK) {
            tn_tp_fail(p, "more than %d dimensions", TN_MAX_RANK);
            break;
        }
        found = p->lex.word != TN_WORD_NAME
            ? NULL
            : tn_tp_look(p, tn_arena_copy(p->arena, p->lex.from, p->lex.length));
        if (found && found->axis)
            axes[rank++] = tn_tp_axis(p);
        else
            dims[rank++] = tn_tp_index(p);
        if (!tn_tp_accept(p, ","))
            break;
    }
    tn_tp_expect(p, "]");
    if (tn_map_get(&p->bufs, name))
        tn_tp_fail(p, "\"%s\" is a buffer already", name);
    if (!p->failed)
        tn_map_put(&p->bufs, name, tn_tb_local(p->b, name, dtype, rank, dims, axes));
}

static void
read_braced(tn_tparse *p)
{
    uint32_t scope = p->names.count;

    tn_tp_expect(p, "{");
    read_body(p, NULL, false);
    tn_tp_expect(p, "}");
    p->names.count = scope;
}

static void
read_if(tn_tparse *p)
{
    tn_tval *c = read_condition(p);

    if (!p->failed && c->axis_count)
        tn_tp_fail(p, "the condition of an if is a scalar of the task");
    if (p->failed)
        return;
    tn_tb_if(p->b, c);
    read_braced(p);
    if (!p->failed && tn_tp_accept(p, "else")) {
        tn_tb_else(p->b);
        read_braced(p);
    }
    if (!p->failed)
        tn_tb_end_if(p->b);
}

/* ---- loops ---- */

enum { CARRY_LIMIT = 64 };

typedef struct carry_text {
    const char *name;
    tn_tval *init;
    tn_axis *axes[TN_TILE_AXES];
    int count;
    tn_fn by;
} carry_text;

typedef struct loop_text {
    bool scan, by_one;
    const char *name;
    tn_axis *over;
    tn_tval *low, *high;
    TN_VEC(carry_text) carry;
} loop_text;

static void
read_carry(tn_tparse *p, carry_text *c)
{
    tn_dtype dtype;

    c->by = TN_FN_COUNT;
    c->name = tn_tp_name(p, "a carried value");
    tn_tp_expect(p, ":");
    dtype = tn_tp_dtype(p);
    if (tn_tp_accept(p, "[")) {
        while (!p->failed && !tn_tp_is(p, "]") && c->count < TN_TILE_AXES) {
            c->axes[c->count++] = tn_tp_axis(p);
            if (!tn_tp_accept(p, ","))
                break;
        }
        tn_tp_expect(p, "]");
    }
    tn_tp_expect(p, "=");
    c->init = tn_tp_as(p, tn_tp_expr(p), dtype);
    if (tn_tp_accept(p, "by")) {
        const char *name = tn_tp_name(p, "an operation");

        c->by = tn_tp_reduction(p, name);
        if (c->by == TN_FN_COUNT)
            tn_tp_unknown(p, "nothing merges by", name);
    }
}

static void
read_carries(tn_tparse *p, loop_text *l)
{
    if (!tn_tp_accept(p, "carry"))
        return;
    tn_tp_expect(p, "(");
    while (!p->failed && !tn_tp_is(p, ")")) {
        carry_text c = {0};

        if (l->carry.count == CARRY_LIMIT) {
            tn_tp_fail(p, "too many carried values");
            break;
        }
        read_carry(p, &c);
        tn_push(p->arena, &l->carry, c);
        if (!tn_tp_accept(p, ","))
            break;
    }
    tn_tp_expect(p, ")");
}

/* All of it is read before the loop opens: bounds and first values are made
 * outside. */
static void
read_loop_head(tn_tparse *p, loop_text *l)
{
    const tn_tname *known;
    bool spans;

    l->scan = tn_tp_is(p, "scan");
    tn_tp_next(p);
    l->name = tn_tp_name(p, "an axis");
    known = tn_tp_look(p, l->name);
    spans = known && known->axis && known->axis->kind == TN_AXIS_SPAN;
    if (spans)
        l->over = known->axis;
    if (!spans || tn_tp_is(p, ":")) {
        tn_tp_expect(p, ":");
        l->by_one = read_range(p, &l->low, &l->high) && !spans;
    }
    read_carries(p, l);
}

static tn_tstmt *
open_loop(tn_tparse *p, const loop_text *l)
{
    tn_tstmt *loop;

    loop = tn_tb_loop(p->b, l->scan, l->name, l->over, l->low, l->high, l->by_one);
    if (!l->over)
        define_axis(p, l->name, loop->axis);
    for (uint32_t i = 0; i < l->carry.count; i++) {
        const carry_text *c = &l->carry.at[i];

        define_value(p, c->name, tn_tb_carry(p->b, c->init, c->axes, c->count, c->by));
    }
    return loop;
}

static void
read_merge_side(tn_tparse *p, tn_tstmt *loop, int side)
{
    tn_tp_expect(p, "(");
    for (uint32_t i = 0; i < loop->carry.count && !p->failed; i++) {
        const char *name = tn_tp_name(p, "a merged value");

        define_value(p, name, tn_tb_merged(p->b, loop, side, (int)i));
        if (i + 1 < loop->carry.count)
            tn_tp_expect(p, ",");
    }
    tn_tp_expect(p, ")");
}

static void
read_merge(tn_tparse *p, tn_tstmt *loop)
{
    uint32_t scope = p->names.count;

    tn_tb_merge(p->b, loop);
    read_merge_side(p, loop, 0);
    read_merge_side(p, loop, 1);
    tn_tp_expect(p, "{");
    read_body(p, loop, true);
    tn_tp_expect(p, "}");
    p->names.count = scope;
}

static void
read_loop(tn_tparse *p, const char *const *names, int count)
{
    uint32_t scope = p->names.count;
    loop_text l = {0};
    tn_tstmt *loop;

    read_loop_head(p, &l);
    if (!p->failed && (int)l.carry.count != count)
        tn_tp_fail(p, "the loop carries %u values, %d are named", (unsigned)l.carry.count, count);
    if (p->failed)
        return;
    loop = open_loop(p, &l);
    tn_tp_expect(p, "{");
    read_body(p, loop, false);
    tn_tp_expect(p, "}");
    p->names.count = scope;
    if (!p->failed && tn_tp_accept(p, "merge"))
        read_merge(p, loop);
    for (int i = 0; i < count && !p->failed; i++)
        define_value(p, names[i], tn_tb_final(p->b, loop, i));
}

/* The last instruction of a loop or merge: closes it. */
static void
read_yield(tn_tparse *p, tn_tstmt *loop, bool merge)
{
    tn_tval *next[CARRY_LIMIT];

    for (uint32_t i = 0; i < loop->carry.count && !p->failed; i++) {
        const tn_tval *carry = loop->carry.at[i].value;

        if (i)
            tn_tp_expect(p, ",");
        next[i] = tn_tp_as(p, tn_tp_expr(p), carry->dtype);
        for (int k = 0; k < next[i]->axis_count && !p->failed; k++)
            if (!tn_tval_has_axis(carry, next[i]->axes[k]))
                tn_tp_fail(p, "value %u has axis \"%s\", which the carried one does not list",
                    (unsigned)i, next[i]->axes[k]->name);
    }
    if (p->failed)
        return;
    if (merge)
        tn_tb_end_merge(p->b, next);
    else
        tn_tb_end_loop(p->b, next);
}

static void
read_names(tn_tparse *p)
{
    const char *names[CARRY_LIMIT];
    int count = 0;
    tn_toperand r;

    do
        names[count++] = tn_tp_name(p, "an instruction");
    while (!p->failed && count < CARRY_LIMIT && tn_tp_accept(p, ","));
    tn_tp_expect(p, "=");
    if (p->failed)
        return;
    if (tn_tp_is(p, "fold") || tn_tp_is(p, "scan")) {
        read_loop(p, names, count);
        return;
    }
    if (count == 2 && tn_tp_is_pair(p)) {
        r = tn_tp_expr(p);
        for (int i = 0; i < 2 && !p->failed; i++)
            define_value(p, names[i], tn_tb_result(p->b, r.v, i));
        return;
    }
    if (count != 1)
        tn_tp_fail(p, "only argmax, argmin, topk and loops have several results");
    r = tn_tp_expr(p);
    if (!p->failed && r.loose && r.v->dtype == TN_F64)
        r.v = tn_tb_cast(p->b, TN_F32, r.v);
    define_value(p, names[0], r.v);
}

static void
read_statement(tn_tparse *p)
{
    if (tn_tp_accept(p, "store"))
        read_store(p);
    else if (tn_tp_accept(p, "check"))
        read_check(p);
    else if (tn_tp_accept(p, "local"))
        read_local(p);
    else if (tn_tp_accept(p, "if"))
        read_if(p);
    else if (tn_tp_is(p, "fold") || tn_tp_is(p, "scan"))
        read_loop(p, NULL, 0);
    else
        read_names(p);
}

static void
read_body(tn_tparse *p, tn_tstmt *loop, bool merge)
{
    bool closed = false;

    if (++p->depth > TN_TPARSE_DEPTH)
        tn_tp_fail(p, "nested too deeply");
    while (!p->failed && !tn_tp_is(p, "}") && p->lex.word != TN_WORD_END && !closed) {
        if (loop && tn_tp_accept(p, "yield")) {
            read_yield(p, loop, merge);
            closed = true;
        } else {
            read_statement(p);
        }
    }
    if (!p->failed && loop && !closed) {
        if (loop->carry.count)
            tn_tp_fail(p, "a loop that carries values ends in \"yield\"");
        else
            tn_tb_end_loop(p->b, NULL);
    }
    p->depth--;
}

/* Sizes stand behind the parameters that use them and are read first. */
static tn_tlex
read_sizes_ahead(tn_tparse *p)
{
    tn_tlex params = p->lex, behind;
    int open = 0;

    do {
        open += tn_tp_is(p, "(") - tn_tp_is(p, ")");
        tn_tp_next(p);
    } while (open > 0 && p->lex.word != TN_WORD_END);
    p->b->tile->exact = tn_tp_accept(p, "exact");
    read_sizes(p);
    behind = p->lex;
    if (!p->failed)
        p->lex = params;
    return behind;
}

static void
read_kernel(tn_tparse *p)
{
    tn_tlex behind;

    if (!tn_tp_is(p, "("))
        tn_tp_expect(p, "(");
    behind = read_sizes_ahead(p);
    tn_tp_expect(p, "(");
    while (!p->failed && !tn_tp_is(p, ")"))
        if (!tn_tp_accept(p, ",") && !tn_tp_accept(p, "->"))
            read_param(p);
    tn_tp_expect(p, ")");
    if (!p->failed)
        p->lex = behind;
    read_spans(p);
    read_grid(p);
    read_braced(p);
    if (!p->failed && p->lex.word != TN_WORD_END)
        tn_tp_fail(p, "the kernel ends before this");
}

tn_status
tn_tile_parse(tn_arena *arena, tn_diag *diag, const char *place, const char *text, tn_tile **out)
{
    tn_tparse p = {.arena = arena, .diag = diag, .place = place, .text = text};

    *out = NULL;
    p.bufs.arena = arena;
    p.lex.at = text;
    p.lex.from = text;
    p.b = tn_tb_create(arena, "");
    tn_tp_next(&p);
    tn_tp_expect(&p, "kernel");
    p.b->tile->name = tn_tp_name(&p, "the name of the kernel");
    read_kernel(&p);
    if (p.failed)
        return TN_MALFORMED;
    *out = tn_tb_finish(p.b);
    return TN_OK;
}
