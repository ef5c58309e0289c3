/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/schedule/gpu_tile.h"

/* Contractions by register tiles: which ones, and how large. */

enum { FEW_ROWS = 4 };

static tn_tval *
factor(const tn_tval *v, int i)
{
    return v->op == TN_T_mma ? v->arg[1 + i] : v->arg[0]->arg[i];
}

/* Neighbours along `axis` are neighbours in memory, as far as loads tell. */
static bool
lies_along(tn_sched *s, tn_tval *v, const tn_axis *axis)
{
    tn_vals stem = {0};

    tn_stem_start(s, &stem);
    tn_stem(s, v, TN_STOP_KEPT, true, &stem);
    for (uint32_t i = 0; i < stem.count; i++)
        if (stem.at[i]->op == TN_T_load && tn_access_contiguous(s, stem.at[i], axis))
            return true;
    return false;
}

static int
add_side(tn_sched *s, tn_tile_nest *t, tn_tval *v, bool rows)
{
    tn_axis *const *axes = rows ? t->row : t->col;
    uint32_t count = rows ? t->row_count : t->col_count;

    for (int i = 0; i < t->side_count; i++)
        if (t->side[i].value == v && t->side[i].rows == rows)
            return i;
    t->side[t->side_count].value = v;
    t->side[t->side_count].rows = rows;
    t->side[t->side_count].along = count > 0 && lies_along(s, v, axes[count - 1]);
    return t->side_count++;
}

static void
split(tn_sched *s, tn_tile_nest *t, const tn_axis *lane)
{
    tn_contract_axes axes = tn_contract_split(s, t->n, lane);

    for (uint32_t i = 0; i < t->n->par.count; i++) {
        tn_axis *a = t->n->par.at[i];

        if (a == lane)
            continue;
        if (axes.rows & tn_bit(a))
            t->row[t->row_count++] = a;
        else if (axes.cols & tn_bit(a))
            t->col[t->col_count++] = a;
        else
            t->outer[t->outer_count++] = a;
    }
}

static bool
suits(const tn_nest *n)
{
    if (!n->contract || !n->lane || n->reds.count > TN_TILE_REDS)
        return false;
    for (uint32_t i = 0; i < n->reds.count; i++)
        if (!tn_is_sum_of_products(n->reds.at[i]) ||
            tn_acc_dtype(n->reds.at[i]) != tn_acc_dtype(n->reds.at[0]))
            return false;
    return true;
}

/* Rows that can be, INT32_MAX at most. */
static int64_t
most_rows(const tn_sched *s, const tn_tile_nest *t)
{
    int64_t rows = 1;

    for (uint32_t i = 0; i < t->row_count && rows < INT32_MAX; i++) {
        int64_t most = tn_axis_most(s, t->row[i]);

        rows = most > INT32_MAX / rows ? INT32_MAX : rows * most;
    }
    return rows;
}

bool
tn_tile_nest_of(tn_sched *s, tn_nest *n, tn_tile_nest *t)
{
    *t = (tn_tile_nest){.n = n};
    if (s->choice.tile == 0 || !suits(n))
        return false;
    t->dtype = tn_acc_dtype(n->reds.at[0]);
    split(s, t, n->lane);
    t->col[t->col_count++] = n->lane;
    if (s->choice.tile < 0 && most_rows(s, t) <= FEW_ROWS)
        return false;
    for (uint32_t i = 0; i < n->reds.count; i++) {
        tn_tval *x = factor(n->reds.at[i], 0), *y = factor(n->reds.at[i], 1);
        bool first = (tn_val(s, x)->deps & tn_bit(n->lane)) != 0;

        t->a[i] = add_side(s, t, first ? y : x, true);
        t->b[i] = add_side(s, t, first ? x : y, false);
    }
    return true;
}

int64_t
tn_tile_bytes(const tn_gpu_tile *t, const tn_tile_nest *n)
{
    int64_t elements = 0;

    for (int i = 0; i < n->side_count; i++)
        elements += (n->side[i].rows ? t->bm : t->bn) + t->pad;
    return (int64_t)t->stages * t->bk * elements * tn_dtype_bytes(n->dtype);
}

/* Sizes of staged blocks and of lanes' tiles, largest first. */
static const int8_t shapes[][5] = {
    {64, 64, 16, 4, 4},
    {32, 32, 16, 4, 4},
    {16, 16, 16, 4, 4},
    {16, 16, 8, 4, 4},
    {8, 8, 4, 2, 4},
    {4, 4, 4, 2, 2},
    {2, 2, 2, 1, 1},
};

static void
set_shape(const tn_choice *c, size_t i, tn_gpu_tile *t)
{
    bool asked = i == 0 && c->bm > 0 && c->bn > 0 && c->bk > 0 && c->tm > 0 && c->tn > 0 &&
        c->bm % c->tm == 0 && c->bn % c->tn == 0;

    t->bm = asked ? c->bm : shapes[i][0];
    t->bn = asked ? c->bn : shapes[i][1];
    t->bk = asked ? c->bk : shapes[i][2];
    t->tm = asked ? c->tm : shapes[i][3];
    t->tn = asked ? c->tn : shapes[i][4];
}

static bool
holds(const tn_sched *s, const tn_tile_nest *n, tn_gpu_tile *t, int64_t room)
{
    const tn_choice *c = &s->choice;

    if (t->bm / t->tm * (t->bn / t->tn) > s->target->group_lanes)
        return false;
    for (t->stages = c->stages == 1 ? 1 : 2; t->stages > 0; t->stages--)
        for (t->pad = c->pad < 0 ? 0 : c->pad; t->pad >= 0; t->pad = t->pad ? 0 : -1)
            if (tn_tile_bytes(t, n) <= room)
                return true;
    return false;
}

bool
tn_gpu_tile_choose(tn_sched *s, tn_gpu_tile *t)
{
    /* What other nests keep needs group memory too. */
    int64_t room = s->nests.count == 1 ? s->target->group_bytes : s->target->group_bytes / 2;

    for (uint32_t k = 0; k < s->nests.count; k++) {
        tn_tile_nest n;

        if (!tn_tile_nest_of(s, s->nests.at[k], &n))
            continue;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            set_shape(&s->choice, i, t);
            if (holds(s, &n, t, room))
                return true;
        }
    }
    return false;
}
