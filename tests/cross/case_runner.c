/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/cpu/cpu_load.h"
#include "tests/support/lane_case.h"

/* Runs the case files named on its command line (tests/support/lane_case.h)
 * on the machine it was built for. */

typedef struct reader {
    const uint8_t *at;
    size_t bytes, next;
} reader;

static const uint8_t *
get(reader *r, size_t bytes)
{
    const uint8_t *at = r->at + r->next;

    if (bytes > r->bytes - r->next) {
        fputs("a case file is too short\n", stderr);
        exit(1);
    }
    r->next += bytes;
    return at;
}

static reader
read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t room = 1 << 24;
    uint8_t *at = malloc(room);
    reader r = {at, 0, 0};

    if (!file || !at) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    r.bytes = fread(at, 1, room, file);
    fclose(file);
    return r;
}

/* Any NaN equals any other, and so do both zeros. */
static bool
same(tn_dtype t, const uint8_t *got, const uint8_t *wanted)
{
    double x, y;

    if (memcmp(got, wanted, (size_t)tn_dtype_bytes(t)) == 0)
        return true;
    if (!tn_is_float(t))
        return false;
    x = tn_load_double(t, got);
    y = tn_load_double(t, wanted);
    return x == y || (x != x && y != y);
}

static int
compare(const char *path, uint32_t number, const tn_case_buffer *b, const uint8_t *got,
    const uint8_t *wanted)
{
    size_t bytes = (size_t)tn_dtype_bytes((tn_dtype)b->dtype);

    for (uint32_t i = 0; i < b->count; i++) {
        if (same((tn_dtype)b->dtype, got + i * bytes, wanted + i * bytes))
            continue;
        printf("%s: buffer %u (%s), element %u differs\n", path, number,
            tn_dtype_name((tn_dtype)b->dtype), i);
        return 1;
    }
    return 0;
}

static int
run(const char *path)
{
    reader r = read_file(path);
    tn_case_head head;
    void *buffers[TN_CASE_BUFFERS];
    const uint8_t *wanted[TN_CASE_BUFFERS], *object;
    uint32_t *status;
    tn_cpu_args args = {.buffers = buffers};
    tn_cpu_image image;
    tn_diag diag;
    int faults = 0;

    memcpy(&head, get(&r, sizeof head), sizeof head);
    object = get(&r, (size_t)head.object_bytes);
    for (uint32_t i = 0; i < head.buffers; i++) {
        size_t bytes =
            (size_t)head.buffer[i].count * (size_t)tn_dtype_bytes((tn_dtype)head.buffer[i].dtype);

        buffers[i] = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
        memcpy(buffers[i], get(&r, bytes), bytes);
        wanted[i] = get(&r, bytes);
    }
    tn_diag_init(&diag, tn_alloc_system());
    if (tn_cpu_load(tn_cpu_os_system(), tn_alloc_system(), &diag, tn_cpu_machine_here(),
            (tn_span){object, (size_t)head.object_bytes}, &image) != TN_OK) {
        printf("%s: %s\n", path, tn_diag_text(&diag, 0));
        return 1;
    }
    status = tn_alloc_zero(tn_alloc_system(), (size_t)head.sites * 16 + 64);
    args.status = status;
    args.sizes = head.sizes;
    args.scratch = tn_alloc_get(tn_alloc_system(), (size_t)head.scratch_bytes + 64);
    image.entry(&args, head.tasks / 2, head.tasks);
    image.entry(&args, 0, head.tasks / 2);
    for (uint32_t i = 0; i < head.buffers; i++)
        faults += compare(path, i, &head.buffer[i], buffers[i], wanted[i]);
    if (memcmp(status, get(&r, (size_t)head.sites * 16), (size_t)head.sites * 16) != 0)
        faults += printf("%s: the status words differ\n", path) > 0;
    return faults;
}

int
main(int argc, char **argv)
{
    int faults = 0;

    for (int i = 1; i < argc; i++)
        faults += run(argv[i]);
    printf("%d cases, %d faults\n", argc - 1, faults);
    return argc == 1 || faults ? 1 : 0;
}
