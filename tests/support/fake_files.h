/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_FAKE_FILES_H
#define TN_TESTS_SUPPORT_FAKE_FILES_H

#include "ir/base/files.h"

#include <stdbool.h>

/* A file layer in front of another that makes the n-th call fail, keeps count
 * and records the names of the calls. One thread at a time. */
enum { TN_FAKE_FILES_LOG = 4096 };

typedef struct tn_fake_files {
    tn_files table;
    const tn_files *under;
    int fail_at;    /* this call fails (1 = the first); 0: none */
    int fail_with;  /* an errno value; that of a full disk when 0 */
    bool stay_down; /* all later calls fail as well, as after a crash */
    size_t most;    /* read and write move at most so many bytes a call; 0: all */
    int calls;
    bool failed;
    int open;   /* descriptors opened and not closed */
    int mapped; /* mappings made and not undone */
    char log[TN_FAKE_FILES_LOG]; /* "create write write sync close rename " */
} tn_fake_files;

void tn_fake_files_init(tn_fake_files *files, const tn_files *under, int fail_at);

#endif
