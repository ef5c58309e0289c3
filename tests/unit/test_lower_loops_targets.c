/* SPDX-License-Identifier: Apache-2.0
 * The kernels of test_lower_loops, scheduled. */
#define LOWERED_TARGETS true
#include "tests/unit/test_lower_loops.c"
