/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <vulkan/vulkan.h>

#include "tests/support/gpu_work.h"

/* Launches that depend on each other, for the validation layer:
 *
 *     barriers all|none
 *
 * With `none` the backend's barriers are dropped on their way to the driver.
 * Exit code 77 without a Vulkan device. */
static VKAPI_ATTR void VKAPI_CALL
no_barrier(VkCommandBuffer commands, VkPipelineStageFlags from, VkPipelineStageFlags to,
    VkDependencyFlags flags, uint32_t memories, const VkMemoryBarrier *memory, uint32_t buffers,
    const VkBufferMemoryBarrier *buffer, uint32_t images, const VkImageMemoryBarrier *image)
{
    (void)commands, (void)from, (void)to, (void)flags;
    (void)memories, (void)memory, (void)buffers, (void)buffer, (void)images, (void)image;
}

static void *
without_barriers(void *self, const char *name, void *found)
{
    PFN_vkCmdPipelineBarrier none = no_barrier;
    (void)self;

    if (strcmp(name, "vkCmdPipelineBarrier") == 0)
        memcpy(&found, &none, sizeof found);
    return found;
}

int
main(int argc, char **argv)
{
    tn_gpu_work w = {.device = "vulkan"};
    tn_status status;

    if (argc > 1 && !strcmp(argv[1], "none"))
        w.driver_entry = without_barriers;
    status = tn_gpu_work_run(&w);
    if (status == TN_DEVICE) {
        printf("%s\n", w.why);
        return 77;
    }
    printf("%s\n", w.right ? "right" : "wrong");
    return status == TN_OK ? 0 : 1;
}
