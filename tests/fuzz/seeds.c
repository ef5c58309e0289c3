/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "ir/kernel/kbuild.h"
#include "ir/npy.h"
#include "runtime/artifact.h"
#include "runtime/artifact_format.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/plan_fixture.h"

/* seeds OUT: writes the seeds of the formats that are bytes, so that none goes
 * stale in the tree, to OUT/kernel, OUT/npy and so on. The folders exist. */
static void
write_seed(const char *folder, const char *kind, const char *name, const tn_writer *bytes)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s/%s", folder, kind, name);
    file = fopen(path, "wb");
    if (!file || fwrite(bytes->at, 1, bytes->bytes, file) != bytes->bytes || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    printf("ok %s\n", path);
}

typedef struct job {
    tn_arena *arena;
    const char *out;
} job;

/* Sums of rows of 16: a loop of vectors with a masked tail. */
static void
build_sums(tn_kb *b)
{
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *m = tn_kb_size(b, "M", 1, 4096), *n = tn_kb_size(b, "N", 1, 4096);
    tn_ins *zero = tn_kb_int(b, 0);

    TN_KFOR(b, i, TN_LOOP_GRID, zero, m, 1, "m") {
        tn_kcell *sum = tn_kb_cell(b, "sum", (tn_ktype){TN_F32, 16}, 0, NULL, false);
        tn_ins *from = tn_kb_mul(b, i, n);

        tn_kb_set(b, sum, tn_kb_real(b, TN_F32, 0), 0, NULL);
        TN_KFOR(b, k, TN_LOOP_SERIAL, zero, n, 16, "n") {
            tn_ins *mask = tn_kb_below(b, tn_kb_sub(b, n, k), 16);
            tn_ins *other = tn_kb_real(b, TN_F32, 0);
            tn_ins *v = tn_kb_load(b, x, tn_kb_add(b, from, k), 16, mask, other);
            tn_ins *old = tn_kb_get(b, sum, 0, NULL);

            tn_kb_set(b, sum, tn_kb_add(b, old, v), 0, NULL);
        }
        tn_ins *all = tn_kb_across(b, TN_FN_add, tn_kb_get(b, sum, 0, NULL));
        tn_kb_store(b, y, i, all, NULL);
    }
}

/* A copy by the lanes of a group through memory that they share. */
static void
build_copy(tn_kb *b)
{
    tn_kb_group(b, 8, 0);
    tn_kmem *x = tn_kb_global(b, "x", TN_F16, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *m = tn_kb_size(b, "M", 1, 64), *zero = tn_kb_int(b, 0), *eight = tn_kb_int(b, 8);

    TN_KFOR(b, g, TN_LOOP_GRID, zero, m, 1, "g") {
        tn_kmem *s = tn_kb_local(b, "s", TN_F32, eight);
        tn_ins *from = tn_kb_mul(b, g, eight);

        TN_KFOR(b, l, TN_LOOP_LANE, zero, eight, 1, "l") {
            tn_ins *v = tn_kb_load(b, x, tn_kb_add(b, from, l), 1, NULL, NULL);

            tn_kb_store(b, s, l, tn_kb_cast(b, TN_F32, v), NULL);
        }
        tn_kb_barrier(b);
        TN_KFOR(b, l, TN_LOOP_LANE, zero, eight, 1, "l") {
            tn_ins *other = tn_kb_sub(b, tn_kb_int(b, 7), l);

            tn_kb_store(b, y, tn_kb_add(b, from, l), tn_kb_load(b, s, other, 1, NULL, NULL), NULL);
        }
    }
}

static tn_status
write_kernel(const job *j, const char *name, tn_dtype index, void (*build)(tn_kb *b))
{
    tn_kb *b = tn_kb_create(j->arena, name, index, false);
    tn_writer bytes = {.arena = j->arena};
    const tn_kernel *kernel;

    build(b);
    kernel = tn_kb_finish(b);
    TN_TRY(tn_kernel_verify(kernel, NULL));
    tn_kernel_encode(&bytes, kernel);
    write_seed(j->out, "kernel", name, &bytes);
    return TN_OK;
}

static void
write_plan(const job *j)
{
    tn_writer bytes = {.arena = j->arena};
    tn_plan plan;

    tn_plan_fixture(j->arena, &plan);
    tn_plan_encode(&bytes, &plan);
    write_seed(j->out, "plan", "three-steps", &bytes);
}

/* The sections of a file, as fuzz_artifact.c takes them. */
static void
pack(tn_writer *out, tn_span file)
{
    tn_reader r = {.from = file, .next = TN_ARTIFACT_MAGIC_BYTES + 16};
    uint32_t count = tn_read_u32(&r);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t kind = tn_read_u32(&r);
        uint64_t at = tn_read_u64(&r), bytes = tn_read_u64(&r);

        tn_read_span(&r, 32);
        tn_write_u8(out, (uint8_t)kind);
        tn_write_u8(out, (uint8_t)bytes);
        tn_write_u8(out, (uint8_t)(bytes >> 8));
        tn_write(out, file.at + at, (size_t)bytes);
    }
}

static void
write_artifact(const job *j)
{
    static const uint8_t code[] = {9, 8, 7}, weight[300] = {1, 2, 3};
    tn_plan plan;
    tn_span codes = {code, sizeof code}, *all = &codes, file;
    tn_artifact_target target = {.name = "cpu",
        .family = "cpu",
        .text = "arch=1",
        .generator = "none 0",
        .plans = &plan,
        .code = &all};
    tn_writer bytes = {.arena = j->arena};
    tn_iface iface;

    tn_plan_fixture(j->arena, &plan);
    tn_iface_fixture(j->arena, (tn_span){weight, sizeof weight}, &iface);
    tn_artifact_encode(j->arena, &iface, &target, 1, &file);
    pack(&bytes, file);
    write_seed(j->out, "artifact", "one-target", &bytes);
}

static void
write_safetensors(const job *j)
{
    static const char header[] =
        "{\"__metadata__\":{\"by\":\"hand\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],"
        "\"data_offsets\":[0,24]},\"b\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[24,26]},"
        "\"c\":{\"dtype\":\"I8\",\"shape\":[3],\"data_offsets\":[26,29]},"
        "\"d\":{\"dtype\":\"F8_E4M3\",\"shape\":[1,2],\"data_offsets\":[29,31]}}";
    static const uint8_t data[31] = {0, 0, 128, 63, 0, 0, 128, 127};
    tn_writer bytes = {.arena = j->arena};

    tn_write_u64(&bytes, sizeof header - 1);
    tn_write(&bytes, header, sizeof header - 1);
    tn_write(&bytes, data, sizeof data);
    write_seed(j->out, "safetensors", "four", &bytes);
}

static tn_status
write_all(void *arg)
{
    static const int64_t dim[3] = {2, 3, 1};
    static const double data[6] = {1, -2, 0.5};
    const job *j = arg;

    for (int t = 0; t < TN_DTYPE_COUNT; t++) {
        tn_writer bytes = {.arena = j->arena};

        if (t == TN_BF16)
            continue;
        tn_npy_write(&bytes, (tn_dtype)t, t % 4, dim, data);
        write_seed(j->out, "npy", tn_dtype_name((tn_dtype)t), &bytes);
    }
    write_plan(j);
    write_artifact(j);
    write_safetensors(j);
    TN_TRY(write_kernel(j, "sums", TN_I64, build_sums));
    return write_kernel(j, "copy", TN_I32, build_copy);
}

int
main(int argc, char **argv)
{
    job j = {.arena = tn_arena_create(tn_alloc_system(), 0)};
    tn_status status;

    if (argc != 2 || !j.arena)
        return 2;
    j.out = argv[1];
    status = tn_arena_guard(j.arena, write_all, &j);
    tn_arena_destroy(j.arena);
    return status == TN_OK ? 0 : 1;
}
