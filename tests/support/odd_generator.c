/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backends/backend.h"

/* A module for tests: what its generator does is the target text. */

typedef struct odd {
    const tn_host *host;
    tn_plugin head;
    tn_backend backend;
    const tn_backend *list[2];
} odd;

static int
compile(void *self, const char *target, tn_blob kernel, void (*take)(void *to, tn_blob code),
    void *to)
{
    const odd *o = self;
    const struct timespec long_time = {600, 0};

    if (o->host->log)
        o->host->log(o->host->self, 3, "odd compiles");
    if (strcmp(target, "die") == 0)
        raise(SIGKILL);
    if (strcmp(target, "hang") == 0)
        nanosleep(&long_time, NULL);
    if (strcmp(target, "refuse") == 0) {
        o->host->explain(o->host->self, "this is not to its taste");
        return 4;
    }
    if (strcmp(target, "talk") == 0) {
        puts("(a module that prints)");
        fflush(stdout);
    }
    take(to, kernel);
    return 0;
}

TN_PLUGIN_QUERY(odd_generator)(uint32_t abi, const tn_host *host)
{
    static odd o;

    if (abi != TN_ABI)
        return NULL;
    o.host = host;
    o.backend = (tn_backend){.size = sizeof o.backend,
        .abi = TN_ABI,
        .name = "odd",
        .family = "strange",
        .version = "7",
        .compile = compile,
        .self = &o};
    o.list[0] = &o.backend;
    o.head = (tn_plugin){
        .size = sizeof o.head, .abi = TN_ABI, .name = "odd", .version = "7", .backends = o.list};
    return &o.head;
}
