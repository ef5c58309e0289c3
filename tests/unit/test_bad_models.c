/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/weights.h"
#include "tests/support/test.h"

/* Models that are refused, and what is then said: files of cases
 *
 *     == name
 *     {the model, in as many lines as it takes}
 *     -- status
 *     the messages
 *
 * TN_BLESS=1 writes what was found into the files. */
static const char folder[] = TN_SOURCE_FOLDER "/tests/golden/bad";

typedef struct trial {
    tn_arena *arena;
    tn_diag diag;
    const char *text;
    size_t bytes;
} trial;

static tn_status
inside(void *arg)
{
    trial *t = arg;
    tn_env env = {tn_alloc_system(), tn_files_system(), &t->diag};
    tn_span span = {(const uint8_t *)t->text, t->bytes};
    tn_module *module;
    TN_TRY(tn_model_parse(&env, t->arena, "m.json", span, NULL, &module));
    return tn_weights_load(&env, module, NULL);
}

/* "-- 3" and the messages, a line each. */
static size_t
answer(const char *text, size_t bytes, char *out, size_t room)
{
    trial t = {.text = text, .bytes = bytes};
    tn_diag_init(&t.diag, tn_alloc_system());
    t.arena = tn_arena_create(tn_alloc_system(), 0);
    tn_status status = t.arena ? tn_arena_guard(t.arena, inside, &t) : TN_NO_MEMORY;
    int length = snprintf(out, room, "-- %d\n", (int)status);
    for (size_t i = 0; i < tn_diag_count(&t.diag); i++)
        length += snprintf(out + length, room - (size_t)length, "%s\n", tn_diag_text(&t.diag, i));
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
    static char found[16384];
    const char *name = at + 3, *model = strchr(at, '\n') + 1;
    const char *wanted = strstr(model, "\n-- "), *next = strstr(model, "\n== ");
    bool complete = wanted && (!next || wanted < next);
    const char *end = complete ? wanted + 1 : next ? next + 1 : model + strlen(model);
    const char *after = next ? next + 1 : model + strlen(model);
    size_t length = answer(model, (size_t)(end - model), found, sizeof found);
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
run_file(const char *name)
{
    char path[600];
    size_t bytes;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text = read_all(path, &bytes);
    TN_NEED(text && bytes);
    FILE *blessed = getenv("TN_BLESS") ? fopen(path, "wb") : NULL;
    for (const char *at = text; strncmp(at, "== ", 3) == 0;)
        at = run_case(at, name, blessed);
    if (blessed)
        fclose(blessed);
    free(text);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

TN_TEST(all_files)
{
    static char names[64][64];
    int count = 0;
    DIR *d = opendir(folder);
    TN_NEED(d);
    for (struct dirent *e; count < 64 && (e = readdir(d)) != NULL;)
        if (strlen(e->d_name) > 4 && strlen(e->d_name) < 64 &&
            strcmp(e->d_name + strlen(e->d_name) - 4, ".txt") == 0)
            strcpy(names[count++], e->d_name);
    closedir(d);
    qsort(names, (size_t)count, sizeof *names, by_name);
    TN_CHECK(count > 5);
    for (int i = 0; i < count; i++)
        run_file(names[i]);
}

TN_MAIN(TN_CASE(all_files))
