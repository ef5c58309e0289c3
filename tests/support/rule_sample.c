/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/rule_sample.h"

#include <math.h>
#include <string.h>

#include "ir/graph/build.h"

typedef struct sampler {
    const tn_form_rule *rule;
    uint64_t *noise;
    tn_graph *g;
    tn_build b;
    tn_dtype type; /* of most values */
    tn_value *value[TN_RULE_VALUES];
    const tn_attr *attr[TN_RULE_ATTRS];
    int leaves;
} sampler;

static int
pick(sampler *s, int count)
{
    *s->noise = *s->noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((*s->noise >> 33) % (uint64_t)count);
}

/* ---- shapes ---- */

static tn_size
random_dim(sampler *s)
{
    static const int64_t numbers[] = {1, 1, 2, 3, 5, 7};

    if (pick(s, 3) == 0)
        return tn_size_symbol(s->g->sizes, pick(s, 2));
    return tn_size_int(s->g->sizes, numbers[pick(s, 6)]);
}

static tn_type
random_shape(sampler *s, tn_dtype dtype)
{
    tn_type t = {.dtype = dtype, .rank = pick(s, 5)};

    for (int i = 0; i < t.rank; i++)
        t.dim[i] = random_dim(s);
    return t;
}

/* Meets `with`: it, its last axes, some axes 1, or more axes and larger ones. */
static tn_type
meeting_shape(sampler *s, const tn_type *with, tn_dtype dtype)
{
    tn_type t = *with;
    int how = pick(s, 4), first = pick(s, with->rank + 1);

    t.dtype = dtype;
    if (how == 1) {
        t.rank -= first;
        memcpy(t.dim, with->dim + first, (size_t)t.rank * sizeof *t.dim);
    }
    for (int i = 0; i < t.rank && how == 2; i++)
        if (pick(s, 2))
            t.dim[i] = tn_size_int(s->g->sizes, 1);
    for (int i = 0; i < t.rank && how == 3; i++) {
        int64_t n;

        if (tn_size_is_int(t.dim[i], &n) && n == 1)
            t.dim[i] = random_dim(s);
    }
    if (how == 3 && t.rank < 4 && pick(s, 2)) {
        memmove(t.dim + 1, t.dim, (size_t)t.rank++ * sizeof *t.dim);
        t.dim[0] = random_dim(s);
    }
    return t;
}

/* ---- leaves ---- */

static bool
is_constant(const tn_type *t)
{
    int64_t n;

    for (int i = 0; i < t->rank; i++)
        if (!tn_size_is_int(t->dim[i], &n))
            return false;
    return true;
}

static tn_value *
leaf(sampler *s, tn_type type, bool weight)
{
    tn_arena *arena = s->g->module->arena;
    tn_weight *w;

    if (!is_constant(&type) || (!weight && pick(s, 4)))
        return tn_graph_input(s->g, tn_arena_printf(arena, "x%d", s->leaves++), type);
    w = tn_new(arena, tn_weight);
    *w = (tn_weight){.name = tn_arena_printf(arena, "w%d", s->leaves++), .type = type};
    w->id = s->g->module->weights.count;
    w->elements = 1;
    for (int i = 0; i < type.rank; i++) {
        int64_t n;

        tn_size_is_int(type.dim[i], &n);
        w->elements *= n;
    }
    (void)tn_map_put(&s->g->module->weights, w->name, w);
    return tn_graph_weight(s->g, w);
}

/* A literal, or a tensor of the number. */
static tn_value *
number(sampler *s, tn_dtype type, double x, const tn_type *with)
{
    tn_number n = tn_is_int(type) ? tn_number_int((int64_t)x) : tn_number_real(x);
    tn_type shape;

    if (type == TN_BOOL)
        n = (tn_number){.kind = TN_NUMBER_BOOL, .num = x != 0, .den = 1, .real = x};
    if (!tn_number_fits(&n, type, NULL))
        return NULL;
    if (pick(s, 3) || !with)
        return tn_graph_literal(s->g, type, n);
    shape = meeting_shape(s, with, type);
    return tn_build_fill(&s->b, shape, n);
}

static bool
is_wanted(const sampler *s, int name, const char *test)
{
    for (int i = 0; i < s->rule->test_count; i++) {
        const tn_form_call *call = &s->rule->test[i];
        bool two = call->arg_count > 1 && call->arg[1].kind == TN_ARG_VALUE;

        if (!call->negated && call->arg_count && call->arg[0].kind == TN_ARG_VALUE &&
            (call->arg[0].at == name || (two && call->arg[1].at == name)) &&
            !strcmp(tn_rule_test_at(call->function)->name, test))
            return true;
    }
    return false;
}

/* A name that a test wants to be a number. */
static tn_value *
wanted_number(sampler *s, int name, tn_dtype type, const tn_type *with)
{
    static const double numbers[] = {3, 10, 0.7, -6, 1.4142135623730951, -1e4, -0.125, 40};

    if (is_wanted(s, name, "power_of_two"))
        return number(s, type, ldexp(pick(s, 2) ? 1 : -1, pick(s, 9) - 4), with);
    if (is_wanted(s, name, "has_inverse") || is_wanted(s, name, "is_number") ||
        is_wanted(s, name, "product_is_normal"))
        return number(s, type, numbers[pick(s, 8)], with);
    return NULL;
}

/* ---- attributes ---- */

static void
random_axes(sampler *s, tn_op *op, int attr, int rank)
{
    int64_t axes[TN_MAX_RANK];
    int count = 0;

    for (int i = 0; i < rank; i++)
        if (pick(s, 2) || (i == rank - 1 && !count))
            axes[count++] = i;
    tn_op_set_ints(op, attr, axes, count);
}

static void
random_perm(sampler *s, tn_op *op, int attr, int rank)
{
    int64_t perm[TN_MAX_RANK];

    for (int i = 0; i < rank; i++) {
        int k = pick(s, i + 1);

        perm[i] = perm[k];
        perm[k] = i;
    }
    tn_op_set_ints(op, attr, perm, rank);
}

static tn_size
product(sampler *s, const tn_type *t, int from, int to)
{
    tn_size n = tn_size_int(s->g->sizes, 1);

    for (int i = from; i < to; i++)
        n = tn_size_mul(s->g->sizes, n, t->dim[i]);
    return n;
}

static int
with_ones(sampler *s, const tn_type *x, bool drop, tn_size *to)
{
    int n = 0, rank = x->rank;

    for (int i = 0; i < rank; i++) {
        int64_t one;

        if (!drop && n + rank - i < TN_MAX_RANK && pick(s, 3) == 0)
            to[n++] = tn_size_int(s->g->sizes, 1);
        if (!drop || !tn_size_is_int(x->dim[i], &one) || one != 1)
            to[n++] = x->dim[i];
    }
    if (!drop && n < TN_MAX_RANK && pick(s, 3) == 0)
        to[n++] = tn_size_int(s->g->sizes, 1);
    return n;
}

/* The rows of a value named before: its axes but the last, then one axis. */
static int
parted(sampler *s, const tn_type *x, tn_size *to)
{
    const tn_value *like = s->value[pick(s, s->rule->made + 1) % TN_RULE_VALUES];

    if (!like || !like->type.rank || !x->rank)
        return 0;
    memcpy(to, like->type.dim, (size_t)like->type.rank * sizeof *to);
    to[like->type.rank - 1] = x->dim[x->rank - 1];
    return like->type.rank;
}

static void
random_reshape(sampler *s, tn_op *op, int attr)
{
    const tn_type *x = &op->in[0]->type;
    tn_size to[TN_MAX_RANK];
    int n = 0;

    switch (pick(s, 5)) {
    case 0: n = with_ones(s, x, false, to); break;
    case 1: n = with_ones(s, x, true, to); break;
    case 2: to[n++] = product(s, x, 0, x->rank); break;
    case 3: n = parted(s, x, to); break;
    default:
        if (x->rank > 1) {
            to[n++] = product(s, x, 0, x->rank - 1);
            to[n++] = x->dim[x->rank - 1];
        }
    }
    tn_op_set_sizes(op, attr, to, n);
}

static void
random_attr(sampler *s, tn_op *op, int attr)
{
    static const tn_dtype types[] = {TN_F32, TN_F16, TN_BF16, TN_F64, TN_I32, TN_I64, TN_I8, TN_U8};
    int rank = op->in_count ? op->in[0]->type.rank : 0;
    int64_t yes = pick(s, 2);

    switch (tn_op_info_of(op->code)->attr[attr].kind) {
    case TN_KIND_INTS:
        if (op->code == TN_OP_transpose)
            random_perm(s, op, attr, rank);
        else
            random_axes(s, op, attr, rank + (op->code == TN_OP_unsqueeze));
        break;
    case TN_KIND_BOOL: tn_op_set_ints(op, attr, &yes, 1); break;
    case TN_KIND_DTYPE: tn_op_set_dtype(op, attr, types[pick(s, 8)]); break;
    case TN_KIND_SHAPE: random_reshape(s, op, attr); break;
    case TN_KIND_INT:
        yes = rank ? pick(s, rank) : 0;
        tn_op_set_ints(op, attr, &yes, 1);
        break;
    default: break;
    }
}

static void
copy_attr(tn_op *op, int attr, const tn_attr *from)
{
    if (from->ints)
        tn_op_set_ints(op, attr, from->ints, from->count);
    else if (from->sizes)
        tn_op_set_sizes(op, attr, from->sizes, from->count);
    else if (from->text)
        tn_op_set_text(op, attr, from->text);
    else
        tn_op_set_dtype(op, attr, from->dtype);
}

static void
give_attr(sampler *s, tn_op *op, const tn_form_set *set)
{
    if (set->kind == TN_SET_INTS)
        tn_op_set_ints(op, set->attr, set->ints, set->count);
    else if (set->kind == TN_SET_WORD && op->attr[set->attr].kind == TN_KIND_DTYPE)
        tn_op_set_dtype(op, set->attr, tn_dtype_find(set->word, strlen(set->word)));
    else if (set->kind == TN_SET_WORD)
        tn_op_set_text(op, set->attr, set->word);
    else if (s->attr[set->named])
        copy_attr(op, set->attr, s->attr[set->named]);
    else if (!op->attr[set->attr].given)
        random_attr(s, op, set->attr);
    if (set->kind == TN_SET_NAMED && !s->attr[set->named])
        s->attr[set->named] = &op->attr[set->attr];
}

static void
give_attrs(sampler *s, tn_op *op, const tn_form *f)
{
    unsigned named = 0;

    for (int i = 0; i < f->set_count; i++) {
        named |= 1u << f->set[i].attr;
        give_attr(s, op, &f->set[i]);
    }
    for (int i = 0; i < tn_op_info_of(op->code)->attr_count; i++)
        if (!(named >> i & 1) && tn_op_info_of(op->code)->attr[i].fallback[0] == '!')
            random_attr(s, op, i);
}

/* ---- contractions ---- */

static const char *
labels_of(sampler *s, const tn_form *f)
{
    static const char *const usual[] = {"...ij,...jk->...ik", "bhts,bhsd->bhtd", "bts,bsd->btd",
        "ts,sd->td", "bhts,bshd->bthd", "bts,bds->btd", "...i,oi->...o", "std,bts->btd"};

    for (int i = 0; i < f->set_count; i++)
        if (f->set[i].kind == TN_SET_WORD && f->set[i].attr == TN_ATTR_contract_labels)
            return f->set[i].word;
    return usual[pick(s, 8)];
}

/* The shape of operand `index` by labels, one letter an axis; sizes of letters
 * come from `other`, the second operand's if index is 0. */
static bool
shape_by_labels(sampler *s, const char *labels, int index, const tn_type *other, tn_type *out)
{
    tn_size size[128] = {NULL};
    const char *group[2] = {labels, strchr(labels, ',') + 1};
    int dots = 0, letters = 0;

    for (const char *c = group[1 - index]; *c && *c != ',' && *c != '-'; c++)
        letters += *c != '.';
    if (other && other->rank < letters)
        return false;
    dots = other ? other->rank - letters : pick(s, 3);
    if (!strstr(labels, "..."))
        dots = 0;
    for (const char *c = group[1 - index], *end = c; other && *c && *c != ',' && *c != '-'; c++) {
        int at = (int)(c - end) - (*end == '.' ? 3 : 0) + (*end == '.' ? dots : 0);

        if (*c != '.' && at < other->rank)
            size[(int)*c] = other->dim[at];
    }
    out->rank = 0;
    for (const char *c = group[index]; *c && *c != ',' && *c != '-'; c++) {
        if (c[0] == '.') {
            for (int i = 0; i < dots; i++)
                out->dim[out->rank++] =
                    other && group[1 - index][0] == '.' ? other->dim[i] : random_dim(s);
            c += 2;
            continue;
        }
        if (!size[(int)*c])
            size[(int)*c] = random_dim(s);
        out->dim[out->rank++] = size[(int)*c];
    }
    return true;
}

/* ---- trees ---- */

static tn_dtype
leaf_dtype(sampler *s, const tn_form *f, int index, const tn_value *sibling)
{
    unsigned classes = tn_op_in_info(f->code, index)->classes & TN_CLASS_ANY;
    static const tn_dtype types[] = {TN_F32, TN_F16, TN_BF16, TN_I32, TN_I8, TN_U8, TN_BOOL};

    if (classes == TN_CLASS_BOOL)
        return TN_BOOL;
    if (f->code == TN_OP_cast)
        return types[pick(s, 7)];
    return sibling && sibling->type.dtype != TN_BOOL ? sibling->type.dtype : s->type;
}

static tn_value *node(sampler *s, const tn_form *f);

/* Leaves take after the operands that are there already. */
static tn_value *
operand(sampler *s, const tn_form *parent, int index, tn_value *const *in, const char *labels)
{
    const tn_form *f = parent->in[index];
    const tn_value *sibling = NULL;
    tn_dtype dtype;
    tn_type shape;
    tn_value *v;

    if (f->kind == TN_FORM_VALUE && s->value[f->name])
        return s->value[f->name];
    for (int i = 0; i < parent->in_count; i++)
        if (in[i] && (!sibling || sibling->type.dtype == TN_BOOL))
            sibling = in[i];
    dtype = leaf_dtype(s, parent, index, sibling);
    if (f->kind == TN_FORM_VALUE && is_wanted(s, f->name, "is_truth"))
        dtype = TN_BOOL;
    if (f->kind == TN_FORM_NUMBER || f->kind == TN_FORM_TRUTH)
        return number(s, f->kind == TN_FORM_TRUTH ? TN_BOOL : dtype, f->number,
            sibling ? &sibling->type : NULL);
    v = wanted_number(s, f->name, dtype, sibling ? &sibling->type : NULL);
    if (!v) {
        shape = sibling ? meeting_shape(s, &sibling->type, dtype) : random_shape(s, dtype);
        if (labels && !shape_by_labels(s, labels, index, sibling ? &sibling->type : NULL, &shape))
            return NULL;
        shape.dtype = dtype;
        v = leaf(s, shape, is_wanted(s, f->name, "is_weight"));
        if (is_wanted(s, f->name, "not_negative") && tn_is_float(dtype))
            v = tn_build_map1(&s->b, TN_OP_abs, v);
        if (is_wanted(s, f->name, "never_infinite") && tn_is_float(dtype))
            v = tn_build_map1(&s->b, TN_OP_sigmoid, v);
    }
    return s->value[f->name] = v;
}

/* Operations first, then names, numbers last. */
static bool
operands(sampler *s, const tn_form *f, tn_value **in, const char *labels)
{
    for (int pass = 0; pass < 3; pass++)
        for (int i = 0; i < f->in_count; i++) {
            const tn_form *o = f->in[i];
            int turn = o->kind == TN_FORM_OP ? 0 : o->kind == TN_FORM_VALUE ? 1 : 2;

            if (turn != pass)
                continue;
            in[i] = pass == 0 ? node(s, f->in[i]) : operand(s, f, i, in, labels);
            if (!in[i])
                return false;
        }
    return true;
}

static tn_value *
node(sampler *s, const tn_form *f)
{
    tn_value *in[TN_RULE_INS] = {NULL};
    const char *labels = f->code == TN_OP_contract ? labels_of(s, f) : NULL;
    tn_op *op;

    if (f->name >= 0 && s->value[f->name])
        return s->value[f->name];
    if (!operands(s, f, in, labels))
        return NULL;
    op = tn_build_start(&s->b, f->code, in, f->in_count);
    if (labels)
        tn_op_set_text(op, TN_ATTR_contract_labels, labels);
    give_attrs(s, op, f);
    if (labels)
        tn_op_set_text(op, TN_ATTR_contract_labels, labels);
    if (tn_op_infer(op, NULL) != TN_OK || op->out_count != 1)
        return NULL;
    if (f->name >= 0)
        s->value[f->name] = op->out[0];
    return op->out[0];
}

/* A result may not become an input: an operation on bits is put behind. */
static tn_value *
read_once_more(sampler *s, tn_value *y)
{
    tn_dtype t = y->type.dtype;

    if (t == TN_BOOL)
        return tn_build_map1(&s->b, TN_OP_not, y);
    return tn_build_map1(&s->b, tn_is_float(t) ? TN_OP_neg : TN_OP_bit_not, y);
}

tn_op *
tn_rule_sample(tn_arena *arena, const tn_form_rule *rule, uint64_t *noise)
{
    static const tn_dtype types[] = {
        TN_F32, TN_F32, TN_F32, TN_F16, TN_BF16, TN_F64, TN_I32, TN_U8, TN_BOOL};
    tn_module *module = tn_module_create(arena, "sample");
    tn_sizes *sizes = tn_sizes_create(arena);
    sampler s = {.rule = rule, .noise = noise};
    tn_value *y;

    tn_sizes_add(sizes, &(tn_symbol){.name = "S", .low = 1, .high = 9, .multiple = 1});
    tn_sizes_add(sizes, &(tn_symbol){.name = "R", .low = 1, .high = 9, .multiple = 1});
    s.g = tn_graph_create(module, "main", sizes);
    s.b = (tn_build){.block = s.g->block};
    s.type = types[pick(&s, 9)];
    y = node(&s, rule->from);
    if (!y)
        return NULL;
    tn_block_result(s.g->block, read_once_more(&s, y));
    tn_push(arena, &s.g->outputs, ((tn_output){.name = "y"}));
    return tn_rule_matches(rule, y->def, NULL) ? y->def : NULL;
}
