/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_CONFORMANCE_GRAPH_RUN_H
#define TN_TESTS_CONFORMANCE_GRAPH_RUN_H

#include <stdbool.h>

#include "ir/base/hash.h"
#include "ir/kernel/kernel.h"
#include "tests/conformance/graph_cases.h"
#include "tests/support/run_graph.h"

/* What ran on a device. */
typedef struct graph_tally {
    tn_graph_device *device;
    const char *only; /* one op, or NULL */
    const char *dump; /* folder for the code, or NULL */
    bool sample;      /* one element type for every op of a row, in turns */
    tn_hasher hasher; /* of all code */
    int graphs, runs, skipped;
    unsigned turn;                 /* of the sample */
    bool types[TN_DTYPE_COUNT];    /* that a row ran with */
    bool instructions[TN_K_COUNT]; /* that occurred in a kernel */
} graph_tally;

/* Runs a row for every op and element type; reports through the test. */
void graph_run_case(graph_tally *tally, const graph_case *c);
/* Why a device does not run an element type, or NULL. */
const char *graph_device_lacks(const tn_graph_device *device, tn_dtype dtype);
/* True if the word is in the list. */
bool graph_word_in(const char *list, const char *word);

#endif
