/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_PLAN_FIXTURE_H
#define TN_TESTS_SUPPORT_PLAN_FIXTURE_H

#include "ir/plan.h"
#include "runtime/iface.h"

/* A plan of three steps over one symbol N: x -> a -> b -> y, a and b
 * temporary, one weight, one check site. In `arena`, inside its guard. */
void tn_plan_fixture(tn_arena *arena, tn_plan *out);
/* The interface of that plan's model, with a weight of those bytes. */
void tn_iface_fixture(tn_arena *arena, tn_span weight, tn_iface *out);
/* Postfix code of N * factor. */
tn_formula tn_formula_fixture(tn_arena *arena, int64_t factor);

#endif
