/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_KERNEL_KCHECK_H
#define TN_IR_KERNEL_KCHECK_H

#include "ir/kernel/kernel.h"

/* What is wrong with the operand count or a type of an instruction, as a
 * sentence, or NULL. Operands exist; places are not looked at. */
const char *tn_kc_type_fault(const tn_kernel *k, const tn_ins *ins);

bool tn_kc_type_valid(tn_ktype type);
/* Whether `across` and `sg_reduce` know the function on this type. */
bool tn_kc_reduces(tn_fn fn, tn_dtype dtype);
/* Whether a float type is computed with (halves are only stored). */
bool tn_kc_computes(tn_dtype dtype);

#endif
