/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>

/* Stands in for libFuzzer in ordinary builds: runs a target over the files of
 * the folders named as arguments, and over simple mutations of each: cut at
 * every length, every byte replaced by a few others, pieces repeated. The
 * number of mutations a file is bounded, so that the test stays quick. */
enum { MOST_BYTES = 1 << 20, MOST_MUTATIONS = 2000 };

/* A copy of exactly the size, so that AddressSanitizer sees its end. */
static void
run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        exit(2);
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static size_t
stride(size_t size, size_t most)
{
    return size / most + 1;
}

static void
mutate(uint8_t *data, size_t size)
{
    static const uint8_t other[] = {0x00, 0x7f, 0x80, 0xff, '"', '0'};
    uint8_t *twice = malloc(2 * size + 1);

    if (!twice)
        exit(2);
    for (size_t cut = 0; cut < size; cut += stride(size, MOST_MUTATIONS / 4))
        run(data, cut);
    for (size_t at = 0; at < size; at += stride(size, MOST_MUTATIONS / 12)) {
        uint8_t kept = data[at];

        for (size_t k = 0; k < sizeof other; k++) {
            data[at] = other[k];
            run(data, size);
        }
        data[at] = (uint8_t)(kept ^ 1);
        run(data, size);
        data[at] = kept;
    }
    for (size_t cut = 1; cut <= size; cut += stride(size, MOST_MUTATIONS / 20)) {
        memcpy(twice, data, cut);
        memcpy(twice + cut, data, size);
        run(twice, cut + size);
    }
    free(twice);
}

static bool
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(MOST_BYTES);
    size_t size;

    if (!file || !data) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    size = fread(data, 1, MOST_BYTES, file);
    fclose(file);
    run(data, size);
    mutate(data, size);
    free(data);
    printf("ok %s\n", path);
    return true;
}

static int
replay_folder(const char *name)
{
    DIR *folder = opendir(name);
    const struct dirent *entry;
    char path[4096];
    int count = 0;

    if (!folder) {
        fprintf(stderr, "no folder %s\n", name);
        exit(2);
    }
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
        count += replay_file(path);
    }
    closedir(folder);
    return count;
}

int
main(int argc, char **argv)
{
    int count = 0;

    run((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        count += replay_folder(argv[i]);
    if (count == 0) {
        fprintf(stderr, "no seeds\n");
        return 1;
    }
    return 0;
}
