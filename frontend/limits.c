/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/limits.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    const char *name;
    size_t at;
    uint32_t usual, most;
} row;

static const row rows[] = {
#define TN_READ_LIMIT(name, usual, most, doc) {#name, offsetof(tn_read_limits, name), usual, most},
#include "frontend/limits.def"
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static uint32_t *
value_of(tn_read_limits *limits, const row *r)
{
    return (uint32_t *)(void *)((char *)limits + r->at);
}

tn_read_limits
tn_read_limits_of(const tn_read_limits *given)
{
    tn_read_limits all = given ? *given : (tn_read_limits){0};

    for (int i = 0; i < ROWS; i++)
        if (*value_of(&all, &rows[i]) == 0)
            *value_of(&all, &rows[i]) = rows[i].usual;
    return all;
}

tn_status
tn_read_limits_set(tn_diag *diag, tn_read_limits *limits, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);

    for (int i = 0; i < ROWS; i++) {
        char *end = NULL;
        long long wanted;

        if (strlen(rows[i].name) != length || strncmp(rows[i].name, text, length) != 0)
            continue;
        wanted = equals ? strtoll(equals + 1, &end, 10) : 0;
        if (!equals || end == equals + 1 || *end || wanted < 1 || wanted > rows[i].most)
            return tn_fail(diag, TN_USAGE, "--limit %s: expected %s=N, N from 1 to %" PRIu32, text,
                rows[i].name, rows[i].most);
        *value_of(limits, &rows[i]) = (uint32_t)wanted;
        return TN_OK;
    }
    return tn_fail(diag, TN_USAGE, "--limit %s: expected NAME=N, a name of:"
#define TN_READ_LIMIT(name, usual, most, doc) " " #name
#include "frontend/limits.def"
        ,
        text);
}
