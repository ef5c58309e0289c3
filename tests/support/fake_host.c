/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_host.h"

#include <stdio.h>
#include <string.h>

static void *
resize(void *self, void *old, size_t old_bytes, size_t bytes)
{
    const tn_fake_host *host = self;

    return host->alloc->resize(host->alloc->self, old, old_bytes, bytes);
}

static void
log_text(void *self, int level, const char *text)
{
    tn_fake_host *host = self;

    (void)level, (void)text;
    host->logs++;
}

static void
explain(void *self, const char *text)
{
    tn_fake_host *host = self;

    snprintf(host->why, sizeof host->why, "%s", text);
}

void
tn_fake_host_init(tn_fake_host *host, const tn_alloc *alloc)
{
    memset(host, 0, sizeof *host);
    host->alloc = alloc;
    host->table = (tn_host){.size = sizeof host->table,
        .self = host,
        .resize = resize,
        .log = log_text,
        .explain = explain};
}
