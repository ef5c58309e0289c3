/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_FUSE_EXPERTS_IN_H
#define TN_PASSES_FUSE_EXPERTS_IN_H

#include "ir/graph/build.h"
#include "ir/graph/form.h"
#include "passes/fuse/experts.h"
#include "passes/lower/lo.h"

/* Finding sums over experts from inside: candidates and what replaces them
 * (experts.c), all terms together (experts_sum.c), one term as a tile
 * expression (experts_term.c), who is chosen and with what weight
 * (experts_pick.c, experts_weigh.c), where a weight is 0 (experts_zero.c),
 * tokens sent to places (experts_sent.c) that are counted (experts_place.c),
 * what is known of expressions (experts_know.c), stacks of weights
 * (experts_stack.c). */
enum { TN_EX_FACTORS = 12, TN_EX_TERMS = 2048, TN_EX_CONE = 3000, TN_EX_CHOICES = 16 };

/* Which experts a factor leaves: all; some, which only a run can tell; those
 * among ids (`id`: loads at the token, `expert`: what they are compared
 * with). */
typedef enum tn_ex_zero { TN_EX_ANYWHERE, TN_EX_SOMEWHERE, TN_EX_CHOSEN } tn_ex_zero;

typedef struct tn_ex_choice {
    tn_tval *id[TN_EX_CHOICES], *expert; /* `id`: the last slot compared */
    int64_t first[TN_EX_CHOICES]; /* slot, where it is a number */
    int count;
} tn_ex_choice;

/* A value [tokens] or [tokens,1], or, wide, [tokens,n] read at the expert or
 * slot of the term, or at `column`, if that is not -1. */
typedef struct tn_ex_part {
    tn_value *value;
    bool wide;
    int64_t column;
} tn_ex_part;

/* A matrix of an expert as it is read. */
typedef struct tn_ex_matrix {
    tn_value *value;     /* rank 2, or 3 with experts */
    int8_t expert, row, column; /* dimensions; expert -1: none */
    int64_t start, step; /* of rows */
    tn_tval *number;     /* which expert, NULL: a matrix of its own */
} tn_ex_matrix;

typedef struct tn_ex_term {
    tn_value *value; /* of the graph */
    tn_ex_matrix up, gate, down, up_bias, gate_bias, down_bias;
    bool gated;
    bool keeps_zero; /* of tokens that are 0 it makes 0 */
    const char *act, *form; /* act "form": as `form` says */
    tn_tval *where; /* it is written over what was there; or NULL */
    tn_tval *mask; /* of tokens, where the network does not keep 0 */
    tn_tval *x;     /* the element that is summed over `column` */
    tn_axis *column;
    tn_tval *factor[TN_EX_FACTORS];
    int factors;
    tn_axis *sum[4]; /* axes of experts or slots */
    int sums;
    tn_tval *number; /* which expert: index of an axis, constant, ids; or NULL */
    /* Tokens that were sent to places of experts: the product that sends them,
     * the axis of tokens in it, which axis of the tokens that is. */
    tn_tval *sent[TN_EX_FACTORS];
    int sends, sender_at;
    tn_axis *sender; /* NULL: they were not sent */
    tn_tval *sent_as; /* what the first layer reads */
    /* Rows that were gathered back: the id that they are of, the row. */
    tn_tval *id_of_row, *row;
    bool drops; /* a factor is 0 where an expert had no place left */
    /* What the factors say. */
    tn_value *ids, *w;
    int64_t expert; /* -1: an axis of all, -2: as ids say */
    int64_t slot;   /* -1: all */
    bool plain; /* a network that all tokens go through: no expert */
    /* Without w: the weight is a product of parts. `dense`: of those of one
     * expert, 0 unless it is among the chosen; no choices: skip where it is. */
    tn_ex_part part[TN_EX_FACTORS];
    int parts;
    double scale; /* times all of them */
    bool dense;
    bool guarded; /* the parts are not 0 where nothing is chosen */
    /* Slots `least` .. `most` - 1 of each; `most` 0: all. */
    tn_value *chosen[TN_EX_CHOICES];
    int64_t least[TN_EX_CHOICES], most[TN_EX_CHOICES];
    int choices;
} tn_ex_term;

/* Products of a sum, each over axes that were summed inside, of factors of
 * which one is 1 where the place is `place` and 0 elsewhere. */
enum { TN_EX_PRODUCTS = 8, TN_EX_FACTS = 40, TN_EX_AXES = 3 };

typedef struct tn_ex_facts {
    tn_tval *f[TN_EX_FACTS]; /* none of them is 0 */
    int count;
} tn_ex_facts;

typedef struct tn_ex_product {
    tn_tval *f[TN_EX_FACTS];
    int count;
    tn_ex_facts is; /* those and what follows from them */
    tn_tval *place;
    tn_axis *sum[TN_EX_AXES];
    int sums;
} tn_ex_product;

typedef struct tn_ex_products {
    tn_ex_product at[TN_EX_PRODUCTS];
    int count;
} tn_ex_products;

/* Terms and what else is added to them. */
typedef struct tn_ex_sum {
    tn_ex_term *terms[TN_EX_TERMS];
    tn_value *rest[TN_EX_TERMS]; /* what is no expert */
    int count, rests;
    /* Experts that are written over what was there: the id that each is, and
     * which were seen. */
    tn_tval *over;
    bool seen[TN_EX_TERMS];
    int64_t experts; /* how many there are, once the terms agree */
} tn_ex_sum;

/* What a row `moe` is given: i32 and f32 [tokens,slots]. */
typedef struct tn_ex_slots {
    tn_value *ids, *w;
    bool order; /* of experts, not of slots */
    bool skips; /* weights may be 0: those take no part */
} tn_ex_slots;

/* A candidate that is none, unless it goes with another. */
typedef struct tn_ex_miss {
    const tn_op *op;
    const char *predicate, *found, *advice;
} tn_ex_miss;

typedef struct tn_experts {
    tn_arena *arena;
    tn_diag *diag;
    tn_graph *g;
    const tn_lower_options *options;
    tn_lower_options lowering; /* of the expressions */
    uint32_t room; /* ops that the arrays by id hold */
    tn_groups groups;
    tn_group group;
    tn_lo *k;
    tn_lowered made;
    tn_value *y;   /* the candidate */
    int lead;      /* its axes of tokens */
    tn_tval *at[TN_MAX_RANK];
    tn_tval *n;    /* position in the last axis */
    uint8_t *depth; /* by op id, 1 more than contractions below; 0: not seen */
    bool *scores; /* by op id: choices are made on it, experts are not made from it */
    TN_VEC(tn_value *) cone;
    /* The first condition that failed, once it is clear that there are
     * experts. */
    const char *predicate, *found, *advice;
    bool near;
    int visits; /* of expressions that were made again, for one candidate */
    int tries;  /* of values that were reshaped */
    TN_VEC(tn_ex_miss) misses;
} tn_experts;

/* Notes why and gives false. */
bool tn_ex_fail(tn_experts *x, const char *predicate, const char *found, const char *advice);

/* Casts, and what is added to 0, do not change what is meant; a cast of a
 * number to a truth value does. */
tn_tval *tn_ex_plain(tn_tval *v);
/* What is compared with 0 (!= or >), or cast to a truth value; or NULL. */
tn_tval *tn_ex_unlike_zero(tn_tval *v);
bool tn_ex_is_fn(const tn_tval *v, tn_fn fn);
bool tn_ex_is_real(const tn_tval *v, double value);
/* Equal values, loads of equal places. */
bool tn_ex_same(tn_tval *a, tn_tval *b);
/* True if the value is one expert's result or made from one. */
bool tn_ex_has_core(const tn_tval *v);
/* Factors of a product or of a choice between something and 0, flat. False
 * if there are too many. */
bool tn_ex_factors(tn_tval *v, tn_tval **out, int *count);

bool tn_ex_is_zero(const tn_tval *v);
/* Equal, as near as the type tells numbers apart. */
bool tn_ex_is_near(double is, double value, tn_dtype dtype);
void tn_ex_drop(tn_tval **f, int *count, int at);
int tn_ex_find(tn_tval *const *f, int count, const tn_tval *v);
/* Takes what makes act(g) out of the factors; NULL leaves them. */
const char *tn_ex_take_act(tn_tval **f, int *count, tn_tval *g);
/* The product of factors as a form of the layers (u, g); NULL if it is none. */
const char *tn_ex_form(tn_arena *arena, tn_tval *const *f, int count, tn_tval *const *layer,
    int layers);
/* True if it is 0 where the layers are. */
bool tn_ex_keeps_zero(tn_tval *h, tn_tval *const *layer, int layers);
/* The value that a buffer of the expressions stands for. */
tn_value *tn_ex_loaded(const tn_experts *x, const tn_tbuf *buf);
/* True if it sums something with a matrix along the last axis. */
bool tn_ex_reads_matrix(const tn_experts *x, const tn_tval *v);
/* A network and what its last layer adds. */
bool tn_ex_biased_core(tn_experts *x, tn_tval *v, tn_tval **core, tn_ex_matrix *bias);
/* Reads the network. */
bool tn_ex_core(tn_experts *x, tn_ex_term *t, tn_tval *v);

/* ---- places that are counted ---- */

bool tn_ex_number(const tn_tval *v, double *value); /* a constant, cast or not */
/* Equal whatever the axes are called that are summed inside. */
bool tn_ex_alike(tn_tval *a, tn_tval *b);
/* The index of an axis as another position; NULL if it cannot be told. */
tn_tval *tn_ex_at(tn_experts *x, tn_tval *v, const tn_axis *axis, tn_tval *to);
/* The index of an axis, divided by a size, as two; else it is `both`, or the
 * result is NULL if that is. */
tn_tval *tn_ex_parted(tn_experts *x, tn_tval *v, const tn_axis *axis, const tn_tval *size,
    tn_tval *whole, tn_tval *rest, tn_tval *both);
/* With `to` where `of` stood. */
tn_tval *tn_ex_instead(tn_experts *x, tn_tval *v, const tn_tval *of, tn_tval *to);
/* A whole number, 0 or more; 0 or 1. */
bool tn_ex_counts(const tn_tval *v);
bool tn_ex_is_flag(const tn_experts *x, const tn_tval *v);
/* Ids along the last axis of a top_k or sort: no number comes twice. */
bool tn_ex_are_numbers_apart(const tn_value *ids);
/* Takes a factor that is not 0, and what follows. */
bool tn_ex_add_fact(tn_ex_facts *known, tn_tval *v);
/* True if it is not 0 where those are not. */
bool tn_ex_follows(tn_experts *x, const tn_ex_facts *known, tn_tval *v);
/* What places start from, and whether a token counts as 1. */
typedef struct tn_ex_numbers {
    int64_t first;
    bool ones;
} tn_ex_numbers;

/* True if each place of each expert is given by one product at most, to one
 * token `sender`; with a reason, if not. */
bool tn_ex_are_apart(tn_experts *x, const tn_ex_products *d, tn_axis *sender, tn_ex_numbers *n);
/* True if factor `at` of the product asks only that its place is below
 * `room`. */
bool tn_ex_asks_room(tn_experts *x, const tn_ex_product *p, int at, int64_t *room);
/* Takes the tokens of an expert's places: what is summed over them is `own`. */
bool tn_ex_take_sent(tn_experts *x, tn_ex_term *t, tn_tval *own, tn_size width);
/* Takes what was scattered to rows `expert * places + place`, if the term is of
 * rows that are gathered back. */
bool tn_ex_take_row(tn_experts *x, tn_ex_term *t, tn_tval *own, tn_size width);
/* A term of experts' places as terms of tokens, one for each product of what
 * weighs it; with a reason, if they are none. */
bool tn_ex_unsend(tn_experts *x, const tn_ex_term *t, tn_ex_term **out, int *count);

/* How far an axis that is summed goes; NULL. */
tn_size tn_ex_extent(const tn_experts *x, const tn_axis *axis);
/* A value of the cone that is `el` at the token: of rank `lead`, of one
 * column, or read at `last` if that is given. */
bool tn_ex_find_part(tn_experts *x, tn_tval *el, tn_tval *last, tn_ex_part *out);
/* The place of a load along a dimension, without what keeps it in range. */
tn_tval *tn_ex_place_of(const tn_tval *load, int i);

/* Writes where a condition holds, and leaves operand `*before` elsewhere. */
bool tn_ex_writes_over(const tn_op *op, int *before);
/* A scatter that adds. */
bool tn_ex_scatters(const tn_op *op);
/* Reads one term; false, perhaps with a reason, if it is none. */
bool tn_ex_read(tn_experts *x, tn_value *v, bool over, tn_ex_term *t);
/* Reads its factors. */
bool tn_ex_pick(tn_experts *x, tn_ex_term *t);
/* The load of an id, without casts and what keeps it in range; or NULL. */
tn_tval *tn_ex_id(tn_tval *v);
/* When `v` is not 0; `c->expert` may be set before. */
tn_ex_zero tn_ex_nonzero_if(tn_ex_choice *c, tn_tval *v);
/* True if `v` says no more than that the expert is among all ids. */
bool tn_ex_guard(tn_tval *v, tn_tval **id, tn_tval **expert);
/* Reads its factors as parts of a weight. */
bool tn_ex_weigh(tn_experts *x, tn_ex_term *t);
/* The terms may be of one choice. */
bool tn_ex_same_weights(const tn_ex_term *a, const tn_ex_term *b);
/* Of one choice, terms in order of experts or slots. */
void tn_ex_slots_of(tn_experts *x, tn_build *b, tn_ex_term *const *by, int64_t count,
    int64_t experts, tn_ex_slots *out);

/* True if the terms are those of one kind of experts, each once; counts them. */
bool tn_ex_agrees(tn_experts *x, tn_ex_sum *s);
/* The row of their sum; NULL, with a reason. */
tn_op *tn_ex_row(tn_experts *x, tn_ex_sum *s, tn_build *b);
/* A value of the cone whose element there (token, then `last`) is `el`. */
tn_value *tn_ex_value(tn_experts *x, tn_tval *el, tn_size extent, tn_tval *last, bool integer);

/* [X,rows,columns] of the matrix number `which` (0 up, 1 gate, 2 down) of the
 * terms, in the order of experts; NULL, with a reason, if there is none. */
tn_value *tn_ex_stack(tn_experts *x, tn_ex_term *const *terms, int64_t count, int which,
    tn_build *b);
/* [X,rows] of what the layer adds (0 up, 1 gate, 2 down), NULL if nothing;
 * false, with a reason. */
bool tn_ex_bias(tn_experts *x, tn_ex_term *const *terms, int64_t count, int64_t experts, int which,
    tn_build *b, tn_value **out);
/* Concat of many. Overwrites `parts`. */
tn_value *tn_ex_concat(tn_experts *x, tn_build *b, tn_value **parts, int64_t count, int axis);
/* Both are of the same weights, at the same places. */
bool tn_ex_same_matrix(const tn_ex_matrix *a, const tn_ex_matrix *b);

#endif
