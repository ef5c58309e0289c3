/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_OPTIONS_H
#define TN_TOOLS_OPTIONS_H

#include <stdbool.h>

#include "ir/base/diag.h"
#include "ir/base/text.h"
#include "ir/base/vec.h"

typedef enum tn_verb {
#define TN_VERB(name, ...) TN_VERB_##name,
#include "tools/options.def"
    TN_VERB_COUNT
} tn_verb;

typedef enum tn_option_id {
#define TN_OPTION(id, ...) TN_OPT_##id,
#include "tools/options.def"
    TN_OPT_COUNT
} tn_option_id;

typedef enum tn_option_kind {
    TN_OPTION_FLAG,
    TN_OPTION_TEXT,
    TN_OPTION_WHOLE,
    TN_OPTION_LIST,
} tn_option_kind;

/* What was given for one option. */
typedef struct tn_option_value {
    bool given;
    const char *text; /* TEXT: the last one */
    int64_t whole;
    TN_VEC(const char *) list;
} tn_option_value;

typedef struct tn_options {
    tn_verb verb;
    bool has_verb;
    bool version;
    TN_VEC(const char *) operands;
    tn_option_value value[TN_OPT_COUNT];
} tn_options;

/* TN_USAGE names the word that is wrong and the nearest right one. Call inside
 * a guard of `arena`; words of argv are borrowed. */
tn_status tn_options_parse(tn_arena *arena, tn_diag *diag, int argc, char **argv, tn_options *out)
    TN_MUST_USE;
/* Help of the program, or of the verb if there is one. */
void tn_options_help(tn_text *out, const tn_options *options);
/* The page docs/cli.md. */
void tn_options_markdown(tn_text *out);

static inline bool
tn_flag(const tn_options *o, tn_option_id id)
{
    return o->value[id].given;
}

#endif
