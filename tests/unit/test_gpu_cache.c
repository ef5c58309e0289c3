/* SPDX-License-Identifier: Apache-2.0 */
#define CL_TARGET_OPENCL_VERSION 120
#define VK_NO_PROTOTYPES
#include <CL/cl.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

#include "tests/support/gpu_work.h"
#include "tests/support/test.h"

/* What drivers compiled, from one run to the next. */

static __typeof__(&clCreateProgramWithSource) from_source;
static __typeof__(&clCreateProgramWithBinary) from_binary;
static PFN_vkCreatePipelineCache create_cache;
static int sources, binaries;
static size_t blob_bytes;

static cl_program CL_API_CALL
count_source(cl_context context, cl_uint count, const char **text, const size_t *bytes,
    cl_int *error)
{
    sources++;
    return from_source(context, count, text, bytes, error);
}

static cl_program CL_API_CALL
count_binary(cl_context context, cl_uint count, const cl_device_id *devices, const size_t *bytes,
    const unsigned char **binary, cl_int *status, cl_int *error)
{
    binaries++;
    return from_binary(context, count, devices, bytes, binary, status, error);
}

static VKAPI_ATTR VkResult VKAPI_CALL
see_blob(VkDevice device, const VkPipelineCacheCreateInfo *info, const VkAllocationCallbacks *alloc,
    VkPipelineCache *out)
{
    blob_bytes = info->initialDataSize;
    return create_cache(device, info, alloc, out);
}

static void *
counted(void *self, const char *name, void *found)
{
    __typeof__(&clCreateProgramWithSource) source = count_source;
    __typeof__(&clCreateProgramWithBinary) binary = count_binary;
    PFN_vkCreatePipelineCache blob = see_blob;
    (void)self;

    if (!strcmp(name, "clCreateProgramWithSource")) {
        memcpy(&from_source, &found, sizeof found);
        memcpy(&found, &source, sizeof found);
    } else if (!strcmp(name, "clCreateProgramWithBinary")) {
        memcpy(&from_binary, &found, sizeof found);
        memcpy(&found, &binary, sizeof found);
    } else if (!strcmp(name, "vkCreatePipelineCache")) {
        memcpy(&create_cache, &found, sizeof found);
        memcpy(&found, &blob, sizeof found);
    }
    return found;
}

/* Every file of the folder: spoiled, or removed. */
static int
each_file(const char *folder, bool spoil)
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
        TN_CHECK_EQ(spoil ? truncate(path, 90) : remove(path), 0);
    }
    if (d)
        closedir(d);
    return count;
}

static void
run(const char *device, const char *folder)
{
    tn_gpu_work w = {.device = device, .cache_folder = folder, .driver_entry = counted};

    sources = binaries = 0;
    blob_bytes = 0;
    if (!TN_CHECK_EQ(tn_gpu_work_run(&w), TN_OK) || !TN_CHECK(w.right))
        tn_test_note("%s", w.why);
}

TN_TEST(opencl_programs_are_compiled_once)
{
    char folder[] = "tn-cache-XXXXXX";

    if (!tn_gpu_work_possible("opencl"))
        TN_SKIP("opencl is not here");
    TN_NEED(mkdtemp(folder) != NULL);
    run("opencl", folder);
    TN_CHECK(sources == 1 && binaries == 0);
    run("opencl", folder);
    TN_CHECK(sources == 0 && binaries == 1);
    TN_CHECK(each_file(folder, true) >= 2);
    run("opencl", folder);
    TN_CHECK(sources == 1 && binaries == 0);
    run("opencl", folder);
    TN_CHECK(sources == 0 && binaries == 1);
    run("opencl", NULL);
    TN_CHECK(sources == 1 && binaries == 0);
    each_file(folder, false);
    rmdir(folder);
}

TN_TEST(vulkan_pipelines_are_kept)
{
    char folder[] = "tn-cache-XXXXXX";

    if (!tn_gpu_work_possible("vulkan"))
        TN_SKIP("vulkan is not here");
    TN_NEED(mkdtemp(folder) != NULL);
    run("vulkan", folder);
    TN_CHECK_EQ(blob_bytes, 0);
    run("vulkan", folder);
    TN_CHECK(blob_bytes >= 32);
    TN_CHECK(each_file(folder, true) >= 2);
    run("vulkan", folder);
    TN_CHECK_EQ(blob_bytes, 0);
    run("vulkan", folder);
    TN_CHECK(blob_bytes >= 32);
    each_file(folder, false);
    rmdir(folder);
}

TN_MAIN(TN_CASE(opencl_programs_are_compiled_once), TN_CASE(vulkan_pipelines_are_kept))
