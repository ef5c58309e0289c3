/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/evaluate_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/reference/reference.h"
#include "tests/support/test.h"

enum { OUTPUTS = 8 };

typedef struct job {
    tn_arena *arena;
    tn_env env;
    const char *text;
    tn_tensor out[OUTPUTS];
    uint32_t count;
} job;

static tn_status
evaluate(void *arg)
{
    job *j = arg;
    tn_module *m = tn_module_create(j->arena, "test");
    tn_reference_args args = {.outputs = j->out};
    tn_graph *g;

    TN_TRY(tn_graph_parse(m, j->env.diag, "test",
        tn_arena_printf(j->arena, "graph test\n%s", j->text), &g));
    TN_TRY(tn_graph_verify(g, j->env.diag));
    if (g->outputs.count > OUTPUTS || g->inputs.count)
        return TN_BUG;
    TN_TRY(tn_reference_run(&j->env, g, &args));
    j->count = g->outputs.count;
    return TN_OK;
}

static double
element(const tn_tensor *t, int64_t k)
{
    const char *at = (const char *)t->data + (size_t)k * (size_t)tn_dtype_bytes(t->dtype);

    return t->dtype == TN_F64 ? *(const double *)(const void *)at
                              : (double)tn_load_int(t->dtype, at);
}

static double
next_number(const char **at)
{
    double v;

    *at += strspn(*at, " \n");
    if (strncmp(*at, "true", 4) == 0 || strncmp(*at, "false", 5) == 0) {
        v = **at == 't';
        *at += **at == 't' ? 4 : 5;
        return v;
    }
    return tn_double_read(*at, at);
}

static bool
is_close(double found, double wanted, double tolerance)
{
    if (isnan(wanted) || isinf(wanted) || wanted == 0 || tolerance == 0)
        return (isnan(found) && isnan(wanted)) ||
            (found == wanted && signbit(found) == signbit(wanted));
    return fabs(found - wanted) <= tolerance * fabs(wanted);
}

static void
check_outputs(const job *j, const char *wanted, double tolerance, const char *file, int line)
{
    const char *at = wanted;

    for (uint32_t i = 0; i < j->count; i++) {
        int64_t count = 0;

        tn_tensor_elements(&j->out[i], &count);
        for (int64_t k = 0; k < count; k++) {
            double found = element(&j->out[i], k), want = next_number(&at);

            if (!tn_test_check(is_close(found, want, tolerance), "value", file, line))
                tn_test_note("output %u, element %lld: found %.17g, wanted %.17g", i, (long long)k,
                    found, want);
        }
        at += strspn(at, " \n");
        if (!tn_test_check(*at == (i + 1 < j->count ? '|' : '\0'), "number of values", file, line))
            return;
        at += *at == '|';
    }
}

static tn_status
start(job *j, tn_diag *diag, const char *text)
{
    tn_status status;

    tn_diag_init(diag, tn_alloc_system());
    *j = (job){.text = text,
        .arena = tn_arena_create(tn_alloc_system(), 0),
        .env = {tn_alloc_system(), NULL, diag}};
    status = tn_arena_guard(j->arena, evaluate, j);
    return status;
}

static void
finish(job *j)
{
    for (uint32_t i = 0; i < j->count; i++)
        tn_tensor_free(j->env.alloc, &j->out[i]);
    tn_diag_clear(j->env.diag);
    tn_arena_destroy(j->arena);
}

void
tn_evaluate_at(const char *text, const char *wanted, double tolerance, const char *file, int line)
{
    tn_diag diag;
    job j;
    tn_status status = start(&j, &diag, text);

    if (!tn_test_check(status == TN_OK, "the graph runs", file, line))
        tn_test_note("%s", tn_diag_count(&diag) ? tn_diag_text(&diag, 0) : "no message");
    else
        check_outputs(&j, wanted, tolerance, file, line);
    finish(&j);
}

void
tn_evaluate_fails_at(const char *text, const char *message, const char *file, int line)
{
    tn_diag diag;
    job j;
    tn_status status = start(&j, &diag, text);

    tn_test_check(status == TN_MALFORMED, "the run fails with code 3", file, line);
    tn_test_equal_text(tn_diag_count(&diag) ? tn_diag_text(&diag, 0) : "", message, "message", file,
        line);
    finish(&j);
}
