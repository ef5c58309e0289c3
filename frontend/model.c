/* SPDX-License-Identifier: Apache-2.0
 * Reading a graph file, from the bytes to the module. */
#include "frontend/model.h"

#include <inttypes.h>
#include <string.h>

#include "frontend/read.h"
#include "ir/base/text.h"

const char *
tn_read_context(void *self)
{
    const tn_read *r = self;
    const tn_step *chain[TN_READ_MAX_DEPTH + 2];
    tn_text out = {.arena = r->arena};
    int depth = 0;
    for (const tn_step *at = r->step; at && depth < TN_READ_MAX_DEPTH + 2; at = at->outer)
        chain[depth++] = at;
    tn_text_put(&out, "", 0);
    while (depth > 0) {
        const tn_step *at = chain[--depth];
        const char *path = tn_json_path(r->doc, at->node);
        /* Inside a function its own name is known from the step before. */
        const char *nodes = out.length ? strstr(path, "nodes[") : path;
        tn_text_add(&out, "%s%s", out.length ? ", " : ", in ", nodes ? nodes : path);
        while (!at->function) {
            tn_text_add(&out, " round %" PRId64, at->round);
            if (depth == 0 || !chain[depth - 1]->function)
                break;
            at = chain[--depth];
        }
        if (at->function)
            tn_text_add(&out, " @%s", at->function);
    }
    return out.at;
}

void
tn_read_unknown(tn_read *r, tn_status status, const tn_json *at, bool key, const char *format, ...)
{
    uint32_t line, column;
    va_list args;
    va_start(args, format);
    const char *message = tn_arena_vprintf(r->arena, format, args);
    va_end(args);
    tn_guard_position(r->doc->text, key ? at->key_offset : at->offset, &line, &column);
    const char *path = tn_json_path(r->doc, at);
    message = tn_arena_printf(r->arena, "%s:%" PRIu32 ":%" PRIu32 ": %s%s%s", r->doc->name, line,
        column, path, *path ? ": " : "", message);
    tn_push(r->arena, &r->unknown, message);
    if (status == TN_UNSUPPORTED || r->unknown_status == TN_OK)
        r->unknown_status = status;
}

const char *
tn_read_meant(tn_read *r, const tn_scope *scope, const char *name)
{
    TN_VEC(const char *) names = {0};
    for (const tn_scope *at = scope; at; at = at->outer)
        for (uint32_t i = 0; i < at->names.count; i++)
            tn_push(r->arena, &names, at->names.entries[i].key);
    for (uint32_t i = 0; i < r->params.count; i++)
        tn_push(r->arena, &names, r->params.at[i].name);
    for (uint32_t i = 0; scope && !scope->frame->function && i < r->dims.count; i++)
        tn_push(r->arena, &names, r->dims.at[i].name);
    return tn_json_meant(r->arena, name, names.at, names.count);
}

const char *
tn_read_type_text(tn_read *r, const tn_type *type)
{
    tn_text out = {.arena = r->arena};
    tn_type_print(&out, r->sizes, type);
    return out.at;
}

tn_status
tn_read_count(tn_read *r, const tn_json *at)
{
    if (++r->nodes <= r->doc->limits.nodes)
        return TN_OK;
    return tn_read_fail_nodes(r, at);
}

tn_status
tn_read_fail_nodes(tn_read *r, const tn_json *at)
{
    return tn_json_fail_at(r->doc, TN_LIMIT, at, false, -1, NULL,
        "the graph has more than %" PRIu32
        " nodes once it is expanded (--limit nodes=N allows more)",
        r->doc->limits.nodes);
}

/* "models/hello.json" is hello. */
static const char *
title_of(tn_read *r, const char *file)
{
    const tn_json *name = tn_json_get(tn_json_get(r->doc->root, "meta"), "name");
    if (name && name->kind == TN_JSON_STRING)
        return name->text;
    const char *slash = strrchr(file, '/');
    const char *start = slash ? slash + 1 : file, *dot = strrchr(start, '.');
    size_t length = dot && dot > start ? (size_t)(dot - start) : strlen(start);
    return tn_arena_copy(r->arena, start, length);
}

static tn_status
read_all(tn_read *r)
{
    const tn_json *root = r->doc->root;
    TN_TRY(tn_shape_check(r));
    r->document->title = title_of(r, r->module->file);
    r->init = tn_json_get(root, "init");
    TN_TRY(tn_read_params(r));
    TN_TRY(tn_read_dims(r));
    TN_TRY(tn_read_labels(r));
    TN_TRY(tn_read_tokenizers(r));
    TN_TRY(tn_read_files(r));
    TN_TRY(tn_read_entries(r));
    return tn_read_tests(r);
}

static tn_status
read_document(const tn_env *env, tn_json_doc *doc, const tn_model_options *options, tn_module **out)
{
    static const tn_model_options nothing;
    tn_arena *arena = doc->arena;
    tn_read *r = tn_new(arena, tn_read);
    tn_document *document = tn_new(arena, tn_document);
    tn_module *module = tn_module_create(arena, doc->name);
    *r = (tn_read){.env = env,
        .arena = arena,
        .doc = doc,
        .module = module,
        .options = options ? options : &nothing,
        .document = document};
    r->functions.arena = r->stored.arena = r->states.arena = arena;
    document->json = doc;
    document->reader = r;
    document->weights.arena = arena;
    document->seed_weights = r->options->seed_weights;
    module->document = document;
    module->folder = tn_path_folder(arena, doc->name);
    module->seed = r->options->seed;
    doc->context = tn_read_context;
    doc->self = r;
    tn_status status = read_all(r);
    /* What is said of the file later stands in no expansion. */
    doc->context = NULL;
    doc->self = NULL;
    *out = status == TN_OK ? module : NULL;
    return status;
}

tn_status
tn_model_parse(const tn_env *env, tn_arena *arena, const char *name, tn_span text,
    const tn_model_options *options, tn_module **out)
{
    tn_json_doc *doc;
    *out = NULL;
    TN_TRY(tn_json_parse(arena, env->diag, name, text, options ? &options->limits : NULL, &doc));
    return read_document(env, doc, options, out);
}

tn_status
tn_model_read(const tn_env *env, tn_arena *arena, const char *path, const tn_model_options *options,
    tn_module **out)
{
    tn_json_doc *doc;
    *out = NULL;
    TN_TRY(tn_json_read(env, arena, path, options ? &options->limits : NULL, &doc));
    return read_document(env, doc, options, out);
}

tn_graph *
tn_module_entry(const tn_module *module, const char *name)
{
    for (uint32_t i = 0; i < module->entries.count; i++)
        if (strcmp(module->entries.at[i]->name, name ? name : "main") == 0)
            return module->entries.at[i];
    return name || module->entries.count == 0 ? NULL : module->entries.at[0];
}

int64_t
tn_module_params(const tn_module *module)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < module->weights.count; i++) {
        const tn_weight *weight = module->weights.entries[i].value;
        if (weight->slices.count == 0)
            sum += weight->elements;
    }
    return sum;
}
