/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/lane_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/compiled.h"

static size_t
bytes_of(const tn_case_buffer *b)
{
    return (size_t)b->count * (size_t)tn_dtype_bytes((tn_dtype)b->dtype);
}

static bool
put(FILE *file, const void *at, size_t bytes)
{
    return bytes == 0 || fwrite(at, bytes, 1, file) == 1;
}

static bool
put_all(FILE *file, const tn_case_head *head, const tn_lane_case *c, tn_span object)
{
    bool done = put(file, head, sizeof *head) && put(file, object.at, object.bytes);

    for (uint32_t i = 0; i < head->buffers; i++)
        done = done && put(file, c->before[i], bytes_of(&c->buffer[i])) &&
            put(file, c->after[i], bytes_of(&c->buffer[i]));
    return done && put(file, c->status, (size_t)head->sites * 16);
}

/* A name no other case of this or another process has. */
static FILE *
open_next(const char *folder)
{
    char path[4096];

    for (int i = 0; i < 100000; i++) {
        FILE *file;

        snprintf(path, sizeof path, "%s/%ld-%d.case", folder, (long)getpid(), i);
        file = fopen(path, "wbx");
        if (file)
            return file;
    }
    return NULL;
}

bool
tn_lane_case_write(tn_arena *arena, tn_diag *diag, const tn_lane_case *c)
{
    const char *folder = getenv("TN_AARCH64_CASES");
    tn_case_head head = {.magic = TN_CASE_MAGIC,
        .buffers = c->k->globals.count,
        .sites = c->k->sites.count,
        .tasks = c->tasks};
    int64_t scratch = 0;
    tn_span object;
    FILE *file;
    bool done;

    if (!folder)
        return true;
    if (head.buffers > TN_CASE_BUFFERS || c->k->sizes.count > TN_CASE_SIZES)
        return false;
    for (uint32_t i = 0; i < c->k->sizes.count; i++)
        head.sizes[i] = c->sizes[i];
    memcpy(head.buffer, c->buffer, head.buffers * sizeof *c->buffer);
    if (!tn_formula_eval(c->k->scratch, head.sizes, c->k->sizes.count, &scratch) ||
        tn_compiled_object(arena, diag, c->k, "cpu:aarch64", &object) != TN_OK)
        return false;
    head.scratch_bytes = (uint64_t)scratch;
    head.object_bytes = object.bytes;
    file = open_next(folder);
    if (!file)
        return false;
    done = put_all(file, &head, c, object);
    return fclose(file) == 0 && done;
}
