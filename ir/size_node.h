/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_SIZE_NODE_H
#define TN_IR_SIZE_NODE_H

#include "ir/base/map.h"
#include "ir/base/vec.h"
#include "ir/ratio.h"
#include "ir/size.h"

/* The inside of sizes, for the files ir/size*.c only.
 *
 * A size is a sum of terms; a term is a fraction times a product of powers of
 * atoms; an atom is a symbol or an opaque function of sizes. Each kind of
 * object is interned by its text, so equal means same pointer at every level.
 * The limits keep hostile expressions small: beyond them building gives NULL,
 * as for an overflow. */
enum {
    TN_SIZE_MAX_DEPTH = 16,   /* atoms inside atoms */
    TN_SIZE_MAX_TERMS = 256,
    TN_SIZE_MAX_FACTORS = 64,
    TN_SIZE_MAX_POWER = 64,
    TN_SIZE_MAX_ARGS = 64,
    TN_SIZE_MAX_TEXT = 16384,
};

typedef enum tn_atom_kind {
    TN_ATOM_SYMBOL,
    TN_ATOM_CEIL,  /* of arg[0], or of arg[0] / arg[1] */
    TN_ATOM_FLOOR, /* likewise */
    TN_ATOM_MOD,   /* arg[0] % arg[1] */
    TN_ATOM_MIN,
    TN_ATOM_MAX,
} tn_atom_kind;

typedef struct tn_atom {
    tn_atom_kind kind;
    int symbol;
    int count;
    const tn_size *arg;
    const char *text;
    int depth; /* 0 for a symbol */
} tn_atom;

typedef struct tn_factor {
    const tn_atom *atom;
    int power;
} tn_factor;

typedef struct tn_mono {
    int count, degree, depth;
    const tn_factor *factor; /* by bytes of the atoms' texts */
    const char *text;        /* "" for the constant */
} tn_mono;

typedef struct tn_term {
    tn_ratio by;
    const tn_mono *mono;
} tn_term;

typedef struct tn_size_node {
    int count; /* 0: the number zero */
    int depth;
    const tn_term *term; /* by falling degree, then bytes; no zero factors */
    const char *text;
} tn_size_node;

struct tn_sizes {
    tn_arena *arena;
    TN_VEC(tn_symbol) symbols;
    TN_VEC(tn_size) replaced; /* what stands for each symbol; NULL: itself */
    TN_VEC(tn_size) facts;    /* each is >= 0 */
    tn_map atoms, monos, nodes;
    tn_text scratch;
};

/* Interning; NULL beyond a limit. */
const tn_atom *tn_size_atom(tn_sizes *s, tn_atom_kind kind, int symbol, const tn_size *arg,
    int count);
tn_size tn_size_of_atom(tn_sizes *s, const tn_atom *atom);
/* `term` in any order with distinct monomials; zero factors are dropped. */
tn_size tn_size_of_terms(tn_sizes *s, tn_term *term, int count);
/* a + by * b */
tn_size tn_size_add_scaled(tn_sizes *s, tn_size a, tn_size b, tn_ratio by);
/* Merges the terms of a + by * b into `out` (room for both); -1: overflow. */
int tn_size_merge(tn_size a, tn_size b, tn_ratio by, tn_term *out);
/* True, and the number, if the size is one. */
bool tn_size_is_ratio(tn_size a, tn_ratio *out);
/* True if the term is whole for every binding. */
bool tn_term_is_whole(const tn_sizes *s, const tn_term *term);

void tn_size_print_atom(tn_text *out, const tn_sizes *s, const tn_atom *atom);
void tn_size_print_mono(tn_text *out, const tn_mono *mono);
void tn_size_print_terms(tn_text *out, const tn_term *term, int count);

#endif
