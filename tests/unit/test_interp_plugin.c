/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/base/arena.h"
#include "ir/kernel/kbuild.h"
#include "runtime/plugin.h"
#include "tests/support/fake_alloc.h"
#include "tests/support/test.h"

/* The interpreter and the template, through the plugin line. */
const tn_plugin *tn_plugin_query_interp(uint32_t abi, const tn_host *host);

enum { ELEMENTS = 64, BYTES = ELEMENTS * 4 };

typedef struct job {
    tn_arena *arena;
    tn_diag diag;
    tn_registry *registry;
    const tn_backend *backend;
    tn_device *device;
    tn_program *program;
    tn_buffer *x, *y, *status;
    uint8_t *code;
    size_t code_bytes;
    int32_t n;
    int result;
} job;

/* y[i] = x[i] + 1 for i < n, and a check that n <= 50. */
static tn_span
kernel_bytes(tn_arena *arena)
{
    tn_kb *b = tn_kb_create(arena, "plus_one", TN_I64, false);
    tn_kmem *x = tn_kb_global(b, "x", TN_F32, true, false);
    tn_kmem *y = tn_kb_global(b, "y", TN_F32, false, true);
    tn_ins *n = tn_kb_size(b, "N", 1, 100), *zero = tn_kb_int(b, 0), *fifty = tn_kb_int(b, 50);
    uint32_t site = tn_kb_site(b, "n is small");
    TN_KFOR(b, i, TN_LOOP_GRID, zero, n, 1, "i") {
        tn_ins *v = tn_kb_load(b, x, i, 1, NULL, NULL);
        tn_kb_store(b, y, i, tn_kb_add(b, v, tn_kb_real(b, TN_F32, 1)), NULL);
        tn_kb_check(b, site, tn_kb_fn2(b, TN_FN_le, n, fifty), i, n);
    }
    tn_writer out = {.arena = arena};
    tn_kernel_encode(&out, tn_kb_finish(b));
    return tn_writer_span(&out);
}

static void
take(void *to, tn_blob code)
{
    job *j = to;
    j->code = tn_alloc_get(tn_alloc_system(), code.bytes);
    memcpy(j->code, code.at, code.bytes);
    j->code_bytes = code.bytes;
}

static tn_status
make_code(void *arg)
{
    job *j = arg;
    tn_span bytes = kernel_bytes(j->arena);
    j->result =
        j->backend->compile(j->backend->self, "", (tn_blob){bytes.at, bytes.bytes}, take, j);
    return TN_OK;
}

static void
open_job(job *j, const char *plugin, const char *device)
{
    *j = (job){.arena = tn_arena_create(tn_alloc_system(), 0), .n = 10};
    tn_diag_init(&j->diag, tn_alloc_system());
    tn_env env = {tn_alloc_system(), tn_files_system(), &j->diag};
    tn_registry_options options = {0};
    uint32_t number;
    TN_NEED(tn_registry_create(&env, &options, &j->registry) == TN_OK);
    if (plugin)
        TN_NEED(tn_registry_load(j->registry, plugin) == TN_OK);
    TN_NEED(tn_registry_device(j->registry, device, &j->backend, &number) == TN_OK);
    TN_NEED(tn_arena_guard(j->arena, make_code, j) == TN_OK && j->result == TN_OK);
    const tn_backend *b = j->backend;
    TN_NEED(b->open(b->self, number, &j->device) == 0);
    TN_NEED(b->load(j->device, (tn_blob){j->code, j->code_bytes}, &j->program) == 0);
    TN_NEED(b->buffer_new(j->device, BYTES, &j->x) == 0);
    TN_NEED(b->buffer_new(j->device, BYTES, &j->y) == 0);
    TN_NEED(b->buffer_new(j->device, 16, &j->status) == 0);
    float values[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        values[i] = (float)i;
    TN_CHECK_EQ(b->write(j->x, 0, values, BYTES), 0);
    TN_CHECK_EQ(b->fill_zero(j->y, 0, BYTES), 0);
    TN_CHECK_EQ(b->fill_zero(j->status, 0, 16), 0);
}

static void
end_job(job *j)
{
    const tn_backend *b = j->backend;
    b->buffer_free(j->x);
    b->buffer_free(j->y);
    b->buffer_free(j->status);
    b->unload(j->program);
    b->close(j->device);
    tn_alloc_free(tn_alloc_system(), j->code, j->code_bytes);
    tn_registry_destroy(j->registry);
    tn_arena_destroy(j->arena);
    tn_diag_clear(&j->diag);
}

static int
launch(job *j, uint64_t tasks, uint64_t y_bytes)
{
    const tn_backend *b = j->backend;
    tn_binding bindings[] = {{j->x, 0, BYTES}, {j->y, 0, y_bytes}};
    uint64_t took = 1;
    tn_dispatch d = {
        .size = sizeof d,
        .program = j->program,
        .bindings = bindings,
        .binding_count = 2,
        .sizes = &j->n,
        .size_count = 1,
        .tasks = tasks,
        .status = {j->status, 0, 16},
        .took_ns = &took,
    };
    int result = b->submit(j->device, &d, 1);
    return result ? result : b->wait(j->device, 0);
}

/* The launch fails and explains it with `part`. */
static void
refuses(job *j, uint64_t tasks, uint64_t y_bytes, const char *part)
{
    tn_diag said;
    tn_diag_init(&said, tn_alloc_system());
    int result = launch(j, tasks, y_bytes);
    TN_CHECK_EQ(tn_registry_result(j->registry, &said, result, "launch"), TN_BUG);
    const char *text = tn_diag_text(&said, 0);
    if (!TN_CHECK(text && strstr(text, part)))
        tn_test_note("wanted \"%s\", found: %s", part, text ? text : "nothing");
    tn_diag_clear(&said);
}

TN_TEST(interpreter_runs_launches)
{
    job j;
    open_job(&j, NULL, "interp");
    TN_CHECK_EQ(launch(&j, 10, BYTES), 0);
    float y[ELEMENTS];
    uint32_t words[4];
    TN_CHECK_EQ(j.backend->read(j.y, 0, y, BYTES), 0);
    for (int i = 0; i < ELEMENTS; i++)
        TN_CHECK_NEAR(y[i], i < 10 ? i + 1 : 0, 0);
    TN_CHECK_EQ(j.backend->read(j.status, 0, words, 16), 0);
    TN_CHECK_EQ(words[0], 0);
    j.n = 60;
    TN_CHECK_EQ(launch(&j, 60, BYTES), 0);
    TN_CHECK_EQ(j.backend->read(j.status, 0, words, 16), 0);
    TN_CHECK_EQ(words[0], 1);
    TN_CHECK_EQ(words[1], 0);
    TN_CHECK_EQ(words[2], 60);
    end_job(&j);
}

TN_TEST(interpreter_refuses_what_is_wrong)
{
    job j;
    open_job(&j, NULL, "interp:1");
    refuses(&j, 10, 36, "(store y): element 9 of 9");
    refuses(&j, 9, BYTES, "launched with 9 tasks");
    refuses(&j, 10, BYTES + 4, "exceeds what it is bound to");
    tn_buffer *fresh, *x = j.x;
    TN_CHECK_EQ(j.backend->buffer_new(j.device, BYTES, &fresh), 0);
    TN_CHECK_EQ(j.backend->copy(fresh, 0, x, 0, 20), 0);
    j.x = fresh;
    refuses(&j, 10, BYTES, "(load x): element 5 was never written");
    j.x = x;
    j.backend->buffer_free(fresh);
    j.n = 101;
    refuses(&j, 101, BYTES, "size N is 101");
    tn_program *other;
    TN_CHECK_EQ(j.backend->load(j.device, (tn_blob){j.code, j.code_bytes - 1}, &other),
        TN_MALFORMED);
    TN_CHECK(other == NULL);
    end_job(&j);
}

/* All calls of a device with an allocator that fails: the first status that
 * is not 0. */
static int
whole_life(const tn_host *host, const job *j)
{
    const tn_plugin *plugin = tn_plugin_query_interp(TN_ABI, host);
    if (!plugin)
        return TN_NO_MEMORY;
    const tn_backend *b = plugin->backends[0];
    job own = {.backend = b, .n = 10};
    int status = b->open(b->self, 0, &own.device);
    if (status == 0)
        status = b->load(own.device, (tn_blob){j->code, j->code_bytes}, &own.program);
    tn_buffer **buffers[] = {&own.x, &own.y, &own.status};
    for (int i = 0; i < 3 && status == 0; i++) {
        status = b->buffer_new(own.device, BYTES, buffers[i]);
        if (status == 0)
            status = b->fill_zero(*buffers[i], 0, BYTES);
    }
    if (status == 0)
        status = launch(&own, 10, BYTES);
    for (int i = 0; i < 3; i++)
        if (*buffers[i])
            b->buffer_free(*buffers[i]);
    if (own.program)
        b->unload(own.program);
    if (own.device)
        b->close(own.device);
    b->shutdown(b->self);
    return status;
}

TN_TEST(running_out_of_memory_is_a_status)
{
    job j;
    open_job(&j, NULL, "interp");
    for (size_t n = 1;; n++) {
        tn_fake_alloc mem;
        tn_fake_alloc_init(&mem, n);
        tn_host host = {.size = sizeof host, .self = &mem, .resize = mem.table.resize};
        TN_CHECK(mem.table.self == &mem);
        int status = whole_life(&host, &j);
        TN_CHECK_EQ(mem.live, 0);
        TN_CHECK(!mem.wrong_size);
        TN_CHECK_EQ(status, mem.failed ? TN_NO_MEMORY : TN_OK);
        if (!mem.failed)
            break;
    }
    end_job(&j);
}

TN_TEST(the_template_loads_and_computes_nothing)
{
    job j;
    open_job(&j, TN_BINARY_FOLDER "/lib/tenon/tenon_null.so", "null");
    TN_CHECK_EQ(launch(&j, 10, BYTES), 0);
    float y[ELEMENTS];
    TN_CHECK_EQ(j.backend->read(j.y, 0, y, BYTES), 0);
    TN_CHECK_NEAR(y[3], 0, 0);
    TN_CHECK_EQ(j.backend->copy(j.y, 0, j.x, 0, BYTES), 0);
    TN_CHECK_EQ(j.backend->read(j.y, 0, y, BYTES), 0);
    TN_CHECK_NEAR(y[3], 3, 0);
    TN_CHECK(j.backend->read(j.y, 4, y, BYTES) != 0);
    end_job(&j);
}

TN_MAIN(TN_CASE(interpreter_runs_launches), TN_CASE(interpreter_refuses_what_is_wrong),
    TN_CASE(running_out_of_memory_is_a_status), TN_CASE(the_template_loads_and_computes_nothing))
