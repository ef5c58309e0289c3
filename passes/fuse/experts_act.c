/* SPDX-License-Identifier: Apache-2.0
 * What an expert does with its first layers: an activation that has a name, or
 * a form. */
#include <math.h>
#include <string.h>

#include "passes/fuse/experts_in.h"

/* ---- activations ---- */

static bool
is_sigmoid_of(tn_tval *v, tn_tval *g)
{
    v = tn_ex_plain(v);
    if (tn_ex_is_fn(v, TN_FN_sigmoid))
        return tn_ex_plain(v->arg[0]) == g;
    if (tn_ex_is_fn(v, TN_FN_recip))
        v = tn_ex_plain(v->arg[0]);
    else if (tn_ex_is_fn(v, TN_FN_div) && tn_ex_is_real(v->arg[0], 1))
        v = tn_ex_plain(v->arg[1]);
    else
        return false;
    for (int i = 0; tn_ex_is_fn(v, TN_FN_add) && i < 2; i++) {
        tn_tval *e = tn_ex_plain(v->arg[i]), *n;

        if (!tn_ex_is_real(v->arg[1 - i], 1) || !tn_ex_is_fn(e, TN_FN_exp))
            continue;
        n = tn_ex_plain(e->arg[0]);
        return tn_ex_is_fn(n, TN_FN_neg) && tn_ex_plain(n->arg[0]) == g;
    }
    return false;
}

/* g*c, g/(1/c) */
static bool
is_scaled(tn_tval *v, tn_tval *g, double c)
{
    v = tn_ex_plain(v);
    if (tn_ex_is_fn(v, TN_FN_div))
        return tn_ex_plain(v->arg[0]) == g && tn_ex_is_real(v->arg[1], 1 / c);
    if (!tn_ex_is_fn(v, TN_FN_mul))
        return false;
    return (tn_ex_plain(v->arg[0]) == g && tn_ex_is_real(v->arg[1], c)) ||
        (tn_ex_plain(v->arg[1]) == g && tn_ex_is_real(v->arg[0], c));
}

/* A product is g^power times numbers that make `c`. */
static bool
is_power(tn_tval *v, tn_tval *g, int power, double c)
{
    tn_tval *f[TN_EX_FACTORS];
    tn_dtype dtype = TN_F32;
    double product = 1;
    int count = 0;

    if (!tn_ex_factors(v, f, &count))
        return false;
    for (int i = 0; i < count; i++) {
        if (f[i] == g) {
            power--;
        } else if (f[i]->op == TN_T_const) {
            product *= f[i]->real;
            dtype = f[i]->dtype == TN_F32 ? dtype : f[i]->dtype;
        } else if (tn_ex_is_fn(f[i], TN_FN_pow) && tn_ex_plain(f[i]->arg[0]) == g &&
            tn_ex_is_real(f[i]->arg[1], 3)) {
            power -= 3;
        } else {
            return false;
        }
    }
    return power == 0 && tn_ex_is_near(product, c, dtype);
}

/* sqrt(2/pi)*(g + 0.044715*g^3) */
static bool
is_cubic(tn_tval *v, tn_tval *g)
{
    tn_tval *f[TN_EX_FACTORS];
    int count = 0;
    bool number = false, sum = false;

    if (!tn_ex_factors(v, f, &count) || count != 2)
        return false;
    for (int i = 0; i < 2; i++) {
        if (tn_ex_is_fn(f[i], TN_FN_add))
            sum = (tn_ex_plain(f[i]->arg[0]) == g && is_power(f[i]->arg[1], g, 3, 0.044715)) ||
                (tn_ex_plain(f[i]->arg[1]) == g && is_power(f[i]->arg[0], g, 3, 0.044715));
        else
            number = tn_ex_is_real(f[i], 0.79788456080286535588);
    }
    return number && sum;
}

/* 1 + erf(g*sqrt(0.5)), 1 + tanh(..) */
static const char *
gelu_of(tn_tval *v, tn_tval *g)
{
    for (int i = 0; tn_ex_is_fn(v, TN_FN_add) && i < 2; i++) {
        tn_tval *e = tn_ex_plain(v->arg[i]);

        if (!tn_ex_is_real(v->arg[1 - i], 1))
            continue;
        if (tn_ex_is_fn(e, TN_FN_erf) && is_scaled(e->arg[0], g, 0.70710678118654752440))
            return "gelu";
        if (tn_ex_is_fn(e, TN_FN_tanh) && is_cubic(e->arg[0], g))
            return "gelu_tanh";
    }
    return NULL;
}

/* One factor that is an activation by itself. */
static const char *
single(tn_tval *v, tn_tval *g)
{
    if (tn_ex_is_fn(v, TN_FN_max) &&
        ((tn_ex_plain(v->arg[0]) == g && tn_ex_is_zero(v->arg[1])) ||
            (tn_ex_plain(v->arg[1]) == g && tn_ex_is_zero(v->arg[0]))))
        return "relu";
    if (tn_ex_is_fn(v, TN_FN_tanh) && tn_ex_plain(v->arg[0]) == g)
        return "tanh";
    if (is_sigmoid_of(v, g))
        return "sigmoid";
    return NULL;
}

/* x / (1 + exp(-x)) */
static bool
is_silu(tn_tval *v, tn_tval *g)
{
    tn_tval *e;

    if (!tn_ex_is_fn(v, TN_FN_div) || tn_ex_plain(v->arg[0]) != g)
        return false;
    v = tn_ex_plain(v->arg[1]);
    for (int i = 0; tn_ex_is_fn(v, TN_FN_add) && i < 2; i++) {
        e = tn_ex_plain(v->arg[i]);
        if (tn_ex_is_real(v->arg[1 - i], 1) && tn_ex_is_fn(e, TN_FN_exp)) {
            e = tn_ex_plain(e->arg[0]);
            return tn_ex_is_fn(e, TN_FN_neg) && tn_ex_plain(e->arg[0]) == g;
        }
    }
    return false;
}

void
tn_ex_drop(tn_tval **f, int *count, int at)
{
    memmove(f + at, f + at + 1, (size_t)(--*count - at) * sizeof *f);
}

int
tn_ex_find(tn_tval *const *f, int count, const tn_tval *v)
{
    for (int i = 0; i < count; i++)
        if (f[i] == v)
            return i;
    return -1;
}

/* Takes what makes act(g) out of the factors; NULL leaves them. */
const char *
tn_ex_take_act(tn_tval **f, int *count, tn_tval *g)
{
    int own = tn_ex_find(f, *count, g), half = -1, sum = -1;
    const char *act = NULL;

    for (int i = 0; i < *count; i++) {
        if ((act = single(f[i], g)) != NULL && (strcmp(act, "sigmoid") != 0 || own < 0)) {
            tn_ex_drop(f, count, i);
            return act;
        }
        if (is_silu(f[i], g) || (act && own >= 0)) {
            bool two = act && own >= 0;

            tn_ex_drop(f, count, i);
            if (two)
                tn_ex_drop(f, count, tn_ex_find(f, *count, g));
            return "silu";
        }
        half = f[i]->op == TN_T_const && tn_ex_is_real(f[i], 0.5) ? i : half;
        if (gelu_of(f[i], g))
            sum = i;
    }
    for (int i = 0; sum >= 0 && half < 0 && i < *count; i++)
        if (is_scaled(f[i], g, 0.5))
            own = half = i;
    if (sum < 0 || half < 0 || own < 0)
        return NULL;
    act = gelu_of(f[sum], g);
    for (int i = *count; i-- > 0;)
        if (i == sum || i == half || i == own)
            tn_ex_drop(f, count, i);
    return act;
}

/* ---- forms ---- */

enum { DEEPEST = 40 };

typedef struct writing {
    tn_form *form;
    tn_tval *const *layer;
    int layers;
    const tn_tval *made[TN_FORM_STEPS];
} writing;

static bool write_value(writing *w, tn_tval *v, tn_form_arg *out, int depth);

static bool
write_step(writing *w, const tn_tval *v, tn_opcode code, const tn_form_arg *arg, tn_form_arg *out)
{
    tn_form *form = w->form;
    tn_form_step *step = &form->step[form->count];

    if (form->count == TN_FORM_STEPS)
        return false;
    *step = (tn_form_step){.code = code, .count = tn_form_arity(code)};
    memcpy(step->arg, arg, (size_t)step->count * sizeof *arg);
    w->made[form->count] = v;
    *out = (tn_form_arg){.kind = TN_FORM_STEP, .step = form->count++};
    return true;
}

/* A product with a condition is a choice between the other factor and 0. */
static bool
write_choice(writing *w, const tn_tval *v, const tn_form_arg *when, const tn_form_arg *then,
    tn_form_arg *out)
{
    tn_form_arg arg[3] = {*when, *then, {.kind = TN_FORM_NUMBER}};

    return write_step(w, v, TN_OP_where, arg, out);
}

static bool
write_function(writing *w, tn_tval *v, tn_form_arg *out, int depth)
{
    tn_opcode code = tn_op_find(tn_fn_info_of(v->fn)->graph);
    tn_form_arg arg[3];

    if (code == TN_OP_COUNT || tn_form_arity(code) != v->arg_count)
        return false;
    for (int i = 0; i < v->arg_count; i++) {
        bool truth = tn_ex_plain(v->arg[i])->dtype == TN_BOOL;

        if (truth != (code == TN_OP_where && i == 0) || !write_value(w, v->arg[i], &arg[i], depth))
            return false;
    }
    return write_step(w, v, code, arg, out);
}

static bool
write_value(writing *w, tn_tval *v, tn_form_arg *out, int depth)
{
    v = tn_ex_plain(v);
    for (int i = 0; i < w->layers; i++)
        if (v == w->layer[i]) {
            *out = (tn_form_arg){.kind = i ? TN_FORM_G : TN_FORM_U};
            return true;
        }
    for (int i = 0; i < w->form->count; i++)
        if (v == w->made[i]) {
            *out = (tn_form_arg){.kind = TN_FORM_STEP, .step = i};
            return true;
        }
    if (v->op == TN_T_const && tn_is_float(v->dtype)) {
        *out = (tn_form_arg){.kind = TN_FORM_NUMBER, .number = v->real};
        return true;
    }
    return depth > 0 && v->op == TN_T_fn && write_function(w, v, out, depth - 1);
}

const char *
tn_ex_form(tn_arena *arena, tn_tval *const *f, int count, tn_tval *const *layer, int layers)
{
    tn_form *form = tn_new(arena, tn_form);
    writing w = {.form = form, .layer = layer, .layers = layers};
    tn_text text = {.arena = arena};
    tn_form_arg all, one;

    for (int i = 0; i < count; i++) {
        bool ok = write_value(&w, f[i], &one, DEEPEST);
        bool truth = f[i]->dtype == TN_BOOL;

        if (!ok || (truth && (i == 0 || count == 1)))
            return NULL;
        if (i == 0)
            all = one;
        else if (truth)
            ok = write_choice(&w, NULL, &one, &all, &all);
        else
            ok = write_step(&w, NULL, TN_OP_mul, (tn_form_arg[]){all, one}, &all);
        if (!ok)
            return NULL;
    }
    if (count == 0 || form->count == 0 || all.kind != TN_FORM_STEP || all.step != form->count - 1)
        return NULL;
    tn_form_print(&text, form);
    return text.at;
}

/* ---- what is made of 0 ---- */

static bool
not_above(const tn_tval *v, double sign)
{
    while (v->op == TN_T_fn && v->fn == TN_FN_cast)
        v = v->arg[0];
    return v->op == TN_T_const && tn_is_float(v->dtype) && v->real * sign <= 0;
}

static bool
zero_of_zero(tn_tval *v, tn_tval *const *layer, int layers, int depth)
{
    tn_tval **a = v->arg;

    v = tn_ex_plain(v);
    a = v->arg;
    if (tn_ex_find(layer, layers, v) >= 0)
        return v->op == TN_T_mma;
    if (tn_ex_is_zero(v))
        return true;
    if (v->op != TN_T_fn || depth-- == 0)
        return false;
    switch (v->fn) {
    case TN_FN_mul:
        return zero_of_zero(a[0], layer, layers, depth) || zero_of_zero(a[1], layer, layers, depth);
    case TN_FN_add:
    case TN_FN_sub:
        return zero_of_zero(a[0], layer, layers, depth) && zero_of_zero(a[1], layer, layers, depth);
    case TN_FN_max:
        return zero_of_zero(a[0], layer, layers, depth) &&
            (not_above(a[1], 1) || zero_of_zero(a[1], layer, layers, depth));
    case TN_FN_min:
        return zero_of_zero(a[0], layer, layers, depth) &&
            (not_above(a[1], -1) || zero_of_zero(a[1], layer, layers, depth));
    case TN_FN_select:
        return zero_of_zero(a[1], layer, layers, depth) && zero_of_zero(a[2], layer, layers, depth);
    case TN_FN_div:
    case TN_FN_tanh:
    case TN_FN_erf:
    case TN_FN_sqrt:
    case TN_FN_abs:
    case TN_FN_neg: return zero_of_zero(a[0], layer, layers, depth);
    default: return false;
    }
}

bool
tn_ex_keeps_zero(tn_tval *h, tn_tval *const *layer, int layers)
{
    return zero_of_zero(h, layer, layers, DEEPEST);
}
