/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_OPENCL_CL_CODEGEN_H
#define TN_BACKENDS_OPENCL_CL_CODEGEN_H

#include "ir/kernel/kernel.h"

/* OpenCL C 1.2 for one GPU-like kernel. The function is TN_CL_KERNEL; its
 * arguments are, in order: for each buffer of the kernel an address (uchar) and
 * an offset in bytes (ulong), the sizes (int), then, if there are check
 * sites, the status words and their offset. Group size and counts stand in
 * the first line, as tn_cl_head reads them. Scalars only: TN_UNSUPPORTED for
 * vectors and TEAM loops. Call inside a guard of out->arena. */
tn_status tn_cl_generate(tn_text *out, tn_diag *diag, const tn_kernel *k) TN_MUST_USE;

#define TN_CL_KERNEL "tn_kernel"

/* What the first line says. */
typedef struct tn_cl_head {
    uint32_t lanes, buffers, sizes, sites;
} tn_cl_head;

/* TN_INTEGRITY if the code does not start as ours does. */
tn_status tn_cl_head_read(tn_diag *diag, const char *code, size_t bytes, tn_cl_head *out)
    TN_MUST_USE;

#endif
