/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_SHOW_H
#define TN_TOOLS_SHOW_H

#include "runtime/iface.h"
#include "runtime/tensor.h"
#include "runtime/text/token_batch.h"
#include "tools/tool.h"

/* Everything a result is shown with. Tensors are those of one run of
 * `entry`; `batch` and `texts` of its text input, or NULL. */
typedef struct tn_shown {
    const tn_iface *iface;
    const tn_iface_entry *entry;
    const tn_tensor *inputs, *outputs;
    const tn_token_batch *batch;
    const tn_text_in *texts;
    const char *device;
    bool color;
} tn_shown;

/* One element: shortest decimal, names for truth values. */
void tn_show_element(tn_text *out, const tn_tensor *t, int64_t index, bool json);
/* Nested lists; `limit` elements at most per axis, 0: all. */
void tn_show_tensor(tn_text *out, const tn_tensor *t, int64_t limit, bool json);
/* "f32[2,10]" */
void tn_show_type(tn_text *out, const tn_tensor *t);
/* Every output as a person would read it: labels by name, tags beside their
 * words in colour, small tensors whole, large ones cut. */
void tn_show_outputs(tn_text *out, const tn_shown *shown);
/* tenon.run/1 */
void tn_show_json(tn_text *out, const tn_shown *shown);

#endif
