/* SPDX-License-Identifier: Apache-2.0 */
#define VK_NO_PROTOTYPES
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

/* Compiles SPIR-V files with whatever driver the loader finds, without running
 * them, and reads the driver's statistics:
 *
 *     spirv_stats FILE.spv..
 *
 * For drivers that compile without hardware (RADV_FORCE_FAMILY=navi21 with
 * VK_LOADER_DRIVERS_SELECT='radeon*'). Exit code 1 if a pipeline spills
 * registers or needs scratch memory, 77 without such a driver. */
enum { BUFFERS = 64, PUSH_BYTES = 128, LIMIT = 64, WORDS = 1 << 20 };

#define FUNCTIONS(f)                                                                            \
    f(vkGetPhysicalDeviceProperties) f(vkGetPhysicalDeviceFeatures2) f(vkCreateDevice)          \
        f(vkCreateShaderModule) f(vkCreateDescriptorSetLayout) f(vkCreatePipelineLayout)        \
            f(vkCreateComputePipelines) f(vkDestroyShaderModule) f(vkDestroyPipeline)           \
                f(vkGetPipelineExecutablePropertiesKHR) f(vkGetPipelineExecutableStatisticsKHR) \
                    f(vkEnumeratePhysicalDevices) f(vkDestroyPipelineLayout)                    \
                        f(vkDestroyDescriptorSetLayout) f(vkDestroyDevice) f(vkDestroyInstance)

typedef struct driver {
    PFN_vkGetInstanceProcAddr get;
    VkInstance instance;
    VkDevice device;
    VkPipelineLayout layout;
    VkDescriptorSetLayout set;
#define MEMBER(name) PFN_##name name;
    FUNCTIONS(MEMBER)
} driver;

static int
absent(const char *why)
{
    printf("skipped: %s\n", why);
    return 77;
}

static int
open_instance(driver *d)
{
    void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    void *at = library ? dlsym(library, "vkGetInstanceProcAddr") : NULL;
    VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_2};
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    PFN_vkCreateInstance create;
    PFN_vkVoidFunction f;

    if (!at)
        return absent("no Vulkan loader");
    memcpy(&d->get, &at, sizeof at);
    f = d->get(NULL, "vkCreateInstance");
    memcpy(&create, &f, sizeof f);
    if (create(&info, NULL, &d->instance) != VK_SUCCESS)
        return absent("no Vulkan driver");
#define FIND(name)                  \
    f = d->get(d->instance, #name); \
    memcpy(&d->name, &f, sizeof f); \
    if (!f)                         \
        return absent("no " #name);
    FUNCTIONS(FIND)
    return 0;
}

static int
open_device(driver *d)
{
    const char *extension = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
    VkPhysicalDeviceVulkan12Features v12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &statistics};
    VkPhysicalDeviceVulkan11Features v11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, .pNext = &v12};
    VkPhysicalDeviceFeatures2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &v11};
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueCount = 1,
        .pQueuePriorities = &priority};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &all,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = 1,
        .ppEnabledExtensionNames = &extension};
    VkPhysicalDevice physical;
    VkPhysicalDeviceProperties properties;
    uint32_t count = 1;

    if (d->vkEnumeratePhysicalDevices(d->instance, &count, &physical) < VK_SUCCESS || !count)
        return absent("no Vulkan device");
    d->vkGetPhysicalDeviceProperties(physical, &properties);
    d->vkGetPhysicalDeviceFeatures2(physical, &all);
    all.features.robustBufferAccess = VK_FALSE;
    if (!statistics.pipelineExecutableInfo ||
        d->vkCreateDevice(physical, &info, NULL, &d->device) != VK_SUCCESS)
        return absent("the driver gives no statistics");
    printf("%s\n", properties.deviceName);
    return 0;
}

/* One layout for all: as many buffers and push constants as a kernel may have. */
static int
open_layout(driver *d)
{
    VkDescriptorSetLayoutBinding bindings[BUFFERS];
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = BUFFERS,
        .pBindings = bindings};
    VkPushConstantRange push = {VK_SHADER_STAGE_COMPUTE_BIT, 0, PUSH_BYTES};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &d->set,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push};

    for (uint32_t i = 0; i < BUFFERS; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL};
    if (d->vkCreateDescriptorSetLayout(d->device, &set, NULL, &d->set) != VK_SUCCESS ||
        d->vkCreatePipelineLayout(d->device, &layout, NULL, &d->layout) != VK_SUCCESS)
        return 1;
    return 0;
}

static VkPipeline
compile(const driver *d, const uint32_t *words, size_t bytes)
{
    VkShaderModuleCreateInfo module = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = bytes, .pCode = words};
    VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .stage = VK_SHADER_STAGE_COMPUTE_BIT,
            .pName = "main"},
        .layout = d->layout};
    VkPipeline pipeline = VK_NULL_HANDLE;

    if (d->vkCreateShaderModule(d->device, &module, NULL, &info.stage.module) != VK_SUCCESS)
        return VK_NULL_HANDLE;
    if (d->vkCreateComputePipelines(d->device, NULL, 1, &info, NULL, &pipeline) != VK_SUCCESS)
        pipeline = VK_NULL_HANDLE;
    d->vkDestroyShaderModule(d->device, info.stage.module, NULL);
    return pipeline;
}

/* How many spilled registers and bytes of scratch; -1: it was not said. */
static int
spills(const driver *d, VkPipeline pipeline, uint64_t *vgprs)
{
    VkPipelineExecutableStatisticKHR all[LIMIT];
    VkPipelineExecutableInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline};
    uint32_t count = LIMIT, told = 0;
    uint64_t sum = 0;

    memset(all, 0, sizeof all);
    for (int i = 0; i < LIMIT; i++)
        all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
    if (d->vkGetPipelineExecutableStatisticsKHR(d->device, &info, &count, all) < VK_SUCCESS)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        if (!strcmp(all[i].name, "VGPRs"))
            *vgprs = all[i].value.u64;
        if (!strncmp(all[i].name, "Spilled", 7) || !strncmp(all[i].name, "Scratch", 7)) {
            told++;
            sum += all[i].value.u64;
        }
    }
    return told >= 3 ? (int)sum : -1;
}

static int
judge(const driver *d, const char *path, uint64_t *most)
{
    static uint32_t words[WORDS];
    FILE *f = fopen(path, "rb");
    size_t bytes = f ? fread(words, 1, sizeof words, f) : 0;
    VkPipeline pipeline;
    uint64_t vgprs = 0;
    int found;

    if (f)
        fclose(f);
    pipeline = bytes && bytes < sizeof words ? compile(d, words, bytes) : VK_NULL_HANDLE;
    if (!pipeline) {
        printf("%s: no pipeline\n", path);
        return 1;
    }
    found = spills(d, pipeline, &vgprs);
    if (found)
        printf("%s: %d registers or bytes spilled (VGPRs %d)\n", path, found, (int)vgprs);
    if (vgprs > *most)
        *most = vgprs;
    d->vkDestroyPipeline(d->device, pipeline, NULL);
    return found != 0;
}

int
main(int argc, char **argv)
{
    driver d = {0};
    uint64_t most = 0;
    int bad = 0, code = open_instance(&d);

    if (!code)
        code = open_device(&d);
    if (!code)
        code = open_layout(&d);
    if (code)
        return code;
    for (int i = 1; i < argc; i++)
        bad += judge(&d, argv[i], &most);
    printf("%d pipelines, %d bad, at most %d VGPRs\n", argc - 1, bad, (int)most);
    d.vkDestroyPipelineLayout(d.device, d.layout, NULL);
    d.vkDestroyDescriptorSetLayout(d.device, d.set, NULL);
    d.vkDestroyDevice(d.device, NULL);
    d.vkDestroyInstance(d.instance, NULL);
    return bad || argc < 2;
}
