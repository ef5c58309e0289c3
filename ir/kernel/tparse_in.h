/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_TPARSE_IN_H
#define TN_IR_KERNEL_TPARSE_IN_H

#include "ir/base/map.h"
#include "ir/kernel/tile.h"

/* The reader of tile text from inside: words (tlex.c), expressions (texpr.c),
 * statements (tparse.c). The first error is reported and the text taken as
 * ended, so that every loop of the reader ends; values asked for then are a
 * constant. */
typedef enum tn_tword {
    TN_WORD_END,
    TN_WORD_NAME,
    TN_WORD_WHOLE, /* digits only */
    TN_WORD_REAL,
    TN_WORD_TEXT, /* in quotes */
    TN_WORD_MARK, /* punctuation: `mark` */
} tn_tword;

typedef struct tn_tlex {
    const char *at; /* behind the current word */
    tn_tword word;
    const char *from; /* the current word */
    size_t length;
} tn_tlex;

typedef struct tn_tname {
    const char *name;
    tn_tval *value; /* or */
    tn_axis *axis;
} tn_tname;

/* A value as read. A loose literal takes the type of what stands beside it. */
typedef struct tn_toperand {
    tn_tval *v;
    bool loose;
} tn_toperand;

typedef struct tn_tparse {
    tn_arena *arena;
    tn_diag *diag;
    const char *place, *text;
    tn_tlex lex;
    const char *said; /* start of the last name read */
    bool failed;
    tn_tb *b;
    tn_map bufs;               /* name -> tn_tbuf */
    TN_VEC(tn_tname) names;    /* innermost last */
    int depth;                 /* of bodies or expressions */
} tn_tparse;

enum { TN_TPARSE_DEPTH = 100 };

void tn_tp_fail(tn_tparse *p, const char *format, ...) TN_PRINTF(2, 3);
/* At the name just read: "there is no buffer \"q\"". */
void tn_tp_unknown(tn_tparse *p, const char *what, const char *name);
void tn_tp_next(tn_tparse *p);
bool tn_tp_is(const tn_tparse *p, const char *word); /* name or mark */
bool tn_tp_accept(tn_tparse *p, const char *word);
void tn_tp_expect(tn_tparse *p, const char *word);
/* The name that stands here, in the arena; "" after an error. */
const char *tn_tp_name(tn_tparse *p, const char *what);
const char *tn_tp_string(tn_tparse *p);
int64_t tn_tp_whole(tn_tparse *p); /* with an optional minus */
/* The mark or name behind the current word. */
bool tn_tp_peek_is(tn_tparse *p, const char *word);

const tn_tname *tn_tp_look(const tn_tparse *p, const char *name);
tn_axis *tn_tp_axis(tn_tparse *p); /* never NULL unless failed */
tn_dtype tn_tp_dtype(tn_tparse *p);

tn_toperand tn_tp_expr(tn_tparse *p);
tn_tval *tn_tp_index(tn_tparse *p); /* an i32 value */
tn_tval *tn_tp_as(tn_tparse *p, tn_toperand o, tn_dtype dtype);
tn_fn tn_tp_reduction(tn_tparse *p, const char *name);
/* argmax, argmin or topk: the node; its results are two. */
bool tn_tp_is_pair(const tn_tparse *p);

#endif
