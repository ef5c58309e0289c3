/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/decide.h"

#include <math.h>
#include <string.h>

typedef struct tn_decision_operand {
    const tn_value *value;
    tn_wide *to;
} tn_decision_operand;

enum { OPERANDS = 5 };

/* ---- finding ---- */

/* Ops that leave the elements of their operand in order. */
static bool
is_view(tn_opcode code)
{
    return code == TN_OP_cast || code == TN_OP_reshape || code == TN_OP_squeeze ||
        code == TN_OP_unsqueeze;
}

static void
want(tn_decisions *d, const tn_op *op, int operand, tn_wide *to)
{
    if (operand < op->in_count && op->in[operand])
        d->operands[d->operand_count++] = (tn_decision_operand){op->in[operand], to};
}

static void
pick(tn_decisions *d, tn_decision *to, const tn_op *op, int64_t axis, bool least)
{
    int rank = op->in[0]->type.rank;

    to->kind = TN_DECIDES_PICK;
    to->axis = (int)(axis < 0 ? axis + rank : axis);
    to->least = least;
    want(d, op, 0, &to->x);
}

static void
find(tn_decisions *d, tn_decision *to, const tn_value *v)
{
    const tn_op *op = v->kind == TN_VALUE_RESULT ? v->def : NULL;

    while (op && is_view(op->code) && op->in[0]->kind == TN_VALUE_RESULT) {
        v = op->in[0];
        op = v->def;
    }
    if (!op || !op->in_count || !op->in[0] || !tn_is_float(op->in[0]->type.dtype))
        return;
    to->dtype = op->in[0]->type.dtype;
    _Static_assert((int)TN_ATTR_arg_max_axis == (int)TN_ATTR_arg_min_axis, "equal rows");
    if (op->code == TN_OP_arg_max || op->code == TN_OP_arg_min)
        pick(d, to, op, tn_op_int(op, TN_ATTR_arg_max_axis), op->code == TN_OP_arg_min);
    if (op->code == TN_OP_top_k && v->index == 1)
        pick(d, to, op, tn_op_int(op, TN_ATTR_top_k_axis), !tn_op_int(op, TN_ATTR_top_k_largest));
    if (op->code == TN_OP_sort && v->index == 1)
        pick(d, to, op, tn_op_int(op, TN_ATTR_sort_axis), !tn_op_int(op, TN_ATTR_sort_descending));
    if (op->code == TN_OP_route && v->index == 0 && !op->in[1] &&
        tn_op_int(op, TN_ATTR_route_groups) == 1)
        pick(d, to, op, -1, false);
    if (op->code != TN_OP_viterbi || v->index != 0)
        return;
    to->kind = TN_DECIDES_PATH;
    want(d, op, TN_IN_viterbi_emissions, &to->x);
    want(d, op, TN_IN_viterbi_transitions, &to->transitions);
    want(d, op, TN_IN_viterbi_length, &to->length);
    want(d, op, TN_IN_viterbi_start, &to->start);
    want(d, op, TN_IN_viterbi_end, &to->end);
}

static void
keep(tn_arena *arena, tn_wide *to, const tn_tensor *t)
{
    int64_t count = 0;

    if (to->at || !tn_tensor_elements(t, &count))
        return;
    to->rank = t->rank;
    memcpy(to->dim, t->dim, sizeof to->dim);
    to->at = tn_new_array(arena, double, (size_t)count + 1);
    for (int64_t k = 0; k < count; k++) {
        const char *at = (const char *)t->data + k * tn_dtype_bytes(t->dtype);

        to->at[k] = tn_is_float(t->dtype) ? tn_load_double(t->dtype, at)
                                          : (double)tn_load_int(t->dtype, at);
    }
}

static void
see(void *self, const tn_value *value, int64_t round, const tn_tensor *tensor)
{
    tn_decisions *d = self;

    (void)round;
    for (int i = 0; i < d->operand_count; i++)
        if (d->operands[i].value == value)
            keep(d->arena, d->operands[i].to, tensor);
}

void
tn_decisions_find(tn_arena *arena, const tn_graph *g, tn_decisions *out)
{
    *out = (tn_decisions){.arena = arena, .count = g->outputs.count};
    out->of = tn_new_array(arena, tn_decision, out->count + 1);
    out->operands = tn_new_array(arena, tn_decision_operand, OPERANDS * (out->count + 1));
    for (uint32_t i = 0; i < out->count; i++)
        find(out, &out->of[i], g->block->results.at[i]);
    out->watch = (tn_reference_watch){out, see};
}

void
tn_decisions_inputs(tn_decisions *d, const tn_tensor *inputs)
{
    for (int i = 0; i < d->operand_count; i++) {
        const tn_value *v = d->operands[i].value;
        tn_tensor t = {.dtype = v->type.dtype, .rank = v->type.rank};

        if (v->kind == TN_VALUE_INPUT)
            keep(d->arena, d->operands[i].to, &inputs[v->index]);
        if (v->kind != TN_VALUE_WEIGHT || !v->weight->data)
            continue;
        for (int a = 0; a < t.rank; a++)
            tn_size_is_int(v->type.dim[a], &t.dim[a]);
        t.data = (void *)(uintptr_t)v->weight->data;
        keep(d->arena, d->operands[i].to, &t);
    }
}

/* ---- judging ---- */

static int64_t
whole_at(const tn_tensor *t, int64_t k)
{
    return tn_load_int(t->dtype, (const char *)t->data + k * tn_dtype_bytes(t->dtype));
}

static double
norm_of(const double *x, int64_t count, int64_t step)
{
    double sum = 0;

    for (int64_t k = 0; k < count; k++)
        sum += isfinite(x[k * step]) ? x[k * step] * x[k * step] : 0;
    return sqrt(sum);
}

/* A row of a PICK: `size` candidates, `slots` of which are chosen. */
typedef struct row {
    const double *x;
    int64_t size, slots, step; /* step: from one candidate or slot to the next */
    int64_t at;                /* of the first slot in the outputs */
    double sign;
    bool *taken; /* room for `size` */
} row;

/* The lead of each chosen candidate over the next, and of the last over the
 * best that was not chosen. */
static double
lead(const row *r, const tn_tensor *wanted)
{
    double least = INFINITY, last = 0;

    for (int64_t c = 0; c < r->size; c++)
        r->taken[c] = false;
    for (int64_t s = 0; s < r->slots; s++) {
        int64_t c = whole_at(wanted, r->at + s * r->step);

        if (c < 0 || c >= r->size)
            return INFINITY;
        double here = r->sign * r->x[c * r->step];
        least = s && last - here < least ? last - here : least;
        last = here;
        r->taken[c] = true;
    }
    for (int64_t c = 0; c < r->size && r->slots; c++)
        if (!r->taken[c] && last - r->sign * r->x[c * r->step] < least)
            least = last - r->sign * r->x[c * r->step];
    return least;
}

/* Each slot holds another candidate, as good as the one that is wanted. */
static bool
is_as_good(const row *r, const tn_tensor *got, const tn_tensor *wanted, double allowed)
{
    for (int64_t c = 0; c < r->size; c++)
        r->taken[c] = false;
    for (int64_t s = 0; s < r->slots; s++) {
        int64_t c = whole_at(got, r->at + s * r->step), w = whole_at(wanted, r->at + s * r->step);

        if (c < 0 || c >= r->size || r->taken[c])
            return false;
        r->taken[c] = true;
        if (c != w && !(fabs(r->x[c * r->step] - r->x[w * r->step]) <= allowed))
            return false;
    }
    return true;
}

static void
judge_picks(const tn_decisions *d, const tn_decision *of, const tn_tensor *got,
    const tn_tensor *wanted, double rel, tn_judgement *out)
{
    int64_t outer = 1, inner = 1, count = 0, size = of->x.dim[of->axis];
    row r = {.size = size, .sign = of->least ? -1 : 1};

    for (int a = 0; a < of->x.rank; a++)
        *(a < of->axis ? &outer : &inner) *= a == of->axis ? 1 : of->x.dim[a];
    tn_tensor_elements(wanted, &count);
    if (count == 0 || outer * inner == 0)
        return;
    r.step = inner;
    r.slots = count / (outer * inner);
    r.taken = tn_new_array(d->arena, bool, (size_t)size + 1);
    for (int64_t k = 0; k < outer * inner; k++) {
        r.x = of->x.at + k / inner * size * inner + k % inner;
        r.at = k / inner * r.slots * inner + k % inner;
        double norm = norm_of(r.x, size, inner), margin = lead(&r, wanted);

        if (margin / norm < out->margin)
            out->margin = margin / norm;
        out->right = out->right && is_as_good(&r, got, wanted, rel * norm);
    }
}

/* One sequence of a PATH. */
typedef struct chain {
    const tn_decision *of;
    const double *e;
    int64_t live, steps, tags;
} chain;

static double
emission(const chain *c, int64_t t, int64_t k)
{
    double e = c->e[t * c->tags + k];

    e += t == 0 && c->of->start.at ? c->of->start.at[k] : 0;
    return e + (t == c->live - 1 && c->of->end.at ? c->of->end.at[k] : 0);
}

/* -inf for a path that leaves the tags, or goes on behind the end. */
static double
score(const chain *c, const tn_tensor *path, int64_t at)
{
    double sum = 0;
    int64_t last = 0;

    for (int64_t t = 0; t < c->steps; t++) {
        int64_t k = whole_at(path, at + t);

        if (k < 0 || k >= c->tags || (t >= c->live && k != last))
            return -INFINITY;
        if (t < c->live)
            sum += emission(c, t, k) + (t ? c->of->transitions.at[last * c->tags + k] : 0);
        last = k;
    }
    return sum;
}

/* best[t,k]: of the paths up to t that end in k. */
static void
forward(const chain *c, double *best)
{
    for (int64_t t = 0; t < c->live; t++)
        for (int64_t k = 0; k < c->tags; k++) {
            double most = t ? -INFINITY : 0;

            for (int64_t i = 0; i < c->tags && t; i++) {
                double s = best[(t - 1) * c->tags + i] + c->of->transitions.at[i * c->tags + k];
                most = s > most ? s : most;
            }
            best[t * c->tags + k] = most + emission(c, t, k);
        }
}

/* The best score of a path that differs from `path`: going back, `rest` is the
 * best that can follow a tag. */
static double
runner_up(const chain *c, const double *best, double *rest, const tn_tensor *path, int64_t at)
{
    double most = -INFINITY, *now = rest, *next = rest + c->tags;

    for (int64_t k = 0; k < c->tags; k++)
        rest[k] = 0;
    for (int64_t t = c->live; t-- > 0;) {
        for (int64_t k = 0; k < c->tags; k++) {
            double s = best[t * c->tags + k] + now[k];

            if (k != whole_at(path, at + t) && s > most)
                most = s;
        }
        for (int64_t i = 0; i < c->tags && t; i++) {
            next[i] = -INFINITY;
            for (int64_t k = 0; k < c->tags; k++) {
                double s = c->of->transitions.at[i * c->tags + k] + emission(c, t, k) + now[k];
                next[i] = s > next[i] ? s : next[i];
            }
        }
        double *old = now;
        now = next;
        next = old;
    }
    return most;
}

static void
judge_paths(const tn_decisions *d, const tn_decision *of, const tn_tensor *got,
    const tn_tensor *wanted, double rel, tn_judgement *out)
{
    chain c = {.of = of, .steps = of->x.dim[1], .tags = of->x.dim[2]};
    double *best = tn_new_array(d->arena, double, (size_t)(c.steps * c.tags) + 1);
    double *rest = tn_new_array(d->arena, double, (size_t)(2 * c.tags) + 1);

    for (int64_t b = 0; b < of->x.dim[0]; b++) {
        double length = of->length.at ? of->length.at[b] : (double)c.steps;

        c.e = of->x.at + b * c.steps * c.tags;
        c.live = length < 1 ? 1 : length < (double)c.steps ? (int64_t)length : c.steps;
        forward(&c, best);
        double norm = norm_of(c.e, c.live * c.tags, 1), most = score(&c, wanted, b * c.steps);
        double second = runner_up(&c, best, rest, wanted, b * c.steps);

        if ((most - second) / norm < out->margin)
            out->margin = (most - second) / norm;
        for (int64_t t = b * c.steps; t < (b + 1) * c.steps; t++)
            if (whole_at(got, t) != whole_at(wanted, t)) {
                out->right = out->right && fabs(most - score(&c, got, b * c.steps)) <= rel * norm;
                break;
            }
    }
}

bool
tn_decisions_judge(const tn_decisions *d, uint32_t output, const tn_tensor *got,
    const tn_tensor *wanted, double rel, tn_judgement *out)
{
    const tn_decision *of = &d->of[output];
    int64_t a = 0, b = 0;

    *out = (tn_judgement){.right = true, .margin = INFINITY};
    if (of->kind == TN_DECIDES_NOTHING || !of->x.at || !tn_tensor_elements(got, &a) ||
        !tn_tensor_elements(wanted, &b) || a != b || tn_is_float(got->dtype) ||
        (of->kind == TN_DECIDES_PATH && !of->transitions.at))
        return false;
    if (of->kind == TN_DECIDES_PICK)
        judge_picks(d, of, got, wanted, rel, out);
    else
        judge_paths(d, of, got, wanted, rel, out);
    return true;
}
