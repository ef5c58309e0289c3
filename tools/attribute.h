/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_ATTRIBUTE_H
#define TN_TOOLS_ATTRIBUTE_H

#include "passes/pass.h"
#include "tools/bench_case.h"

/* What each optional pass is worth: the model compiled with every set of a
 * ladder (none, +first, +second, .., all) and with each pass left out alone,
 * all of them timed in turns. Sets that are equal are one variant. */
typedef struct tn_variant {
    tn_pass_set skip;
    tn_bench_case c;
    uint64_t *wall;   /* by round */
    uint64_t *sorted; /* the same, ascending */
    uint64_t median, p10, p90;
    double least_ns; /* in which the device could do all its kernels */
    double error;    /* largest of an output, relative, against the oracle */
    bool agrees;
    bool long_runs;  /* beyond what the machine's state matters */
    uint64_t *step_ns;    /* by step: when it began, on the device; then the end */
    uint64_t *step_bytes; /* by step: activations that are alive */
    uint32_t steps;
} tn_variant;

/* A row of a table: a variant beside the one it is compared with. */
typedef struct tn_gain {
    const char *pass; /* "nothing", "+views"; of the second table "views" */
    const tn_variant *v;
    double gain_ns, p10_ns, p90_ns; /* time that the pass saves; of rounds */
} tn_gain;

typedef struct tn_attribution {
    tn_tool *tool;
    const char *path, *device;
    const char *entry;
    TN_VEC(tn_variant *) variants;
    TN_VEC(tn_gain) ladder;        /* first: nothing; last: all */
    TN_VEC(tn_gain) leave_one_out; /* without each pass */
    uint32_t rounds;
    tn_device_peak peak;
    const char *oracle; /* "reference", or "nothing" where that takes too long */
    double total_ns;    /* between nothing and all: median over rounds */
    double p10_ns, p90_ns;
} tn_attribution;

/* `bench --attribute`: text or JSON, and the page of --html. */
tn_status tn_attribute(tn_tool *tool, const char *path, const char *device) TN_MUST_USE;

/* The largest relative error of every variant, against the reference. */
tn_status tn_attribute_errors(tn_attribution *a) TN_MUST_USE;

static inline const tn_variant *
tn_attribute_nothing(const tn_attribution *a)
{
    return a->ladder.at[0].v;
}

static inline const tn_variant *
tn_attribute_all(const tn_attribution *a)
{
    return a->ladder.at[a->ladder.count - 1].v;
}

/* The sum of the ladder's gains. */
double tn_attribute_sum(const tn_attribution *a);
/* Share of the time of a run in which the device had to be busy. */
double tn_attribute_share(const tn_variant *v);

void tn_attribute_people(tn_text *out, const tn_attribution *a);
void tn_attribute_json(tn_text *out, const tn_attribution *a);
/* One HTML document that needs nothing else. */
void tn_attribute_page(tn_text *out, const tn_attribution *a);

#endif
