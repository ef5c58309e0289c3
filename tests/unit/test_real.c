/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/real.h"

#include <math.h>

#include "ir/number.h"
#include "tests/support/test.h"

/* One unit in the last place of `wanted` at most. */
static bool
close_to(double found, double wanted)
{
    if (isnan(wanted) || isinf(wanted) || wanted == 0)
        return isnan(wanted) ? isnan(found) : found == wanted;
    double unit = nextafter(fabs(wanted), HUGE_VAL) - fabs(wanted);
    return fabs(found - wanted) <= unit;
}

static double
draw(uint64_t *state, double low, double high)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return low + (double)(*state >> 11) * 0x1p-53 * (high - low);
}

TN_TEST(against_the_c_library)
{
    uint64_t state = 7;
    int wrong = 0;
    for (int i = 0; i < 20000; i++) {
        double x = draw(&state, -740, 709), u = draw(&state, -50, 50), p = exp(u);
        double y = draw(&state, -12, 12);
        wrong += !close_to(tn_real_exp(x), exp(x));
        wrong += !close_to(tn_real_log(p), log(p));
        wrong += !close_to(tn_real_sin(u), sin(u));
        wrong += !close_to(tn_real_cos(u), cos(u));
        wrong += !close_to(tn_real_tanh(u / 10), (double)tanhl(u / 10));
        wrong += !close_to(tn_real_pow(p, y), pow(p, y));
    }
    TN_CHECK_EQ(wrong, 0);
}

TN_TEST(exact_results)
{
    TN_CHECK_SAME(tn_real_exp(0), 1);
    TN_CHECK_SAME(tn_real_exp(1), 0x1.5bf0a8b145769p+1);
    TN_CHECK_SAME(tn_real_log(1), 0);
    TN_CHECK_SAME(tn_real_log(10000), 0x1.26bb1bbb55516p+3);
    TN_CHECK_SAME(tn_real_log(0x1p-1074), -0x1.74385446d71c3p+9);
    TN_CHECK_SAME(tn_real_pow(2, 10), 1024);
    TN_CHECK_SAME(tn_real_pow(10, 22), 1e22);
    TN_CHECK_SAME(tn_real_pow(1.4142135623730951, 2), 2.0000000000000004);
    TN_CHECK_SAME(tn_real_log(0.70710678118654757), -0.34657359027997259);
    TN_CHECK_SAME(tn_real_log(0.70710678118654746), -0.34657359027997275);
    TN_CHECK_SAME(tn_real_pow(-2, 3), -8);
    TN_CHECK_SAME(tn_real_sin(0x1p40), sin(0x1p40));
    TN_CHECK_SAME(tn_real_sin(3.141592653589793), 0x1.1a62633145c07p-53);
    TN_CHECK_SAME(tn_real_tanh(1e-10), 1e-10);
}

TN_TEST(special_values)
{
    TN_CHECK_SAME(tn_real_exp(1000), HUGE_VAL);
    TN_CHECK_SAME(tn_real_exp(-1000), 0);
    TN_CHECK(isnan(tn_real_log(-1)));
    TN_CHECK_SAME(tn_real_log(0), -HUGE_VAL);
    TN_CHECK_SAME(tn_real_pow(NAN, 0), 1);
    TN_CHECK_SAME(tn_real_pow(1, NAN), 1);
    TN_CHECK(isnan(tn_real_pow(-2, 0.5)));
    TN_CHECK_SAME(tn_real_pow(-0.0, -3), -HUGE_VAL);
    TN_CHECK_SAME(tn_real_pow(0, 2), 0);
    TN_CHECK_SAME(tn_real_pow(-HUGE_VAL, 3), -HUGE_VAL);
    TN_CHECK_SAME(tn_real_pow(0.5, HUGE_VAL), 0);
    TN_CHECK_SAME(tn_real_pow(3, 1000), HUGE_VAL);
    TN_CHECK_SAME(tn_real_sin(-0.0), -0.0);
    TN_CHECK_SAME(tn_real_tanh(30), 1);
    TN_CHECK(isnan(tn_real_cos(0x1p60)));
}

TN_TEST(remainders)
{
    TN_CHECK_SAME(tn_real_mod(-7, 2), 1);
    TN_CHECK_SAME(tn_real_mod(7, -2), -1);
    TN_CHECK_SAME(tn_real_mod(-6, 2), 0);
    TN_CHECK_SAME(tn_real_mod(6, -2), -0.0);
    TN_CHECK(isnan(tn_real_mod(1, 0)));
}

TN_TEST(numbers)
{
    int64_t whole = 0;
    tn_number n = tn_number_real(1e3);
    TN_CHECK(tn_number_is_int(&n, &whole) && whole == 1000);
    n = tn_number_real(0x1p63);
    TN_CHECK(!tn_number_is_int(&n, &whole));
    n = tn_number_real(0.5);
    TN_CHECK(!tn_number_is_int(&n, &whole));
    n = tn_number_real(NAN);
    TN_CHECK(!tn_number_is_int(&n, &whole));
}

TN_TEST(symbolic_numbers)
{
    /* sqrt(symbol 0) / 2 > 1 ? symbol 0 : -1 */
    static const uint8_t code[] = {TN_NOP_SYMBOL, 0, 0, TN_NOP_SQRT, TN_NOP_SYMBOL, 1, 0,
        TN_NOP_DIV, TN_NOP_SYMBOL, 2, 0, TN_NOP_LT, TN_NOP_NOT, TN_NOP_SYMBOL, 0, 0, TN_NOP_SYMBOL,
        2, 0, TN_NOP_NEG, TN_NOP_SELECT};
    tn_number n = {.kind = TN_NUMBER_SYMBOLIC, .code = {code, sizeof code}};
    double out = 0;
    TN_CHECK(tn_number_eval(&n, (int64_t[]){16, 2, 1}, 3, &out));
    TN_CHECK_SAME(out, 16);
    TN_CHECK(tn_number_eval(&n, (int64_t[]){1, 2, 1}, 3, &out));
    TN_CHECK_SAME(out, -1);
    TN_CHECK(!tn_number_eval(&n, (int64_t[]){1, 2}, 2, &out));
    for (uint32_t cut = 4; cut < sizeof code; cut++) {
        n.code.bytes = cut;
        bool ended = tn_number_eval(&n, (int64_t[]){16, 2, 1}, 3, &out);
        /* Only prefixes that leave one value are complete. */
        TN_CHECK(!ended || cut == 4 || cut == 8 || cut == 12 || cut == 13);
    }
    static const uint8_t unknown[] = {200};
    n.code = (tn_formula){unknown, 1};
    TN_CHECK(!tn_number_eval(&n, NULL, 0, &out));
}

TN_MAIN(TN_CASE(against_the_c_library), TN_CASE(exact_results), TN_CASE(special_values),
    TN_CASE(remainders), TN_CASE(numbers), TN_CASE(symbolic_numbers))
