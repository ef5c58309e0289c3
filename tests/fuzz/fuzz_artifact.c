/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/artifact.h"

#include <string.h>

#include "ir/base/hash.h"
#include "runtime/artifact_format.h"
#include "tests/fuzz/fuzz.h"

/* A file of which all checksums match, so that what is behind them is read.
 * The input is, until it ends: kind u8 (modulo 5), length u16, that many bytes:
 * a section; or 255, offset u16, value u8: a byte of the header so far that is
 * another. */
enum { MOST_SECTIONS = 8, CHANGES = 255, KINDS = 5 };

typedef struct forgery {
    uint8_t *at;
    size_t bytes, header; /* of the header without its hash */
    uint32_t sections;
} forgery;

static void
put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static void
add_section(forgery *f, uint8_t kind, const uint8_t *data, size_t size)
{
    uint8_t *entry = f->at + 28 + 52 * f->sections++;
    tn_hash hash = tn_hash_of(data, size);

    put(entry, kind % KINDS, 4);
    put(entry + 4, f->bytes, 8);
    put(entry + 12, size, 8);
    memcpy(entry + 20, hash.at, TN_HASH_BYTES);
    memcpy(f->at + f->bytes, data, size);
    f->bytes += (size + TN_ARTIFACT_PAGE - 1) / TN_ARTIFACT_PAGE * TN_ARTIFACT_PAGE;
}

static void
change_header(forgery *f, const uint8_t *change)
{
    size_t at = (size_t)(change[0] | change[1] << 8);

    if (at < 28 + 52 * (size_t)f->sections)
        f->at[at] = change[2];
}

static void
forge(forgery *f, const uint8_t *data, size_t size)
{
    tn_hash hash;

    memcpy(f->at, TN_ARTIFACT_MAGIC, TN_ARTIFACT_MAGIC_BYTES);
    put(f->at + 8, TN_ARTIFACT_MAJOR, 4);
    for (size_t at = 0; at + 4 <= size;) {
        size_t length = (size_t)(data[at + 1] | data[at + 2] << 8), left = size - at - 3;

        if (data[at] == CHANGES) {
            change_header(f, data + at + 1);
            at += 4;
            continue;
        }
        if (f->sections == MOST_SECTIONS)
            break;
        length = length < left ? length : left;
        add_section(f, data[at], data + at + 3, length);
        put(f->at + 24, f->sections, 4);
        at += 3 + length;
    }
    f->header = 28 + 52 * (size_t)f->sections;
    hash = tn_hash_of(f->at, f->header);
    memcpy(f->at + f->header, hash.at, TN_HASH_BYTES);
}

/* Weights of a forged file may overlap: written, they take as much as they say. */
static bool
is_small(const tn_iface *iface)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < iface->weights.count; i++)
        bytes += iface->weights.at[i].bytes;
    return bytes < 1 << 20;
}

/* What opens encodes, and that opens. */
static tn_status
open_again(void *arg)
{
    tn_fuzz *fuzz = arg;
    tn_env env = {tn_alloc_system(), tn_files_system(), &fuzz->diag};
    tn_span bytes = {fuzz->data, fuzz->size}, written;
    tn_artifact *a, *b;

    TN_TRY(tn_artifact_open_bytes(&env, bytes, false, &a));
    if (is_small(&a->iface)) {
        tn_artifact_encode(fuzz->arena, &a->iface, a->targets.at, a->targets.count, &written);
        TN_FUZZ_HOLDS(tn_artifact_open_bytes(&env, written, true, &b) == TN_OK);
        TN_FUZZ_HOLDS(b->targets.count == a->targets.count);
        tn_artifact_close(b);
    }
    tn_artifact_close(a);
    return TN_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = size + (MOST_SECTIONS + 2) * TN_ARTIFACT_PAGE;
    forgery f = {.at = calloc(1, room), .bytes = TN_ARTIFACT_PAGE};

    if (!f.at)
        return 0;
    forge(&f, data, size);
    (void)!tn_fuzz_run(f.at, f.bytes, open_again);
    free(f.at);
    return 0;
}
