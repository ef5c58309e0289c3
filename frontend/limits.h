/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_LIMITS_H
#define TN_FRONTEND_LIMITS_H

#include <stdint.h>

#include "ir/base/diag.h"

/* What a file may not exceed: the rows of limits.def. 0 stands for the usual
 * value. */
typedef struct tn_read_limits {
#define TN_READ_LIMIT(name, usual, most, doc) uint32_t name;
#include "frontend/limits.def"
} tn_read_limits;

/* `given` (or NULL) with the usual values in the place of zeros. */
tn_read_limits tn_read_limits_of(const tn_read_limits *given);
/* Takes --limit's NAME=N; TN_USAGE says which names and numbers there are. */
tn_status tn_read_limits_set(tn_diag *diag, tn_read_limits *limits, const char *text) TN_MUST_USE;

#endif
