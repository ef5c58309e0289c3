/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_PASSES_SCAN_AXES_H
#define TN_PASSES_SCAN_AXES_H

#include "passes/dims.h"
#include "passes/finding.h"
#include "passes/idmap.h"

/* Axes along which the rounds of a scan do not mix elements: they index every
 * carried and collected value alike and nothing in the body reduces, moves or
 * contracts along them. Tasks may share them out. */
enum { TN_SCAN_AXES = 8 };

typedef struct tn_scan_axes {
    tn_arena *arena;
    int count;
    tn_size extent[TN_SCAN_AXES];
    uint32_t root[TN_SCAN_AXES];
    /* Classes of dimensions: value id -> slot, slot * rank + dim -> parent. */
    tn_idmap slots;
    TN_VEC(uint32_t) parent;
    TN_VEC(bool) mixed;
} tn_scan_axes;

tn_scan_axes tn_scan_axes_find(tn_arena *arena, const tn_op *scan);
/* Number of the axis that dimension `dim` of a value runs along (an operand,
 * a result of the scan, a value in or around the body), -1: none. */
int tn_scan_axis_of(tn_scan_axes *s, const tn_value *v, int dim);

/* The axis of a tensor of that rank that a scan slices or collects along. */
int tn_scan_along(const tn_op *scan, int rank);
int tn_scan_carries(const tn_op *scan);
/* Number of rounds. */
tn_size tn_scan_rounds(const tn_op *scan);

/* True if the whole scan can be a loop inside one kernel: nothing in its body
 * has kernels of its own (loops, sort, nonzero, an `if` that is no choice) or
 * is asked for elements where it has none in a kernel, it does not read more
 * tensors than a kernel binds, and carries no cache (which is updated in place
 * outside of kernels alone). Others are loops of the plan. */
bool tn_scan_fits_kernel(const tn_op *scan);
/* Says of each of those others why (`findings` may be NULL). */
void tn_scan_report(const tn_graph *g, tn_findings *findings);

#endif
