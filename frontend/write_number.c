/* SPDX-License-Identifier: Apache-2.0
 * Numbers as graph files spell them. */
#include <inttypes.h>
#include <math.h>

#include "frontend/expr.h"
#include "frontend/write.h"
#include "ir/base/bytes.h"

typedef struct places {
    tn_text *out;
    tn_arena *arena;
    tn_sizes *sizes;
} places;

static const char *
symbol_text(const places *w, int symbol)
{
    tn_text text = {.arena = w->arena};
    tn_size_print(&text, w->sizes, tn_size_symbol(w->sizes, symbol));
    return text.at;
}

/* Postfix code as an expression, with all its parentheses. */
static const char *
code_text(const places *w, tn_formula code)
{
    static const char *const signs[] = {[TN_NOP_ADD] = "+",
        [TN_NOP_SUB] = "-",
        [TN_NOP_MUL] = "*",
        [TN_NOP_DIV] = "/",
        [TN_NOP_MOD] = "%",
        [TN_NOP_POW] = "^",
        [TN_NOP_EQ] = "==",
        [TN_NOP_NE] = "!=",
        [TN_NOP_LT] = "<",
        [TN_NOP_LE] = "<=",
        [TN_NOP_AND] = "&&",
        [TN_NOP_OR] = "||",
        [TN_NOP_SELECT] = NULL};
    static const char *const calls[] = {[TN_NOP_CEIL] = "ceil",
        [TN_NOP_FLOOR] = "floor",
        [TN_NOP_MIN] = "min",
        [TN_NOP_MAX] = "max",
        [TN_NOP_ABS] = "abs",
        [TN_NOP_SQRT] = "sqrt",
        [TN_NOP_EXP] = "exp",
        [TN_NOP_LOG] = "log",
        [TN_NOP_SIN] = "sin",
        [TN_NOP_COS] = "cos",
        [TN_NOP_TANH] = "tanh",
        [TN_NOP_SELECT] = NULL};
    const char *stack[64];
    int depth = 0;
    tn_reader r = {.from = {code.code, code.bytes}};
    while (r.next < code.bytes) {
        uint8_t op = tn_read_u8(&r);
        if (op == TN_NOP_REAL) {
            tn_text number = {.arena = w->arena};
            tn_text_double(&number, tn_read_f64(&r));
            stack[depth++] =
                number.at[0] == '-' ? tn_arena_printf(w->arena, "(%s)", number.at) : number.at;
        } else if (op == TN_NOP_SYMBOL) {
            stack[depth++] = symbol_text(w, tn_read_u16(&r));
        } else if (op == TN_NOP_SELECT) {
            depth -= 2;
            stack[depth - 1] = tn_arena_printf(w->arena, "(%s ? %s : %s)", stack[depth - 1],
                stack[depth], stack[depth + 1]);
        } else if (signs[op]) {
            depth--;
            stack[depth - 1] =
                tn_arena_printf(w->arena, "(%s%s%s)", stack[depth - 1], signs[op], stack[depth]);
        } else if (op == TN_NOP_MIN || op == TN_NOP_MAX) {
            depth--;
            stack[depth - 1] =
                tn_arena_printf(w->arena, "%s(%s,%s)", calls[op], stack[depth - 1], stack[depth]);
        } else if (calls[op]) {
            stack[depth - 1] = tn_arena_printf(w->arena, "%s(%s)", calls[op], stack[depth - 1]);
        } else {
            stack[depth - 1] =
                tn_arena_printf(w->arena, "(%s%s)", op == TN_NOP_NEG ? "-" : "!", stack[depth - 1]);
        }
    }
    return stack[0];
}

void
tn_write_number(tn_text *out, tn_sizes *sizes, const tn_number *n)
{
    const places at = {out, out->arena, sizes}, *w = &at;
    tn_text text = {.arena = w->arena};
    if (n->kind == TN_NUMBER_BOOL) {
        tn_text_add(w->out, n->num ? "true" : "false");
        return;
    }
    if (n->kind == TN_NUMBER_SYMBOLIC) {
        tn_text_json(w->out, tn_arena_printf(w->arena, "=%s", code_text(w, n->code)));
        return;
    }
    double real = n->kind == TN_NUMBER_RATIONAL ? (double)n->num / (double)n->den : n->real;
    tn_text_double(&text, real);
    tn_number back = tn_number_read(text.at);
    bool same = n->kind == TN_NUMBER_REAL ||
        (back.kind == TN_NUMBER_RATIONAL && back.num == n->num && back.den == n->den);
    if (!same)
        tn_text_json(w->out,
            n->den == 1 ? tn_arena_printf(w->arena, "=%" PRId64, n->num)
                        : tn_arena_printf(w->arena, "=%" PRId64 "/%" PRId64, n->num, n->den));
    else if (!isfinite(real) || (real == floor(real) && fabs(real) > 0x1p53))
        tn_text_json(w->out, tn_arena_printf(w->arena, "=%s", text.at));
    else
        tn_text_add(w->out, "%s", text.at);
}
