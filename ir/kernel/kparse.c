/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "ir/kernel/kraw.h"
#include "ir/kernel/tparse_in.h"

/* Reads the text of kprint.c with the words of tlex.c. Constants and sizes,
 * written where they are used, become instructions at the start of the
 * kernel. */
enum { NUMBER_LIMIT = 1 << 20 };

typedef struct reader {
    tn_tparse words; /* of which only what tlex.c uses */
    tn_kernel *k;
    tn_map mems, cells;
    TN_VEC(tn_ins *) values; /* by the number in the text */
    TN_VEC(tn_ins *) first;  /* constants and sizes */
    tn_kblock *cur;
} reader;

static tn_tparse *
words(reader *r)
{
    return &r->words;
}

static void *
in_arena(reader *r)
{
    return r->words.arena;
}

/* ---- names, types, numbers ---- */

static const char *
read_name(reader *r, const char *what)
{
    return r->words.lex.word == TN_WORD_TEXT ? tn_tp_string(words(r)) : tn_tp_name(words(r), what);
}

static tn_ktype
read_type(reader *r)
{
    const char *name = tn_tp_name(words(r), "a type");
    size_t length = strcspn(name, "x");
    tn_ktype type = {tn_dtype_find(name, length), 1};
    if (name[length] == 'x') {
        unsigned lanes = 0;
        for (const char *c = name + length + 1; *c >= '0' && *c <= '9' && lanes < 1000; c++)
            lanes = lanes * 10 + (unsigned)(*c - '0');
        type.lanes = (uint16_t)lanes;
    }
    if (type.dtype == TN_DTYPE_COUNT)
        tn_tp_unknown(words(r), "there is no type", name);
    return r->words.failed ? (tn_ktype){TN_BOOL, 1} : type;
}

static double
read_real(reader *r)
{
    tn_tparse *w = words(r);
    bool minus = tn_tp_accept(w, "-");
    double value = 0;
    if (tn_tp_accept(w, "inf")) {
        value = (double)INFINITY;
    } else if (tn_tp_accept(w, "nan")) {
        value = (double)NAN;
    } else if (w->lex.word == TN_WORD_WHOLE || w->lex.word == TN_WORD_REAL) {
        const char *end;
        value = tn_double_read(w->lex.from, &end);
        tn_tp_next(w);
    } else {
        tn_tp_fail(w, "expected a number");
    }
    return minus ? -value : value;
}

static void
read_number(reader *r, tn_dtype dtype, int64_t *whole, double *real)
{
    if (tn_is_float(dtype))
        *real = read_real(r);
    else
        *whole = tn_tp_whole(words(r));
}

/* ---- values ---- */

static tn_ins *
leaf(reader *r, tn_kop op, tn_dtype dtype, int64_t whole, double real)
{
    for (uint32_t i = 0; i < r->first.count; i++) {
        tn_ins *v = r->first.at[i];
        if (v->op == op && v->type.dtype == dtype && v->whole == whole &&
            memcmp(&v->real, &real, sizeof real) == 0)
            return v;
    }
    tn_ins *v = tn_ins_new(r->k, op, (tn_ktype){dtype, 1});
    v->whole = whole;
    v->real = real;
    v->block = r->k->root;
    tn_push(in_arena(r), &r->first, v);
    return v;
}

static tn_ins *
size_named(reader *r, const char *name)
{
    for (uint32_t i = 0; i < r->k->sizes.count; i++)
        if (strcmp(r->k->sizes.at[i].name, name) == 0)
            return leaf(r, TN_K_param, r->k->index, i, 0);
    tn_tp_unknown(words(r), "there is no size", name);
    return leaf(r, TN_K_const, r->k->index, 0, 0);
}

static tn_ins *
numbered(reader *r)
{
    int64_t number = tn_tp_whole(words(r));
    if (number >= 0 && number < (int64_t)r->values.count && r->values.at[number])
        return r->values.at[number];
    tn_tp_fail(words(r), "there is no value %%%lld", (long long)number);
    return leaf(r, TN_K_const, r->k->index, 0, 0);
}

static tn_ins *
read_value(reader *r)
{
    tn_tparse *w = words(r);
    if (tn_tp_accept(w, "%"))
        return numbered(r);
    if (w->lex.word == TN_WORD_NAME && tn_tp_peek_is(w, "(")) {
        tn_dtype dtype = read_type(r).dtype;
        int64_t whole = 0;
        double real = 0;
        tn_tp_expect(w, "(");
        read_number(r, dtype, &whole, &real);
        tn_tp_expect(w, ")");
        return leaf(r, TN_K_const, dtype, whole, real);
    }
    if (w->lex.word == TN_WORD_NAME || w->lex.word == TN_WORD_TEXT)
        return size_named(r, read_name(r, "a size"));
    return leaf(r, TN_K_const, r->k->index, tn_tp_whole(w), 0);
}

static void
add_value(reader *r, tn_ins *ins)
{
    tn_ins *v = read_value(r);
    if (ins->arg_count == TN_INS_ARGS)
        tn_tp_fail(words(r), "too many operands");
    else
        ins->arg[ins->arg_count++] = v;
}

static void
add_values(reader *r, tn_ins *ins)
{
    do
        add_value(r, ins);
    while (tn_tp_accept(words(r), ","));
}

/* "%12: " defines value 12. */
static void
define(reader *r, int64_t number, tn_ins *ins)
{
    if (number < 0 || number > NUMBER_LIMIT) {
        tn_tp_fail(words(r), "%lld cannot be the number of a value", (long long)number);
        return;
    }
    while (r->values.count <= (uint32_t)number)
        tn_push(in_arena(r), &r->values, NULL);
    if (r->values.at[number])
        tn_tp_fail(words(r), "%%%lld is defined twice", (long long)number);
    r->values.at[number] = ins;
}

/* ---- parts of instructions ---- */

static void
read_cell(reader *r, tn_ins *ins)
{
    tn_tparse *w = words(r);
    const char *name = read_name(r, "a cell");
    ins->cell = tn_map_get(&r->cells, name);
    if (!ins->cell)
        tn_tp_unknown(w, "there is no cell", name);
    while (tn_tp_accept(w, "[")) {
        add_value(r, ins);
        tn_tp_expect(w, "]");
    }
}

/* "x[%1]", "x[%1 + %2]" */
static void
read_place(reader *r, tn_ins *ins, bool list)
{
    tn_tparse *w = words(r);
    const char *name = read_name(r, "a buffer");
    ins->mem = tn_map_get(&r->mems, name);
    if (!ins->mem)
        tn_tp_unknown(w, "there is no buffer", name);
    tn_tp_expect(w, "[");
    add_value(r, ins);
    if (list) {
        tn_tp_expect(w, "+");
        add_value(r, ins);
    }
    tn_tp_expect(w, "]");
}

static void
read_mask(reader *r, tn_ins *ins, bool other)
{
    if (!tn_tp_accept(words(r), "where"))
        return;
    add_value(r, ins);
    if (other) {
        tn_tp_expect(words(r), "else");
        read_number(r, ins->type.dtype, &ins->other, &ins->real);
    }
}

static tn_fn
read_fn(reader *r)
{
    const char *name = tn_tp_name(words(r), "a function");
    tn_fn fn = tn_fn_find(name, strlen(name));
    if (fn == TN_FN_COUNT)
        tn_tp_unknown(words(r), "there is no function", name);
    return r->words.failed ? TN_FN_add : fn;
}

/* ---- instructions ---- */

static void
read_value_operands(reader *r, tn_ins *ins)
{
    tn_tparse *w = words(r);
    switch (ins->op) {
    case TN_K_get: read_cell(r, ins); break;
    case TN_K_load:
    case TN_K_gather:
        read_place(r, ins, ins->op == TN_K_gather);
        read_mask(r, ins, true);
        break;
    case TN_K_across:
        ins->fn = read_fn(r);
        add_value(r, ins);
        break;
    case TN_K_extract:
        add_value(r, ins);
        tn_tp_expect(w, ",");
        ins->whole = tn_tp_whole(w);
        break;
    case TN_K_lanes: break;
    default: add_values(r, ins);
    }
}

/* What gives a value and is named by its row. */
static bool
gives_value(tn_kop op)
{
    return op == TN_K_get || op == TN_K_load || op == TN_K_gather || op == TN_K_splat ||
        op == TN_K_lanes || op == TN_K_below || op == TN_K_extract || op == TN_K_across;
}

static void
read_definition(reader *r)
{
    tn_tparse *w = words(r);
    int64_t number = tn_tp_whole(w);
    tn_tp_expect(w, ":");
    tn_ktype type = read_type(r);
    tn_tp_expect(w, "=");
    const char *name = tn_tp_name(w, "an instruction");
    tn_kop op = tn_kop_find(name, strlen(name));
    tn_fn fn = tn_fn_find(name, strlen(name));
    if (fn == TN_FN_COUNT && (op == TN_K_COUNT || !gives_value(op))) {
        tn_tp_unknown(w, "no instruction with a value is called", name);
        return;
    }
    tn_ins *ins = tn_ins_new(r->k, fn != TN_FN_COUNT ? TN_K_fn : op, type);
    ins->fn = fn != TN_FN_COUNT ? fn : TN_FN_add;
    read_value_operands(r, ins);
    tn_kblock_append(r->k, r->cur, ins);
    define(r, number, ins);
}

static void
read_local(reader *r, tn_ins *ins)
{
    tn_tparse *w = words(r);
    const char *name = read_name(r, "a name");
    tn_tp_expect(w, ":");
    tn_dtype dtype = read_type(r).dtype;
    ins->mem = tn_kmem_new(r->k, name, dtype, TN_SPACE_LOCAL);
    tn_map_put(&r->mems, name, ins->mem);
    tn_tp_expect(w, "[");
    add_value(r, ins);
    tn_tp_expect(w, "]");
}

static void
read_cell_declaration(reader *r, tn_ins *ins)
{
    tn_tparse *w = words(r);
    const char *name = read_name(r, "a name");
    tn_tp_expect(w, ":");
    tn_kcell *cell = tn_kcell_new(r->k, name, read_type(r));
    tn_map_put(&r->cells, name, cell);
    ins->cell = cell;
    while (tn_tp_accept(w, "[")) {
        int64_t dim = tn_tp_whole(w);
        if (cell->rank == TN_CELL_RANK || dim < 1 || dim > UINT16_MAX)
            tn_tp_fail(w, "bad dimension of a cell");
        else
            cell->dim[cell->rank++] = (uint16_t)dim;
        tn_tp_expect(w, "]");
    }
    cell->per_lane = tn_tp_accept(w, "per_lane");
}

static void
read_action_operands(reader *r, tn_ins *ins)
{
    tn_tparse *w = words(r);
    switch (ins->op) {
    case TN_K_cell: read_cell_declaration(r, ins); break;
    case TN_K_local: read_local(r, ins); break;
    case TN_K_set: {
        tn_ins at = {0};
        read_cell(r, &at);
        ins->cell = at.cell;
        tn_tp_expect(w, ",");
        add_value(r, ins);
        for (int i = 0; i < at.arg_count && i < TN_CELL_RANK; i++)
            ins->arg[ins->arg_count++] = at.arg[i];
        break;
    }
    case TN_K_store:
    case TN_K_scatter:
        read_place(r, ins, ins->op == TN_K_scatter);
        tn_tp_expect(w, ",");
        add_value(r, ins);
        read_mask(r, ins, false);
        break;
    case TN_K_prefetch: read_place(r, ins, false); break;
    case TN_K_sg_reduce:
        ins->fn = read_fn(r);
        read_cell(r, ins);
        break;
    case TN_K_check:
        ins->whole = tn_tp_whole(w);
        tn_tp_expect(w, ",");
        add_values(r, ins);
        break;
    default: break;
    }
}

static void
read_action(reader *r)
{
    const char *name = tn_tp_name(words(r), "an instruction");
    tn_kop op = tn_kop_find(name, strlen(name));
    bool action = op == TN_K_cell || op == TN_K_local || op == TN_K_set || op == TN_K_store ||
        op == TN_K_scatter || op == TN_K_barrier || op == TN_K_sg_reduce || op == TN_K_check ||
        op == TN_K_prefetch;
    if (!action) {
        tn_tp_unknown(words(r), "there is no instruction", name);
        return;
    }
    tn_ins *ins = tn_ins_new(r->k, op, (tn_ktype){TN_BOOL, 0});
    read_action_operands(r, ins);
    tn_kblock_append(r->k, r->cur, ins);
}

/* ---- loops and conditions ---- */

static void read_block(reader *r);

static void
read_body(reader *r, tn_ins *owner, tn_kblock **body)
{
    tn_kblock *outer = r->cur;
    *body = tn_kblock_new(in_arena(r), outer, owner);
    if ((*body)->depth > TN_KERNEL_NESTING) {
        tn_tp_fail(words(r), "nested too deep");
        return;
    }
    r->cur = *body;
    tn_tp_expect(words(r), "{");
    read_block(r);
    tn_tp_expect(words(r), "}");
    r->cur = outer;
}

static void
read_loop(reader *r, tn_loop_kind kind)
{
    tn_tparse *w = words(r);
    tn_tp_next(w);
    tn_ins *ins = tn_ins_new(r->k, TN_K_loop, (tn_ktype){r->k->index, 1});
    ins->loop = kind;
    ins->whole = 1;
    if (!tn_tp_is(w, "%"))
        ins->name = read_name(r, "a name");
    tn_tp_expect(w, "%");
    int64_t number = tn_tp_whole(w);
    tn_tp_expect(w, ":");
    add_value(r, ins);
    tn_tp_expect(w, "..");
    add_value(r, ins);
    if (tn_tp_accept(w, "step"))
        ins->whole = tn_tp_whole(w);
    tn_kblock_append(r->k, r->cur, ins);
    define(r, number, ins);
    read_body(r, ins, &ins->body);
}

static void
read_if(reader *r)
{
    tn_ins *ins = tn_ins_new(r->k, TN_K_if, (tn_ktype){TN_BOOL, 0});
    add_value(r, ins);
    tn_kblock_append(r->k, r->cur, ins);
    read_body(r, ins, &ins->body);
    if (tn_tp_accept(words(r), "else"))
        read_body(r, ins, &ins->orelse);
}

static void
read_block(reader *r)
{
    static const char *const kinds[] = {"grid", "team", "lane", "serial", "unroll"};
    tn_tparse *w = words(r);
    while (!w->failed && !tn_tp_is(w, "}") && w->lex.word != TN_WORD_END) {
        int kind = 0;
        while (kind <= TN_LOOP_UNROLL && !tn_tp_is(w, kinds[kind]))
            kind++;
        if (kind <= TN_LOOP_UNROLL)
            read_loop(r, (tn_loop_kind)kind);
        else if (tn_tp_accept(w, "if"))
            read_if(r);
        else if (tn_tp_accept(w, "%"))
            read_definition(r);
        else
            read_action(r);
    }
}

/* ---- the kernel ---- */

static void
read_size(reader *r)
{
    tn_ksize size = {.name = read_name(r, "a name")};
    size.low = tn_tp_whole(words(r));
    tn_tp_expect(words(r), "..");
    size.high = tn_tp_whole(words(r));
    tn_push(in_arena(r), &r->k->sizes, size);
}

static void
read_global(reader *r)
{
    const char *name = read_name(r, "a name");
    tn_tp_expect(words(r), ":");
    tn_dtype dtype = read_type(r).dtype;
    tn_kmem *mem = tn_kmem_new(r->k, name, dtype, TN_SPACE_GLOBAL);
    tn_map_put(&r->mems, name, mem);
    mem->read = tn_tp_accept(words(r), "read");
    mem->written = tn_tp_accept(words(r), "write");
}

static void
read_header(reader *r)
{
    tn_tparse *w = words(r);
    tn_tp_expect(w, "kernel");
    const char *name = read_name(r, "a name");
    r->k = tn_kernel_new(w->arena, name, read_type(r).dtype);
    r->cur = r->k->root;
    r->k->exact = tn_tp_accept(w, "exact");
    if (tn_tp_accept(w, "lanes"))
        r->k->lanes = (uint32_t)tn_tp_whole(w);
    if (tn_tp_accept(w, "team"))
        r->k->team = (uint32_t)tn_tp_whole(w);
    tn_tp_expect(w, "{");
    while (tn_tp_accept(w, "size"))
        read_size(r);
    while (tn_tp_accept(w, "global"))
        read_global(r);
    while (tn_tp_accept(w, "site")) {
        tn_ksite site = {.what = tn_tp_string(w)};
        tn_push(w->arena, &r->k->sites, site);
    }
}

static void
number_block(tn_kernel *k, const tn_kblock *block)
{
    for (uint32_t i = 0; i < block->ins.count; i++) {
        tn_ins *ins = block->ins.at[i];
        ins->id = k->ins_count++;
        if (ins->body)
            number_block(k, ins->body);
        if (ins->orelse)
            number_block(k, ins->orelse);
    }
}

/* Puts constants and sizes in front and numbers all in program order. */
static void
settle(reader *r)
{
    tn_kblock *root = r->k->root;
    for (uint32_t i = 0; i < root->ins.count; i++)
        tn_push(in_arena(r), &r->first, root->ins.at[i]);
    root->ins.at = r->first.at;
    root->ins.count = r->first.count;
    root->ins.room = r->first.room;
    r->k->ins_count = 0;
    number_block(r->k, root);
}

tn_status
tn_kernel_parse(tn_arena *arena, tn_diag *diag, const char *place, const char *text,
    tn_kernel **out)
{
    reader *r = tn_new(arena, reader);
    tn_tparse *w = words(r);
    r->mems.arena = r->cells.arena = arena;
    *w = (tn_tparse){.arena = arena, .diag = diag, .place = place, .text = text};
    w->lex.at = text;
    tn_tp_next(w);
    read_header(r);
    if (!w->failed)
        read_block(r);
    tn_tp_expect(w, "}");
    if (!w->failed && w->lex.word != TN_WORD_END)
        tn_tp_fail(w, "text after the kernel");
    if (w->failed)
        return TN_MALFORMED;
    settle(r);
    if (tn_kernel_verify(r->k, diag) != TN_OK)
        return tn_fail(diag, TN_MALFORMED, "%s: the kernel does not verify", place);
    if (!tn_kernel_formulas(r->k))
        return tn_fail(diag, TN_MALFORMED, "%s: its sizes are no formulas", place);
    *out = r->k;
    return TN_OK;
}
