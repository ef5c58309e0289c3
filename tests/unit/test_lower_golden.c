/* SPDX-License-Identifier: Apache-2.0
 * tests/golden/lower/NAME.txt: a graph, a line of dashes, its groups and
 * kernels. TN_BLESS=1 writes what follows the dashes anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lowered.h"
#include "tests/support/test.h"

enum { ROOM = 1 << 17 };

static const char border[] = "----\n";
static char text[ROOM], printed[ROOM];

static void
check(const char *name)
{
    char path[512], *wanted;
    size_t bytes;
    FILE *f;

    snprintf(path, sizeof path, "%s/tests/golden/lower/%s.txt", TN_SOURCE_FOLDER, name);
    f = fopen(path, "rb");
    TN_NEED(f != NULL);
    bytes = fread(text, 1, ROOM - 1, f);
    text[bytes] = 0;
    fclose(f);
    wanted = strstr(text, border);
    if (wanted) {
        *wanted = 0;
        wanted += sizeof border - 1;
    }
    lowered_print(text, printed, ROOM);
    if (getenv("TN_BLESS")) {
        f = fopen(path, "wb");
        TN_NEED(f != NULL);
        fprintf(f, "%s%s%s", text, border, printed);
        fclose(f);
    } else {
        TN_CHECK_STR(printed, wanted ? wanted : "");
    }
}

TN_TEST(hello)
{
    check("hello");
}

TN_TEST(crf)
{
    check("crf");
}

/* Emissions added before the maximum: what is reduced is scores plus
 * transitions all the same. */
TN_TEST(crf_before)
{
    check("crf_before");
}

TN_TEST(utterance)
{
    check("utterance");
}

TN_TEST(norm_gather)
{
    check("norm_gather");
}

TN_TEST(lstm)
{
    check("lstm");
}

/* With every smaller budget the same honest answer. */
TN_TEST(survives_running_out_anywhere)
{
    static const char graph[] =
        "graph main\n    dim B 1..9\n    input x: f32[B,4]\n    weight w: f32[3,4]\n"
        "    h: f32[B,3] = linear x, w\n    p: f32[B,3] = softmax h {axis=1}\n"
        "    output p = p\n";
    int status = 6;

    for (unsigned long bytes = 4096; status == 6; bytes += 640)
        status = lowered_within(graph, bytes);
    TN_CHECK_EQ(status, 0);
}

TN_MAIN(TN_CASE(hello), TN_CASE(crf), TN_CASE(crf_before), TN_CASE(utterance), TN_CASE(norm_gather),
    TN_CASE(lstm), TN_CASE(survives_running_out_anywhere))
