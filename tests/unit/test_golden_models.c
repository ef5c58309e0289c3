/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/weights.h"
#include "tests/support/test.h"

/* Models that are refused (bad) or read, and what is then said or what graphs
 * they are: files of cases
 *
 *     == name [PARAM=VALUE ..] [dim:SYMBOL=N ..]
 *     {the model, in as many lines as it takes}
 *     -- status
 *     the messages, the graphs
 *
 * TN_BLESS=1 writes what was found into the files. */
typedef struct trial {
    tn_arena *arena;
    tn_diag diag;
    const char *text;
    size_t bytes;
    tn_model_options options;
    FILE *out;
} trial;

/* Full names, used by a graph or not. */
static void
print_declared(const trial *t, const tn_module *module)
{
    for (uint32_t i = 0; i < module->weights.count; i++)
        fprintf(t->out, "declared weight %s\n", module->weights.entries[i].key);
    for (uint32_t i = 0; i < module->states.count; i++)
        fprintf(t->out, "declared state %s\n", module->states.entries[i].key);
}

static tn_status
inside(void *arg)
{
    trial *t = arg;
    tn_env env = {tn_alloc_system(), tn_files_system(), &t->diag};
    tn_span span = {(const uint8_t *)t->text, t->bytes};
    tn_module *module;
    TN_TRY(tn_model_parse(&env, t->arena, "m.json", span, &t->options, &module));
    TN_TRY(tn_weights_load(&env, module, NULL));
    for (uint32_t i = 0; i < module->entries.count; i++) {
        tn_text text = {.arena = t->arena};
        tn_graph_print(&text, module->entries.at[i]);
        fputs(text.at, t->out);
        TN_TRY(tn_graph_verify(module->entries.at[i], &t->diag));
    }
    print_declared(t, module);
    return TN_OK;
}

enum { MAX_SETTINGS = 8 };

/* The settings behind the name of a case; `line` is cut into them. */
static void
read_settings(char *line, tn_model_set *sets, tn_model_dim *dims, tn_model_options *out)
{
    strtok(line, " ");
    for (char *word; (word = strtok(NULL, " ")) != NULL;) {
        char *equals = strchr(word, '=');
        TN_NEED(equals && out->set_count < MAX_SETTINGS && out->dim_count < MAX_SETTINGS);
        *equals = '\0';
        if (strncmp(word, "dim:", 4) == 0) {
            int64_t size = strtoll(equals + 1, NULL, 10);
            dims[out->dim_count++] = (tn_model_dim){word + 4, size, size};
        } else {
            sets[out->set_count++] = (tn_model_set){word, equals + 1};
        }
    }
    out->sets = sets;
    out->dims = dims;
}

/* "-- 3" and the messages, a line each. */
static size_t
answer(char *line, const char *text, size_t bytes, char *out, size_t room)
{
    tn_model_set sets[MAX_SETTINGS];
    tn_model_dim dims[MAX_SETTINGS];
    char *graphs = NULL;
    size_t size = 0;
    trial t = {.text = text, .bytes = bytes, .out = open_memstream(&graphs, &size)};
    read_settings(line, sets, dims, &t.options);
    tn_diag_init(&t.diag, tn_alloc_system());
    t.arena = tn_arena_create(tn_alloc_system(), 0);
    tn_status status = t.arena && t.out ? tn_arena_guard(t.arena, inside, &t) : TN_NO_MEMORY;
    int length = snprintf(out, room, "-- %d\n", (int)status);
    for (size_t i = 0; i < tn_diag_count(&t.diag); i++)
        length += snprintf(out + length, room - (size_t)length, "%s\n", tn_diag_text(&t.diag, i));
    fclose(t.out);
    if (status == TN_OK)
        length += snprintf(out + length, room - (size_t)length, "%s", graphs);
    free(graphs);
    tn_arena_destroy(t.arena);
    tn_diag_clear(&t.diag);
    return (size_t)length;
}

static char *
read_all(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    char *text = malloc(1 << 20);
    *bytes = f && text ? fread(text, 1, (1 << 20) - 1, f) : 0;
    if (text)
        text[*bytes] = '\0';
    if (f)
        fclose(f);
    return text;
}

/* One case: its name, model, and what is expected; gives the next. */
static const char *
run_case(const char *at, const char *file, FILE *blessed)
{
    static char found[65536];
    char line[256];
    const char *name = at + 3, *model = strchr(at, '\n') + 1;
    snprintf(line, sizeof line, "%.*s", (int)(model - name - 1), name);
    const char *wanted = strstr(model, "\n-- "), *next = strstr(model, "\n== ");
    bool complete = wanted && (!next || wanted < next);
    const char *end = complete ? wanted + 1 : next ? next + 1 : model + strlen(model);
    const char *after = next ? next + 1 : model + strlen(model);
    size_t length = answer(line, model, (size_t)(end - model), found, sizeof found);
    if (blessed) {
        fwrite(at, 1, (size_t)(end - at), blessed);
        fwrite(found, 1, length, blessed);
        return after;
    }
    if (!TN_CHECK(complete && (size_t)(after - end) == length && memcmp(end, found, length) == 0))
        tn_test_note("%s: %.*s gives\n%s", file, (int)(model - name - 1), name, found);
    return after;
}

static void
run_file(const char *folder, const char *name)
{
    char path[5000];
    size_t bytes;
    snprintf(path, sizeof path, TN_SOURCE_FOLDER "/tests/golden/%s/%s", folder, name);
    char *text = read_all(path, &bytes);
    TN_NEED(text && bytes);
    char *fresh = NULL;
    size_t size = 0;
    FILE *blessed = getenv("TN_BLESS") ? open_memstream(&fresh, &size) : NULL;
    for (const char *at = text; strncmp(at, "== ", 3) == 0;)
        at = run_case(at, name, blessed);
    if (blessed) {
        fclose(blessed);
        FILE *f = fopen(path, "wb");
        TN_CHECK(f && fwrite(fresh, 1, size, f) == size);
        if (f)
            fclose(f);
        free(fresh);
    }
    free(text);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void
run_folder(const char *folder, int least)
{
    static char names[64][64];
    char path[5000];
    int count = 0;
    snprintf(path, sizeof path, TN_SOURCE_FOLDER "/tests/golden/%s", folder);
    DIR *d = opendir(path);
    TN_NEED(d);
    for (struct dirent *e; count < 64 && (e = readdir(d)) != NULL;)
        if (strlen(e->d_name) > 4 && strlen(e->d_name) < 64 &&
            strcmp(e->d_name + strlen(e->d_name) - 4, ".txt") == 0)
            strcpy(names[count++], e->d_name);
    closedir(d);
    qsort(names, (size_t)count, sizeof *names, by_name);
    TN_CHECK(count >= least);
    for (int i = 0; i < count; i++)
        run_file(folder, names[i]);
}

TN_TEST(bad)
{
    run_folder("bad", 8);
}

TN_TEST(read)
{
    run_folder("read", 4);
}

TN_MAIN(TN_CASE(bad), TN_CASE(read))
