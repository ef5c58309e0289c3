/* SPDX-License-Identifier: Apache-2.0
 * Shapes of composite layers. */
#include "ir/graph/infer.h"

#include <string.h>

#include "ir/graph/form.h"

tn_status
tn_infer_norm(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, 0);

    if (type->rank < 1)
        return tn_infer_fail(x, ".in.x", "x of %s is [..,H], found %s", x->info->name,
            tn_infer_type_text(x, type));
    for (int i = 1; i < x->info->in_count; i++)
        TN_TRY(tn_infer_vector(x, i, type->dim[type->rank - 1]));
    tn_infer_give(x, *type);
    return TN_OK;
}

tn_status
tn_infer_channel_norm(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, 0);
    int64_t channels, groups;

    if (type->rank < 2)
        return tn_infer_fail(x, ".in.x", "x of %s is [B,C,..], found %s", x->info->name,
            tn_infer_type_text(x, type));
    for (int i = 1; i < x->info->in_count; i++)
        TN_TRY(tn_infer_vector(x, i, type->dim[1]));
    if (x->op->code == TN_OP_group_norm) {
        groups = tn_op_int(x->op, TN_ATTR_group_norm_groups);
        if (!tn_size_is_int(type->dim[1], &channels))
            return tn_infer_fail(x, ".in.x", "the channels must be a number, found %s",
                tn_infer_type_text(x, type));
        if (groups < 1 || channels % groups)
            return tn_infer_fail_attr(x, TN_ATTR_group_norm_groups, "%lld does not divide %lld",
                (long long)groups, (long long)channels);
    }
    tn_infer_give(x, *type);
    return TN_OK;
}

/* f32, for f64 operands f64. */
static tn_status
check_wide(tn_infer *x, int in)
{
    const tn_type *type = tn_infer_in(x, in);
    tn_dtype want = tn_infer_in(x, 0)->dtype == TN_F64 ? TN_F64 : TN_F32;

    if (type && type->dtype != want)
        return tn_infer_fail(x, tn_infer_in_place(x, in), "%s is %s here, found %s",
            tn_op_in_info(x->op->code, in)->name, tn_dtype_name(want), tn_infer_type_text(x, type));
    return TN_OK;
}

tn_status
tn_infer_rope(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, TN_IN_rope_x);
    const tn_type *first = tn_infer_in(x, TN_IN_rope_first);
    tn_attr *dims = &x->op->attr[TN_ATTR_rope_dims];
    int64_t width, turned;

    TN_TRY(tn_infer_rank(x, TN_IN_rope_x, 4, "[B,T,N,D] or [B,N,T,D]"));
    if (!tn_size_is_int(type->dim[3], &width))
        return tn_infer_fail(x, ".in.x", "the head size must be a number, found %s",
            tn_infer_type_text(x, type));
    turned = dims->has_value ? dims->ints[0] : width;
    if (turned < 0 || turned > width || turned % 2)
        return tn_infer_fail(x, dims->has_value ? ".attrs.dims" : ".in.x",
            "%lld components of %lld cannot turn in pairs", (long long)turned, (long long)width);
    if (first->rank)
        TN_TRY(tn_infer_vector(x, TN_IN_rope_first, type->dim[0]));
    TN_TRY(check_wide(x, TN_IN_rope_freq));
    TN_TRY(tn_infer_vector(x, TN_IN_rope_freq, tn_infer_int(x, turned / 2)));
    tn_infer_give(x, *type);
    return TN_OK;
}

static tn_status
check_matrix(tn_infer *x, int in, tn_size rows, tn_size columns)
{
    const tn_type *type = tn_infer_in(x, in);

    if (!type || !rows ||
        (type->rank == 2 && tn_size_equal(type->dim[0], rows) &&
            tn_size_equal(type->dim[1], columns)))
        return TN_OK;
    return tn_infer_fail(x, "", "%s is %s, it must be [%s,%s]",
        tn_op_in_info(x->op->code, in)->name, tn_infer_type_text(x, type),
        tn_infer_size_text(x, rows), tn_infer_size_text(x, columns));
}

tn_status
tn_infer_rnn(tn_infer *x)
{
    const tn_type *in = tn_infer_in(x, TN_IN_lstm_x);
    const tn_type *r = tn_infer_in(x, TN_IN_lstm_r);
    bool gru = x->op->code == TN_OP_gru;
    tn_size hidden, rows, vector;
    tn_type out;

    _Static_assert((int)TN_IN_lstm_h0 == (int)TN_IN_gru_h0 &&
            (int)TN_IN_lstm_bias == (int)TN_IN_gru_bias,
        "lstm and gru share their first operands");
    TN_TRY(tn_infer_rank(x, TN_IN_lstm_x, 3, "[B,T,I]"));
    TN_TRY(tn_infer_rank(x, TN_IN_lstm_r, 2, gru ? "[3H,H]" : "[4H,H]"));
    hidden = r->dim[1];
    rows = tn_infer_mul(x, hidden, tn_infer_int(x, gru ? 3 : 4));
    vector = gru ? tn_infer_mul(x, hidden, tn_infer_int(x, 6)) : rows;
    TN_TRY(check_matrix(x, TN_IN_lstm_r, rows, hidden));
    TN_TRY(check_matrix(x, TN_IN_lstm_w, rows, in->dim[2]));
    TN_TRY(tn_infer_vector(x, TN_IN_lstm_bias, vector));
    TN_TRY(check_matrix(x, TN_IN_lstm_h0, in->dim[0], hidden));
    if (!gru)
        TN_TRY(check_matrix(x, TN_IN_lstm_c0, in->dim[0], hidden));
    out = *in;
    out.dim[2] = hidden;
    tn_infer_give(x, out);
    out = tn_infer_without(&out, 1);
    tn_infer_give(x, out);
    if (!gru)
        tn_infer_give(x, out);
    return TN_OK;
}

static tn_status
check_groups(tn_infer *x, int64_t experts)
{
    int64_t k = tn_op_int(x->op, TN_ATTR_route_k);
    int64_t groups = tn_op_int(x->op, TN_ATTR_route_groups);
    int64_t top = tn_op_int(x->op, TN_ATTR_route_top_groups);

    if (groups < 1 || experts % groups)
        return tn_infer_fail_attr(x, TN_ATTR_route_groups, "%lld does not divide %lld experts",
            (long long)groups, (long long)experts);
    if (top < 1 || top > groups)
        return tn_infer_fail_attr(x, TN_ATTR_route_top_groups, "expected 1 to %lld, found %lld",
            (long long)groups, (long long)top);
    if (groups > 1 && tn_infer_is(x, TN_ATTR_route_group_score, "top2") && experts / groups < 2)
        return tn_infer_fail_attr(x, TN_ATTR_route_group_score, "top2 needs two experts a group");
    if (k < 0 || k > (groups > 1 ? top * (experts / groups) : experts))
        return tn_infer_fail_attr(x, TN_ATTR_route_k, "%lld experts cannot be chosen",
            (long long)k);
    return TN_OK;
}

tn_status
tn_infer_route(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, TN_IN_route_logits);
    tn_type out = *type;
    tn_dtype wide = type->dtype == TN_F64 ? TN_F64 : TN_F32;
    int64_t experts;

    if (type->rank < 1 || !tn_size_is_int(type->dim[type->rank - 1], &experts))
        return tn_infer_fail(x, ".in.logits", "logits are [..,X] with X a number, found %s",
            tn_infer_type_text(x, type));
    TN_TRY(tn_infer_vector(x, TN_IN_route_bias, type->dim[type->rank - 1]));
    TN_TRY(check_groups(x, experts));
    out.dim[out.rank - 1] = tn_infer_int(x, tn_op_int(x->op, TN_ATTR_route_k));
    out.dtype = TN_I32;
    tn_infer_give(x, out);
    out.dtype = wide;
    tn_infer_give(x, out);
    out.dim[out.rank - 1] = type->dim[type->rank - 1];
    tn_infer_give(x, out);
    return TN_OK;
}

static tn_status
check_expert(tn_infer *x, int in, tn_size experts, tn_size rows, tn_size columns)
{
    const tn_type *type = tn_infer_in(x, in);

    if (!type ||
        (type->rank == 3 && tn_size_equal(type->dim[0], experts) &&
            tn_size_equal(type->dim[1], rows) && tn_size_equal(type->dim[2], columns)))
        return TN_OK;
    return tn_infer_fail(x, "", "%s is %s, it must be [%s,%s,%s]",
        tn_op_in_info(x->op->code, in)->name, tn_infer_type_text(x, type),
        tn_infer_size_text(x, experts), tn_infer_size_text(x, rows),
        tn_infer_size_text(x, columns));
}

static tn_status
check_expert_bias(tn_infer *x, int in, tn_size experts, tn_size rows)
{
    const tn_type *type = tn_infer_in(x, in);

    if (!type ||
        (type->rank == 2 && tn_size_equal(type->dim[0], experts) &&
            tn_size_equal(type->dim[1], rows)))
        return TN_OK;
    return tn_infer_fail(x, "", "%s is %s, it must be [%s,%s]",
        tn_op_in_info(x->op->code, in)->name, tn_infer_type_text(x, type),
        tn_infer_size_text(x, experts), tn_infer_size_text(x, rows));
}

/* What each expert adds, and what it does with the first layers. */
static tn_status
check_form(tn_infer *x, const tn_type *up, tn_size hidden)
{
    bool named = strcmp(tn_op_text(x->op, TN_ATTR_moe_act), "form") == 0;
    bool gated = tn_infer_in(x, TN_IN_moe_gate) != NULL;
    tn_form form;

    TN_TRY(check_expert_bias(x, TN_IN_moe_up_bias, up->dim[0], up->dim[1]));
    TN_TRY(check_expert_bias(x, TN_IN_moe_gate_bias, up->dim[0], up->dim[1]));
    TN_TRY(check_expert_bias(x, TN_IN_moe_down_bias, up->dim[0], hidden));
    if (!gated && tn_infer_in(x, TN_IN_moe_gate_bias))
        return tn_infer_fail(x, ".in.gate_bias", "there is no gate to add it to");
    if (named != (x->op->attr[TN_ATTR_moe_form].has_value))
        return tn_infer_fail(x, "", "act=\"form\" and attribute form go together");
    if (named && !tn_form_read(tn_op_text(x->op, TN_ATTR_moe_form), &form))
        return tn_infer_fail(x, ".form", "'%s' is no form", tn_op_text(x->op, TN_ATTR_moe_form));
    if (named && !gated && tn_form_reads_g(&form))
        return tn_infer_fail(x, ".form", "it reads g, but there is no gate");
    return TN_OK;
}

tn_status
tn_infer_moe(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, TN_IN_moe_x);
    const tn_type *ids = tn_infer_in(x, TN_IN_moe_ids);
    const tn_type *w = tn_infer_in(x, TN_IN_moe_w);
    const tn_type *up = tn_infer_in(x, TN_IN_moe_up);
    bool agree = type->rank >= 1 && ids->rank == type->rank && w->rank == type->rank;
    tn_size hidden;

    for (int i = 0; agree && i < type->rank; i++)
        agree = tn_size_equal(ids->dim[i], w->dim[i]) &&
            (i == type->rank - 1 || tn_size_equal(type->dim[i], ids->dim[i]));
    if (!agree)
        return tn_infer_fail(x, "", "x is %s, ids are %s, w is %s; all axes but the last agree",
            tn_infer_type_text(x, type), tn_infer_type_text(x, ids), tn_infer_type_text(x, w));
    TN_TRY(check_wide(x, TN_IN_moe_w));
    TN_TRY(tn_infer_rank(x, TN_IN_moe_up, 3, "[X,F,H]"));
    hidden = type->dim[type->rank - 1];
    TN_TRY(check_expert(x, TN_IN_moe_up, up->dim[0], up->dim[1], hidden));
    TN_TRY(check_expert(x, TN_IN_moe_gate, up->dim[0], up->dim[1], hidden));
    TN_TRY(check_expert(x, TN_IN_moe_down, up->dim[0], hidden, up->dim[1]));
    TN_TRY(check_form(x, up, hidden));
    tn_infer_give(x, *type);
    return TN_OK;
}

tn_status
tn_infer_crf(tn_infer *x)
{
    const tn_type *type = tn_infer_in(x, TN_IN_viterbi_emissions);
    tn_type out;

    TN_TRY(tn_infer_rank(x, TN_IN_viterbi_emissions, 3, "[B,T,K]"));
    TN_TRY(tn_infer_need(x, ".in.emissions", TN_FACT_LE, tn_infer_int(x, 1), type->dim[1],
        "axis 1 of %s is empty", tn_infer_name(x, 0)));
    TN_TRY(tn_infer_need(x, ".in.emissions", TN_FACT_LE, tn_infer_int(x, 1), type->dim[2],
        "axis 2 of %s is empty", tn_infer_name(x, 0)));
    TN_TRY(check_matrix(x, TN_IN_viterbi_transitions, type->dim[2], type->dim[2]));
    TN_TRY(tn_infer_vector(x, TN_IN_viterbi_length, type->dim[0]));
    TN_TRY(tn_infer_vector(x, TN_IN_viterbi_start, type->dim[2]));
    TN_TRY(tn_infer_vector(x, TN_IN_viterbi_end, type->dim[2]));
    out = *type;
    if (x->op->code == TN_OP_crf_marginals) {
        tn_infer_give(x, out);
        return TN_OK;
    }
    out = tn_infer_without(&out, 2);
    if (x->op->code == TN_OP_viterbi) {
        out.dtype = TN_I32;
        tn_infer_give(x, out);
    }
    out = tn_infer_without(&out, 1);
    out.dtype = type->dtype;
    tn_infer_give(x, out);
    return TN_OK;
}
