/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "backends/cpu/cpu_plugin.h"
#include "tests/bench/probe.h"
#include "tests/support/elf_object.h"
#include "tests/support/fake_host.h"

/* What the CPU device adds to a kernel: lists of almost empty kernels, timed
 * from submit to the end of wait. Exit code 1 if a kernel costs 2 us or more. */
enum { LIST = 200, SAMPLES = 201, LIMIT_NS = 2000 };

typedef struct bench {
    tn_fake_host host;
    const tn_backend *cpu;
    tn_device *device;
    tn_buffer *buffer;
    tn_program *program, *spin;
} bench;

static int
load(const bench *b, tn_elf_kernel kernel, tn_program **out)
{
    uint8_t bytes[TN_ELF_OBJECT_ROOM];
    size_t count = tn_elf_kernel_write(kernel, bytes);

    return count ? b->cpu->load(b->device, (tn_blob){bytes, count}, out) : 77;
}

static int
set_up(bench *b, uint32_t threads)
{
    const tn_plugin *plugin;

    tn_fake_host_init(&b->host, tn_alloc_system());
    plugin = tn_cpu_query_on(TN_ABI, &b->host.table, tn_cpu_os_system());
    if (!plugin)
        return 1;
    b->cpu = plugin->backends[0];
    if (b->cpu->open(b->cpu->self, 0, &b->device) || b->cpu->threads(b->device, threads) ||
        b->cpu->buffer_new(b->device, 4096, &b->buffer))
        return 1;
    if (load(b, TN_KERNEL_ADD, &b->program) != 0)
        return 77;
    return load(b, TN_KERNEL_SPIN, &b->spin);
}

static void
tear_down(bench *b)
{
    b->cpu->unload(b->program);
    b->cpu->unload(b->spin);
    b->cpu->buffer_free(b->buffer);
    b->cpu->close(b->device);
    b->cpu->shutdown(b->cpu->self);
}

/* Median nanoseconds of a kernel. */
static double
measure(const bench *b, tn_program *program, uint64_t tasks, int32_t size)
{
    static tn_dispatch list[LIST];
    tn_binding binding = {b->buffer, 0, 4096};
    double samples[SAMPLES];

    for (int i = 0; i < LIST; i++)
        list[i] = (tn_dispatch){.size = sizeof *list,
            .program = program,
            .bindings = &binding,
            .binding_count = 1,
            .sizes = &size,
            .size_count = 1,
            .tasks = tasks,
            .wait = 1};
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t start = tn_probe_now();

        if (b->cpu->submit(b->device, list, LIST) || b->cpu->wait(b->device, 0))
            return 1e9;
        samples[i] = (double)(tn_probe_now() - start) / (int)LIST;
    }
    return tn_probe_median(samples, SAMPLES);
}

/* Kernels large enough to be shared: what dividing them costs beyond half of
 * what one thread needs. */
static void
print_shared(const double work[2])
{
    printf("shared by 2 threads: %.1f us of work in %.1f us, %.2f us over half\n", work[0] * 1e-3,
        work[1] * 1e-3, (work[1] - work[0] / 2) * 1e-3);
}

int
main(void)
{
    bench b;
    double work[2] = {0, 0};
    bool fast = true;

    for (uint32_t threads = 1; threads <= 2; threads++) {
        int status = set_up(&b, threads);

        if (status != 0)
            return status;
        for (uint64_t tasks = 1; tasks <= 256; tasks *= 16) {
            double ns = measure(&b, b.program, tasks, 1);

            printf("%u threads, %3llu tasks: %6.0f ns a kernel\n", threads,
                (unsigned long long)tasks, ns);
            fast = fast && ns < (double)LIMIT_NS;
        }
        work[threads - 1] = measure(&b, b.spin, 64, 20);
        tear_down(&b);
    }
    print_shared(work);
    return fast ? 0 : 1;
}
