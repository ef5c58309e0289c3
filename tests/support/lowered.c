/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/lowered.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ir/kernel/teval.h"
#include "ir/kernel/tinterp.h"
#include "passes/group.h"
#include "passes/idmap.h"
#include "passes/lower/lower.h"
#include "runtime/reference/reference.h"
#include "tests/support/run_tile.h"
#include "tests/support/test.h"

enum { SYMBOLS = 8, TENSORS = 128 };

typedef struct memory {
    tn_cell *cell;
    bool *known;
    int64_t count;
    bool given; /* not written by a kernel */
} memory;

typedef struct job {
    const lowered_case *c;
    tn_arena *arena;
    tn_diag diag;
    tn_module *module;
    tn_graph *g;    /* lowered */
    tn_graph *same; /* as written, for the reference */
    int64_t symbols[SYMBOLS];
    tn_tensor inputs[TENSORS], weights[TENSORS], states[TENSORS];
    tn_tensor outputs[TENSORS], stores[TENSORS];
    tn_status reference;
    tn_lower_options options;
    tn_lowered_list list;
    tn_idmap memory;
    uint64_t noise;
    bool targets;
} job;

/* ---- inputs ---- */

static uint64_t
noise(job *j)
{
    j->noise = j->noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return j->noise >> 33;
}

static double
special(uint64_t n)
{
    static const double list[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1.0, -1.0, 1e30};

    return list[n % 8];
}

static double
real_noise(job *j, tn_dtype t)
{
    double x = (double)noise(j) / 1073741824.0 * 2 - 2;

    if (j->c->special && noise(j) % (uint64_t)j->c->special == 0)
        x = special(noise(j));
    return tn_round_to(t, x);
}

static int64_t
size_value(const job *j, tn_size s)
{
    int64_t value = 0;

    TN_CHECK(tn_size_eval(s, j->symbols, &value));
    return value;
}

/* Integers are small, or in the range that the graph states. */
static int64_t
whole_noise(job *j, tn_dtype t, const tn_input *in)
{
    int64_t low = tn_is_signed(t) ? -3 : 0, high = 4;

    if (t == TN_BOOL)
        return (int64_t)(noise(j) & 1);
    if (in && in->has_range) {
        low = size_value(j, in->low);
        high = in->open_high ? low + 4 : size_value(j, in->high);
    }
    return low + (int64_t)(noise(j) % (uint64_t)(high - low + 1));
}

static tn_tensor
make_tensor(job *j, const tn_type *type, const tn_input *in)
{
    bool real = tn_is_float(type->dtype);
    tn_tensor t = {.dtype = real ? TN_F64 : type->dtype, .rank = type->rank};
    int64_t count = 1;
    char *at;

    for (int i = 0; i < type->rank; i++) {
        t.dim[i] = size_value(j, type->dim[i]);
        count *= t.dim[i];
    }
    t.bytes = (uint64_t)count * (uint64_t)tn_dtype_bytes(t.dtype);
    t.data = tn_arena_get(j->arena, t.bytes + 1);
    at = t.data;
    for (int64_t i = 0; i < count; i++, at += tn_dtype_bytes(t.dtype)) {
        if (real)
            tn_store_double(t.dtype, at, real_noise(j, type->dtype));
        else
            tn_store_int(t.dtype, at, whole_noise(j, type->dtype, in));
    }
    return t;
}

static void
bind_symbols(job *j)
{
    for (int i = 0; i < tn_sizes_count(j->same->sizes) && i < SYMBOLS; i++)
        for (int k = 0; k < 6 && j->c->dims[k].name; k++)
            if (strcmp(j->c->dims[k].name, tn_sizes_symbol(j->same->sizes, i)->name) == 0)
                j->symbols[i] = j->c->dims[k].value;
}

static void
make_inputs(job *j)
{
    for (uint32_t i = 0; i < j->same->inputs.count; i++) {
        const tn_input *in = &j->same->inputs.at[i];

        j->inputs[i] = make_tensor(j, &in->value->type, in);
        if (in->symbol >= 0)
            tn_store_int(j->inputs[i].dtype, j->inputs[i].data, j->symbols[in->symbol]);
    }
    for (uint32_t i = 0; i < j->same->weight_values.count; i++) {
        const tn_value *v = j->same->weight_values.entries[i].value;

        j->weights[i] = make_tensor(j, &v->type, NULL);
    }
    for (uint32_t i = 0; i < j->same->state_values.count; i++) {
        const tn_value *v = j->same->state_values.entries[i].value;

        j->states[i] = make_tensor(j, &v->type, NULL);
    }
}

/* ---- the reference ---- */

static tn_status
run_reference(job *j)
{
    tn_env env = {.alloc = tn_alloc_system(), .files = tn_files_system(), .diag = &j->diag};
    tn_reference_args args = {.symbols = j->symbols,
        .inputs = j->inputs,
        .states = j->states,
        .weights = j->weights,
        .outputs = j->outputs,
        .stores = j->stores};

    return tn_reference_run(&env, j->same, &args);
}

/* ---- memory of the kernels ---- */

static memory *
new_memory(job *j, const tn_value *v)
{
    memory *m = tn_new(j->arena, memory);

    m->count = 1;
    for (int i = 0; i < v->type.rank; i++)
        m->count *= size_value(j, v->type.dim[i]);
    m->cell = tn_new_array(j->arena, tn_cell, m->count + 1);
    m->known = tn_new_array(j->arena, bool, m->count + 1);
    tn_idmap_put(&j->memory, v->id, m);
    return m;
}

static void
copy_tensor(memory *m, const tn_tensor *t)
{
    const char *at = t->data;

    for (int64_t i = 0; i < m->count; i++, at += tn_dtype_bytes(t->dtype)) {
        if (tn_is_float(t->dtype))
            m->cell[i].real = tn_load_double(t->dtype, at);
        else
            m->cell[i].whole = tn_load_int(t->dtype, at);
        m->known[i] = true;
    }
    m->given = true;
}

static void
copy_number(job *j, memory *m, int64_t i, tn_dtype t, const tn_number *n)
{
    double value = n->real;

    if (n->kind == TN_NUMBER_SYMBOLIC)
        TN_CHECK(tn_number_eval(n, j->symbols, SYMBOLS, &value));
    if (tn_is_float(t))
        m->cell[i].real = tn_round_to(t, value);
    else
        m->cell[i].whole =
            n->kind == TN_NUMBER_SYMBOLIC || n->kind == TN_NUMBER_REAL ? (int64_t)value : n->num;
    m->known[i] = true;
    m->given = true;
}

static int
find_entry(const tn_map *map, const char *name)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (strcmp(map->entries[i].key, name) == 0)
            return (int)i;
    TN_CHECK(!"a weight or state of that name");
    return 0;
}

static memory *
memory_of(job *j, const tn_value *v)
{
    memory *m;
    const tn_attr *data;

    for (uint32_t i = j->list.same.count; i-- > 0;)
        if (j->list.same.at[i].value == v)
            v = j->list.same.at[i].owner;
    for (uint32_t i = 0; i < j->list.in_place.at.count; i++)
        if (j->list.in_place.at.at[i].op->out[0] == v)
            v = j->list.in_place.at.at[i].state;
    m = tn_idmap_get(&j->memory, v->id);
    if (m)
        return m;
    m = new_memory(j, v);
    switch (v->kind) {
    case TN_VALUE_INPUT: copy_tensor(m, &j->inputs[v->index]); break;
    case TN_VALUE_WEIGHT:
        copy_tensor(m, &j->weights[find_entry(&j->same->weight_values, v->weight->name)]);
        break;
    case TN_VALUE_STATE:
        copy_tensor(m, &j->states[find_entry(&j->same->state_values, v->state->name)]);
        break;
    case TN_VALUE_LITERAL: copy_number(j, m, 0, v->type.dtype, &v->number); break;
    default:
        data =
            v->def && v->def->code == TN_OP_constant ? &v->def->attr[TN_ATTR_constant_data] : NULL;
        for (int64_t i = 0; data && i < m->count; i++)
            copy_number(j, m, i, v->type.dtype, &data->numbers[i]);
        break;
    }
    return m;
}

/* ---- kernels ---- */

/* Rounds of loops add to it, or read what they write. */
static bool
is_kept(const job *j, const tn_value *v)
{
    for (uint32_t i = 0; i < j->list.same.count; i++)
        if (j->list.same.at[i].value == v)
            return true;
    for (uint32_t i = 0; i < j->list.in_place.at.count; i++)
        if (j->list.in_place.at.at[i].op->out[0] == v)
            return true;
    return false;
}

/* Program number `n` of a kernel alone: its buffers and sizes. */
static tn_lowered
program_of(const tn_lowered *l, uint32_t n)
{
    tn_lowered one = *l;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t params = 0;

        while (params < one.tile->bufs.count && !one.tile->bufs.at[params]->local)
            params++;
        one.buffers.at += params;
        one.buffers.count -= params;
        one.sizes.at += one.tile->sizes.count;
        one.sizes.count -= one.tile->sizes.count;
        one.tile = l->beside.at[i];
    }
    if (n < l->beside.count) {
        one.buffers.count = 0;
        while (one.buffers.count < one.tile->bufs.count &&
            !one.tile->bufs.at[one.buffers.count]->local)
            one.buffers.count++;
    }
    return one;
}

static bool
run_program(job *j, const tn_lowered *l, uint64_t seed, bool *failed)
{
    uint32_t count = l->tile->bufs.count;
    tn_cell **cells = tn_new_array(j->arena, tn_cell *, count);
    bool **known = tn_new_array(j->arena, bool *, count);
    int64_t *sizes = tn_new_array(j->arena, int64_t, l->tile->sizes.count);
    tn_tinterp run = {.tile = l->tile,
        .alloc = tn_alloc_system(),
        .diag = &j->diag,
        .sizes = sizes,
        .bufs = cells,
        .known = known,
        .seed = seed};

    for (uint32_t i = 0; i < l->tile->sizes.count; i++)
        sizes[i] = size_value(j, l->sizes.at[i]);
    for (uint32_t i = 0; i < l->buffers.count; i++) {
        memory *m = memory_of(j, l->buffers.at[i]);

        cells[i] = m->cell;
        known[i] = m->known;
        if (l->tile->bufs.at[i]->written && !m->given && !is_kept(j, l->buffers.at[i]))
            memset(m->known, 0, (size_t)m->count * sizeof *m->known);
    }
    if (!TN_CHECK_EQ(tn_tinterp_run(&run), TN_OK))
        return false;
    *failed |= run.check_failed;
    if (run.check_failed && !j->c->fails)
        tn_test_note("%s at %lld", l->tile->sites.at[run.site], (long long)run.position);
    return true;
}

static bool
run_kernel(job *j, const tn_lowered *l, uint64_t seed, bool *failed)
{
    for (uint32_t n = 0; n <= l->beside.count; n++) {
        tn_lowered one = program_of(l, n);

        if (!run_program(j, &one, seed, failed))
            return false;
    }
    return true;
}

static void
note_kernels(job *j)
{
    for (uint32_t i = 0; i < j->list.at.count; i++) {
        tn_text text = {.arena = j->arena};

        tn_tile_print(&text, j->list.at.at[i].tile);
        tn_test_note("%s", text.at);
    }
    for (size_t i = 0; i < tn_diag_count(&j->diag); i++)
        tn_test_note("%s", tn_diag_text(&j->diag, i));
}

static bool
near_enough(const job *j, double found, double wanted)
{
    double tolerance = j->c->tolerance != 0 ? j->c->tolerance : 1e-9;

    if (isnan(wanted) || isnan(found))
        return isnan(wanted) && isnan(found);
    if (isinf(wanted) || isinf(found))
        return wanted == found || (j->c->tolerance > 1e-3 && (fabs(wanted) > 6e4));
    return fabs(found - wanted) <= tolerance * (1 + fabs(wanted));
}

static bool
compare(job *j, const tn_value *v, const tn_tensor *want, const char *name, uint64_t seed)
{
    const memory *m = memory_of(j, v);
    const char *at = want->data;

    for (int64_t i = 0; i < m->count; i++, at += tn_dtype_bytes(want->dtype)) {
        bool real = tn_is_float(want->dtype), held = m->known[i];

        if (real)
            held &= near_enough(j, m->cell[i].real, tn_load_double(want->dtype, at));
        else
            held &= m->cell[i].whole == tn_load_int(want->dtype, at);
        if (held)
            continue;
        TN_CHECK(!"as the reference");
        if (real)
            tn_test_note("%s[%lld] is %.17g, wanted %.17g (seed %llu, known %d)", name,
                (long long)i, m->cell[i].real, tn_load_double(want->dtype, at),
                (unsigned long long)seed, m->known[i]);
        else
            tn_test_note("%s[%lld] is %lld, wanted %lld (seed %llu, known %d)", name, (long long)i,
                (long long)m->cell[i].whole, (long long)tn_load_int(want->dtype, at),
                (unsigned long long)seed, m->known[i]);
        return false;
    }
    return true;
}

typedef struct pass {
    job *j;
    uint64_t seed;
    bool failed;
} pass;

/* The mark of the end of the loop that mark `at` begins. */
static uint32_t
end_of(const job *j, uint32_t at)
{
    int depth = 0;

    for (;; at++) {
        depth += j->list.marks.at[at].kind == TN_MARK_LOOP;
        depth -= j->list.marks.at[at].kind == TN_MARK_END;
        if (depth == 0)
            return at;
    }
}

/* Kernels from the mark `m` (or the start) up to the mark `end` (or the end);
 * false ends the pass. */
static bool
run_marked(pass *p, uint32_t from, uint32_t m, uint32_t end, bool *holds)
{
    const tn_lowered_list *l = &p->j->list;
    uint32_t to = end < l->marks.count ? l->marks.at[end].before : l->at.count;

    while (from < to || m < end) {
        const tn_lowered_mark *mark = m < end ? &l->marks.at[m] : NULL;

        if (!mark || mark->before > from) {
            if (!run_kernel(p->j, &l->at.at[from++], p->seed, &p->failed))
                return false;
        } else if (mark->kind == TN_MARK_TEST) {
            *holds = memory_of(p->j, mark->go)->cell[0].whole != 0;
            if (!*holds)
                return true;
            m++;
        } else {
            uint32_t last = end_of(p->j, m);
            bool again = true;

            for (int64_t n = size_value(p->j, mark->limit); n-- > 0 && again;)
                if (!run_marked(p, from, m + 1, last, &again))
                    return false;
            from = l->marks.at[last].before;
            m = last + 1;
        }
    }
    return true;
}

static bool
run_all(job *j, uint64_t seed, bool *failed)
{
    pass p = {.j = j, .seed = seed};
    bool held = run_marked(&p, 0, 0, j->list.marks.count, &(bool){false});

    *failed = p.failed;
    return held;
}

static bool
run_once(job *j, uint64_t seed)
{
    bool failed = false;
    uint32_t outputs = j->g->outputs.count;

    j->memory = (tn_idmap){.arena = j->arena}; /* states as they were */
    if (!run_all(j, seed, &failed))
        return false;
    if (!TN_CHECK_EQ(failed, j->c->fails))
        return false;
    for (uint32_t i = 0; i < j->g->block->results.count && !failed; i++) {
        const tn_tensor *want = i < outputs ? &j->outputs[i] : &j->stores[i - outputs];
        const char *name = i < outputs ? j->g->outputs.at[i].name : "a store";

        if (!compare(j, j->g->block->results.at[i], want, name, seed))
            return false;
    }
    return true;
}

/* ---- other machines ---- */

typedef struct scheduled {
    tn_run_tile run; /* first: its fill gets a pointer to it */
    job *j;
    const tn_lowered *l;
} scheduled;

static void
fill(tn_run_tile *p)
{
    scheduled *s = (scheduled *)(void *)p;

    for (uint32_t i = 0; i < s->l->buffers.count; i++) {
        const memory *m = memory_of(s->j, s->l->buffers.at[i]);
        tn_dtype t = p->tile->bufs.at[i]->dtype;

        for (int64_t k = 0; k < m->count && !p->tile->bufs.at[i]->written; k++) {
            p->input[i][k] = m->cell[k];
            if (tn_is_float(t))
                p->input[i][k].real = tn_round_to(t, m->cell[k].real);
        }
    }
}

static void
schedule_kernel(job *j, const tn_lowered *l)
{
    static const char *const targets[] = {
        "arch=1 level=4 vector_bytes=64 registers=32 masked=1",
        "arch=1 level=3 vector_bytes=32 registers=16",
        "gpu=1 group_lanes=64 group_bytes=16384",
        "gpu=1 group_lanes=5 group_bytes=2048",
    };
    /* A smaller one is for programs evaluated in double, not for f32. */
    scheduled s = {.run = {.fill = fill, .tolerance = j->c->tolerance > 2e-5 ? j->c->tolerance : 0},
        .j = j,
        .l = l};
    tn_text text = {.arena = j->arena};
    bool held = true;

    if (!TN_CHECK(l->tile->sizes.count <= TN_RUN_TILE_SIZES))
        return;
    tn_tile_print(&text, l->tile);
    s.run.text = text.at;
    for (uint32_t i = 0; i < l->tile->sizes.count; i++)
        s.run.sizes[i] = (tn_run_size){l->tile->sizes.at[i].name, size_value(j, l->sizes.at[i])};
    if (tn_run_tile_start(&s.run))
        for (size_t i = 0; i < sizeof targets / sizeof *targets && held; i++)
            held = tn_run_tile_on(&s.run, targets[i], "");
    if (!held)
        tn_test_note("%s", text.at);
    tn_run_tile_end(&s.run);
}

static void
run_on_targets(job *j)
{
    bool failed = false;

    for (uint32_t i = 0; i < j->list.at.count; i++) {
        for (uint32_t n = 0; n <= j->list.at.at[i].beside.count; n++) {
            tn_lowered one = program_of(&j->list.at.at[i], n);

            schedule_kernel(j, &one);
        }
        if (!run_kernel(j, &j->list.at.at[i], 0, &failed))
            return;
    }
}

static tn_status
lower_and_run(job *j)
{
    uint64_t seeds = j->c->seeds ? j->c->seeds : 6;

    TN_TRY(tn_graph_parse(j->module, &j->diag, "text", j->c->text, &j->g));
    TN_TRY(tn_lower_graph(j->arena, &j->diag, j->g, &j->options, &j->list));
    if (j->c->kernels && !j->options.skip)
        TN_CHECK_EQ(j->list.at.count, j->c->kernels);
    j->memory = (tn_idmap){.arena = j->arena};
    if (j->targets) {
        run_on_targets(j);
        return TN_OK;
    }
    for (uint64_t seed = 0; seed < seeds; seed++)
        if (!run_once(j, seed)) {
            tn_test_note("fuse %d, pack %d", !j->options.skip, j->options.pack);
            note_kernels(j);
            break;
        }
    return TN_OK;
}

static tn_status
check(void *arg)
{
    tn_pass_set apart = tn_pass_optional(TN_STAGE_FUSE) | tn_pass_optional(TN_STAGE_CLEAN);
    job *j = arg;
    tn_status status = TN_OK;

    j->module = tn_module_create(j->arena, "text");
    TN_TRY(tn_graph_parse(j->module, &j->diag, "text", j->c->text, &j->same));
    bind_symbols(j);
    make_inputs(j);
    j->reference = run_reference(j);
    if (j->reference != TN_OK && !j->c->fails)
        return j->reference;
    TN_CHECK_EQ(j->reference != TN_OK, j->c->fails);
    for (int i = j->targets ? 3 : 0; i < 4 && status == TN_OK; i++) {
        j->options = (tn_lower_options){.skip = i & 1 ? 0 : apart, .pack = i & 2};
        status = lower_and_run(j);
    }
    return status;
}

static void
free_tensors(job *j)
{
    for (int i = 0; i < TENSORS; i++) {
        tn_tensor_free(tn_alloc_system(), &j->outputs[i]);
        tn_tensor_free(tn_alloc_system(), &j->stores[i]);
    }
}

void
lowered_check(const lowered_case *c, bool targets)
{
    job j = {.c = c, .noise = 4711, .targets = targets};
    tn_status status;

    tn_diag_init(&j.diag, tn_alloc_system());
    j.arena = tn_arena_create(tn_alloc_system(), 0);
    status = tn_arena_guard(j.arena, check, &j);
    if (!TN_CHECK_EQ(status, c->refused))
        for (size_t i = 0; i < tn_diag_count(&j.diag); i++)
            tn_test_note("%s", tn_diag_text(&j.diag, i));
    free_tensors(&j);
    tn_arena_destroy(j.arena);
    tn_diag_clear(&j.diag);
}

/* ---- text ---- */

typedef struct print_job {
    tn_arena *arena;
    tn_diag *diag;
    const char *text;
    const char *printed;
} print_job;

static tn_status
print(void *arg)
{
    print_job *j = arg;
    tn_module *m = tn_module_create(j->arena, "text");
    tn_text out = {.arena = j->arena};
    tn_groups groups;
    tn_lowered_list list;
    tn_lower_options options = {.pack = true};
    tn_graph *g;

    TN_TRY(tn_graph_parse(m, j->diag, "text", j->text, &g));
    tn_passes_run(g, 0);
    TN_TRY(tn_group_graph(j->arena, j->diag, g, &options, &groups));
    tn_groups_print(&out, &groups);
    TN_TRY(tn_lower_graph(j->arena, j->diag, g, &options, &list));
    for (uint32_t i = 0; i < list.at.count; i++) {
        tn_text_add(&out, "\n");
        tn_tile_print(&out, list.at.at[i].tile);
    }
    j->printed = out.at;
    return TN_OK;
}

void
lowered_print(const char *text, char *out, unsigned long room)
{
    tn_diag diag;
    print_job j = {.text = text, .diag = &diag};

    tn_diag_init(&diag, tn_alloc_system());
    j.arena = tn_arena_create(tn_alloc_system(), 0);
    if (!TN_CHECK_EQ(tn_arena_guard(j.arena, print, &j), TN_OK))
        snprintf(out, room, "%s", tn_diag_count(&diag) ? tn_diag_text(&diag, 0) : "");
    else
        snprintf(out, room, "%s", j.printed);
    tn_arena_destroy(j.arena);
    tn_diag_clear(&diag);
}

static tn_status
lower_only(void *arg)
{
    print_job *j = arg;
    tn_module *m = tn_module_create(j->arena, "text");
    tn_lowered_list list;
    tn_graph *g;

    TN_TRY(tn_graph_parse(m, j->diag, "text", j->text, &g));
    return tn_lower_graph(j->arena, j->diag, g, &(tn_lower_options){.pack = true}, &list);
}

int
lowered_within(const char *text, unsigned long bytes)
{
    print_job j = {.text = text};
    tn_status status = TN_NO_MEMORY;

    j.arena = tn_arena_create(tn_alloc_system(), bytes);
    if (j.arena)
        status = tn_arena_guard(j.arena, lower_only, &j);
    tn_arena_destroy(j.arena);
    return (int)status;
}
