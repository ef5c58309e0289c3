/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/weights.h"

#include <inttypes.h>
#include <string.h>

#include "frontend/data.h"
#include "frontend/weight_files.h"
#include "ir/random.h"

typedef struct loader {
    const tn_env *env;
    tn_arena *arena;
    tn_module *module;
    tn_document *document;
    const tn_weights_options *options;
    void **at; /* room of each weight, by its number */
} loader;

static void
shape_of(const tn_type *type, int64_t dim[TN_MAX_RANK])
{
    for (int i = 0; i < type->rank; i++) {
        dim[i] = 0;
        tn_size_is_int(type->dim[i], &dim[i]);
    }
}

static tn_weight *
weight_at(const loader *l, uint32_t i)
{
    return l->module->weights.entries[i].value;
}

static tn_weight_source *
source_of(const loader *l, const tn_weight *weight)
{
    return tn_map_get(&l->document->weights, weight->name);
}

/* ---- room ---- */

/* A stack and its slices are the same numbers, unless a slice is part of two
 * stacks. */
static void
give_room(loader *l)
{
    uint32_t count = l->module->weights.count;
    l->at = tn_new_array(l->arena, void *, count);
    for (uint32_t i = 0; i < count; i++) {
        tn_weight *w = weight_at(l, i);
        size_t size = (size_t)tn_dtype_bytes(w->type.dtype);
        w->bytes = (size_t)w->elements * size;
        if (w->slices.count == 0)
            continue;
        uint8_t *room = tn_arena_array(l->arena, (size_t)w->elements, size);
        l->at[i] = room;
        for (uint32_t s = 0; s < w->slices.count; s++) {
            tn_weight *slice = w->slices.at[s];
            if (!l->at[slice->id])
                l->at[slice->id] = room + s * (size_t)slice->elements * size;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        tn_weight *w = weight_at(l, i);
        if (!l->at[i])
            l->at[i] = tn_arena_array(l->arena, (size_t)w->elements + 1,
                (size_t)tn_dtype_bytes(w->type.dtype));
        w->data = l->at[i];
    }
}

static void
join_stacks(loader *l)
{
    for (uint32_t i = 0; i < l->module->weights.count; i++) {
        tn_weight *w = weight_at(l, i);
        uint8_t *to = l->at[i];
        for (uint32_t s = 0; s < w->slices.count; s++) {
            const tn_weight *slice = w->slices.at[s];
            if (slice->bytes && slice->data != to)
                memcpy(to, slice->data, slice->bytes);
            to += slice->bytes;
        }
    }
}

/* ---- numbers of the model file ---- */

/* What a file could hold: data and fills are rounded to `stored` first. */
static double
through_stored(const tn_weight *w, const tn_weight_source *source, double value)
{
    bool rounds = w->has_stored && !source->any && tn_is_float(w->stored);
    return rounds ? tn_round_to(w->stored, value) : value;
}

static tn_status
fill_data(loader *l, const tn_weight *w, const tn_weight_source *source, const tn_json *data)
{
    int64_t dim[TN_MAX_RANK];
    size_t size = (size_t)tn_dtype_bytes(w->type.dtype);
    uint8_t *at = l->at[w->id];
    shape_of(&w->type, dim);
    TN_TRY(tn_data_fill(l->document, data, w->type.dtype, w->type.rank, dim, at));
    if (!tn_is_float(w->type.dtype) || !w->has_stored)
        return TN_OK;
    for (int64_t i = 0; i < w->elements; i++, at += size)
        tn_store_double(w->type.dtype, at,
            through_stored(w, source, tn_load_double(w->type.dtype, at)));
    return TN_OK;
}

/* A tag: its letter (O for all that are no [BIES]-x) and its class. */
typedef struct tag {
    char letter;
    const char *name;
} tag;

static tag
tag_of(const char *label)
{
    if (label[0] && strchr("BIES", label[0]) && label[1] == '-')
        return (tag){label[0], label + 2};
    return (tag){'O', ""};
}

static bool
is_illegal_step(const char *scheme, tag from, tag to)
{
    bool inside = from.letter == 'B' || from.letter == 'I';
    bool same = inside && strcmp(from.name, to.name) == 0;
    bool bio = strcmp(scheme, "bio") == 0;
    if (to.letter == 'I' || (to.letter == 'E' && !bio))
        return !same;
    if (bio)
        return false;
    if (to.letter == 'B' || to.letter == 'S')
        return inside;
    return inside && to.letter == 'O' && strcmp(scheme, "bioes-strict") == 0;
}

static bool
is_illegal_start(const char *scheme, tag to)
{
    return to.letter == 'I' || (to.letter == 'E' && strcmp(scheme, "bio") != 0);
}

static bool
is_illegal_end(const char *scheme, tag from)
{
    return strcmp(scheme, "bioes-strict") == 0 && (from.letter == 'B' || from.letter == 'I');
}

static void
fill_computed(loader *l, const tn_weight *w, const tn_weight_source *source)
{
    const tn_labels *labels = source->labels;
    size_t size = (size_t)tn_dtype_bytes(w->type.dtype);
    uint8_t *at = l->at[w->id];
    uint32_t rows = source->computed == 0 ? labels->names.count : 1;
    for (uint32_t from = 0; from < rows; from++)
        for (uint32_t to = 0; to < labels->names.count; to++, at += size) {
            tag a = tag_of(labels->names.at[from]), b = tag_of(labels->names.at[to]);
            bool illegal = source->computed == 0 ? is_illegal_step(source->scheme, a, b)
                : source->computed == 1          ? is_illegal_start(source->scheme, b)
                                                 : is_illegal_end(source->scheme, b);
            tn_store_double(w->type.dtype, at,
                through_stored(w, source, illegal ? source->illegal : source->legal));
        }
}

/* ---- seeded fills ---- */

static void
store_number(const tn_weight *w, uint8_t *at, double value)
{
    double low, high;
    int64_t least, most;
    if (tn_is_float(w->type.dtype)) {
        tn_store_double(w->type.dtype, at, value);
        return;
    }
    if (w->type.dtype == TN_BOOL) {
        tn_store_int(TN_BOOL, at, value != 0);
        return;
    }
    tn_dtype_range(w->type.dtype, &least, &most);
    low = (double)least;
    high = (double)most;
    tn_store_int(w->type.dtype, at, !(value > low) ? least : value >= high ? most : (int64_t)value);
}

static void
fill_seeded(loader *l, const tn_weight *w, const tn_weight_source *source)
{
    size_t size = (size_t)tn_dtype_bytes(w->type.dtype);
    uint64_t key = tn_random_key(l->module->seed, w->name);
    uint8_t *at = l->at[w->id];
    uint32_t word[4];
    for (int64_t i = 0; i < w->elements; i++, at += size) {
        double value = w->fill_a;
        if (w->fill != TN_FILL_VALUE && i % 4 == 0)
            tn_philox(key, (uint64_t)i / 4, word);
        if (w->fill == TN_FILL_NORMAL)
            value = w->fill_a * tn_random_normal(word[i % 4]);
        else if (w->fill == TN_FILL_UNIFORM)
            value = w->fill_a + (w->fill_b - w->fill_a) * tn_random_uniform32(word[i % 4]);
        store_number(w, at, through_stored(w, source, value));
    }
}

/* ---- files ---- */

/* `{l}` in a pattern matches a run of characters without a dot; the same name
 * the same run. Gives the name with the runs put into `to`, or NULL. */
static const char *
rename_by(tn_arena *arena, const char *from, const char *to, const char *name)
{
    enum { MAX_NAMES = 8 };
    const char *variable[MAX_NAMES], *run[MAX_NAMES];
    size_t variable_length[MAX_NAMES], run_length[MAX_NAMES];
    int count = 0;
    while (*from) {
        const char *close = *from == '{' ? strchr(from, '}') : NULL;
        if (!close) {
            if (*from++ != *name++)
                return NULL;
            continue;
        }
        size_t length = strcspn(name, ".");
        /* What follows the braces ends the run: "{a}_{b}" is no problem. */
        if (close[1] && close[1] != '.' && close[1] != '{') {
            const char *next = memchr(name, close[1], length);
            length = next ? (size_t)(next - name) : length;
        }
        if (length == 0 || count == MAX_NAMES)
            return NULL;
        for (int i = 0; i < count; i++)
            if (variable_length[i] == (size_t)(close - from - 1) &&
                memcmp(variable[i], from + 1, variable_length[i]) == 0 &&
                (run_length[i] != length || memcmp(run[i], name, length) != 0))
                return NULL;
        variable[count] = from + 1;
        variable_length[count] = (size_t)(close - from - 1);
        run[count] = name;
        run_length[count++] = length;
        name += length;
        from = close + 1;
    }
    if (*name)
        return NULL;
    tn_text out = {.arena = arena};
    for (; *to; to++) {
        const char *close = *to == '{' ? strchr(to, '}') : NULL;
        int found = -1;
        for (int i = 0; close && i < count; i++)
            if ((size_t)(close - to - 1) == variable_length[i] &&
                memcmp(to + 1, variable[i], variable_length[i]) == 0)
                found = i;
        if (found < 0) {
            tn_text_put(&out, to, 1);
            continue;
        }
        tn_text_put(&out, run[found], run_length[found]);
        to = close;
    }
    return out.at ? out.at : "";
}

static const char *
name_in_file(const loader *l, const tn_weight_file *file, const char *name)
{
    for (uint32_t i = 0; i < file->from.count; i++) {
        const char *renamed = rename_by(l->arena, file->from.at[i], file->to.at[i], name);
        if (renamed)
            return renamed;
    }
    return name;
}

static const char *
shape_text(const loader *l, const char *element, int rank, const int64_t *dim)
{
    tn_text out = {.arena = l->arena};
    tn_text_add(&out, "%s[", element);
    for (int i = 0; i < rank; i++)
        tn_text_add(&out, "%s%" PRId64, i ? "," : "", dim[i]);
    tn_text_add(&out, "]");
    return out.at;
}

/* "bf16" of "BF16". */
static const char *
element_text(const loader *l, const tn_file_tensor *t)
{
    if (t->dtype != TN_DTYPE_COUNT)
        return tn_dtype_name(t->dtype);
    char *lower = tn_arena_copy(l->arena, t->element, strlen(t->element));
    for (char *c = lower; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    return lower;
}

/* What the file holds is what the model says. */
static tn_status
check_tensor(const loader *l, const tn_weight *w, const tn_weight_source *source,
    const tn_file_tensor *t, const char *file)
{
    const tn_type *type = w->has_stored ? &w->stored_type : &w->type;
    int64_t dim[TN_MAX_RANK];
    shape_of(type, dim);
    bool shape = type->rank == t->rank && memcmp(dim, t->dim, (size_t)t->rank * sizeof *dim) == 0;
    bool element = source->any
        ? t->dtype != TN_DTYPE_COUNT && (t->dtype == TN_BOOL) == (w->type.dtype == TN_BOOL) &&
            (!tn_is_float(t->dtype) || tn_is_float(w->type.dtype))
        : t->dtype == type->dtype;
    if (shape && element)
        return TN_OK;
    const char *wanted = source->any ? "any" : tn_dtype_name(type->dtype);
    const char *hint = "";
    if (shape && t->dtype != TN_DTYPE_COUNT && tn_is_float(t->dtype) &&
        tn_is_float(w->type.dtype)) {
        const tn_json *at = tn_json_get(source->at, "stored");
        at = at                                  ? at
            : source->at->kind == TN_JSON_STRING ? source->at
                                                 : tn_json_get(source->at, "type");
        const char *bracket = strchr(at->text, '[');
        hint = tn_arena_printf(l->arena, "; to convert, say \"stored\": \"%s%s\" or \"any%s\"",
            element_text(l, t), bracket, bracket);
    }
    tn_status status = t->dtype == TN_DTYPE_COUNT && shape ? TN_UNSUPPORTED : TN_MALFORMED;
    return tn_fail(l->env->diag, status, "%s: tensor \"%s\": the graph says %s, %s has %s%s",
        l->document->json->name, t->name, shape_text(l, wanted, type->rank, dim), file,
        shape_text(l, element_text(l, t), t->rank, t->dim), hint);
}

typedef struct plan {
    tn_store store;
    tn_map *tensors; /* of each file of the model */
    TN_VEC(tn_store_want) wants;
} plan;

/* Finds the tensor of a weight in the first file that has it. */
static tn_status
find_tensor(loader *l, plan *p, tn_weight *w, const tn_weight_source *source, bool *found)
{
    *found = false;
    for (uint32_t f = 0; f < l->module->files.count; f++) {
        const tn_weight_file *file = l->module->files.at[f];
        const char *name = name_in_file(l, file, w->tensor);
        tn_file_tensor *t = tn_map_get(&p->tensors[f], name);
        if (!t)
            continue;
        *found = true;
        t->used = true;
        TN_TRY(check_tensor(l, w, source, t, p->store.files.at[t->file].name));
        tn_store_want want = {t, l->at[w->id], w->type.dtype};
        if (p->store.files.at[t->file].npy) {
            want.to = tn_arena_array(l->arena, (size_t)w->elements + 1, 8);
            l->at[w->id] = want.to;
            w->data = want.to;
        }
        tn_push(l->arena, &p->wants, want);
        return TN_OK;
    }
    return TN_OK;
}

static void
list_unused(loader *l, const plan *p)
{
    for (uint32_t f = 0; f < l->module->files.count; f++)
        for (uint32_t i = 0; i < p->tensors[f].count; i++) {
            const tn_file_tensor *t = p->tensors[f].entries[i].value;
            if (!t->used)
                tn_push(l->arena, &l->document->unused, t->name);
        }
}

static tn_status
read_wants(plan *p)
{
    tn_store_want *some = tn_new_array(p->store.arena, tn_store_want, p->wants.count);
    for (uint32_t file = 0; file < p->store.files.count; file++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < p->wants.count; i++)
            if (p->wants.at[i].tensor->file == file)
                some[count++] = p->wants.at[i];
        if (count)
            TN_TRY(tn_store_read(&p->store, file, some, count));
    }
    return TN_OK;
}

static bool
is_given(const loader *l, const tn_weight *w)
{
    for (int i = 0; i < l->options->given_count; i++)
        if (strcmp(l->options->given[i].name, w->name) == 0)
            return true;
    return false;
}

/* Weights that only files can give; all that are missing or do not fit are
 * told before it ends. */
static tn_status
load_files(loader *l)
{
    plan p = {.store = {.env = l->env, .arena = l->arena}};
    tn_status worst = TN_OK;
    p.tensors = tn_new_array(l->arena, tn_map, l->module->files.count + 1);
    for (uint32_t f = 0; f < l->module->files.count; f++) {
        const tn_weight_file *file = l->module->files.at[f];
        p.tensors[f].arena = l->arena;
        TN_TRY(tn_store_open(&p.store, l->module->folder, file->path, file->tensor, &p.tensors[f]));
    }
    for (uint32_t i = 0; i < l->module->weights.count; i++) {
        tn_weight *w = weight_at(l, i);
        bool found;
        if (w->given || w->slices.count || is_given(l, w))
            continue;
        tn_status status = find_tensor(l, &p, w, source_of(l, w), &found);
        if (status == TN_OK && !found)
            status = tn_fail(l->env->diag, TN_MALFORMED,
                "%s: tensor \"%s\": no file of the model has it", l->document->json->name,
                w->tensor);
        if (worst == TN_OK || status == TN_MALFORMED)
            worst = status == TN_OK ? worst : status;
    }
    TN_TRY(worst);
    list_unused(l, &p);
    return read_wants(&p);
}

/* ---- all together ---- */

static tn_status
fill_from_model(loader *l)
{
    bool files = l->module->files.count && !l->document->seed_weights;
    for (uint32_t i = 0; i < l->module->weights.count; i++) {
        tn_weight *w = weight_at(l, i);
        tn_weight_source *source = source_of(l, w);
        if (source->data)
            TN_TRY(fill_data(l, w, source, source->data));
        else if (source->labels)
            fill_computed(l, w, source);
        else if (!files && !w->given && w->slices.count == 0)
            fill_seeded(l, w, source);
    }
    return TN_OK;
}

static tn_status
fill_given(loader *l)
{
    for (int i = 0; i < l->options->given_count; i++) {
        const tn_weight_given *given = &l->options->given[i];
        tn_weight *w = tn_map_get(&l->module->weights, given->name);
        if (!w) {
            const char **names = tn_new_array(l->arena, const char *, l->module->weights.count + 1);
            for (uint32_t k = 0; k < l->module->weights.count; k++)
                names[k] = weight_at(l, k)->name;
            return tn_json_fail_key(l->document->json, given->data,
                "the model has no weight \"%s\"%s", given->name,
                tn_json_meant(l->arena, given->name, names, l->module->weights.count));
        }
        TN_TRY(fill_data(l, w, source_of(l, w), given->data));
    }
    return TN_OK;
}

tn_status
tn_weights_load(const tn_env *env, tn_module *module, const tn_weights_options *options)
{
    static const tn_weights_options nothing;
    loader l = {.env = env,
        .arena = module->arena,
        .module = module,
        .document = tn_module_document(module),
        .options = options ? options : &nothing};
    l.document->json->diag = env->diag;
    give_room(&l);
    TN_TRY(fill_from_model(&l));
    if (module->files.count && !l.document->seed_weights)
        TN_TRY(load_files(&l));
    join_stacks(&l);
    return fill_given(&l);
}
