/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "runtime/cache.h"

/* The hash, perhaps ".process.try" behind it. */
enum { NAME_ROOM = TN_HASH_HEX + 32, PATH_ROOM = 4096, FIRST_ROOM = 64 };

typedef struct kept_file {
    int64_t changed;
    uint64_t bytes;
    char name[NAME_ROOM];
} kept_file;

typedef struct listing {
    const tn_alloc *alloc;
    kept_file *at;
    size_t count, room;
    uint64_t bytes; /* of all */
    bool starved;
} listing;

/* Nothing else may lie in the folder; if it does, it is not ours to remove. */
static bool
is_cache_name(const char *name)
{
    size_t hex = strspn(name, "0123456789abcdef");
    size_t length = strlen(name);

    return hex == TN_HASH_HEX - 1 && length < NAME_ROOM &&
        (name[hex] == '\0' ||
            (name[hex] == '.' && strspn(name + hex, ".0123456789") == length - hex));
}

static bool
make_room(listing *l)
{
    size_t room = l->room ? 2 * l->room : FIRST_ROOM;
    kept_file *at =
        l->alloc->resize(l->alloc->self, l->at, l->room * sizeof *at, room * sizeof *at);

    if (!at)
        return false;
    l->at = at;
    l->room = room;
    return true;
}

static void
note(void *to, const char *name, uint64_t bytes, int64_t changed)
{
    listing *l = to;

    if (!is_cache_name(name) || l->starved)
        return;
    if (l->count == l->room && !make_room(l)) {
        l->starved = true;
        return;
    }
    l->at[l->count] = (kept_file){.changed = changed, .bytes = bytes};
    memcpy(l->at[l->count++].name, name, strlen(name) + 1);
    l->bytes += bytes;
}

static int
by_age(const void *a, const void *b)
{
    const kept_file *x = a, *y = b;

    if (x->changed != y->changed)
        return x->changed < y->changed ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool
remove_file(const tn_files *files, const char *folder, const char *name)
{
    char path[PATH_ROOM];
    size_t length = strlen(folder);

    if (length + 1 + NAME_ROOM > sizeof path)
        return false;
    memcpy(path, folder, length);
    path[length] = '/';
    memcpy(path + length + 1, name, strlen(name) + 1);
    return files->remove(files->self, path) == 0;
}

/* Another process may trim at once: what is gone already was not removed here
 * and is not counted, so that at worst a little more goes than must. */
void
tn_cache_trim(const tn_env *env, const char *folder, uint64_t limit_bytes)
{
    listing l = {.alloc = env->alloc};
    uint64_t aim = limit_bytes - limit_bytes / 4;

    if (env->files->list(env->files->self, folder, note, &l) == 0 && !l.starved &&
        l.bytes > limit_bytes) {
        qsort(l.at, l.count, sizeof *l.at, by_age);
        for (size_t i = 0; i < l.count && l.bytes > aim; i++)
            if (remove_file(env->files, folder, l.at[i].name))
                l.bytes -= l.at[i].bytes;
    }
    tn_alloc_free(env->alloc, l.at, l.room * sizeof *l.at);
}
