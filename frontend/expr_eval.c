/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "frontend/expr.h"

/* What a conditional does: its condition is known, or both sides are wanted. */
typedef struct machine {
    const tn_expr *e;
    const tn_place *place;
    const tn_scope_ops *scope;
    tn_known *stack;
    int depth;
    bool known[TN_EXPR_MAX_DEPTH + 2]; /* of the conditionals that are open */
    int open;
} machine;

static tn_status
find_name(machine *m, const tn_expr_step *step, tn_known *out)
{
    static const char *const constants[] = {"true", "false", "pi", "inf", "nan"};
    if (!step->quoted) {
        tn_dtype dtype = tn_dtype_find(step->name, strlen(step->name));
        size_t i = 0;
        while (i < 5 && strcmp(constants[i], step->name) != 0)
            i++;
        if (i < 5)
            *out = i < 2 ? tn_known_truth(i == 0)
                         : tn_known_real(i == 2 ? 0x1.921fb54442d18p+1
                                   : i == 3     ? (double)INFINITY
                                                : (double)NAN);
        else if (dtype != TN_DTYPE_COUNT && tn_dtype_in_graph(dtype))
            *out = tn_known_dtype(dtype);
        else
            i = 6;
        if (i < 6)
            return TN_OK;
    }
    if (m->scope->find(m->scope->self, step->name, out))
        return TN_OK;
    return tn_place_fail(m->place, TN_MALFORMED, step->column, "nothing is called \"%s\" here%s",
        step->name, m->scope->meant(m->scope->self, step->name));
}

static tn_status
no_value(const machine *m, int column, const tn_known *k)
{
    return tn_place_fail(m->place, TN_MALFORMED, column,
        "\"%s\" is a value that only a run knows; a number known before is wanted here",
        k->name ? k->name : "this");
}

/* The rows that operators on values are short for. */
static const char *
row_of(tn_expr_op op)
{
    static const char *const rows[] = {
        [TN_X_NEG] = "neg",
        [TN_X_NOT] = "not",
        [TN_X_ADD] = "add",
        [TN_X_SUB] = "sub",
        [TN_X_MUL] = "mul",
        [TN_X_DIV] = "div",
        [TN_X_MOD] = "mod",
        [TN_X_POW] = "pow",
        [TN_X_EQ] = "equal",
        [TN_X_NE] = "not_equal",
        [TN_X_LT] = "less",
        [TN_X_LE] = "less_equal",
        [TN_X_GT] = "greater",
        [TN_X_GE] = "greater_equal",
        [TN_X_AND] = "and",
        [TN_X_OR] = "or",
    };
    return rows[op];
}

static tn_status
apply_row(machine *m, int column, const char *row, const tn_known *arg, int count, tn_known *out)
{
    for (int i = 0; i < count; i++) {
        if (arg[i].kind == TN_KNOWN_DTYPE)
            return tn_place_fail(m->place, TN_MALFORMED, column, "an element type is no number");
        if (arg[i].kind == TN_KNOWN_VALUE && !m->scope->apply)
            return no_value(m, column, &arg[i]);
    }
    return m->scope->apply(m->scope->self, m->place, column, row, arg, count, out);
}

/* x^2, x^3, x^4 are products, grouped from the left. */
static tn_status
apply_power(machine *m, int column, const tn_known *arg, tn_known *out)
{
    int64_t n;
    if (arg[1].kind != TN_KNOWN_NUMBER || !tn_number_is_int(&arg[1].number, &n) || n < 2 || n > 4)
        return apply_row(m, column, "pow", arg, 2, out);
    tn_known pair[2] = {arg[0], arg[0]};
    TN_TRY(apply_row(m, column, "mul", pair, 2, out));
    for (int64_t i = 2; i < n; i++) {
        pair[0] = *out;
        TN_TRY(apply_row(m, column, "mul", pair, 2, out));
    }
    return TN_OK;
}

static tn_status
apply_operator(machine *m, const tn_expr_step *step)
{
    int count = step->op == TN_X_NEG || step->op == TN_X_NOT ? 1 : 2;
    tn_known *arg = m->stack + m->depth - count, out;
    bool values = arg[0].kind == TN_KNOWN_VALUE || (count > 1 && arg[1].kind == TN_KNOWN_VALUE);
    m->depth -= count;
    if (values && step->op == TN_X_POW && arg[0].kind == TN_KNOWN_VALUE) {
        TN_TRY(apply_power(m, step->column, arg, &out));
    } else if (values) {
        TN_TRY(apply_row(m, step->column, row_of(step->op), arg, count, &out));
    } else {
        const char *why = tn_known_apply(m->scope, step->op, &arg[0], &arg[count - 1], &out);
        if (why)
            return tn_place_fail(m->place, TN_MALFORMED, step->column, "%s", why);
    }
    m->stack[m->depth++] = out;
    return TN_OK;
}

static tn_status
apply_call(machine *m, const tn_expr_step *step)
{
    tn_known *arg = m->stack + m->depth - step->count, out;
    bool values = false;
    for (int i = 0; i < step->count; i++)
        values |= arg[i].kind == TN_KNOWN_VALUE;
    m->depth -= step->count;
    if (values) {
        bool choice = strcmp(step->name, "min") == 0 || strcmp(step->name, "max") == 0;
        const char *row = !choice ? step->name : step->name[1] == 'i' ? "minimum" : "maximum";
        if (choice && step->count != 2)
            return tn_place_fail(m->place, TN_MALFORMED, step->column,
                "%s of values takes two arguments, found %d", step->name, step->count);
        TN_TRY(apply_row(m, step->column, row, arg, step->count, &out));
    } else {
        const char *why = tn_known_call(m->scope, step->name, arg, step->count, &out);
        if (why)
            return tn_place_fail(m->place, TN_MALFORMED, step->column, "%s", why);
    }
    m->stack[m->depth++] = out;
    return TN_OK;
}

/* BRANCH: a known condition leaves the stack and one side is skipped; another
 * waits below both sides. */
static tn_status
branch(machine *m, const tn_expr_step *step, int *next)
{
    tn_known *c = &m->stack[m->depth - 1];
    if (c->kind != TN_KNOWN_VALUE && !tn_known_is_truth(c))
        return tn_place_fail(m->place, TN_MALFORMED, step->column,
            "a condition is true or false, not a number");
    bool known = c->kind == TN_KNOWN_NUMBER && c->number.kind == TN_NUMBER_BOOL;
    m->known[m->open++] = known;
    if (!known)
        return TN_OK;
    m->depth--;
    if (!c->number.num)
        *next = step->jump;
    return TN_OK;
}

static tn_status
join(machine *m, const tn_expr_step *step)
{
    tn_known *all = m->stack + m->depth - 3, out;
    bool values = false;
    if (m->known[--m->open])
        return TN_OK;
    for (int i = 0; i < 3; i++)
        values |= all[i].kind == TN_KNOWN_VALUE;
    m->depth -= 3;
    if (values) {
        TN_TRY(apply_row(m, step->column, "where", all, 3, &out));
    } else {
        const char *why = tn_known_select(m->scope, &all[0], &all[1], &all[2], &out);
        if (why)
            return tn_place_fail(m->place, TN_MALFORMED, step->column, "%s", why);
    }
    m->stack[m->depth++] = out;
    return TN_OK;
}

static tn_status
run_step(machine *m, const tn_expr_step *step, int *next)
{
    switch (step->op) {
    case TN_X_NUMBER:
        m->stack[m->depth++] = (tn_known){.kind = TN_KNOWN_NUMBER, .number = step->number};
        return TN_OK;
    case TN_X_NAME:
        TN_TRY(find_name(m, step, &m->stack[m->depth]));
        m->depth++;
        return TN_OK;
    case TN_X_CALL: return apply_call(m, step);
    case TN_X_BRANCH: return branch(m, step, next);
    case TN_X_ELSE:
        if (m->known[m->open - 1])
            *next = step->jump;
        return TN_OK;
    case TN_X_JOIN: return join(m, step);
    default: return apply_operator(m, step);
    }
}

tn_status
tn_expr_eval(const tn_expr *e, const tn_place *place, const tn_scope_ops *scope, tn_known *out)
{
    machine m = {.e = e, .place = place, .scope = scope};
    m.stack = tn_new_array(scope->arena, tn_known, e->count + 1);
    for (int at = 0; at < e->count;) {
        int next = at + 1;
        TN_TRY(run_step(&m, &e->steps[at], &next));
        at = next;
    }
    *out = m.stack[0];
    if (out->kind == TN_KNOWN_VALUE && !scope->apply)
        return no_value(&m, 0, out);
    return TN_OK;
}
