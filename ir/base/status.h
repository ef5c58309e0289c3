/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_BASE_STATUS_H
#define TN_IR_BASE_STATUS_H

#if defined(__GNUC__)
#define TN_MUST_USE __attribute__((warn_unused_result))
#define TN_PRINTF(text, args) __attribute__((format(printf, text, args)))
/* As a statement before a case label that is reached from above on purpose. */
#define TN_FALLTHROUGH __attribute__((fallthrough))
#else
#define TN_MUST_USE
#define TN_PRINTF(text, args)
#define TN_FALLTHROUGH ((void)0)
#endif

/* How a call ended. A status owns nothing; the explanation is in the
 * diagnostics sink. The value is the exit code of the program. */
typedef enum tn_status {
#define TN_STATUS(name, code, sentence) TN_##name = (code),
#include "ir/base/status.def"
} tn_status;

/* "MALFORMED" and its sentence; "BUG" for a number that is no status. */
const char *tn_status_name(tn_status status);
const char *tn_status_sentence(tn_status status);

/* Returns from the enclosing function unless `call` ends well. */
#define TN_TRY(call)                    \
    do {                                \
        tn_status try_status_ = (call); \
        if (try_status_ != TN_OK)       \
            return try_status_;         \
    } while (0)

#endif
