/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/random.h"

#include "tests/support/test.h"

TN_TEST(philox_gives_the_published_words)
{
    uint32_t w[4];

    tn_philox(0, 0, w);
    TN_CHECK(w[0] == 0x6627e8d5u && w[1] == 0xe169c58du);
    TN_CHECK(w[2] == 0xbc57ac4cu && w[3] == 0x9b00dbd8u);
}

TN_TEST(seeded_weight_is_the_one_of_the_specification)
{
    uint64_t key = tn_random_key(7, "w1");
    uint32_t word = tn_random_word(key, 0);

    TN_CHECK(key == 0x8e0abdf98d6fb27du || key == 0x7db26f8df9bd0a8eu);
    TN_CHECK(word == 0x5480a493u);
    TN_CHECK(tn_random_uniform32(word) == 0.33008790016174316);
    TN_CHECK(tn_random_normal(word) == 922056.0 / 2097152.0);
}

TN_TEST(normal_numbers_are_symmetric_and_bounded)
{
    double sum = 0, squares = 0;

    for (uint32_t i = 0; i < 20000; i++) {
        double v = tn_random_normal(tn_random_word(3, i));

        sum += v;
        squares += v * v;
    }
    TN_CHECK(sum / 20000 > -0.03 && sum / 20000 < 0.03);
    TN_CHECK(squares / 20000 > 0.97 && squares / 20000 < 1.03);
    TN_CHECK(tn_random_normal(0) == -tn_random_normal(0x80000000u));
    TN_CHECK(tn_random_normal(0x7fffffffu) >= 0);
    TN_CHECK(tn_random_normal(0) == 13291661.0 / 2097152.0);
}

TN_TEST(whole_numbers_stay_in_their_range)
{
    TN_CHECK(tn_random_between(0, -3, 5) == -3);
    TN_CHECK(tn_random_between(0xffffffffu, -3, 5) == 5);
    TN_CHECK(tn_random_between(0xffffffffu, 4, 4) == 4);
}

TN_MAIN(TN_CASE(philox_gives_the_published_words),
    TN_CASE(seeded_weight_is_the_one_of_the_specification),
    TN_CASE(normal_numbers_are_symmetric_and_bounded), TN_CASE(whole_numbers_stay_in_their_range))
