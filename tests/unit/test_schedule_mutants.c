/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/interp/interp_lane.h"
#include "tests/support/run_tile.h"
#include "tests/support/test.h"

/* Scheduled kernels with one mistake planted: the lane interpreter must
 * object, or what it agrees with proves nothing. The kernel as it is runs
 * afterwards, so that the comparison still holds. */
typedef struct mutants {
    const char *find; /* text of the instruction to change */
    int planted, caught;
} mutants;

enum { ROOM = 1 << 20 };

/* `line` behind its `=` or at its start is the instruction `find`. */
static const char *
instruction(const char *line, const char *find)
{
    const char *end = strchr(line, '\n'), *at = strstr(line, find);

    return at && at < end ? at : NULL;
}

/* The text with occurrence `number` changed: masks are true in every lane,
 * other instructions are gone. False if there are not so many. */
static bool
plant(const char *text, const char *find, int number, char *out)
{
    size_t n = 0;
    bool done = false;

    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        size_t length = (size_t)(strchr(line, '\n') + 1 - line);
        const char *at = done ? NULL : instruction(line, find);

        if (at && number-- == 0) {
            const char *mask = "splat bool(1)\n";

            done = true;
            if (strcmp(find, "below ") != 0)
                continue;
            memcpy(out + n, line, (size_t)(at - line));
            n += (size_t)(at - line);
            memcpy(out + n, mask, strlen(mask));
            n += strlen(mask);
            continue;
        }
        memcpy(out + n, line, length);
        n += length;
    }
    out[n] = 0;
    return done;
}

typedef struct attempt {
    mutants *m;
    const tn_kernel *k;
    const tn_interp_buffer *buffers;
    const int32_t *sizes;
    uint64_t tasks;
    tn_arena *arena;
    tn_diag diag;
    bool more;
} attempt;

static tn_interp_buffer *
copies(attempt *a)
{
    tn_interp_buffer *copy = tn_new_array(a->arena, tn_interp_buffer, a->k->globals.count);

    for (uint32_t i = 0; i < a->k->globals.count; i++) {
        const tn_interp_buffer *b = &a->buffers[i];
        size_t bytes = (size_t)b->elements * (size_t)tn_dtype_bytes(a->k->globals.at[i]->dtype);

        copy[i] = *b;
        copy[i].at = tn_arena_get(a->arena, bytes);
        copy[i].initialised = tn_arena_get(a->arena, (size_t)b->elements);
        memcpy(copy[i].at, b->at, bytes);
        memcpy(copy[i].initialised, b->initialised, (size_t)b->elements);
    }
    return copy;
}

static tn_status
run_mutant(void *arg)
{
    attempt *a = arg;
    tn_text text = {.arena = a->arena};
    tn_interp_options options = {.shuffle = 7, .races = true};
    uint32_t *status = tn_new_array(a->arena, uint32_t, 4 * a->k->sites.count);
    char *changed = tn_arena_get(a->arena, ROOM);
    tn_kernel *k;

    tn_kernel_print(&text, a->k);
    a->more = text.length < ROOM / 2 && plant(text.at, a->m->find, a->m->planted, changed);
    if (!a->more)
        return TN_OK;
    a->m->planted++;
    TN_TRY(tn_kernel_parse(a->arena, NULL, "mutant", changed, &k));
    TN_TRY(tn_kernel_verify(k, NULL));
    if (tn_interp_run(a->arena, &a->diag, tn_interp_prepare(a->arena, k), copies(a), a->sizes, 0,
            a->tasks, status, &options) != TN_OK)
        a->m->caught++;
    return TN_OK;
}

static tn_status
run_as_it_is(void *arg)
{
    attempt *a = arg;
    uint32_t *status = tn_new_array(a->arena, uint32_t, 4 * a->k->sites.count);

    return tn_interp_run(a->arena, NULL, tn_interp_prepare(a->arena, a->k), a->buffers, a->sizes, 0,
        a->tasks, status, NULL);
}

static tn_status
run(void *self, tn_diag *diag, const tn_kernel *k, tn_span bytes, const tn_interp_buffer *buffers,
    const int32_t *sizes, uint64_t tasks, uint64_t scratch_bytes, uint32_t *status)
{
    attempt a = {
        .m = self, .k = k, .buffers = buffers, .sizes = sizes, .tasks = tasks, .more = true};
    tn_arena *arena = tn_arena_create(tn_alloc_system(), 0);
    tn_status ended;

    (void)bytes, (void)scratch_bytes, (void)diag;
    while (a.more) {
        a.arena = tn_arena_create(tn_alloc_system(), 0);
        tn_diag_init(&a.diag, tn_alloc_system());
        if (!TN_CHECK_EQ(tn_arena_guard(a.arena, run_mutant, &a), TN_OK))
            a.more = false;
        tn_diag_clear(&a.diag);
        tn_arena_destroy(a.arena);
    }
    a.arena = arena;
    ended = tn_arena_guard(arena, run_as_it_is, &a);
    memset(status, 0, 16 * k->sites.count);
    tn_arena_destroy(arena);
    return ended;
}

/* Returns how many of the mutants were caught; there were `planted`. */
static int
caught(tn_run_tile p, const char *target, const char *find, int *planted)
{
    mutants m = {.find = find};
    tn_run_machine machine = {&m, run};

    p.machine = &machine;
    if (tn_run_tile_start(&p))
        tn_run_tile_on(&p, target, "");
    tn_run_tile_end(&p);
    *planted = m.planted;
    return m.caught;
}

static const char product[] =
    "kernel k(x: f32[M,K], w: f32[N,K] p16, b: f32[N] -> y: f32[M,N])\n"
    "sizes M, N, K axis k: K grid m: M, n: N {\n"
    "  store y[m,n], max(add(mma[k](0, load x[m,k], load w[n,k]), load b[n]), 0) }";

static const tn_run_tile programs[] = {
    {.file = "softmax.tile", .sizes = {{"R", 4}, {"C", 37}}},
    {.file = "rms.tile", .sizes = {{"R", 5}, {"C", 23}}},
    {.file = "route.tile", .sizes = {{"T", 3}, {"E", 21}}},
    {.file = "gru.tile", .sizes = {{"B", 3}, {"T", 3}, {"H", 9}}},
    {.text = product, .sizes = {{"M", 13}, {"N", 41}, {"K", 21}}},
};

enum { PROGRAMS = sizeof programs / sizeof *programs };

TN_TEST(masks_that_let_everything_through)
{
    for (int i = 0; i < PROGRAMS; i++) {
        int planted,
            found = caught(programs[i], "arch=1 level=4 vector_bytes=64 registers=32 masked=1",
                "below ", &planted);

        if (!TN_CHECK(found > 0))
            tn_test_note("program %d: none of %d", i, planted);
    }
}

TN_TEST(barriers_left_out)
{
    int planted, all = 0, found = 0;

    for (int i = 0; i < PROGRAMS; i++) {
        found += caught(programs[i], "gpu=1 group_lanes=5 group_bytes=2048", "barrier", &planted);
        all += planted;
    }
    /* The others separate what the same lane writes and reads. */
    if (!TN_CHECK(3 * found > all))
        tn_test_note("%d of %d", found, all);
}

TN_MAIN(TN_CASE(masks_that_let_everything_through), TN_CASE(barriers_left_out))
