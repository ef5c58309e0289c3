/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_TARGET_H
#define TN_IR_TARGET_H

#include <stdbool.h>

#include "ir/base/diag.h"
#include "ir/base/text.h"

/* What a machine can do, from target.def; plain data with a text form
 * ("gpu=1 group_lanes=256 .."; absent fields have their fallback; unknown
 * fields are ignored when read, so that plugins of another minor version
 * work). */
typedef struct tn_target {
#define TN_TARGET(field, kind, fallback, doc) int64_t field;
#include "ir/target.def"
} tn_target;

void tn_target_init(tn_target *t); /* fallbacks */
void tn_target_print(tn_text *out, const tn_target *t);
tn_status tn_target_parse(tn_diag *diag, const char *text, size_t length, tn_target *out)
    TN_MUST_USE;
/* NULL if `device` offers all that `wanted` requires, else the name of the
 * first field that falls short. */
const char *tn_target_lacks(const tn_target *device, const tn_target *wanted);

/* A named target of the command line: "cpu" (this build's best portable),
 * "cpu:x86-64-v3", "cpu:x86-64-v4", "cpu:aarch64", "vulkan", "opencl", and
 * "cpu:generic" and "gpu:generic" of the second tier. False if unknown. */
bool tn_target_named(const char *name, tn_target *out);

#endif
