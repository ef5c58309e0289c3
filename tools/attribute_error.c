/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/bind.h"
#include "runtime/compare.h"
#include "tools/attribute.h"

/* Above so much arithmetic the reference evaluator, which works in double
 * precision and step by step, would take minutes. */
static const double reference_flops = 2e10;

/* Arithmetic of one run, over the symbols that the inputs bind. */
static double
flops_of(const tn_bench_case *c)
{
    const tn_plan *p = &c->loaded.model->target->plans[c->entry];
    int64_t *symbols = tn_new_array(c->tool->arena, int64_t, p->symbols.count + 1), v;
    double sum = 0;

    if (tn_bind(c->tool->diag, c->given.entry, c->given.inputs, c->given.has_fixed, c->given.fixed,
            symbols) != TN_OK)
        return 0;
    for (uint32_t i = 0; i < p->steps.count; i++)
        if (p->steps.at[i].flops.bytes &&
            tn_formula_eval(p->steps.at[i].flops, symbols, p->symbols.count, &v))
            sum += (double)v;
    return sum;
}

static void
compare(tn_variant *v, const tn_tensor *got, const tn_tensor *wanted)
{
    const tn_iface_entry *entry = v->c.given.entry;
    const tn_tolerance usual = {0};

    for (uint32_t i = 0; i < entry->outputs.count; i++) {
        tn_difference d = {0};

        v->agrees &= tn_compare(&got[i], &wanted[i], entry->outputs.at[i].dtype, &usual, &d);
        v->error = d.error > v->error ? d.error : v->error;
    }
}

static void
release(const tn_tool *tool, tn_tensor *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        tn_tensor_free(tool->env.alloc, &list[i]);
}

/* One run of the reference on the same inputs, in double precision. */
static tn_status
run_reference(tn_attribution *a, tn_tensor *outputs)
{
    static const tn_load_how plain = {.expect = TN_LOAD_EXPECT_NOT};
    tn_bench_case *like = &a->variants.at[0]->c;
    tn_loaded ref;
    tn_run run = {0};
    tn_status status;

    TN_TRY(tn_load(a->tool, a->path, "ref", &plain, &ref));
    status = tn_loaded_run(a->tool, &ref, like->entry, &like->given, true, outputs, &run);
    tn_loaded_close(a->tool, &ref);
    return status;
}

static tn_status
check_variant(tn_attribution *a, tn_variant *v, const tn_tensor *wanted)
{
    uint32_t count = v->c.given.entry->outputs.count;
    tn_tensor *got = tn_new_array(a->tool->arena, tn_tensor, count + 1);
    uint64_t wall;

    TN_TRY(tn_bench_run(&v->c, &wall, got));
    compare(v, got, wanted);
    release(a->tool, got, count);
    return TN_OK;
}

tn_status
tn_attribute_errors(tn_attribution *a)
{
    tn_bench_case *none = &a->variants.at[0]->c;
    uint32_t count = none->given.entry->outputs.count, first = 0;
    tn_tensor *wanted = tn_new_array(a->tool->arena, tn_tensor, count + 1);
    tn_status status = TN_OK;
    uint64_t wall;

    if (flops_of(none) <= reference_flops) {
        a->oracle = "reference";
        TN_TRY(run_reference(a, wanted));
    } else {
        a->oracle = "nothing";
        tn_tool_note(a->tool, "the reference would take long here; errors are against no passes");
        TN_TRY(tn_bench_run(none, &wall, wanted));
        first = 1;
    }
    for (uint32_t i = first; i < a->variants.count && status == TN_OK; i++)
        status = check_variant(a, a->variants.at[i], wanted);
    release(a->tool, wanted, count);
    return status;
}
