/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static void
end(int signal_number)
{
    /* A file under its final name is always whole, so there is nothing to
     * undo; exit codes are those of the contract. */
    _exit(128 + signal_number);
}

void
tn_signals_install(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = end;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}
