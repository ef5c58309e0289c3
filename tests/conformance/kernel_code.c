/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "runtime/artifact.h"

/* The code of every kernel of an artifact, for validators that are not ours:
 *
 *     kernel_code ARTIFACT FOLDER
 *
 * leaves FOLDER/kNNN.spv (SPIR-V without our head) and FOLDER/kNNN.cl. */
static tn_status
write_one(const tn_env *env, const char *folder, int number, const char *family, tn_span code)
{
    bool vulkan = !strcmp(family, "vulkan");
    size_t head = vulkan ? 20 : 0;
    char path[4096];

    if ((!vulkan && strcmp(family, "opencl") != 0) || code.bytes <= head)
        return TN_OK;
    snprintf(path, sizeof path, "%s/k%03d.%s", folder, number, vulkan ? "spv" : "cl");
    return tn_file_write(env, path, (tn_span){code.at + head, code.bytes - head});
}

static tn_status
write_all(const tn_env *env, const tn_artifact *a, const char *folder, int *count)
{
    for (uint32_t t = 0; t < a->targets.count; t++)
        for (uint32_t e = 0; e < a->iface.entries.count; e++)
            for (uint32_t k = 0; k < a->targets.at[t].plans[e].kernels.count; k++)
                TN_TRY(write_one(env, folder, (*count)++, a->targets.at[t].family,
                    a->targets.at[t].code[e][k]));
    return TN_OK;
}

int
main(int argc, char **argv)
{
    tn_diag diag;
    tn_env env = {tn_alloc_system(), tn_files_system(), &diag};
    tn_artifact *artifact = NULL;
    tn_status status;
    int count = 0;

    tn_diag_init(&diag, tn_alloc_system());
    if (argc != 3)
        return 2;
    status = tn_artifact_open_file(&env, argv[1], false, &artifact);
    if (status == TN_OK)
        status = write_all(&env, artifact, argv[2], &count);
    tn_artifact_close(artifact);
    for (size_t i = 0; i < tn_diag_count(&diag); i++)
        printf("%s\n", tn_diag_text(&diag, i));
    tn_diag_clear(&diag);
    printf("%d kernels\n", count);
    return (int)status;
}
