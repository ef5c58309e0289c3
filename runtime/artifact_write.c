/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/artifact.h"

#include "ir/base/hash.h"
#include "runtime/artifact_format.h"

typedef struct section {
    uint32_t kind;
    tn_span bytes;
} section;

static void
place_weights(tn_iface *iface)
{
    uint64_t at = 0;

    for (uint32_t i = 0; i < iface->weights.count; i++) {
        tn_iface_weight *w = &iface->weights.at[i];

        w->offset = at;
        w->bytes = w->at.bytes;
        at += (w->bytes + TN_ARTIFACT_WEIGHT_ALIGN - 1) / TN_ARTIFACT_WEIGHT_ALIGN *
            TN_ARTIFACT_WEIGHT_ALIGN;
    }
}

static tn_span
weights_section(tn_arena *arena, const tn_iface *iface)
{
    tn_writer w = {.arena = arena};

    for (uint32_t i = 0; i < iface->weights.count; i++) {
        tn_write_align(&w, TN_ARTIFACT_WEIGHT_ALIGN);
        tn_write(&w, iface->weights.at[i].at.at, iface->weights.at[i].at.bytes);
    }
    tn_write_align(&w, TN_ARTIFACT_WEIGHT_ALIGN);
    return tn_writer_span(&w);
}

/* One SHA-256 for each MiB of the weights. */
static tn_span
hashes_section(tn_arena *arena, tn_span weights)
{
    tn_writer w = {.arena = arena};

    for (size_t at = 0; at < weights.bytes; at += TN_ARTIFACT_HASHED_BYTES) {
        size_t left = weights.bytes - at;
        tn_hash h = tn_hash_of(weights.at + at,
            left < TN_ARTIFACT_HASHED_BYTES ? left : TN_ARTIFACT_HASHED_BYTES);

        tn_write(&w, h.at, sizeof h.at);
    }
    return tn_writer_span(&w);
}

static void
write_sized(tn_writer *w, tn_span bytes)
{
    tn_write_u64(w, bytes.bytes);
    tn_write(w, bytes.at, bytes.bytes);
}

static tn_span
target_section(tn_arena *arena, const tn_artifact_target *t, uint32_t entries)
{
    tn_writer w = {.arena = arena};

    tn_write_str(&w, t->name);
    tn_write_str(&w, t->family);
    tn_write_str(&w, t->text);
    tn_write_str(&w, t->generator);
    for (uint32_t e = 0; e < entries; e++) {
        tn_writer plan = {.arena = arena};

        tn_plan_encode(&plan, &t->plans[e]);
        write_sized(&w, tn_writer_span(&plan));
        for (uint32_t k = 0; k < t->plans[e].kernels.count; k++)
            write_sized(&w, t->code[e][k]);
    }
    return tn_writer_span(&w);
}

static tn_span
info_section(tn_arena *arena, const tn_iface *iface)
{
    tn_writer w = {.arena = arena};
    tn_writer inner = {.arena = arena};

    tn_write_str(&w, TN_ARTIFACT_WRITER);
    tn_iface_encode(&inner, iface);
    write_sized(&w, tn_writer_span(&inner));
    return tn_writer_span(&w);
}

static void
write_header(tn_writer *w, const section *sections, uint32_t count)
{
    uint64_t at = TN_ARTIFACT_PAGE;
    tn_hash hash;

    tn_write(w, TN_ARTIFACT_MAGIC, TN_ARTIFACT_MAGIC_BYTES);
    tn_write_u32(w, TN_ARTIFACT_MAJOR);
    tn_write_u32(w, TN_ARTIFACT_MINOR);
    tn_write_u64(w, 0); /* feature bits */
    tn_write_u32(w, count);
    for (uint32_t i = 0; i < count; i++) {
        tn_write_u32(w, sections[i].kind);
        tn_write_u64(w, at);
        tn_write_u64(w, sections[i].bytes.bytes);
        hash = sections[i].kind == TN_SECTION_WEIGHTS
            ? (tn_hash){{0}}
            : tn_hash_of(sections[i].bytes.at, sections[i].bytes.bytes);
        tn_write(w, hash.at, sizeof hash.at);
        at +=
            (sections[i].bytes.bytes + TN_ARTIFACT_PAGE - 1) / TN_ARTIFACT_PAGE * TN_ARTIFACT_PAGE;
    }
    hash = tn_hash_of(w->at, w->bytes);
    tn_write(w, hash.at, sizeof hash.at);
}

void
tn_artifact_encode(tn_arena *arena, tn_iface *iface, const tn_artifact_target *targets,
    uint32_t target_count, tn_span *out)
{
    TN_VEC(section) sections = {0};
    tn_writer w = {.arena = arena};
    tn_span weights;

    place_weights(iface);
    weights = weights_section(arena, iface);
    tn_push(arena, &sections, ((section){TN_SECTION_INFO, info_section(arena, iface)}));
    for (uint32_t i = 0; i < target_count; i++)
        tn_push(arena, &sections,
            ((section){
                TN_SECTION_TARGET, target_section(arena, &targets[i], iface->entries.count)}));
    tn_push(arena, &sections, ((section){TN_SECTION_HASHES, hashes_section(arena, weights)}));
    tn_push(arena, &sections, ((section){TN_SECTION_WEIGHTS, weights}));
    write_header(&w, sections.at, sections.count);
    for (uint32_t i = 0; i < sections.count; i++) {
        tn_write_align(&w, TN_ARTIFACT_PAGE);
        tn_write(&w, sections.at[i].bytes.at, sections.at[i].bytes.bytes);
    }
    *out = tn_writer_span(&w);
}
