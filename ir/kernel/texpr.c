/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tparse_in.h"

#include <math.h>
#include <string.h>

static tn_toperand
nothing(tn_tparse *p)
{
    return (tn_toperand){tn_tb_int(p->b, 0), true};
}

static tn_toperand
of(tn_tval *v)
{
    return (tn_toperand){v, false};
}

const tn_tname *
tn_tp_look(const tn_tparse *p, const char *name)
{
    for (uint32_t i = p->names.count; i > 0; i--)
        if (strcmp(p->names.at[i - 1].name, name) == 0)
            return &p->names.at[i - 1];
    return NULL;
}

tn_axis *
tn_tp_axis(tn_tparse *p)
{
    const char *name = tn_tp_name(p, "an axis");
    const tn_tname *found = tn_tp_look(p, name);

    if (!p->failed && (!found || !found->axis))
        tn_tp_unknown(p, "there is no axis", name);
    return p->failed ? NULL : found->axis;
}

tn_dtype
tn_tp_dtype(tn_tparse *p)
{
    const char *name = tn_tp_name(p, "an element type");
    tn_dtype t = tn_dtype_find(name, strlen(name));

    if (t == TN_DTYPE_COUNT) {
        tn_tp_unknown(p, "there is no element type", name);
        return TN_F32;
    }
    return t;
}

tn_tval *
tn_tp_as(tn_tparse *p, tn_toperand o, tn_dtype dtype)
{
    bool widens = o.v->dtype == TN_I32 && tn_is_float(dtype);

    if (o.v->dtype == dtype)
        return o.v;
    if (widens || (o.loose && tn_is_float(o.v->dtype) == tn_is_float(dtype)))
        return tn_tb_cast(p->b, dtype, o.v);
    if (o.loose && o.v->op == TN_T_const && o.v->dtype == TN_I32)
        return tn_tb_cast(p->b, dtype, o.v);
    tn_tp_fail(p, "%s stands where %s is wanted", tn_dtype_name(o.v->dtype), tn_dtype_name(dtype));
    return tn_tb_whole(p->b, dtype, 0);
}

tn_tval *
tn_tp_index(tn_tparse *p)
{
    return tn_tp_as(p, tn_tp_expr(p), TN_I32);
}

/* The type that operands meet in: a float if there is one, else that of the
 * first which is no literal. */
static tn_dtype
common(const tn_toperand *args, int count)
{
    tn_dtype t = TN_DTYPE_COUNT;

    for (int i = 0; i < count; i++)
        if (!args[i].loose &&
            (t == TN_DTYPE_COUNT || (tn_is_float(args[i].v->dtype) && !tn_is_float(t))))
            t = args[i].v->dtype;
    for (int i = 0; i < count && t == TN_DTYPE_COUNT; i++)
        if (tn_is_float(args[i].v->dtype))
            t = TN_F32;
    for (int i = 0; i < count && t == TN_I32; i++)
        if (tn_is_float(args[i].v->dtype))
            t = TN_F32;
    return t == TN_DTYPE_COUNT ? args[0].v->dtype : t;
}

static tn_toperand
call_fn(tn_tparse *p, tn_fn fn, tn_toperand *args, int count)
{
    const tn_fn_info *info = tn_fn_info_of(fn);
    int from = info->rule == TN_RULE_SELECT;
    tn_tval *v[3];
    const char *fault;
    tn_dtype t;
    bool loose = true;

    if (count != info->arity) {
        tn_tp_fail(p, "%s has %d operands", info->name, info->arity);
        return nothing(p);
    }
    t = common(args + from, count - from);
    if (info->rule == TN_RULE_FLOAT && t == TN_I32)
        t = TN_F32;
    for (int i = 0; i < count; i++) {
        v[i] = i < from ? args[i].v : tn_tp_as(p, args[i], t);
        loose = loose && args[i].loose;
    }
    fault = tn_tb_fn_fault(fn, v, count);
    if (fault)
        tn_tp_fail(p, "%s %s", info->name, fault);
    if (p->failed)
        return nothing(p);
    if (count == 1)
        return (tn_toperand){tn_tb_fn1(p->b, fn, v[0]), loose};
    if (count == 2)
        return (tn_toperand){tn_tb_fn2(p->b, fn, v[0], v[1]), loose};
    return (tn_toperand){tn_tb_fn3(p->b, fn, v[0], v[1], v[2]), loose};
}

static int
read_args(tn_tparse *p, tn_toperand *args, int limit)
{
    int count = 0;

    tn_tp_expect(p, "(");
    while (!p->failed && !tn_tp_is(p, ")")) {
        if (count == limit) {
            tn_tp_fail(p, "too many operands");
            break;
        }
        args[count++] = tn_tp_expr(p);
        if (!tn_tp_accept(p, ","))
            break;
    }
    tn_tp_expect(p, ")");
    for (int i = count; i < limit; i++)
        args[i] = nothing(p);
    return count;
}

static int
read_axes(tn_tparse *p, tn_axis **axes)
{
    int count = 0;

    tn_tp_expect(p, "[");
    while (!p->failed && !tn_tp_is(p, "]")) {
        if (count == TN_TILE_AXES) {
            tn_tp_fail(p, "too many axes");
            break;
        }
        axes[count++] = tn_tp_axis(p);
        if (!tn_tp_accept(p, ","))
            break;
    }
    tn_tp_expect(p, "]");
    return count;
}

static void
need_axes(tn_tparse *p, const tn_tval *a, const tn_tval *c, tn_axis *const *axes, int count)
{
    for (int i = 0; !p->failed && i < count; i++)
        if (!tn_tval_has_axis(a, axes[i]) && !(c && tn_tval_has_axis(c, axes[i])))
            tn_tp_fail(p, "the operand lacks axis \"%s\"", axes[i]->name);
}

tn_fn
tn_tp_reduction(tn_tparse *p, const char *name)
{
    static const char *const names[] = {"sum", "prod", "min", "max", "minq", "maxq", "and", "or"};
    static const tn_fn fns[] = {
        TN_FN_add, TN_FN_mul, TN_FN_min, TN_FN_max, TN_FN_minq, TN_FN_maxq, TN_FN_and, TN_FN_or};

    (void)p;
    for (int i = 0; i < 8; i++)
        if (strcmp(name, names[i]) == 0)
            return fns[i];
    return TN_FN_COUNT;
}

/* Counting truth values is counting in i32. */
static tn_tval *
countable(tn_tparse *p, tn_fn fn, tn_tval *v)
{
    bool arithmetic = fn == TN_FN_add || fn == TN_FN_mul;
    bool logic = fn == TN_FN_and || fn == TN_FN_or;

    if (arithmetic && v->dtype == TN_BOOL)
        return tn_tb_cast(p->b, TN_I32, v);
    if ((logic && tn_is_float(v->dtype)) || (!logic && v->dtype == TN_BOOL))
        tn_tp_fail(p, "no such reduction of %s", tn_dtype_name(v->dtype));
    return v;
}

static tn_toperand
read_reduce(tn_tparse *p, tn_fn fn)
{
    tn_axis *axes[TN_TILE_AXES];
    int count = read_axes(p, axes);
    tn_toperand a;
    tn_tval *v;

    read_args(p, &a, 1);
    v = countable(p, fn, a.v);
    need_axes(p, v, NULL, axes, count);
    return p->failed ? nothing(p) : of(tn_tb_reduce(p->b, fn, v, axes, count));
}

static tn_toperand
read_mma(tn_tparse *p)
{
    tn_axis *axes[TN_TILE_AXES];
    int count = read_axes(p, axes);
    tn_toperand a[3];
    tn_dtype t;

    if (read_args(p, a, 3) != 3)
        tn_tp_fail(p, "mma has 3 operands");
    need_axes(p, a[1].v, a[2].v, axes, count);
    t = common(a + 1, 2);
    if (a[0].loose)
        a[0] = of(tn_tp_as(p, a[0], t));
    for (int i = 1; i < 3; i++)
        if (a[i].loose)
            a[i] = of(tn_tp_as(p, a[i], t));
    for (int i = 0; !p->failed && i < count; i++)
        if (tn_tval_has_axis(a[0].v, axes[i]))
            tn_tp_fail(p, "the first operand has the summed axis \"%s\"", axes[i]->name);
    return p->failed ? nothing(p) : of(tn_tb_mma(p->b, a[0].v, a[1].v, a[2].v, axes, count));
}

static tn_toperand
read_argreduce(tn_tparse *p, tn_fn fn)
{
    tn_axis *axes[TN_TILE_AXES];
    int count = read_axes(p, axes);
    tn_toperand a;

    if (count != 1)
        tn_tp_fail(p, "argmax and argmin go along one axis");
    read_args(p, &a, 1);
    need_axes(p, a.v, NULL, axes, count);
    return p->failed ? nothing(p) : of(tn_tb_argreduce(p->b, fn, a.v, axes[0]));
}

static tn_toperand
read_prefix(tn_tparse *p)
{
    tn_axis *axes[TN_TILE_AXES];
    tn_fn fn = TN_FN_add;
    bool inclusive = false, reverse = false;
    int count;
    tn_toperand a;
    tn_tval *v;

    while (p->lex.word == TN_WORD_NAME && !p->failed) {
        const char *word = tn_tp_name(p, "a flag");

        if (strcmp(word, "inclusive") == 0)
            inclusive = true;
        else if (strcmp(word, "reverse") == 0)
            reverse = true;
        else if ((fn = tn_tp_reduction(p, word)) == TN_FN_COUNT)
            tn_tp_fail(p, "prefix has no flag \"%s\"", word);
    }
    count = read_axes(p, axes);
    if (count != 1)
        tn_tp_fail(p, "prefix goes along one axis");
    read_args(p, &a, 1);
    if (p->failed)
        return nothing(p);
    v = countable(p, fn, a.v);
    need_axes(p, v, NULL, axes, count);
    return p->failed ? nothing(p) : of(tn_tb_prefix(p->b, fn, v, axes[0], inclusive, reverse));
}

/* topk[e -> c](x), rename[j -> i](x) */
static tn_toperand
read_arrow(tn_tparse *p, bool rename)
{
    tn_axis *from, *to;
    tn_toperand a;

    tn_tp_expect(p, "[");
    from = tn_tp_axis(p);
    tn_tp_expect(p, "->");
    to = tn_tp_axis(p);
    tn_tp_expect(p, "]");
    read_args(p, &a, 1);
    if (p->failed)
        return nothing(p);
    need_axes(p, a.v, NULL, &from, 1);
    if (tn_tval_has_axis(a.v, to))
        tn_tp_fail(p, "the operand has axis \"%s\" already", to->name);
    if (p->failed)
        return nothing(p);
    if (rename)
        return of(tn_tb_rename(p->b, a.v, from, to));
    if (to->kind == TN_AXIS_SPAN)
        to->kind = TN_AXIS_OUT;
    return of(tn_tb_topk(p->b, a.v, from, to));
}

static tn_toperand
read_load(tn_tparse *p)
{
    const char *name = tn_tp_name(p, "a buffer");
    tn_tbuf *buf = tn_map_get(&p->bufs, name);
    tn_tval *index[TN_MAX_RANK], *guard = NULL;
    int count = 0;

    if (!buf)
        tn_tp_unknown(p, "there is no buffer", name);
    tn_tp_expect(p, "[");
    while (!p->failed && !tn_tp_is(p, "]")) {
        if (count == buf->rank) {
            tn_tp_fail(p, "%s has %d dimensions", name, buf->rank);
            break;
        }
        index[count++] = tn_tp_index(p);
        if (!tn_tp_accept(p, ","))
            break;
    }
    tn_tp_expect(p, "]");
    if (!p->failed && count != buf->rank)
        tn_tp_fail(p, "%s has %d dimensions, %d are given", name, buf->rank, count);
    if (!p->failed && tn_tp_accept(p, "guard")) {
        guard = tn_tp_as(p, tn_tp_expr(p), buf->dtype);
        if (guard->op != TN_T_const)
            tn_tp_fail(p, "a guard is a constant");
    }
    return p->failed ? nothing(p) : of(tn_tb_load(p->b, buf, index, guard));
}

static tn_toperand
read_position(tn_tparse *p, const char *name)
{
    tn_axis *axis;

    tn_tp_expect(p, "(");
    axis = tn_tp_axis(p);
    tn_tp_expect(p, ")");
    if (p->failed)
        return nothing(p);
    if (strcmp(name, "index") == 0)
        return of(tn_tb_index(p->b, axis));
    return of(strcmp(name, "first") == 0 ? tn_tb_first(p->b, axis) : tn_tb_last(p->b, axis));
}

/* f32(x): a conversion; of a literal: that number. */
static tn_toperand
read_cast(tn_tparse *p, tn_dtype to, bool bits)
{
    tn_toperand a;

    if (read_args(p, &a, 1) != 1)
        tn_tp_fail(p, "a conversion has 1 operand");
    if (p->failed)
        return nothing(p);
    if (!bits)
        return of(tn_tb_cast(p->b, to, a.v));
    if (tn_dtype_bytes(to) != tn_dtype_bytes(a.v->dtype)) {
        tn_tp_fail(p, "bits wants equal widths");
        return nothing(p);
    }
    return of(tn_tb_bits(p->b, to, a.v));
}

static tn_toperand
read_call(tn_tparse *p, const char *name)
{
    tn_dtype to = tn_dtype_find(name, strlen(name));
    tn_fn fn = tn_fn_find(name, strlen(name));
    tn_toperand args[8], r;
    int count;

    if (strcmp(name, "index") == 0 || strcmp(name, "first") == 0 || strcmp(name, "last") == 0)
        return read_position(p, name);
    if (to != TN_DTYPE_COUNT)
        return read_cast(p, to, false);
    if (fn == TN_FN_COUNT) {
        tn_tp_unknown(p, "there is no function", name);
        return nothing(p);
    }
    count = read_args(p, args, 8);
    if ((fn == TN_FN_add || fn == TN_FN_mul) && count > 2) {
        r = args[0];
        for (int i = 1; i < count; i++)
            r = call_fn(p, fn, (tn_toperand[]){r, args[i]}, 2);
        return r;
    }
    return call_fn(p, fn, args, count);
}

static tn_toperand
read_special(tn_tparse *p, const char *name, bool *is)
{
    tn_fn fn = tn_tp_reduction(p, name);

    *is = true;
    if (strcmp(name, "load") == 0)
        return read_load(p);
    if (strcmp(name, "mma") == 0)
        return read_mma(p);
    if (strcmp(name, "argmax") == 0 || strcmp(name, "argmin") == 0)
        return read_argreduce(p, strcmp(name, "argmax") == 0 ? TN_FN_max : TN_FN_min);
    if (strcmp(name, "prefix") == 0)
        return read_prefix(p);
    if (strcmp(name, "topk") == 0 || strcmp(name, "rename") == 0)
        return read_arrow(p, name[0] == 'r');
    if (strcmp(name, "bits") == 0 && p->lex.word == TN_WORD_NAME) {
        tn_dtype to = tn_tp_dtype(p);

        return read_cast(p, to, true);
    }
    if (fn != TN_FN_COUNT && tn_tp_is(p, "["))
        return read_reduce(p, fn);
    *is = false;
    return nothing(p);
}

static tn_toperand
read_word(tn_tparse *p)
{
    const char *name = tn_tp_name(p, "a value");
    const tn_tname *found = tn_tp_look(p, name);
    bool special;
    tn_toperand r;

    if (p->failed)
        return nothing(p);
    if (found && !tn_tp_is(p, "(") && !tn_tp_is(p, "["))
        return of(found->value ? found->value : tn_tb_index(p->b, found->axis));
    r = read_special(p, name, &special);
    if (special)
        return r;
    if (tn_tp_is(p, "("))
        return read_call(p, name);
    if (strcmp(name, "inf") == 0 || strcmp(name, "nan") == 0)
        return (tn_toperand){tn_tb_real(p->b, TN_F32, name[0] == 'i' ? INFINITY : NAN), true};
    if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0)
        return of(tn_tb_whole(p->b, TN_BOOL, name[0] == 't'));
    tn_tp_unknown(p, "nothing here is called", name);
    return nothing(p);
}

static tn_toperand
negated(tn_tparse *p, tn_toperand a)
{
    if (a.v->op == TN_T_const && tn_is_float(a.v->dtype))
        return (tn_toperand){tn_tb_real(p->b, a.v->dtype, -a.v->real), a.loose};
    return call_fn(p, TN_FN_neg, &a, 1);
}

static tn_toperand
read_atom(tn_tparse *p)
{
    tn_toperand r;

    if (p->lex.word == TN_WORD_NAME)
        return read_word(p);
    if (p->lex.word == TN_WORD_WHOLE)
        return (tn_toperand){tn_tb_whole(p->b, TN_I64, tn_tp_whole(p)), true};
    if (p->lex.word == TN_WORD_REAL) {
        const char *end;
        char *copy = tn_arena_copy(p->arena, p->lex.from, p->lex.length);
        double value = tn_double_read(copy, &end);

        tn_tp_next(p);
        return (tn_toperand){tn_tb_real(p->b, TN_F64, value), true};
    }
    if (tn_tp_accept(p, "-"))
        return negated(p, read_atom(p));
    tn_tp_expect(p, "(");
    r = p->failed ? nothing(p) : tn_tp_expr(p);
    tn_tp_expect(p, ")");
    return r;
}

/* A literal that nothing gives a type is i32 or f32. */
static tn_toperand
settled(tn_tparse *p, tn_toperand o)
{
    if (o.loose && o.v->op == TN_T_const && o.v->dtype == TN_I64) {
        if (o.v->whole < INT32_MIN || o.v->whole > INT32_MAX)
            return o;
        return (tn_toperand){tn_tb_cast(p->b, TN_I32, o.v), true};
    }
    return o;
}

static tn_toperand
read_product(tn_tparse *p)
{
    tn_toperand l = settled(p, read_atom(p));

    while (!p->failed && (tn_tp_is(p, "*") || tn_tp_is(p, "/"))) {
        tn_fn fn = tn_tp_is(p, "*") ? TN_FN_mul : TN_FN_div;
        tn_toperand r;

        tn_tp_next(p);
        r = settled(p, read_atom(p));
        l = call_fn(p, fn, (tn_toperand[]){l, r}, 2);
    }
    return l;
}

tn_toperand
tn_tp_expr(tn_tparse *p)
{
    tn_toperand l;

    if (++p->depth > TN_TPARSE_DEPTH)
        tn_tp_fail(p, "nested too deeply");
    l = p->failed ? nothing(p) : read_product(p);
    while (!p->failed && (tn_tp_is(p, "+") || tn_tp_is(p, "-"))) {
        tn_fn fn = tn_tp_is(p, "+") ? TN_FN_add : TN_FN_sub;
        tn_toperand r;

        tn_tp_next(p);
        r = read_product(p);
        l = call_fn(p, fn, (tn_toperand[]){l, r}, 2);
    }
    p->depth--;
    return l;
}

bool
tn_tp_is_pair(const tn_tparse *p)
{
    return tn_tp_is(p, "argmax") || tn_tp_is(p, "argmin") || tn_tp_is(p, "topk");
}
