/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/tile_program.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

int64_t
tile_size_of(const tile_program *p, const char *name)
{
    for (int i = 0; i < TILE_SIZES && p->sizes[i].name; i++)
        if (strcmp(p->sizes[i].name, name) == 0)
            return p->sizes[i].value;
    return 0;
}

static int
tile_buffer(const tile_program *p, const char *name)
{
    for (uint32_t i = 0; i < p->tile->bufs.count; i++)
        if (strcmp(p->tile->bufs.at[i]->name, name) == 0)
            return (int)i;
    TN_CHECK(!"no such buffer");
    return 0;
}

tn_cell *
tile_in(const tile_program *p, const char *name)
{
    return p->cell[tile_buffer(p, name)];
}

tn_cell *
tile_out(const tile_program *p, const char *name)
{
    return p->wanted[tile_buffer(p, name)];
}

double
tile_noise(tile_program *p)
{
    p->noise = p->noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(float)((double)(p->noise >> 33) / 1073741824.0 - 1.0);
}

static const char *
read_file(tile_program *p, const char *name)
{
    char path[512];
    size_t bytes;
    char *text;
    FILE *f;

    snprintf(path, sizeof path, "%s/tests/golden/tile/%s", TN_SOURCE_FOLDER, name);
    f = fopen(path, "rb");
    if (!TN_CHECK(f != NULL))
        return "";
    text = tn_arena_get(p->arena, 1 << 14);
    bytes = fread(text, 1, (1 << 14) - 1, f);
    text[bytes] = 0;
    fclose(f);
    return text;
}

static void
make_buffers(tile_program *p)
{
    for (uint32_t i = 0; i < p->tile->bufs.count && !p->tile->bufs.at[i]->local; i++) {
        const tn_tbuf *b = p->tile->bufs.at[i];

        TN_NEED(tn_tile_elements(p->tile, b, p->size, &p->count[i]));
        p->cell[i] = tn_new_array(p->arena, tn_cell, p->count[i]);
        p->wanted[i] = tn_new_array(p->arena, tn_cell, p->count[i]);
        p->known[i] = tn_new_array(p->arena, bool, p->count[i]);
        for (int64_t k = 0; k < p->count[i]; k++)
            if (tn_is_float(b->dtype))
                p->cell[i][k].real = tile_noise(p);
    }
}

/* A written buffer called x holds something before, too. */
static void
set_known(tile_program *p)
{
    for (uint32_t i = 0; i < p->tile->bufs.count && !p->tile->bufs.at[i]->local; i++)
        memset(p->known[i],
            !p->tile->bufs.at[i]->written || strcmp(p->tile->bufs.at[i]->name, "x") == 0,
            (size_t)p->count[i]);
}

static void
tile_compare(const tile_program *p, uint64_t seed)
{
    for (uint32_t i = 0; i < p->tile->bufs.count && !p->tile->bufs.at[i]->local; i++) {
        const tn_tbuf *b = p->tile->bufs.at[i];

        for (int64_t k = 0; b->written && k < p->count[i]; k++) {
            bool held = TN_CHECK(p->known[i][k]);

            if (tn_is_float(b->dtype))
                held &= TN_CHECK_NEAR(p->cell[i][k].real, p->wanted[i][k].real, 1e-9);
            else
                held &= TN_CHECK_EQ(p->cell[i][k].whole, p->wanted[i][k].whole);
            if (!held) {
                tn_test_note("%s: %s[%lld], seed %llu", p->tile->name, b->name, (long long)k,
                    (unsigned long long)seed);
                return;
            }
        }
    }
}

static tn_status
prepare(void *arg)
{
    tile_program *p = arg;
    tn_text once = {.arena = p->arena}, twice = {.arena = p->arena};
    tn_tile *again;

    TN_TRY(tn_tile_parse(p->arena, &p->diag, p->file ? p->file : "text",
        p->file ? read_file(p, p->file) : p->text, &p->tile));
    TN_TRY(tn_tile_verify(p->tile, &p->diag));
    tn_tile_print(&once, p->tile);
    TN_TRY(tn_tile_parse(p->arena, &p->diag, "print", once.at, &again));
    tn_tile_print(&twice, again);
    TN_CHECK_STR(twice.at, once.at);
    p->tile = again;
    for (uint32_t i = 0; i < again->sizes.count; i++)
        p->size[i] = tile_size_of(p, again->sizes.at[i].name);
    make_buffers(p);
    if (p->fill)
        p->fill(p);
    if (p->want)
        p->want(p);
    return TN_OK;
}

tn_status
tile_interpret(tile_program *p, uint64_t seed, tn_tinterp *job)
{
    *job = (tn_tinterp){.tile = p->tile,
        .alloc = tn_alloc_system(),
        .diag = &p->diag,
        .sizes = p->size,
        .bufs = p->cell,
        .known = p->known,
        .seed = seed};
    set_known(p);
    return tn_tinterp_run(job);
}

bool
tile_start(tile_program *p)
{
    bool ok;

    tn_diag_init(&p->diag, tn_alloc_system());
    p->arena = tn_arena_create(tn_alloc_system(), 0);
    p->noise = 12345;
    ok = TN_CHECK_EQ(tn_arena_guard(p->arena, prepare, p), TN_OK);
    for (size_t i = 0; i < tn_diag_count(&p->diag); i++)
        tn_test_note("%s", tn_diag_text(&p->diag, i));
    return ok;
}

void
tile_end(tile_program *p)
{
    tn_arena_destroy(p->arena);
    tn_diag_clear(&p->diag);
}

void
tile_check(tile_program p)
{
    tn_tinterp job;

    if (tile_start(&p))
        for (uint64_t seed = 0; seed < TILE_SEEDS; seed++) {
            if (!TN_CHECK_EQ(tile_interpret(&p, seed, &job), TN_OK)) {
                tn_test_note("%s, seed %llu: %s", p.tile->name, (unsigned long long)seed,
                    tn_diag_text(&p.diag, 0));
                break;
            }
            tile_compare(&p, seed);
        }
    tile_end(&p);
}

void
tile_objects(tile_program p, const char *message)
{
    bool found = false;
    tn_tinterp job;

    if (tile_start(&p))
        for (uint64_t seed = 0; seed < TILE_SEEDS && !found; seed++)
            if (tile_interpret(&p, seed, &job) != TN_OK)
                found = strstr(tn_diag_text(&p.diag, 0), message) != NULL;
    if (!TN_CHECK(found))
        tn_test_note("%s: found %s", message,
            tn_diag_count(&p.diag) ? tn_diag_text(&p.diag, 0) : "nothing");
    tile_end(&p);
}
