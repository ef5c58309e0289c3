/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_SIGNALS_H
#define TN_TOOLS_SIGNALS_H

/* SIGINT and SIGTERM end the program with 130 and 143 after the temporary file
 * that is being written, if any, has been removed; SIGPIPE is an ordinary
 * write error. */
void tn_signals_install(void);

#endif
