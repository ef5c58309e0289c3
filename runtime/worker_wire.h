/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_WORKER_WIRE_H
#define TN_RUNTIME_WORKER_WIRE_H

#include <stdint.h>

/* What tenon and its worker process (`tenon-worker MODULE`) say to each other
 * over the worker's standard input and output, one stream socket. Both run on
 * one machine and come from one build: numbers are as they lie in memory.
 *
 * The worker first sends a reply whose text is the generator's name, family
 * and version, each ended by a zero byte; or a failure. Then each request
 * gets one reply. The end of the stream ends the worker. */
enum {
    TN_WORKER_MAGIC = 0x31776e74, /* "tnw1" */
    TN_WORKER_TEXT_LIMIT = 4096,
    TN_WORKER_BYTES_LIMIT = 1 << 28,
};

/* Followed by `target_bytes` of target text with its zero byte, then the
 * kernel. */
typedef struct tn_worker_request {
    uint32_t magic, target_bytes;
    uint64_t kernel_bytes;
} tn_worker_request;

/* Followed by the text (an explanation, not zero-terminated), then the code. */
typedef struct tn_worker_reply {
    uint32_t magic;
    int32_t status;
    uint32_t text_bytes, reserved;
    uint64_t code_bytes;
} tn_worker_reply;

#endif
