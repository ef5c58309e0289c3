/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/graph/form.h"

#include <string.h>

int
tn_form_arity(tn_opcode code)
{
    switch (code) {
    case TN_OP_neg:
    case TN_OP_abs:
    case TN_OP_sqrt:
    case TN_OP_rsqrt:
    case TN_OP_recip:
    case TN_OP_exp:
    case TN_OP_expm1:
    case TN_OP_log:
    case TN_OP_log1p:
    case TN_OP_tanh:
    case TN_OP_erf:
    case TN_OP_sigmoid: return 1;
    case TN_OP_add:
    case TN_OP_sub:
    case TN_OP_mul:
    case TN_OP_div:
    case TN_OP_pow:
    case TN_OP_maximum:
    case TN_OP_minimum: return 2;
    case TN_OP_where: return 3;
    default: return tn_form_compares(code) ? 2 : 0;
    }
}

bool
tn_form_compares(tn_opcode code)
{
    return code == TN_OP_less || code == TN_OP_less_equal || code == TN_OP_greater ||
        code == TN_OP_greater_equal;
}

bool
tn_form_reads_g(const tn_form *form)
{
    for (int i = 0; i < form->count; i++)
        for (int n = 0; n < form->step[i].count; n++)
            if (form->step[i].arg[n].kind == TN_FORM_G)
                return true;
    return false;
}

/* ---- reading ---- */

static const char *
skip(const char *at)
{
    while (*at == ' ')
        at++;
    return at;
}

static const char *
read_step_number(const char *at, const tn_form *form, tn_form_arg *arg)
{
    int n = 0, digits = 0;

    for (; *at >= '0' && *at <= '9' && digits < 3; at++, digits++)
        n = n * 10 + (*at - '0');
    *arg = (tn_form_arg){.kind = TN_FORM_STEP, .step = n};
    return digits > 0 && n < form->count ? at : NULL;
}

static const char *
read_arg(const char *at, const tn_form *form, tn_form_arg *arg)
{
    const char *end;

    at = skip(at);
    if (*at == 'u' || *at == 'g') {
        *arg = (tn_form_arg){.kind = *at == 'u' ? TN_FORM_U : TN_FORM_G};
        return at + 1;
    }
    if (*at == '#')
        return read_step_number(at + 1, form, arg);
    *arg = (tn_form_arg){.kind = TN_FORM_NUMBER};
    arg->number = tn_double_read(at, &end);
    return end == at ? NULL : end;
}

static bool
is_truth(const tn_form *form, const tn_form_arg *arg)
{
    return arg->kind == TN_FORM_STEP && tn_form_compares(form->step[arg->step].code);
}

static const char *
read_step(const char *at, tn_form *form)
{
    char name[24];
    size_t length;
    tn_form_step *step = &form->step[form->count];

    at = skip(at);
    length = strcspn(at, " |");
    if (form->count == TN_FORM_STEPS || length == 0 || length >= sizeof name)
        return NULL;
    memcpy(name, at, length);
    name[length] = 0;
    *step = (tn_form_step){.code = tn_op_find(name)};
    step->count = step->code == TN_OP_COUNT ? 0 : tn_form_arity(step->code);
    at += length;
    for (int i = 0; at && i < step->count; i++) {
        at = read_arg(at, form, &step->arg[i]);
        if (at && is_truth(form, &step->arg[i]) != (step->code == TN_OP_where && i == 0))
            at = NULL;
    }
    form->count++;
    return step->count > 0 ? at : NULL;
}

bool
tn_form_read(const char *text, tn_form *out)
{
    const char *at = text;

    out->count = 0;
    for (;;) {
        at = read_step(at, out);
        if (!at)
            return false;
        at = skip(at);
        if (*at != '|')
            break;
        at++;
    }
    return *at == 0 && !tn_form_compares(out->step[out->count - 1].code);
}

/* ---- printing ---- */

static void
print_arg(tn_text *text, const tn_form_arg *arg)
{
    switch (arg->kind) {
    case TN_FORM_U: tn_text_add(text, " u"); break;
    case TN_FORM_G: tn_text_add(text, " g"); break;
    case TN_FORM_STEP: tn_text_add(text, " #%d", arg->step); break;
    case TN_FORM_NUMBER:
        tn_text_add(text, " ");
        tn_text_double(text, arg->number);
        break;
    }
}

void
tn_form_print(tn_text *text, const tn_form *form)
{
    for (int i = 0; i < form->count; i++) {
        tn_text_add(text, "%s%s", i ? " | " : "", tn_op_info_of(form->step[i].code)->name);
        for (int n = 0; n < form->step[i].count; n++)
            print_arg(text, &form->step[i].arg[n]);
    }
}
