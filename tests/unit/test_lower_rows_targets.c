/* SPDX-License-Identifier: Apache-2.0
 * The kernels of test_lower_rows, scheduled. */
#define LOWERED_TARGETS true
#include "tests/unit/test_lower_rows.c"
