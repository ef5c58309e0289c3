/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/weight_files.h"

#include <errno.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* A disk with one file, the input, under any name. */
static int
open_read(void *self, const char *path, int *fd)
{
    (void)self, (void)path;
    *fd = 3;
    return 0;
}

static int
size_of(void *self, int fd, uint64_t *bytes)
{
    const tn_fuzz *fuzz = self;

    (void)fd;
    *bytes = fuzz->size;
    return 0;
}

static int
close_file(void *self, int fd)
{
    (void)self, (void)fd;
    return 0;
}

static int
map(void *self, int fd, uint64_t bytes, const void **at)
{
    const tn_fuzz *fuzz = self;

    (void)fd, (void)bytes;
    *at = fuzz->size ? fuzz->data : NULL;
    return 0;
}

static int
unmap(void *self, const void *at, uint64_t bytes)
{
    (void)self, (void)at, (void)bytes;
    return 0;
}

static int
real_path(void *self, const char *path, char *out, size_t room)
{
    (void)self;
    if (strlen(path) >= room)
        return ERANGE;
    memcpy(out, path, strlen(path) + 1);
    return 0;
}

/* As its own type and as doubles. Memory of exactly the size that is asked for,
 * so that AddressSanitizer sees its end. */
static tn_status
read_tensor(tn_store *store, const tn_file_tensor *t, tn_dtype wanted)
{
    int64_t own = tn_dtype_bytes(t->dtype), other = tn_dtype_bytes(wanted);
    size_t bytes = (size_t)t->elements * (size_t)(own > other ? own : other);
    tn_store_want want = {.tensor = t, .dtype = wanted, .to = malloc(bytes ? bytes : 1)};
    tn_status status = want.to ? tn_store_read(store, t->file, &want, 1) : TN_NO_MEMORY;

    free(want.to);
    return status;
}

/* Every tensor of a file that opens lies within it, and is read. */
static tn_status
read_all(void *arg)
{
    tn_fuzz *fuzz = arg;
    const tn_files files = {.self = fuzz,
        .open_read = open_read,
        .size = size_of,
        .close = close_file,
        .map = map,
        .unmap = unmap,
        .real_path = real_path};
    tn_env env = {tn_alloc_system(), &files, &fuzz->diag};
    tn_store store = {.env = &env, .arena = fuzz->arena};
    tn_map tensors = {.arena = fuzz->arena};

    TN_TRY(tn_store_open(&store, ".", "x.safetensors", NULL, &tensors));
    for (uint32_t i = 0; i < tensors.count; i++) {
        const tn_file_tensor *t = tensors.entries[i].value;

        TN_FUZZ_HOLDS(t->offset <= fuzz->size && t->bytes <= fuzz->size - t->offset);
        if (t->dtype == TN_DTYPE_COUNT)
            continue;
        TN_FUZZ_HOLDS((uint64_t)t->elements * (uint64_t)tn_dtype_bytes(t->dtype) == t->bytes);
        TN_TRY(read_tensor(&store, t, t->dtype));
        TN_TRY(read_tensor(&store, t, TN_F64));
    }
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)!tn_fuzz_run(data, size, read_all);
    return 0;
}
