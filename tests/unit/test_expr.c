/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/expr.h"

#include <math.h>
#include <string.h>

#include "ir/base/text.h"
#include "tests/support/test.h"

/* Expressions over the params a = 6, half = 1/2, dt = bf16, yes = true, the
 * symbols T 1..4096 and M (multiples of 16), and the value x. */
typedef struct trial {
    tn_arena *arena;
    tn_diag diag;
    const char *text;   /* a JSON string */
    tn_scope_ops scope;
    tn_text log;        /* rows applied to values */
    const char *result; /* what the expression is */
    tn_known known;
} trial;

static bool
find(void *self, const char *name, tn_known *out)
{
    trial *t = self;
    int symbol = tn_sizes_find(t->scope.sizes, name);
    if (symbol >= 0)
        *out = tn_known_size(tn_size_symbol(t->scope.sizes, symbol));
    else if (strcmp(name, "a") == 0)
        *out = tn_known_int(6);
    else if (strcmp(name, "half") == 0)
        *out = (tn_known){.number = {TN_NUMBER_RATIONAL, 1, 2, 0.5, {0}}};
    else if (strcmp(name, "dt") == 0)
        *out = tn_known_dtype(TN_BF16);
    else if (strcmp(name, "yes") == 0)
        *out = tn_known_truth(true);
    else if (strcmp(name, "x") == 0 || strcmp(name, "pi") == 0 || strcmp(name, "text.ids") == 0)
        *out = (tn_known){
            .kind = TN_KNOWN_VALUE, .value = t, .name = tn_arena_printf(t->arena, "%s", name)};
    else
        return false;
    return true;
}

static const char *
meant(void *self, const char *name)
{
    static const char *const names[] = {"half", "yes"};
    return tn_json_meant(((trial *)self)->arena, name, names, 2);
}

static tn_status
apply(void *self, const tn_place *place, int column, const char *op, const tn_known *arg, int count,
    tn_known *out)
{
    trial *t = self;
    tn_text name = {.arena = t->arena};
    (void)place;
    (void)column;
    tn_text_add(&name, "%s(", op);
    for (int i = 0; i < count; i++)
        tn_text_add(&name, "%s%s", i ? "," : "", tn_known_text(t->arena, t->scope.sizes, &arg[i]));
    tn_text_add(&name, ")");
    *out = (tn_known){.kind = TN_KNOWN_VALUE, .value = t, .name = name.at};
    return TN_OK;
}

static tn_status
inside(void *arg)
{
    trial *t = arg;
    tn_json_doc *doc;
    tn_expr *e;
    tn_span span = {(const uint8_t *)t->text, strlen(t->text)};
    TN_TRY(tn_json_parse(t->arena, &t->diag, "m.json", span, NULL, &doc));
    bool values = t->scope.apply != NULL;
    t->scope =
        (tn_scope_ops){t, t->arena, tn_sizes_create(t->arena), find, meant, values ? apply : NULL};
    tn_sizes_add(t->scope.sizes, &(tn_symbol){.name = "T", .low = 1, .high = 4096, .multiple = 1});
    tn_sizes_add(t->scope.sizes, &(tn_symbol){.name = "M", .high = 4096, .multiple = 16});
    const char *text = doc->root->text;
    tn_place place = {doc, doc->root, 0, NULL};
    TN_TRY(tn_expr_parse(&place, text, strlen(text), &e));
    TN_TRY(tn_expr_eval(e, &place, &t->scope, &t->known));
    t->result = tn_known_text(t->arena, t->scope.sizes, &t->known);
    return TN_OK;
}

static tn_status
start(trial *t)
{
    tn_diag_init(&t->diag, tn_alloc_system());
    t->arena = tn_arena_create(tn_alloc_system(), 0);
    return t->arena ? tn_arena_guard(t->arena, inside, t) : TN_NO_MEMORY;
}

static void
finish(trial *t)
{
    tn_arena_destroy(t->arena);
    tn_diag_clear(&t->diag);
}

static void
is(const char *text, const char *wanted, bool values)
{
    char quoted[300] = "\"";
    strcat(strncat(quoted, text, 250), "\"");
    trial t = {.text = quoted, .scope = {.apply = values ? apply : NULL}};
    tn_status status = start(&t);
    if (!TN_CHECK_EQ(status, TN_OK) || !TN_CHECK_STR(t.result, wanted))
        tn_test_note("of %s: %s", text, tn_diag_text(&t.diag, 0));
    finish(&t);
}

static void
fails(const char *text, tn_status status, const char *message)
{
    trial t = {.text = text};
    TN_CHECK_EQ(start(&t), status);
    if (!TN_CHECK_STR(tn_diag_text(&t.diag, 0), message))
        tn_test_note("of %s", text);
    finish(&t);
}

TN_TEST(numbers)
{
    is("1+2*3", "7", false);
    is("(1+2)*3", "9", false);
    is("7/2", "3.5", false);
    is("7/2*2", "7", false);
    is("1/3+2/3", "1", false);
    is("2^10", "1024", false);
    is("2^-1", "0.5", false);
    is("-2^2", "-4", false);
    is("2^3^2", "512", false);
    is("-7 % 3", "2", false);
    is("7 % -3", "-2", false);
    is("10-3-2", "5", false);
    is("0.1+0.2", "0.3", false);
    is("1e3", "1000", false);
    is("9007199254740993", "9007199254740993", false);
    is("9223372036854775807+1", "9223372036854776000", false);
    is("a/4", "1.5", false);
    is("`a`*half", "3", false);
    is("sqrt(16)", "4", false);
    is("max(1, a, 3)", "6", false);
    is("min(a, half)", "0.5", false);
    is("align(17, 8)", "24", false);
    is("ceil(7/2)", "4", false);
    is("floor(-7/2)", "-4", false);
    is("abs(-1/2)", "0.5", false);
    is("pow(2, 0.5)^2 > 2", "true", false);
    is("inf", "inf", false);
    is("-inf < 0", "true", false);
    is("nan == nan", "false", false);
    is("1/sqrt(128)", "0.08838834764831843", false);
    is("-2*log(10000)/4608", "-0.003997543564225774", false);
}

TN_TEST(truth)
{
    is("1 < 2 && !(2 < 1) || false", "true", false);
    is("a == 6 ? 1 : nothing", "1", false);
    is("a != 6 ? nothing : 2", "2", false);
    is("a > 5 ? a > 5 ? 1 : 2 : 3", "1", false);
    is("yes ? 0.5 : 1", "0.5", false);
    is("dt == bf16", "true", false);
    is("dt", "bf16", false);
    is("dt != f32 ? 1 : 2", "1", false);
}

TN_TEST(symbols)
{
    is("2*(T+1)-T", "T+2", false);
    is("T-T", "0", false);
    is("T/T*3", "3", false);
    is("ceil(T/16)", "ceil(T/16)", false);
    is("ceil(M/16)", "M/16", false);
    is("floor(T/2+1)", "floor(T/2)+1", false);
    is("T^2", "T^2", false);
    is("align(T, 8)", "8*ceil(T/8)", false);
    is("min(T, a, T+1)", "min(6,T)", false);
    is("a/T", "an expression over symbols", false);
    is("T % 16", "(T%16)", false);
    is("T > 3 ? 1 : 2", "an expression over symbols", false);
    is("half*T", "T/2", false);
    is("0.5*T", "T/2", false);
}

TN_TEST(symbols_at_run_time)
{
    trial t = {.text = "\"T > 3 && T % 2 == 0 ? sqrt(T)/a : -T\""};
    double out;
    TN_CHECK_EQ(start(&t), TN_OK);
    TN_CHECK(tn_number_eval(&t.known.number, (int64_t[]){16, 0}, 2, &out) && out == 4.0 / 6);
    TN_CHECK(tn_number_eval(&t.known.number, (int64_t[]){3, 0}, 2, &out) && out == -3);
    finish(&t);
    t = (trial){.text = "\"a/ceil((T+1)/4)\""};
    TN_CHECK_EQ(start(&t), TN_OK);
    TN_CHECK(tn_number_eval(&t.known.number, (int64_t[]){6, 0}, 2, &out) && out == 3);
    finish(&t);
}

TN_TEST(values)
{
    is("x", "x", true);
    is("-x + 1", "add(neg(x),1)", true);
    is("2*3*x", "mul(6,x)", true);
    is("x*2*3", "mul(mul(x,2),3)", true);
    is("x^2", "mul(x,x)", true);
    is("x^4", "mul(mul(mul(x,x),x),x)", true);
    is("x^5", "pow(x,5)", true);
    is("2^x", "pow(2,x)", true);
    is("x/T", "div(x,T)", true);
    is("a/T*x", "mul(an expression over symbols,x)", true);
    is("x > 0 ? x : -inf", "where(greater(x,0),x,-inf)", true);
    is("a > 0 ? x : nothing", "x", true);
    is("max(x, 1)", "maximum(x,1)", true);
    is("sigmoid(x)*gelu(x)", "mul(sigmoid(x),gelu(x))", true);
    is("`text.ids` == 0", "equal(text.ids,0)", true);
    is("`pi`*pi", "mul(pi,3.141592653589793)", true);
    is("!(x < 1) && x != 2", "and(not(less(x,1)),not_equal(x,2))", true);
}

TN_TEST(refused)
{
    fails("\"1+\"", TN_MALFORMED,
        "m.json:1:4: expected a number or a name, but the expression ends");
    fails("\"\"", TN_MALFORMED, "m.json:1:2: expected a number or a name, but the expression ends");
    fails("\"1 2\"", TN_MALFORMED,
        "m.json:1:4: expected an operator or the end of the expression, found \"2\"");
    fails("\"a b\"", TN_MALFORMED,
        "m.json:1:4: expected an operator or the end of the expression, found \"b\"");
    fails("\"(1\"", TN_MALFORMED, "m.json:1:4: expected \")\", but the expression ends");
    fails("\"--1\"", TN_MALFORMED, "m.json:1:3: expected a number or a name, found \"-\"");
    fails("\"1 < 2 < 3\"", TN_MALFORMED,
        "m.json:1:8: comparisons do not chain; write a < b && b < c");
    fails("\"_a\"", TN_MALFORMED, "m.json:1:2: a name starts with a letter; quote others: `..`");
    fails("\"`a\"", TN_MALFORMED, "m.json:1:2: a quoted name that is empty or never ends");
    fails("\"1 $ 2\"", TN_MALFORMED,
        "m.json:1:4: expected an operator or the end of the expression, found \"$\"");
    fails("\"halv + 1\"", TN_MALFORMED,
        "m.json:1:2: nothing is called \"halv\" here; did you mean \"half\"?");
    fails("\"1 + x\"", TN_MALFORMED,
        "m.json:1:4: \"x\" is a value that only a run knows; a number known before is wanted here");
    fails("\"x\"", TN_MALFORMED,
        "m.json:1:2: \"x\" is a value that only a run knows; a number known before is wanted here");
    fails("\"1/(a-6)\"", TN_MALFORMED, "m.json:1:3: a division by 0");
    fails("\"1 ? 2 : 3\"", TN_MALFORMED, "m.json:1:4: a condition is true or false, not a number");
    fails("\"yes + 1\"", TN_MALFORMED, "m.json:1:6: a truth value is no number");
    fails("\"dt + 1\"", TN_MALFORMED, "m.json:1:5: an element type is no number");
    fails("\"sigmoid(2)\"", TN_MALFORMED,
        "m.json:1:2: sigmoid of numbers alone is not known here; the functions are ceil floor min "
        "max align abs sqrt exp log sin cos tanh pow");
    fails("\"sqrt(1, 2)\"", TN_MALFORMED, "m.json:1:2: sqrt takes one argument, found 2");
    fails("\"a\\u0020+ nope\"", TN_MALFORMED, "m.json:1:11: nothing is called \"nope\" here");
}

TN_TEST(limits)
{
    char text[9000] = "\"";
    for (int i = 0; i < 120; i++)
        strcat(text, "(");
    strcat(text, "1\"");
    trial t = {.text = text};
    TN_CHECK_EQ(start(&t), TN_LIMIT);
    finish(&t);
    memset(text, '1', 4200);
    text[0] = '"';
    strcpy(text + 4200, "\"");
    t = (trial){.text = text};
    TN_CHECK_EQ(start(&t), TN_LIMIT);
    finish(&t);
    /* The longest flat expression is no problem. */
    strcpy(text, "\"1");
    for (int i = 0; i < 2000; i++)
        strcat(text, "+1");
    strcat(text, "\"");
    t = (trial){.text = text};
    TN_CHECK_EQ(start(&t), TN_OK);
    TN_CHECK_STR(t.result, "2001");
    finish(&t);
}

TN_MAIN(TN_CASE(numbers), TN_CASE(truth), TN_CASE(symbols), TN_CASE(symbols_at_run_time),
    TN_CASE(values), TN_CASE(refused), TN_CASE(limits))
