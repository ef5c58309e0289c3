/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/opencl/cl_codegen.h"
#include "backends/opencl/cl_plugin.h"

/* The driver's complaint, as far as a message holds it. */
static int
build_failed(tn_device *d, cl_program program, cl_int error)
{
    char log[900] = "";

    if (error == CL_OUT_OF_HOST_MEMORY)
        return tn_cl_error(d->c, error, "a program");
    d->c->cl.clGetProgramBuildInfo(program, d->found->id, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log,
        NULL);
    return tn_plugin_fail(&d->c->base, TN_DEVICE, "%s does not compile our kernel (error %d): %s",
        d->found->title, error, log);
}

static int
compile(tn_device *d, tn_blob code, const char *options, tn_program *p)
{
    const tn_cl_entries *cl = &d->c->cl;
    const char *text = code.at;
    cl_int error;

    p->program = cl->clCreateProgramWithSource(d->context, 1, &text, &code.bytes, &error);
    if (error != CL_SUCCESS)
        return tn_cl_error(d->c, error, "a program");
    error = cl->clBuildProgram(p->program, 1, &d->found->id, options, NULL, NULL);
    return error == CL_SUCCESS ? TN_OK : build_failed(d, p->program, error);
}

static int
build(tn_device *d, tn_blob code, tn_program *p)
{
    const tn_cl_entries *cl = &d->c->cl;
    const char *options = d->found->rounds_division
        ? "-cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt"
        : "-cl-std=CL1.2";
    int status = TN_OK;
    bool cached;
    cl_int error;

    p->program = tn_cl_cache_find(d, code, options);
    cached = p->program != NULL;
    if (!cached)
        status = compile(d, code, options, p);
    if (status)
        return status;
    p->kernel = cl->clCreateKernel(p->program, TN_CL_KERNEL, &error);
    if (error != CL_SUCCESS)
        return tn_cl_error(d->c, error, "a kernel");
    if (!cached)
        tn_cl_cache_keep(d, code, options, p->program);
    return TN_OK;
}

int
tn_cl_load(tn_device *d, tn_blob code, tn_program **out)
{
    tn_program *p;
    tn_cl_head head;
    int status;

    *out = NULL;
    if (tn_cl_head_read(NULL, code.at, code.bytes, &head) != TN_OK)
        return tn_plugin_fail(&d->c->base, TN_INTEGRITY, "this is no OpenCL code of ours");
    p = tn_alloc_zero(&d->c->base.alloc, sizeof *p);
    if (!p)
        return tn_plugin_fail(&d->c->base, TN_NO_MEMORY, "out of memory for a program");
    *p = (tn_program){.device = d,
        .lanes = head.lanes,
        .buffers = head.buffers,
        .sizes = head.sizes,
        .sites = head.sites};
    status = build(d, code, p);
    if (status)
        tn_cl_unload(p);
    else
        *out = p;
    return status;
}

void
tn_cl_unload(tn_program *p)
{
    tn_cl *c = p->device->c;

    if (p->kernel)
        c->cl.clReleaseKernel(p->kernel);
    if (p->program)
        c->cl.clReleaseProgram(p->program);
    tn_alloc_free(&c->base.alloc, p, sizeof *p);
}
