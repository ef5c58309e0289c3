/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/expr.h"

#include <inttypes.h>
#include <string.h>

#include "ir/base/checked.h"
#include "ir/base/text.h"
#include "ir/ratio.h"

typedef enum token_kind {
    T_END,
    T_NUMBER,
    T_NAME,
    T_SIGN,
    T_BAD,
} token_kind;

typedef struct token {
    token_kind kind;
    int column, length;
    bool quoted;
} token;

typedef struct parser {
    const tn_place *place;
    tn_arena *arena;
    const char *text;
    int length;
    token now;
    int depth;
    TN_VEC(tn_expr_step) steps;
} parser;

/* Two-character signs first. */
static const char *const signs[] = {"||", "&&", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*",
    "/", "%", "^", "!", "?", ":", "(", ")", ","};

tn_status
tn_place_fail(const tn_place *place, tn_status status, int column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *message = tn_arena_vprintf(place->doc->arena, format, args);
    va_end(args);
    return tn_json_fail_at(place->doc, status, place->at, false, place->shift + column, place->more,
        "%s", message);
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char
peek(const parser *p, int at)
{
    return at < p->length ? p->text[at] : '\0';
}

static int
number_end(const parser *p, int at)
{
    while (is_digit(peek(p, at)))
        at++;
    if (peek(p, at) == '.' && is_digit(peek(p, at + 1)))
        for (at++; is_digit(peek(p, at));)
            at++;
    int exponent = at + 1;
    if (peek(p, at) != 'e' && peek(p, at) != 'E')
        return at;
    if (peek(p, exponent) == '+' || peek(p, exponent) == '-')
        exponent++;
    if (!is_digit(peek(p, exponent)))
        return at;
    while (is_digit(peek(p, exponent)))
        exponent++;
    return exponent;
}

static int
name_end(const parser *p, int at)
{
    while (is_letter(peek(p, at)) || is_digit(peek(p, at)) || peek(p, at) == '_')
        at++;
    while (peek(p, at) == '\'')
        at++;
    return at;
}

static token
scan_token(const parser *p, int at)
{
    while (at < p->length && strchr(" \t\r\n", p->text[at]))
        at++;
    token t = {T_BAD, at, 1, false};
    char c = peek(p, at);
    if (at >= p->length) {
        t.kind = T_END;
        t.length = 0;
    } else if (is_digit(c)) {
        t.kind = T_NUMBER;
        t.length = number_end(p, at) - at;
    } else if (is_letter(c)) {
        t.kind = T_NAME;
        t.length = name_end(p, at) - at;
    } else if (c == '`') {
        const char *end = memchr(p->text + at + 1, '`', (size_t)(p->length - at - 1));
        if (end && end > p->text + at + 1)
            t = (token){T_NAME, at, (int)(end - p->text) - at + 1, true};
    } else {
        for (size_t i = 0; i < sizeof signs / sizeof *signs && t.kind == T_BAD; i++) {
            size_t length = strlen(signs[i]);
            if (length <= (size_t)(p->length - at) && memcmp(p->text + at, signs[i], length) == 0)
                t = (token){T_SIGN, at, (int)length, false};
        }
    }
    return t;
}

static void
advance(parser *p)
{
    p->now = scan_token(p, p->now.column + p->now.length);
}

static bool
is_sign(const parser *p, const char *sign)
{
    return p->now.kind == T_SIGN && strlen(sign) == (size_t)p->now.length &&
        memcmp(p->text + p->now.column, sign, (size_t)p->now.length) == 0;
}

static tn_status
unexpected(const parser *p, const char *wanted)
{
    const token *t = &p->now;
    if (t->kind == T_END)
        return tn_place_fail(p->place, TN_MALFORMED, t->column,
            "expected %s, but the expression ends", wanted);
    if (t->kind == T_BAD && p->text[t->column] == '`')
        return tn_place_fail(p->place, TN_MALFORMED, t->column,
            "a quoted name that is empty or never ends");
    if (t->kind == T_BAD && (p->text[t->column] == '_' || p->text[t->column] == '\''))
        return tn_place_fail(p->place, TN_MALFORMED, t->column,
            "a name starts with a letter; quote others: `..`");
    return tn_place_fail(p->place, TN_MALFORMED, t->column, "expected %s, found \"%.*s\"", wanted,
        t->length, p->text + t->column);
}

static tn_expr_step *
emit(parser *p, tn_expr_op op, int column)
{
    tn_expr_step step = {.op = op, .column = column};
    tn_push(p->arena, &p->steps, step);
    return &p->steps.at[p->steps.count - 1];
}

static tn_status parse_cond(parser *p);

static tn_status
parse_call(parser *p, const char *name, int column)
{
    int count = 0;
    do {
        advance(p);
        TN_TRY(parse_cond(p));
        count++;
    } while (is_sign(p, ","));
    if (!is_sign(p, ")"))
        return unexpected(p, "\",\" or \")\"");
    advance(p);
    tn_expr_step *step = emit(p, TN_X_CALL, column);
    step->name = name;
    step->count = count;
    return TN_OK;
}

static tn_status
parse_name(parser *p)
{
    token t = p->now;
    int inner = t.quoted ? 1 : 0;
    const char *name =
        tn_arena_copy(p->arena, p->text + t.column + inner, (size_t)(t.length - 2 * inner));
    advance(p);
    if (is_sign(p, "(") && !t.quoted)
        return parse_call(p, name, t.column);
    tn_expr_step *step = emit(p, TN_X_NAME, t.column);
    step->name = name;
    step->quoted = t.quoted;
    return TN_OK;
}

static tn_status
parse_atom(parser *p)
{
    token t = p->now;
    if (t.kind == T_NAME)
        return parse_name(p);
    if (t.kind == T_NUMBER) {
        const char *digits = tn_arena_copy(p->arena, p->text + t.column, (size_t)t.length);
        emit(p, TN_X_NUMBER, t.column)->number = tn_number_read(digits);
        advance(p);
        return TN_OK;
    }
    if (!is_sign(p, "("))
        return unexpected(p, "a number or a name");
    advance(p);
    TN_TRY(parse_cond(p));
    if (!is_sign(p, ")"))
        return unexpected(p, "\")\"");
    advance(p);
    return TN_OK;
}

/* unary = [ "-" | "!" ] power ;  power = atom [ "^" unary ] */
static tn_status
parse_unary(parser *p)
{
    int column = p->now.column;
    bool minus = is_sign(p, "-"), not = is_sign(p, "!");
    if (++p->depth > TN_EXPR_MAX_DEPTH)
        return tn_place_fail(p->place, TN_LIMIT, column,
            "the expression nests deeper than %d levels", TN_EXPR_MAX_DEPTH);
    if (minus || not)
        advance(p);
    TN_TRY(parse_atom(p));
    if (is_sign(p, "^")) {
        int at = p->now.column;
        advance(p);
        TN_TRY(parse_unary(p));
        emit(p, TN_X_POW, at);
    }
    if (minus || not)
        emit(p, minus ? TN_X_NEG : TN_X_NOT, column);
    p->depth--;
    return TN_OK;
}

typedef struct binary {
    const char *sign;
    int level;
    tn_expr_op op;
} binary;

/* Levels bind tighter upwards; level 3 does not chain. */
static const binary binaries[] = {
    {"||", 1, TN_X_OR},
    {"&&", 2, TN_X_AND},
    {"==", 3, TN_X_EQ},
    {"!=", 3, TN_X_NE},
    {"<=", 3, TN_X_LE},
    {">=", 3, TN_X_GE},
    {"<", 3, TN_X_LT},
    {">", 3, TN_X_GT},
    {"+", 4, TN_X_ADD},
    {"-", 4, TN_X_SUB},
    {"*", 5, TN_X_MUL},
    {"/", 5, TN_X_DIV},
    {"%", 5, TN_X_MOD},
};

static const binary *
find_binary(const parser *p)
{
    for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++)
        if (is_sign(p, binaries[i].sign))
            return &binaries[i];
    return NULL;
}

static tn_status
parse_binary(parser *p, int level)
{
    int highest = 6;
    TN_TRY(parse_unary(p));
    for (const binary *b; (b = find_binary(p)) != NULL && b->level >= level;) {
        int column = p->now.column;
        if (b->level == 3 && highest == 3)
            return tn_place_fail(p->place, TN_MALFORMED, column,
                "comparisons do not chain; write a < b && b < c");
        advance(p);
        TN_TRY(parse_binary(p, b->level + 1));
        emit(p, b->op, column);
        highest = b->level;
    }
    return TN_OK;
}

static tn_status
parse_cond(parser *p)
{
    if (++p->depth > TN_EXPR_MAX_DEPTH)
        return tn_place_fail(p->place, TN_LIMIT, p->now.column,
            "the expression nests deeper than %d levels", TN_EXPR_MAX_DEPTH);
    TN_TRY(parse_binary(p, 1));
    if (is_sign(p, "?")) {
        uint32_t branch = p->steps.count, other;
        emit(p, TN_X_BRANCH, p->now.column);
        advance(p);
        TN_TRY(parse_cond(p));
        if (!is_sign(p, ":"))
            return unexpected(p, "\":\"");
        other = p->steps.count;
        emit(p, TN_X_ELSE, p->now.column);
        advance(p);
        TN_TRY(parse_cond(p));
        p->steps.at[branch].jump = (int)other + 1;
        p->steps.at[other].jump = (int)p->steps.count;
        emit(p, TN_X_JOIN, p->steps.at[branch].column);
    }
    p->depth--;
    return TN_OK;
}

tn_status
tn_expr_parse(const tn_place *place, const char *text, size_t length, tn_expr **out)
{
    tn_arena *arena = place->doc->arena;
    if (length > place->doc->limits.expression)
        return tn_place_fail(place, TN_LIMIT, 0,
            "an expression of more than %" PRIu32 " characters (--limit expression=N allows more)",
            place->doc->limits.expression);
    parser p = {.place = place, .arena = arena, .length = (int)length};
    p.text = tn_arena_copy(arena, text, length);
    p.now = scan_token(&p, 0);
    TN_TRY(parse_cond(&p));
    if (p.now.kind != T_END)
        return unexpected(&p, "an operator or the end of the expression");
    tn_expr *e = tn_new(arena, tn_expr);
    *e = (tn_expr){p.text, p.steps.at, (int)p.steps.count};
    *out = e;
    return TN_OK;
}

/* Digits and exponent as a fraction; false if it does not fit. */
static bool
read_fraction(const char *text, tn_ratio *out)
{
    int64_t mantissa = 0, power = 1;
    int scale = 0, exponent = 0;
    bool minus = *text == '-', point = false;
    const char *at = text + minus;
    for (; is_digit(*at) || *at == '.'; at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        if (!tn_mul_i64(mantissa, 10, &mantissa) || !tn_add_i64(mantissa, *at - '0', &mantissa))
            return false;
        scale += point;
    }
    if (*at == 'e' || *at == 'E') {
        bool down = at[1] == '-';
        for (at += down || at[1] == '+' ? 2 : 1; is_digit(*at) && exponent < 1000; at++)
            exponent = exponent * 10 + (*at - '0');
        exponent = down ? -exponent : exponent;
    }
    exponent -= scale;
    for (int i = exponent < 0 ? -exponent : exponent; i > 0; i--)
        if (!tn_mul_i64(power, 10, &power))
            return mantissa == 0 && tn_ratio_make(0, 1, out);
    if (exponent > 0 && !tn_mul_i64(mantissa, power, &mantissa))
        return false;
    return tn_ratio_make(minus ? -mantissa : mantissa, exponent < 0 ? power : 1, out);
}

tn_number
tn_number_read(const char *text)
{
    tn_ratio ratio;
    double real = tn_double_read(text, &(const char *){NULL});
    if (!read_fraction(text, &ratio) || (ratio.num == 0 && *text == '-'))
        return tn_number_real(real);
    return (tn_number){TN_NUMBER_RATIONAL, ratio.num, ratio.den, real, {0}};
}
