/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_RUN_TILE_H
#define TN_TESTS_SUPPORT_RUN_TILE_H

#include "backends/interp/interp_lane.h"
#include "ir/kernel/tile.h"
#include "ir/kernel/tinterp.h"
#include "passes/schedule/schedule.h"

/* A tile program run twice: by the tile interpreter, and scheduled for a
 * target, by the lane interpreter. Every kernel is verified and goes through
 * its text and its bytes on the way. */
enum { TN_RUN_TILE_SIZES = 16, TN_RUN_TILE_BUFS = 64 };

/* Runs all tasks of one lane kernel over host memory: a device in the place
 * of the lane interpreter. `status`: 4 words for each check site. */
typedef struct tn_run_machine {
    void *self;
    tn_status (*run)(void *self, tn_diag *diag, const tn_kernel *k, tn_span bytes,
        const tn_interp_buffer *buffers, const int32_t *sizes, uint64_t tasks,
        uint64_t scratch_bytes, uint32_t *status);
} tn_run_machine;

typedef struct tn_run_size {
    const char *name;
    int64_t value;
} tn_run_size;

typedef struct tn_run_tile {
    const char *file; /* in tests/golden/tile; NULL: `text` */
    const char *text;
    tn_run_size sizes[TN_RUN_TILE_SIZES]; /* those that are not derived */
    /* Inputs that are not noise (floats in -1 .. 1, integers 0). */
    void (*fill)(struct tn_run_tile *p);
    const tn_run_machine *machine; /* NULL: the lane interpreter */
    double tolerance; /* relative to 1 + |wanted|; 0: 2e-5 */
    /* While it runs: */
    tn_arena *arena;
    tn_diag diag;
    tn_tile *tile;
    int64_t size[TN_RUN_TILE_SIZES];
    int64_t count[TN_RUN_TILE_BUFS];       /* logical elements, by buffer */
    tn_cell *input[TN_RUN_TILE_BUFS];      /* before, row-major */
    tn_cell *wanted[TN_RUN_TILE_BUFS];     /* after, by the tile interpreter */
    bool *known[TN_RUN_TILE_BUFS];         /* elements that hold a value after */
    uint64_t noise;
    bool check_failed;
} tn_run_tile;

/* Input `name` of the program being set up. */
tn_cell *tn_run_input(const tn_run_tile *p, const char *name);
int64_t tn_run_size_of(const tn_run_tile *p, const char *name);

/* Parses, fills and interprets. False after a failed check of the test. */
bool tn_run_tile_start(tn_run_tile *p);
/* Schedules for `target` (text of tn_target) with `choice` (text of
 * tn_choice), runs, compares; reports what differs. Returns whether it held. */
bool tn_run_tile_on(tn_run_tile *p, const char *target, const char *choice);
void tn_run_tile_end(tn_run_tile *p);

/* Machines that exist and machines that do not, so that nothing leans on a
 * real one; the first four have vectors, the others groups. */
enum { TN_RUN_TILE_TARGETS = 7 };
extern const char *const tn_run_tile_targets[TN_RUN_TILE_TARGETS];
/* Start, each of those machines, end. */
void tn_run_tile_everywhere(tn_run_tile p, const char *choice);

#endif
