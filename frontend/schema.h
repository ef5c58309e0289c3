/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_SCHEMA_H
#define TN_FRONTEND_SCHEMA_H

#include "ir/base/text.h"

/* The JSON Schema (draft 2020-12) of graph files, for editors: keys, forms,
 * and the operands and attributes of every op, from the op table. What it
 * cannot say (types, names, expressions) the reader does. Ends with a line
 * end. */
void tn_schema_write(tn_text *out);

#endif
