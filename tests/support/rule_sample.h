/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_RULE_SAMPLE_H
#define TN_TESTS_SUPPORT_RULE_SAMPLE_H

#include "passes/rule_in.h"

/* A random graph that is the pattern of a rule and nothing else: shapes,
 * element types, attributes and constants are drawn; leaves are inputs x0,
 * x1, .., weights w0, .. and numbers. Symbols S (3) and R (5). Output "y" is
 * the root with all bits or the sign turned; the root is returned. NULL if the draw fits no
 * operation or the rule's tests do not hold: draw again, in a new arena. */
tn_op *tn_rule_sample(tn_arena *arena, const tn_form_rule *rule, uint64_t *noise);

enum { TN_SAMPLE_S = 3, TN_SAMPLE_R = 5 };

#endif
