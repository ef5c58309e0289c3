/* SPDX-License-Identifier: Apache-2.0 */
#define CL_TARGET_OPENCL_VERSION 120
#define VK_NO_PROTOTYPES
#include <CL/cl.h>
#include <string.h>
#include <vulkan/vulkan.h>

#include "tests/support/fake_alloc.h"
#include "tests/support/gpu_work.h"
#include "tests/support/test.h"

/* Every function of a driver absent, and failing; memory that runs out
 * anywhere: a documented status with an explanation, nothing left behind. */

static const char *const vulkan_names[] = {
#define TN_VK(level, name) #name,
#include "backends/vulkan/vk_entries.def"
};
static const char *const opencl_names[] = {
#define TN_CL(name) #name,
#include "backends/opencl/cl_entries.def"
};

enum {
    NAMES_V = sizeof vulkan_names / sizeof *vulkan_names,
    NAMES_C = sizeof opencl_names / sizeof *opencl_names
};

typedef struct fault {
    const char *name;
    void *instead;
    bool met; /* the name was looked up */
} fault;

static void *
with_fault(void *self, const char *name, void *found)
{
    fault *f = self;

    if (strcmp(name, f->name) != 0)
        return found;
    f->met = true;
    return f->instead;
}

static tn_status
run_with(const char *device, fault *f, tn_fake_alloc *mem, tn_gpu_work *w)
{
    tn_status status;

    tn_fake_alloc_init(mem, 0);
    *w = (tn_gpu_work){
        .device = device, .alloc = &mem->table, .driver_entry = with_fault, .driver_self = f};
    status = tn_gpu_work_run(w);
    if (!TN_CHECK_EQ(mem->live, 0) || !TN_CHECK(!mem->wrong_size))
        tn_test_note("%s", f->name);
    return status;
}

static void
absent(const char *device, const char *const *names, size_t count)
{
    if (!tn_gpu_work_possible(device))
        TN_SKIP("%s is not here", device);
    for (size_t i = 0; i < count; i++) {
        fault f = {names[i], NULL, false};
        tn_fake_alloc mem;
        tn_gpu_work w;

        if (!TN_CHECK_EQ(run_with(device, &f, &mem, &w), TN_DEVICE) || !TN_CHECK(w.why[0]) ||
            !TN_CHECK(f.met))
            tn_test_note("%s: %s", f.name, w.why);
    }
}

TN_TEST(each_vulkan_function_may_be_absent)
{
    absent("vulkan", vulkan_names, NAMES_V);
}

TN_TEST(each_opencl_function_may_be_absent)
{
    absent("opencl", opencl_names, NAMES_C);
}

/* A function that fails, whatever it is called with: the callee of a call in
 * C does not see arguments it does not name. */
static VkResult
out_of_host_memory(void)
{
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VkResult
out_of_device_memory(void)
{
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static VkResult
device_lost(void)
{
    return VK_ERROR_DEVICE_LOST;
}

static VkResult
out_of_pool(void)
{
    return VK_ERROR_OUT_OF_POOL_MEMORY;
}

static void *
address(VkResult (*function)(void))
{
    void *at;

    memcpy(&at, &function, sizeof at);
    return at;
}

/* Those that return a result, and whether the work can do without. */
static const struct {
    const char *name;
    bool optional;
} vulkan_results[] = {
    {"vkCreateInstance", false},
    {"vkEnumeratePhysicalDevices", false},
    {"vkCreateDevice", false},
    {"vkDeviceWaitIdle", true},
    {"vkCreateBuffer", false},
    {"vkAllocateMemory", false},
    {"vkBindBufferMemory", false},
    {"vkMapMemory", false},
    {"vkCreateShaderModule", false},
    {"vkCreateDescriptorSetLayout", false},
    {"vkCreatePipelineLayout", false},
    {"vkCreatePipelineCache", true},
    {"vkCreateComputePipelines", false},
    {"vkCreateDescriptorPool", false},
    {"vkResetDescriptorPool", false},
    {"vkAllocateDescriptorSets", false},
    {"vkCreateCommandPool", false},
    {"vkResetCommandPool", false},
    {"vkAllocateCommandBuffers", false},
    {"vkBeginCommandBuffer", false},
    {"vkEndCommandBuffer", false},
    {"vkCreateQueryPool", true},
    {"vkGetQueryPoolResults", true},
    {"vkQueueSubmit", false},
    {"vkCreateFence", false},
    {"vkResetFences", false},
    {"vkWaitForFences", false},
};

static void
vulkan_fails(const char *name, bool optional, VkResult (*stub)(void), tn_status wanted)
{
    fault f = {name, address(stub), false};
    tn_fake_alloc mem;
    tn_gpu_work w;
    tn_status status = run_with("vulkan", &f, &mem, &w);
    bool enumerating =
        !strcmp(name, "vkCreateInstance") || !strcmp(name, "vkEnumeratePhysicalDevices");
    bool held = optional && status == TN_OK
        ? TN_CHECK(w.right)
        : TN_CHECK_EQ(status, enumerating ? TN_DEVICE : wanted) && TN_CHECK(w.why[0]);

    if (!held || !TN_CHECK(f.met))
        tn_test_note("%s: %s", name, w.why);
}

TN_TEST(each_vulkan_function_may_fail)
{
    if (!tn_gpu_work_possible("vulkan"))
        TN_SKIP("vulkan is not here");
    for (size_t i = 0; i < sizeof vulkan_results / sizeof *vulkan_results; i++) {
        const char *name = vulkan_results[i].name;

        vulkan_fails(name, vulkan_results[i].optional, out_of_host_memory, TN_NO_MEMORY);
        vulkan_fails(name, vulkan_results[i].optional, out_of_device_memory, TN_DEVICE);
        vulkan_fails(name, vulkan_results[i].optional, device_lost, TN_DEVICE);
    }
    vulkan_fails("vkAllocateDescriptorSets", false, out_of_pool, TN_DEVICE);
}

/* ---- OpenCL: results, and objects with the error behind the last pointer ---- */

static cl_int failing_with;

static VkResult
cl_result(void)
{
    return (VkResult)failing_with;
}

/* The error's address is the last argument, after others of no interest. */
static void *
fail_third(uintptr_t a, uintptr_t b, cl_int *error)
{
    (void)a, (void)b;
    *error = failing_with;
    return NULL;
}

static void *
fail_fourth(uintptr_t a, uintptr_t b, uintptr_t c, cl_int *error)
{
    (void)c;
    return fail_third(a, b, error);
}

static void *
fail_fifth(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, cl_int *error)
{
    (void)d;
    return fail_fourth(a, b, c, error);
}

static void *
fail_sixth(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, cl_int *error)
{
    (void)e;
    return fail_fifth(a, b, c, d, error);
}

static void
opencl_fails(const char *name, void *stub, bool optional)
{
    static const struct {
        cl_int error;
        tn_status wanted;
    } errors[] = {{CL_OUT_OF_HOST_MEMORY, TN_NO_MEMORY},
        {CL_MEM_OBJECT_ALLOCATION_FAILURE, TN_DEVICE}, {CL_INVALID_VALUE, TN_DEVICE}};
    bool enumerating = !strcmp(name, "clGetPlatformIDs") || !strcmp(name, "clGetDeviceIDs");

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        fault f = {name, stub, false};
        tn_fake_alloc mem;
        tn_gpu_work w;
        tn_status status, wanted = enumerating ? TN_DEVICE : errors[i].wanted;
        bool held;

        failing_with = errors[i].error;
        status = run_with("opencl", &f, &mem, &w);
        held = optional && status == TN_OK ? TN_CHECK(w.right)
                                           : TN_CHECK_EQ(status, wanted) && TN_CHECK(w.why[0]);
        if (!held || !TN_CHECK(f.met))
            tn_test_note("%s: %s", name, w.why);
    }
}

TN_TEST(each_opencl_function_may_fail)
{
    static const struct {
        const char *name;
        bool optional;
    } results[] = {{"clGetPlatformIDs", false}, {"clGetDeviceIDs", false},
        {"clEnqueueWriteBuffer", false}, {"clEnqueueReadBuffer", false},
        {"clEnqueueCopyBuffer", false}, {"clEnqueueFillBuffer", false}, {"clBuildProgram", false},
        {"clGetProgramBuildInfo", true}, {"clGetProgramInfo", true}, {"clSetKernelArg", false},
        {"clEnqueueNDRangeKernel", false}, {"clGetEventProfilingInfo", true},
        {"clGetEventInfo", true}, {"clFlush", false}, {"clFinish", false},
        {"clGetDeviceInfo", true}};
    void *(*third)(uintptr_t, uintptr_t, cl_int *) = fail_third;
    void *(*fourth)(uintptr_t, uintptr_t, uintptr_t, cl_int *) = fail_fourth;
    void *(*fifth)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, cl_int *) = fail_fifth;
    void *(*sixth)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, cl_int *) = fail_sixth;
    void *at;

    if (!tn_gpu_work_possible("opencl"))
        TN_SKIP("opencl is not here");
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        opencl_fails(results[i].name, address(cl_result), results[i].optional);
    memcpy(&at, &third, sizeof at);
    opencl_fails("clCreateKernel", at, false);
    memcpy(&at, &fourth, sizeof at);
    opencl_fails("clCreateCommandQueue", at, false);
    memcpy(&at, &fifth, sizeof at);
    opencl_fails("clCreateBuffer", at, false);
    opencl_fails("clCreateProgramWithSource", at, false);
    memcpy(&at, &sixth, sizeof at);
    opencl_fails("clCreateContext", at, false);
}

/* ---- memory ---- */

static void
memory_runs_out(const char *device)
{
    tn_status status;
    tn_fake_alloc mem;

    if (!tn_gpu_work_possible(device))
        TN_SKIP("%s is not here", device);
    for (size_t n = 1;; n++) {
        tn_gpu_work w = {.device = device, .alloc = &mem.table};

        tn_fake_alloc_init(&mem, n);
        status = tn_gpu_work_run(&w);
        TN_CHECK_EQ(mem.live, 0);
        if (!mem.failed)
            break;
        if (!TN_CHECK_EQ(status, TN_NO_MEMORY) || !TN_CHECK(w.why[0]))
            tn_test_note("request %zu: %s", n, w.why);
    }
    TN_CHECK_EQ(status, TN_OK);
}

TN_TEST(memory_runs_out_with_vulkan)
{
    memory_runs_out("vulkan");
}

TN_TEST(memory_runs_out_with_opencl)
{
    memory_runs_out("opencl");
}

/* ---- time ---- */

static PFN_vkWaitForFences wait_for_fences;
static int fence_waits;

static VKAPI_ATTR VkResult VKAPI_CALL
slow_fence(VkDevice device, uint32_t count, const VkFence *fences, VkBool32 all, uint64_t timeout)
{
    if (fence_waits++ == 0)
        return VK_TIMEOUT;
    return wait_for_fences(device, count, fences, all, timeout);
}

static void *
slow_vulkan(void *self, const char *name, void *found)
{
    PFN_vkWaitForFences slow = slow_fence;
    (void)self;

    if (strcmp(name, "vkWaitForFences") != 0)
        return found;
    memcpy(&wait_for_fences, &found, sizeof found);
    memcpy(&found, &slow, sizeof found);
    return found;
}

TN_TEST(vulkan_goes_on_after_a_timeout)
{
    tn_gpu_work w = {.device = "vulkan", .timeout_ns = 1000000, .driver_entry = slow_vulkan};

    if (!tn_gpu_work_possible("vulkan"))
        TN_SKIP("vulkan is not here");
    fence_waits = 0;
    TN_CHECK_EQ(tn_gpu_work_run(&w), TN_CANCELLED);
    TN_CHECK(strstr(w.why, "timed out") != NULL);
    TN_CHECK_EQ(w.after_timeout, TN_OK);
    TN_CHECK(w.right);
}

static __typeof__(&clGetEventInfo) event_info;
static bool slow_events;

static cl_int CL_API_CALL
slow_event(cl_event event, cl_event_info what, size_t bytes, void *value, size_t *used)
{
    cl_int error = event_info(event, what, bytes, value, used);

    if (slow_events && error == CL_SUCCESS)
        *(cl_int *)value = CL_RUNNING;
    return error;
}

static void *
slow_opencl(void *self, const char *name, void *found)
{
    __typeof__(&clGetEventInfo) slow = slow_event;
    (void)self;

    if (strcmp(name, "clGetEventInfo") != 0)
        return found;
    memcpy(&event_info, &found, sizeof found);
    memcpy(&found, &slow, sizeof found);
    return found;
}

TN_TEST(opencl_goes_on_after_a_timeout)
{
    tn_gpu_work w = {.device = "opencl", .timeout_ns = 2000000, .driver_entry = slow_opencl};

    if (!tn_gpu_work_possible("opencl"))
        TN_SKIP("opencl is not here");
    slow_events = true;
    TN_CHECK_EQ(tn_gpu_work_run(&w), TN_CANCELLED);
    slow_events = false;
    TN_CHECK(strstr(w.why, "timed out") != NULL);
    TN_CHECK_EQ(w.after_timeout, TN_OK);
    TN_CHECK(w.right);
}

TN_TEST(a_wait_with_a_limit_ends)
{
    static const char *const devices[] = {"vulkan", "opencl"};

    for (int i = 0; i < 2; i++) {
        tn_gpu_work w = {.device = devices[i], .timeout_ns = 60000000000};

        if (!tn_gpu_work_possible(devices[i]))
            TN_SKIP("%s is not here", devices[i]);
        TN_CHECK_EQ(tn_gpu_work_run(&w), TN_OK);
        TN_CHECK(w.right);
    }
}

/* ---- a kernel that never ends ---- */

/* LeakSanitizer, where it is: not what the driver allocates now, which is left
 * on purpose. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

static void
run_and_leave(tn_gpu_work *w, tn_fake_alloc *mem)
{
    tn_fake_alloc_init(mem, 0);
    if (__lsan_disable)
        __lsan_disable();
    TN_CHECK_EQ(tn_gpu_work_run(w), TN_CANCELLED);
    if (__lsan_enable)
        __lsan_enable();
    TN_CHECK_EQ(mem->live, 0);
}

/* Functions that end what a driver still uses, and waits: how often they were
 * called, and how long the waits may have been. */
static int vulkan_ends, opencl_ends, close_waits, long_waits;

static VKAPI_ATTR VkResult VKAPI_CALL
endless_fence(VkDevice device, uint32_t count, const VkFence *fences, VkBool32 all,
    uint64_t timeout)
{
    (void)device, (void)count, (void)fences, (void)all;
    close_waits += timeout == TN_CLOSE_NS;
    long_waits += timeout > TN_CLOSE_NS;
    return VK_TIMEOUT;
}

static void
vulkan_end(void)
{
    vulkan_ends++;
}

static void *
endless_vulkan(void *self, const char *name, void *found)
{
    static const char *const ends[] = {"vkDestroyBuffer", "vkFreeMemory", "vkDestroyPipeline",
        "vkDestroyShaderModule", "vkDestroyCommandPool", "vkDestroyFence", "vkDestroyDevice",
        "vkDestroyInstance", "vkDeviceWaitIdle"};
    PFN_vkWaitForFences endless = endless_fence;
    void (*end)(void) = vulkan_end;

    (void)self;
    if (!strcmp(name, "vkWaitForFences"))
        memcpy(&found, &endless, sizeof found);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(name, ends[i]))
            memcpy(&found, &end, sizeof found);
    return found;
}

/* All of tenon's own memory comes back; the driver's stays with the driver. */
TN_TEST(closing_leaves_a_vulkan_device_that_never_ends)
{
    tn_fake_alloc mem;
    tn_gpu_work w = {.device = "vulkan",
        .alloc = &mem.table,
        .timeout_ns = 1000000,
        .give_up = true,
        .driver_entry = endless_vulkan};

    if (!tn_gpu_work_possible("vulkan"))
        TN_SKIP("vulkan is not here");
    vulkan_ends = close_waits = long_waits = 0;
    run_and_leave(&w, &mem);
    TN_CHECK_EQ(close_waits, 1);
    TN_CHECK_EQ(long_waits, 0);
    TN_CHECK_EQ(vulkan_ends, 0);
}

static cl_int
opencl_end(void)
{
    opencl_ends++;
    return CL_SUCCESS;
}

static void *
endless_opencl(void *self, const char *name, void *found)
{
    cl_int (*end)(void) = opencl_end;

    if (!strcmp(name, "clFinish") || !strcmp(name, "clReleaseCommandQueue") ||
        !strcmp(name, "clReleaseContext"))
        memcpy(&found, &end, sizeof found);
    return slow_opencl(self, name, found);
}

TN_TEST(closing_leaves_an_opencl_device_that_never_ends)
{
    tn_fake_alloc mem;
    tn_gpu_work w = {.device = "opencl",
        .alloc = &mem.table,
        .timeout_ns = 1000000,
        .give_up = true,
        .driver_entry = endless_opencl};

    if (!tn_gpu_work_possible("opencl"))
        TN_SKIP("opencl is not here");
    opencl_ends = 0;
    slow_events = true;
    run_and_leave(&w, &mem);
    slow_events = false;
    TN_CHECK_EQ(opencl_ends, 0);
}

TN_MAIN(TN_CASE(each_vulkan_function_may_be_absent), TN_CASE(each_opencl_function_may_be_absent),
    TN_CASE(each_vulkan_function_may_fail), TN_CASE(each_opencl_function_may_fail),
    TN_CASE(memory_runs_out_with_vulkan), TN_CASE(memory_runs_out_with_opencl),
    TN_CASE(vulkan_goes_on_after_a_timeout), TN_CASE(opencl_goes_on_after_a_timeout),
    TN_CASE(a_wait_with_a_limit_ends), TN_CASE(closing_leaves_a_vulkan_device_that_never_ends),
    TN_CASE(closing_leaves_an_opencl_device_that_never_ends))
