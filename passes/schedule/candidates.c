/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "passes/schedule/sched.h"

/* Choices worth timing: the schedule's own first, then one or two fields
 * changed at a time, for the kind of program that it is. */
typedef enum kind {
    ANY = 0,
    CPU = 1,
    GPU = 2,
    CONTRACT = 4, /* has a contraction */
    STREAM = 8,   /* has none */
    FOLD = 16,
    CUT = 32,
} kind;

static const struct {
    int needs;
    const char *fields;
} list[] = {
    {ANY, ""},
    {CPU | CONTRACT, "rows=96"},
    {CPU | CONTRACT, "cols=256"},
    {CPU | CONTRACT, "cols=64"},
    {CPU | CONTRACT, "kc=1024"},
    {CPU | CONTRACT, "apack=0"},
    {CPU | CONTRACT, "apack=1"},
    {CPU | CONTRACT, "nv=1"},
    {CPU | CONTRACT, "mr=8"},
    {CPU | STREAM, "elems=4096"},
    {CPU | STREAM, "elems=65536"},
    {GPU | CONTRACT, "bm=128 tm=8"},
    {GPU | CONTRACT, "bm=32 bn=32"},
    {GPU | CONTRACT, "stages=1"},
    {GPU | CONTRACT, "tile=0"},
    {GPU | STREAM, "lanes=64"},
    {GPU | STREAM, "lanes=128"},
    {FOLD, "bj=128"},
    {FOLD, "bj=512"},
    {CUT, "cut=4"},
    {CUT, "cut=8"},
};

static int
kind_of(tn_sched *s)
{
    int is = s->target->gpu ? GPU : CPU;
    bool fold = false, scan = false, contract = false;

    tn_find_loops(s->items, &fold, &scan);
    for (uint32_t i = 0; i < s->nests.count; i++)
        contract |= s->nests.at[i]->contract;
    is |= contract ? CONTRACT : STREAM;
    is |= fold ? FOLD : 0;
    return tn_cut_find(s->tile) ? is | CUT : is;
}

int
tn_candidates(tn_arena *arena, const tn_tile *tile, const tn_target *target, tn_choice *out,
    int limit)
{
    tn_sched *s = tn_new(arena, tn_sched);
    int count = 0, is;

    s->arena = arena;
    s->tile = tile;
    s->target = target;
    if (limit < 1 || tn_values_number(s) != TN_OK)
        return 0;
    tn_plan(s);
    if (s->status != TN_OK)
        return 0;
    is = kind_of(s);
    for (size_t i = 0; i < sizeof list / sizeof *list && count < limit; i++)
        if ((list[i].needs & is) == list[i].needs &&
            tn_choice_parse(NULL, list[i].fields, strlen(list[i].fields), &out[count]) == TN_OK)
            count++;
    return count;
}
