/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/graph_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

typedef struct job {
    tn_fixture *f;
    void (*body)(tn_fixture *f);
} job;

static void
add_symbol(tn_fixture *f, const char *name, int64_t low, int64_t high, bool scalar)
{
    tn_symbol s = {.name = name, .low = low, .high = high, .multiple = 1, .scalar = scalar};

    tn_sizes_add(f->sizes, &s);
}

static tn_status
run(void *arg)
{
    job *j = arg;
    tn_fixture *f = j->f;

    f->module = tn_module_create(f->arena, "fixture.json");
    f->sizes = tn_sizes_create(f->arena);
    add_symbol(f, "B", 1, 64, false);
    add_symbol(f, "T", 0, 128, false);
    add_symbol(f, "C", 16, 16, false);
    add_symbol(f, "past", 0, 15, true);
    f->g = tn_graph_create(f->module, "main", f->sizes);
    j->body(f);
    return TN_OK;
}

tn_status
tn_fixture_run(void (*body)(tn_fixture *f))
{
    tn_fixture f = {.arena = tn_arena_create(tn_alloc_system(), 0)};
    job j = {.f = &f, .body = body};
    tn_status status;

    tn_diag_init(&f.diag, tn_alloc_system());
    status = tn_arena_guard(f.arena, run, &j);
    tn_diag_clear(&f.diag);
    tn_arena_destroy(f.arena);
    return status;
}

static tn_size
term(tn_fixture *f, const char **at)
{
    const char *c = *at;
    char name[16] = {0};
    int length = 0;

    if (*c == '-' || (*c >= '0' && *c <= '9')) {
        int64_t n = strtoll(c, (char **)(uintptr_t)at, 10);

        return tn_size_int(f->sizes, n);
    }
    while (((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')) && length < 15)
        name[length++] = *c++;
    *at = c;
    return tn_size_symbol(f->sizes, tn_sizes_find(f->sizes, name));
}

static tn_size
product(tn_fixture *f, const char **at)
{
    tn_size s = term(f, at);

    while (**at == '*') {
        tn_size t;

        ++*at;
        t = term(f, at);
        s = tn_size_mul(f->sizes, s, t);
    }
    return s;
}

static tn_size
sum(tn_fixture *f, const char **at)
{
    tn_size s = product(f, at);

    while (**at == '+' || **at == '-') {
        bool minus = *(*at)++ == '-';
        tn_size t = product(f, at);

        s = minus ? tn_size_sub(f->sizes, s, t) : tn_size_add(f->sizes, s, t);
    }
    return s;
}

tn_size
tn_fixture_size(tn_fixture *f, const char *text)
{
    return sum(f, &text);
}

static int
sizes_of(tn_fixture *f, const char **at, tn_size *out, int room)
{
    int count = 0;

    ++*at;
    while (**at != ']' && count < room) {
        out[count++] = sum(f, at);
        if (**at == ',')
            ++*at;
    }
    ++*at;
    return count;
}

static tn_type
type_of(tn_fixture *f, const char **at)
{
    const char *bracket = strchr(*at, '[');
    tn_type type = {.dtype = tn_dtype_find(*at, (size_t)(bracket - *at))};

    *at = bracket;
    type.rank = sizes_of(f, at, type.dim, TN_MAX_RANK);
    return type;
}

tn_type
tn_fixture_type(tn_fixture *f, const char *text)
{
    return type_of(f, &text);
}

tn_value *
tn_fixture_input(tn_fixture *f, const char *name, const char *type)
{
    return tn_graph_input(f->g, name, tn_fixture_type(f, type));
}

static tn_op *
make(tn_fixture *f, tn_opcode code, int count, va_list args)
{
    tn_value *in[16];
    tn_op *op;

    for (int i = 0; i < count; i++)
        in[i] = va_arg(args, tn_value *);
    op = tn_op_create(f->g->block, NULL, code, in, count);
    op->path = tn_arena_printf(f->arena, "nodes[%d]", f->nodes++);
    return op;
}

tn_op *
tn_fixture_op(tn_fixture *f, tn_opcode code, int count, ...)
{
    va_list args;
    tn_op *op;

    va_start(args, count);
    op = make(f, code, count, args);
    va_end(args);
    return op;
}

static int
numbers_of(const char **at, double *out, int room)
{
    int count = 0;
    bool list = **at == '[';

    *at += list;
    while (**at && **at != ']' && **at != ' ' && count < room) {
        if (strncmp(*at, "true", 4) == 0 || strncmp(*at, "false", 5) == 0) {
            out[count++] = **at == 't';
            *at += **at == 't' ? 4 : 5;
        } else {
            out[count++] = tn_double_read(*at, at);
        }
        if (**at == ',')
            ++*at;
    }
    *at += list;
    return count;
}

static tn_number
number_of(double value)
{
    if (value == (double)(int64_t)value && (value != 0 || 1 / value > 0))
        return tn_number_int((int64_t)value);
    return tn_number_real(value);
}

static void
set_numbers(tn_op *op, int attr, const char **at)
{
    bool truth =
        **at == 't' || **at == 'f' || strncmp(*at, "[t", 2) == 0 || strncmp(*at, "[f", 2) == 0;
    double values[256];
    tn_number numbers[256];
    int count = numbers_of(at, values, 256);

    for (int i = 0; i < count; i++) {
        numbers[i] = number_of(values[i]);
        if (truth)
            numbers[i].kind = TN_NUMBER_BOOL;
    }
    tn_op_set_numbers(op, attr, numbers, count);
}

static void
set_ints(tn_op *op, int attr, const char **at)
{
    double values[32];
    int64_t ints[32];
    int count = numbers_of(at, values, 32);

    for (int i = 0; i < count; i++)
        ints[i] = (int64_t)values[i];
    tn_op_set_ints(op, attr, ints, count);
}

static void
set_word(tn_fixture *f, tn_op *op, int attr, const char **at)
{
    size_t length = strcspn(*at, " ");
    const char *word = tn_arena_copy(f->arena, *at, length);

    *at += length;
    if (op->attr[attr].kind == TN_KIND_DTYPE)
        tn_op_set_dtype(op, attr, tn_dtype_find(word, length));
    else
        tn_op_set_text(op, attr, word);
}

static void
set_sizes(tn_fixture *f, tn_op *op, int attr, const char **at)
{
    tn_size sizes[32];
    int count = 1;

    if (**at == '[')
        count = sizes_of(f, at, sizes, 32);
    else
        sizes[0] = sum(f, at);
    tn_op_set_sizes(op, attr, sizes, count);
}

static void
set_attr(tn_fixture *f, tn_op *op, int attr, const char **at)
{
    switch (op->attr[attr].kind) {
    case TN_KIND_INT:
    case TN_KIND_INTS:
    case TN_KIND_PADS:
    case TN_KIND_BOOL: set_ints(op, attr, at); break;
    case TN_KIND_DTYPE:
    case TN_KIND_CHOICE:
    case TN_KIND_LABELS:
    case TN_KIND_TEXT: set_word(f, op, attr, at); break;
    case TN_KIND_REAL:
    case TN_KIND_NUMBER:
    case TN_KIND_NUMBERS: set_numbers(op, attr, at); break;
    case TN_KIND_SIZE:
    case TN_KIND_SIZES:
    case TN_KIND_SHAPE:
    case TN_KIND_PLACE: set_sizes(f, op, attr, at); break;
    case TN_KIND_TYPE: tn_op_set_type(op, attr, type_of(f, at)); break;
    }
}

void
tn_fixture_attrs(tn_fixture *f, tn_op *op, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "=");
        const char *name = tn_arena_copy(f->arena, text, length);
        int attr = tn_op_find_attr(op->code, name);

        if (!TN_CHECK(attr >= 0)) {
            tn_test_note("no attribute %s", name);
            return;
        }
        text += length + 1;
        set_attr(f, op, attr, &text);
        text += strspn(text, " ");
    }
}

const char *
tn_fixture_infer(tn_fixture *f, tn_op *op)
{
    tn_text out = {.arena = f->arena};
    size_t before = tn_diag_count(&f->diag);

    if (tn_op_infer(op, &f->diag) != TN_OK)
        return tn_arena_printf(f->arena, "%s",
            tn_diag_count(&f->diag) > before ? tn_diag_text(&f->diag, before) : "no message");
    for (int i = 0; i < op->out_count; i++) {
        if (i)
            tn_text_add(&out, " ");
        tn_type_print(&out, f->sizes, &op->out[i]->type);
    }
    return out.at ? out.at : "";
}

const char *
tn_fixture_try(tn_fixture *f, tn_opcode code, const char *attrs, int count, ...)
{
    va_list args;
    tn_op *op;

    va_start(args, count);
    op = make(f, code, count, args);
    va_end(args);
    tn_fixture_attrs(f, op, attrs);
    return tn_fixture_infer(f, op);
}
