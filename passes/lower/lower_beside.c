/* SPDX-License-Identifier: Apache-2.0
 * Kernels that run beside one another, in one launch: contractions of one
 * operand whose results differ in shape. */
#include "passes/lower/lo.h"
#include "passes/schedule/schedule.h"

/* The value whose memory `v` lies in. */
static const tn_value *
memory_of(const tn_groups *groups, const tn_value *v)
{
    const tn_value *last;

    do {
        last = v;
        for (uint32_t i = 0; i < groups->in_place.at.count; i++)
            if (groups->in_place.at.at[i].op->out[0] == v)
                v = groups->in_place.at.at[i].state;
        for (uint32_t i = 0; i < groups->flat.same.count; i++)
            if (groups->flat.same.at[i].value == v)
                v = groups->flat.same.at[i].owner;
        for (uint32_t i = 0; i < groups->flat.carries.count; i++) {
            const tn_flat_carry *c = &groups->flat.carries.at[i];

            if (c->next && c->over->out[0] == v && tn_in_place_carries(&groups->in_place, c))
                v = c->result;
        }
    } while (v != last);
    return v;
}

typedef struct access {
    const tn_value *value;
    bool written;
} access;

typedef struct accesses {
    TN_VEC(access) at;
} accesses;

static void
add_accesses(tn_lo *k, const tn_lowered *l, accesses *out)
{
    uint32_t number = 0;

    for (uint32_t n = 0; n <= l->beside.count; n++) {
        const tn_tile *t = n ? l->beside.at[n - 1] : l->tile;

        for (uint32_t i = 0; i < t->bufs.count && !t->bufs.at[i]->local; i++) {
            const tn_value *v = l->buffers.at[number++];

            tn_push(k->arena, &out->at,
                ((access){memory_of(k->groups, v), t->bufs.at[i]->written}));
        }
    }
}

static bool
are_apart(tn_lo *k, const tn_lowered *a, const tn_lowered *b)
{
    accesses x = {0}, y = {0};

    add_accesses(k, a, &x);
    add_accesses(k, b, &y);
    for (uint32_t i = 0; i < x.at.count; i++)
        for (uint32_t n = 0; n < y.at.count; n++)
            if (x.at.at[i].value == y.at.at[n].value && (x.at.at[i].written || y.at.at[n].written))
                return false;
    return true;
}

static bool
is_marked(const tn_lowered_list *list)
{
    uint32_t marks = list->marks.count;

    return marks && list->marks.at[marks - 1].before == list->at.count;
}

bool
tn_lo_join_beside(tn_lo *k, const tn_lowered *l, tn_lowered_list *list)
{
    const tn_group *group = k->group;
    tn_lowered *to;

    if (k->options->skip & tn_pass_bit("group") || group->number == 0 || list->at.count == 0 ||
        is_marked(list) || !tn_group_are_siblings(k->groups->at.at[group->number - 1], group))
        return false;
    to = &list->at.at[list->at.count - 1];
    if (to->beside.count + 2 > TN_BESIDE || to->sites.count || l->sites.count ||
        to->buffers.count + l->buffers.count > TN_GROUP_TENSORS ||
        to->sizes.count + l->sizes.count > TN_GROUP_SIZES || !are_apart(k, to, l))
        return false;
    tn_push(k->arena, &to->beside, l->tile);
    for (uint32_t i = 0; i < l->buffers.count; i++)
        tn_push(k->arena, &to->buffers, l->buffers.at[i]);
    for (uint32_t i = 0; i < l->sizes.count; i++)
        tn_push(k->arena, &to->sizes, l->sizes.at[i]);
    for (uint32_t i = 0; i < l->ops.count; i++)
        tn_push(k->arena, &to->ops, l->ops.at[i]);
    return true;
}
