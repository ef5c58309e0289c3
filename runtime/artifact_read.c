/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/artifact.h"

#include "ir/base/hash.h"
#include "runtime/artifact_format.h"

typedef struct section {
    uint32_t kind;
    tn_span bytes;
    tn_hash hash;
} section;

typedef struct opening {
    const tn_env *env;
    tn_artifact *artifact;
    bool check_weights;
} opening;

static const char *
section_name(uint32_t kind)
{
    static const char *const names[] = {"?", "info", "target", "hashes", "weights"};

    return kind <= TN_SECTION_WEIGHTS ? names[kind] : "?";
}

bool
tn_artifact_is(tn_span bytes)
{
    return bytes.bytes >= TN_ARTIFACT_MAGIC_BYTES &&
        !memcmp(bytes.at, TN_ARTIFACT_MAGIC, TN_ARTIFACT_MAGIC_BYTES);
}

static tn_status
damaged(const opening *o, const char *what)
{
    return tn_fail(o->env->diag, TN_INTEGRITY, "artifact: %s", what);
}

static tn_status
read_section(const opening *o, tn_reader *r, section *out)
{
    uint64_t offset, bytes;
    tn_span hash, file = r->from;

    out->kind = tn_read_u32(r);
    offset = tn_read_u64(r);
    bytes = tn_read_u64(r);
    hash = tn_read_span(r, TN_HASH_BYTES);
    if (r->failed)
        return damaged(o, "the header is cut short");
    if (offset > file.bytes || bytes > file.bytes - offset || offset % TN_ARTIFACT_PAGE)
        return tn_fail(o->env->diag, TN_INTEGRITY,
            "artifact: section %s reaches to byte %llu of a file of %zu", section_name(out->kind),
            (unsigned long long)offset + (unsigned long long)bytes, file.bytes);
    memcpy(out->hash.at, hash.at, TN_HASH_BYTES);
    out->bytes = (tn_span){file.at + offset, (size_t)bytes};
    return TN_OK;
}

static tn_status
check_header(const opening *o, tn_reader *r, uint32_t *count)
{
    uint32_t major, minor;

    if (!tn_artifact_is(r->from))
        return damaged(o, "this is not a .tenon file");
    r->next = TN_ARTIFACT_MAGIC_BYTES;
    major = tn_read_u32(r);
    minor = tn_read_u32(r);
    if (major != TN_ARTIFACT_MAJOR || minor > TN_ARTIFACT_MINOR)
        return tn_fail(o->env->diag, TN_INTEGRITY,
            "artifact: written in format %u.%u, this tenon reads up to %d.%d", major, minor,
            TN_ARTIFACT_MAJOR, TN_ARTIFACT_MINOR);
    if (tn_read_u64(r) != 0)
        return damaged(o, "it needs features that this tenon does not know");
    *count = tn_read_u32(r);
    if (r->failed || *count > TN_ARTIFACT_SECTION_LIMIT)
        return damaged(o, "the header is damaged");
    return TN_OK;
}

static tn_status
read_header(const opening *o, section *sections, uint32_t *count)
{
    tn_reader r = {.from = o->artifact->file};
    tn_hash hash;
    tn_span stored;
    size_t end;

    TN_TRY(check_header(o, &r, count));
    for (uint32_t i = 0; i < *count; i++)
        TN_TRY(read_section(o, &r, &sections[i]));
    end = r.next;
    stored = tn_read_span(&r, TN_HASH_BYTES);
    hash = tn_hash_of(o->artifact->file.at, end);
    if (r.failed || memcmp(hash.at, stored.at, TN_HASH_BYTES) != 0)
        return damaged(o, "the checksum of the header does not match");
    for (uint32_t i = 0; i < *count; i++) {
        if (sections[i].kind == TN_SECTION_WEIGHTS)
            continue;
        hash = tn_hash_of(sections[i].bytes.at, sections[i].bytes.bytes);
        if (memcmp(hash.at, sections[i].hash.at, TN_HASH_BYTES) != 0)
            return tn_fail(o->env->diag, TN_INTEGRITY,
                "artifact: the checksum of section %u (%s) does not match", i,
                section_name(sections[i].kind));
    }
    return TN_OK;
}

static tn_span
read_sized(tn_reader *r)
{
    uint64_t bytes = tn_read_u64(r);

    if (bytes > r->from.bytes) {
        r->failed = true;
        return (tn_span){0};
    }
    return tn_read_span(r, (size_t)bytes);
}

static tn_status
read_info(const opening *o, tn_span bytes)
{
    tn_reader r = {.from = bytes};
    tn_span inner;

    o->artifact->writer = tn_read_str(&r, o->artifact->arena, 256);
    inner = read_sized(&r);
    if (r.failed)
        return damaged(o, "section info is cut short");
    return tn_iface_decode(o->artifact->arena, o->env->diag, inner, &o->artifact->iface);
}

static tn_status
read_target(const opening *o, tn_span bytes)
{
    tn_artifact *a = o->artifact;
    tn_reader r = {.from = bytes};
    tn_artifact_target t = {0};
    uint32_t entries = a->iface.entries.count;

    t.name = tn_read_str(&r, a->arena, 256);
    t.family = tn_read_str(&r, a->arena, 256);
    t.text = tn_read_str(&r, a->arena, 4096);
    t.generator = tn_read_str(&r, a->arena, 256);
    t.plans = tn_new_array(a->arena, tn_plan, entries);
    t.code = tn_new_array(a->arena, tn_span *, entries);
    for (uint32_t e = 0; e < entries; e++) {
        tn_span plan = read_sized(&r);

        if (r.failed)
            return damaged(o, "section target is cut short");
        TN_TRY(tn_plan_decode(a->arena, o->env->diag, plan, &t.plans[e]));
        t.code[e] = tn_new_array(a->arena, tn_span, t.plans[e].kernels.count);
        for (uint32_t k = 0; k < t.plans[e].kernels.count; k++)
            t.code[e][k] = read_sized(&r);
    }
    if (r.failed || r.next != bytes.bytes)
        return damaged(o, "section target is damaged");
    tn_push(a->arena, &a->targets, t);
    return TN_OK;
}

static tn_status
place_weights(const opening *o, tn_span weights)
{
    for (uint32_t i = 0; i < o->artifact->iface.weights.count; i++) {
        tn_iface_weight *w = &o->artifact->iface.weights.at[i];

        if (w->offset > weights.bytes || w->bytes > weights.bytes - w->offset ||
            w->offset % TN_ARTIFACT_WEIGHT_ALIGN)
            return tn_fail(o->env->diag, TN_INTEGRITY,
                "artifact: weight %s lies outside its section", w->name);
        /* A file without weights has no section to count from. */
        w->at = (tn_span){w->offset ? weights.at + w->offset : weights.at, (size_t)w->bytes};
    }
    return TN_OK;
}

static tn_status
check_weights(const opening *o, tn_span weights, tn_span hashes)
{
    size_t blocks = (weights.bytes + TN_ARTIFACT_HASHED_BYTES - 1) / TN_ARTIFACT_HASHED_BYTES;

    if (hashes.bytes != blocks * TN_HASH_BYTES)
        return damaged(o, "section hashes does not fit section weights");
    if (!o->check_weights)
        return TN_OK;
    for (size_t i = 0; i < blocks; i++) {
        size_t at = i * TN_ARTIFACT_HASHED_BYTES, left = weights.bytes - at;
        tn_hash h = tn_hash_of(weights.at + at,
            left < TN_ARTIFACT_HASHED_BYTES ? left : TN_ARTIFACT_HASHED_BYTES);

        if (memcmp(h.at, hashes.at + i * TN_HASH_BYTES, TN_HASH_BYTES) != 0)
            return tn_fail(o->env->diag, TN_INTEGRITY,
                "artifact: the checksum of section weights does not match at MiB %zu", i);
    }
    return TN_OK;
}

static tn_status
read_all(void *arg)
{
    const opening *o = arg;
    section sections[TN_ARTIFACT_SECTION_LIMIT];
    tn_span weights = {0}, hashes = {0};
    uint32_t count = 0, infos = 0;

    TN_TRY(read_header(o, sections, &count));
    for (uint32_t i = 0; i < count; i++)
        if (sections[i].kind == TN_SECTION_INFO && infos++ == 0)
            TN_TRY(read_info(o, sections[i].bytes));
    if (infos != 1)
        return damaged(o, "it has no section info, or several");
    for (uint32_t i = 0; i < count; i++) {
        if (sections[i].kind == TN_SECTION_TARGET)
            TN_TRY(read_target(o, sections[i].bytes));
        else if (sections[i].kind == TN_SECTION_WEIGHTS)
            weights = sections[i].bytes;
        else if (sections[i].kind == TN_SECTION_HASHES)
            hashes = sections[i].bytes;
    }
    TN_TRY(check_weights(o, weights, hashes));
    return place_weights(o, weights);
}

static tn_status
open_with(const tn_env *env, tn_span bytes, bool mapped, bool check_weights, tn_artifact **out)
{
    tn_artifact *a = tn_alloc_zero(env->alloc, sizeof *a);
    opening o = {.env = env, .artifact = a, .check_weights = check_weights};
    tn_status status = TN_NO_MEMORY;

    *out = NULL;
    if (a) {
        a->alloc = env->alloc;
        a->files = env->files;
        a->file = bytes;
        a->arena = tn_arena_create(env->alloc, 0);
        if (a->arena)
            status = tn_arena_guard(a->arena, read_all, &o);
    }
    if (status == TN_NO_MEMORY)
        tn_fail_memory(env->diag, bytes.bytes, "opening an artifact");
    if (status != TN_OK) {
        tn_artifact_close(a);
        return status;
    }
    a->mapped = mapped;
    *out = a;
    return TN_OK;
}

tn_status
tn_artifact_open_bytes(const tn_env *env, tn_span bytes, bool check_weights, tn_artifact **out)
{
    return open_with(env, bytes, false, check_weights, out);
}

tn_status
tn_artifact_open_file(const tn_env *env, const char *path, bool check_weights, tn_artifact **out)
{
    tn_span bytes;
    tn_status status;

    *out = NULL;
    TN_TRY(tn_file_map(env, path, &bytes));
    status = open_with(env, bytes, true, check_weights, out);
    if (status != TN_OK)
        tn_file_unmap(env, &bytes);
    return status;
}

void
tn_artifact_close(tn_artifact *artifact)
{
    const tn_alloc *alloc;
    tn_env env;

    if (!artifact)
        return;
    alloc = artifact->alloc;
    env = (tn_env){.alloc = alloc, .files = artifact->files};
    if (artifact->mapped)
        tn_file_unmap(&env, &artifact->file);
    tn_arena_destroy(artifact->arena);
    tn_alloc_free(alloc, artifact, sizeof *artifact);
}
