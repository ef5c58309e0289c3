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
