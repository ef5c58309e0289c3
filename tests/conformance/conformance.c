/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/support/run_device.h"
#include "tests/support/test.h"
#include "tests/support/tile_cases.h"

/* The tile programs on devices against the tile interpreter:
 *
 *     conformance DEVICE.. [--dump FOLDER]
 *
 * Prints what ran where; exit code 77 if a device is not there. With --dump
 * the code of every kernel is left in the folder, for validators. */
static void
each(void *self, tn_run_tile p, const char *choice)
{
    tn_run_device *d = self;

    p.machine = &d->machine;
    if (tn_run_tile_start(&p))
        tn_run_tile_on(&p, d->target, choice);
    tn_run_tile_end(&p);
}

static const char *device_name = "cpu", *dump_folder;
static bool skipped;

static void
programs_agree(void)
{
    tn_run_device d;

    if (!tn_run_device_open(&d, device_name)) {
        skipped = true;
        return;
    }
    d.dump = dump_folder;
    printf("%s: %s\n  target %s\n", device_name, d.title, d.target);
    tn_tile_cases(each, &d);
    printf("%s: %d kernels\n", device_name, d.kernels);
    TN_CHECK(d.kernels > 0);
    tn_run_device_close(&d);
}

int
main(int argc, char **argv)
{
    static const tn_case cases[] = {TN_CASE(programs_agree)};
    int worst = 0;

    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], "--dump"))
            dump_folder = argv[i + 1];
    for (int i = 1; i < argc && strcmp(argv[i], "--dump") != 0; i++) {
        int code;

        device_name = argv[i];
        code = tn_test_run(cases, 1, 1, argv);
        worst = code ? code : worst;
    }
    return worst ? worst : skipped ? 77 : 0;
}
