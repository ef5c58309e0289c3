/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/hash.h"

#include <string.h>

#include "tests/support/test.h"

static void
check(const char *text, const char *wanted)
{
    tn_hash hash = tn_hash_of(text, strlen(text));
    char hex[TN_HASH_HEX];

    tn_hash_hex(&hash, hex);
    TN_CHECK_STR(hex, wanted);
}

/* The examples of FIPS 180-2, appendix B, and the empty message. */
TN_TEST(agrees_with_the_standard)
{
    tn_hasher h;
    tn_hash hash;
    char hex[TN_HASH_HEX];

    check("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    tn_hash_start(&h);
    for (int i = 0; i < 15625; i++)
        tn_hash_add(&h, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 64);
    hash = tn_hash_end(&h);
    tn_hash_hex(&hash, hex);
    TN_CHECK_STR(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length around the block, in every division into two parts. */
TN_TEST(does_not_depend_on_how_it_is_fed)
{
    uint8_t bytes[200];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t length = 0; length <= sizeof bytes; length += length < 130 ? 1 : 7) {
        tn_hash whole = tn_hash_of(bytes, length);

        for (size_t cut = 0; cut <= length; cut++) {
            tn_hasher h;
            tn_hash parts;

            tn_hash_start(&h);
            tn_hash_add(&h, bytes, cut);
            tn_hash_add(&h, bytes + cut, length - cut);
            parts = tn_hash_end(&h);
            TN_CHECK(memcmp(&parts, &whole, sizeof whole) == 0);
        }
    }
}

TN_MAIN(TN_CASE(agrees_with_the_standard), TN_CASE(does_not_depend_on_how_it_is_fed))
