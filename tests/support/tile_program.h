/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TESTS_SUPPORT_TILE_PROGRAM_H
#define TN_TESTS_SUPPORT_TILE_PROGRAM_H

#include "ir/base/arena.h"
#include "ir/base/diag.h"
#include "ir/kernel/tinterp.h"

/* A tile program on small sizes: inputs at random, results compared with a
 * naive loop, for several seeds of block sizes, task orders and cuts. */
enum { TILE_SIZES = 12, TILE_BUFS = 8, TILE_SEEDS = 40 };

typedef struct tile_size {
    const char *name;
    int64_t value;
} tile_size;

typedef struct tile_program {
    const char *file; /* in tests/golden/tile, or NULL: `text` */
    const char *text;
    tile_size sizes[TILE_SIZES];
    void (*fill)(struct tile_program *p); /* inputs that are not plain noise */
    void (*want)(struct tile_program *p); /* sets wanted[] of the results */
    /* While it runs: */
    tn_arena *arena;
    tn_diag diag;
    tn_tile *tile;
    int64_t size[TILE_SIZES];
    int64_t count[TILE_BUFS];
    tn_cell *cell[TILE_BUFS], *wanted[TILE_BUFS];
    bool *known[TILE_BUFS];
    uint64_t noise;
} tile_program;

/* A size by its name; elements of an input and of what a result must be. */
int64_t tile_size_of(const tile_program *p, const char *name);
tn_cell *tile_in(const tile_program *p, const char *name);
tn_cell *tile_out(const tile_program *p, const char *name);
/* Uniform in -1 .. 1, rounded to f32. */
double tile_noise(tile_program *p);

/* For all seeds as wanted. */
void tile_check(tile_program p);
/* Some seed must be objected to, with this message. */
void tile_objects(tile_program p, const char *message);

/* The same by hand: begin, once for each seed, end (after a failed begin
 * too). */
bool tile_start(tile_program *p);
tn_status tile_interpret(tile_program *p, uint64_t seed, tn_tinterp *job);
void tile_end(tile_program *p);

#endif
