/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_CONVERT_H
#define TN_TOOLS_CONVERT_H

#include "ir/base/files.h"
#include "runtime/tensor.h"

/* `from` in another element type, taking it over: floats of another width are
 * rounded, integers converted if every value fits (TN_MALFORMED with the
 * position else); bool, integers and floats do not mix. bf16 is taken from
 * any float type. `name` is the input's, for messages. */
tn_status tn_given_convert(const tn_env *env, tn_tensor *from, tn_dtype to, const char *name,
    tn_tensor *out) TN_MUST_USE;

#endif
