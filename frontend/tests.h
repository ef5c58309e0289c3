/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_TESTS_H
#define TN_FRONTEND_TESTS_H

#include "frontend/model.h"
#include "frontend/weights.h"

/* What a model expects of itself: `tests` and `expect`, checked for their
 * form and names. Numbers stay JSON: how they are read depends on the type of
 * the input or output they stand for. */

typedef enum tn_test_kind {
    TN_TEST_DATA,   /* `data`: nested lists, a number, a text, names of labels */
    TN_TEST_SHAPED, /* `data` of rank, dim */
    TN_TEST_FILE,    /* file `path`, relative to the model's folder */
    TN_TEST_SEED,   /* `seed`, rank, dim */
    TN_TEST_SAME,   /* output `output` of run `run` (a number, earlier) */
} tn_test_kind;

typedef struct tn_test_value {
    const char *name; /* of the input or output */
    tn_test_kind kind;
    const tn_json *at;   /* for messages */
    const tn_json *data;
    const char *path;
    uint64_t seed;
    int rank;
    int64_t dim[TN_MAX_RANK];
    int run;
    const char *output;
} tn_test_value;

typedef struct tn_test_step {
    const char *name;  /* "" if it has none */
    const char *entry; /* never NULL */
    TN_VEC(tn_test_value) inputs;
    TN_VEC(tn_test_value) outputs;
} tn_test_step;

typedef struct tn_test {
    const char *name;
    const tn_json *at;
    const char *preset; /* or NULL */
    TN_VEC(tn_model_set) sets;
    TN_VEC(tn_model_dim) dims;
    TN_VEC(tn_weight_given) weights;
    uint64_t seed;
    bool needs_files;
    bool has_tol;
    double tol_abs, tol_rel;
    /* It wants other params than those that the graph was printed with
     * (`stage`): it cannot be run. */
    bool elsewhere;
    int fails; /* the code with which it must be refused; 0: it must pass */
    TN_VEC(tn_test_step) runs; /* they share state */
} tn_test;

/* "attention*L": family and, unless -1, exactly how many. */
typedef struct tn_expect_fused {
    const char *family;
    int64_t count;
} tn_expect_fused;

typedef enum tn_expect_limit {
    TN_EXPECT_LAUNCHES,
    TN_EXPECT_FLOPS,
    TN_EXPECT_PEAK_MEMORY,
    TN_EXPECT_WEIGHTS_BYTES,
    TN_EXPECT_LIMITS
} tn_expect_limit;

typedef struct tn_expect {
    const tn_json *at;
    const char *entry; /* of an entry's own; NULL: of the model */
    const char *when_preset, *when_device, *when_entry; /* or NULL */
    TN_VEC(tn_expect_fused) fused;
    bool has_limit[TN_EXPECT_LIMITS];
    int64_t limit[TN_EXPECT_LIMITS]; /* at most */
    bool in_place_all;
    TN_VEC(const char *) in_place; /* states */
    bool has_params;
    int64_t params;
} tn_expect;

typedef struct tn_tests {
    TN_VEC(tn_test) tests;
    TN_VEC(tn_expect) expects;
} tn_tests;

static inline const tn_tests *
tn_module_tests(const tn_module *module)
{
    return tn_module_document(module)->tests;
}

/* "launches", "flops", .. */
const char *tn_expect_limit_name(tn_expect_limit limit);

/* Expectations whose numbers the model itself settles: `params`. TN_EXPECTED
 * with what was found; `device` NULL means any. */
tn_status tn_expect_check_params(const tn_env *env, const tn_module *module, const char *device)
    TN_MUST_USE;

#endif
