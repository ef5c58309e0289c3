/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_VERIFY_H
#define TN_TOOLS_VERIFY_H

#include "frontend/tests.h"
#include "runtime/compare.h"
#include "tools/decide.h"
#include "tools/load.h"

/* One device at one level of passes, over all tests of a model. */
typedef struct tn_verify_row {
    const char *device, *level; /* level: "fused", "unfused", "only views", .. */
    uint64_t skip;              /* passes */
    int passed, failed;
    double margin;        /* smallest of the reference's decisions, as in
                    * tn_judgement; infinite if there is none */
    double max_rel;       /* largest relative error by norm against the reference */
    const char *first_op; /* first diverging op, or NULL */
    const char *first_region; /* first fused row that differs from its decomposition, or NULL */
    const char *failure;  /* first message, or NULL */
    tn_status status;     /* of the first failure: TN_DIFFERS, or how it ended */
} tn_verify_row;

/* Outputs of all runs of one test on one device; `status` TN_OK, or the code
 * with which the model or a run was refused. */
typedef struct tn_verify_result {
    tn_status status;
    tn_tensor **outputs; /* [run][output] */
    int *entries;        /* [run] */
    tn_decisions *decisions; /* [run], if they were wanted */
    bool **excused; /* [run][output]: other choices than the reference's, but right */
} tn_verify_result;

typedef struct tn_verify {
    tn_tool *tool;
    const char *path;
    tn_module *module; /* as read once, for its tests */
    uint32_t shadowed; /* fused rows that were held against their decompositions */
} tn_verify;

typedef struct tn_verify_how {
    const char *device;
    uint64_t skip;      /* passes */
    bool wide;          /* keeps the reference's doubles, and what decides */
    const char *expose; /* entry whose every value becomes an output, or NULL */
    struct tn_regions *regions; /* as in tn_load_how */
} tn_verify_how;

/* Runs a test. Free with tn_verify_release. */
tn_status tn_verify_run(tn_verify *v, const tn_test *test, const tn_verify_how *how,
    tn_verify_result *out) TN_MUST_USE;
void tn_verify_release(tn_verify *v, const tn_test *test, tn_verify_result *result);
/* The values that the test itself wants, but for outputs that are excused;
 * `failure` is the message if one is not met, else NULL. */
tn_status tn_verify_wanted(tn_verify *v, const tn_test *test, const tn_verify_result *result,
    const char **failure) TN_MUST_USE;
/* The first op of the test's first run whose value differs from the
 * reference on a device that runs each op alone; NULL if none does. */
tn_status tn_verify_first_op(tn_verify *v, const tn_test *test, const char *device,
    const char **name) TN_MUST_USE;
/* The shadow check: each fused row of the test's first run beside its own
 * decomposition, with fusion on everywhere else. The first that differs, with
 * how far; NULL if none does. */
tn_status tn_verify_shadow(tn_verify *v, const tn_test *test, const char *device,
    const char **first) TN_MUST_USE;

#endif
