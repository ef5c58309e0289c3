/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_INTERP_INTERP_IN_H
#define TN_BACKENDS_INTERP_INTERP_IN_H

#include "backends/interp/interp_lane.h"

/* The insides of the lane interpreter, shared by its files.
 *
 * Every value has a slot of bytes in one register file: its elements in their
 * own type, one after the other. An operation names slots by offset. */
typedef struct tn_run tn_run;
typedef struct tn_iop tn_iop;
/* Performs the operation and gives the next one, NULL to stop. */
typedef const tn_iop *tn_irun(tn_run *s, const tn_iop *o);

struct tn_iop {
    tn_irun *run;
    uint32_t d, a, b, c; /* slots: result, operands */
    uint32_t arg[TN_INS_ARGS];
    uint16_t lanes;      /* of the result, or of what is stored */
    uint8_t dtype, from; /* element type; of a cast's operand */
    uint8_t arg_count, bytes; /* of an element */
    uint32_t cell, mem;  /* positions in the run's tables */
    uint32_t jump;       /* control: operation to go to */
    int64_t imm;         /* const, step, lane, site; `other` */
    const tn_ins *ins;   /* for messages and rare fields */
};

struct tn_interp {
    const tn_kernel *k;
    tn_iop *ops;
    uint32_t op_count;
    uint32_t body; /* first operation of a task; before it: once a run */
    uint32_t grid; /* slot of the task's index */
    uint32_t slot_bytes;
    uint32_t spare, spare_half; /* slots for reductions, their bytes each */
    uint32_t *local_count; /* slots of the counts, by local */
};

/* Who touched an element since the last barrier: lane + 1. */
typedef struct tn_lane_mark {
    uint32_t epoch;
    uint16_t writer, reader;
} tn_lane_mark;

/* Who touched an element in this run: task + 1. */
typedef struct tn_task_mark {
    uint32_t writer, reader;
} tn_task_mark;

typedef struct tn_imem {
    uint8_t *at;
    uint64_t elements;
    uint8_t *initialised;
    uint32_t step; /* bytes of `initialised` an element */
    tn_lane_mark *lane; /* NULL: not checked */
    tn_task_mark *task;
    uint32_t bytes; /* of an element */
} tn_imem;

typedef struct tn_icell {
    uint8_t *at, *set; /* values; one byte an element: was set */
    uint32_t count, bytes; /* elements of one lane; bytes of one */
    uint16_t dim[TN_CELL_RANK];
    uint32_t copies;
} tn_icell;

enum { TN_MANY_LANES = 0xffff, TN_NO_LANE = -1 };
static const uint32_t tn_many_tasks = UINT32_MAX;

struct tn_run {
    uint8_t *slots;
    const tn_interp *program;
    tn_imem *mem; /* globals, then locals */
    tn_icell *cell;
    const int32_t *sizes;
    uint32_t *status;
    tn_diag *diag;
    tn_status result;
    uint64_t task;
    int32_t lane; /* of the group, or TN_NO_LANE */
    uint32_t team_base, team_size;
    uint32_t epoch;
    uint16_t *lane_order; /* for groups in another order; NULL: 0, 1, .. */
    uint64_t random;
};

static inline void *
tn_slot(const tn_run *s, uint32_t at)
{
    return s->slots + at;
}

static inline int64_t
tn_islot(const tn_run *s, uint32_t at)
{
    if (s->program->k->index == TN_I64)
        return *(int64_t *)tn_slot(s, at);
    return *(int32_t *)tn_slot(s, at);
}

/* Ends the run with a message that says where. */
const tn_iop *tn_ifault(tn_run *s, const tn_iop *o, const char *format, ...) TN_PRINTF(3, 4);

/* interp_fns.c: the native functions, by row of fns.def; NULL for others. */
extern tn_irun *const tn_ifns[TN_FN_COUNT];
/* Reduces `count` elements at slot `at` in neighbouring pairs, to slot `d`. */
bool tn_ireduce(tn_run *s, const tn_iop *o, tn_fn fn, uint32_t at, uint32_t count, uint32_t d);

/* interp_memory.c */
tn_irun tn_iload, tn_istore, tn_igather, tn_iscatter, tn_ilocal;
tn_irun tn_icell_declare, tn_iget, tn_iset, tn_isg_reduce;

#endif
