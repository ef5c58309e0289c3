/* SPDX-License-Identifier: Apache-2.0
 * Facts that `where` states. */
#include <string.h>

#include "frontend/read.h"
#include "ir/base/text.h"

/* Facts are cut by hand: sides are expressions of their own, so that each is a
 * size and can be told in messages. */
typedef struct clause {
    const tn_json *at;
    const char *text; /* in the string */
    size_t length;
} clause;

/* Position of `sign` outside of parentheses and quotes; NULL. */
static const char *
find_sign(const char *text, size_t length, const char *sign)
{
    size_t size = strlen(sign);
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i + size <= length; i++) {
        if (text[i] == '`')
            quoted = !quoted;
        depth += !quoted && text[i] == '(';
        depth -= !quoted && text[i] == ')';
        if (!quoted && depth == 0 && memcmp(text + i, sign, size) == 0)
            return text + i;
    }
    return NULL;
}

typedef struct side {
    tn_size size; /* NULL: a number that is no size */
    tn_known known;
} side;

static tn_status
read_side(tn_scope *scope, const clause *c, const char *text, size_t length, side *out)
{
    tn_read *r = scope->frame->r;
    int shift = (int)(text - c->at->text);
    tn_place place = {r->doc, c->at, shift, NULL};
    TN_TRY(tn_scope_eval_text(scope, c->at, shift, text, length, &out->known));
    if (out->known.kind == TN_KNOWN_DTYPE || tn_known_is_truth(&out->known))
        return TN_OK;
    out->size = tn_known_as_size(r->sizes, &out->known);
    if (!out->size && out->known.number.kind == TN_NUMBER_SYMBOLIC)
        return tn_place_fail(&place, TN_MALFORMED, 0,
            "a side of a fact is a polynomial over symbols with ceil, floor, min, max and %%");
    return TN_OK;
}

static tn_status
fact_is_false(const tn_read *r, const clause *c)
{
    return tn_json_fail_at(r->doc, TN_MALFORMED, c->at, false, (int)(c->text - c->at->text), NULL,
        "the fact \"%.*s\" is known to be false", (int)c->length, c->text);
}

/* Numbers alone: true or false now. */
static tn_status
check_numbers(tn_scope *scope, const clause *c, tn_expr_op op, const side *a, const side *b)
{
    tn_scope_ops ops = tn_scope_ops_of(scope);
    tn_known truth;
    const char *why = tn_known_apply(&ops, op, &a->known, &b->known, &truth);
    if (why)
        return tn_json_fail(scope->frame->r->doc, c->at, "%s", why);
    return truth.number.num ? TN_OK : fact_is_false(scope->frame->r, c);
}

static void
keep_fact(tn_read *r, const clause *c, tn_fact_op op, tn_size a, tn_size b)
{
    tn_fact fact = {op, a, b, tn_arena_printf(r->arena, "where: %.*s", (int)c->length, c->text)};
    tn_push(r->arena, &r->graph->facts, fact);
}

/* a == b. In a function the entry is half built already: if a symbol can be
 * replaced, all of it is expanded again with the fact known from the start. */
static tn_status
add_equality(tn_scope *scope, const clause *c, tn_size a, tn_size b)
{
    tn_read *r = scope->frame->r;
    if (tn_size_equal(a, b))
        return TN_OK;
    if (!tn_sizes_fact_equal(r->sizes, a, b))
        return fact_is_false(r, c);
    keep_fact(r, c, TN_FACT_EQ, a, b);
    bool replaced = false;
    for (int i = 0; i < tn_sizes_count(r->sizes); i++)
        replaced |= (tn_size_uses(a, i) || tn_size_uses(b, i)) &&
            !tn_size_uses(tn_size_symbol(r->sizes, i), i);
    if (scope->frame->function && replaced) {
        tn_push(r->arena, &r->replacing, r->graph->facts.at[r->graph->facts.count - 1]);
        r->again = true;
        return TN_BUG;
    }
    return TN_OK;
}

static tn_status
add_order(tn_scope *scope, const clause *c, tn_fact_op op, tn_size a, tn_size b)
{
    tn_read *r = scope->frame->r;
    bool whole = tn_size_is_whole(r->sizes, a) && tn_size_is_whole(r->sizes, b);
    tn_size low =
        op == TN_FACT_LT && whole ? tn_size_add(r->sizes, a, tn_size_int(r->sizes, 1)) : a;
    bool strict = op == TN_FACT_LT && !whole;
    if (low && !strict && tn_size_proves_le(r->sizes, low, b))
        return TN_OK;
    if (low && !tn_sizes_fact_less_equal(r->sizes, low, b))
        return fact_is_false(r, c);
    keep_fact(r, c, op, a, b);
    return TN_OK;
}

static tn_status
add_fact(tn_scope *scope, const clause *c, tn_expr_op op, const side *a, const side *b)
{
    bool symbols = a->known.kind == TN_KNOWN_NUMBER && b->known.kind == TN_KNOWN_NUMBER &&
        (a->known.number.kind == TN_NUMBER_SYMBOLIC || b->known.number.kind == TN_NUMBER_SYMBOLIC);
    if (!symbols)
        return check_numbers(scope, c, op, a, b);
    if (!a->size || !b->size)
        return tn_json_fail(scope->frame->r->doc, c->at,
            "a fact compares sizes, \"%.*s\" has a side that is none", (int)c->length, c->text);
    if (scope->frame->r->dry)
        return TN_OK;
    switch (op) {
    case TN_X_EQ: return add_equality(scope, c, a->size, b->size);
    case TN_X_NE:
        if (tn_size_equal(a->size, b->size))
            return fact_is_false(scope->frame->r, c);
        keep_fact(scope->frame->r, c, TN_FACT_NE, a->size, b->size);
        return TN_OK;
    case TN_X_LT: return add_order(scope, c, TN_FACT_LT, a->size, b->size);
    case TN_X_LE: return add_order(scope, c, TN_FACT_LE, a->size, b->size);
    case TN_X_GT: return add_order(scope, c, TN_FACT_LT, b->size, a->size);
    default: return add_order(scope, c, TN_FACT_LE, b->size, a->size);
    }
}

static tn_status
read_clause(tn_scope *scope, const clause *c)
{
    static const struct {
        const char *sign;
        tn_expr_op op;
    } signs[] = {{"==", TN_X_EQ}, {"!=", TN_X_NE}, {"<=", TN_X_LE}, {">=", TN_X_GE}, {"<", TN_X_LT},
        {">", TN_X_GT}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const char *sign = find_sign(c->text, c->length, signs[i].sign);
        if (!sign)
            continue;
        const char *right = sign + strlen(signs[i].sign);
        side a = {0}, b = {0};
        TN_TRY(read_side(scope, c, c->text, (size_t)(sign - c->text), &a));
        TN_TRY(read_side(scope, c, right, (size_t)(c->text + c->length - right), &b));
        return add_fact(scope, c, signs[i].op, &a, &b);
    }
    return tn_json_fail(scope->frame->r->doc, c->at,
        "a fact is a comparison, like \"past + T <= C\"; found \"%.*s\"", (int)c->length, c->text);
}

tn_status
tn_read_facts(tn_scope *scope, const tn_json *where)
{
    for (const tn_json *at = where ? where->first : NULL; at; at = at->next) {
        const char *text = at->text + (at->text[0] == '=');
        while (text) {
            const char *next = find_sign(text, strlen(text), "&&");
            clause c = {at, text, next ? (size_t)(next - text) : strlen(text)};
            while (c.length && *c.text == ' ') {
                c.text++;
                c.length--;
            }
            while (c.length && c.text[c.length - 1] == ' ')
                c.length--;
            TN_TRY(read_clause(scope, &c));
            text = next ? next + 2 : NULL;
        }
    }
    return TN_OK;
}
