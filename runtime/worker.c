/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "runtime/process.h"
#include "runtime/worker_wire.h"

/* How long a fresh process may take to load its module. */
#define START_NS 30000000000u

struct tn_worker {
    const tn_host *host;
    tn_alloc alloc;
    tn_worker_options options;
    char *program, *module;
    char text[TN_WORKER_TEXT_LIMIT]; /* name, family, version */
    tn_backend backend;
    pthread_mutex_t lock; /* of the two below */
    pthread_cond_t returned;
    uint32_t busy; /* processes in use */
    tn_process idle[TN_WORKER_PROCESSES];
    uint32_t idle_count;
};

/* One exchange with a process. */
typedef struct exchange {
    tn_worker *worker;
    tn_process process;
    tn_worker_reply reply;
    char text[TN_WORKER_TEXT_LIMIT + 1];
    uint8_t *code;
} exchange;

static int
explain(const tn_worker *w, tn_status status, const char *what)
{
    if (w->host->explain)
        w->host->explain(w->host->self, what);
    return (int)status;
}

static int
failed_transfer(const tn_worker *w, tn_transfer how)
{
    char text[128];

    if (how == TN_TRANSFER_BROKEN)
        return explain(w, TN_FAILED, "the process that generates code has ended");
    snprintf(text, sizeof text, "generating code took longer than %llu ms",
        (unsigned long long)(w->options.timeout_ns / 1000000));
    return explain(w, TN_CANCELLED, text);
}

static tn_transfer
receive_reply(exchange *x, uint64_t deadline)
{
    tn_worker_reply *r = &x->reply;
    tn_transfer how = tn_process_receive(&x->process, r, sizeof *r, deadline);

    if (how != TN_TRANSFER_DONE)
        return how;
    if (r->magic != TN_WORKER_MAGIC || r->text_bytes > TN_WORKER_TEXT_LIMIT ||
        r->code_bytes > TN_WORKER_BYTES_LIMIT)
        return TN_TRANSFER_BROKEN;
    how = tn_process_receive(&x->process, x->text, r->text_bytes, deadline);
    x->text[r->text_bytes] = 0;
    return how;
}

static int
start(tn_worker *w, exchange *x)
{
    const char *args[] = {w->program, w->module, NULL};
    int error = tn_process_start(args, &x->process);
    char text[256];

    if (error) {
        snprintf(text, sizeof text, "%.150s cannot be started: %s", w->program, strerror(error));
        return explain(w, TN_PLUGIN, text);
    }
    if (receive_reply(x, tn_process_now() + START_NS) != TN_TRANSFER_DONE)
        return explain(w, TN_PLUGIN, "the process that generates code does not answer");
    return x->reply.status ? explain(w, TN_PLUGIN, x->text) : TN_OK;
}

/* Waits for a turn; an idle process, or none yet. */
static void
take_turn(tn_worker *w, tn_process *out)
{
    *out = (tn_process){0};
    pthread_mutex_lock(&w->lock);
    while (w->busy == w->options.processes)
        pthread_cond_wait(&w->returned, &w->lock);
    w->busy++;
    if (w->idle_count)
        *out = w->idle[--w->idle_count];
    pthread_mutex_unlock(&w->lock);
}

static void
end_turn(tn_worker *w, const tn_process *process)
{
    pthread_mutex_lock(&w->lock);
    w->busy--;
    if (process->pid)
        w->idle[w->idle_count++] = *process;
    pthread_cond_signal(&w->returned);
    pthread_mutex_unlock(&w->lock);
}

static tn_transfer
send_request(const exchange *x, const char *target, tn_blob kernel, uint64_t deadline)
{
    tn_worker_request q = {.magic = TN_WORKER_MAGIC,
        .target_bytes = (uint32_t)strlen(target) + 1,
        .kernel_bytes = kernel.bytes};
    tn_transfer how = tn_process_send(&x->process, &q, sizeof q, deadline);

    if (how == TN_TRANSFER_DONE)
        how = tn_process_send(&x->process, target, q.target_bytes, deadline);
    if (how == TN_TRANSFER_DONE)
        how = tn_process_send(&x->process, kernel.at, kernel.bytes, deadline);
    return how;
}

/* The status of the compile; a process that can no longer be trusted is
 * ended. */
static int
ask(exchange *x, const char *target, tn_blob kernel)
{
    tn_worker *w = x->worker;
    uint64_t limit = w->options.timeout_ns, deadline = limit ? tn_process_now() + limit : 0;
    tn_transfer how = send_request(x, target, kernel, deadline);

    if (how == TN_TRANSFER_DONE)
        how = receive_reply(x, deadline);
    if (how == TN_TRANSFER_DONE && x->reply.code_bytes) {
        x->code = tn_alloc_get(&w->alloc, (size_t)x->reply.code_bytes);
        if (!x->code) {
            tn_process_end(&x->process);
            return explain(w, TN_NO_MEMORY, "out of memory: generated code");
        }
        how = tn_process_receive(&x->process, x->code, (size_t)x->reply.code_bytes, deadline);
    }
    if (how != TN_TRANSFER_DONE) {
        tn_process_end(&x->process);
        return failed_transfer(w, how);
    }
    return x->reply.status ? explain(w, (tn_status)x->reply.status, x->text) : TN_OK;
}

static int
compile(void *self, const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code),
    void *to)
{
    tn_worker *w = self;
    exchange x = {.worker = w};
    int status = TN_OK;

    if (strlen(target) >= TN_WORKER_TEXT_LIMIT || kernel.bytes > TN_WORKER_BYTES_LIMIT)
        return explain(w, TN_LIMIT, "a kernel too large for the process that generates code");
    take_turn(w, &x.process);
    if (!x.process.pid)
        status = start(w, &x);
    if (status == TN_OK)
        status = ask(&x, target, kernel);
    else
        tn_process_end(&x.process);
    end_turn(w, &x.process);
    if (status == TN_OK)
        take(to, (tn_blob){x.code, (size_t)x.reply.code_bytes});
    tn_alloc_free(&w->alloc, x.code, (size_t)x.reply.code_bytes);
    return status;
}

static void
shut_down(void *self)
{
    tn_worker_close(self);
}

static char *
copy_text(const tn_alloc *alloc, const char *text)
{
    char *at = tn_alloc_get(alloc, strlen(text) + 1);

    return at ? strcpy(at, text) : NULL;
}

/* Three texts, each ended within the reply. */
static bool
set_names(tn_worker *w, const exchange *x)
{
    const char *name = w->text, *end = w->text + x->reply.text_bytes, *family, *version;

    memcpy(w->text, x->text, x->reply.text_bytes);
    if (x->reply.text_bytes == 0 || end[-1] != 0)
        return false;
    family = name + strlen(name) + 1;
    version = family < end ? family + strlen(family) + 1 : end;
    if (version >= end)
        return false;
    w->backend = (tn_backend){.size = sizeof w->backend,
        .abi = TN_ABI,
        .name = name,
        .family = family,
        .version = version,
        .compile = compile,
        .shutdown = shut_down,
        .self = w};
    return true;
}

static tn_status
open_first(tn_worker *w, tn_diag *diag)
{
    exchange x = {.worker = w};

    if (!w->program || !w->module)
        return tn_fail_memory(diag, 0, "a code generator");
    take_turn(w, &x.process);
    if (start(w, &x) != TN_OK || !set_names(w, &x)) {
        tn_process_end(&x.process);
        end_turn(w, &x.process);
        return tn_fail(diag, TN_PLUGIN, "%s: %s", w->program,
            x.text[0] ? x.text : "it cannot be started");
    }
    end_turn(w, &x.process);
    return TN_OK;
}

tn_status
tn_worker_open(const tn_host *host, tn_diag *diag, const tn_worker_options *options,
    tn_worker **out)
{
    tn_alloc alloc = {host->self, host->resize};
    tn_worker *w = tn_alloc_zero(&alloc, sizeof *w);
    tn_status status;

    *out = NULL;
    if (!w)
        return tn_fail_memory(diag, sizeof *w, "a code generator");
    w->host = host;
    w->alloc = alloc;
    w->options = *options;
    w->options.processes = options->processes < 1  ? 1
        : options->processes > TN_WORKER_PROCESSES ? TN_WORKER_PROCESSES
                                                   : options->processes;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->returned, NULL);
    w->program = copy_text(&alloc, options->program);
    w->module = copy_text(&alloc, options->module);
    status = open_first(w, diag);
    if (status == TN_OK)
        *out = w;
    else
        tn_worker_close(w);
    return status;
}

void
tn_worker_close(tn_worker *w)
{
    tn_alloc alloc;

    if (!w)
        return;
    alloc = w->alloc;
    while (w->idle_count)
        tn_process_end(&w->idle[--w->idle_count]);
    tn_alloc_free(&alloc, w->program, w->program ? strlen(w->program) + 1 : 0);
    tn_alloc_free(&alloc, w->module, w->module ? strlen(w->module) + 1 : 0);
    pthread_cond_destroy(&w->returned);
    pthread_mutex_destroy(&w->lock);
    tn_alloc_free(&alloc, w, sizeof *w);
}

const tn_backend *
tn_worker_backend(const tn_worker *worker)
{
    return &worker->backend;
}
