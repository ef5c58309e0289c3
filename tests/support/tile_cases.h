/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_TILE_CASES_H
#define TN_TESTS_SUPPORT_TILE_CASES_H

#include "tests/support/run_tile.h"

/* The tile programs of the suite at ragged, odd, single and empty sizes, each
 * given to `each` with the text of a choice. */
void tn_tile_cases(void (*each)(void *self, tn_run_tile p, const char *choice), void *self);

#endif
