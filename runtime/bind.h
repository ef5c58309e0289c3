/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_BIND_H
#define TN_RUNTIME_BIND_H

#include "runtime/iface.h"
#include "runtime/tensor.h"

/* Binds the symbols of an entry by the shapes (and, for ranged scalars, the
 * values) of its inputs, in order: an axis with exactly one unbound symbol,
 * linear in it, binds it; then every axis, range, multiple, value range and
 * fact is checked. TN_MALFORMED naming what does not hold.
 *
 * tensors: one for each input of the entry. fixed: values of symbols by
 * --dim or a test (has_fixed[i]); both may be NULL. values: one for each
 * symbol, result. */
tn_status tn_bind(tn_diag *diag, const tn_iface_entry *entry, const tn_tensor *tensors,
    const bool *has_fixed, const int64_t *fixed, int64_t *values) TN_MUST_USE;

#endif
