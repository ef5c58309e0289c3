/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_KERNEL_H
#define TN_IR_KERNEL_KERNEL_H

#include "ir/base/bytes.h"
#include "ir/base/diag.h"
#include "ir/base/vec.h"
#include "ir/kernel/fn.h"
#include "ir/type.h"

/* A kernel at lane level: structured scalar and vector code, as code
 * generators see it. What each row does is in kops.def, what a function
 * computes in fns.def, what a generator must guarantee at the end of this
 * comment. Nesting: GRID > [TEAM >] [LANE]; SERIAL, UNROLL and `if`
 * anywhere. Every value outside LANE is uniform over the group; values leave a
 * LANE body only through cells and memory. On CPU-like machines neither TEAM
 * nor LANE occurs and width is in the types; on GPU-like ones all types are
 * scalar. An instruction happens where it stands. Everything is owned by the
 * arena given to the builder.
 *
 * Outside GRID stand only const, param and pure functions of them. In kernels
 * with LANE loops, stores and writes of cells of the group's lanes stand in
 * LANE; a cell that is not `per_lane` but declared outside LANE is written
 * outside it; loads may stand anywhere. A set outside LANE of a per_lane cell
 * sets that of every lane. LANE and TEAM run from 0 by 1 over constant extents
 * (at most, exactly the size of the group or subgroup). A barrier stands
 * outside TEAM and LANE.
 *
 * Local memory is a stack: each `local` takes the next multiple of 64 bytes
 * and is released at the end of its block. `scratch` is the most that is
 * needed (with LANE loops: the sum of all, none is used twice).
 *
 * A generator guarantees:
 * - Floats: IEEE f32 and f64, to nearest. Nothing is reassociated; products
 *   and sums are not fused but in `fma`. div within 2.5 ulp (exact on CPU).
 *   Whether denormals are kept is a property of the target. A NaN operand
 *   gives NaN in add sub mul div fma sqrt floor round trunc neg abs min max.
 * - min, max: where one operand is a constant, it stands first and is no NaN.
 *   minq, maxq: no operand is a NaN; equal zeros may give either.
 * - cast: f16, bf16 from and to f32 only, to nearest even, NaN stays NaN.
 *   Integer to integer wraps or extends by the source's sign. Integer, bool
 *   to float: to nearest. Float to integer: truncates, saturates, NaN is 0;
 *   to bool: unequal 0 (NaN is true). bool is 0 or 1.
 * - bits: any pair of number types of one width.
 * - Integers wrap in their own width, 8 and 16 bits too. A divisor is not 0,
 *   least / -1 gives least, its rest 0. shr of signed types copies the sign.
 *   Shift amounts are below the width. rem is of integers only (the builder
 *   expands that of floats).
 * - f16, bf16: load, store, gather, scatter, cells, splat, extract, select,
 *   cast, bits; no other function and no constant has them.
 * - across: f(v0, v1), f(v2, v3), ..; then the same of the results.
 * - check: status words of site s are 4 u32 at 4*s: {1, position, value, 0} of
 *   the first lane that is false; any task may win; what is set stays set. */

typedef enum tn_kop {
#define TN_K(name, ...) TN_K_##name,
#include "ir/kernel/kops.def"
    TN_K_COUNT
} tn_kop;

/* Scalar (lanes 1) or vector. lanes is 1, 2, 4, 8, 16, 32 or 64; 0 is the type
 * of instructions without a value. */
typedef struct tn_ktype {
    tn_dtype dtype;
    uint16_t lanes;
} tn_ktype;

typedef enum tn_loop_kind {
    TN_LOOP_GRID,   /* a task or work group; exactly one, outermost */
    TN_LOOP_TEAM,   /* a subgroup */
    TN_LOOP_LANE,   /* a lane of the enclosing TEAM, else of the group */
    TN_LOOP_SERIAL,
    TN_LOOP_UNROLL, /* constant bounds; expanded by the generator's reader */
} tn_loop_kind;

typedef enum tn_space {
    TN_SPACE_GLOBAL, /* a buffer parameter */
    TN_SPACE_LOCAL,  /* group memory; on CPU the worker's scratch */
} tn_space;

/* Memory: indexed in elements. */
typedef struct tn_kmem {
    const char *name;
    tn_dtype dtype;
    tn_space space;
    bool read, written; /* globals: how this kernel uses it */
    uint32_t index;     /* position among the globals, or among the locals */
} tn_kmem;

enum { TN_CELL_RANK = 3 };

/* A named register: `count` = product of dims values of one type. In a LANE
 * loop each lane has its own; declared outside LANE but in a kernel with LANE
 * loops, `per_lane` says whether each lane has one (values live across
 * barriers) or the group shares a uniform one. */
typedef struct tn_kcell {
    const char *name;
    tn_ktype type;
    int rank;
    uint16_t dim[TN_CELL_RANK];
    bool per_lane;
    uint32_t index;
} tn_kcell;

typedef struct tn_ins tn_ins;

typedef struct tn_kblock {
    TN_VEC(tn_ins *) ins;
    struct tn_kblock *parent;
    tn_ins *owner; /* loop or if; NULL for the root */
    int depth;
} tn_kblock;

enum { TN_INS_ARGS = 5 };

struct tn_ins {
    tn_kop op;
    tn_fn fn; /* fn, across, sg_reduce */
    tn_ktype type;
    uint8_t arg_count;
    tn_ins *arg[TN_INS_ARGS];
    /* const: `real` for floats, `whole` for integers and bool. extract: lane.
     * param: number of the size. check: site. loop: step. */
    int64_t whole;
    double real;    /* const; load and gather: the `other` value (floats) */
    int64_t other;  /* load and gather: the `other` value (integers) */
    tn_loop_kind loop;
    tn_kmem *mem;
    tn_kcell *cell;
    tn_kblock *body, *orelse; /* loop, if */
    tn_kblock *block;         /* where it stands; a loop's index is seen in its body */
    uint32_t id;              /* dense; in program order once finished */
    const char *name;         /* loops: of the axis; may be NULL */
};

/* A size parameter: an i32 given at launch. */
typedef struct tn_ksize {
    const char *name;
    int64_t low, high; /* inclusive */
} tn_ksize;

/* A place where a check may fail; `what` names it for the user. */
typedef struct tn_ksite {
    const char *what;
} tn_ksite;

typedef struct tn_kernel {
    tn_arena *arena;
    const char *name;
    tn_dtype index; /* type of addresses and sizes inside: TN_I64 or TN_I32 */
    bool exact;     /* no fma; no fast forms */
    TN_VEC(tn_ksize) sizes;
    TN_VEC(tn_kmem *) globals; /* buffers, in binding order */
    TN_VEC(tn_kmem *) locals;
    TN_VEC(tn_kcell *) cells;
    TN_VEC(tn_ksite) sites;
    tn_kblock *root;
    uint32_t ins_count;
    uint32_t lanes;     /* group size if LANE loops occur, else 1 */
    uint32_t team;      /* subgroup size if TEAM loops occur, else 0 */
    tn_formula tasks;   /* extent of GRID; symbols are the sizes by number */
    tn_formula scratch; /* bytes of local memory of one task */
} tn_kernel;

const char *tn_kop_name(tn_kop op);
tn_kop tn_kop_find(const char *name, size_t length); /* TN_K_COUNT: none */

/* Invariants of a kernel: nesting, operand counts and types, uniformity,
 * definitions before uses, cells and memories declared, constant sizes.
 * TN_BUG with every violation found in `diag`. */
tn_status tn_kernel_verify(const tn_kernel *k, tn_diag *diag) TN_MUST_USE;

/* Text form, one instruction a line; parse(print(k)) prints the same. */
void tn_kernel_print(tn_text *out, const tn_kernel *k);
tn_status tn_kernel_parse(tn_arena *arena, tn_diag *diag, const char *place, const char *text,
    tn_kernel **out) TN_MUST_USE;

/* Byte form: what crosses the plugin line. Opens with the names of the rows,
 * functions and element types it uses, so that adding a row never renumbers an
 * old artifact; then fixed-width little-endian records. The reader checks all
 * counts, types and nesting, then verifies. */
void tn_kernel_encode(tn_writer *out, const tn_kernel *k);
tn_status tn_kernel_decode(tn_arena *arena, tn_diag *diag, tn_span bytes, tn_kernel **out)
    TN_MUST_USE;

/* A copy without UNROLL loops, for generators: bodies are repeated with
 * constant indices and folded; cells, locals and instructions get new numbers
 * (globals, sizes and sites keep theirs). TN_LIMIT beyond 2^18 instructions. */
tn_status tn_kernel_unroll(tn_arena *arena, tn_diag *diag, const tn_kernel *k, tn_kernel **out)
    TN_MUST_USE;

/* How generators cut a sg_reduce that has no instruction of its own: so many
 * lanes add up a column each (elements this far apart), then every lane the
 * sums of all columns. A divisor of `lanes` near its root; `lanes` itself where
 * cutting is not worth a barrier. */
uint32_t tn_reduce_rows(uint32_t lanes);

#endif
