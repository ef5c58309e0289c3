/* SPDX-License-Identifier: Apache-2.0
 * Composite rows with kernels of their own: what they share. */
#include <inttypes.h>

#include "passes/lower/lo.h"

bool
tn_lo_wants(const tn_lo *k, const tn_op *op, int result)
{
    for (uint32_t i = 0; i < k->group->outputs.count; i++)
        if (k->group->outputs.at[i] == op->out[result])
            return true;
    return false;
}

void
tn_lo_grid(tn_lo *k, const tn_value *v, int count, bool by_one, tn_tval **at)
{
    static const char *const names[] = {"t", "u", "v", "w"};
    bool any = false;

    for (int i = 0; i < count; i++) {
        tn_axis *axis;

        at[i] = tn_tb_int(k->b, 0);
        if (tn_size_is_one(v->type.dim[i]))
            continue;
        axis = tn_tb_grid(k->b, names[i % 4], NULL, tn_lo_size(k, v->type.dim[i]), by_one);
        at[i] = tn_tb_index(k->b, axis);
        any = true;
    }
    if (!any)
        (void)tn_tb_grid(k->b, "one", NULL, tn_tb_int(k->b, 1), by_one);
}

static tn_tval *
in_rows(tn_lo *k, tn_value *v, int count, tn_tval *position, tn_tval *const *rest)
{
    tn_size dim[TN_MAX_RANK];
    tn_tval *at[TN_MAX_RANK];
    int rank = v->type.rank - count + 1;

    dim[0] = tn_size_int(k->g->sizes, 1);
    for (int i = 0; i < count; i++)
        dim[0] = tn_size_mul(k->g->sizes, dim[0], v->type.dim[i]);
    at[0] = position;
    for (int i = 1; i < rank; i++) {
        dim[i] = v->type.dim[count + i - 1];
        at[i] = rest[i - 1];
    }
    return tn_lo_load(k, v, rank, dim, (tn_layout){.kind = TN_LAYOUT_ROWS}, at);
}

tn_tval *
tn_lo_flat(tn_lo *k, tn_value *v, int count, tn_tval *position, tn_tval *const *rest)
{
    tn_tval *at[TN_MAX_RANK];

    if (tn_lo_in_memory(k, v))
        return in_rows(k, v, count, position, rest);
    for (int i = count - 1; i > 0; i--) {
        tn_tval *size = tn_lo_size(k, v->type.dim[i]);

        at[i] = tn_tb_fn2(k->b, TN_FN_rem, position, size);
        position = tn_tb_fn2(k->b, TN_FN_div, position, size);
    }
    at[0] = position;
    for (int i = count; i < v->type.rank; i++)
        at[i] = rest[i - count];
    return tn_lo_el(k, v, at);
}

/* What a recognition made is noted already. */
static bool
is_found(const tn_findings *list, const tn_op *op)
{
    for (uint32_t i = 0; list && i < list->at.count; i++)
        for (uint32_t n = 0; n < list->at.at[i].ops.count; n++)
            if (list->at.at[i].fused && list->at.at[i].ops.at[n] == op)
                return true;
    return false;
}

/* "k=2 norm=std lambda=1": what the row's attributes are, those at their
 * fallbacks left out but the first. */
static void
note(tn_lo *k, tn_op *op)
{
    const tn_op_info *info = tn_op_info_of(op->code);
    tn_text text = {.arena = k->arena};

    if (is_found(k->options->findings, op))
        return;
    for (int i = 0; i < info->attr_count; i++) {
        const tn_attr *a = &op->attr[i];

        if ((!a->given && i > 0) || a->kind == TN_KIND_TEXT)
            continue;
        tn_text_add(&text, "%s%s=", text.at ? " " : "", info->attr[i].name);
        if (a->kind == TN_KIND_CHOICE)
            tn_text_add(&text, "%s", a->text);
        else if (a->kind == TN_KIND_REAL)
            tn_text_add(&text, "%.9g", a->numbers[0].real);
        else
            tn_text_add(&text, "%" PRId64, a->ints[0]);
    }
    (void)tn_found(k->options->findings, info->name, &op, 1, text.at ? text.at : "");
}

tn_status
tn_lower_whole(tn_lo *k, tn_lowered_list *out)
{
    tn_op *op = k->group->ops.at[0];

    if (tn_lower_kind_of(op->code) == TN_LOWER_deal)
        return tn_lower_dealt(k, out);
    note(k, op);
    return op->code == TN_OP_route ? tn_lower_route(k, out) : tn_lower_moe(k, out);
}
