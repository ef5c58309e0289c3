/* SPDX-License-Identifier: Apache-2.0
 * Attention in loops of the plan: each part of a loop is a region, and
 * attention within one is one kernel. */
#include <math.h>
#include <string.h>

#include "passes/pass.h"
#include "runtime/artifact.h"
#include "tests/support/run_graph.h"
#include "tests/support/test.h"

/* Queries are turned three times by what they attend to. Keys seen in round j
 * are the first j + 2. */
#define HEAD                                                                            \
    "graph main\n    input q: f32[5,8]\n    input k: f32[7,8]\n    input v: f32[7,8]\n" \
    "    n: i32[] = fill {type=i32[], value=0}\n"                                       \
    "    y: f32[5,8], e: i32[] = while q, n {limit=9} do (a, i)\n"                      \
    "        more: bool[] = less i, 3\n        yield more\n    end (b, j)\n"            \
    "        s: f32[5,7] = contract b, k {labels=\"id,jd->ij\"}\n"
#define TAIL                                                     \
    "        g: i32[] = add j, 1\n        yield o, g\n    end\n" \
    "    output y = y\n    output e = e\n"
static const char inside[] =
    HEAD "        h: i32[] = add j, 1\n        c: i32[7] = iota {size=7}\n"
         "        seen: bool[7] = less_equal c, h\n        x: f32[5,7] = where seen, s, -inf\n"
         "        p: f32[5,7] = softmax x {axis=1}\n"
         "        o: f32[5,8] = contract p, v {labels=\"ij,jd->id\"}\n" TAIL;
/* Scores are made once, in front of the loop. */
static const char across[] =
    "graph main\n    input q: f32[5,8]\n    input k: f32[7,8]\n    input v: f32[7,8]\n"
    "    n: i32[] = fill {type=i32[], value=0}\n"
    "    s: f32[5,7] = contract q, k {labels=\"id,jd->ij\"}\n"
    "    y: f32[5,8], e: i32[] = while q, n {limit=9} do (a, i)\n"
    "        more: bool[] = less i, 3\n        yield more\n    end (b, j)\n"
    "        p: f32[5,7] = softmax s {axis=1}\n"
    "        m: f32[5,8] = contract p, v {labels=\"ij,jd->id\"}\n"
    "        o: f32[5,8] = add m, b\n" TAIL;

static void
element(void *self, const tn_value *v, const tn_input *in, int64_t k, void *to)
{
    (void)self;
    tn_store_double(v->type.dtype, to, (double)((k * 7 + in->value->index * 5) % 11) / 8 - 0.5);
}

static int
rows(const tn_graph_code *code)
{
    const tn_plan *p = &code->artifact->targets.at[0].plans[0];
    int count = 0;

    for (uint32_t s = 0; s < p->steps.count; s++)
        count += !strcmp(p->steps.at[s].family, "attention");
    return count;
}

static void
compare(const tn_run_graph *run, const tn_tensor *got)
{
    for (uint64_t k = 0; k < got[0].bytes / 4; k++) {
        double found = tn_load_double(TN_F32, (const char *)got[0].data + k * 4);
        double wanted = ((const double *)run->wanted[0].data)[k];

        if (!TN_CHECK(fabs(found - wanted) <= 1e-5 * (1 + fabs(wanted))))
            tn_test_note("element %d is %g, wanted %g", (int)k, found, wanted);
    }
    TN_CHECK_EQ(tn_load_int(TN_I32, got[1].data), 3);
}

static bool
agrees(const char *device, const char *text, tn_pass_set skip, int attentions)
{
    tn_tensor got[TN_RUN_GRAPH_TENSORS] = {0};
    tn_graph_device d;
    tn_graph_code code = {0};
    tn_run_graph run;

    if (!tn_graph_device_open(&d, device))
        return false;
    if (TN_CHECK_EQ(tn_run_graph_open(&run, text), TN_OK) &&
        TN_CHECK_EQ(tn_run_graph_fill(&run, element, NULL), TN_OK) &&
        TN_CHECK_EQ(tn_run_graph_want(&run), TN_OK) &&
        TN_CHECK_EQ(tn_run_graph_compile(&run, &d, skip, &code), TN_OK) &&
        TN_CHECK_EQ(rows(&code), attentions) && TN_CHECK_EQ(tn_run_graph_on(&code, got), TN_OK))
        compare(&run, got);
    else if (tn_diag_count(&run.diag))
        tn_test_note("%s", tn_diag_text(&run.diag, 0));
    tn_run_graph_free(&run, got);
    tn_graph_code_close(&code);
    tn_run_graph_close(&run);
    tn_graph_device_close(&d);
    return true;
}

static void
check(const char *device)
{
    if (!agrees(device, inside, 0, 1))
        TN_SKIP("%s is not here", device);
    (void)agrees(device, inside, tn_pass_bit("attention"), 0);
    (void)agrees(device, across, 0, 0);
}

TN_TEST(in_the_interpreter)
{
    check("interp");
}

TN_TEST(on_a_cpu)
{
    check("cpu");
}

TN_TEST(with_vulkan)
{
    check("vulkan");
}

TN_TEST(with_opencl)
{
    check("opencl");
}

TN_MAIN(TN_CASE(in_the_interpreter), TN_CASE(on_a_cpu), TN_CASE(with_vulkan), TN_CASE(with_opencl))
