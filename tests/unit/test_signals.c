/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

typedef struct scene {
    char written[64], renamed[64];
    int signal_number;
} scene;

/* In a process of its own: one file being written, one that is done. */
static void
act(const scene *s)
{
    const tn_files *files = tn_signals_files();
    char before[80];
    int fd;

    tn_signals_install();
    snprintf(before, sizeof before, "%s.tmp", s->renamed);
    if (files->create(files->self, before, &fd) != 0 ||
        files->rename(files->self, before, s->renamed) != 0 ||
        files->create(files->self, s->written, &fd) != 0)
        _exit(1);
    raise(s->signal_number);
    _exit(2);
}

static int
status_after(const scene *s)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        act(s);
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

TN_TEST(leaves_only_whole_files_behind)
{
    static const struct {
        int signal_number, status;
    } cases[] = {{SIGINT, 130}, {SIGTERM, 143}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene s = {.signal_number = cases[i].signal_number};

        snprintf(s.written, sizeof s.written, "signals-%ld-written", (long)getpid());
        snprintf(s.renamed, sizeof s.renamed, "signals-%ld-whole", (long)getpid());
        TN_CHECK_EQ(status_after(&s), cases[i].status);
        TN_CHECK(access(s.written, F_OK) != 0);
        TN_CHECK(access(s.renamed, F_OK) == 0);
        unlink(s.written);
        unlink(s.renamed);
    }
}

TN_MAIN(TN_CASE(leaves_only_whole_files_behind))
