/* SPDX-License-Identifier: Apache-2.0
 * Rows of rules.def as trees. */
#include <ctype.h>
#include <string.h>

#include "passes/rule_in.h"

typedef struct reader {
    tn_arena *arena;
    tn_form_rule *rule;
    const char *at;
    const char *why; /* first mistake */
    bool replacing;  /* in `to`: names must be known, or are given to nodes */
    int nodes;
} reader;

typedef struct word {
    const char *at;
    size_t length;
} word;

static void
fail(reader *r, const char *why)
{
    if (!r->why)
        r->why = tn_arena_printf(r->arena, "%s: %s, at \"%s\"", r->rule->row->name, why, r->at);
}

static char
look(reader *r)
{
    while (*r->at == ' ')
        r->at++;
    return r->why ? '\0' : *r->at;
}

static bool
take(reader *r, char c)
{
    if (look(r) != c || !c)
        return false;
    r->at++;
    return true;
}

static void
want(reader *r, char c, const char *why)
{
    if (!take(r, c))
        fail(r, why);
}

static bool
starts_word(char c)
{
    return islower((unsigned char)c) || c == '_';
}

static word
read_word(reader *r)
{
    word w = {r->at, 0};

    if (!starts_word(look(r))) {
        fail(r, "a name is missing");
        return w;
    }
    w.at = r->at;
    while (islower((unsigned char)*r->at) || isdigit((unsigned char)*r->at) || *r->at == '_')
        r->at++;
    w.length = (size_t)(r->at - w.at);
    return w;
}

static bool
is_word(word w, const char *text)
{
    return strlen(text) == w.length && strncmp(text, w.at, w.length) == 0;
}

static const char *
copy(reader *r, word w)
{
    return tn_arena_printf(r->arena, "%.*s", (int)w.length, w.at);
}

static double
read_number(reader *r)
{
    const char *end = r->at;
    double number = tn_double_read(r->at, &end);

    if (end == r->at)
        fail(r, "a number is missing");
    r->at = end;
    return number;
}

/* ---- names ---- */

static int
find(const char *const *names, int count, word w)
{
    for (int i = 0; i < count; i++)
        if (is_word(w, names[i]))
            return i;
    return -1;
}

static int
value_named(reader *r, word w, bool give)
{
    tn_form_rule *rule = r->rule;
    int at = find(rule->value_name, rule->values, w);

    if (at >= 0)
        return at;
    if (!give || rule->values == TN_RULE_VALUES) {
        fail(r, give ? "too many names" : "the name is not in the pattern");
        return 0;
    }
    rule->value_name[rule->values] = copy(r, w);
    return rule->values++;
}

static int
attr_named(reader *r, bool give)
{
    tn_form_rule *rule = r->rule;
    word w = read_word(r);
    int at = find(rule->attr_name, rule->attrs, w);

    if (at >= 0)
        return at;
    if (!give || rule->attrs == TN_RULE_ATTRS) {
        fail(r, give ? "too many attributes" : "the attribute is not in the pattern");
        return 0;
    }
    rule->attr_name[rule->attrs] = copy(r, w);
    return rule->attrs++;
}

/* ---- calls ---- */

static void
read_arg(reader *r, tn_form_arg *arg)
{
    *arg = (tn_form_arg){.kind = TN_ARG_VALUE};
    if (take(r, '$')) {
        arg->kind = TN_ARG_ATTR;
        arg->at = attr_named(r, false);
    } else if (starts_word(look(r))) {
        arg->at = value_named(r, read_word(r), false);
    } else {
        arg->kind = TN_ARG_NUMBER;
        arg->number = read_number(r);
    }
}

static void
read_args(reader *r, tn_form_call *call)
{
    want(r, '(', "( is missing");
    while (!r->why && look(r) != ')') {
        if (call->arg_count == TN_RULE_ARGS) {
            fail(r, "too many arguments");
            return;
        }
        read_arg(r, &call->arg[call->arg_count++]);
        if (!take(r, ','))
            break;
    }
    want(r, ')', ") is missing");
}

static void
read_call(reader *r, word w, int (*find_in)(const char *name, size_t length), tn_form_call *call)
{
    call->function = find_in(w.at, w.length);
    if (call->function < 0) {
        fail(r, "there is no such function");
        return;
    }
    read_args(r, call);
}

/* ---- attributes ---- */

static void
read_list(reader *r, tn_form_set *set)
{
    set->kind = TN_SET_INTS;
    while (!r->why && look(r) != ']') {
        if (set->count == (int)(sizeof set->ints / sizeof *set->ints)) {
            fail(r, "the list is too long");
            return;
        }
        set->ints[set->count++] = (int64_t)read_number(r);
        if (!take(r, ','))
            break;
    }
    want(r, ']', "] is missing");
}

static void
read_quoted(reader *r, tn_form_set *set)
{
    const char *end = strchr(r->at, '\'');

    set->kind = TN_SET_WORD;
    if (!end) {
        fail(r, "' is missing");
        return;
    }
    set->word = copy(r, (word){r->at, (size_t)(end - r->at)});
    r->at = end + 1;
}

static void
read_worded(reader *r, const tn_form *node, tn_form_set *set)
{
    word w = read_word(r);

    if (look(r) == '(') {
        set->kind = TN_SET_CALL;
        read_call(r, w, tn_rule_set_find, &set->call);
        return;
    }
    set->kind = TN_SET_WORD;
    set->word = copy(r, w);
    if (tn_op_info_of(node->code)->attr[set->attr].kind == TN_KIND_BOOL) {
        set->kind = TN_SET_INTS;
        set->count = 1;
        set->ints[0] = is_word(w, "true");
    }
}

static void
read_set(reader *r, tn_form *node)
{
    tn_form_set *set = &node->set[node->set_count];
    word w = read_word(r);

    if (node->set_count == TN_RULE_SETS) {
        fail(r, "too many attributes");
        return;
    }
    node->set_count++;
    set->attr = tn_op_find_attr(node->code, copy(r, w));
    if (set->attr < 0)
        fail(r, "the operation has no such attribute");
    want(r, '=', "= is missing");
    if (take(r, '$')) {
        set->kind = TN_SET_NAMED;
        set->named = attr_named(r, !r->replacing);
    } else if (take(r, '[')) {
        read_list(r, set);
    } else if (take(r, '\'')) {
        read_quoted(r, set);
    } else if (starts_word(look(r))) {
        read_worded(r, node, set);
    } else {
        set->kind = TN_SET_INTS;
        set->count = 1;
        set->ints[0] = (int64_t)read_number(r);
    }
}

/* ---- nodes ---- */

static tn_form *read_node(reader *r);

static void
read_op(reader *r, word w, tn_form *node)
{
    node->kind = TN_FORM_OP;
    node->code = tn_op_find(copy(r, w));
    if (node->code == TN_OP_COUNT) {
        fail(r, "there is no such operation");
        return;
    }
    while (!r->why && look(r) != ')') {
        if (node->in_count == TN_RULE_INS) {
            fail(r, "too many operands");
            return;
        }
        node->in[node->in_count++] = read_node(r);
        if (!take(r, ','))
            break;
    }
    want(r, ')', ") is missing");
    if (!take(r, '{'))
        return;
    do
        read_set(r, node);
    while (!r->why && take(r, ','));
    want(r, '}', "} is missing");
}

static void
read_named(reader *r, tn_form *node)
{
    word w = read_word(r);

    if (is_word(w, "true") || is_word(w, "false")) {
        node->kind = TN_FORM_TRUTH;
        node->number = is_word(w, "true");
        return;
    }
    if (take(r, ':')) {
        node->name = value_named(r, w, true);
        w = read_word(r);
        want(r, '(', "an operation is missing");
        read_op(r, w, node);
    } else if (take(r, '(')) {
        read_op(r, w, node);
    } else {
        node->kind = TN_FORM_VALUE;
        node->name = value_named(r, w, !r->replacing);
    }
}

/* As deep as the rows of rules.def are. */
static tn_form *
read_node(reader *r)
{
    tn_form *node = tn_new(r->arena, tn_form);

    *node = (tn_form){.name = -1};
    if (++r->nodes > TN_RULE_NODES) {
        fail(r, "too many nodes");
    } else if (take(r, '@')) {
        node->kind = TN_FORM_CALL;
        read_call(r, read_word(r), tn_rule_number_find, &node->call);
        for (int i = 0; i < node->call.arg_count; i++)
            if (node->call.arg[i].kind != TN_ARG_VALUE)
                fail(r, "a number is made from named numbers");
        if (!node->call.arg_count)
            fail(r, "a number is made from named numbers");
    } else if (starts_word(look(r))) {
        read_named(r, node);
    } else {
        node->kind = TN_FORM_NUMBER;
        node->number = read_number(r);
    }
    return node;
}

static tn_form *
read_tree(reader *r, const char *text, bool replacing)
{
    tn_form *root;

    r->at = text;
    r->replacing = replacing;
    r->nodes = 0;
    root = read_node(r);
    if (look(r))
        fail(r, "more text than a tree");
    return root;
}

static void
read_tests(reader *r, const char *text)
{
    tn_form_rule *rule = r->rule;

    for (r->at = text; look(r);) {
        tn_form_call *call = &rule->test[rule->test_count];

        if (rule->test_count == TN_RULE_TESTS) {
            fail(r, "too many tests");
            return;
        }
        rule->test_count++;
        call->negated = take(r, '!');
        read_call(r, read_word(r), tn_rule_test_find, call);
        if (!take(r, ',') && look(r))
            fail(r, ", is missing");
    }
}

const tn_form_rule *
tn_rule_read(tn_arena *arena, const tn_rule *row, const char **why)
{
    tn_form_rule *rule = tn_new(arena, tn_form_rule);
    reader r = {.arena = arena, .rule = rule};

    *rule = (tn_form_rule){.row = row};
    rule->from = read_tree(&r, row->from, false);
    rule->made = rule->values;
    read_tests(&r, row->when);
    rule->to = read_tree(&r, row->to, true);
    if (!r.why && rule->from->kind != TN_FORM_OP)
        fail(&r, "a pattern is an operation");
    if (!r.why && rule->to->kind != TN_FORM_OP && rule->to->kind != TN_FORM_VALUE)
        fail(&r, "a replacement is an operation or a value");
    if (why)
        *why = r.why;
    return r.why ? NULL : rule;
}
