/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_GRAPH_FORM_H
#define TN_IR_GRAPH_FORM_H

#include "ir/base/text.h"
#include "ir/graph/op.h"

/* A function of two numbers as text, `form` of row `moe`: steps, the last of
 * which is the result.
 *
 *     minimum g 7 | mul #0 1.702 | sigmoid #1 | mul #0 #2 | add u 1 | mul #3 #4
 *
 * A step is an element-wise operation of floats (or a comparison, for `where`)
 * on u, g, numbers and results of steps before. */
enum { TN_FORM_STEPS = 48 };

typedef struct tn_form_arg {
    enum { TN_FORM_U, TN_FORM_G, TN_FORM_STEP, TN_FORM_NUMBER } kind;
    int step;
    double number;
} tn_form_arg;

typedef struct tn_form_step {
    tn_opcode code;
    int count;
    tn_form_arg arg[3];
} tn_form_step;

typedef struct tn_form {
    tn_form_step step[TN_FORM_STEPS];
    int count;
} tn_form;

/* False if the text is none, or too long. */
bool tn_form_read(const char *text, tn_form *out);
void tn_form_print(tn_text *text, const tn_form *form);
/* How many operands the operation has in a form; 0 if it may not stand there. */
int tn_form_arity(tn_opcode code);
/* True if the operation compares. */
bool tn_form_compares(tn_opcode code);
/* True if a step reads g. */
bool tn_form_reads_g(const tn_form *form);

#endif
