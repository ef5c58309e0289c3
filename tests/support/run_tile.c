/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/run_tile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backends/interp/interp_lane.h"
#include "tests/support/test.h"

enum { FILE_ROOM = 1 << 14 };

int64_t
tn_run_size_of(const tn_run_tile *p, const char *name)
{
    for (int i = 0; i < TN_RUN_TILE_SIZES && p->sizes[i].name; i++)
        if (strcmp(p->sizes[i].name, name) == 0)
            return p->sizes[i].value;
    return 0;
}

tn_cell *
tn_run_input(const tn_run_tile *p, const char *name)
{
    for (uint32_t i = 0; i < p->tile->bufs.count; i++)
        if (strcmp(p->tile->bufs.at[i]->name, name) == 0)
            return p->input[i];
    TN_CHECK(!"no such buffer");
    return NULL;
}

static double
noise(tn_run_tile *p)
{
    p->noise = p->noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(float)((double)(p->noise >> 33) / 1073741824.0 - 1.0);
}

static const char *
text_of(tn_run_tile *p)
{
    char path[512];
    char *text;
    size_t bytes;
    FILE *f;

    if (!p->file)
        return p->text;
    snprintf(path, sizeof path, "%s/tests/golden/tile/%s", TN_SOURCE_FOLDER, p->file);
    f = fopen(path, "rb");
    if (!TN_CHECK(f != NULL))
        return "";
    text = tn_arena_get(p->arena, FILE_ROOM);
    bytes = fread(text, 1, FILE_ROOM - 1, f);
    text[bytes] = 0;
    fclose(f);
    return text;
}

static bool
is_parameter(const tn_run_tile *p, uint32_t i)
{
    return !p->tile->bufs.at[i]->local;
}

static void
make_inputs(tn_run_tile *p)
{
    for (uint32_t i = 0; i < p->tile->bufs.count && is_parameter(p, i); i++) {
        const tn_tbuf *b = p->tile->bufs.at[i];

        TN_NEED(i < TN_RUN_TILE_BUFS && tn_tile_elements(p->tile, b, p->size, &p->count[i]));
        p->input[i] = tn_new_array(p->arena, tn_cell, p->count[i]);
        p->wanted[i] = tn_new_array(p->arena, tn_cell, p->count[i]);
        p->known[i] = tn_new_array(p->arena, bool, p->count[i]);
        for (int64_t k = 0; k < p->count[i]; k++)
            if (tn_is_float(b->dtype))
                p->input[i][k].real = tn_round_to(b->dtype, noise(p));
    }
    if (p->fill)
        p->fill(p);
    for (uint32_t i = 0; i < p->tile->bufs.count && is_parameter(p, i); i++) {
        memcpy(p->wanted[i], p->input[i], (size_t)p->count[i] * sizeof(tn_cell));
        memset(p->known[i], !p->tile->bufs.at[i]->written || p->tile->bufs.at[i]->read,
            (size_t)p->count[i]);
    }
}

static tn_status
start(void *arg)
{
    tn_run_tile *p = arg;
    tn_tinterp job;

    TN_TRY(tn_tile_parse(p->arena, &p->diag, p->file ? p->file : "text", text_of(p), &p->tile));
    TN_TRY(tn_tile_verify(p->tile, &p->diag));
    for (uint32_t i = 0; i < p->tile->sizes.count; i++)
        p->size[i] = tn_run_size_of(p, p->tile->sizes.at[i].name);
    make_inputs(p);
    job = (tn_tinterp){.tile = p->tile,
        .alloc = tn_alloc_system(),
        .diag = &p->diag,
        .sizes = p->size,
        .bufs = p->wanted,
        .known = p->known};
    TN_TRY(tn_tinterp_run(&job));
    p->check_failed = job.check_failed;
    return TN_OK;
}

static void
show(tn_run_tile *p)
{
    for (size_t i = 0; i < tn_diag_count(&p->diag) && i < 4; i++)
        tn_test_note("%s", tn_diag_text(&p->diag, i));
}

bool
tn_run_tile_start(tn_run_tile *p)
{
    tn_diag_init(&p->diag, tn_alloc_system());
    p->arena = tn_arena_create(tn_alloc_system(), 0);
    p->noise = 99;
    if (TN_CHECK_EQ(tn_arena_guard(p->arena, start, p), TN_OK))
        return true;
    show(p);
    return false;
}

void
tn_run_tile_end(tn_run_tile *p)
{
    tn_arena_destroy(p->arena);
    tn_diag_clear(&p->diag);
}

/* ---- layouts ---- */

typedef struct shape {
    const tn_tbuf *b;
    int64_t dim[TN_MAX_RANK];
} shape;

static shape
shape_of(const tn_run_tile *p, const tn_tbuf *b)
{
    shape h = {.b = b};

    for (int k = 0; k < b->rank; k++)
        TN_CHECK(tn_tile_size_value(p->tile, b->dim[k], p->size, &h.dim[k]));
    return h;
}

static int64_t
physical_count(const shape *h)
{
    int64_t n = 1;

    for (int k = 0; k < h->b->rank; k++) {
        bool panel = h->b->layout.kind == TN_LAYOUT_P16 && k == h->b->layout.n;

        n *= panel ? (h->dim[k] + 15) / 16 * 16 : h->dim[k];
    }
    return n;
}

/* Where logical element `at` (row-major) lies. */
static int64_t
physical(const shape *h, int64_t at)
{
    const tn_layout *l = &h->b->layout;
    int64_t index[TN_MAX_RANK] = {0}, r = 0, k_size = 1;

    for (int k = h->b->rank; k-- > 0;) {
        index[k] = at % h->dim[k];
        at /= h->dim[k];
    }
    if (l->kind == TN_LAYOUT_P16) {
        int64_t k_at = 0;

        for (int k = l->n + 1; k < h->b->rank; k++) {
            k_at = k_at * h->dim[k] + index[k];
            k_size *= h->dim[k];
        }
        for (int k = 0; k < l->n; k++)
            r = r * h->dim[k] + index[k];
        r = r * ((h->dim[l->n] + 15) / 16) + index[l->n] / 16;
        return (r * k_size + k_at) * 16 + index[l->n] % 16;
    }
    for (int k = 0; k < h->b->rank; k++) {
        int d = l->kind == TN_LAYOUT_PERM ? l->perm[k] : k;

        r = r * h->dim[d] + index[d];
    }
    return r;
}

/* ---- one target ---- */

typedef struct attempt {
    tn_run_tile *p;
    const char *target, *choice;
    tn_arena *arena;
    void *memory[TN_RUN_TILE_BUFS];
    uint8_t *initialised[TN_RUN_TILE_BUFS];
    int64_t elements[TN_RUN_TILE_BUFS];
    tn_interp_buffer *scratch;
    bool failed; /* a status word was written */
} attempt;

static void
fill_memory(attempt *a)
{
    const tn_run_tile *p = a->p;

    for (uint32_t i = 0; i < p->tile->bufs.count && is_parameter(p, i); i++) {
        const tn_tbuf *b = p->tile->bufs.at[i];
        shape h = shape_of(p, b);
        size_t bytes = (size_t)tn_dtype_bytes(b->dtype);

        a->elements[i] = physical_count(&h);
        a->memory[i] = tn_arena_get(a->arena, (size_t)a->elements[i] * bytes);
        a->initialised[i] = tn_arena_get(a->arena, (size_t)a->elements[i]);
        memset(a->initialised[i], !b->written || b->read, (size_t)a->elements[i]);
        for (int64_t k = 0; k < p->count[i]; k++) {
            char *to = (char *)a->memory[i] + (size_t)physical(&h, k) * bytes;

            if (tn_is_float(b->dtype))
                tn_store_double(b->dtype, to, p->input[i][k].real);
            else
                tn_store_int(b->dtype, to, p->input[i][k].whole);
        }
    }
}

static bool
compare(attempt *a)
{
    const tn_run_tile *p = a->p;
    double tolerance = p->tolerance > 0 ? p->tolerance : 2e-5;

    for (uint32_t i = 0; i < p->tile->bufs.count && is_parameter(p, i); i++) {
        const tn_tbuf *b = p->tile->bufs.at[i];
        shape h = shape_of(p, b);

        for (int64_t k = 0; b->written && k < p->count[i]; k++) {
            const char *at =
                (char *)a->memory[i] + (size_t)physical(&h, k) * (size_t)tn_dtype_bytes(b->dtype);
            bool held;

            if (!p->known[i][k])
                continue;
            held = TN_CHECK(a->initialised[i][physical(&h, k)]);
            if (tn_is_float(b->dtype))
                held = held &&
                    TN_CHECK_NEAR(tn_load_double(b->dtype, at), p->wanted[i][k].real,
                        tolerance * (1 + fabs(p->wanted[i][k].real)));
            else
                held = held && TN_CHECK_EQ(tn_load_int(b->dtype, at), p->wanted[i][k].whole);
            if (!held) {
                tn_test_note("%s[%lld]", b->name, (long long)k);
                return false;
            }
        }
    }
    return true;
}

/* The kernel again, through its text and through its bytes. */
static tn_status
round_trip(attempt *a, tn_kernel **k)
{
    tn_text first = {.arena = a->arena}, second = {.arena = a->arena}, third = {.arena = a->arena};
    tn_writer bytes = {.arena = a->arena};
    tn_kernel *parsed;

    TN_TRY(tn_kernel_verify(*k, &a->p->diag));
    tn_kernel_print(&first, *k);
    TN_TRY(tn_kernel_parse(a->arena, &a->p->diag, "print", first.at, &parsed));
    tn_kernel_print(&second, parsed);
    TN_CHECK_STR(second.at, first.at);
    tn_kernel_encode(&bytes, *k);
    TN_TRY(tn_kernel_decode(a->arena, &a->p->diag, tn_writer_span(&bytes), k));
    tn_kernel_print(&third, *k);
    TN_CHECK_STR(third.at, first.at);
    return TN_OK;
}

static tn_status
run_on_machine(attempt *a, const tn_kernel *k, const tn_interp_buffer *buffers,
    const int32_t *sizes, const int64_t *values, int64_t tasks, uint32_t *status)
{
    tn_writer bytes = {.arena = a->arena};
    int64_t scratch;

    tn_kernel_encode(&bytes, k);
    if (!tn_formula_eval(k->scratch, values, k->sizes.count, &scratch))
        return tn_fail(&a->p->diag, TN_BUG, "the scratch memory has no size");
    return a->p->machine->run(a->p->machine->self, &a->p->diag, k, tn_writer_span(&bytes), buffers,
        sizes, (uint64_t)tasks, (uint64_t)scratch, status);
}

static tn_status
run_launch(attempt *a, const tn_launch *l)
{
    const tn_run_tile *p = a->p;
    tn_kernel *k = l->kernel;
    tn_interp_buffer *buffers;
    tn_interp_options options = {.shuffle = 7, .races = true};
    int32_t *sizes;
    int64_t *values, tasks;
    uint32_t *status;

    TN_TRY(round_trip(a, &k));
    TN_CHECK_EQ(l->bindings.count, k->globals.count);
    TN_CHECK_EQ(l->sizes.count, k->sizes.count);
    buffers = tn_new_array(a->arena, tn_interp_buffer, k->globals.count);
    sizes = tn_new_array(a->arena, int32_t, k->sizes.count);
    values = tn_new_array(a->arena, int64_t, k->sizes.count);
    status = tn_new_array(a->arena, uint32_t, 4 * k->sites.count);
    for (uint32_t i = 0; i < k->globals.count; i++) {
        uint32_t at = l->bindings.at[i].index;

        if (l->bindings.at[i].scratch)
            buffers[i] = a->scratch[at];
        else
            buffers[i] =
                (tn_interp_buffer){a->memory[at], (uint64_t)a->elements[at], a->initialised[at], 1};
        if (l->bindings.at[i].scratch)
            buffers[i].elements /= (uint64_t)tn_dtype_bytes(k->globals.at[i]->dtype);
    }
    for (uint32_t i = 0; i < k->sizes.count; i++) {
        values[i] = p->size[l->sizes.at[i]];
        sizes[i] = (int32_t)values[i];
    }
    if (!tn_formula_eval(k->tasks, values, k->sizes.count, &tasks))
        return tn_fail(&a->p->diag, TN_BUG, "the number of tasks has no value");
    if (p->machine)
        TN_TRY(run_on_machine(a, k, buffers, sizes, values, tasks, status));
    else
        TN_TRY(tn_interp_run(a->arena, &a->p->diag, tn_interp_prepare(a->arena, k), buffers, sizes,
            0, (uint64_t)tasks, status, &options));
    for (uint32_t i = 0; i < k->sites.count; i++)
        a->failed |= status[4 * i] != 0;
    return TN_OK;
}

static tn_status
run_all(void *arg)
{
    attempt *a = arg;
    tn_run_tile *p = a->p;
    tn_target target;
    tn_choice choice;
    tn_launches all;

    TN_TRY(tn_target_parse(&p->diag, a->target, strlen(a->target), &target));
    TN_TRY(tn_choice_parse(&p->diag, a->choice, strlen(a->choice), &choice));
    TN_TRY(tn_schedule(a->arena, &p->diag, p->tile, &target, &choice, &all));
    fill_memory(a);
    a->scratch = tn_new_array(a->arena, tn_interp_buffer, all.scratch.count);
    for (uint32_t i = 0; i < all.scratch.count; i++) {
        int64_t bytes;

        if (!tn_formula_eval(all.scratch.at[i], p->size, p->tile->sizes.count, &bytes))
            return tn_fail(&p->diag, TN_BUG, "scratch has no size");
        a->scratch[i] = (tn_interp_buffer){tn_arena_get(a->arena, (size_t)bytes), (uint64_t)bytes,
            tn_arena_get(a->arena, (size_t)bytes), 1};
    }
    for (uint32_t i = 0; i < all.list.count; i++)
        TN_TRY(run_launch(a, &all.list.at[i]));
    if (!TN_CHECK_EQ(a->failed, p->check_failed))
        return TN_DIFFERS;
    return p->check_failed || compare(a) ? TN_OK : TN_DIFFERS;
}

bool
tn_run_tile_on(tn_run_tile *p, const char *target, const char *choice)
{
    attempt a = {.p = p, .target = target, .choice = choice};
    bool held;

    a.arena = tn_arena_create(tn_alloc_system(), 0);
    held = TN_CHECK_EQ(tn_arena_guard(a.arena, run_all, &a), TN_OK);
    if (!held) {
        tn_test_note("%s for %s with \"%s\"", p->tile->name, target, choice);
        for (int i = 0; i < TN_RUN_TILE_SIZES && p->sizes[i].name; i++)
            tn_test_note("%s = %lld", p->sizes[i].name, (long long)p->sizes[i].value);
        show(p);
    }
    tn_arena_destroy(a.arena);
    tn_diag_clear(&p->diag);
    return held;
}

const char *const tn_run_tile_targets[TN_RUN_TILE_TARGETS] = {
    "arch=1 level=4 vector_bytes=64 registers=32 masked=1",
    "arch=1 level=3 vector_bytes=32 registers=16",
    "arch=2 vector_bytes=16 registers=32",
    "arch=0 vector_bytes=16 registers=16 masked=1",
    "gpu=1 group_lanes=64 group_bytes=16384",
    "gpu=1 group_lanes=5 group_bytes=2048",
    "gpu=1 group_lanes=4 group_bytes=256",
};

void
tn_run_tile_everywhere(tn_run_tile p, const char *choice)
{
    if (tn_run_tile_start(&p))
        for (int i = 0; i < TN_RUN_TILE_TARGETS; i++)
            tn_run_tile_on(&p, tn_run_tile_targets[i], choice);
    tn_run_tile_end(&p);
}
