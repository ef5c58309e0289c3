/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_OPENCL_CL_SPELL_H
#define TN_BACKENDS_OPENCL_CL_SPELL_H

/* How OpenCL C spells each native function: %a %b %c operands, %t the type of
 * the result, %u the unsigned integer type of its width. Three spellings:
 * floats (f), integers (i), bool (b); NULL where a type has none. Signed
 * arithmetic goes through unsigned types because integers wrap here and are
 * undefined in C. */
#define CL_BOTH(text) {text, text, text}

#define CL_add {"%a + %b", "(%t)((%u)%a + (%u)%b)", 0}
#define CL_sub {"%a - %b", "(%t)((%u)%a - (%u)%b)", 0}
#define CL_mul {"%a * %b", "(%t)((%u)%a * (%u)%b)", 0}
#define CL_div {"%a / %b", "(%b == (%t)-1 ? (%t)((%u)0 - (%u)%a) : (%t)(%a / %b))", 0}
#define CL_div_unsigned "(%t)(%a / %b)"
#define CL_rem {0, "(%b == (%t)-1 ? (%t)0 : (%t)(%a %% %b))", 0}
#define CL_rem_unsigned "(%t)(%a %% %b)"
#define CL_neg {"-%a", "(%t)((%u)0 - (%u)%a)", 0}
#define CL_abs {"fabs(%a)", "(%t)abs(%a)", 0}
/* A NaN makes both comparisons false and comes out of the sum. */
#define CL_min {"(%a <= %b ? %a : %b < %a ? %b : %a + %b)", "min(%a, %b)", 0}
#define CL_max {"(%a >= %b ? %a : %b > %a ? %b : %a + %b)", "max(%a, %b)", 0}
#define CL_minq {"fmin(%a, %b)", "min(%a, %b)", 0}
#define CL_maxq {"fmax(%a, %b)", "max(%a, %b)", 0}
#define CL_fma {"fma(%a, %b, %c)", 0, 0}
#define CL_sqrt {"sqrt(%a)", 0, 0}
#define CL_floor {"floor(%a)", 0, 0}
#define CL_round {"rint(%a)", 0, 0}
#define CL_trunc {"trunc(%a)", 0, 0}
#define CL_and {0, "(%t)(%a & %b)", "(%a && %b)"}
#define CL_or {0, "(%t)(%a | %b)", "(%a || %b)"}
#define CL_xor {0, "(%t)(%a ^ %b)", "(%a != %b)"}
#define CL_shl {0, "(%t)((%u)%a << (%u)%b)", 0}
#define CL_shr {0, "(%t)(%a >> %b)", 0}
#define CL_mulhi {0, "mul_hi(%a, %b)", 0}
#define CL_eq CL_BOTH("(%a == %b)")
#define CL_lt CL_BOTH("(%a < %b)")
#define CL_le CL_BOTH("(%a <= %b)")
#define CL_select CL_BOTH("(%a ? %b : %c)")
/* Written out by the generator: they depend on two types. */
#define CL_cast {0, 0, 0}
#define CL_bits {0, 0, 0}

#endif
