/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/fake_alloc.h"
#include "tests/support/fake_files.h"
#include "tests/support/test.h"

/* A fresh folder for one test. */
typedef struct place {
    char folder[64];
    char path[128];
    tn_diag diag;
    tn_env env;
} place;

static void
place_open(place *p)
{
    strcpy(p->folder, "tn-files-XXXXXX");
    if (!mkdtemp(p->folder))
        perror("mkdtemp");
    snprintf(p->path, sizeof p->path, "%s/file", p->folder);
    tn_diag_init(&p->diag, tn_alloc_system());
    p->env = (tn_env){tn_alloc_system(), tn_files_system(), &p->diag};
}

/* Entries of the folder. */
static int
place_count(const place *p)
{
    DIR *folder = opendir(p->folder);
    int count = 0;

    if (!folder)
        return -1;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2;
}

static void
place_close(place *p)
{
    DIR *folder = opendir(p->folder);
    const struct dirent *entry;
    char path[512];

    while (folder && (entry = readdir(folder))) {
        snprintf(path, sizeof path, "%s/%s", p->folder, entry->d_name);
        if (entry->d_name[0] != '.')
            remove(path);
    }
    if (folder)
        closedir(folder);
    TN_CHECK_EQ(rmdir(p->folder), 0);
    tn_diag_clear(&p->diag);
}

static tn_span
span(const char *text)
{
    return (tn_span){(const uint8_t *)text, strlen(text)};
}

static bool
holds(place *p, const char *wanted)
{
    tn_env plain = {tn_alloc_system(), tn_files_system(), NULL};
    tn_span found;
    bool same;

    if (tn_file_read(&plain, p->path, 1 << 20, &found) != TN_OK)
        return false;
    same = found.bytes == strlen(wanted) && memcmp(found.at, wanted, found.bytes) == 0;
    tn_file_free(&plain, &found);
    return same;
}

static bool
says(const place *p, const char *part)
{
    const char *text = tn_diag_text(&p->diag, 0);

    return text && strstr(text, part);
}

TN_TEST(reads_what_was_written)
{
    static const size_t lengths[] = {0, 1, 65535, 65536, 65537, 300000};
    place p;

    place_open(&p);
    for (size_t i = 0; i < 6; i++) {
        uint8_t *bytes = calloc(1, lengths[i] + 1);
        tn_span found;

        TN_NEED(bytes);
        for (size_t k = 0; k < lengths[i]; k++)
            bytes[k] = (uint8_t)(k * 131);
        TN_CHECK_EQ(tn_file_write(&p.env, p.path, (tn_span){bytes, lengths[i]}), TN_OK);
        TN_CHECK_EQ(tn_file_read(&p.env, p.path, lengths[i], &found), TN_OK);
        TN_CHECK(found.at != NULL);
        TN_CHECK_EQ(found.bytes, lengths[i]);
        TN_CHECK(memcmp(found.at, bytes, lengths[i]) == 0);
        tn_file_free(&p.env, &found);
        TN_CHECK_EQ(tn_file_map(&p.env, p.path, &found), TN_OK);
        TN_CHECK_EQ(found.bytes, lengths[i]);
        TN_CHECK(lengths[i] == 0 || memcmp(found.at, bytes, lengths[i]) == 0);
        tn_file_unmap(&p.env, &found);
        free(bytes);
    }
    TN_CHECK_EQ(place_count(&p), 1);
    place_close(&p);
}

TN_TEST(says_what_cannot_be_read)
{
    tn_span found;
    place p;

    place_open(&p);
    TN_CHECK_EQ(tn_file_read(&p.env, p.path, 100, &found), TN_IO);
    TN_CHECK(says(&p, "/file: No such file"));
    tn_diag_clear(&p.diag);
    TN_CHECK_EQ(tn_file_read(&p.env, p.folder, 10000, &found), TN_IO);
    TN_CHECK(says(&p, "Is a directory"));
    tn_diag_clear(&p.diag);
    TN_CHECK_EQ(tn_file_map(&p.env, p.path, &found), TN_IO);
    TN_CHECK(found.at == NULL);
    place_close(&p);
}

TN_TEST(refuses_more_than_the_limit)
{
    tn_span found;
    place p;

    place_open(&p);
    TN_CHECK_EQ(tn_file_write(&p.env, p.path, span("12345")), TN_OK);
    TN_CHECK_EQ(tn_file_read(&p.env, p.path, 4, &found), TN_LIMIT);
    TN_CHECK(says(&p, "more than 4 bytes"));
    TN_CHECK(found.at == NULL);
    /* What tells no size is counted while it is read. */
    TN_CHECK_EQ(tn_file_read(&p.env, "/dev/zero", 100000, &found), TN_LIMIT);
    place_close(&p);
}

/* Each call of the file layer fails in turn, also all calls after it, with a
 * short write each time: the old file is intact and, if the layer lives on,
 * nothing else is there. */
static void
fail_each(bool existed, bool stay_down)
{
    place p;
    int n = 0;
    bool failed = true;

    while (failed) {
        tn_fake_files files;
        tn_status status;

        place_open(&p);
        if (existed)
            TN_CHECK_EQ(tn_file_write(&p.env, p.path, span("old")), TN_OK);
        tn_fake_files_init(&files, tn_files_system(), ++n);
        files.stay_down = stay_down;
        files.most = 4;
        p.env.files = &files.table;
        status = tn_file_write(&p.env, p.path, span("new contents"));
        failed = files.failed;
        TN_CHECK_EQ(status, failed ? TN_IO : TN_OK);
        TN_CHECK_EQ(files.open, 0);
        if (!failed) {
            TN_CHECK(holds(&p, "new contents"));
            TN_CHECK_STR(files.log,
                "open_device real_path create write write write sync close rename sync_folder ");
        } else if (strstr(files.log, "sync_folder")) {
            TN_CHECK(holds(&p, "new contents")); /* only that it lasts is not sure */
        } else if (existed) {
            TN_CHECK(holds(&p, "old"));
        }
        if (failed)
            TN_CHECK(says(&p, "the disk is full") && says(&p, "/file"));
        if (!stay_down)
            TN_CHECK_EQ(place_count(&p), existed || strstr(files.log, "sync_folder"));
        place_close(&p);
    }
    TN_CHECK_EQ(n, 11);
}

TN_TEST(leaves_the_old_file_whatever_call_fails)
{
    fail_each(true, false);
}

TN_TEST(leaves_nothing_whatever_call_fails)
{
    fail_each(false, false);
}

TN_TEST(leaves_the_old_file_when_the_world_ends)
{
    fail_each(true, true);
}

TN_TEST(reading_survives_every_failing_call)
{
    tn_fake_files files;
    tn_fake_alloc mem;
    place p;

    place_open(&p);
    TN_CHECK_EQ(tn_file_write(&p.env, p.path, span("0123456789")), TN_OK);
    tn_fake_alloc_init(&mem, 0);
    p.env.alloc = &mem.table;
    for (int n = 1;; n++) {
        tn_span found;
        tn_status status;

        tn_fake_files_init(&files, tn_files_system(), n);
        files.fail_with = EIO;
        files.most = 3;
        p.env.files = &files.table;
        status = tn_file_read(&p.env, p.path, 10, &found);
        TN_CHECK_EQ(files.open, 0);
        if (n > 1 && files.calls <= n) { /* all went well up to closing, which cannot hurt */
            TN_CHECK_EQ(status, TN_OK);
            TN_CHECK(found.bytes == 10 && memcmp(found.at, "0123456789", 10) == 0);
            tn_file_free(&p.env, &found);
        } else {
            TN_CHECK_EQ(status, TN_IO);
            TN_CHECK(found.at == NULL);
        }
        TN_CHECK_EQ(mem.live, 0);
        if (!files.failed)
            break;
    }
    TN_CHECK_STR(files.log, "open_read size read read read read read close ");
    place_close(&p);
}

TN_TEST(mapping_survives_every_failing_call)
{
    tn_fake_files files;
    place p;

    place_open(&p);
    TN_CHECK_EQ(tn_file_write(&p.env, p.path, span("0123456789")), TN_OK);
    for (int n = 1;; n++) {
        tn_span found;
        tn_status status;

        tn_fake_files_init(&files, tn_files_system(), n);
        p.env.files = &files.table;
        status = tn_file_map(&p.env, p.path, &found);
        TN_CHECK_EQ(status, n <= 3 ? TN_IO : TN_OK);
        tn_file_unmap(&p.env, &found);
        TN_CHECK_EQ(files.open, 0);
        TN_CHECK_EQ(files.mapped, 0);
        if (!files.failed)
            break;
    }
    place_close(&p);
}

TN_TEST(reading_survives_running_out)
{
    tn_fake_alloc mem;
    tn_fake_files files;
    place p;

    place_open(&p);
    TN_CHECK_EQ(tn_file_write(&p.env, p.path, span("0123456789")), TN_OK);
    tn_fake_files_init(&files, tn_files_system(), 0);
    p.env.files = &files.table;
    p.env.alloc = &mem.table;
    tn_fake_alloc_init(&mem, 1);
    for (size_t n = 1;; n++) {
        tn_span found;
        tn_status status;

        tn_fake_alloc_init(&mem, n);
        status = tn_file_read(&p.env, p.path, 1 << 20, &found);
        TN_CHECK_EQ(status, mem.failed ? TN_NO_MEMORY : TN_OK);
        tn_file_free(&p.env, &found);
        TN_CHECK_EQ(mem.live, 0);
        TN_CHECK_EQ(files.open, 0);
        if (!mem.failed)
            break;
    }
    TN_CHECK(says(&p, "out of memory: 10 bytes"));
    place_close(&p);
}

TN_TEST(writes_behind_a_link)
{
    char link[128];
    struct stat about;
    place p;

    place_open(&p);
    snprintf(link, sizeof link, "%s/link", p.folder);
    TN_CHECK_EQ(tn_file_write(&p.env, p.path, span("old")), TN_OK);
    TN_CHECK_EQ(symlink("file", link), 0);
    TN_CHECK_EQ(tn_file_write(&p.env, link, span("new")), TN_OK);
    TN_CHECK(lstat(link, &about) == 0 && S_ISLNK(about.st_mode));
    TN_CHECK(holds(&p, "new"));
    place_close(&p);
}

TN_TEST(writes_devices_in_place)
{
    struct stat about;
    place p;

    place_open(&p);
    TN_CHECK_EQ(tn_file_write(&p.env, "/dev/null", span("gone")), TN_OK);
    TN_CHECK(stat("/dev/null", &about) == 0 && S_ISCHR(about.st_mode));
    TN_CHECK_EQ(tn_file_write(&p.env, "/dev/full", span("gone")), TN_IO);
    TN_CHECK(says(&p, "writing /dev/full: the disk is full"));
    place_close(&p);
}

typedef struct path_job {
    place *p;
    tn_arena *arena;
} path_job;

static tn_status
paths(void *arg)
{
    path_job *job = arg;
    place *p = job->p;
    const char *out;
    char real[4096];

    TN_CHECK_STR(tn_path_folder(job->arena, "a/b.json"), "a");
    TN_CHECK_STR(tn_path_folder(job->arena, "a/b/c"), "a/b");
    TN_CHECK_STR(tn_path_folder(job->arena, "b.json"), ".");
    TN_CHECK_STR(tn_path_folder(job->arena, "/b.json"), "/");
    TN_CHECK_STR(tn_path_folder(job->arena, ""), ".");

    TN_TRY(tn_file_write(&p->env, p->path, span("x")));
    TN_CHECK_EQ(tn_path_beneath(&p->env, job->arena, p->folder, "file", &out), TN_OK);
    TN_CHECK(realpath(p->path, real) && strcmp(out, real) == 0);
    TN_CHECK_EQ(tn_path_beneath(&p->env, job->arena, p->folder, "./file", &out), TN_OK);
    TN_CHECK_STR(out, real);
    TN_CHECK_EQ(tn_path_beneath(&p->env, job->arena, p->folder, "..", &out), TN_MALFORMED);
    TN_CHECK(out == NULL);
    TN_CHECK_EQ(tn_path_beneath(&p->env, job->arena, p->folder, "../..", &out), TN_MALFORMED);
    TN_CHECK_EQ(tn_path_beneath(&p->env, job->arena, p->folder, real, &out), TN_MALFORMED);
    TN_CHECK_EQ(tn_path_beneath(&p->env, job->arena, p->folder, "none", &out), TN_IO);
    TN_CHECK_EQ(tn_path_beneath(&p->env, job->arena, "/", "dev/null", &out), TN_OK);
    TN_CHECK_STR(out, "/dev/null");
    return TN_OK;
}

/* A link out of the folder, and a neighbour whose name begins alike. */
static tn_status
escapes(void *arg)
{
    path_job *job = arg;
    place *p = job->p;
    char at[256];
    const char *out;

    snprintf(at, sizeof at, "%s/out", p->folder);
    TN_CHECK_EQ(symlink("/dev/null", at), 0);
    TN_CHECK_EQ(tn_path_beneath(&p->env, job->arena, p->folder, "out", &out), TN_MALFORMED);
    snprintf(at, sizeof at, "%sx", p->folder);
    TN_TRY(tn_file_write(&p->env, at, span("x")));
    snprintf(at, sizeof at, "../%sx", p->folder);
    TN_CHECK_EQ(tn_path_beneath(&p->env, job->arena, p->folder, at, &out), TN_MALFORMED);
    TN_CHECK_EQ(remove(at + 3), 0);
    return TN_OK;
}

static void
with_arena(tn_status (*body)(void *))
{
    place p;
    path_job job = {.p = &p, .arena = tn_arena_create(tn_alloc_system(), 0)};

    TN_NEED(job.arena);
    place_open(&p);
    TN_CHECK_EQ(tn_arena_guard(job.arena, body, &job), TN_OK);
    tn_arena_destroy(job.arena);
    place_close(&p);
}

TN_TEST(resolves_paths)
{
    with_arena(paths);
}

TN_TEST(keeps_paths_in_their_folder)
{
    with_arena(escapes);
}

TN_MAIN(TN_CASE(reads_what_was_written), TN_CASE(says_what_cannot_be_read),
    TN_CASE(refuses_more_than_the_limit), TN_CASE(leaves_the_old_file_whatever_call_fails),
    TN_CASE(leaves_nothing_whatever_call_fails), TN_CASE(leaves_the_old_file_when_the_world_ends),
    TN_CASE(reading_survives_every_failing_call), TN_CASE(mapping_survives_every_failing_call),
    TN_CASE(reading_survives_running_out), TN_CASE(writes_behind_a_link),
    TN_CASE(writes_devices_in_place), TN_CASE(resolves_paths), TN_CASE(keeps_paths_in_their_folder))
