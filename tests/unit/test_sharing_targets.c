/* SPDX-License-Identifier: Apache-2.0
 * The kernels of test_sharing, scheduled. */
#define LOWERED_TARGETS true
#include "tests/unit/test_sharing.c"
