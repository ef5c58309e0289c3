/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_PROCESS_H
#define TN_RUNTIME_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A child process that is spoken to through its standard input and output.
 * Its death never raises a signal here. */
typedef struct tn_process {
    int pid;    /* 0: none */
    int socket;
} tn_process;

/* `args` ends with NULL and begins with the program's path. 0 or an errno. */
int tn_process_start(const char *const *args, tn_process *out);
/* Kills it if it still runs; waits for its end. None is fine. */
void tn_process_end(tn_process *process);

/* How a transfer came out. */
typedef enum tn_transfer {
    TN_TRANSFER_DONE,
    TN_TRANSFER_LATE,   /* `deadline` has passed */
    TN_TRANSFER_BROKEN, /* the process has ended or does not listen */
} tn_transfer;

/* All bytes or a failure. `deadline`: of tn_process_now; 0: none. */
tn_transfer tn_process_send(const tn_process *process, const void *from, size_t bytes,
    uint64_t deadline);
tn_transfer tn_process_receive(const tn_process *process, void *to, size_t bytes,
    uint64_t deadline);
uint64_t tn_process_now(void); /* nanoseconds */

#endif
