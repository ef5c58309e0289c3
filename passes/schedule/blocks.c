/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/sched.h"

/* How many positions of each grid axis a task takes. */

enum {
    UNKNOWN_EXTENT = 256,
    LANE_LEAST = 64, /* least block of an axis along vectors */
};

int64_t
tn_axis_guess(const tn_sched *s, const tn_axis *a)
{
    int64_t most = tn_axis_most(s, a);

    return most < UNKNOWN_EXTENT || tn_axis_known(s, a, &most) ? (most < 1 ? 1 : most)
                                                               : UNKNOWN_EXTENT;
}

void
tn_find_loops(const tn_items *items, bool *fold, bool *scan)
{
    for (uint32_t i = 0; i < items->list.count; i++) {
        const tn_item *item = items->list.at[i];

        if (item->kind == TN_ITEM_LOOP) {
            *fold |= !item->stmt->scan;
            *scan |= item->stmt->scan;
        }
        if (item->body)
            tn_find_loops(item->body, fold, scan);
        if (item->orelse)
            tn_find_loops(item->orelse, fold, scan);
    }
}

static bool
is_lane(const tn_sched *s, const tn_axis *a)
{
    for (uint32_t i = 0; i < s->nests.count; i++)
        if (s->nests.at[i]->lane == a)
            return true;
    return false;
}

void
tn_grid_deal(tn_sched *s, tn_grid_cut *cut, int64_t left, tn_axset skip)
{
    for (uint32_t i = s->tile->grid.count; i-- > 0;) {
        const tn_axis *a = s->tile->grid.at[i];
        int64_t *block = &cut->block[a->index], least = 1;
        bool lane = !s->target->gpu && is_lane(s, a);

        /* Products of positions and extents would not fit 32 bits. */
        cut->fixed[a->index] = lane || s->target->gpu;
        if (skip & tn_bit(a) || a->by_one)
            continue;
        if (lane) {
            least = LANE_LEAST;
            *block = left < least ? least : (left + 15) / 16 * 16;
        } else {
            *block = left < 1 ? 1 : left;
        }
        left /= *block < tn_axis_guess(s, a) ? *block : tn_axis_guess(s, a);
    }
}
