/* SPDX-License-Identifier: Apache-2.0
 * Weights by reference: compiled without their values, which the caller gives
 * when the model is opened. */
#include <string.h>

#include "frontend/model.h"
#include "runtime/compile.h"
#include "runtime/session.h"
#include "tests/support/run_graph.h"
#include "tests/support/test.h"

static const char text[] =
    "{\"tenon\": 1, \"weights\": {\"w\": \"f32[3,2]\", \"b\": \"f32[3]\"},"
    " \"inputs\": {\"x\": \"f32[2,2]\"}, \"nodes\": [[\"y\", \"linear\", \"x\", \"w\", \"b\"]],"
    " \"outputs\": {\"y\": \"f32[2,3]\"}}";
static const float w[6] = {1, 2, 3, 4, 5, 6}, b[3] = {10, 20, 30}, x[4] = {1, 0, -1, 2};
static const float wanted[6] = {11, 23, 35, 13, 25, 37};

typedef struct job {
    tn_graph_device device;
    tn_arena *arena;
    tn_module *module;
    tn_artifact *artifact;
    tn_model *model;
    tn_session *session;
} job;

static tn_status
read_model(void *arg)
{
    job *j = arg;
    const tn_model_options how = {.seed_weights = true};

    return tn_model_parse(&j->device.env, j->arena, "test.json",
        (tn_span){(const uint8_t *)text, sizeof text - 1}, &how, &j->module);
}

static tn_status
compile(job *j)
{
    const tn_compile_target target = {
        .name = j->device.name, .family = j->device.backend->family, .text = j->device.text};
    const tn_compile_options options = {
        .targets = &target, .target_count = 1, .no_pack = true, .no_weights = true};
    tn_span bytes;

    TN_TRY(tn_arena_guard(j->arena, read_model, j));
    TN_TRY(tn_compile(&j->device.env, j->device.registry, j->module, &options, &bytes));
    return tn_artifact_open_bytes(&j->device.env, bytes, true, &j->artifact);
}

/* None has bytes of its own; each gets those of the test. */
static void
give_weights(job *j)
{
    tn_iface *f = &j->artifact->iface;

    TN_CHECK_EQ(f->weights.count, 2);
    for (uint32_t i = 0; i < f->weights.count; i++) {
        tn_iface_weight *to = &f->weights.at[i];
        bool is_w = !strcmp(to->name, "w");

        TN_CHECK_EQ(to->bytes, 0);
        to->at =
            (tn_span){is_w ? (const uint8_t *)w : (const uint8_t *)b, is_w ? sizeof w : sizeof b};
        to->bytes = to->at.bytes;
    }
}

static void
run(job *j)
{
    const tn_open_options how = {.device = j->device.name};
    tn_tensor in = {.dtype = TN_F32, .rank = 2, .dim = {2, 2}}, out = {0};
    tn_run once = {.inputs = &in, .outputs = &out};

    TN_NEED(tn_tensor_create(j->device.env.alloc, &j->device.diag, &in) == TN_OK);
    memcpy(in.data, x, sizeof x);
    TN_CHECK_EQ(tn_model_open(&j->device.env, j->device.registry, j->artifact, &how, &j->model),
        TN_OK);
    if (j->model && tn_session_open(&j->device.env, j->model, &j->session) == TN_OK)
        TN_CHECK_EQ(tn_session_run(j->session, &once), TN_OK);
    TN_CHECK(out.bytes == sizeof wanted && !memcmp(out.data, wanted, sizeof wanted));
    tn_tensor_free(j->device.env.alloc, &in);
    tn_tensor_free(j->device.env.alloc, &out);
}

static void
check(const char *device)
{
    job j = {.arena = NULL};
    tn_status status;

    if (!tn_graph_device_open(&j.device, device)) {
        tn_test_skip("there is no such device");
        return;
    }
    j.arena = tn_arena_create(tn_alloc_system(), 0);
    TN_NEED(j.arena != NULL);
    status = compile(&j);
    if (status == TN_PLUGIN)
        tn_test_skip("there is no generator");
    else
        TN_CHECK_EQ(status, TN_OK);
    if (j.artifact) {
        give_weights(&j);
        run(&j);
    }
    tn_session_close(j.session);
    tn_model_close(j.model);
    tn_artifact_close(j.artifact);
    tn_arena_destroy(j.arena);
    tn_graph_device_close(&j.device);
}

TN_TEST(interp)
{
    check("interp");
}

TN_TEST(cpu)
{
    check("cpu");
}

TN_TEST(opencl)
{
    check("opencl");
}

TN_MAIN(TN_CASE(interp), TN_CASE(cpu), TN_CASE(opencl))
