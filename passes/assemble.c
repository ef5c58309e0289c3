/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/assemble.h"

#include <string.h>

#include "passes/assemble_in.h"
#include "passes/schedule/schedule.h"

typedef struct assembly {
    tn_arena *arena;
    tn_diag *diag;
    tn_graph *g;
    const tn_target *target;
    tn_packed_list *packed;
    tn_plan *plan;
    int32_t *of_value; /* value id -> buffer, -1 */
    tn_value **owner;  /* value id -> the value whose memory it shares, NULL */
    tn_value **updated; /* value id -> the value whose memory it is stored into, NULL */
    TN_VEC(uint32_t) loops; /* steps of the loops that are open */
    int32_t part; /* of `lowered` that is being added */
} assembly;

enum { SITES_OF_A_BINDING = 256 / 16 };

static const tn_formula none;

static tn_formula
formula(assembly *a, tn_size size)
{
    return tn_size_formula(a->arena, size);
}

static tn_size
integer(assembly *a, int64_t value)
{
    return tn_size_int(a->g->sizes, value);
}

/* ---- what holds of the entry as a whole ---- */

static void
add_symbols(assembly *a)
{
    tn_sizes *s = a->g->sizes;

    for (int i = 0; i < tn_sizes_count(s); i++) {
        const tn_symbol *from = tn_sizes_symbol(s, i);
        tn_plan_symbol to = {
            .name = from->name,
            .low = from->low,
            .high = from->high,
            .multiple = from->multiple,
            .sample = from->sample,
            .input = -1,
        };

        for (uint32_t n = 0; n < a->g->inputs.count; n++)
            if (a->g->inputs.at[n].symbol == i)
                to.input = (int32_t)n;
        tn_push(a->arena, &a->plan->symbols, to);
    }
}

static void
add_facts(assembly *a)
{
    for (uint32_t i = 0; i < a->g->facts.count; i++) {
        const tn_fact *from = &a->g->facts.at[i];
        tn_plan_fact to = {.op = (uint32_t)from->op, .what = from->what};

        to.left = formula(a, from->left);
        to.right = formula(a, from->right);
        tn_push(a->arena, &a->plan->facts, to);
    }
}

/* ---- buffers ---- */

static uint32_t
add_buffer(assembly *a, const tn_plan_buffer *b)
{
    tn_push(a->arena, &a->plan->buffers, *b);
    return a->plan->buffers.count - 1;
}

/* Memory for the elements of a type, in any layout that does not pad. */
static tn_plan_buffer
shaped(assembly *a, const tn_value *v, tn_plan_use use)
{
    tn_plan_buffer b = {
        .use = use,
        .name = v->name ? v->name : "",
        .dtype = v->type.dtype,
        .rank = v->type.rank,
        .number = -1,
        .same_as = -1,
        .first = -1,
        .last = -1,
    };
    tn_size bytes = integer(a, tn_dtype_bytes(v->type.dtype));

    for (int i = 0; i < v->type.rank; i++) {
        b.dim[i] = formula(a, v->type.dim[i]);
        bytes = tn_size_mul(a->g->sizes, bytes, v->type.dim[i]);
    }
    b.bytes = formula(a, bytes);
    return b;
}

static int32_t
packed_number(assembly *a, tn_weight *w, const tn_layout *layout)
{
    for (uint32_t i = 0; i < a->packed->at.count; i++) {
        const tn_packed *p = &a->packed->at.at[i];

        if (p->weight == w && p->layout.kind == layout->kind && p->layout.n == layout->n &&
            !memcmp(p->layout.perm, layout->perm, sizeof layout->perm))
            return (int32_t)i;
    }
    tn_push(a->arena, &a->packed->at, ((tn_packed){w, *layout}));
    return (int32_t)a->packed->at.count - 1;
}

static uint32_t
weight_buffer(assembly *a, const tn_value *v, const tn_layout *layout)
{
    int32_t number = packed_number(a, v->weight, layout);
    tn_plan_buffer b;
    int64_t dim[TN_MAX_RANK];

    for (uint32_t i = 0; i < a->plan->buffers.count; i++)
        if (a->plan->buffers.at[i].use == TN_USE_WEIGHT && a->plan->buffers.at[i].number == number)
            return i;
    b = shaped(a, v, TN_USE_WEIGHT);
    for (int i = 0; i < v->type.rank; i++)
        tn_size_is_int(v->type.dim[i], &dim[i]);
    b.number = number;
    b.layout = (uint32_t)layout->kind;
    b.layout_n = layout->n;
    b.bytes = formula(a, integer(a, tn_layout_bytes(layout, v->type.dtype, v->type.rank, dim)));
    return add_buffer(a, &b);
}

static bool
is_constant(const tn_value *v)
{
    return v->kind == TN_VALUE_RESULT && v->def->code == TN_OP_constant;
}

/* The elements of a `constant` op in memory. */
static tn_span
constant_bytes(assembly *a, const tn_value *v)
{
    const tn_attr *data = &v->def->attr[TN_ATTR_constant_data];
    size_t size = (size_t)tn_dtype_bytes(v->type.dtype);
    uint8_t *at = tn_arena_array(a->arena, (size_t)data->count + 1, size);

    for (int i = 0; i < data->count; i++) {
        int64_t whole = 0;

        if (tn_is_float(v->type.dtype))
            tn_store_double(v->type.dtype, at + (size_t)i * size, data->numbers[i].real);
        else if (tn_number_is_int(&data->numbers[i], &whole) ||
            data->numbers[i].kind == TN_NUMBER_BOOL)
            tn_store_int(v->type.dtype, at + (size_t)i * size,
                data->numbers[i].kind == TN_NUMBER_BOOL ? data->numbers[i].num : whole);
    }
    return (tn_span){at, (size_t)data->count * size};
}

static uint32_t
new_buffer(assembly *a, const tn_value *v)
{
    tn_plan_buffer b;

    switch (v->kind) {
    case TN_VALUE_INPUT:
        b = shaped(a, v, TN_USE_INPUT);
        b.number = v->index;
        break;
    case TN_VALUE_STATE:
        b = shaped(a, v, TN_USE_STATE);
        b.number = (int32_t)v->state->id;
        break;
    case TN_VALUE_LITERAL:
        b = shaped(a, v, TN_USE_SCALAR);
        b.scalar = v->number;
        break;
    default:
        b = shaped(a, v, is_constant(v) ? TN_USE_CONST : TN_USE_TEMP);
        if (is_constant(v))
            b.constant = constant_bytes(a, v);
        break;
    }
    return add_buffer(a, &b);
}

static uint32_t buffer_of(assembly *a, const tn_value *v, const tn_layout *layout);

/* What a state, or what a loop carries, holds once rows have been stored in
 * it: the same memory under another number, so that the plan says which of the
 * two a step reads. */
static uint32_t
new_version(assembly *a, const tn_value *v)
{
    uint32_t owner = buffer_of(a, a->updated[v->id], NULL);
    tn_plan_buffer b = shaped(a, v, a->plan->buffers.at[owner].use);

    b.number = a->plan->buffers.at[owner].number;
    b.same_as = (int32_t)owner;
    return add_buffer(a, &b);
}

static uint32_t
buffer_of(assembly *a, const tn_value *v, const tn_layout *layout)
{
    static const tn_layout rows;

    if (v->kind == TN_VALUE_WEIGHT)
        return weight_buffer(a, v, layout ? layout : &rows);
    if (a->owner[v->id])
        v = a->owner[v->id];
    if (a->of_value[v->id] < 0)
        a->of_value[v->id] = (int32_t)(a->updated[v->id] ? new_version(a, v) : new_buffer(a, v));
    return (uint32_t)a->of_value[v->id];
}

/* ---- steps ---- */

/* `f` over tile sizes becomes a formula over symbols: each symbol's place is
 * taken by the code that computes it. */
static tn_formula
substitute(assembly *a, tn_formula f, const tn_lowered *l)
{
    tn_writer w = {.arena = a->arena};

    for (uint32_t i = 0; i < f.bytes;) {
        uint8_t op = f.code[i];
        uint32_t length = op == TN_FORMULA_INT ? 9 : op == TN_FORMULA_SYMBOL ? 3 : 1;

        if (op == TN_FORMULA_SYMBOL) {
            tn_formula by =
                formula(a, l->sizes.at[(uint32_t)f.code[i + 1] | (uint32_t)f.code[i + 2] << 8]);

            tn_write(&w, by.code, by.bytes);
        } else {
            tn_write(&w, f.code + i, length);
        }
        i += length;
    }
    return (tn_formula){w.at, (uint32_t)w.bytes};
}

/* Names that differ from layer to layer leave the kernel, so that equal
 * kernels are equal bytes. */
static tn_span
kernel_bytes(assembly *a, tn_kernel *k, const char *family)
{
    tn_writer w = {.arena = a->arena};

    k->name = family;
    for (uint32_t i = 0; i < k->globals.count; i++)
        k->globals.at[i]->name = tn_arena_printf(a->arena, "b%u", i);
    for (uint32_t i = 0; i < k->sizes.count; i++)
        k->sizes.at[i].name = tn_arena_printf(a->arena, "n%u", i);
    for (uint32_t i = 0; i < k->sites.count; i++)
        k->sites.at[i].what = tn_arena_printf(a->arena, "s%u", i);
    tn_kernel_encode(&w, k);
    return tn_writer_span(&w);
}

static int32_t
add_kernel(assembly *a, tn_kernel *k, const char *family, const char *choice)
{
    tn_plan_kernel made = {
        .name = family,
        .lane = kernel_bytes(a, k, family),
        .choice = choice,
        .tasks = k->tasks,
        .scratch = k->scratch,
        .size_count = k->sizes.count,
        .binding_count = k->globals.count,
        .site_count = k->sites.count,
    };

    for (uint32_t i = 0; i < a->plan->kernels.count; i++) {
        const tn_plan_kernel *o = &a->plan->kernels.at[i];

        if (o->lane.bytes == made.lane.bytes && !memcmp(o->lane.at, made.lane.at, made.lane.bytes))
            return (int32_t)i;
    }
    tn_push(a->arena, &a->plan->kernels, made);
    return (int32_t)a->plan->kernels.count - 1;
}

static const char *
step_name(assembly *a, const tn_lowered *l)
{
    const tn_op *last = l->ops.count ? l->ops.at[l->ops.count - 1] : NULL;

    return last && last->out_count && last->out[0]->name
        ? tn_arena_printf(a->arena, "%s %s", l->family, last->out[0]->name)
        : l->family;
}

static int32_t
input_of(const tn_value *v)
{
    return v && v->kind == TN_VALUE_INPUT ? v->index : -1;
}

/* Check sites of a launch: a schedule may write a check in several places,
 * each under the name it has in the tile program. */
static int32_t
add_sites(assembly *a, const tn_lowered *l, const tn_kernel *k)
{
    int32_t first;

    /* Status words are bound like buffers, at multiples of 256 bytes. */
    while (k->sites.count && a->plan->sites.count % SITES_OF_A_BINDING)
        tn_push(a->arena, &a->plan->sites, ((tn_plan_site){.what = "", .input = -1}));
    first = (int32_t)a->plan->sites.count;
    for (uint32_t i = 0; i < k->sites.count; i++) {
        tn_plan_site site = {.what = k->sites.at[i].what, .input = -1};

        for (uint32_t j = 0; j < l->sites.count; j++)
            if (!strcmp(l->tile->sites.at[j], site.what)) {
                site.input = input_of(l->sites.at[j].data);
                site.what = l->sites.at[j].what;
                site.extent = l->sites.at[j].extent ? formula(a, l->sites.at[j].extent) : none;
                break;
            }
        tn_push(a->arena, &a->plan->sites, site);
    }
    return k->sites.count ? first : -1;
}

static const tn_tbuf *
tile_buffer(const tn_lowered *l, uint32_t number)
{
    for (uint32_t n = 0; n <= l->beside.count; n++) {
        const tn_tile *t = n ? l->beside.at[n - 1] : l->tile;

        for (uint32_t i = 0; i < t->bufs.count && !t->bufs.at[i]->local; i++)
            if (number-- == 0)
                return t->bufs.at[i];
    }
    return NULL;
}

static void
add_launch(assembly *a, const tn_lowered *l, const tn_launch *launch, const tn_launches *all,
    const uint32_t *scratch)
{
    tn_plan_step step = {.kind = TN_STEP_LAUNCH, .family = l->family, .part = a->part};
    tn_text choice = {.arena = a->arena};

    tn_choice_print(&choice, &all->choice);
    step.name = step_name(a, l);
    step.first_site = add_sites(a, l, launch->kernel);
    step.kernel = add_kernel(a, launch->kernel, l->family, choice.at ? choice.at : "");
    for (uint32_t i = 0; i < launch->bindings.count; i++) {
        const tn_launch_binding *b = &launch->bindings.at[i];
        uint32_t buffer = b->scratch
            ? scratch[b->index]
            : buffer_of(a, l->buffers.at[b->index], &tile_buffer(l, b->index)->layout);
        bool written = launch->kernel->globals.at[i]->written;

        tn_push(a->arena, &step.buffers, buffer);
        tn_push(a->arena, &step.writes, written);
    }
    for (uint32_t i = 0; i < launch->sizes.count; i++) {
        tn_formula f = formula(a, l->sizes.at[launch->sizes.at[i]]);

        tn_push(a->arena, &step.sizes, f);
    }
    step.flops = substitute(a, launch->flops, l);
    step.bytes = substitute(a, launch->bytes, l);
    for (uint32_t i = 0; i < l->ops.count; i++)
        tn_push(a->arena, &step.ops, l->ops.at[i]->path);
    tn_push(a->arena, &a->plan->steps, step);
}

static tn_status
add_lowered(assembly *a, const tn_lowered *l)
{
    tn_launches launches = {0};
    const tn_tile *tiles[TN_BESIDE] = {l->tile};
    uint32_t *scratch;

    for (uint32_t i = 0; i < l->beside.count; i++)
        tiles[i + 1] = l->beside.at[i];
    TN_TRY(tn_schedule_beside(a->arena, a->diag, tiles, l->beside.count + 1, a->target, &launches));
    scratch = tn_new_array(a->arena, uint32_t, launches.scratch.count + 1);
    for (uint32_t i = 0; i < launches.scratch.count; i++) {
        tn_plan_buffer b = {.use = TN_USE_TEMP,
            .name = "scratch",
            .dtype = TN_U8,
            .rank = 0,
            .number = -1,
            .same_as = -1,
            .first = -1,
            .last = -1};

        b.bytes = substitute(a, launches.scratch.at[i], l);
        scratch[i] = add_buffer(a, &b);
    }
    for (uint32_t i = 0; i < launches.list.count; i++)
        add_launch(a, l, &launches.list.at[i], &launches, scratch);
    return TN_OK;
}

/* ---- loops ---- */

enum { ROUNDS_AT_ONCE = 16 };

static tn_plan_step
marker(tn_step_kind kind, const char *name)
{
    return (tn_plan_step){
        .kind = kind, .name = name, .family = name, .kernel = -1, .first_site = -1, .part = -1};
}

static bool
is_named_before(const tn_plan *p, uint32_t step, uint32_t owner)
{
    for (uint32_t s = 0; s < step; s++)
        for (uint32_t i = 0; i < p->steps.at[s].buffers.count; i++)
            if (tn_plan_owner(p, p->steps.at[s].buffers.at[i]) == owner)
                return true;
    return false;
}

/* True if the step stores into memory that outlives a round of the loop at
 * `loop`, in place: a round too many would do so too. */
static bool
stores_for_good(const tn_plan *p, uint32_t loop, const tn_plan_step *step)
{
    for (uint32_t i = 0; i < step->buffers.count; i++) {
        int32_t owner = p->buffers.at[step->buffers.at[i]].same_as;

        if (step->writes.at[i] && owner >= 0 && is_named_before(p, loop, (uint32_t)owner))
            return true;
    }
    return false;
}

/* Behind a check a round too many could fail where none should have run; a
 * CPU looks at no cost. */
static void
close_loop(assembly *a)
{
    uint32_t at = a->loops.at[--a->loops.count], count = a->plan->steps.count;
    tn_plan_step *loop = &a->plan->steps.at[at];

    loop->length = count - at - 1;
    if (loop->chunk == 0)
        loop->chunk = a->target->gpu ? ROUNDS_AT_ONCE : 1;
    for (uint32_t s = at + 1; s < count; s++)
        if (a->plan->steps.at[s].first_site >= 0 ||
            stores_for_good(a->plan, at, &a->plan->steps.at[s]))
            loop->chunk = 1;
}

static tn_status
add_mark(assembly *a, const tn_lowered_mark *m)
{
    tn_plan_step step = marker(m->kind == TN_MARK_LOOP ? TN_STEP_LOOP : TN_STEP_TEST,
        m->counted ? "scan" : "while");

    if (m->kind == TN_MARK_END) {
        close_loop(a);
        return TN_OK;
    }
    if (m->kind == TN_MARK_LOOP && a->loops.count == TN_PLAN_LOOPS)
        return tn_fail(a->diag, TN_LIMIT, "entry %s: more than %d loops inside one another",
            a->g->name, TN_PLAN_LOOPS);
    if (m->kind == TN_MARK_LOOP) {
        tn_formula limit = formula(a, m->limit);

        step.chunk = m->counted;
        tn_push(a->arena, &a->loops, a->plan->steps.count);
        tn_push(a->arena, &step.sizes, limit);
    } else {
        uint32_t go = buffer_of(a, m->go, NULL);

        tn_push(a->arena, &step.buffers, go);
        tn_push(a->arena, &step.writes, false);
    }
    tn_push(a->arena, &a->plan->steps, step);
    return TN_OK;
}

static tn_status
add_all_lowered(assembly *a, const tn_lowered_list *lowered)
{
    uint32_t m = 0;

    for (uint32_t i = 0; i <= lowered->at.count; i++) {
        for (; m < lowered->marks.count && lowered->marks.at[m].before == i; m++)
            TN_TRY(add_mark(a, &lowered->marks.at[m]));
        a->part = (int32_t)i;
        if (i < lowered->at.count)
            TN_TRY(add_lowered(a, &lowered->at.at[i]));
    }
    return TN_OK;
}

/* ---- outputs and stores ---- */

static void
add_copy(assembly *a, uint32_t from, uint32_t to, const char *name)
{
    tn_plan_step step = {.kind = TN_STEP_COPY,
        .name = name,
        .family = "copy",
        .kernel = -1,
        .part = -1,
        .first_site = -1,
        .bytes = a->plan->buffers.at[to].bytes};

    tn_push(a->arena, &step.buffers, from);
    tn_push(a->arena, &step.writes, false);
    tn_push(a->arena, &step.buffers, to);
    tn_push(a->arena, &step.writes, true);
    tn_push(a->arena, &a->plan->steps, step);
}

/* An output is the buffer of its value if that is a result nobody else shows;
 * a second name of it shares the memory, anything else is copied. */
static void
add_output(assembly *a, uint32_t number)
{
    const tn_value *v = a->g->block->results.at[number];
    uint32_t own = buffer_of(a, v, NULL), owner = tn_plan_owner(a->plan, own);
    uint32_t at = a->plan->buffers.at[owner].use == TN_USE_STATE ? own : owner;
    tn_plan_buffer *b = &a->plan->buffers.at[at];
    tn_plan_buffer made;

    if (b->use == TN_USE_TEMP && b->same_as < 0) {
        b->use = TN_USE_OUTPUT;
        b->number = (int32_t)number;
        b->name = a->g->outputs.at[number].name;
        return;
    }
    made = shaped(a, v, TN_USE_OUTPUT);
    made.name = a->g->outputs.at[number].name;
    made.number = (int32_t)number;
    if (b->use == TN_USE_OUTPUT)
        made.same_as = (int32_t)at;
    uint32_t to = add_buffer(a, &made);

    if (made.same_as < 0)
        add_copy(a, at, to, made.name);
}

static void
add_store(assembly *a, uint32_t number)
{
    const tn_value *v = a->g->block->results.at[a->g->outputs.count + number];
    tn_state *state = a->g->stores.at[number];
    uint32_t from = buffer_of(a, v, NULL);
    tn_plan_buffer to = shaped(a, v, TN_USE_STATE);

    to.number = (int32_t)state->id;
    to.name = state->name;
    for (uint32_t i = 0; i < a->plan->buffers.count; i++)
        if (a->plan->buffers.at[i].use == TN_USE_STATE &&
            a->plan->buffers.at[i].number == to.number) {
            if (i != tn_plan_owner(a->plan, from))
                add_copy(a, from, i, state->name);
            return;
        }
    add_copy(a, from, add_buffer(a, &to), state->name);
}

/* Rows of a state that a failed run must not have changed. */
static void
add_undo(assembly *a, const tn_in_place *u)
{
    const tn_op *op = u->op;
    const tn_attr *at = &op->attr[TN_ATTR_update_at];
    tn_plan_undo undo = {.axis = (uint32_t)tn_op_int(op, TN_ATTR_update_axis), .input = -1};

    if (u->append)
        return;
    undo.buffer = buffer_of(a, u->state, NULL);
    undo.rows = formula(a, op->in[1]->type.dim[undo.axis]);
    if (at->operand >= 0)
        undo.input = op->in[at->operand]->index;
    undo.at = formula(a, at->operand < 0 ? at->sizes[0] : integer(a, 0));
    tn_push(a->arena, &a->plan->undos, undo);
}

tn_status
tn_assemble(tn_arena *arena, tn_diag *diag, tn_graph *g, const tn_lowered_list *lowered,
    const tn_target *target, tn_packed_list *packed, tn_plan *out)
{
    assembly a = {
        .arena = arena, .diag = diag, .g = g, .target = target, .packed = packed, .plan = out};

    *out = (tn_plan){.entry = g->name};
    a.of_value = tn_new_array(arena, int32_t, g->value_count + 1);
    for (uint32_t i = 0; i < g->value_count; i++)
        a.of_value[i] = -1;
    a.owner = tn_new_array(arena, tn_value *, g->value_count + 1);
    a.updated = tn_new_array(arena, tn_value *, g->value_count + 1);
    for (uint32_t i = 0; i < lowered->in_place.at.count; i++)
        a.updated[lowered->in_place.at.at[i].op->out[0]->id] = lowered->in_place.at.at[i].state;
    for (uint32_t i = 0; i < lowered->same.count; i++)
        a.owner[lowered->same.at[i].value->id] = lowered->same.at[i].owner;
    add_symbols(&a);
    add_facts(&a);
    for (uint32_t i = 0; i < g->inputs.count; i++)
        buffer_of(&a, g->inputs.at[i].value, NULL);
    TN_TRY(add_all_lowered(&a, lowered));
    for (uint32_t i = 0; i < g->outputs.count; i++)
        add_output(&a, i);
    for (uint32_t i = 0; i < g->stores.count; i++)
        add_store(&a, i);
    for (uint32_t i = 0; i < lowered->in_place.at.count; i++)
        add_undo(&a, &lowered->in_place.at.at[i]);
    tn_assemble_waits(arena, out);
    tn_assemble_lifetimes(out);
    return TN_OK;
}
