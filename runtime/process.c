/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/process.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int
spawn(const char *const *args, int socket, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);

    if (error)
        return error;
    error = posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, socket, STDOUT_FILENO);
    if (!error)
        error = posix_spawn(pid, args[0], &actions, NULL, (char *const *)(uintptr_t)args, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int
tn_process_start(const char *const *args, tn_process *out)
{
    int ends[2], error;
    pid_t pid = 0;

    *out = (tn_process){0};
    /* Sockets, because writing to a pipe that nobody reads raises SIGPIPE. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    error = spawn(args, ends[1], &pid);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        return error;
    }
    *out = (tn_process){.pid = (int)pid, .socket = ends[0]};
    return 0;
}

void
tn_process_end(tn_process *process)
{
    if (!process->pid)
        return;
    close(process->socket);
    kill((pid_t)process->pid, SIGKILL);
    while (waitpid((pid_t)process->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    *process = (tn_process){0};
}

uint64_t
tn_process_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Until the socket can be read or written. */
static tn_transfer
wait_for(const tn_process *process, short what, uint64_t deadline)
{
    struct pollfd p = {.fd = process->socket, .events = what};

    for (;;) {
        uint64_t now = tn_process_now(), left = 0;
        int ready;

        if (deadline && now >= deadline)
            return TN_TRANSFER_LATE;
        if (deadline)
            left = (deadline - now) / 1000000 + 1;
        ready = poll(&p, 1, !deadline ? -1 : left < INT_MAX ? (int)left : INT_MAX);
        if (ready > 0)
            return TN_TRANSFER_DONE;
        if (ready < 0 && errno != EINTR)
            return TN_TRANSFER_BROKEN;
    }
}

static bool
try_again(ssize_t moved)
{
    return moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

tn_transfer
tn_process_send(const tn_process *process, const void *from, size_t bytes, uint64_t deadline)
{
    const char *at = from;

    while (bytes) {
        ssize_t moved = send(process->socket, at, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (moved > 0) {
            at += moved;
            bytes -= (size_t)moved;
        } else if (try_again(moved)) {
            tn_transfer waited = wait_for(process, POLLOUT, deadline);

            if (waited != TN_TRANSFER_DONE)
                return waited;
        } else {
            return TN_TRANSFER_BROKEN;
        }
    }
    return TN_TRANSFER_DONE;
}

tn_transfer
tn_process_receive(const tn_process *process, void *to, size_t bytes, uint64_t deadline)
{
    char *at = to;

    while (bytes) {
        ssize_t moved = recv(process->socket, at, bytes, MSG_DONTWAIT);

        if (moved > 0) {
            at += moved;
            bytes -= (size_t)moved;
        } else if (try_again(moved)) {
            tn_transfer waited = wait_for(process, POLLIN, deadline);

            if (waited != TN_TRANSFER_DONE)
                return waited;
        } else {
            return TN_TRANSFER_BROKEN;
        }
    }
    return TN_TRANSFER_DONE;
}
