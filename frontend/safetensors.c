/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/json.h"
#include "frontend/weight_files.h"
#include "ir/base/checked.h"
#include "ir/npy.h"

enum { MAX_HEADER = 100000000 };

/* Memory of the arena is taken while no file is mapped, for running out of it
 * jumps past the unmapping: files are mapped once for their size, once for
 * their header, once for the numbers. */
static tn_status
file_start(tn_store *store, const tn_store_file *file, uint8_t *start, size_t room, uint64_t *bytes)
{
    tn_span all;
    TN_TRY(tn_file_map(store->env, file->path, &all));
    *bytes = all.bytes;
    memset(start, 0, room);
    if (all.bytes)
        memcpy(start, all.at, all.bytes < room ? all.bytes : room);
    tn_file_unmap(store->env, &all);
    return TN_OK;
}

static tn_status
changed(const tn_store *store, const tn_store_file *file)
{
    return tn_fail(store->env->diag, TN_IO, "%s: the file changed while it was read", file->name);
}

static tn_status
copy_part(tn_store *store, const tn_store_file *file, uint64_t offset, uint64_t bytes, void *to)
{
    tn_span all;
    tn_status status = TN_OK;
    TN_TRY(tn_file_map(store->env, file->path, &all));
    if (all.bytes != file->bytes)
        status = changed(store, file);
    else if (bytes)
        memcpy(to, all.at + offset, (size_t)bytes);
    tn_file_unmap(store->env, &all);
    return status;
}

static tn_dtype
element_type(const char *text)
{
    static const struct {
        const char *text;
        tn_dtype dtype;
    } types[] = {{"F64", TN_F64}, {"F32", TN_F32}, {"F16", TN_F16}, {"BF16", TN_BF16},
        {"I64", TN_I64}, {"I32", TN_I32}, {"I16", TN_I16}, {"I8", TN_I8}, {"U64", TN_U64},
        {"U32", TN_U32}, {"U16", TN_U16}, {"U8", TN_U8}, {"BOOL", TN_BOOL}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].text, text) == 0)
            return types[i].dtype;
    return TN_DTYPE_COUNT;
}

static tn_status
read_shape(const tn_json_doc *doc, const tn_json *at, tn_file_tensor *out)
{
    const tn_json *shape = tn_json_get(at, "shape");
    if (!shape || shape->kind != TN_JSON_LIST)
        return tn_json_fail(doc, at, "a tensor needs \"shape\", a list of numbers");
    if (shape->count > TN_MAX_RANK)
        return tn_json_fail_at(doc, TN_LIMIT, shape, false, -1, NULL, "more than %d axes",
            TN_MAX_RANK);
    out->elements = 1;
    for (const tn_json *dim = shape->first; dim; dim = dim->next) {
        int64_t size;
        TN_TRY(tn_json_int(doc, dim, 0, INT64_C(1) << 53, &size));
        out->dim[out->rank++] = size;
        if (!tn_mul_i64(out->elements, size, &out->elements))
            return tn_json_fail(doc, shape, "more elements than 64 bits count");
    }
    return TN_OK;
}

static tn_status
read_tensor(const tn_json_doc *doc, const tn_json *at, uint64_t data, uint64_t end,
    tn_file_tensor *out)
{
    const tn_json *dtype = tn_json_get(at, "dtype"), *place = tn_json_get(at, "data_offsets");
    int64_t from, to;
    out->name = at->key;
    TN_TRY(tn_json_want(doc, at, TN_JSON_OBJECT));
    if (!dtype || dtype->kind != TN_JSON_STRING)
        return tn_json_fail(doc, at, "a tensor needs \"dtype\", a string");
    out->element = dtype->text;
    out->dtype = element_type(dtype->text);
    TN_TRY(read_shape(doc, at, out));
    if (!place || place->kind != TN_JSON_LIST || place->count != 2)
        return tn_json_fail(doc, at, "a tensor needs \"data_offsets\", [begin, end]");
    TN_TRY(tn_json_int(doc, place->first, 0, INT64_C(1) << 53, &from));
    TN_TRY(tn_json_int(doc, place->first->next, 0, INT64_C(1) << 53, &to));
    if (from > to || (uint64_t)to > end - data)
        return tn_json_fail(doc, place,
            "%" PRId64 "..%" PRId64 " is not within the %" PRIu64 " bytes of data", from, to,
            end - data);
    out->offset = data + (uint64_t)from;
    out->bytes = (uint64_t)(to - from);
    int64_t wanted = 0;
    if (out->dtype != TN_DTYPE_COUNT &&
        (!tn_mul_i64(out->elements, tn_dtype_bytes(out->dtype), &wanted) ||
            (uint64_t)wanted != out->bytes))
        return tn_json_fail(doc, place, "%" PRIu64 " bytes for %" PRId64 " elements of %s",
            out->bytes, out->elements, out->element);
    return TN_OK;
}

static int
by_offset(const void *a, const void *b)
{
    const tn_file_tensor *const *x = a, *const *y = b;
    if ((*x)->offset != (*y)->offset)
        return (*x)->offset < (*y)->offset ? -1 : 1;
    if ((*x)->bytes != (*y)->bytes)
        return (*x)->bytes < (*y)->bytes ? -1 : 1;
    return strcmp((*x)->name, (*y)->name);
}

/* One after another, from the first byte of data to the last of the file. */
static tn_status
check_cover(tn_store *store, const tn_store_file *file, tn_file_tensor **all, uint32_t count,
    uint64_t data)
{
    uint64_t next = data;
    if (count)
        qsort(all, count, sizeof *all, by_offset);
    for (uint32_t i = 0; i < count; i++) {
        if (all[i]->offset != next)
            return tn_fail(store->env->diag, TN_MALFORMED,
                "%s: tensor \"%s\" begins at byte %" PRIu64 ", expected %" PRIu64
                ": tensors neither overlap nor leave holes",
                file->name, all[i]->name, all[i]->offset, next);
        next += all[i]->bytes;
    }
    if (next != file->bytes)
        return tn_fail(store->env->diag, TN_MALFORMED,
            "%s: the tensors end at byte %" PRIu64 ", the file has %" PRIu64, file->name, next,
            file->bytes);
    return TN_OK;
}

static tn_status
read_header(tn_store *store, uint32_t number, const tn_json_doc *doc, uint64_t data, tn_map *out)
{
    const tn_store_file *file = &store->files.at[number];
    tn_file_tensor **all = tn_new_array(store->arena, tn_file_tensor *, doc->root->count);
    uint32_t count = 0;
    TN_TRY(tn_json_want(doc, doc->root, TN_JSON_OBJECT));
    for (const tn_json *at = doc->root->first; at; at = at->next) {
        if (strcmp(at->key, "__metadata__") == 0)
            continue;
        tn_file_tensor *tensor = tn_new(store->arena, tn_file_tensor);
        TN_TRY(read_tensor(doc, at, data, file->bytes, tensor));
        tensor->file = number;
        all[count++] = tensor;
        tn_map_put(out, tensor->name, tensor);
    }
    return check_cover(store, file, all, count, data);
}

static tn_status
open_safetensors(tn_store *store, uint32_t number, tn_map *out)
{
    tn_store_file *file = &store->files.at[number];
    uint8_t start[8];
    uint64_t length = 0;
    tn_json_doc *doc;
    TN_TRY(file_start(store, file, start, sizeof start, &file->bytes));
    for (int i = 8; i-- > 0;)
        length = length << 8 | start[i];
    if (file->bytes < 8 || length > file->bytes - 8)
        return tn_fail(store->env->diag, TN_MALFORMED,
            "%s: byte 0: the header has %" PRIu64 " bytes, the file %" PRIu64
            "; this is no safetensors file",
            file->name, length, file->bytes);
    if (length > MAX_HEADER)
        return tn_fail(store->env->diag, TN_LIMIT, "%s: a header of %" PRIu64 " bytes, at most %d",
            file->name, length, MAX_HEADER);
    uint8_t *text = tn_arena_get(store->arena, (size_t)length + 1);
    TN_TRY(copy_part(store, file, 8, length, text));
    tn_span span = {text, (size_t)length};
    TN_TRY(tn_json_parse(store->arena, store->env->diag,
        tn_arena_printf(store->arena, "%s (header)", file->name), span, NULL, &doc));
    return read_header(store, number, doc, 8 + length, out);
}

static tn_status
open_npy(tn_store *store, uint32_t number, const char *tensor, tn_map *out)
{
    tn_store_file *file = &store->files.at[number];
    tn_file_tensor *t = tn_new(store->arena, tn_file_tensor);
    tn_span all;
    tn_npy npy;
    if (!tensor)
        return tn_fail(store->env->diag, TN_MALFORMED,
            "%s: an npy file holds one tensor; name it: {\"path\": \"%s\", \"tensor\": \"..\"}",
            file->name, file->name);
    TN_TRY(tn_file_map(store->env, file->path, &all));
    file->bytes = all.bytes;
    tn_status status = tn_npy_read(store->env->diag, file->name, all, &npy);
    tn_file_unmap(store->env, &all);
    TN_TRY(status);
    *t = (tn_file_tensor){.name = tensor,
        .element = tn_dtype_name(npy.dtype),
        .dtype = npy.dtype,
        .rank = npy.rank,
        .elements = npy.elements,
        .file = number};
    memcpy(t->dim, npy.dim, sizeof t->dim);
    file->npy = true;
    tn_map_put(out, tensor, t);
    return TN_OK;
}

static tn_status
add_file(tn_store *store, const char *folder, const char *path, uint32_t *number)
{
    tn_store_file file = {.name = path};
    TN_TRY(tn_path_beneath(store->env, store->arena, folder, path, &file.path));
    *number = store->files.count;
    tn_push(store->arena, &store->files, file);
    return TN_OK;
}

/* The index names the file of each tensor, beside itself. */
static tn_status
open_index(tn_store *store, uint32_t number, tn_map *out)
{
    const tn_store_file *index = &store->files.at[number];
    const char *folder = tn_path_folder(store->arena, index->path);
    tn_map files = {.arena = store->arena};
    tn_json_doc *doc;
    TN_TRY(tn_json_read(store->env, store->arena, index->path, NULL, &doc));
    const tn_json *map = tn_json_get(doc->root, "weight_map");
    if (!map || map->kind != TN_JSON_OBJECT)
        return tn_json_fail(doc, doc->root, "an index needs \"weight_map\"");
    for (const tn_json *at = map->first; at; at = at->next) {
        TN_TRY(tn_json_want(doc, at, TN_JSON_STRING));
        tn_map *tensors = tn_map_get(&files, at->text);
        if (!tensors) {
            uint32_t part;
            tensors = tn_new(store->arena, tn_map);
            tensors->arena = store->arena;
            TN_TRY(add_file(store, folder, at->text, &part));
            TN_TRY(open_safetensors(store, part, tensors));
            tn_map_put(&files, at->text, tensors);
        }
        tn_file_tensor *tensor = tn_map_get(tensors, at->key);
        if (!tensor)
            return tn_json_fail(doc, at, "%s has no tensor of this name", at->text);
        tn_map_put(out, tensor->name, tensor);
    }
    return TN_OK;
}

static bool
ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

tn_status
tn_store_open(tn_store *store, const char *folder, const char *path, const char *tensor,
    tn_map *tensors)
{
    uint32_t number;
    if (ends_with(path, ".gguf"))
        return tn_fail(store->env->diag, TN_UNSUPPORTED, "%s: GGUF files cannot be read yet", path);
    TN_TRY(add_file(store, folder, path, &number));
    if (ends_with(path, ".npy"))
        return open_npy(store, number, tensor, tensors);
    if (ends_with(path, ".index.json"))
        return open_index(store, number, tensors);
    if (ends_with(path, ".safetensors"))
        return open_safetensors(store, number, tensors);
    return tn_fail(store->env->diag, TN_MALFORMED,
        "%s: expected a file that ends in .safetensors, .safetensors.index.json, .npy or .gguf",
        path);
}

static void
convert(tn_dtype from, const void *at, tn_dtype to, void *out, int64_t count)
{
    size_t step = (size_t)tn_dtype_bytes(from), next = (size_t)tn_dtype_bytes(to);
    const uint8_t *source = at;
    uint8_t *target = out;
    if (from == to) {
        memcpy(out, at, (size_t)count * step);
        return;
    }
    for (int64_t i = 0; i < count; i++, source += step, target += next) {
        if (tn_is_float(from) && tn_is_float(to))
            tn_store_double(to, target, tn_load_double(from, source));
        else if (tn_is_float(to))
            tn_store_double(to, target, (double)tn_load_int(from, source));
        else
            tn_store_int(to, target, tn_load_int(from, source));
    }
}

static void
read_npy(const tn_npy *npy, const tn_store_want *want)
{
    /* Room for the stored numbers lies at the end of that for the wanted ones
     * (the caller's part), so that one walk converts them in place. */
    int64_t wide = tn_dtype_bytes(want->dtype), narrow = tn_dtype_bytes(npy->dtype);
    uint8_t *end = (uint8_t *)want->to + npy->elements * (wide > narrow ? wide : narrow);
    uint8_t *stored = end - npy->elements * narrow;
    tn_npy_copy(npy, stored);
    if (npy->dtype == want->dtype)
        return;
    for (int64_t i = 0; i < npy->elements; i++) {
        uint8_t element[8];
        memcpy(element, stored + i * narrow, (size_t)narrow);
        convert(npy->dtype, element, want->dtype, (uint8_t *)want->to + i * wide, 1);
    }
}

static tn_status
read_mapped(tn_store *store, const tn_store_file *file, tn_span all, const tn_store_want *wants,
    uint32_t count)
{
    tn_npy npy;
    if (all.bytes != file->bytes)
        return changed(store, file);
    if (file->npy)
        TN_TRY(tn_npy_read(store->env->diag, file->name, all, &npy));
    for (uint32_t i = 0; i < count; i++) {
        const tn_file_tensor *t = wants[i].tensor;
        if (file->npy && (npy.dtype != t->dtype || npy.elements != t->elements))
            return changed(store, file);
        if (file->npy)
            read_npy(&npy, &wants[i]);
        else
            convert(t->dtype, all.at + t->offset, wants[i].dtype, wants[i].to, t->elements);
    }
    return TN_OK;
}

tn_status
tn_store_read(tn_store *store, uint32_t file, const tn_store_want *wants, uint32_t count)
{
    tn_span all;
    TN_TRY(tn_file_map(store->env, store->files.at[file].path, &all));
    tn_status status = read_mapped(store, &store->files.at[file], all, wants, count);
    tn_file_unmap(store->env, &all);
    return status;
}
