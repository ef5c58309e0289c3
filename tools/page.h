/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_TOOLS_PAGE_H
#define TN_TOOLS_PAGE_H

#include "tools/attribute.h"

/* One HTML page: styles and pictures inside, light and dark, wide and narrow.
 * Pictures are SVG that take their colours from the page's classes. */
void tn_page_open(tn_text *out, const char *title);
void tn_page_close(tn_text *out);
/* Text with &, <, > and quotes escaped. */
void tn_page_text(tn_text *out, const char *text);
/* "1.25 ms", "340 us"; "12.5 MB". */
void tn_page_time(tn_text *out, double ns);
void tn_page_bytes(tn_text *out, double bytes);

/* Kernels under the roof of the machine: of `before` hollow, of `after`
 * filled, as large as their share of the time. */
void tn_page_roofline(tn_text *out, const tn_device_peak *peak, const tn_variant *before,
    const tn_variant *after);
/* Activations that are alive, over the device's time. */
void tn_page_memory(tn_text *out, const tn_variant *before, const tn_variant *after);
/* The kernels of a plan, what reads what, from top to bottom. */
void tn_page_graph(tn_text *out, const tn_variant *v);

#endif
