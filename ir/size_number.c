/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/bytes.h"
#include "ir/number.h"
#include "ir/size_node.h"

static void emit_size(tn_writer *w, tn_size a);

static void
emit_real(tn_writer *w, double value)
{
    tn_write_u8(w, TN_NOP_REAL);
    tn_write_f64(w, value);
}

static void
emit_atom(tn_writer *w, const tn_atom *atom)
{
    static const uint8_t code[] = {
        [TN_ATOM_SYMBOL] = TN_NOP_SYMBOL,
        [TN_ATOM_CEIL] = TN_NOP_CEIL,
        [TN_ATOM_FLOOR] = TN_NOP_FLOOR,
        [TN_ATOM_MOD] = TN_NOP_MOD,
        [TN_ATOM_MIN] = TN_NOP_MIN,
        [TN_ATOM_MAX] = TN_NOP_MAX,
    };
    if (atom->kind == TN_ATOM_SYMBOL) {
        tn_write_u8(w, TN_NOP_SYMBOL);
        tn_write_u16(w, (uint16_t)atom->symbol);
        return;
    }
    bool rounds = atom->kind == TN_ATOM_CEIL || atom->kind == TN_ATOM_FLOOR;
    for (int i = 0; i < atom->count; i++) {
        emit_size(w, atom->arg[i]);
        if (i)
            tn_write_u8(w, rounds ? TN_NOP_DIV : code[atom->kind]);
    }
    if (rounds)
        tn_write_u8(w, code[atom->kind]);
}

/* Products before quotients, so that whole values stay whole as long as they
 * fit 53 bits. */
static void
emit_term(tn_writer *w, const tn_term *term)
{
    bool pushed = term->by.num != 1 || term->mono->count == 0;
    if (pushed)
        emit_real(w, (double)term->by.num);
    for (int f = 0; f < term->mono->count; f++)
        for (int p = 0; p < term->mono->factor[f].power; p++) {
            emit_atom(w, term->mono->factor[f].atom);
            if (pushed)
                tn_write_u8(w, TN_NOP_MUL);
            pushed = true;
        }
    if (term->by.den != 1) {
        emit_real(w, (double)term->by.den);
        tn_write_u8(w, TN_NOP_DIV);
    }
}

static void
emit_size(tn_writer *w, tn_size a)
{
    if (a->count == 0)
        emit_real(w, 0);
    for (int i = 0; i < a->count; i++) {
        emit_term(w, &a->term[i]);
        if (i)
            tn_write_u8(w, TN_NOP_ADD);
    }
}

tn_number
tn_number_of_size(tn_arena *arena, tn_size a)
{
    tn_ratio ratio;
    if (tn_size_is_ratio(a, &ratio))
        return (tn_number){TN_NUMBER_RATIONAL, ratio.num, ratio.den, tn_ratio_double(ratio), {0}};
    tn_writer w = {.arena = arena};
    emit_size(&w, a);
    return (tn_number){.kind = TN_NUMBER_SYMBOLIC, .den = 1, .code = {w.at, (uint32_t)w.bytes}};
}

/* ---- the other way round ---- */

enum { DEPTH = 16 };

static tn_size
size_of_real(tn_sizes *s, double value)
{
    const double most = 9007199254740992.0; /* 2^53 */

    if (!(value >= -most && value <= most) || value != (double)(int64_t)value)
        return NULL;
    return tn_size_int(s, (int64_t)value);
}

static tn_size
joined(tn_sizes *s, uint8_t op, tn_size a, tn_size b)
{
    switch (op) {
    case TN_NOP_ADD: return tn_size_add(s, a, b);
    case TN_NOP_SUB: return tn_size_sub(s, a, b);
    case TN_NOP_MUL: return tn_size_mul(s, a, b);
    case TN_NOP_MIN: return tn_size_min(s, a, b);
    case TN_NOP_MAX: return tn_size_max(s, a, b);
    default: return NULL;
    }
}

static tn_size
size_of_code(tn_sizes *s, tn_formula code)
{
    tn_reader r = {.from = {code.code, code.bytes}};
    tn_size stack[DEPTH];
    int depth = 0;

    while (r.next < code.bytes) {
        uint8_t op = tn_read_u8(&r);

        if (op == TN_NOP_REAL || op == TN_NOP_SYMBOL) {
            if (depth == DEPTH)
                return NULL;
            stack[depth++] = op == TN_NOP_REAL ? size_of_real(s, tn_read_f64(&r))
                                               : tn_size_symbol(s, tn_read_u16(&r));
        } else {
            if (depth < 2)
                return NULL;
            stack[depth - 2] = joined(s, op, stack[depth - 2], stack[depth - 1]);
            depth--;
        }
        if (r.failed || !stack[depth - 1])
            return NULL;
    }
    return depth == 1 ? stack[0] : NULL;
}

tn_size
tn_size_of_number(tn_sizes *s, const tn_number *n)
{
    if (n->kind == TN_NUMBER_RATIONAL)
        return n->den == 1 ? tn_size_int(s, n->num) : NULL;
    return n->kind == TN_NUMBER_SYMBOLIC ? size_of_code(s, n->code) : NULL;
}
