/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_SIGNALS_H
#define TN_TOOLS_SIGNALS_H

#include "ir/base/files.h"

/* SIGINT and SIGTERM end the program with 130 and 143 after the temporary
 * files that are being written have been removed; SIGPIPE is an ordinary
 * write error. */
void tn_signals_install(void);

/* The system's files, which note what is being written for the signals above.
 * Usable by several threads; what is beyond 16 files at once is not noted. */
const tn_files *tn_signals_files(void);

#endif
