/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_LOAD_H
#define TN_TOOLS_LOAD_H

#include "frontend/model.h"
#include "frontend/weights.h"
#include "passes/pass.h"
#include "runtime/open.h"
#include "runtime/session.h"
#include "tools/given.h"

/* A model ready to run on one device, wherever it came from: a graph that is
 * compiled now, an artifact, or (device `ref`) a graph that is evaluated. */
typedef struct tn_loaded {
    const tn_iface *iface;
    const char *device;
    tn_arena *arena;   /* of the module, if a graph was read */
    tn_module *module; /* `ref` only */
    tn_iface own;      /* `ref` only */
    tn_tensor *states; /* `ref` only: values of the states by number */
    const struct tn_reference_watch *watch; /* `ref` only: sees what a run computes; or NULL */
    tn_artifact *artifact;
    tn_model *model;
    tn_session *session;
    uint64_t compile_ns;
} tn_loaded;

/* What is done about expectations of the model. */
typedef enum tn_load_expect {
    TN_LOAD_EXPECT,       /* checked; what cannot be is listed */
    TN_LOAD_EXPECT_QUIET, /* checked */
    TN_LOAD_EXPECT_NOT,
} tn_load_expect;

/* How a graph is read and compiled; zero: as the command line says. */
typedef struct tn_load_how {
    const tn_model_options *model; /* NULL: of the command line */
    const tn_weights_options *weights; /* NULL: no values given by a test */
    uint64_t skip; /* passes, beside those of --skip */
    tn_load_expect expect;
    const char *expose; /* entry whose every value becomes an output, or NULL */
    struct tn_regions *regions; /* fused rows to be looked at (tools/regions.h), or NULL */
} tn_load_how;

/* The model options of the command line, in tool->arena. */
tn_status tn_load_options(tn_tool *tool, tn_model_options *out) TN_MUST_USE;
/* The passes that --skip and --only leave out. */
tn_status tn_load_skip(tn_tool *tool, uint64_t *out) TN_MUST_USE;
/* Reads a graph (how->model is given) into an arena of its own; destroy it.
 * `weights`: loads them too. */
tn_status tn_load_module(tn_tool *tool, const char *path, const tn_load_how *how, bool weights,
    tn_arena **arena, tn_module **out) TN_MUST_USE;
/* True if the file starts as an artifact. */
tn_status tn_load_is_artifact(tn_tool *tool, const char *path, bool *out) TN_MUST_USE;

/* With --fallback, what the device cannot run is loaded for the CPU: loaded->
 * device says so, and the reason goes to standard error. */
tn_status tn_load(tn_tool *tool, const char *path, const char *device, const tn_load_how *how,
    tn_loaded *out) TN_MUST_USE;
void tn_loaded_close(tn_tool *tool, tn_loaded *loaded);

/* Entry number by --entry, else `main`, else the first. TN_USAGE. */
tn_status tn_loaded_entry(tn_tool *tool, const tn_loaded *loaded, const char *name, int *out)
    TN_MUST_USE;
/* One run; `outputs` are owned by the caller. `run` carries profile and
 * timeout in, launches and times out. Results of `ref` are rounded to the
 * declared types unless `wide`. */
tn_status tn_loaded_run(tn_tool *tool, tn_loaded *loaded, int entry, const tn_given *given,
    bool wide, tn_tensor *outputs, tn_run *run) TN_MUST_USE;
/* State back to its initial values. */
tn_status tn_loaded_reset(tn_tool *tool, tn_loaded *loaded) TN_MUST_USE;

#endif
