/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "backends/opencl/cl_plugin.h"
#include "ir/base/hash.h"

/* Program binaries from one run to the next, under device, driver, options
 * and text. */

enum { KEY_ROOM = TN_CL_TEXT + 256 };

static tn_blob
key_of(const tn_device *d, tn_blob text, const char *options, char *room)
{
    tn_hash hash = tn_hash_of(text.at, text.bytes);
    char hex[TN_HASH_HEX];

    tn_hash_hex(&hash, hex);
    snprintf(room, KEY_ROOM, "opencl program\n%s\n%s\n%s", d->found->identity, options, hex);
    return (tn_blob){room, strlen(room)};
}

static bool
has_disk(const tn_host *host)
{
    return host->size >= offsetof(tn_host, cache_keep) + sizeof host->cache_keep &&
        host->cache_find && host->cache_keep;
}

typedef struct taker {
    const tn_device *d;
    const char *options;
    cl_program program;
} taker;

static void
make(void *to, tn_blob kept)
{
    taker *t = to;
    const tn_cl_entries *cl = &t->d->c->cl;
    const unsigned char *bytes = kept.at;
    cl_int error, loaded = CL_SUCCESS;

    t->program = cl->clCreateProgramWithBinary(t->d->context, 1, &t->d->found->id, &kept.bytes,
        &bytes, &loaded, &error);
    if (error == CL_SUCCESS)
        error = loaded;
    if (error == CL_SUCCESS)
        error = cl->clBuildProgram(t->program, 1, &t->d->found->id, t->options, NULL, NULL);
    if (error == CL_SUCCESS || !t->program)
        return;
    cl->clReleaseProgram(t->program);
    t->program = NULL;
}

cl_program
tn_cl_cache_find(const tn_device *d, tn_blob text, const char *options)
{
    const tn_host *host = d->c->base.host;
    taker t = {.d = d, .options = options};
    char room[KEY_ROOM];

    if (has_disk(host))
        host->cache_find(host->self, key_of(d, text, options, room), make, &t);
    return t.program;
}

void
tn_cl_cache_keep(const tn_device *d, tn_blob text, const char *options, cl_program program)
{
    const tn_host *host = d->c->base.host;
    const tn_cl_entries *cl = &d->c->cl;
    char room[KEY_ROOM];
    size_t bytes = 0;
    unsigned char *binary;

    if (!has_disk(host) ||
        cl->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) !=
            CL_SUCCESS ||
        !bytes)
        return;
    binary = tn_alloc_get(&d->c->base.alloc, bytes);
    if (binary &&
        cl->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) ==
            CL_SUCCESS)
        host->cache_keep(host->self, key_of(d, text, options, room), (tn_blob){binary, bytes});
    tn_alloc_free(&d->c->base.alloc, binary, bytes);
}
