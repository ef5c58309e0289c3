/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/codegen.h"
#include "tests/support/fake_alloc.h"
#include "tests/support/fake_files.h"
#include "tests/support/test.h"

#define MODULE TN_BINARY_FOLDER "/tests/odd_generator.so"

typedef struct place {
    char folder[64], deep[96];
    tn_diag diag;
    tn_env env;
    tn_hash key;
    char got[64];
    size_t got_bytes;
} place;

static void
open_place(place *p)
{
    memset(p, 0, sizeof *p);
    strcpy(p->folder, "tn-cache-XXXXXX");
    TN_CHECK(mkdtemp(p->folder) != NULL);
    snprintf(p->deep, sizeof p->deep, "%s/a/b", p->folder);
    tn_diag_init(&p->diag, tn_alloc_system());
    p->env = (tn_env){tn_alloc_system(), tn_files_system(), &p->diag};
    p->key = tn_hash_of("key", 3);
}

static int
each_file(const char *folder, void (*visit)(const char *path))
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    char path[512];
    int count = 0;

    while (d && (entry = readdir(d))) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (visit)
            visit(path);
    }
    if (d)
        closedir(d);
    return count;
}

static void
forget(const char *path)
{
    remove(path);
}

static void
close_place(place *p)
{
    char path[80];

    each_file(p->deep, forget);
    rmdir(p->deep);
    snprintf(path, sizeof path, "%s/a", p->folder);
    rmdir(path);
    rmdir(p->folder);
    TN_CHECK_EQ(tn_diag_count(&p->diag), 0);
    tn_diag_clear(&p->diag);
}

static void
take(void *to, tn_blob kept)
{
    place *p = to;

    p->got_bytes = kept.bytes;
    memcpy(p->got, kept.at, kept.bytes < sizeof p->got ? kept.bytes : sizeof p->got);
}

static bool
find(place *p)
{
    p->got_bytes = 0;
    return tn_cache_find(&p->env, p->deep, &p->key, take, p);
}

static void
keep(place *p, const char *text)
{
    tn_cache_keep(&p->env, p->deep, &p->key, (tn_blob){text, strlen(text)});
}

TN_TEST(what_is_kept_is_found)
{
    place p;

    open_place(&p);
    TN_CHECK(!find(&p));
    keep(&p, "some code");
    TN_CHECK(find(&p));
    TN_CHECK_EQ(p.got_bytes, 9);
    TN_CHECK(memcmp(p.got, "some code", 9) == 0);
    keep(&p, "newer");
    TN_CHECK(find(&p) && p.got_bytes == 5);
    p.key.at[0] ^= 1;
    TN_CHECK(!find(&p));
    TN_CHECK(!tn_cache_find(&p.env, NULL, &p.key, take, &p));
    tn_cache_keep(&p.env, NULL, &p.key, (tn_blob){"x", 1});
    close_place(&p);
}

/* Flips one byte of the file, or cuts it. */
static long flip_at;

static void
damage(const char *path)
{
    FILE *f = fopen(path, "r+b");
    int was;

    if (!TN_CHECK(f != NULL))
        return;
    fseek(f, flip_at, SEEK_SET);
    was = fgetc(f);
    fseek(f, flip_at, SEEK_SET);
    fputc(was ^ 4, f);
    fclose(f);
}

static void
cut(const char *path)
{
    TN_CHECK_EQ(truncate(path, flip_at), 0);
}

static void
let_others_write(const char *path)
{
    TN_CHECK_EQ(chmod(path, 0666), 0);
}

TN_TEST(a_damaged_file_is_as_absent_and_replaced)
{
    place p;

    open_place(&p);
    for (flip_at = 0; flip_at < 80 + 9; flip_at++) {
        keep(&p, "some code");
        TN_CHECK(find(&p));
        each_file(p.deep, damage);
        if (!TN_CHECK(!find(&p)))
            tn_test_note("byte %ld", flip_at);
        keep(&p, "some code");
        each_file(p.deep, cut);
        TN_CHECK(!find(&p));
    }
    keep(&p, "some code");
    TN_CHECK_EQ(each_file(p.deep, let_others_write), 1);
    TN_CHECK(!find(&p));
    close_place(&p);
}

TN_TEST(a_failing_disk_costs_only_the_cache)
{
    tn_fake_files files;
    place p;
    int n;

    open_place(&p);
    for (n = 1; n < 40; n++) {
        each_file(p.deep, forget);
        tn_fake_files_init(&files, tn_files_system(), n);
        p.env.files = &files.table;
        keep(&p, "some code");
        if (find(&p))
            TN_CHECK_EQ(p.got_bytes, 9);
        TN_CHECK_EQ(files.open, 0);
        if (!files.failed)
            break;
        /* At most the file itself: what was begun is removed. */
        TN_CHECK(each_file(p.deep, NULL) <= 1);
    }
    TN_CHECK(n > 5 && n < 40);
    close_place(&p);
}

TN_TEST(two_processes_write_at_once)
{
    static const char a[] = "the code of one process", b[] = "another";
    pid_t child;
    place p;
    int code = 0;

    open_place(&p);
    child = fork();
    for (int i = 0; i < 300; i++) {
        keep(&p, child ? a : b);
        /* Always whole: one or the other. */
        if (!find(&p) || (p.got_bytes != strlen(a) && p.got_bytes != strlen(b)))
            code = 1;
    }
    if (child == 0)
        _exit(code);
    TN_CHECK_EQ(code, 0);
    TN_CHECK(waitpid(child, &code, 0) == child && code == 0);
    TN_CHECK_EQ(each_file(p.deep, NULL), 1);
    close_place(&p);
}

/* ---- the limit ---- */

enum { HEAD = 80, BODY = 20, AGED = 6 };

/* Files of HEAD + BODY bytes under the keys "0", "1" .., each a second older
 * than the next. */
static void
keep_aged(place *p, tn_hash *key)
{
    struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    char path[512], hex[TN_HASH_HEX];

    for (int i = 0; i < AGED; i++) {
        char digit = (char)('0' + i);

        key[i] = tn_hash_of(&digit, 1);
        tn_cache_keep(&p->env, p->deep, &key[i], (tn_blob){"twenty bytes of code", BODY});
        tn_hash_hex(&key[i], hex);
        snprintf(path, sizeof path, "%s/%s", p->deep, hex);
        times[0].tv_sec++;
        times[1].tv_sec++;
        TN_CHECK_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
    }
}

/* Which of them are there, as bits: without finding, which would renew them. */
static int
there(const place *p, const tn_hash *key)
{
    int bits = 0;

    for (int i = 0; i < AGED; i++) {
        char path[512], hex[TN_HASH_HEX];

        tn_hash_hex(&key[i], hex);
        snprintf(path, sizeof path, "%s/%s", p->deep, hex);
        bits |= (access(path, F_OK) == 0) << i;
    }
    return bits;
}

TN_TEST(what_was_used_longest_ago_goes_first)
{
    enum { BYTES = HEAD + BODY };
    tn_hash key[AGED];
    char other[512];
    place p;
    FILE *f;

    open_place(&p);
    tn_cache_trim(&p.env, p.deep, 1); /* no folder: nothing to do */
    keep_aged(&p, key);
    tn_cache_trim(&p.env, p.deep, AGED * BYTES);
    TN_CHECK_EQ(there(&p, key), 0x3f);
    /* Found just now: the newest. Three quarters of five are three. */
    TN_CHECK(tn_cache_find(&p.env, p.deep, &key[0], take, &p));
    tn_cache_trim(&p.env, p.deep, 5 * BYTES);
    TN_CHECK_EQ(there(&p, key), 0x31);
    /* What no cache named is neither counted nor removed. */
    snprintf(other, sizeof other, "%s/notes", p.deep);
    f = fopen(other, "w");
    if (TN_CHECK(f != NULL))
        fclose(f);
    TN_CHECK_EQ(truncate(other, 1 << 20), 0);
    tn_cache_trim(&p.env, p.deep, 3 * BYTES);
    TN_CHECK_EQ(there(&p, key), 0x31);
    tn_cache_trim(&p.env, p.deep, 1);
    TN_CHECK_EQ(there(&p, key), 0);
    TN_CHECK_EQ(each_file(p.deep, NULL), 1);
    close_place(&p);
}

TN_TEST(unfinished_files_count_and_go)
{
    tn_fake_files files;
    place p;

    open_place(&p);
    tn_fake_files_init(&files, tn_files_system(), 9); /* within the writes */
    files.stay_down = true;
    files.most = 16;
    p.env.files = &files.table;
    keep(&p, "some code");
    p.env.files = tn_files_system();
    TN_CHECK_EQ(each_file(p.deep, NULL), 1);
    TN_CHECK(!find(&p));
    tn_cache_trim(&p.env, p.deep, 1 << 20);
    TN_CHECK_EQ(each_file(p.deep, NULL), 1);
    tn_cache_trim(&p.env, p.deep, 1);
    TN_CHECK_EQ(each_file(p.deep, NULL), 0);
    close_place(&p);
}

/* A file that cannot be removed is passed over, and others go instead. */
TN_TEST(trimming_survives_every_failing_call)
{
    tn_fake_files files;
    tn_hash key[AGED];
    int n;
    place p;

    open_place(&p);
    for (n = 1; n < 40; n++) {
        keep_aged(&p, key);
        tn_fake_files_init(&files, tn_files_system(), n);
        p.env.files = &files.table;
        tn_cache_trim(&p.env, p.deep, 4 * (HEAD + BODY));
        p.env.files = tn_files_system();
        if (!files.failed)
            break;
        TN_CHECK_EQ(there(&p, key), n == 1 ? 0x3f : 0x30 | 1 << (n - 2));
    }
    TN_CHECK_EQ(n, 5);
    TN_CHECK_EQ(there(&p, key), 0x38);
    close_place(&p);
}

TN_TEST(trimming_survives_running_out)
{
    tn_fake_alloc alloc;
    tn_hash key[AGED];
    place p;

    open_place(&p);
    keep_aged(&p, key);
    tn_fake_alloc_init(&alloc, 1);
    p.env.alloc = &alloc.table;
    tn_cache_trim(&p.env, p.deep, 1);
    p.env.alloc = tn_alloc_system();
    TN_CHECK(alloc.failed);
    TN_CHECK_EQ(there(&p, key), 0x3f);
    close_place(&p);
}

/* ---- through tn_generate: a module that says when it compiles ---- */

static void
count_compiles(void *self, int level, const char *text)
{
    (void)level;
    *(int *)self += strcmp(text, "odd compiles") == 0;
}

static int
compiles(place *p, const char *folder, const char *target, const char *lane)
{
    int count = 0;
    tn_registry_options options = {
        .cache_folder = folder, .log = count_compiles, .log_self = &count};
    tn_registry *registry = NULL;
    tn_span code;

    if (!TN_CHECK_EQ(tn_registry_create(&p->env, &options, &registry), TN_OK))
        return -1;
    TN_CHECK_EQ(tn_registry_load(registry, MODULE), TN_OK);
    if (TN_CHECK_EQ(tn_generate(&p->env, registry, "strange", target,
                        (tn_span){(const uint8_t *)lane, strlen(lane)}, &code),
            TN_OK))
        TN_CHECK(code.bytes == strlen(lane) && memcmp(code.at, lane, code.bytes) == 0);
    tn_generate_free(&p->env, &code);
    tn_registry_destroy(registry);
    return count;
}

TN_TEST(code_is_generated_once)
{
    place p;

    open_place(&p);
    TN_CHECK_EQ(compiles(&p, p.deep, "one", "kernel"), 1);
    TN_CHECK_EQ(compiles(&p, p.deep, "one", "kernel"), 0);
    TN_CHECK_EQ(compiles(&p, p.deep, "two", "kernel"), 1);
    TN_CHECK_EQ(compiles(&p, p.deep, "one", "other"), 1);
    TN_CHECK_EQ(compiles(&p, NULL, "one", "kernel"), 1);
    flip_at = 85;
    each_file(p.deep, damage);
    TN_CHECK_EQ(compiles(&p, p.deep, "one", "kernel"), 1);
    TN_CHECK_EQ(compiles(&p, p.deep, "one", "kernel"), 0);
    /* A folder that cannot be: it works without. */
    TN_CHECK_EQ(compiles(&p, "/dev/null/none", "one", "kernel"), 1);
    TN_CHECK_EQ(compiles(&p, "/dev/null/none", "one", "kernel"), 1);
    close_place(&p);
}

/* Each file is 86 bytes: three are over a limit of 200, then one is left. */
TN_TEST(a_registry_keeps_its_cache_small)
{
    tn_registry_options options = {.cache_limit_bytes = 200};
    tn_registry *registry = NULL;
    tn_hash key;
    place p;

    open_place(&p);
    options.cache_folder = p.deep;
    TN_NEED(tn_registry_create(&p.env, &options, &registry) == TN_OK);
    for (char name = 'a'; name <= 'c'; name++) {
        key = tn_hash_of(&name, 1);
        tn_registry_keep(registry, &key, (tn_blob){"code..", 6});
    }
    tn_registry_destroy(registry);
    TN_CHECK_EQ(each_file(p.deep, NULL), 1);
    close_place(&p);
}

TN_MAIN(TN_CASE(what_is_kept_is_found), TN_CASE(a_damaged_file_is_as_absent_and_replaced),
    TN_CASE(a_failing_disk_costs_only_the_cache), TN_CASE(two_processes_write_at_once),
    TN_CASE(what_was_used_longest_ago_goes_first), TN_CASE(unfinished_files_count_and_go),
    TN_CASE(trimming_survives_every_failing_call), TN_CASE(trimming_survives_running_out),
    TN_CASE(code_is_generated_once), TN_CASE(a_registry_keeps_its_cache_small))
