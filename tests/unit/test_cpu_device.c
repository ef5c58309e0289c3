/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu/cpu_plugin.h"

#include <pthread.h>
#include <string.h>

#include "backends/cpu/cpu_target.h"
#include "tests/support/elf_object.h"
#include "tests/support/fake_alloc.h"
#include "tests/support/fake_cpu_os.h"
#include "tests/support/fake_host.h"
#include "tests/support/test.h"

enum { TASKS = 500 };

/* One device with one buffer of TASKS i64 zeros. */
typedef struct fixture {
    tn_fake_host host;
    tn_fake_cpu_os os;
    const tn_backend *cpu;
    tn_device *device;
    tn_buffer *buffer;
} fixture;

static bool
set_up(fixture *f, const tn_alloc *alloc, uint32_t threads)
{
    const tn_plugin *plugin;

    tn_fake_host_init(&f->host, alloc);
    tn_fake_cpu_os_init(&f->os);
    f->cpu = NULL;
    f->device = NULL;
    f->buffer = NULL;
    plugin = tn_cpu_query_on(TN_ABI, &f->host.table, &f->os.table);
    if (!plugin)
        return false;
    f->cpu = plugin->backends[0];
    return f->cpu->open(f->cpu->self, 0, &f->device) == 0 &&
        f->cpu->threads(f->device, threads) == 0 &&
        f->cpu->buffer_new(f->device, TASKS * 8, &f->buffer) == 0 &&
        f->cpu->fill_zero(f->buffer, 0, TASKS * 8) == 0;
}

static void
tear_down(fixture *f)
{
    if (f->buffer)
        f->cpu->buffer_free(f->buffer);
    if (f->device)
        f->cpu->close(f->device);
    if (f->cpu)
        f->cpu->shutdown(f->cpu->self);
}

static int
load(const fixture *f, tn_elf_kernel kernel, tn_program **out)
{
    static uint8_t bytes[TN_ELF_OBJECT_ROOM];
    size_t count = tn_elf_kernel_write(kernel, bytes);

    return f->cpu->load(f->device, (tn_blob){bytes, count}, out);
}

static bool
has_kernels(void)
{
    uint8_t bytes[TN_ELF_OBJECT_ROOM];

    return tn_elf_kernel_write(TN_KERNEL_ADD, bytes) > 0;
}

typedef struct launch {
    tn_binding binding;
    int32_t size;
    tn_dispatch dispatch;
} launch;

static const tn_dispatch *
make(launch *l, const fixture *f, tn_program *p, int32_t size)
{
    l->binding = (tn_binding){f->buffer, 0, TASKS * 8};
    l->size = size;
    l->dispatch = (tn_dispatch){.size = sizeof l->dispatch,
        .program = p,
        .bindings = &l->binding,
        .binding_count = 1,
        .sizes = &l->size,
        .size_count = 1,
        .tasks = TASKS,
        .wait = 1};
    return &l->dispatch;
}

TN_TEST(describes_itself)
{
    fixture f;
    uint32_t count;
    const char *target, *title, *identity;
    tn_target t;

    TN_NEED(set_up(&f, tn_alloc_system(), 0));
    TN_CHECK_EQ(f.cpu->devices(f.cpu->self, &count), 0);
    TN_CHECK_EQ(count, 1);
    TN_CHECK_EQ(f.cpu->describe(f.cpu->self, 0, &target, &title, &identity), 0);
    TN_CHECK_EQ(tn_target_parse(NULL, target, strlen(target), &t), TN_OK);
    TN_CHECK_EQ(t.gpu, 0);
    TN_CHECK(t.arch == 1 || t.arch == 2);
    TN_CHECK(t.units >= 1);
    TN_CHECK(strlen(title) > 0 && strstr(identity, title) != NULL);
    TN_CHECK_EQ(f.cpu->describe(f.cpu->self, 1, &target, &title, &identity), TN_DEVICE);
    TN_CHECK(tn_cpu_query_on(TN_ABI + 1, &f.host.table, &f.os.table) == NULL);
    tear_down(&f);
}

#if defined(__x86_64__)
/* Words of cpuid for each level; the last row ends the list. */
enum { ONE = 0x00982201, ONE_3 = 0x38401000 };

TN_TEST(knows_the_levels)
{
    static const struct {
        int level, vector_bytes, registers, masked;
        uint64_t state;
        uint32_t cpuid[5][6];
    } cases[] = {
        {1, 16, 16, 0, 0, {{1, 0, 0, 0, 0x201, 0}}},
        {2, 16, 16, 0, 0, {{1, 0, 0, 0, ONE, 0}, {0x80000001, 0, 0, 0, 1, 0}}},
        {3, 32, 16, 0, 6,
            {{1, 0, 0, 0, ONE | ONE_3, 0}, {7, 0, 0, 0x128, 0, 0}, {0x80000001, 0, 0, 0, 0x21, 0}}},
        /* The system does not save the wide registers. */
        {2, 16, 16, 0, 2,
            {{1, 0, 0, 0, ONE | ONE_3, 0}, {7, 0, 0, 0x128, 0, 0}, {0x80000001, 0, 0, 0, 0x21, 0}}},
        {4, 64, 32, 1, 0xe7,
            {{1, 0, 0, 0, ONE | ONE_3, 0}, {7, 0, 0, 0xd0030128, 0, 0},
                {0x80000001, 0, 0, 0, 0x21, 0}}},
        {3, 32, 16, 0, 7,
            {{1, 0, 0, 0, ONE | ONE_3, 0}, {7, 0, 0, 0xd0030128, 0, 0},
                {0x80000001, 0, 0, 0, 0x21, 0}}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tn_fake_cpu_os os;
        tn_target t;

        tn_fake_cpu_os_init(&os);
        os.cpuid = cases[i].cpuid;
        os.saved_state = cases[i].state;
        os.cores = 3;
        tn_cpu_target(&os.table, &t);
        TN_CHECK_EQ(t.level, cases[i].level);
        TN_CHECK_EQ(t.vector_bytes, cases[i].vector_bytes);
        TN_CHECK_EQ(t.registers, cases[i].registers);
        TN_CHECK_EQ(t.masked, cases[i].masked);
        TN_CHECK_EQ(t.units, 3);
    }
}

/* 8 ways, 1 partition, lines of 64 bytes, 64 sets; then 16 ways, 1024 sets. */
TN_TEST(knows_the_caches)
{
    static const uint32_t words[][6] = {
        {4, 0, 1 | 1 << 5, 7u << 22 | 63, 63, 0},
        {4, 1, 2 | 1 << 5, 7u << 22 | 63, 63, 0}, /* instructions */
        {4, 2, 3 | 2 << 5, 15u << 22 | 63, 1023, 0},
        {0, 0, 0, 0, 0, 0},
    };
    tn_fake_cpu_os os;
    tn_target t;

    tn_fake_cpu_os_init(&os);
    os.cpuid = words;
    tn_cpu_target(&os.table, &t);
    TN_CHECK_EQ(t.l1_bytes, 32768);
    TN_CHECK_EQ(t.l2_bytes, 1 << 20);
}
#endif

TN_TEST(moves_bytes)
{
    fixture f;
    tn_buffer *other, *wrapped;
    _Alignas(64) int64_t mine[16] = {0};
    int64_t values[3] = {5, 6, 7}, got[3] = {0};

    TN_NEED(set_up(&f, tn_alloc_system(), 1));
    TN_NEED(f.cpu->buffer_new(f.device, 64, &other) == 0);
    TN_CHECK((uintptr_t)f.cpu->buffer_map(other) % 256 == 0);
    TN_CHECK_EQ(f.cpu->write(f.buffer, 16, values, sizeof values), 0);
    TN_CHECK_EQ(f.cpu->copy(other, 8, f.buffer, 24, 16), 0);
    TN_CHECK_EQ(f.cpu->read(other, 8, got, 16), 0);
    TN_CHECK_EQ(got[0], 6);
    TN_CHECK_EQ(got[1], 7);
    TN_CHECK_EQ(f.cpu->copy(f.buffer, 24, f.buffer, 16, 24), 0); /* overlaps */
    TN_CHECK_EQ(f.cpu->read(f.buffer, 24, got, 24), 0);
    TN_CHECK_EQ(got[2], 7);
    TN_CHECK_EQ(f.cpu->fill_zero(f.buffer, 24, 8), 0);
    TN_CHECK_EQ(f.cpu->read(f.buffer, 16, got, 16), 0);
    TN_CHECK_EQ(got[1], 0);
    TN_CHECK_EQ(f.cpu->write(f.buffer, TASKS * 8, values, 1), TN_BUG);
    TN_CHECK_EQ(f.cpu->read(f.buffer, UINT64_MAX, got, 2), TN_BUG);
    TN_CHECK_EQ(f.cpu->copy(other, 60, f.buffer, 0, 5), TN_BUG);
    TN_CHECK_EQ(f.cpu->copy(f.buffer, 0, other, 0, 65), TN_BUG);
    TN_CHECK_EQ(f.cpu->fill_zero(other, 1, 64), TN_BUG);
    TN_CHECK_EQ(f.cpu->buffer_wrap(f.device, mine, sizeof mine, &wrapped), 0);
    TN_CHECK_EQ(f.cpu->copy(wrapped, 0, f.buffer, 16, 8), 0);
    TN_CHECK_EQ(mine[0], 5);
    f.cpu->buffer_free(wrapped);
    TN_CHECK_EQ(f.cpu->buffer_wrap(f.device, (char *)mine + 1, 8, &wrapped), TN_UNSUPPORTED);
    f.cpu->buffer_free(other);
    tear_down(&f);
}

/* o[t] += k*t + 1 once for each k. */
static void
check_threads(uint32_t threads)
{
    fixture f;
    tn_program *p;
    launch l[3];
    tn_dispatch list[3];
    int64_t out[TASKS];
    uint64_t took = UINT64_MAX;
    bool right = true;

    TN_NEED(set_up(&f, tn_alloc_system(), threads));
    TN_NEED(load(&f, TN_KERNEL_ADD, &p) == 0);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 3; i++)
            list[i] = *make(&l[i], &f, p, i);
        list[1].wait = 0;
        list[2].took_ns = &took;
        TN_CHECK_EQ(f.cpu->submit(f.device, list, 3), 0);
        memset(l, 0, sizeof l); /* only borrowed until submit returns */
        if (round % 2)
            TN_CHECK_EQ(f.cpu->wait(f.device, 0), 0);
    }
    TN_CHECK_EQ(f.cpu->read(f.buffer, 0, out, sizeof out), 0);
    for (int64_t t = 0; t < TASKS; t++)
        right = right && out[t] == 50 * (3 * t + 3);
    TN_CHECK(right);
    TN_CHECK(took != UINT64_MAX);
    f.cpu->unload(p);
    tear_down(&f);
}

TN_TEST(runs_in_order_on_any_number_of_threads)
{
    if (!has_kernels())
        TN_SKIP("the kernels are for x86-64");
    check_threads(1);
    check_threads(2);
    check_threads(7);
}

TN_TEST(gives_each_worker_scratch)
{
    fixture f;
    tn_program *p;
    launch l;
    tn_dispatch d;
    int64_t out[TASKS];
    bool right = true;

    if (!has_kernels())
        TN_SKIP("the kernels are for x86-64");
    TN_NEED(set_up(&f, tn_alloc_system(), 4));
    TN_NEED(load(&f, TN_KERNEL_SCRATCH, &p) == 0);
    for (int round = 0; round < 20; round++) {
        d = *make(&l, &f, p, 0);
        d.scratch_bytes = 8008 + (uint64_t)round * 1000;
        TN_CHECK_EQ(f.cpu->submit(f.device, &d, 1), 0);
    }
    TN_CHECK_EQ(f.cpu->read(f.buffer, 0, out, sizeof out), 0);
    for (int64_t t = 0; t < TASKS; t++)
        right = right && out[t] == t;
    TN_CHECK(right);
    f.cpu->unload(p);
    tear_down(&f);
}

TN_TEST(refuses_wrong_dispatches)
{
    fixture f;
    tn_program *p;
    launch l;
    tn_dispatch d;
    int64_t out = 1;

    if (!has_kernels())
        TN_SKIP("the kernels are for x86-64");
    TN_NEED(set_up(&f, tn_alloc_system(), 1));
    TN_NEED(load(&f, TN_KERNEL_ADD, &p) == 0);
    d = *make(&l, &f, p, 1);
    d.size_count = 0;
    TN_CHECK_EQ(f.cpu->submit(f.device, &d, 1), TN_BUG);
    TN_CHECK_STR(f.host.why, "a dispatch with a wrong number of sizes");
    d = *make(&l, &f, p, 1);
    d.binding_count = 0;
    TN_CHECK_EQ(f.cpu->submit(f.device, &d, 1), TN_BUG);
    d = *make(&l, &f, p, 1);
    l.binding.offset = 256;
    TN_CHECK_EQ(f.cpu->submit(f.device, &d, 1), TN_BUG);
    l.binding.offset = 8;
    l.binding.bytes = 8;
    TN_CHECK_EQ(f.cpu->submit(f.device, &d, 1), TN_BUG);
    d = *make(&l, &f, p, 1);
    d.tasks = UINT64_MAX;
    TN_CHECK_EQ(f.cpu->submit(f.device, &d, 1), TN_BUG);
    /* Nothing of a list is done when a part of it is refused. */
    {
        tn_dispatch list[2] = {*make(&l, &f, p, 1), *make(&l, &f, p, 1)};

        list[1].program = NULL;
        TN_CHECK_EQ(f.cpu->submit(f.device, list, 2), TN_BUG);
    }
    TN_CHECK_EQ(f.cpu->read(f.buffer, 0, &out, sizeof out), 0);
    TN_CHECK_EQ(out, 0);
    d = *make(&l, &f, p, 1);
    d.tasks = 0;
    TN_CHECK_EQ(f.cpu->submit(f.device, &d, 1), 0);
    TN_CHECK_EQ(f.cpu->wait(f.device, 0), 0);
    f.cpu->unload(p);
    tear_down(&f);
}

TN_TEST(refuses_code_for_another_machine)
{
    fixture f;
    tn_program *p;
    uint8_t bytes[TN_ELF_OBJECT_ROOM];
    tn_elf_object object = {.machine = 62,
        .code = "\xc3",
        .code_bytes = 1,
        .info = {.version = TN_CPU_INFO_VERSION, .arch = 1, .level = 9}};
    size_t count = tn_elf_object_write(&object, bytes);

    if (!has_kernels())
        TN_SKIP("the kernels are for x86-64");
    TN_NEED(set_up(&f, tn_alloc_system(), 1));
    TN_CHECK_EQ(f.cpu->load(f.device, (tn_blob){bytes, count}, &p), TN_UNSUPPORTED);
    TN_CHECK(p == NULL && strstr(f.host.why, "level=9") != NULL);
    object.info.level = 1;
    object.info.version = 2;
    count = tn_elf_object_write(&object, bytes);
    TN_CHECK_EQ(f.cpu->load(f.device, (tn_blob){bytes, count}, &p), TN_INTEGRITY);
    TN_CHECK_EQ(f.cpu->load(f.device, (tn_blob){bytes, 100}, &p), TN_INTEGRITY);
    tear_down(&f);
}

static int64_t
total(const fixture *f)
{
    const int64_t *at = f->cpu->buffer_map(f->buffer);
    int64_t sum = 0;

    for (int t = 0; t < TASKS; t++)
        sum += at[t];
    return sum;
}

/* A wait that times out leaves the rest for another wait; any other call of
 * that thread gives it up. */
static void
check_timeout(uint32_t threads, bool resume)
{
    fixture f;
    tn_program *p;
    launch l;
    int64_t done;

    TN_NEED(set_up(&f, tn_alloc_system(), threads));
    TN_NEED(load(&f, TN_KERNEL_SPIN, &p) == 0);
    for (int i = 0; i < 3; i++)
        TN_CHECK_EQ(f.cpu->submit(f.device, make(&l, &f, p, 3000), 1), 0);
    TN_CHECK_EQ(f.cpu->wait(f.device, 1), TN_CANCELLED);
    done = total(&f);
    TN_CHECK(done < TASKS);
    if (resume) {
        int waits = 0;

        while (f.cpu->wait(f.device, 1000000) == TN_CANCELLED)
            waits++;
        TN_CHECK(waits > 1);
        TN_CHECK_EQ(total(&f), 3 * TASKS);
    } else {
        int64_t value;

        TN_CHECK_EQ(f.cpu->read(f.buffer, 0, &value, 8), 0);
        TN_CHECK_EQ(total(&f), done);
        TN_CHECK_EQ(f.cpu->submit(f.device, make(&l, &f, p, 1), 1), 0);
        TN_CHECK_EQ(f.cpu->wait(f.device, 0), 0);
        TN_CHECK_EQ(total(&f), done + TASKS);
    }
    f.cpu->unload(p);
    tear_down(&f);
}

TN_TEST(times_out)
{
    if (!has_kernels())
        TN_SKIP("the kernels are for x86-64");
    check_timeout(1, true);
    check_timeout(2, true);
    check_timeout(2, false);
}

/* Kernels that need not wait for each other share the workers; each element
 * is still counted once, even when waiting is cut into slices. */
static void
check_overlap(uint32_t threads, uint64_t slice_ns)
{
    enum { LIST = 11, ROUNDS = 10 };
    fixture f;
    tn_program *p;
    launch l[LIST];
    tn_dispatch list[LIST];
    tn_buffer *buffers[LIST];
    bool right = true;

    TN_NEED(set_up(&f, tn_alloc_system(), threads));
    TN_NEED(load(&f, TN_KERNEL_SPIN, &p) == 0);
    for (int i = 0; i < LIST; i++) {
        TN_NEED(f.cpu->buffer_new(f.device, TASKS * 8, &buffers[i]) == 0);
        TN_NEED(f.cpu->fill_zero(buffers[i], 0, TASKS * 8) == 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < LIST; i++) {
            list[i] = *make(&l[i], &f, p, 20);
            l[i].binding.buffer = buffers[i];
            list[i].wait = i == 0;
            list[i].tasks = (uint64_t)(i * 37 % TASKS);
        }
        TN_CHECK_EQ(f.cpu->submit(f.device, list, LIST), 0);
        while (f.cpu->wait(f.device, slice_ns) == TN_CANCELLED)
            continue;
    }
    for (int i = 0; i < LIST; i++) {
        const int64_t *at = f.cpu->buffer_map(buffers[i]);

        for (int t = 0; t < TASKS; t++)
            right = right && at[t] == (t < i * 37 % TASKS ? ROUNDS : 0);
        f.cpu->buffer_free(buffers[i]);
    }
    TN_CHECK(right);
    f.cpu->unload(p);
    tear_down(&f);
}

TN_TEST(overlaps_what_need_not_wait)
{
    if (!has_kernels())
        TN_SKIP("the kernels are for x86-64");
    check_overlap(1, 0);
    check_overlap(2, 0);
    check_overlap(3, 50000);
}

/* Copies and clearing keep their place among kernels. */
TN_TEST(moves_in_order)
{
    fixture f;
    tn_program *p;
    launch l;
    tn_buffer *other;
    int64_t got[2] = {0, 0};

    if (!has_kernels())
        TN_SKIP("the kernels are for x86-64");
    TN_NEED(set_up(&f, tn_alloc_system(), 2));
    TN_NEED(load(&f, TN_KERNEL_ADD, &p) == 0);
    TN_NEED(f.cpu->buffer_new(f.device, TASKS * 8, &other) == 0);
    TN_CHECK_EQ(f.cpu->submit(f.device, make(&l, &f, p, 3), 1), 0);
    TN_CHECK_EQ(f.cpu->copy(other, 0, f.buffer, 0, TASKS * 8), 0);
    TN_CHECK_EQ(f.cpu->submit(f.device, make(&l, &f, p, 3), 1), 0);
    TN_CHECK_EQ(f.cpu->fill_zero(f.buffer, 8, 8), 0);
    TN_CHECK_EQ(f.cpu->wait(f.device, 0), 0);
    TN_CHECK_EQ(f.cpu->read(other, 16, got, 8), 0);
    TN_CHECK_EQ(got[0], 7);
    TN_CHECK_EQ(f.cpu->read(f.buffer, 8, got, 16), 0);
    TN_CHECK_EQ(got[0], 0);
    TN_CHECK_EQ(got[1], 14);
    f.cpu->buffer_free(other);
    f.cpu->unload(p);
    tear_down(&f);
}

typedef struct visitor {
    const fixture *f;
    tn_program *p;
    int failures;
} visitor;

static void *
visit(void *arg)
{
    visitor *v = arg;
    launch l;

    for (int i = 0; i < 200; i++) {
        v->failures += v->f->cpu->submit(v->f->device, make(&l, v->f, v->p, 0), 1) != 0;
        v->failures += v->f->cpu->wait(v->f->device, 0) != 0;
    }
    return NULL;
}

TN_TEST(serves_several_threads)
{
    fixture f;
    tn_program *p;
    visitor v[4];
    pthread_t threads[4];

    if (!has_kernels())
        TN_SKIP("the kernels are for x86-64");
    TN_NEED(set_up(&f, tn_alloc_system(), 2));
    TN_NEED(load(&f, TN_KERNEL_ADD, &p) == 0);
    for (int i = 0; i < 4; i++) {
        v[i] = (visitor){&f, p, 0};
        TN_NEED(pthread_create(&threads[i], NULL, visit, &v[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        TN_CHECK_EQ(v[i].failures, 0);
    }
    TN_CHECK_EQ(total(&f), 4 * 200 * TASKS);
    f.cpu->unload(p);
    tear_down(&f);
}

static bool
run_once(fixture *f, const tn_alloc *alloc)
{
    tn_program *p = NULL;
    launch l;
    tn_dispatch d;
    bool done = set_up(f, alloc, 2) && load(f, TN_KERNEL_ADD, &p) == 0;

    if (done) {
        d = *make(&l, f, p, 0);
        d.scratch_bytes = 1000;
        done = f->cpu->submit(f->device, &d, 1) == 0 && f->cpu->wait(f->device, 0) == 0;
    }
    if (p)
        f->cpu->unload(p);
    tear_down(f);
    return done;
}

TN_TEST(survives_running_out_anywhere)
{
    fixture f;

    if (!has_kernels())
        TN_SKIP("the kernels are for x86-64");
    for (size_t n = 1;; n++) {
        tn_fake_alloc mem;
        bool done;

        tn_fake_alloc_init(&mem, n);
        done = run_once(&f, &mem.table);
        TN_CHECK_EQ(mem.live, 0);
        TN_CHECK(!mem.wrong_size);
        TN_CHECK(done == !mem.failed);
        if (!mem.failed)
            break;
    }
}

#if defined(__x86_64__)
#define LEVELS TN_CASE(knows_the_levels), TN_CASE(knows_the_caches),
#else
#define LEVELS
#endif

TN_MAIN(TN_CASE(describes_itself), LEVELS TN_CASE(moves_bytes),
    TN_CASE(runs_in_order_on_any_number_of_threads), TN_CASE(gives_each_worker_scratch),
    TN_CASE(refuses_wrong_dispatches), TN_CASE(refuses_code_for_another_machine),
    TN_CASE(times_out), TN_CASE(overlaps_what_need_not_wait), TN_CASE(moves_in_order),
    TN_CASE(serves_several_threads), TN_CASE(survives_running_out_anywhere))
