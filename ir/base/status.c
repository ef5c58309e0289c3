/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/status.h"

const char *
tn_status_name(tn_status status)
{
    switch (status) {
#define TN_STATUS(name, code, sentence) \
    case TN_##name: return #name;
#include "ir/base/status.def"
    }
    return "BUG";
}

const char *
tn_status_sentence(tn_status status)
{
    switch (status) {
#define TN_STATUS(name, code, sentence) \
    case TN_##name: return sentence;
#include "ir/base/status.def"
    }
    return tn_status_sentence(TN_BUG);
}
