/* SPDX-License-Identifier: Apache-2.0
 * "bthd,bshd->bhts": which axis of which operand is which axis of the
 * result. */
#include <stdio.h>
#include <string.h>

#include "ir/graph/graph.h"

/* Positions in `labels`, one group an operand, the last for the result. */
typedef struct group {
    const char *at;
    int letters;
    bool dots;
} group;

typedef struct reader {
    tn_label_map *out;
    char *why;
    int dot_axes;            /* most axes under any `...` */
    int first_dot;           /* label of the first of them; -1: none yet */
    int8_t label[128];       /* letter -> label number, or -1 */
    uint8_t seen[TN_MAX_LABELS]; /* bit i: in operand i */
} reader;

static bool
refuse(reader *r, const char *text)
{
    if (r->why)
        snprintf(r->why, TN_LABELS_WHY, "%s", text);
    return false;
}

static bool
refuse_letter(reader *r, int letter, const char *text)
{
    if (r->why && letter)
        snprintf(r->why, TN_LABELS_WHY, "\"%c\" %s", (char)letter, text);
    else if (r->why)
        snprintf(r->why, TN_LABELS_WHY, "\"...\" %s", text);
    return false;
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
read_group(reader *r, const char **next, group *g)
{
    const char *c = *next;

    g->dots = strncmp(c, "...", 3) == 0;
    if (g->dots)
        c += 3;
    g->at = c;
    while (is_letter(*c))
        c++;
    g->letters = (int)(c - g->at);
    for (int i = 0; i < g->letters; i++) {
        if (memchr(g->at, g->at[i], (size_t)i))
            return refuse_letter(r, g->at[i], "stands twice in one group");
    }
    *next = c;
    return true;
}

static bool
read_groups(reader *r, const char *labels, int operands, group *groups)
{
    const char *c = labels;

    for (int i = 0; i < operands; i++) {
        if (i && *c++ != ',')
            return refuse(r, "expected one group of letters for each operand, then \"->\"");
        if (!read_group(r, &c, &groups[i]))
            return false;
    }
    if (strncmp(c, "->", 2) != 0)
        return refuse(r, "expected one group of letters for each operand, then \"->\"");
    c += 2;
    if (!read_group(r, &c, &groups[operands]))
        return false;
    return *c == '\0' ? true : refuse(r, "expected letters, \"...\" only first in a group");
}

static int
new_label(reader *r, bool dots)
{
    r->out->dots[r->out->label_count] = dots;
    return r->out->label_count++;
}

/* Axes under `...` meet at the last of them. */
static void
number_dots(reader *r, int operand, int count)
{
    if (r->first_dot < 0) {
        r->first_dot = r->out->label_count;
        for (int i = 0; i < r->dot_axes; i++)
            new_label(r, true);
    }
    for (int i = 0; i < count; i++) {
        int label = r->first_dot + r->dot_axes - count + i;

        r->out->axis[operand][i] = (int8_t)label;
        r->seen[label] |= (uint8_t)(1u << operand);
    }
}

static void
number_operand(reader *r, const group *g, int operand, int rank)
{
    int dots = rank - g->letters;

    r->out->rank[operand] = rank;
    if (g->dots)
        number_dots(r, operand, dots);
    for (int i = 0; i < g->letters; i++) {
        int8_t *label = &r->label[(int)g->at[i]];

        if (*label < 0)
            *label = (int8_t)new_label(r, false);
        r->out->axis[operand][dots + i] = *label;
        r->seen[*label] |= (uint8_t)(1u << operand);
    }
}

static bool
number_result(reader *r, const group *g)
{
    tn_label_map *out = r->out;

    if (g->dots && r->first_dot < 0)
        return refuse_letter(r, 0, "is in the result only");
    if (g->letters + (g->dots ? r->dot_axes : 0) > TN_MAX_RANK) {
        out->out_rank = g->letters + (g->dots ? r->dot_axes : 0);
        return refuse(r, "the result has more than 8 axes");
    }
    for (int i = 0; g->dots && i < r->dot_axes; i++)
        out->out[out->out_rank++] = (int8_t)(r->first_dot + i);
    for (int i = 0; i < g->letters; i++) {
        if (r->label[(int)g->at[i]] < 0)
            return refuse_letter(r, g->at[i], "is in the result only");
        out->out[out->out_rank++] = r->label[(int)g->at[i]];
    }
    return true;
}

static int
letter_of(const reader *r, int label)
{
    for (int c = 0; c < 128; c++) {
        if (r->label[c] == label)
            return c;
    }
    return 0;
}

static bool
check_result(reader *r, bool contract)
{
    uint32_t kept = 0;

    for (int i = 0; i < r->out->out_rank; i++)
        kept |= 1u << r->out->out[i];
    for (int label = 0; label < r->out->label_count; label++) {
        int letter = letter_of(r, label);

        if (kept & 1u << label)
            continue;
        if (!contract)
            return refuse_letter(r, letter, "is not in the result");
        if (!letter)
            return refuse_letter(r, 0, "is not in the result and cannot be summed");
        if (r->seen[label] != 3)
            return refuse_letter(r, letter,
                "is in one operand only and not in the result; a summed label is in both. "
                "Write reduce_sum if you mean it");
    }
    return true;
}

static void
align_last(int operands, const int *ranks, tn_label_map *out)
{
    for (int i = 0; i < operands; i++)
        out->out_rank = ranks[i] > out->out_rank ? ranks[i] : out->out_rank;
    out->label_count = out->out_rank;
    for (int i = 0; i < out->out_rank; i++) {
        out->out[i] = (int8_t)i;
        out->dots[i] = true;
    }
    for (int o = 0; o < operands; o++) {
        out->rank[o] = ranks[o];
        for (int i = 0; i < ranks[o]; i++)
            out->axis[o][i] = (int8_t)(out->out_rank - ranks[o] + i);
    }
}

static bool
check_ranks(reader *r, const group *groups, int operands, const int *ranks)
{
    for (int i = 0; i < operands; i++) {
        const group *g = &groups[i];

        if (g->dots ? g->letters > ranks[i] : g->letters != ranks[i]) {
            if (r->why)
                snprintf(r->why, TN_LABELS_WHY, "operand %d has %d %s, its group names %d", i + 1,
                    ranks[i], ranks[i] == 1 ? "axis" : "axes", g->letters);
            return false;
        }
        if (g->dots && ranks[i] - g->letters > r->dot_axes)
            r->dot_axes = ranks[i] - g->letters;
    }
    return true;
}

bool
tn_labels_parse(const char *labels, int operands, const int *ranks, bool contract,
    tn_label_map *out, char why[TN_LABELS_WHY])
{
    reader r = {.out = out, .why = why, .first_dot = -1};
    group groups[4];

    *out = (tn_label_map){.operands = operands};
    if (!labels) {
        align_last(operands, ranks, out);
        return true;
    }
    memset(r.label, -1, sizeof r.label);
    if (!read_groups(&r, labels, operands, groups) || !check_ranks(&r, groups, operands, ranks))
        return false;
    for (int i = 0; i < operands; i++)
        number_operand(&r, &groups[i], i, ranks[i]);
    return number_result(&r, &groups[operands]) && check_result(&r, contract);
}
