/* SPDX-License-Identifier: Apache-2.0
 * Reads what gprint.c writes. */
#include <string.h>

#include "ir/base/checked.h"
#include "ir/graph/gtext.h"

enum { MAX_NEST = 64, MAX_LIST = 256 };

typedef struct parser {
    tn_gline line;
    const char *next; /* the line after it */
    int number;
    const char *place;
    tn_diag *diag;
    tn_module *module;
    tn_graph *g;
    tn_map values; /* visible name -> tn_value */
} parser;

/* The next line that holds something; false at the end. */
static bool
read_line(parser *p)
{
    for (;;) {
        size_t length = strcspn(p->next, "\n");

        if (*p->next == '\0')
            return false;
        p->line.at = tn_arena_copy(p->module->arena, p->next, length);
        p->next += length + (p->next[length] == '\n');
        p->number++;
        tn_gline_skip(&p->line);
        if (*p->line.at)
            return true;
    }
}

static tn_status
line_status(parser *p)
{
    tn_gline_skip(&p->line);
    if (!p->line.error && *p->line.at)
        tn_gline_fail(&p->line, "unexpected \"%.20s\"", p->line.at);
    if (!p->line.error)
        return TN_OK;
    return tn_fail(p->diag, TN_MALFORMED, "%s:%d: %s", p->place, p->number, p->line.error);
}

static tn_value *
find(void *self, tn_gline *l)
{
    parser *p = self;
    const char *name = tn_gline_name(l);
    tn_value *v = l->error ? NULL : tn_map_get(&p->values, name);

    if (!v)
        tn_gline_fail(l, "no value is called \"%s\" here", name);
    return v;
}

/* %N are not names of the values. */
static void
define(parser *p, const char *text, tn_value *v)
{
    if (text[0] != '%')
        v->name = text;
    if (tn_map_get(&p->values, text))
        tn_gline_fail(&p->line, "\"%s\" is defined twice", text);
    else if (text[0])
        tn_map_put(&p->values, text, v);
}

/* ---- header ---- */

static int64_t
option(tn_gline *l, const char *word, int64_t fallback)
{
    return tn_gline_take(l, word) ? tn_gline_int(l) : fallback;
}

static void
read_symbol(parser *p, bool scalar)
{
    tn_gline *l = &p->line;
    tn_symbol s = {.scalar = scalar, .high = INT64_MAX};

    s.name = tn_gline_name(l);
    s.low = tn_gline_int(l);
    tn_gline_want(l, "..");
    if (*l->at == '-' || (*l->at >= '0' && *l->at <= '9'))
        s.high = tn_gline_int(l);
    s.multiple = option(l, "multiple", 1);
    s.sample = option(l, "sample", 0);
    s.pinned = tn_gline_take(l, "pinned");
    if (s.pinned)
        s.pinned_value = tn_gline_int(l);
    if (tn_sizes_find(p->g->sizes, s.name) >= 0)
        tn_gline_fail(l, "\"%s\" is defined twice", s.name);
    if (!l->error)
        tn_sizes_add(p->g->sizes, &s);
}

static void
read_dim(parser *p)
{
    read_symbol(p, false);
}

static void
read_scalar(parser *p)
{
    read_symbol(p, true);
}

static void
read_fact(parser *p)
{
    tn_gline *l = &p->line;
    tn_fact f = {.left = tn_gline_size(l)};

    if (tn_gline_take(l, "=="))
        f.op = TN_FACT_EQ;
    else if (tn_gline_take(l, "!="))
        f.op = TN_FACT_NE;
    else if (tn_gline_take(l, "<="))
        f.op = TN_FACT_LE;
    else if (tn_gline_take(l, "<"))
        f.op = TN_FACT_LT;
    else
        tn_gline_fail(l, "expected a comparison at \"%.20s\"", l->at);
    f.right = tn_gline_size(l);
    f.what = tn_gline_json(l);
    if (l->error)
        return;
    if (f.op == TN_FACT_EQ)
        tn_sizes_fact_equal(p->g->sizes, f.left, f.right);
    tn_push(p->module->arena, &p->g->facts, f);
}

static void
read_input(parser *p)
{
    tn_gline *l = &p->line;
    const char *name = tn_gline_name(l);
    tn_input *in;
    tn_type type;

    tn_gline_want(l, ":");
    type = tn_gline_type(l);
    define(p, name, tn_graph_input(p->g, name, type));
    in = &p->g->inputs.at[p->g->inputs.count - 1];
    if (type.rank == 0)
        in->symbol = tn_sizes_find(p->g->sizes, name);
    in->has_range = tn_gline_take(l, "in");
    if (!in->has_range)
        return;
    in->low = tn_gline_size(l);
    tn_gline_want(l, "..");
    in->open_high = *l->at == '\0';
    if (!in->open_high)
        in->high = tn_gline_size(l);
}

/* Zero if a size is not a number. */
static bool
count_elements(const tn_type *type, int64_t *out)
{
    *out = 1;
    for (int i = 0; i < type->rank; i++) {
        int64_t n;

        if (!tn_size_is_int(type->dim[i], &n))
            n = 0;
        if (!tn_mul_i64(*out, n, out))
            return false;
    }
    return true;
}

static void
read_weight(parser *p)
{
    const char *name = tn_gline_name(&p->line);
    tn_weight *w = tn_map_get(&p->module->weights, name);
    tn_type type;
    int64_t elements;

    tn_gline_want(&p->line, ":");
    type = tn_gline_type(&p->line);
    if (p->line.error)
        return;
    if (!count_elements(&type, &elements)) {
        tn_gline_fail(&p->line, "the elements of %s exceed 64 bits", name);
        return;
    }
    if (!w) {
        w = tn_new(p->module->arena, tn_weight);
        *w = (tn_weight){.name = name, .tensor = name, .type = type, .fill_a = 0.02};
        w->id = p->module->weights.count;
        w->elements = elements;
        tn_map_put(&p->module->weights, name, w);
    }
    define(p, name, tn_graph_weight(p->g, w));
}

static void
read_state(parser *p)
{
    const char *name = tn_gline_name(&p->line);
    tn_state *s = tn_map_get(&p->module->states, name);
    tn_type type;

    tn_gline_want(&p->line, ":");
    type = tn_gline_type(&p->line);
    if (p->line.error)
        return;
    if (!s) {
        s = tn_new(p->module->arena, tn_state);
        *s = (tn_state){.name = name, .type = type, .fill = TN_FILL_VALUE};
        s->id = p->module->states.count;
        tn_map_put(&p->module->states, name, s);
    }
    define(p, name, tn_graph_state(p->g, s, type));
}

/* ---- ops ---- */

typedef struct results {
    const char *name[MAX_LIST];
    tn_type type[MAX_LIST];
    bool typed[MAX_LIST];
    int count;
} results;

static void
read_results(parser *p, results *r)
{
    tn_gline *l = &p->line;

    for (r->count = 0; tn_gline_more(l) && !tn_gline_take(l, "=");) {
        if (r->count == MAX_LIST) {
            tn_gline_fail(l, "more than %d results", MAX_LIST);
            return;
        }
        r->name[r->count] = tn_gline_name(l);
        r->typed[r->count] = tn_gline_take(l, ":");
        if (r->typed[r->count])
            r->type[r->count] = tn_gline_type(l);
        r->count++;
        tn_gline_take(l, ",");
    }
}

typedef struct operands {
    tn_value *in[MAX_LIST];
    int count;
    bool bare[MAX_LIST]; /* a number whose type the op gives */
} operands;

static bool
starts_number(const tn_gline *l)
{
    static const char *const words[] = {"inf", "nan", "true", "false"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        tn_gline probe = *l;

        /* A name may begin with one of them. */
        if (tn_gline_take(&probe, words[i]) && (*probe.at == '\0' || strchr(",:{", *probe.at)))
            return true;
    }
    return (*l->at >= '0' && *l->at <= '9') || *l->at == '-' || *l->at == '<';
}

static tn_value *
read_literal(parser *p, bool *bare)
{
    tn_number n = tn_gline_number(&p->line);
    tn_dtype dtype = TN_F32;

    *bare = !tn_gline_take(&p->line, ":");
    if (!*bare) {
        size_t length = strspn(p->line.at, "abcdefghijklmnopqrstuvwxyz0123456789");

        dtype = tn_dtype_find(p->line.at, length);
        if (dtype == TN_DTYPE_COUNT)
            tn_gline_fail(&p->line, "expected an element type at \"%.20s\"", p->line.at);
        p->line.at += length;
    }
    return tn_graph_literal(p->g, dtype, n);
}

static tn_value *
read_result(parser *p)
{
    bool bare = false;

    if (!starts_number(&p->line))
        return find(p, &p->line);
    return read_literal(p, &bare);
}

/* The value of a place attribute. */
static tn_value *
read_place(void *self, tn_gline *l)
{
    (void)l;
    return read_result(self);
}

static void
read_operands(parser *p, operands *o)
{
    tn_gline *l = &p->line;

    for (o->count = 0; tn_gline_more(l) && *l->at != '{' && strncmp(l->at, "do (", 4) != 0;) {
        if (o->count == MAX_LIST) {
            tn_gline_fail(l, "more than %d operands", MAX_LIST);
            return;
        }
        o->bare[o->count] = false;
        if (tn_gline_take(l, "_"))
            o->in[o->count] = NULL;
        else if (starts_number(l))
            o->in[o->count] = read_literal(p, &o->bare[o->count]);
        else
            o->in[o->count] = find(p, l);
        o->count++;
        if (!tn_gline_take(l, ","))
            return;
    }
}

static void
read_attrs(parser *p, tn_op *op)
{
    tn_gline *l = &p->line;

    if (!tn_gline_take(l, "{"))
        return;
    while (tn_gline_more(l) && !tn_gline_take(l, "}")) {
        const char *name = tn_gline_name(l);
        int attr = tn_op_find_attr(op->code, name);

        tn_gline_want(l, "=");
        if (attr < 0)
            tn_gline_fail(l, "%s has no attribute \"%s\"", tn_op_info_of(op->code)->name, name);
        if (!l->error)
            tn_gline_attr(l, op, attr, read_place, p);
        tn_gline_take(l, ",");
    }
}

static void
type_literals(tn_op *op, const operands *o)
{
    for (int i = 0; i < o->count; i++) {
        tn_dtype dtype = o->bare[i] ? tn_op_literal_dtype(op, i) : TN_DTYPE_COUNT;

        if (dtype != TN_DTYPE_COUNT)
            o->in[i]->type.dtype = dtype;
    }
}

static tn_status read_body(parser *p, tn_block *b, int nest);

static tn_status
read_params(parser *p, tn_block *b)
{
    tn_gline_want(&p->line, "(");
    for (uint32_t i = 0; i < b->params.count; i++) {
        define(p, tn_gline_name(&p->line), b->params.at[i]);
        tn_gline_take(&p->line, ",");
    }
    tn_gline_want(&p->line, ")");
    return line_status(p);
}

/* Names of a body are not seen behind it. */
static void
forget(parser *p, uint32_t count)
{
    tn_map kept = {.arena = p->module->arena};

    for (uint32_t i = 0; i < count; i++)
        tn_map_put(&kept, p->values.entries[i].key, p->values.entries[i].value);
    p->values = kept;
}

static tn_status
read_bodies(parser *p, tn_op *op, int nest)
{
    if (!(tn_op_info_of(op->code)->flags & TN_FLAG_CONTROL))
        return TN_OK;
    if (nest == MAX_NEST)
        return tn_fail(p->diag, TN_LIMIT, "%s:%d: bodies nested too deep", p->place, p->number);
    tn_gline_want(&p->line, "do");
    TN_TRY(p->line.error ? line_status(p) : tn_op_open_bodies(op, p->diag));
    for (int i = 0; i < op->body_count; i++) {
        uint32_t before = p->values.count;

        TN_TRY(read_params(p, op->body[i]));
        TN_TRY(read_body(p, op->body[i], nest + 1));
        forget(p, before);
    }
    return TN_OK;
}

static tn_status
check_results(parser *p, const tn_op *op, const results *r)
{
    if (op->out_count != r->count)
        return tn_fail(p->diag, TN_MALFORMED, "%s: %s gives %d results, %d are named", op->path,
            tn_op_info_of(op->code)->name, op->out_count, r->count);
    for (int i = 0; i < r->count; i++) {
        tn_text found = {.arena = p->module->arena};

        define(p, r->name[i], op->out[i]);
        if (!r->typed[i] || tn_type_equal(&r->type[i], &op->out[i]->type))
            continue;
        tn_type_print(&found, p->g->sizes, &op->out[i]->type);
        return tn_fail(p->diag, TN_MALFORMED, "%s: %s is %s", op->path, r->name[i], found.at);
    }
    return line_status(p);
}

static tn_status
read_op(parser *p, tn_block *b, int nest)
{
    results *r = tn_new(p->module->arena, results);
    operands *o = tn_new(p->module->arena, operands);
    const char *name;
    const char *path;
    tn_opcode code;
    tn_op *op;

    read_results(p, r);
    name = tn_gline_name(&p->line);
    code = tn_op_find(name);
    if (code == TN_OP_COUNT)
        tn_gline_fail(&p->line, "there is no op \"%s\"", name);
    tn_gline_skip(&p->line);
    read_operands(p, o);
    if (!p->line.error && !(tn_op_info_of(code)->flags & TN_FLAG_VARIADIC) &&
        o->count > tn_op_info_of(code)->in_count)
        tn_gline_fail(&p->line, "%s takes %d operands", name, tn_op_info_of(code)->in_count);
    if (p->line.error)
        return line_status(p);
    path = tn_arena_printf(p->module->arena, "%s:%d", p->place, p->number);
    op = tn_op_create(b, NULL, code, o->in, o->count);
    op->path = path;
    read_attrs(p, op);
    type_literals(op, o);
    TN_TRY(read_bodies(p, op, nest));
    TN_TRY(line_status(p));
    TN_TRY(tn_op_infer(op, p->diag));
    return check_results(p, op, r);
}

static tn_status
read_body(parser *p, tn_block *b, int nest)
{
    while (read_line(p)) {
        if (!tn_gline_take(&p->line, "yield")) {
            TN_TRY(read_op(p, b, nest));
            continue;
        }
        while (tn_gline_more(&p->line)) {
            tn_value *v = read_result(p);

            if (v)
                tn_block_result(b, v);
            tn_gline_take(&p->line, ",");
        }
        TN_TRY(line_status(p));
        if (read_line(p))
            tn_gline_want(&p->line, "end");
        return p->line.error ? line_status(p) : TN_OK;
    }
    return tn_fail(p->diag, TN_MALFORMED, "%s:%d: a body without yield", p->place, p->number);
}

static void
read_output(parser *p)
{
    tn_output out = {.name = tn_gline_name(&p->line)};
    tn_value *v;

    tn_gline_want(&p->line, "=");
    v = read_result(p);
    if (p->g->stores.count)
        tn_gline_fail(&p->line, "outputs come before stores");
    if (!v || p->line.error)
        return;
    tn_push(p->module->arena, &p->g->outputs, out);
    tn_block_result(p->g->block, v);
}

static void
read_store(parser *p)
{
    const char *name = tn_gline_name(&p->line);
    tn_state *s = tn_map_get(&p->module->states, name);
    tn_value *v;

    tn_gline_want(&p->line, "=");
    if (!s)
        tn_gline_fail(&p->line, "there is no state \"%s\"", name);
    v = read_result(p);
    if (!v || !s)
        return;
    tn_push(p->module->arena, &p->g->stores, s);
    tn_block_result(p->g->block, v);
}

/* Lines that are no op; false if it is one. */
static bool
read_header(parser *p)
{
    static const struct {
        const char *word;
        void (*read)(parser *p);
    } lines[] = {{"dim", read_dim}, {"scalar", read_scalar}, {"fact", read_fact},
        {"input", read_input}, {"weight", read_weight}, {"state", read_state},
        {"output", read_output}, {"store", read_store}};
    const char *start;

    tn_gline_skip(&p->line);
    start = p->line.at;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        /* "input = neg x" is an op whose result is called input, and one may
         * be called input.15. */
        if (tn_gline_take(&p->line, lines[i].word) && !strchr("=:,", *p->line.at) &&
            start[strlen(lines[i].word)] == ' ') {
            lines[i].read(p);
            return true;
        }
        p->line.at = start;
    }
    return false;
}

tn_status
tn_graph_parse(tn_module *module, tn_diag *diag, const char *place, const char *text,
    tn_graph **out)
{
    parser p = {.next = text, .place = place, .diag = diag, .module = module};

    p.values.arena = module->arena;
    p.line.arena = module->arena;
    if (!read_line(&p))
        return tn_fail(diag, TN_MALFORMED, "%s: expected a graph, found nothing", place);
    tn_gline_want(&p.line, "graph");
    p.g = tn_graph_create(module, tn_gline_name(&p.line), tn_sizes_create(module->arena));
    p.line.g = p.g;
    TN_TRY(line_status(&p));
    while (read_line(&p)) {
        if (read_header(&p))
            TN_TRY(line_status(&p));
        else
            TN_TRY(read_op(&p, p.g->block, 0));
    }
    *out = p.g;
    return TN_OK;
}
