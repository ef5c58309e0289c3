/* SPDX-License-Identifier: Apache-2.0
 * Words, numbers, sizes, types and attributes of the graph's text form. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ir/graph/gtext.h"

void
tn_gline_fail(tn_gline *l, const char *format, ...)
{
    va_list args;

    if (l->error)
        return;
    va_start(args, format);
    l->error = tn_arena_vprintf(l->arena, format, args);
    va_end(args);
}

void
tn_gline_skip(tn_gline *l)
{
    while (*l->at == ' ' || *l->at == '\t')
        l->at++;
}

bool
tn_gline_more(const tn_gline *l)
{
    return !l->error && *l->at != '\0';
}

/* A word is taken whole: "in" is no part of "input". */
bool
tn_gline_take(tn_gline *l, const char *word)
{
    size_t n = strlen(word);

    tn_gline_skip(l);
    if (strncmp(l->at, word, n) != 0 ||
        (isalpha((unsigned char)word[n - 1]) &&
            (isalnum((unsigned char)l->at[n]) || l->at[n] == '_')))
        return false;
    l->at += n;
    tn_gline_skip(l);
    return true;
}

void
tn_gline_want(tn_gline *l, const char *word)
{
    if (!l->error && !tn_gline_take(l, word))
        tn_gline_fail(l, "expected \"%s\" at \"%.20s\"", word, l->at);
}

static const char *
quoted_name(tn_gline *l)
{
    tn_text t = {.arena = l->arena};

    for (l->at++; *l->at; l->at++) {
        if (*l->at == '`' && *++l->at != '`')
            return t.at ? t.at : "";
        tn_text_put(&t, l->at, 1);
    }
    tn_gline_fail(l, "a name without its closing quote");
    return "";
}

const char *
tn_gline_name(tn_gline *l)
{
    const char *start;

    tn_gline_skip(l);
    if (*l->at == '`')
        return quoted_name(l);
    start = l->at;
    if (isalpha((unsigned char)*l->at) || *l->at == '%') {
        l->at++;
        while (isalnum((unsigned char)*l->at) || (*l->at && strchr("_.'#/[]-", *l->at)))
            l->at++;
    }
    if (start == l->at)
        tn_gline_fail(l, "expected a name at \"%.20s\"", start);
    return tn_arena_copy(l->arena, start, (size_t)(l->at - start));
}

/* The escapes that tn_text_json writes. */
const char *
tn_gline_json(tn_gline *l)
{
    tn_text t = {.arena = l->arena};

    tn_gline_want(l, "\"");
    while (!l->error && *l->at && *l->at != '"') {
        char c = *l->at++;

        if (c == '\\' && *l->at == 'u') {
            char digits[5] = {0};

            strncpy(digits, l->at + 1, 4);
            c = (char)strtol(digits, NULL, 16);
            l->at += strlen(digits) + 1;
        } else if (c == '\\' && *l->at) {
            static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
            const char *found = strchr(from, *l->at);

            c = found ? to[found - from] : *l->at;
            l->at++;
        }
        tn_text_put(&t, &c, 1);
    }
    if (*l->at == '"')
        l->at++;
    else
        tn_gline_fail(l, "a text without its closing quote");
    return t.at ? t.at : "";
}

int64_t
tn_gline_int(tn_gline *l)
{
    const char *start;
    char *end;
    long long value;

    tn_gline_skip(l);
    start = l->at;
    errno = 0;
    value = strtoll(start, &end, 10);
    if (end == start || errno)
        tn_gline_fail(l, "expected a whole number at \"%.20s\"", start);
    l->at = end;
    return value;
}

static tn_number
symbolic(tn_gline *l)
{
    size_t length = strcspn(++l->at, ">");
    uint8_t *code = tn_arena_get(l->arena, length / 2 + 1);

    for (size_t i = 0; i + 1 < length; i += 2) {
        char digits[3] = {l->at[i], l->at[i + 1], '\0'};

        code[i / 2] = (uint8_t)strtol(digits, NULL, 16);
    }
    l->at += length;
    tn_gline_want(l, ">");
    return (tn_number){TN_NUMBER_SYMBOLIC, 0, 1, 0, {code, (uint32_t)(length / 2)}};
}

tn_number
tn_gline_number(tn_gline *l)
{
    const char *start, *end;
    tn_number n;
    double value;

    if (tn_gline_take(l, "true"))
        return (tn_number){TN_NUMBER_BOOL, 1, 1, 1, {0}};
    if (tn_gline_take(l, "false"))
        return (tn_number){TN_NUMBER_BOOL, 0, 1, 0, {0}};
    if (*l->at == '<')
        return symbolic(l);
    start = l->at;
    value = tn_double_read(start, &end);
    if (end == start) {
        tn_gline_fail(l, "expected a number at \"%.20s\"", start);
        return tn_number_int(0);
    }
    l->at = end;
    for (const char *c = start; c < end; c++) {
        if (strchr(".eEin", *c))
            return tn_number_real(value);
    }
    l->at = start;
    n = tn_number_int(tn_gline_int(l));
    if (*l->at == '/') {
        l->at++;
        n.den = tn_gline_int(l);
        n.real = n.den > 0 ? (double)n.num / (double)n.den : 0;
        if (n.den <= 0)
            tn_gline_fail(l, "a denominator that is not positive");
    }
    return n;
}

/* ---- sizes: sums of products, with ceil, floor, min, max, % ---- */

enum { MAX_DEPTH = 32 };

static tn_size sum(tn_gline *l, int depth);
static tn_size operand(tn_gline *l, int depth);

static tn_size
checked(tn_gline *l, tn_size s)
{
    if (!s)
        tn_gline_fail(l, "a size that does not come out, before \"%.20s\"", l->at);
    return s ? s : tn_size_int(l->g->sizes, 0);
}

typedef tn_size binary(tn_sizes *s, tn_size a, tn_size b);

static tn_size
call_list(tn_gline *l, int depth, binary *make)
{
    tn_size a = sum(l, depth);

    while (tn_gline_take(l, ",")) {
        tn_size b = sum(l, depth);

        a = checked(l, make(l->g->sizes, a, b));
    }
    tn_gline_want(l, ")");
    return a;
}

/* "ceil(a/b)" of two operands, else "ceil(sum)". */
static tn_size
call_round(tn_gline *l, int depth, binary *make)
{
    tn_gline probe = *l;
    tn_size a = operand(&probe, depth);

    if (tn_gline_take(&probe, "/")) {
        tn_size b = operand(&probe, depth);

        if (tn_gline_take(&probe, ")") && !probe.error) {
            *l = probe;
            return checked(l, make(l->g->sizes, a, b));
        }
    }
    a = sum(l, depth);
    tn_gline_want(l, ")");
    return checked(l, make(l->g->sizes, a, tn_size_int(l->g->sizes, 1)));
}

static bool
take_call(tn_gline *l, const char *name)
{
    const char *start = l->at;

    if (tn_gline_take(l, name) && tn_gline_take(l, "("))
        return true;
    l->at = start;
    return false;
}

static tn_size
symbol(tn_gline *l)
{
    const char *start = l->at;
    const char *name;
    int index;

    if (*l->at == '`') {
        name = quoted_name(l);
    } else {
        while (isalnum((unsigned char)*l->at) || *l->at == '_' || *l->at == '\'')
            l->at++;
        name = tn_arena_copy(l->arena, start, (size_t)(l->at - start));
    }
    index = tn_sizes_find(l->g->sizes, name);
    if (index < 0) {
        tn_gline_fail(l, "there is no symbol \"%s\"", name);
        return tn_size_int(l->g->sizes, 0);
    }
    return tn_size_symbol(l->g->sizes, index);
}

static tn_size
operand(tn_gline *l, int depth)
{
    tn_size s;

    tn_gline_skip(l);
    if (depth > MAX_DEPTH)
        tn_gline_fail(l, "a size nested too deep");
    if (l->error)
        return tn_size_int(l->g->sizes, 0);
    if (isdigit((unsigned char)*l->at))
        return tn_size_int(l->g->sizes, tn_gline_int(l));
    if (take_call(l, "ceil"))
        return call_round(l, depth + 1, tn_size_ceil_div);
    if (take_call(l, "floor"))
        return call_round(l, depth + 1, tn_size_floor_div);
    if (take_call(l, "min"))
        return call_list(l, depth + 1, tn_size_min);
    if (take_call(l, "max"))
        return call_list(l, depth + 1, tn_size_max);
    if (!tn_gline_take(l, "("))
        return symbol(l);
    s = sum(l, depth + 1);
    if (tn_gline_take(l, "%")) {
        tn_size b = operand(l, depth + 1);

        s = checked(l, tn_size_mod(l->g->sizes, s, b));
    }
    tn_gline_want(l, ")");
    return s;
}

static tn_size
power(tn_gline *l, int depth)
{
    tn_size base = operand(l, depth);
    tn_size s = base;
    int64_t n = tn_gline_take(l, "^") ? tn_gline_int(l) : 1;

    if (n < 1 || n > MAX_DEPTH)
        tn_gline_fail(l, "a power out of range");
    for (; n > 1 && !l->error; n--)
        s = checked(l, tn_size_mul(l->g->sizes, s, base));
    return s;
}

static tn_size
product(tn_gline *l, int depth)
{
    tn_size s = power(l, depth);

    for (;;) {
        bool times = tn_gline_take(l, "*");
        tn_size b;

        if (l->error || (!times && !tn_gline_take(l, "/")))
            return s;
        b = power(l, depth);
        s = checked(l, times ? tn_size_mul(l->g->sizes, s, b) : tn_size_div(l->g->sizes, s, b));
    }
}

static tn_size
sum(tn_gline *l, int depth)
{
    tn_size s = tn_size_int(l->g->sizes, 0);
    int sign = tn_gline_take(l, "-") ? -1 : 1;

    do {
        tn_size t = product(l, depth);

        s = checked(l, sign > 0 ? tn_size_add(l->g->sizes, s, t) : tn_size_sub(l->g->sizes, s, t));
        sign = tn_gline_take(l, "+") ? 1 : tn_gline_take(l, "-") ? -1 : 0;
    } while (sign && !l->error);
    return s;
}

tn_size
tn_gline_size(tn_gline *l)
{
    return sum(l, 0);
}

/* ---- types and attributes ---- */

static int
sizes_in_brackets(tn_gline *l, tn_size *out, int room)
{
    int count = 0;

    tn_gline_want(l, "[");
    while (tn_gline_more(l) && !tn_gline_take(l, "]")) {
        if (count == room) {
            tn_gline_fail(l, "more than %d sizes", room);
            return count;
        }
        out[count++] = tn_gline_size(l);
        if (!tn_gline_take(l, ",") && *l->at != ']')
            tn_gline_fail(l, "expected \",\" or \"]\" at \"%.20s\"", l->at);
    }
    return count;
}

static tn_dtype
dtype(tn_gline *l)
{
    size_t length = 0;
    tn_dtype t;

    tn_gline_skip(l);
    while (isalnum((unsigned char)l->at[length]))
        length++;
    t = tn_dtype_find(l->at, length);
    if (t == TN_DTYPE_COUNT) {
        tn_gline_fail(l, "expected an element type at \"%.20s\"", l->at);
        return TN_F32;
    }
    l->at += length;
    return t;
}

tn_type
tn_gline_type(tn_gline *l)
{
    tn_type type = {.dtype = dtype(l)};

    type.rank = sizes_in_brackets(l, type.dim, TN_MAX_RANK);
    return type;
}

static void
int_list(tn_gline *l, tn_op *op, int attr)
{
    int64_t ints[32];
    int count = 0;

    tn_gline_want(l, "[");
    while (tn_gline_more(l) && !tn_gline_take(l, "]") && count < 32) {
        ints[count++] = tn_gline_int(l);
        tn_gline_take(l, ",");
    }
    tn_op_set_ints(op, attr, ints, count);
}

static void
number_list(tn_gline *l, tn_op *op, int attr)
{
    TN_VEC(tn_number) numbers = {0};

    tn_gline_want(l, "[");
    while (tn_gline_more(l) && !tn_gline_take(l, "]")) {
        tn_push(l->arena, &numbers, tn_gline_number(l));
        tn_gline_take(l, ",");
    }
    tn_op_set_numbers(op, attr, numbers.at, (int)numbers.count);
}

static void
whole(tn_gline *l, tn_op *op, int attr)
{
    int64_t value;

    if (op->attr[attr].kind == TN_KIND_BOOL)
        value = tn_gline_number(l).num;
    else
        value = tn_gline_int(l);
    tn_op_set_ints(op, attr, &value, 1);
}

void
tn_gline_attr(tn_gline *l, tn_op *op, int attr, tn_value *(*find)(void *self, tn_gline *l),
    void *self)
{
    tn_size sizes[32];

    switch (op->attr[attr].kind) {
    case TN_KIND_INT:
    case TN_KIND_BOOL: whole(l, op, attr); return;
    case TN_KIND_INTS:
    case TN_KIND_PADS: int_list(l, op, attr); return;
    case TN_KIND_DTYPE: tn_op_set_dtype(op, attr, dtype(l)); return;
    case TN_KIND_CHOICE:
    case TN_KIND_LABELS:
    case TN_KIND_TEXT: tn_op_set_text(op, attr, tn_gline_json(l)); return;
    case TN_KIND_REAL:
    case TN_KIND_NUMBER: tn_op_set_number(op, attr, tn_gline_number(l)); return;
    case TN_KIND_NUMBERS: number_list(l, op, attr); return;
    case TN_KIND_SIZES:
    case TN_KIND_SHAPE: tn_op_set_sizes(op, attr, sizes, sizes_in_brackets(l, sizes, 32)); return;
    case TN_KIND_TYPE: tn_op_set_type(op, attr, tn_gline_type(l)); return;
    case TN_KIND_PLACE:
        if (tn_gline_take(l, "@")) {
            tn_value *v = find(self, l);

            if (v)
                tn_op_set_place(op, attr, v);
            return;
        }
        TN_FALLTHROUGH;
    case TN_KIND_SIZE:
        sizes[0] = tn_gline_size(l);
        tn_op_set_sizes(op, attr, sizes, 1);
        return;
    }
}
