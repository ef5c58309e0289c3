/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_EVALUATE_TEXT_H
#define TN_TESTS_SUPPORT_EVALUATE_TEXT_H

#include <stdbool.h>

/* Runs a graph in its text form, without the first line, through the
 * reference and checks what its outputs hold.
 *
 *     tn_evaluate("x: f32[2] = constant {type=f32[2], data=[1,-2]}\n"
 *                 "y = neg x\n"
 *                 "output y = y\n", "-1 2", 0);
 *
 * `wanted`: the numbers of each output in order, outputs separated by "|";
 * nan, inf, true, false; 0 and -0 are told apart. Each float within
 * `tolerance` times |wanted| (0: the same double). `line` reports failures. */
void tn_evaluate_at(const char *text, const char *wanted, double tolerance, const char *file,
    int line);
/* The graph is refused, or its run fails, with code 3 and this message. */
void tn_evaluate_fails_at(const char *text, const char *message, const char *file, int line);

#define tn_evaluate(text, wanted, tolerance) \
    tn_evaluate_at(text, wanted, tolerance, __FILE__, __LINE__)
#define tn_evaluate_fails(text, message) tn_evaluate_fails_at(text, message, __FILE__, __LINE__)

#endif
