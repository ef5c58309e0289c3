/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/lane_run.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/interp/interp_lane.h"
#include "tests/support/compiled.h"
#include "tests/support/lane_case.h"
#include "tests/support/test.h"

enum { MAX_BUFFERS = 32, MAX_SIZES = 8, MAX_SITES = 8, PAGE = 4096, MARK = 0xa5 };

typedef struct state {
    const tn_lane_run *run;
    uint32_t count;
    uint8_t *wanted[MAX_BUFFERS], *got[MAX_BUFFERS], *pages[MAX_BUFFERS];
    uint32_t wanted_status[4 * MAX_SITES];
    _Alignas(64) uint32_t status[4 * MAX_SITES];
} state;

static size_t
bytes_of(const tn_lane_buffer *b)
{
    return (size_t)b->count * (size_t)tn_dtype_bytes(b->dtype);
}

static size_t
whole_pages(const tn_lane_buffer *b)
{
    return (bytes_of(b) + PAGE - 1) / PAGE * PAGE;
}

/* The buffer ends where a page begins that nobody may touch. */
static bool
make_guarded(state *s, uint32_t i)
{
    const tn_lane_buffer *b = &s->run->buffers[i];
    size_t bytes = whole_pages(b);
    void *at = mmap(NULL, bytes + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        return false;
    s->pages[i] = at;
    mprotect(s->pages[i] + bytes, PAGE, PROT_NONE);
    s->got[i] = s->pages[i] + bytes - bytes_of(b);
    memcpy(s->got[i], b->data, bytes_of(b));
    return true;
}

static void
release(state *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->pages[i])
            munmap(s->pages[i], whole_pages(&s->run->buffers[i]) + PAGE);
        s->pages[i] = NULL;
    }
}

static bool
same_element(const tn_lane_buffer *b, uint32_t at, const uint8_t *x, const uint8_t *y)
{
    size_t bytes = (size_t)tn_dtype_bytes(b->dtype);

    x += at * bytes;
    y += at * bytes;
    if (memcmp(x, y, bytes) == 0)
        return true;
    return tn_is_float(b->dtype) && isnan(tn_load_double(b->dtype, x)) &&
        isnan(tn_load_double(b->dtype, y));
}

static void
compare(const state *s, const char *target)
{
    const tn_kernel *k = s->run->k;

    for (uint32_t i = 0; i < s->count; i++) {
        const tn_lane_buffer *b = &s->run->buffers[i];
        uint32_t at = 0;

        while (at < b->count && same_element(b, at, s->got[i], s->wanted[i]))
            at++;
        if (!TN_CHECK_EQ(at, b->count))
            tn_test_note("kernel %s, buffer %s, %s", k->name, k->globals.at[i]->name, target);
    }
    if (!TN_CHECK(memcmp(s->status, s->wanted_status, k->sites.count * 16) == 0))
        tn_test_note("kernel %s, status words %u %d %d %u, %s", k->name, s->status[0],
            (int)s->status[1], (int)s->status[2], s->status[3], target);
}

static tn_status
interpret(state *s, tn_arena *arena, tn_diag *diag)
{
    const tn_lane_run *r = s->run;
    tn_interp_buffer buffers[MAX_BUFFERS];
    tn_interp_options options = {.shuffle = r->shuffled ? 7 : 0, .races = true};

    for (uint32_t i = 0; i < s->count; i++) {
        s->wanted[i] =
            (uint8_t *)tn_arena_copy(arena, r->buffers[i].data, bytes_of(&r->buffers[i]));
        buffers[i] = (tn_interp_buffer){s->wanted[i], r->buffers[i].count, NULL, 0};
    }
    return tn_interp_run(arena, diag, tn_interp_prepare(arena, r->k), buffers, r->sizes, 0,
        r->tasks, s->wanted_status, &options);
}

static tn_status
run_code(state *s, tn_arena *arena, tn_diag *diag, const char *target)
{
    const tn_lane_run *r = s->run;
    int64_t sizes[MAX_SIZES] = {0}, scratch = 0;
    void *buffers[MAX_BUFFERS];
    uint8_t *memory;
    tn_cpu_args args = {.buffers = buffers, .sizes = sizes, .status = s->status};
    tn_cpu_image image;

    memset(s->status, 0, sizeof s->status);
    for (uint32_t i = 0; i < r->k->sizes.count; i++)
        sizes[i] = r->sizes[i];
    for (uint32_t i = 0; i < s->count; i++) {
        if (!make_guarded(s, i))
            return TN_NO_MEMORY;
        buffers[i] = s->got[i];
    }
    if (!tn_formula_eval(r->k->scratch, sizes, r->k->sizes.count, &scratch))
        return tn_fail(diag, TN_BUG, "scratch of %s", r->k->name);
    memory = tn_alloc_zero(tn_alloc_system(), (size_t)scratch + 64);
    args.scratch = memory;
    memset(memory + scratch, MARK, 64);
    TN_TRY(tn_compiled_load(arena, diag, r->k, target, &image));
    /* In two calls, as the threads of a device would. */
    image.entry(&args, r->tasks / 2, r->tasks);
    image.entry(&args, 0, r->tasks / 2);
    tn_cpu_unload(&image);
    for (int i = 0; i < 64; i++)
        TN_CHECK_EQ(memory[scratch + i], MARK);
    tn_alloc_free(tn_alloc_system(), memory, (size_t)scratch + 64);
    return TN_OK;
}

static bool
write_case(const state *s, tn_arena *arena, tn_diag *diag)
{
    tn_case_buffer shapes[MAX_BUFFERS];
    void *before[MAX_BUFFERS], *after[MAX_BUFFERS];
    tn_lane_case c = {.k = s->run->k,
        .tasks = s->run->tasks,
        .sizes = s->run->sizes,
        .buffer = shapes,
        .before = before,
        .after = after,
        .status = s->wanted_status};

    for (uint32_t i = 0; i < s->count; i++) {
        shapes[i] = (tn_case_buffer){s->run->buffers[i].dtype, s->run->buffers[i].count};
        before[i] = s->run->buffers[i].data;
        after[i] = s->wanted[i];
    }
    return tn_lane_case_write(arena, diag, &c);
}

tn_status
tn_lane_check(tn_arena *arena, tn_diag *diag, const tn_lane_run *run)
{
    static const char *const targets[] = {
        "cpu:x86-64-v2", "cpu:x86-64-v3", "cpu:x86-64-v4", "cpu:aarch64"};
    state s = {.run = run, .count = run->k->globals.count};

    TN_TRY(tn_kernel_verify(run->k, diag));
    TN_TRY(interpret(&s, arena, diag));
    TN_CHECK(write_case(&s, arena, diag));
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        const char *target = tn_compiled_target(arena, targets[i]);
        tn_status status;

        if (!target)
            continue;
        status = run_code(&s, arena, diag, target);
        if (status == TN_OK)
            compare(&s, targets[i]);
        release(&s);
        TN_TRY(status);
    }
    return TN_OK;
}
