/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_REFERENCE_REF_H
#define TN_RUNTIME_REFERENCE_REF_H

#include "runtime/reference/reference.h"

/* A value while it is needed: floats as double, all else as int64 (bool 0 or
 * 1, unsigned types as they are), row-major. Blocks are shared by counting. */
typedef struct tn_ref_block {
    struct tn_ref_block *prev, *next; /* all that live, for the end of a run */
    size_t bytes;
    int owners;
    bool scratch;
} tn_ref_block; /* the elements lie behind it */

typedef struct tn_ref_value {
    tn_dtype dtype;
    int rank;
    int64_t dim[TN_MAX_RANK];
    int64_t count; /* elements */
    double *f;     /* floats */
    int64_t *i;    /* all else */
    tn_ref_block *block; /* NULL: no value */
} tn_ref_value;

typedef struct tn_ref {
    const tn_env *env;
    const tn_graph *g;
    const tn_reference_args *args;
    tn_ref_value *slot;    /* by value id */
    uint32_t *last_of;     /* by value id: next value freed with it, or 0 (id + 1) */
    uint32_t *frees;       /* by op id: first value its end frees, or 0 (id + 1) */
    tn_ref_block blocks;   /* ring */
    int64_t round;
} tn_ref;

/* One op being evaluated. out[k] has its type, shape and room (zeroed), but
 * for control ops. */
typedef struct tn_ref_call {
    tn_ref *r;
    const tn_op *op;
    tn_ref_value *out;
} tn_ref_call;

#define TN_OP(op, ...) tn_status tn_oracle_##op(tn_ref_call *c) TN_MUST_USE;
#include "ir/graph/ops.def"

/* Operand `index`; NULL if it is absent. */
const tn_ref_value *tn_ref_in(const tn_ref_call *c, int index);
/* TN_MALFORMED at op->path + place: "nodes[3].in.indices: gather: ..". */
tn_status tn_ref_fail(const tn_ref_call *c, const char *place, const char *format, ...)
    TN_PRINTF(3, 4);
/* "[2,0,1]" of element `at` into `text`. */
enum { TN_REF_POSITION = 192 };
const char *tn_ref_position(const tn_ref_value *v, int64_t at, char text[TN_REF_POSITION]);

/* Memory for a value whose dtype, rank and dim are set; zeroed. */
tn_status tn_ref_make(tn_ref *r, tn_ref_value *v);
/* `to` is one more owner of the elements of `from`, in its own shape if that
 * is set (rank >= 0). */
void tn_ref_share(tn_ref_value *to, const tn_ref_value *from);
void tn_ref_drop(tn_ref *r, tn_ref_value *v);
/* Scratch memory of a row: zeroed, gone when the row is done. */
tn_status tn_ref_scratch(tn_ref *r, tn_dtype dtype, int64_t count, tn_ref_value *v);
/* Evaluates a body's ops; its parameters are set, its results are in their
 * slots until tn_ref_end_block. */
tn_status tn_ref_run_block(tn_ref *r, const tn_block *b);
void tn_ref_end_block(tn_ref *r, const tn_block *b);
tn_status tn_ref_need(tn_ref *r, const tn_value *v); /* weights, states, literals */

/* Attributes under the binding. */
tn_status tn_ref_size(const tn_ref_call *c, tn_size size, int64_t *out);
tn_status tn_ref_attr_size(const tn_ref_call *c, int attr, int64_t *out);
/* A PLACE that is a scalar or a size. */
tn_status tn_ref_place(const tn_ref_call *c, int attr, int64_t *out);
int tn_ref_axis(const tn_ref_call *c, int attr);
bool tn_ref_is(const tn_ref_call *c, int attr, const char *word);
/* A REAL attribute, rounded to the type it stands beside. */
double tn_ref_real(const tn_ref_call *c, int attr, tn_dtype dtype);
/* A number as an element of `dtype`: into f or i. False if it does not fit. */
bool tn_ref_number(const tn_ref *r, const tn_number *n, tn_dtype dtype, double *f, int64_t *i);

/* Integers of `dtype`: wrapped to its width. */
int64_t tn_ref_wrap(tn_dtype dtype, uint64_t bits);
/* Nearest, ties to even, once. */
double tn_ref_int_to_float(tn_dtype dtype, int64_t value);
/* Truncated and saturated; NaN gives 0. */
int64_t tn_ref_float_to_int(tn_dtype dtype, double value);
/* f(x) of the composite rows: f16 and bf16 cast to f32; and back at the end. */
double tn_ref_wide(tn_dtype dtype, double value);
double tn_ref_narrow(tn_dtype dtype, double value);
/* f32, for f64 f64: the type of the intermediates of such a row. */
tn_dtype tn_ref_wide_dtype(tn_dtype dtype);

/* x seen as [outer, axis, inner]. */
typedef struct tn_ref_axes {
    int64_t outer, size, inner;
} tn_ref_axes;
tn_ref_axes tn_ref_along(const tn_ref_value *x, int axis);
/* Strides in elements, row-major. */
void tn_ref_strides(const tn_ref_value *x, int64_t stride[TN_MAX_RANK]);

/* Broadcasting: calls `run` for each innermost stretch of the result; at[k] is
 * the first element of operand k (0 first operand), step[k] its stride there.
 * Operands by labels of the op, if it has that attribute, else by last axes. */
typedef struct tn_ref_stretch {
    const tn_ref_call *c;
    const void *info; /* of the caller */
    int64_t out;      /* first element of the result */
    int64_t count;
    int64_t at[3], step[3];
} tn_ref_stretch;
typedef tn_status tn_ref_run_fn(const tn_ref_stretch *s);
tn_status tn_ref_broadcast(tn_ref_call *c, int operands, tn_ref_run_fn *run, const void *info);

/* Scalar functions shared by rows. */
double tn_ref_sigmoid(double x);
double tn_ref_softplus(double x);
double tn_ref_gelu(double x, bool by_tanh, tn_dtype dtype);
double tn_ref_max(double a, double b); /* NaN if either is */
double tn_ref_min(double a, double b);
/* act of glu and moe by its word. */
double tn_ref_act(const char *word, double x, tn_dtype dtype);
/* d*q of blocks of 32, in place (note 3 of the operations). */
void tn_ref_q8(double *a, int64_t count);
/* c[m,n] += sum over k of a[m,k] * b[k,n]; c is zeroed by the caller. */
void tn_ref_matmul(double *c, const double *a, const double *b, int64_t m, int64_t n, int64_t k);
/* Order of elements with NaN as the largest, -0 = 0: below 0, 0, above. */
int tn_ref_compare(const tn_ref_value *x, int64_t a, int64_t b);
/* y = log(sum exp(v[0], v[step], ..)) as by reduce_logsumexp. */
double tn_ref_logsumexp(const double *v, int64_t count, int64_t step);

#endif
