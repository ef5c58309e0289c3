/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/bind.h"

#include <string.h>

#include "ir/base/checked.h"

enum { SYMBOL_LIMIT = 256, FACT_EQUAL = 0 };

typedef struct binder {
    tn_diag *diag;
    const tn_iface_entry *entry;
    int64_t *values;
    bool bound[SYMBOL_LIMIT];
} binder;

static uint32_t
symbol_count(const binder *b)
{
    return b->entry->symbols.count;
}

/* Solves f(.., x, ..) = wanted for the one symbol x that is not bound, if f is
 * linear in it: f(1) - f(0) is the slope, and the answer is put back to see.
 * 1 solved, 0 not solvable now, -1 no whole solution. */
static int
solve(binder *b, tn_formula f, int64_t wanted, uint32_t symbol)
{
    int64_t at0, at1, slope, rest, got;
    int64_t *x = &b->values[symbol];

    *x = 0;
    if (!tn_formula_eval(f, b->values, symbol_count(b), &at0))
        return 0;
    *x = 1;
    if (!tn_formula_eval(f, b->values, symbol_count(b), &at1))
        return 0;
    if (!tn_sub_i64(at1, at0, &slope) || slope == 0 || !tn_sub_i64(wanted, at0, &rest))
        return 0;
    if (rest % slope != 0)
        return -1;
    *x = rest / slope;
    if (!tn_formula_eval(f, b->values, symbol_count(b), &got) || got != wanted)
        return 0;
    b->bound[symbol] = true;
    return 1;
}

/* The symbols of a formula that are not bound: their number, and the last. */
static int
unbound_in(const binder *b, tn_formula f, uint32_t *symbol)
{
    bool seen[SYMBOL_LIMIT] = {0};
    int count = 0;

    for (uint32_t i = 0; i < f.bytes;) {
        uint8_t op = f.code[i++];

        if (op == TN_FORMULA_INT) {
            i += 8;
        } else if (op == TN_FORMULA_SYMBOL && i + 2 <= f.bytes) {
            uint32_t s = (uint32_t)f.code[i] | (uint32_t)f.code[i + 1] << 8;

            i += 2;
            if (s < symbol_count(b) && !b->bound[s] && !seen[s]) {
                seen[s] = true;
                *symbol = s;
                count++;
            }
        }
    }
    return count;
}

static tn_status
bind_scalars(binder *b, const tn_tensor *tensors)
{
    for (uint32_t i = 0; i < b->entry->inputs.count; i++) {
        const tn_iface_input *in = &b->entry->inputs.at[i];

        if (in->symbol < 0)
            continue;
        b->values[in->symbol] = tn_load_int(in->dtype, tensors[i].data);
        b->bound[in->symbol] = true;
    }
    return TN_OK;
}

static tn_status
bind_axis(binder *b, const tn_iface_input *in, int axis, int64_t extent, bool *progress)
{
    uint32_t symbol = 0;

    if (unbound_in(b, in->dim[axis], &symbol) != 1)
        return TN_OK;
    switch (solve(b, in->dim[axis], extent, symbol)) {
    case 1: *progress = true; return TN_OK;
    case -1:
        return tn_fail(b->diag, TN_MALFORMED,
            "input %s: axis %d is %lld, for which no whole %s exists", in->name, axis,
            (long long)extent, b->entry->symbols.at[symbol].name);
    default: return TN_OK;
    }
}

/* A fact S == 2*T replaced S in every shape: it is what gives S its value. */
static tn_status
bind_by_fact(binder *b, const tn_plan_fact *fact, bool *progress)
{
    const tn_formula sides[2] = {fact->left, fact->right};
    uint32_t symbol = 0;
    int64_t wanted;

    for (int i = 0; i < 2; i++) {
        if (unbound_in(b, sides[1 - i], &symbol) != 0 || unbound_in(b, sides[i], &symbol) != 1 ||
            !tn_formula_eval(sides[1 - i], b->values, symbol_count(b), &wanted))
            continue;
        switch (solve(b, sides[i], wanted, symbol)) {
        case 1: *progress = true; return TN_OK;
        case -1:
            return tn_fail(b->diag, TN_MALFORMED, "%s: no whole %s makes it true", fact->what,
                b->entry->symbols.at[symbol].name);
        default: break;
        }
    }
    return TN_OK;
}

static tn_status
bind_shapes(binder *b, const tn_tensor *tensors)
{
    bool progress = true;

    while (progress) {
        progress = false;
        for (uint32_t i = 0; i < b->entry->inputs.count; i++)
            for (int a = 0; a < b->entry->inputs.at[i].rank; a++)
                TN_TRY(bind_axis(b, &b->entry->inputs.at[i], a, tensors[i].dim[a], &progress));
        for (uint32_t i = 0; i < b->entry->facts.count; i++)
            if (b->entry->facts.at[i].op == FACT_EQUAL)
                TN_TRY(bind_by_fact(b, &b->entry->facts.at[i], &progress));
    }
    for (uint32_t s = 0; s < symbol_count(b); s++)
        if (!b->bound[s])
            return tn_fail(b->diag, TN_MALFORMED,
                "no input binds the dimension %s; give it with --dim %s=N",
                b->entry->symbols.at[s].name, b->entry->symbols.at[s].name);
    return TN_OK;
}

static tn_status
check_shapes(binder *b, const tn_tensor *tensors)
{
    for (uint32_t i = 0; i < b->entry->inputs.count; i++) {
        const tn_iface_input *in = &b->entry->inputs.at[i];

        for (int a = 0; a < in->rank; a++) {
            int64_t wanted = -1;

            if (!tn_formula_eval(in->dim[a], b->values, symbol_count(b), &wanted) ||
                wanted != tensors[i].dim[a])
                return tn_fail(b->diag, TN_MALFORMED, "input %s: axis %d is %lld, expected %lld",
                    in->name, a, (long long)tensors[i].dim[a], (long long)wanted);
        }
    }
    return TN_OK;
}

static tn_status
check_symbols(binder *b)
{
    for (uint32_t s = 0; s < symbol_count(b); s++) {
        const tn_plan_symbol *symbol = &b->entry->symbols.at[s];
        int64_t v = b->values[s];

        if (v < symbol->low || v > symbol->high)
            return tn_fail(b->diag, TN_MALFORMED, "%s is %lld, its range is %lld..%lld",
                symbol->name, (long long)v, (long long)symbol->low, (long long)symbol->high);
        if (v % symbol->multiple != 0)
            return tn_fail(b->diag, TN_MALFORMED, "%s is %lld, not a multiple of %lld",
                symbol->name, (long long)v, (long long)symbol->multiple);
    }
    return TN_OK;
}

static bool
holds(uint32_t op, int64_t left, int64_t right)
{
    switch (op) {
    case 0: return left == right;
    case 1: return left != right;
    case 2: return left < right;
    default: return left <= right;
    }
}

static tn_status
check_facts(binder *b)
{
    for (uint32_t i = 0; i < b->entry->facts.count; i++) {
        const tn_plan_fact *f = &b->entry->facts.at[i];
        int64_t left, right;

        if (!tn_formula_eval(f->left, b->values, symbol_count(b), &left) ||
            !tn_formula_eval(f->right, b->values, symbol_count(b), &right))
            return tn_fail(b->diag, TN_MALFORMED, "%s: does not come out whole", f->what);
        if (!holds(f->op, left, right))
            return tn_fail(b->diag, TN_MALFORMED, "%s: does not hold (%lld and %lld)", f->what,
                (long long)left, (long long)right);
    }
    return TN_OK;
}

static tn_status
check_values(binder *b, const tn_tensor *tensors)
{
    for (uint32_t i = 0; i < b->entry->inputs.count; i++) {
        const tn_iface_input *in = &b->entry->inputs.at[i];
        int64_t n = 0;

        if (!in->has_range || !tn_tensor_elements(&tensors[i], &n))
            continue;
        for (int64_t e = 0; e < n; e++) {
            const char *at = tensors[i].data;
            int64_t v = tn_load_int(in->dtype, at + e * tn_dtype_bytes(in->dtype));

            if (v < in->low || v > in->high)
                return tn_fail(b->diag, TN_MALFORMED,
                    "input %s: element %lld is %lld, its range is %lld..%lld", in->name,
                    (long long)e, (long long)v, (long long)in->low, (long long)in->high);
        }
    }
    return TN_OK;
}

tn_status
tn_bind(tn_diag *diag, const tn_iface_entry *entry, const tn_tensor *tensors, const bool *has_fixed,
    const int64_t *fixed, int64_t *values)
{
    binder b = {.diag = diag, .entry = entry, .values = values};

    if (entry->symbols.count > SYMBOL_LIMIT)
        return tn_fail(diag, TN_LIMIT, "entry %s: more than %d symbols", entry->name, SYMBOL_LIMIT);
    for (uint32_t i = 0; i < entry->inputs.count; i++)
        if (tensors[i].rank != entry->inputs.at[i].rank ||
            tensors[i].dtype != entry->inputs.at[i].dtype)
            return tn_fail(diag, TN_MALFORMED,
                "input %s: expected %s of rank %d, found %s of rank %d", entry->inputs.at[i].name,
                tn_dtype_name(entry->inputs.at[i].dtype), entry->inputs.at[i].rank,
                tn_dtype_name(tensors[i].dtype), tensors[i].rank);
    for (uint32_t s = 0; s < entry->symbols.count; s++)
        if (has_fixed && has_fixed[s]) {
            values[s] = fixed[s];
            b.bound[s] = true;
        }
    TN_TRY(bind_scalars(&b, tensors));
    TN_TRY(bind_shapes(&b, tensors));
    TN_TRY(check_shapes(&b, tensors));
    TN_TRY(check_symbols(&b));
    TN_TRY(check_values(&b, tensors));
    return check_facts(&b);
}
