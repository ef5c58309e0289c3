/* SPDX-License-Identifier: Apache-2.0
 *
 * Random graphs on devices against the reference evaluator:
 *
 *     graph_fuzz [--device NAME].. [--count N] [--seed S] [--seconds T] [--plant FROM TO]
 *
 * --seconds ends a campaign early. Every graph is compiled with fusion and without, run with its
 * buffers reusing memory and with all of them apart, twice if it has state, and once more with a
 * wrong index if one can be; its plans are checked. Every element of its outputs must be within a
 * bound that is carried from node to node. Data is drawn anew where that bound leaves a decision
 * open; what stays open is left out and counted. A failure is cut down to a small graph and
 * printed. Exit code 1 if there was one, 77 if a device is not there.
 *
 * Without a device the data is drawn and what stays open is counted. --plant gives the devices
 * graphs in which op FROM is op TO (as long a name): exit code 0 if that is found and always cut
 * down to few nodes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/fuzz_graphs/fz_trial.h"

/* How small a planted fault has to become. */
enum { FEW = 3 };

typedef struct campaign {
    fz_session s;
    bool f64;
    int64_t graphs, failed, open_graphs, all_compared, all_open, drawn_again;
    int largest; /* failure, cut down */
    int sizes[FZ_NODES + 1];
} campaign;

static void
one(campaign *c, uint64_t seed)
{
    static fz_graph g;
    int where = 0, size, left;
    fz_outcome out;

    fz_generate(&g, seed, c->f64);
    size = fz_size(&g);
    if (size == 0)
        return;
    c->sizes[size]++;
    c->graphs++;
    c->open_graphs += !fz_settle(&c->s, &g);
    c->drawn_again += g.draw > 0;
    out = fz_try(&c->s, &g, -1, &where);
    c->all_compared += c->s.compared;
    c->all_open += c->s.open;
    if (out == FZ_SAME)
        return;
    c->failed++;
    left = fz_report(&c->s, &g, out, where);
    c->largest = left > c->largest ? left : c->largest;
}

/* ---- the program ---- */

static volatile sig_atomic_t running;

/* An assertion names no seed. */
static void
note_seed(int number)
{
    (void)number;
    fprintf(stderr, "seed %ld ends the process\n", (long)running);
}

static int
median(const campaign *c)
{
    int64_t below = 0;

    for (int i = 0; i <= FZ_NODES; i++) {
        below += c->sizes[i];
        if (2 * below >= c->graphs)
            return i;
    }
    return 0;
}

/* Doubles are among the types where every device computes with them. */
static bool
open_devices(campaign *c, int argc, char **argv)
{
    fz_session *s = &c->s;

    c->f64 = true;
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--device") != 0)
            continue;
        if (s->device_count == FZ_DEVICES ||
            !tn_graph_device_open(&s->devices[s->device_count], argv[i + 1]))
            return false;
        c->f64 = c->f64 && s->devices[s->device_count++].target.f64_arith;
    }
    return true;
}

static int
verdict(const campaign *c)
{
    if (c->s.plant) {
        printf("the planted fault was found in %lld graphs, cut down to %d nodes at most\n",
            (long long)c->failed, c->largest);
        return c->failed == 0 || c->largest > FEW;
    }
    if (50 * c->open_graphs > c->graphs && c->graphs >= 100) {
        printf("more than 2 %% of the graphs have such elements\n");
        return 1;
    }
    return c->failed > 0;
}

static int
finish(campaign *c)
{
    printf("%lld graphs, median of %d nodes, %lld kernels, %lld runs with a wrong index, %lld "
           "failed; %lld elements compared, %lld of them (in %lld graphs) behind a decision within "
           "its margin, data drawn again for %lld graphs\n",
        (long long)c->graphs, median(c), (long long)c->s.kernels, (long long)c->s.failing_runs,
        (long long)c->failed, (long long)c->all_compared, (long long)c->all_open,
        (long long)c->open_graphs, (long long)c->drawn_again);
    for (int i = 0; i < c->s.device_count; i++) {
        printf("  %s: %s (%s)\n", c->s.devices[i].name, c->s.devices[i].title,
            c->s.devices[i].identity);
        tn_graph_device_close(&c->s.devices[i]);
    }
    return verdict(c);
}

int
main(int argc, char **argv)
{
    static campaign c;
    int64_t count = 100, seed = 1, seconds = INT64_MAX;
    time_t start = time(NULL);

    for (int i = 1; i + 1 < argc; i++) {
        if (!strcmp(argv[i], "--count"))
            count = atoll(argv[i + 1]);
        if (!strcmp(argv[i], "--seed"))
            seed = atoll(argv[i + 1]);
        if (!strcmp(argv[i], "--seconds"))
            seconds = atoll(argv[i + 1]);
        if (!strcmp(argv[i], "--plant") && i + 2 < argc &&
            strlen(argv[i + 1]) == strlen(argv[i + 2])) {
            c.s.plant = argv[i + 1];
            c.s.planted = argv[i + 2];
        }
    }
    signal(SIGABRT, note_seed);
    if (!open_devices(&c, argc, argv))
        return 77;
    for (int64_t i = 0; i < count && time(NULL) - start < seconds; i++) {
        running = (sig_atomic_t)(seed + i);
        one(&c, (uint64_t)(seed + i));
    }
    return finish(&c);
}
