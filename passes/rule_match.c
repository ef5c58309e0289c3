/* SPDX-License-Identifier: Apache-2.0
 * Patterns in a graph. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "passes/clean.h"
#include "passes/rule_in.h"

/* ---- numbers ---- */

static bool
plain_number(const tn_number *n, double *number)
{
    if (n->kind == TN_NUMBER_SYMBOLIC)
        return false;
    *number = n->kind == TN_NUMBER_BOOL ? (double)n->num : n->real;
    return true;
}

static bool
all_equal(const tn_attr *data, double *number)
{
    double other;

    if (!data->count || !plain_number(&data->numbers[0], number))
        return false;
    for (int i = 1; i < data->count; i++)
        if (!plain_number(&data->numbers[i], &other) || memcmp(&other, number, sizeof other) != 0)
            return false;
    return true;
}

enum { VIEWS = 8 };

bool
tn_uniform(const tn_value *v, double *number)
{
    for (int i = 0; i < VIEWS; i++) {
        if (v->kind == TN_VALUE_LITERAL)
            return plain_number(&v->number, number);
        if (v->kind != TN_VALUE_RESULT)
            return false;
        switch (v->def->code) {
        case TN_OP_fill: return plain_number(v->def->attr[TN_ATTR_fill_value].numbers, number);
        case TN_OP_constant: return all_equal(&v->def->attr[TN_ATTR_constant_data], number);
        case TN_OP_reshape:
        case TN_OP_broadcast:
        case TN_OP_unsqueeze:
        case TN_OP_squeeze:
        case TN_OP_transpose: v = v->def->in[0]; break;
        default: return false;
        }
    }
    return false;
}

/* As numbers of the value's type: exporters write sqrt(2) in f32. */
static bool
is_number(const tn_value *v, const tn_form *f)
{
    double found, wanted = f->number;

    if ((v->type.dtype == TN_BOOL) != (f->kind == TN_FORM_TRUTH) || !tn_uniform(v, &found))
        return false;
    if (tn_is_float(v->type.dtype)) {
        found = tn_round_to(v->type.dtype, found);
        wanted = tn_round_to(v->type.dtype, wanted);
    }
    return found == wanted && !signbit(found) == !signbit(wanted);
}

/* ---- attributes ---- */

static bool
same_ints(const tn_attr *a, const int64_t *ints, int count)
{
    if (!a->ints || a->count != count)
        return false;
    for (int i = 0; i < count; i++)
        if (a->ints[i] != ints[i])
            return false;
    return true;
}

/* Labels that say the same in other letters. */
static bool
same_labels(const char *x, const char *y)
{
    char to[128] = {0}, from[128] = {0};

    for (; *x && *y; x++, y++) {
        unsigned char a = (unsigned char)*x, b = (unsigned char)*y;

        if (a >= sizeof to || b >= sizeof to || !isalpha(a) != !isalpha(b) ||
            (!isalpha(a) && a != b))
            return false;
        if ((to[a] && to[a] != (char)b) || (from[b] && from[b] != (char)a))
            return false;
        to[a] = (char)b;
        from[b] = (char)a;
    }
    return *x == *y;
}

static bool
is_set(const tn_op *op, const tn_form_set *set, tn_match *m)
{
    const tn_attr *a = &op->attr[set->attr];

    if (!a->has_value || (a->kind == TN_KIND_PLACE && a->operand >= 0))
        return false;
    switch (set->kind) {
    case TN_SET_NAMED:
        if (!m->attr[set->named])
            m->attr[set->named] = a;
        return tn_attr_equal(m->attr[set->named], a);
    case TN_SET_INTS: return same_ints(a, set->ints, set->count);
    case TN_SET_WORD:
        if (a->kind == TN_KIND_DTYPE)
            return strcmp(tn_dtype_name(a->dtype), set->word) == 0;
        if (!a->text)
            return false;
        return strstr(set->word, "->") ? same_labels(a->text, set->word)
                                       : strcmp(a->text, set->word) == 0;
    default: return false;
    }
}

/* Attributes that a pattern does not name: those that must be given are any,
 * others as if nobody had given them. */
static bool
is_usual(const tn_op *op, int attr)
{
    const tn_attr *a = &op->attr[attr];
    const char *fallback = tn_op_info_of(op->code)->attr[attr].fallback;
    int64_t number;

    if (!a->has_value || fallback[0] == '!')
        return true;
    switch (a->kind) {
    case TN_KIND_INT: return a->ints[0] == strtoll(fallback, NULL, 10);
    case TN_KIND_BOOL: return a->ints[0] == (strcmp(fallback, "true") == 0);
    case TN_KIND_CHOICE: return strcmp(a->text, fallback) == 0;
    case TN_KIND_DTYPE:
        return fallback[0] ? strcmp(tn_dtype_name(a->dtype), fallback) == 0
                           : op->in_count > 0 && a->dtype == op->in[0]->type.dtype;
    case TN_KIND_SIZE:
        return tn_size_is_int(a->sizes[0], &number) && number == strtoll(fallback, NULL, 10);
    default: return !a->given;
    }
}

static bool
attrs_match(const tn_op *op, const tn_form *f, tn_match *m)
{
    unsigned named = 0;

    for (int i = 0; i < f->set_count; i++) {
        named |= 1u << f->set[i].attr;
        if (!is_set(op, &f->set[i], m))
            return false;
    }
    for (int i = 0; i < tn_op_info_of(op->code)->attr_count; i++)
        if (!(named >> i & 1) && !is_usual(op, i))
            return false;
    return true;
}

/* ---- trees ---- */

static bool
commutes(tn_opcode code)
{
    switch (code) {
    case TN_OP_add:
    case TN_OP_mul:
    case TN_OP_maximum:
    case TN_OP_minimum:
    case TN_OP_and:
    case TN_OP_or:
    case TN_OP_xor:
    case TN_OP_bit_and:
    case TN_OP_bit_or:
    case TN_OP_bit_xor:
    case TN_OP_equal:
    case TN_OP_not_equal: return true;
    default: return false;
    }
}

static bool
same_value(const tn_value *a, const tn_value *b)
{
    return a == b ||
        (a->kind == TN_VALUE_LITERAL && b->kind == TN_VALUE_LITERAL &&
            a->type.dtype == b->type.dtype && tn_number_equal(&a->number, &b->number));
}

static bool
bind(tn_match *m, int name, tn_value *v)
{
    if (name < 0)
        return true;
    if (!m->value[name])
        m->value[name] = v;
    return same_value(m->value[name], v);
}

/* What is still to be matched. */
typedef struct todo {
    const tn_form *form;
    tn_value *value;
    const struct todo *next;
} todo;

static bool match(tn_match *m, const todo *list);

/* The operands, from number `swap` on in turned order, then what is left. */
static bool
match_operands(tn_match *m, const tn_form *f, const tn_op *op, const todo *rest, bool swap)
{
    todo item[TN_RULE_INS];
    tn_match before = *m;

    for (int i = f->in_count - 1; i >= 0; i--) {
        item[i] = (todo){f->in[i], op->in[swap ? 1 - i : i], rest};
        rest = &item[i];
    }
    if (match(m, rest))
        return true;
    *m = before;
    return false;
}

static bool
match_op(tn_match *m, const todo *list)
{
    const tn_form *f = list->form;
    const tn_op *op = list->value->kind == TN_VALUE_RESULT ? list->value->def : NULL;

    if (!op || op->code != f->code || op->in_count != f->in_count || op->body_count)
        return false;
    for (int i = 0; i < op->in_count; i++)
        if (!op->in[i])
            return false;
    if (!attrs_match(op, f, m))
        return false;
    return match_operands(m, f, op, list->next, false) ||
        (commutes(f->code) && match_operands(m, f, op, list->next, true));
}

/* Inside the search, so that another order of operands is tried when a test
 * fails. */
static bool
tests_hold(tn_match *m)
{
    const tn_form_rule *rule = m->rule;

    for (int i = 0; i < rule->test_count; i++)
        if (tn_rule_test(m, &rule->test[i]) == rule->test[i].negated) {
            if (!*m->failed)
                *m->failed = tn_rule_test_at(rule->test[i].function);
            return false;
        }
    return true;
}

/* As deep as a row has nodes. On failure names may stay bound: callers that go
 * on put the match back. */
static bool
match(tn_match *m, const todo *list)
{
    if (!list)
        return tests_hold(m);
    if (!bind(m, list->form->name, list->value))
        return false;
    switch (list->form->kind) {
    case TN_FORM_OP: return match_op(m, list);
    case TN_FORM_VALUE: return match(m, list->next);
    case TN_FORM_NUMBER:
    case TN_FORM_TRUTH: return is_number(list->value, list->form) && match(m, list->next);
    default: return false;
    }
}

bool
tn_match_at(const tn_form_rule *rule, tn_op *op, tn_match *m, const tn_rule_test_info **failed)
{
    const tn_rule_test_info *none;
    todo root = {.form = rule->from};

    *m = (tn_match){.rule = rule, .root = op, .failed = failed ? failed : &none};
    *m->failed = NULL;
    if (op->code != rule->from->code || op->out_count != 1)
        return false;
    root.value = op->out[0];
    if (!match(m, &root))
        return false;
    *m->failed = NULL;
    return true;
}

bool
tn_rule_matches(const tn_form_rule *rule, tn_op *op, const tn_rule_test_info **failed)
{
    tn_match m;

    return tn_match_at(rule, op, &m, failed);
}
