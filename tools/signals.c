/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { NOTES = 16, NAME_ROOM = 4096 };

/* READ: written, and some thread compares the name. */
typedef enum note_state { NOTE_FREE, NOTE_TAKEN, NOTE_WRITTEN, NOTE_READ } note_state;

/* Names of files that exist only until they are renamed. Static, for a signal
 * handler has nothing else to reach them by. */
static struct note {
    atomic_int state;
    char name[NAME_ROOM];
} notes[NOTES];

static void
note(const char *name)
{
    size_t bytes = strlen(name) + 1;

    for (int i = 0; i < NOTES && bytes <= NAME_ROOM; i++) {
        int expected = NOTE_FREE;

        if (!atomic_compare_exchange_strong(&notes[i].state, &expected, NOTE_TAKEN))
            continue;
        memcpy(notes[i].name, name, bytes);
        atomic_store(&notes[i].state, NOTE_WRITTEN);
        return;
    }
}

/* A name that is held does not change; false: there is none. */
static bool
hold(struct note *n)
{
    int found = NOTE_WRITTEN;

    while (!atomic_compare_exchange_strong(&n->state, &found, NOTE_READ)) {
        if (found != NOTE_READ)
            return false;
        found = NOTE_WRITTEN;
    }
    return true;
}

static void
forget(const char *name)
{
    for (int i = 0; i < NOTES; i++)
        if (hold(&notes[i]))
            atomic_store(&notes[i].state,
                strcmp(notes[i].name, name) == 0 ? NOTE_FREE : NOTE_WRITTEN);
}

static void
end(int signal_number)
{
    for (int i = 0; i < NOTES; i++) {
        int state = atomic_load(&notes[i].state);

        if (state == NOTE_WRITTEN || state == NOTE_READ)
            unlink(notes[i].name);
    }
    _exit(128 + signal_number);
}

void
tn_signals_install(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    action.sa_handler = end;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

/* Noted first: a name that a signal finds too early is one that is not there
 * yet. */
static int
create_noted(void *self, const char *path, int *fd)
{
    int error;

    (void)self;
    note(path);
    error = tn_files_system()->create(tn_files_system()->self, path, fd);
    if (error)
        forget(path);
    return error;
}

static int
rename_noted(void *self, const char *from, const char *to)
{
    int error;

    (void)self;
    error = tn_files_system()->rename(tn_files_system()->self, from, to);
    if (!error)
        forget(from);
    return error;
}

static int
remove_noted(void *self, const char *path)
{
    int error;

    (void)self;
    error = tn_files_system()->remove(tn_files_system()->self, path);
    forget(path);
    return error;
}

const tn_files *
tn_signals_files(void)
{
    static tn_files noted;

    noted = *tn_files_system();
    noted.create = create_noted;
    noted.rename = rename_noted;
    noted.remove = remove_noted;
    return &noted;
}
