/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/fuse/crf.h"

#include <string.h>

#include "passes/dims.h"
#include "passes/fuse/crf_in.h"
#include "passes/scan_axes.h"

typedef struct search {
    tn_groups *groups;
    tn_group *group;
    tn_findings *findings;
    tn_crf_step step;
    const tn_value *back;  /* the pointers collected */
    const tn_op *trace;    /* the loop that follows them */
    const tn_op *where;    /* first thing that does not fit */
    const char *predicate, *found, *advice;
    bool start, end;
} search;

static bool
refuse(search *x, const tn_op *where, const char *predicate, const char *advice)
{
    x->where = where;
    x->predicate = predicate;
    x->found = where ? tn_op_info_of(where->code)->name : "nothing";
    x->advice = advice;
    return false;
}

/* ---- who reads the pointers ---- */

static bool
in_group(const search *x, const tn_op *op)
{
    return x->groups->of[op->id] == x->group;
}

static bool
is_sparse(const tn_op *op, int in)
{
    return tn_lower_kind_of(op->code) == TN_LOWER_gather && in == 0;
}

/* Element by element, so that one element is made of one pointer. */
static bool
is_choice(const tn_op *op)
{
    return op->code == TN_OP_cast || op->code == TN_OP_where;
}

static bool only_gathered(search *x, const tn_value *v, int depth);

/* One reader of the pointers, or of a view of them. */
static bool
reader_fits(search *x, const tn_use *use, int depth)
{
    const tn_op *op = use->op;

    if (!op)
        return refuse(x, use->block->owner ? use->block->owner : x->step.scan,
            "nothing but the way back reads the pointers", "do not give them out");
    if (is_sparse(op, use->index)) {
        if (op->block == x->groups->g->block)
            return refuse(x, op, "a loop follows the pointers", "gather in a loop over the steps");
        x->trace = op->block->owner;
        return true;
    }
    if (tn_op_is_free_view(op) || (is_choice(op) && op->block != x->groups->g->block))
        return only_gathered(x, op->out[0], depth + 1);
    if (op->code == TN_OP_scan && use->index >= tn_scan_carries(op)) {
        if (!in_group(x, op))
            return refuse(x, op, "the way back runs along the batch axes of the way there",
                "gather along the axis of the tags, with the batch as it is");
        return only_gathered(x, op->body[0]->params.at[use->index], depth + 1);
    }
    return refuse(x, op, "nothing but the way back reads the pointers",
        "read them by gather, in a loop over the steps");
}

static bool
only_gathered(search *x, const tn_value *v, int depth)
{
    if (depth > 12)
        return false;
    for (uint32_t i = 0; i < v->uses.count; i++)
        if (!reader_fits(x, &v->uses.at[i], depth))
            return false;
    return true;
}

/* ---- the way back ---- */

/* The way back starts at the place of the greatest of the last scores. */
static const tn_op *
first_tag(const search *x, const tn_value *v, int depth)
{
    const tn_op *op, *found = NULL;

    v = tn_crf_strip(v);
    if (v->kind != TN_VALUE_RESULT || depth > 8)
        return NULL;
    op = v->def;
    if (op->code == (x->step.least ? TN_OP_arg_min : TN_OP_arg_max))
        return op;
    if (op->code != TN_OP_where && op->code != TN_OP_add && op->code != TN_OP_mul)
        return NULL;
    for (int i = 0; i < op->in_count && !found; i++)
        found = first_tag(x, op->in[i], depth + 1);
    return found;
}

/* Carried: what another carried value becomes in one round, for each row. */
static bool
keeps(const tn_op *scan, int carry, int of)
{
    const tn_block *body = scan->body[0];
    const tn_value *next = body->results.at[carry];
    const tn_op *op = next->kind == TN_VALUE_RESULT ? next->def : NULL;

    return op && op->code == TN_OP_where &&
        tn_crf_strip(op->in[1]) == tn_crf_strip(body->results.at[of]) &&
        tn_crf_strip(op->in[2]) == body->params.at[carry];
}

static bool
keeps_scores(const search *x, const tn_value *v)
{
    const tn_op *scan = x->step.scan;

    return v->kind == TN_VALUE_RESULT && v->def == scan && v->index < tn_scan_carries(scan) &&
        keeps(scan, v->index, x->step.carry);
}

static bool
is_last_scores(search *x, const tn_value *v, int depth)
{
    v = tn_crf_strip(v);
    if (v == x->step.scan->out[x->step.carry] || keeps_scores(x, v))
        return true;
    if (v->kind != TN_VALUE_RESULT || depth > 8)
        return false;
    switch (v->def->code) {
    case TN_OP_add:
    case TN_OP_where:
        x->end = true;
        for (int i = 0; i < v->def->in_count; i++)
            if (is_last_scores(x, v->def->in[i], depth + 1))
                return true;
        return false;
    default: return tn_op_is_free_view(v->def) && is_last_scores(x, v->def->in[0], depth + 1);
    }
}

static bool
starts_at_best(search *x)
{
    const tn_op *trace = x->trace, *best = NULL;

    for (int i = 0; i < tn_scan_carries(trace) && !best; i++)
        best = first_tag(x, trace->in[i], 0);
    /* It may come in on the way. */
    for (const tn_op *op = trace->body[0]->first; op && !best; op = op->next)
        for (int i = 1; op->code == TN_OP_where && i < 3 && !best; i++)
            best = first_tag(x, op->in[i], 0);
    if (!best)
        return refuse(x, trace, "the way back starts at arg_max of the last scores",
            "start from the place of the greatest score");
    if (!is_last_scores(x, best->in[0], 0))
        return refuse(x, best, "the way back starts at arg_max of the last scores",
            "take arg_max of what the loop over the steps ends with");
    return true;
}

static bool
follows_back(search *x)
{
    const tn_op *scan = x->trace;

    if (!scan || scan->code != TN_OP_scan)
        return refuse(x, scan ? scan : x->step.scan, "a loop follows the pointers",
            "gather in a loop over the steps");
    if (!in_group(x, scan))
        return refuse(x, scan, "the way back runs along the batch axes of the way there",
            "gather along the axis of the tags, with the batch as it is");
    if (tn_scan_carries(scan) < 1)
        return refuse(x, scan, "the way back carries the tag", "carry it through the loop");
    return starts_at_best(x);
}

static bool
is_output(const search *x, const tn_value *v)
{
    for (uint32_t i = 0; i < x->group->outputs.count; i++)
        if (x->group->outputs.at[i] == v)
            return true;
    return false;
}

/* ---- reports ---- */

/* The dimension of the scores that tasks cover whole. */
static tn_size
tags_of(const search *x, const tn_value *scores)
{
    const tn_group_place *p = tn_group_find(x->group, scores);
    int rank = scores->type.rank;

    for (int i = 0; p && i < rank; i++)
        if (p->axis[i] >= 0 && x->group->axes.at[p->axis[i]].span)
            return scores->type.dim[i];
    return scores->type.dim[rank - 1];
}

static const char *
parameters(search *x)
{
    const tn_crf_step *c = &x->step;
    tn_text text = {.arena = x->groups->arena};
    const tn_value *first = tn_crf_strip(c->scan->in[c->carry]);

    x->start = first->kind == TN_VALUE_RESULT && first->def->code == TN_OP_add;
    tn_text_add(&text, "tags=");
    tn_size_print(&text, x->groups->g->sizes, tags_of(x, c->scan->out[c->carry]));
    tn_text_add(&text, " live=%s emissions=%s start=%s end=%s%s%s",
        c->by_mask         ? "mask"
            : c->by_length ? "length"
            : c->frozen    ? "data"
                           : "all",
        c->after ? "after" : "before", x->start ? "yes" : "no", x->end ? "yes" : "no",
        c->scores.where ? " forbidden=where" : "", c->least ? " best=least" : "");
    return text.at;
}

/* Each node of the user's file once. */
static void
report(search *x)
{
    tn_group *g = x->group;
    tn_op **ops = tn_new_array(x->groups->arena, tn_op *, g->ops.count);
    uint32_t count = 0;
    tn_finding *f;

    for (uint32_t i = 0; i < g->ops.count; i++) {
        bool seen = false;

        for (uint32_t k = 0; k < count && !seen; k++)
            seen = strcmp(ops[k]->path, g->ops.at[i]->path) == 0;
        if (!seen)
            ops[count++] = g->ops.at[i];
    }
    f = tn_found(x->findings, g->family, ops, count, parameters(x));
    if (f)
        f->kernel = g->number;
}

static void
miss(search *x, const char *family)
{
    const tn_crf_step *c = &x->step;
    const char *predicate = x->predicate ? x->predicate : c->predicate;
    const tn_op *where = x->predicate ? x->where : c->where;

    if (!predicate)
        return;
    tn_missed(x->findings, family, where ? where : c->scan, predicate,
        x->predicate ? x->found : c->found, x->predicate ? x->advice : c->advice);
}

/* ---- one loop ---- */

/* The collected pointers; NULL if there are none. */
static bool
find_pointers(search *x)
{
    const tn_op *scan = x->step.scan;

    for (int n = tn_scan_carries(scan); n < scan->out_count; n++) {
        bool is;

        if (!tn_crf_is_pointer(&x->step, scan->body[0]->results.at[n], &is))
            return false;
        if (is && x->back)
            return refuse(x, scan, "one array of pointers is collected", "collect one");
        if (is)
            x->back = scan->out[n];
    }
    return x->back != NULL;
}

static bool
is_tags(const tn_type *scores, tn_size extent)
{
    for (int d = 0; d < scores->rank; d++)
        if (tn_size_equal(scores->dim[d], extent))
            return true;
    return false;
}

static bool
looks_like_decoding(const tn_block *body)
{
    bool best = false, position = false;

    for (const tn_op *op = body->first; op; op = op->next) {
        best |= op->code == TN_OP_reduce_max || op->code == TN_OP_reduce_min;
        position |= op->code == TN_OP_arg_max || op->code == TN_OP_arg_min;
    }
    return best && position;
}

/* Transitions: the way there goes along their rows, the way back along a
 * column, or the other way round. */
static void
turn_transitions(search *x)
{
    const tn_crf_step *c = &x->step;
    const tn_type *scores = &c->scan->out[c->carry]->type;

    for (int i = 0; i < c->scores.count; i++) {
        tn_value *v = c->scores.addend[i];
        const tn_type *t = &v->type;
        bool square = t->rank >= 2 && v->kind != TN_VALUE_PARAM;

        for (int d = 0; square && d < t->rank; d++)
            square = d < t->rank - 2 ? tn_size_is_one(t->dim[d]) : is_tags(scores, t->dim[d]);
        if (square)
            tn_push(x->groups->arena, &x->group->turned, v);
    }
}

/* A maximum is taken of the last scores: that of the sums is made so too. */
static bool
ends_in_maximum(search *x)
{
    for (uint32_t i = 0; i < x->group->ops.count; i++) {
        const tn_op *op = x->group->ops.at[i];

        if (op->code == (x->step.least ? TN_OP_reduce_min : TN_OP_reduce_max) &&
            op->block == x->groups->g->block && is_last_scores(x, op->in[0], 0))
            return true;
    }
    return false;
}

/* The score of the best path alone. */
static bool
only_scores(search *x)
{
    if (x->predicate || x->step.predicate || !ends_in_maximum(x))
        return false;
    x->group->family = "viterbi";
    report(x);
    return true;
}

static void
decode(search *x, bool step)
{
    if (!step || !find_pointers(x)) {
        if (!(step && only_scores(x)) && looks_like_decoding(x->step.scan->body[0]))
            miss(x, "viterbi");
        return;
    }
    if (is_output(x, x->back))
        (void)refuse(x, x->step.scan, "nothing but the way back reads the pointers",
            "do not give them out");
    else if (only_gathered(x, x->back, 0) && follows_back(x)) {
        x->group->family = "viterbi";
        tn_push(x->groups->arena, &x->group->again, x->back);
        turn_transitions(x);
        report(x);
        return;
    }
    miss(x, "viterbi");
}

static void
partition(search *x)
{
    if (!ends_in_maximum(x)) {
        (void)refuse(x, x->step.scan, "the last sums are summed as well",
            "take the logarithm of the sum of exponentials of the last scores");
        miss(x, "crf_partition");
        return;
    }
    if (!x->group->family)
        x->group->family = "crf_partition";
    report(x);
}

static bool
keeps_another(const tn_op *scan, int carry)
{
    for (int i = 0; i < tn_scan_carries(scan); i++)
        if (i != carry && keeps(scan, carry, i))
            return true;
    return false;
}

static void
search_scan(search *x, const tn_op *scan)
{
    for (int i = 0; i < tn_scan_carries(scan); i++) {
        bool ok;

        if (keeps_another(scan, i))
            continue;
        ok = tn_crf_step_find(x->groups->arena, scan, i, &x->step);
        x->back = NULL;
        x->trace = x->where = NULL;
        x->predicate = NULL;
        x->start = x->end = false;
        if (ok && x->step.sum == TN_CRF_LSE)
            partition(x);
        else if (ok || x->step.predicate)
            decode(x, ok);
    }
}

static bool
is_left(const tn_findings *findings, const tn_op *scan)
{
    return tn_is_left(findings, "viterbi", scan) || tn_is_left(findings, "crf_partition", scan);
}

void
tn_fuse_crf(tn_groups *groups, tn_findings *findings)
{
    for (uint32_t i = 0; i < groups->at.count; i++) {
        search x = {.groups = groups, .group = groups->at.at[i], .findings = findings};

        for (uint32_t k = 0; x.group->kind == TN_GROUP_SCAN && k < x.group->ops.count; k++)
            if (x.group->ops.at[k]->code == TN_OP_scan && !is_left(findings, x.group->ops.at[k]))
                search_scan(&x, x.group->ops.at[k]);
    }
}

void
tn_near_crf(const tn_graph *g, tn_findings *findings)
{
    for (const tn_op *op = g->block->first; op; op = op->next)
        if (op->code == TN_OP_while && looks_like_decoding(op->body[1]))
            tn_missed(findings, "viterbi", op, "the loop over the steps counts them", "while",
                "count up by 1 to a bound known before, or to one that is data and within the limit, "
                "and let the condition look at nothing else");
}
