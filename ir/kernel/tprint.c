/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/kernel/tile.h"

#include <math.h>
#include <string.h>

#include "ir/kernel/twalk.h"

/* One instruction a line. Names: v0, v1, .. in order of printing; constants,
 * sizes and positions stand where they are used. A value is printed in the
 * scope it was made in, before the first statement that needs it. */
typedef struct printer {
    tn_text *out;
    const tn_tile *t;
    tn_tset set;
    int *name;      /* by value id; -1: not printed yet */
    int next_name;
    int *loop_name; /* by value id of a carry: name of its final value */
    int depth;
} printer;

static const char *
reduction_name(tn_fn fn)
{
    return fn == TN_FN_add ? "sum" : fn == TN_FN_mul ? "prod" : tn_fn_info_of(fn)->name;
}

/* ---- operands ---- */

static void
print_real(printer *p, const tn_tval *v)
{
    size_t from = p->out->length;
    bool plain = v->dtype == TN_F32;

    if (!plain)
        tn_text_add(p->out, "%s(", tn_dtype_name(v->dtype));
    tn_text_double(p->out, v->real);
    if (isfinite(v->real) && !strpbrk(p->out->at + from, ".e"))
        tn_text_add(p->out, ".0");
    if (!plain)
        tn_text_add(p->out, ")");
}

static void
print_const(printer *p, const tn_tval *v)
{
    if (tn_is_float(v->dtype))
        print_real(p, v);
    else if (v->dtype == TN_BOOL)
        tn_text_add(p->out, v->whole ? "true" : "false");
    else if (v->dtype == TN_I32)
        tn_text_add(p->out, "%lld", (long long)v->whole);
    else
        tn_text_add(p->out, "%s(%lld)", tn_dtype_name(v->dtype), (long long)v->whole);
}

static bool
is_atom(const tn_tval *v)
{
    return v->op == TN_T_const || v->op == TN_T_size || v->op == TN_T_index ||
        v->op == TN_T_first || v->op == TN_T_last;
}

static void
print_operand(printer *p, const tn_tval *v)
{
    switch (v->op) {
    case TN_T_const: print_const(p, v); return;
    case TN_T_size: tn_text_add(p->out, "%s", p->t->sizes.at[v->whole].name); return;
    case TN_T_index: tn_text_add(p->out, "%s", v->axis->name); return;
    case TN_T_first:
    case TN_T_last: tn_text_add(p->out, "%s(%s)", tn_top_name(v->op), v->axis->name); return;
    case TN_T_result:
        if (!v->loop)
            tn_text_add(p->out, "v%d", p->name[v->arg[0]->id] + (int)v->whole);
        else
            tn_text_add(p->out, "v%d", p->loop_name[v->loop->carry.at[v->whole].value->id]);
        return;
    case TN_T_merged: {
        const tn_tcarry *c = &v->loop->carry.at[v->whole];

        tn_text_add(p->out, "v%d", p->name[(v->side ? c->right : c->left)->id]);
        return;
    }
    case TN_T_carry:
        tn_text_add(p->out, "v%d", p->name[v->loop->carry.at[v->whole].value->id]);
        return;
    default: tn_text_add(p->out, "v%d", p->name[v->id]); return;
    }
}

static void
print_list(printer *p, tn_tval *const *at, int count)
{
    for (int i = 0; i < count; i++) {
        if (i)
            tn_text_add(p->out, ", ");
        print_operand(p, at[i]);
    }
}

static void
print_axes(printer *p, tn_axis *const *axes, int count)
{
    tn_text_add(p->out, "[");
    for (int i = 0; i < count; i++)
        tn_text_add(p->out, "%s%s", i ? "," : "", axes[i]->name);
    tn_text_add(p->out, "]");
}

/* Bounds and dimensions stand outside any list of instructions: nested. */
enum { NEST_LIMIT = 64 };

static void
print_nested(printer *p, const tn_tval *v, int depth)
{
    if (is_atom(v) || depth > NEST_LIMIT || (v->op != TN_T_fn && v->op != TN_T_load)) {
        print_operand(p, v);
        return;
    }
    if (v->op == TN_T_load)
        tn_text_add(p->out, "load %s[", v->buf->name);
    else
        tn_text_add(p->out, "%s(",
            v->fn == TN_FN_cast ? tn_dtype_name(v->dtype) : tn_fn_info_of(v->fn)->name);
    for (int i = 0; i < v->arg_count; i++) {
        if (i)
            tn_text_add(p->out, ", ");
        print_nested(p, v->arg[i], depth + 1);
    }
    tn_text_add(p->out, v->op == TN_T_load ? "]" : ")");
}

/* ---- one value ---- */

static void
print_fn(printer *p, const tn_tval *v)
{
    if (v->fn == TN_FN_cast)
        tn_text_add(p->out, "%s(", tn_dtype_name(v->dtype));
    else if (v->fn == TN_FN_bits)
        tn_text_add(p->out, "bits %s(", tn_dtype_name(v->dtype));
    else
        tn_text_add(p->out, "%s(", tn_fn_info_of(v->fn)->name);
    print_list(p, v->arg, v->arg_count);
    tn_text_add(p->out, ")");
}

static void
print_call(printer *p, const tn_tval *v)
{
    print_axes(p, v->red, v->red_count);
    tn_text_add(p->out, "(");
    print_list(p, v->arg, v->arg_count);
    tn_text_add(p->out, ")");
}

static void
print_load(printer *p, const tn_tval *v)
{
    tn_text_add(p->out, "load %s[", v->buf->name);
    print_list(p, v->arg, v->arg_count);
    tn_text_add(p->out, "]");
    if (v->guard) {
        tn_text_add(p->out, " guard ");
        print_operand(p, v->guard);
    }
}

static void
print_right(printer *p, const tn_tval *v)
{
    switch (v->op) {
    case TN_T_fn: print_fn(p, v); return;
    case TN_T_load: print_load(p, v); return;
    case TN_T_reduce: tn_text_add(p->out, "%s", reduction_name(v->fn)); break;
    case TN_T_mma: tn_text_add(p->out, "mma"); break;
    case TN_T_argreduce: tn_text_add(p->out, v->fn == TN_FN_max ? "argmax" : "argmin"); break;
    case TN_T_prefix:
        tn_text_add(p->out, "prefix");
        if (v->fn != TN_FN_add)
            tn_text_add(p->out, " %s", reduction_name(v->fn));
        if (v->inclusive)
            tn_text_add(p->out, " inclusive");
        if (v->reverse)
            tn_text_add(p->out, " reverse");
        break;
    case TN_T_topk:
    case TN_T_rename:
        tn_text_add(p->out, "%s[%s -> %s](", tn_top_name(v->op), v->axis->name, v->to->name);
        print_operand(p, v->arg[0]);
        tn_text_add(p->out, ")");
        return;
    default: return;
    }
    print_call(p, v);
}

static bool
has_line(const tn_tval *v)
{
    return !is_atom(v) && v->op != TN_T_result && v->op != TN_T_carry && v->op != TN_T_merged;
}

static void
print_value(printer *p, const tn_tval *v)
{
    bool pair = v->op == TN_T_argreduce || v->op == TN_T_topk;

    p->name[v->id] = p->next_name;
    tn_text_indent(p->out, p->depth);
    if (pair)
        tn_text_add(p->out, "v%d, v%d = ", p->next_name, p->next_name + 1);
    else
        tn_text_add(p->out, "v%d = ", p->next_name);
    p->next_name += pair ? 2 : 1;
    print_right(p, v);
    tn_text_add(p->out, "\n");
}

static void
collect(void *arg, tn_tval *v)
{
    tn_tset_add(arg, v, NULL, NULL);
}

/* The values of scope `home` that `s`, or a list of next values, needs. */
static void
print_needed(printer *p, const tn_tbody *home)
{
    tn_tset_sort(&p->set);
    for (uint32_t i = 0; i < p->set.count; i++) {
        const tn_tval *v = p->set.at[i];

        if (v->home == home && has_line(v) && p->name[v->id] < 0)
            print_value(p, v);
    }
}

/* ---- statements ---- */

static void print_body(printer *p, const tn_tbody *body);

static void
print_yield(printer *p, const tn_tstmt *loop, bool merged)
{
    const tn_tbody *home = merged ? loop->merge_body : loop->body;
    uint32_t count = loop->carry.count;

    if (!count)
        return;
    tn_tset_clear(&p->set);
    for (uint32_t i = 0; i < count; i++)
        collect(&p->set, merged ? loop->carry.at[i].merged : loop->carry.at[i].next);
    print_needed(p, home);
    tn_text_indent(p->out, p->depth);
    tn_text_add(p->out, "yield ");
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            tn_text_add(p->out, ", ");
        print_operand(p, merged ? loop->carry.at[i].merged : loop->carry.at[i].next);
    }
    tn_text_add(p->out, "\n");
}

static void
print_carries(printer *p, const tn_tstmt *s)
{
    tn_text_add(p->out, " carry (");
    for (uint32_t i = 0; i < s->carry.count; i++) {
        const tn_tcarry *c = &s->carry.at[i];

        p->name[c->value->id] = p->next_name++;
        tn_text_add(p->out, "%sv%d: %s", i ? ", " : "", p->name[c->value->id],
            tn_dtype_name(c->value->dtype));
        if (c->value->axis_count)
            print_axes(p, c->value->axes, c->value->axis_count);
        tn_text_add(p->out, " = ");
        print_operand(p, c->init);
        if (c->by != TN_FN_COUNT)
            tn_text_add(p->out, " by %s", reduction_name(c->by));
    }
    tn_text_add(p->out, ")");
}

static void
print_merge(printer *p, const tn_tstmt *s)
{
    tn_text_add(p->out, " merge");
    for (int side = 0; side < 2; side++) {
        tn_text_add(p->out, " (");
        for (uint32_t i = 0; i < s->carry.count; i++) {
            const tn_tcarry *c = &s->carry.at[i];

            p->name[(side ? c->right : c->left)->id] = p->next_name;
            tn_text_add(p->out, "%sv%d", i ? ", " : "", p->next_name++);
        }
        tn_text_add(p->out, ")");
    }
    tn_text_add(p->out, " {\n");
    p->depth++;
    print_body(p, s->merge_body);
    print_yield(p, s, true);
    p->depth--;
    tn_text_indent(p->out, p->depth);
    tn_text_add(p->out, "}");
}

static void
print_loop(printer *p, const tn_tstmt *s)
{
    for (uint32_t i = 0; i < s->carry.count; i++) {
        p->loop_name[s->carry.at[i].value->id] = p->next_name;
        tn_text_add(p->out, "%sv%d", i ? ", " : "", p->next_name++);
    }
    tn_text_add(p->out, "%s%s %s", s->carry.count ? " = " : "", s->scan ? "scan" : "fold",
        s->axis->name);
    if (s->axis->kind == TN_AXIS_LOOP) {
        tn_text_add(p->out, ": ");
        print_operand(p, s->axis->low);
        tn_text_add(p->out, " .. ");
        print_operand(p, s->axis->high);
        if (s->axis->by_one)
            tn_text_add(p->out, " by 1");
    }
    print_carries(p, s);
    tn_text_add(p->out, " {\n");
    p->depth++;
    print_body(p, s->body);
    print_yield(p, s, false);
    p->depth--;
    tn_text_indent(p->out, p->depth);
    tn_text_add(p->out, "}");
    if (s->merge)
        print_merge(p, s);
    tn_text_add(p->out, "\n");
}

static void
print_local(printer *p, const tn_tbuf *buf)
{
    tn_text_add(p->out, "local %s: %s[", buf->name, tn_dtype_name(buf->dtype));
    for (int i = 0; i < buf->rank; i++) {
        if (i)
            tn_text_add(p->out, ", ");
        if (buf->dim_axis[i])
            tn_text_add(p->out, "%s", buf->dim_axis[i]->name);
        else
            print_operand(p, buf->dim[i]);
    }
    tn_text_add(p->out, "]\n");
}

static void
print_if(printer *p, const tn_tstmt *s)
{
    tn_text_add(p->out, "if ");
    print_operand(p, s->condition);
    tn_text_add(p->out, " {\n");
    p->depth++;
    print_body(p, s->body);
    p->depth--;
    tn_text_indent(p->out, p->depth);
    tn_text_add(p->out, "}");
    if (s->orelse) {
        tn_text_add(p->out, " else {\n");
        p->depth++;
        print_body(p, s->orelse);
        p->depth--;
        tn_text_indent(p->out, p->depth);
        tn_text_add(p->out, "}");
    }
    tn_text_add(p->out, "\n");
}

static void
print_store(printer *p, const tn_tstmt *s)
{
    tn_text_add(p->out, "store %s[", s->buf->name);
    print_list(p, s->index, s->index_count);
    tn_text_add(p->out, "], ");
    print_operand(p, s->value);
    if (s->condition) {
        tn_text_add(p->out, " if ");
        print_operand(p, s->condition);
    }
    tn_text_add(p->out, "\n");
}

static void
print_check(printer *p, const tn_tstmt *s)
{
    tn_text_add(p->out, "check ");
    print_operand(p, s->condition);
    tn_text_add(p->out, ", ");
    tn_text_json(p->out, p->t->sites.at[s->site]);
    tn_text_add(p->out, ", ");
    print_operand(p, s->position);
    tn_text_add(p->out, ", ");
    print_operand(p, s->value);
    tn_text_add(p->out, "\n");
}

static void
print_body(printer *p, const tn_tbody *body)
{
    for (uint32_t i = 0; i < body->stmts.count; i++) {
        const tn_tstmt *s = body->stmts.at[i];

        tn_tset_clear(&p->set);
        tn_tstmt_roots(s, true, collect, &p->set);
        print_needed(p, body);
        tn_text_indent(p->out, p->depth);
        switch (s->op) {
        case TN_T_store: print_store(p, s); break;
        case TN_T_check: print_check(p, s); break;
        case TN_T_local: print_local(p, s->buf); break;
        case TN_T_if: print_if(p, s); break;
        default: print_loop(p, s); break;
        }
    }
}

/* ---- the kernel ---- */

static void
print_layout(printer *p, const tn_tbuf *buf)
{
    if (buf->layout.kind == TN_LAYOUT_P16)
        tn_text_add(p->out, " p16(%d)", buf->layout.n);
    if (buf->layout.kind == TN_LAYOUT_PERM) {
        tn_text_add(p->out, " perm(");
        for (int i = 0; i < buf->rank; i++)
            tn_text_add(p->out, "%s%d", i ? "," : "", buf->layout.perm[i]);
        tn_text_add(p->out, ")");
    }
    if (buf->alias)
        tn_text_add(p->out, " alias %u", (unsigned)buf->alias);
}

/* Where the trailing run of written parameters starts. */
static uint32_t
first_result(const tn_tile *t, uint32_t params)
{
    uint32_t i = params;

    while (i > 0 && t->bufs.at[i - 1]->written)
        i--;
    return i;
}

static void
print_params(printer *p)
{
    uint32_t params = 0, results;

    while (params < p->t->bufs.count && !p->t->bufs.at[params]->local)
        params++;
    results = first_result(p->t, params);
    tn_text_add(p->out, "kernel %s(", p->t->name);
    for (uint32_t i = 0; i < params; i++) {
        const tn_tbuf *buf = p->t->bufs.at[i];

        if (i == results)
            tn_text_add(p->out, i ? " -> " : "-> ");
        else if (i)
            tn_text_add(p->out, ", ");
        tn_text_add(p->out, "%s: %s[", buf->name, tn_dtype_name(buf->dtype));
        for (int k = 0; k < buf->rank; k++) {
            if (k)
                tn_text_add(p->out, ", ");
            print_nested(p, buf->dim[k], 0);
        }
        tn_text_add(p->out, "]");
        print_layout(p, buf);
    }
    tn_text_add(p->out, ")%s\n", p->t->exact ? " exact" : "");
}

static void
print_sizes(printer *p)
{
    for (uint32_t i = 0; i < p->t->sizes.count; i++) {
        const tn_tsize *s = &p->t->sizes.at[i];

        tn_text_add(p->out, "%s%s", i ? ", " : "sizes ", s->name);
        if (s->known)
            tn_text_add(p->out, " = %lld", (long long)s->value);
        else
            tn_text_add(p->out, " in %lld..%lld", (long long)s->low, (long long)s->high);
    }
    if (p->t->sizes.count)
        tn_text_add(p->out, "\n");
}

static void
print_spans(printer *p)
{
    bool any = false;

    for (uint32_t i = 0; i < p->t->axes.count; i++) {
        const tn_axis *a = p->t->axes.at[i];

        if (a->kind != TN_AXIS_SPAN && a->kind != TN_AXIS_OUT)
            continue;
        tn_text_add(p->out, "%s%s: ", any ? ", " : "axis ", a->name);
        print_nested(p, a->high, 0);
        any = true;
    }
    if (any)
        tn_text_add(p->out, "\n");
}

static void
print_grid(printer *p)
{
    tn_text_add(p->out, "grid ");
    for (uint32_t i = 0; i < p->t->grid.count; i++) {
        const tn_axis *a = p->t->grid.at[i];
        int64_t low;

        tn_text_add(p->out, "%s%s: ", i ? ", " : "", a->name);
        if (!tn_tval_is_int(a->low, &low) || low != 0) {
            print_nested(p, a->low, 0);
            tn_text_add(p->out, " .. ");
        }
        print_nested(p, a->high, 0);
        if (a->by_one)
            tn_text_add(p->out, " by 1");
    }
    tn_text_add(p->out, p->t->grid.count ? " {\n" : "{\n");
}

void
tn_tile_print(tn_text *out, const tn_tile *t)
{
    printer p = {.out = out, .t = t, .set = tn_tset_create(out->arena, t), .depth = 1};

    p.name = tn_new_array(out->arena, int, t->value_count);
    p.loop_name = tn_new_array(out->arena, int, t->value_count);
    for (uint32_t i = 0; i < t->value_count; i++)
        p.name[i] = -1;
    print_params(&p);
    print_sizes(&p);
    print_spans(&p);
    print_grid(&p);
    print_body(&p, t->body);
    tn_text_add(out, "}\n");
}
