/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_RUNTIME_ARTIFACT_FORMAT_H
#define TN_RUNTIME_ARTIFACT_FORMAT_H

/* The bytes of a .tenon file, little-endian:
 *
 *   magic 8, major u32, minor u32, features u64, sections u32
 *   a section: kind u32, offset u64, bytes u64, sha-256 32
 *   sha-256 of all above
 *   sections, each at a multiple of a page
 *
 * A newer minor version reads older files; another major does not. The hash
 * of the weights section is zero: section HASHES has one for each MiB. The
 * header fits one page: at most 78 sections. */
#define TN_ARTIFACT_MAGIC "\x89tenon\r\n"
#define TN_ARTIFACT_WRITER "0.1.0"

enum {
    TN_ARTIFACT_MAGIC_BYTES = 8,
    TN_ARTIFACT_MAJOR = 2,
    TN_ARTIFACT_MINOR = 0,
    TN_ARTIFACT_PAGE = 4096,
    TN_ARTIFACT_WEIGHT_ALIGN = 256,
    TN_ARTIFACT_HASHED_BYTES = 1 << 20,
    TN_ARTIFACT_SECTION_LIMIT = 70,
};

enum tn_section_kind {
    TN_SECTION_INFO = 1,   /* writer, interface */
    TN_SECTION_TARGET = 2, /* plans and code of one target */
    TN_SECTION_HASHES = 3, /* of the weights, one for each MiB */
    TN_SECTION_WEIGHTS = 4,
};

#endif
