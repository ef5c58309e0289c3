/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_REAL_H
#define TN_IR_REAL_H

/* Functions of doubles whose results depend on no C library: what is folded
 * while a graph is read, or computed when a run binds its symbols, must be
 * the same bits wherever tenon runs. Computed with two doubles a number
 * (Dekker, "A floating-point technique for extending the available
 * precision", 1971) to about 100 bits and rounded at the end. Special values
 * as in C. */
double tn_real_exp(double x);
double tn_real_log(double x);
/* NaN beyond 2^50, where no digit of the angle is left in practice. */
double tn_real_sin(double x);
double tn_real_cos(double x);
double tn_real_tanh(double x);
double tn_real_pow(double x, double y);
/* The remainder with the sign of y, exact; a zero has y's sign. NaN for
 * y = 0 or x infinite. */
double tn_real_mod(double x, double y);

#endif
