/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_PLAN_H
#define TN_IR_PLAN_H

#include "ir/base/bytes.h"
#include "ir/base/diag.h"
#include "ir/base/vec.h"
#include "ir/number.h"
#include "ir/record.h"
#include "ir/type.h"

/* What the runtime executes for one entry on one class of targets: plain
 * data, no graph. Sizes are formulas over the entry's symbols. Owned by one
 * arena. */

typedef struct tn_plan_symbol {
    const char *name;
    int64_t low, high, multiple, sample;
    int32_t input; /* the scalar input whose value it is, or -1 */
} tn_plan_symbol;

typedef enum tn_plan_use {
    TN_USE_INPUT,
    TN_USE_OUTPUT,
    TN_USE_WEIGHT,  /* `number`: weight of the module */
    TN_USE_STATE,   /* `number`: state of the module */
    TN_USE_SCALAR,  /* one element, written by the host from `scalar` */
    TN_USE_TEMP,    /* placed by the memory planner */
    TN_USE_CONST,   /* bytes in the plan */
} tn_plan_use;

/* A tensor of the plan. Views and outputs may share the memory of another:
 * then `same_as` names it and first/last are those of the owner. What a state,
 * or what a loop carries, holds once new rows have been stored in it is a
 * buffer of its own, the same as that of what it held before. */
typedef struct tn_plan_buffer {
    tn_plan_use use;
    const char *name; /* of the value, for people */
    tn_dtype dtype;
    int32_t rank;
    tn_formula dim[TN_MAX_RANK];
    tn_formula bytes;  /* memory it needs, layout included */
    int32_t number;    /* input, output, weight, state: which */
    int32_t same_as;   /* -1: memory of its own */
    uint32_t layout;   /* tn_layout_kind of its consumer: ROWS or P16 */
    uint32_t layout_n; /* P16: which dimension is N */
    tn_number scalar;  /* SCALAR */
    tn_span constant;  /* CONST */
    int32_t first, last; /* steps between which a TEMP is alive, inclusive */
} tn_plan_buffer;

/* A kernel, kept once however many steps launch it. */
typedef struct tn_plan_kernel {
    const char *name;
    tn_span lane; /* lane-level bytes */
    tn_span tile; /* tile-level text, or empty */
    const char *choice; /* the schedule's choice, as text */
    tn_formula tasks, scratch; /* over the kernel's own sizes */
    uint32_t size_count, binding_count, site_count;
} tn_plan_kernel;

/* A place where data may be wrong: reported with code 3. */
typedef struct tn_plan_site {
    const char *what;  /* "nodes[0] gather: index of text.ids out of range" */
    int32_t input;     /* input whose data is to blame, or -1 */
    tn_formula extent; /* the legal values are 0 .. extent-1; empty: any */
} tn_plan_site;

enum { TN_PLAN_LOOPS = 32 }; /* inside one another */

typedef enum tn_step_kind {
    TN_STEP_LAUNCH,
    TN_STEP_COPY, /* buffer[0] to buffer[1], `bytes` */
    TN_STEP_ZERO, /* buffer[0] */
    /* The next `length` steps are run again and again, sizes[0] times. If one of
     * them (not counting those of loops inside) is a TEST, only until that
     * fails: the steps behind it are run only if buffer[0], a truth value that
     * those before it have written, holds. A round after it failed changes
     * nothing, so that up to `chunk` rounds may be started between two looks at
     * it. */
    TN_STEP_LOOP,
    TN_STEP_TEST,
} tn_step_kind;

typedef struct tn_plan_step {
    tn_step_kind kind;
    const char *name;  /* ops it does, for traces: "h0.n layer_norm + .." */
    const char *family; /* the fused row or the op it implements */
    int32_t kernel;
    int32_t part; /* of the lowered entry, when just compiled; not in files: -1 */
    TN_VEC(uint32_t) buffers; /* globals of the kernel, in order */
    TN_VEC(bool) writes;      /* for each of them: this step writes it */
    TN_VEC(tn_formula) sizes; /* size parameters of the kernel, in order */
    int32_t first_site;       /* number of its first check site, or -1 */
    bool wait;                /* an earlier step in flight must have finished */
    uint32_t length, chunk;   /* LOOP */
    tn_formula flops, bytes;  /* estimates, for bench */
    TN_VEC(const char *) ops; /* paths of the nodes it computes */
} tn_plan_step;

typedef struct tn_plan_fact {
    uint32_t op; /* tn_fact_op: 0 ==, 1 !=, 2 <, 3 <= */
    tn_formula left, right;
    const char *what;
} tn_plan_fact;

/* Rows that a run overwrites in a state and that may be in use: kept by the
 * runtime before it starts, put back if it fails. */
typedef struct tn_plan_undo {
    uint32_t buffer; /* of the state */
    uint32_t axis;   /* along which `rows` are overwritten, from `at` on */
    tn_formula at, rows;
    /* If not -1: `at` is what this input says, one number or one for each
     * position of axis 0, brought to where the rows stay in the state. */
    int32_t input;
} tn_plan_undo;

typedef struct tn_plan {
    const char *entry;
    TN_VEC(tn_plan_symbol) symbols;
    TN_VEC(tn_plan_buffer) buffers;
    TN_VEC(tn_plan_kernel) kernels;
    TN_VEC(tn_plan_step) steps;
    TN_VEC(tn_plan_site) sites;
    TN_VEC(tn_plan_fact) facts;
    TN_VEC(tn_plan_undo) undos;
} tn_plan;

/* The buffer whose memory it is. */
static inline uint32_t
tn_plan_owner(const tn_plan *plan, uint32_t buffer)
{
    int32_t owner = plan->buffers.at[buffer].same_as;

    return owner < 0 ? buffer : (uint32_t)owner;
}

/* The first of the steps at the end that copy into states: the runtime goes on
 * to them when all before them, and the outputs, have turned out well. */
uint32_t tn_plan_commit(const tn_plan *plan);

void tn_plan_encode(tn_writer *out, const tn_plan *plan);
/* Checks every count, index, name and formula; TN_INTEGRITY otherwise. */
tn_status tn_plan_decode(tn_arena *arena, tn_diag *diag, tn_span bytes, tn_plan *out) TN_MUST_USE;
/* The parts that an interface shares with a plan. */
void tn_plan_symbol_write(tn_writer *out, const tn_plan_symbol *symbol);
void tn_plan_fact_write(tn_writer *out, const tn_plan_fact *fact);
tn_plan_symbol tn_plan_symbol_read(tn_record *in);
tn_plan_fact tn_plan_fact_read(tn_record *in);

/* One line a buffer and step: what `inspect` shows. */
void tn_plan_print(tn_text *out, const tn_plan *plan);

/* Bytes of every buffer under a binding, and offsets of those TEMP buffers
 * that own memory: first fit, largest first, among those alive at the same
 * time; 256-byte aligned. Both arrays have one entry a buffer; the offset of
 * the others is UINT64_MAX. TN_LIMIT when a formula does not evaluate. */
tn_status tn_plan_place(const tn_plan *plan, tn_diag *diag, const int64_t *symbols, uint64_t *bytes,
    uint64_t *offset, uint64_t *total_bytes) TN_MUST_USE;
/* The independent checker, from the steps alone: no two buffers that are
 * alive at once overlap, and every step that touches what a step in flight
 * writes (or writes what it touches) waits; of a state, nobody reads what has
 * been overwritten. TN_BUG. */
tn_status tn_plan_check(const tn_plan *plan, tn_diag *diag, const uint64_t *bytes,
    const uint64_t *offset) TN_MUST_USE;

#endif
