/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_TINTERP_IN_H
#define TN_IR_KERNEL_TINTERP_IN_H

#include "ir/kernel/tinterp.h"
#include "ir/kernel/twalk.h"

/* The tile interpreter from inside: tasks and statements (tinterp.c), memory
 * (tinterp_mem.c), values (tinterp_value.c). */
typedef struct tn_ti_range {
    int64_t low, high;
} tn_ti_range;

/* An evaluated value: over the blocks its axes had then. */
typedef struct tn_ti_val {
    const tn_tval *of;
    tn_ti_range *range; /* by position in of->axes */
    int64_t count;
    tn_cell *cell;
    tn_cell *second; /* positions, of argreduce and topk */
} tn_ti_val;

/* Who touched an element: task + 1; 0 nobody, -1 several readers. */
typedef struct tn_ti_shadow {
    int64_t *writer, *reader;
    uint64_t *stamp; /* execution of the store that wrote it last */
} tn_ti_shadow;

typedef struct tn_ti_mem {
    const tn_tbuf *buf;
    int64_t dim[TN_MAX_RANK];
    int64_t from[TN_MAX_RANK]; /* locals: position of element 0 */
    int64_t count;
    tn_cell *cell;
    bool *known; /* NULL: all */
    tn_ti_shadow *shadow;
} tn_ti_mem;

typedef struct tn_ti {
    tn_tinterp *job;
    const tn_tile *t;
    tn_arena *arena; /* of the run */
    tn_arena *task;  /* of the task; gone with it */
    uint64_t random;
    bool random_on;
    bool failed;
    int64_t task_id; /* from 1 */
    uint64_t stores; /* executions of stores */
    tn_ti_mem *mem;  /* by buffer */
    bool *bound;     /* by axis: in scope */
    tn_ti_range *range;
    int64_t *pos;    /* by axis: the position being evaluated */
    tn_ti_val **memo;
    TN_VEC(uint32_t) trail; /* memoised ids, to forget */
    tn_tset set;
    /* By axis number of a loop: its final values. */
    TN_VEC(const tn_tstmt *) loops;
    TN_VEC(tn_ti_val **) finals;
} tn_ti;

void tn_ti_fail(tn_ti *c, const char *format, ...) TN_PRINTF(2, 3);
uint64_t tn_ti_random(tn_ti *c, uint64_t below);

bool tn_ti_open_params(tn_ti *c);
void tn_ti_open_local(tn_ti *c, const tn_tbuf *buf);
/* One element; index are absolute positions. */
tn_cell tn_ti_load(tn_ti *c, const tn_tval *load, const int64_t *index);
void tn_ti_store(tn_ti *c, const tn_tbuf *buf, const int64_t *index, tn_cell value);

/* Evaluates `v` and all it needs; NULL after a failure. */
tn_ti_val *tn_ti_eval(tn_ti *c, tn_tval *v);
int64_t tn_ti_scalar(tn_ti *c, tn_tval *v);
/* The element at c->pos. */
tn_cell tn_ti_at(tn_ti *c, const tn_ti_val *v);
/* A value over the current blocks of `axes`, cells not set. */
tn_ti_val *tn_ti_new(tn_ti *c, const tn_tval *of, tn_axis *const *axes, int count);
/* Puts c->pos on the first position of the axes' blocks; false if empty. Then
 * on the next; false after the last. */
bool tn_ti_first(tn_ti *c, tn_axis *const *axes, int count);
bool tn_ti_next(tn_ti *c, tn_axis *const *axes, int count);
tn_cell tn_ti_neutral(tn_fn fn, tn_dtype dtype);
tn_cell tn_ti_combine(tn_ti *c, tn_fn fn, tn_dtype dtype, tn_cell a, tn_cell b);
void tn_ti_remember(tn_ti *c, const tn_tval *v, tn_ti_val *value);
void tn_ti_forget(tn_ti *c, uint32_t from);

#endif
