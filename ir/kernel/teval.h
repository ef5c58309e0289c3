/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_TEVAL_H
#define TN_IR_KERNEL_TEVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "ir/kernel/fn.h"
#include "ir/type.h"

/* Scalar functions of fns.def on numbers: integers and bool exactly in their
 * type, floats in double without rounding to the type. */

/* Wraps to the width of an integer type; bool: not 0. */
int64_t tn_wrap(tn_dtype dtype, int64_t value);

/* `dtype` is the element type of the operands (of a and b for select). False
 * where the function has no result: a divisor of 0, a function of floats.
 * cast and bits are not functions of one type: see tn_eval_cast. */
bool tn_eval_int(tn_fn fn, tn_dtype dtype, const int64_t *args, int64_t *out);
/* Result of a function of floats that gives a float. */
bool tn_eval_real(tn_fn fn, const double *args, double *out);
/* Functions of floats that give a truth value. */
bool tn_eval_test(tn_fn fn, const double *args, bool *out);

/* Conversions by the rules of graph-semantics: float to integer truncates
 * and saturates, NaN gives 0; to a float type rounds once. */
int64_t tn_cast_to_int(tn_dtype to, double value);
double tn_cast_to_real(tn_dtype to, int64_t value);

/* Elements of one width, bits as they are. */
uint64_t tn_bits_of_real(tn_dtype from, double value);
uint64_t tn_bits_of_int(tn_dtype from, int64_t value);
double tn_bits_to_real(tn_dtype to, uint64_t bits);
int64_t tn_bits_to_int(tn_dtype to, uint64_t bits);

#endif
