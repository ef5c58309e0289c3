/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_BACKENDS_CPU_CPU_LOAD_H
#define TN_BACKENDS_CPU_CPU_LOAD_H

#include "backends/cpu/cpu_abi.h"
#include "backends/cpu/cpu_os.h"
#include "ir/base/bytes.h"
#include "ir/base/diag.h"

/* From the bytes of a relocatable ELF object to callable code, without a
 * linker. Everything in the object is checked: damaged bytes are refused,
 * never followed out of range. What they do when called cannot be checked:
 * whoever calls them must know where they come from.
 *
 * Refused too: writable data, thread-local storage, common symbols, absolute
 * relocations that do not fit, and names that are not in the import table. */
typedef enum tn_cpu_machine {
    TN_CPU_X86_64 = 62,   /* the numbers of the ELF header */
    TN_CPU_AARCH64 = 183,
} tn_cpu_machine;

/* The machine that this file was compiled for. */
tn_cpu_machine tn_cpu_machine_here(void);

/* Code is readable and executable, constants are readable, nothing is
 * writable after tn_cpu_load has returned, and at no time is memory both
 * writable and executable. Unchanging; callable from several threads. */
typedef struct tn_cpu_image {
    const tn_cpu_os *os;
    uint8_t *base; /* NULL: nothing is loaded */
    size_t bytes, code_bytes;
    tn_cpu_fn entry;         /* TN_CPU_SYMBOL */
    const tn_cpu_info *info; /* TN_CPU_INFO_SYMBOL; NULL if it is absent */
} tn_cpu_image;

/* `object` is not needed after the call. An object of another machine than
 * this one is relocated all the same (for tests), but must not be called.
 * TN_INTEGRITY: the object is damaged or of another kind; TN_LIMIT: more than
 * TN_CPU_IMAGE_LIMIT bytes; TN_NO_MEMORY; TN_DEVICE: the system does not let
 * memory become executable. On failure `out` is empty. */
enum { TN_CPU_IMAGE_LIMIT = 1 << 28 };
tn_status tn_cpu_load(const tn_cpu_os *os, const tn_alloc *alloc, tn_diag *diag,
    tn_cpu_machine machine, tn_span object, tn_cpu_image *out) TN_MUST_USE;
void tn_cpu_unload(tn_cpu_image *image); /* empty is fine */

#endif
