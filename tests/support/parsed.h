/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_PARSED_H
#define TN_TESTS_SUPPORT_PARSED_H

#include "ir/graph/graph.h"

/* A graph from its text form, to be looked at. */
typedef struct parsed {
    const char *text;
    bool cleaned; /* the passes have run */
    tn_arena *arena;
    tn_diag diag;
    tn_graph *g;
    const char *printed;
} parsed;

/* Parses `text`, runs all passes if `clean`, verifies and prints. False, with
 * a failed check, if that does not work. Close it in any case. */
bool parsed_open(parsed *p, const char *text, bool clean);
void parsed_close(parsed *p);

#endif
