/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_SCHEDULE_SCHEDULE_H
#define TN_PASSES_SCHEDULE_SCHEDULE_H

#include "ir/kernel/kernel.h"
#include "ir/kernel/tile.h"
#include "ir/target.h"

/* From tile level to lane level. A schedule decides how a tile program is
 * cut into tasks, vectors, register blocks and lanes of one target, guided by
 * a choice: a flat record of named integers, from choice.def. */
typedef struct tn_choice {
#define TN_CHOICE(name, fallback, doc) int32_t name;
#include "passes/schedule/choice.def"
} tn_choice;

void tn_choice_init(tn_choice *choice); /* fallbacks */
/* "mr=12 nv=2": the fields that differ from their fallbacks. */
void tn_choice_print(tn_text *out, const tn_choice *choice);
/* Fields by name, the rest at their fallbacks; unknown names are refused. */
tn_status tn_choice_parse(tn_diag *diag, const char *text, size_t length, tn_choice *out)
    TN_MUST_USE;
/* Row number `field` of choice.def; NULL and 0 beyond the last. */
const char *tn_choice_field(int field, const char **doc, int32_t *fallback);

/* What a kernel's buffer number i is: a buffer of the tile program, by its
 * index, or a scratch buffer of the launch list. Of several programs, buffers
 * (locals aside) and sizes are numbered one program after the other. */
typedef struct tn_launch_binding {
    bool scratch;
    uint32_t index;
} tn_launch_binding;

typedef struct tn_launch {
    tn_kernel *kernel;
    TN_VEC(tn_launch_binding) bindings; /* one for each of kernel->globals */
    TN_VEC(uint32_t) sizes;      /* tile size of each of kernel->sizes */
    tn_formula flops, bytes;     /* estimates; symbols are tile sizes */
} tn_launch;

/* Launches in order; each sees all that earlier ones wrote. */
typedef struct tn_launches {
    TN_VEC(tn_launch) list;
    TN_VEC(tn_formula) scratch; /* bytes of each scratch buffer, over tile sizes */
    tn_choice choice;           /* as taken: no field is -1 unless it had no part */
} tn_launches;

/* Schedules `tile` (verified) for `target`. `choice` NULL: what the schedule
 * thinks best. Same input, same output. Everything is allocated from `arena`,
 * inside its guard. TN_UNSUPPORTED, with the reason in `diag`, for a program
 * that no schedule here can place. */
tn_status tn_schedule(tn_arena *arena, tn_diag *diag, const tn_tile *tile, const tn_target *target,
    const tn_choice *choice, tn_launches *out) TN_MUST_USE;

enum { TN_BESIDE = 4 };

/* Schedules programs none of which reads or overwrites what another writes,
 * in one launch whose tasks are those of the first, then those of the next:
 * at most TN_BESIDE. A launch each on machines with lanes. They have no checks,
 * and sizes of one name are one size. */
tn_status tn_schedule_beside(tn_arena *arena, tn_diag *diag, const tn_tile *const *tiles,
    uint32_t count, const tn_target *target, tn_launches *out) TN_MUST_USE;

/* Choices worth timing, best guess first; at most `limit`. */
int tn_candidates(tn_arena *arena, const tn_tile *tile, const tn_target *target, tn_choice *out,
    int limit);

#endif
