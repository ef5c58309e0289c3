/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_KEXPAND_H
#define TN_IR_KERNEL_KEXPAND_H

#include "ir/kernel/kb.h"

/* Functions as natives, shared by the files that expand them. All work on
 * scalars and vectors, f32 and f64. No product is added without a rounding
 * that matters: results stay within their bounds whether or not a generator
 * fuses `fma`, and exact steps are exact either way. */

tn_ins *kx_not(tn_kb *b, tn_ins *v); /* of a bool */
tn_ins *kx_infinity(tn_kb *b, tn_dtype t);
/* |v| with the sign bit of `sign`. */
tn_ins *kx_with_sign(tn_kb *b, tn_ins *v, tn_ins *sign);
/* The integer type of equal width. */
tn_dtype kx_int_type(tn_dtype t);

/* exp, log, sin and the like. */
tn_ins *kx_curve(tn_kb *b, tn_fn fn, tn_ins *const *args);

#endif
