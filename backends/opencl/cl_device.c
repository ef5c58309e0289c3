/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/opencl/cl_plugin.h"

int
tn_cl_device_open(void *self, uint32_t number, tn_device **out)
{
    tn_cl *c = self;
    tn_device *d;
    cl_int error = CL_SUCCESS;

    *out = NULL;
    if (number >= c->device_count)
        return tn_cl_fail(c, TN_DEVICE, "there are %u OpenCL devices", c->device_count);
    d = tn_alloc_zero(&c->alloc, sizeof *d);
    if (!d)
        return tn_cl_fail(c, TN_NO_MEMORY, "out of memory for an OpenCL device");
    d->c = c;
    d->found = &c->devices[number];
    d->context = c->cl.clCreateContext(NULL, 1, &d->found->id, NULL, NULL, &error);
    if (error == CL_SUCCESS)
        d->queue = c->cl.clCreateCommandQueue(d->context, d->found->id, CL_QUEUE_PROFILING_ENABLE,
            &error);
    if (error != CL_SUCCESS) {
        tn_cl_device_close(d);
        return tn_cl_error(c, error, d->found->title);
    }
    *out = d;
    return TN_OK;
}

static void
drop_timed(tn_device *d)
{
    for (uint32_t i = 0; i < d->timed_count; i++)
        d->c->cl.clReleaseEvent(d->timed[i].event);
    d->timed_count = 0;
}

void
tn_cl_device_close(tn_device *d)
{
    tn_cl *c = d->c;

    if (d->queue)
        c->cl.clFinish(d->queue);
    drop_timed(d);
    if (d->queue)
        c->cl.clReleaseCommandQueue(d->queue);
    if (d->context)
        c->cl.clReleaseContext(d->context);
    tn_alloc_free(&c->alloc, d->timed, d->timed_room * sizeof *d->timed);
    tn_alloc_free(&c->alloc, d, sizeof *d);
}

/* ---- buffers ---- */

int
tn_cl_buffer_new(tn_device *d, uint64_t bytes, tn_buffer **out)
{
    tn_buffer *b = tn_alloc_zero(&d->c->alloc, sizeof *b);
    cl_int error = CL_SUCCESS;

    *out = NULL;
    if (!b)
        return tn_cl_fail(d->c, TN_NO_MEMORY, "out of memory for a buffer");
    b->device = d;
    /* Masked loads read element 0: no buffer is empty. */
    b->bytes = bytes < 256 ? 256 : bytes;
    b->mem = d->c->cl.clCreateBuffer(d->context, CL_MEM_READ_WRITE, (size_t)b->bytes, NULL,
        &error);
    if (error != CL_SUCCESS) {
        tn_alloc_free(&d->c->alloc, b, sizeof *b);
        return tn_cl_error(d->c, error, "a buffer");
    }
    *out = b;
    return TN_OK;
}

void
tn_cl_buffer_free(tn_buffer *b)
{
    tn_cl *c = b->device->c;

    c->cl.clReleaseMemObject(b->mem);
    tn_alloc_free(&c->alloc, b, sizeof *b);
}

static int
outside(const tn_buffer *b, uint64_t at, uint64_t bytes)
{
    if (at <= b->bytes && bytes <= b->bytes - at)
        return TN_OK;
    return tn_cl_fail(b->device->c, TN_BUG, "a copy reaches beyond its buffer");
}

static int
result(const tn_buffer *b, cl_int error, const char *what)
{
    return error == CL_SUCCESS ? TN_OK : tn_cl_error(b->device->c, error, what);
}

int
tn_cl_write(tn_buffer *b, uint64_t at, const void *from, uint64_t bytes)
{
    int status = outside(b, at, bytes);

    if (status || !bytes)
        return status;
    return result(b,
        b->device->c->cl.clEnqueueWriteBuffer(b->device->queue, b->mem, CL_TRUE, (size_t)at,
            (size_t)bytes, from, 0, NULL, NULL),
        "writing a buffer");
}

int
tn_cl_read(tn_buffer *b, uint64_t at, void *to, uint64_t bytes)
{
    int status = outside(b, at, bytes);

    if (status || !bytes)
        return status;
    return result(b,
        b->device->c->cl.clEnqueueReadBuffer(b->device->queue, b->mem, CL_TRUE, (size_t)at,
            (size_t)bytes, to, 0, NULL, NULL),
        "reading a buffer");
}

int
tn_cl_copy(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes)
{
    int status = outside(to, to_at, bytes);

    if (!status)
        status = outside(from, from_at, bytes);
    if (status || !bytes)
        return status;
    return result(to,
        to->device->c->cl.clEnqueueCopyBuffer(to->device->queue, from->mem, to->mem,
            (size_t)from_at, (size_t)to_at, (size_t)bytes, 0, NULL, NULL),
        "copying a buffer");
}

int
tn_cl_fill_zero(tn_buffer *b, uint64_t at, uint64_t bytes)
{
    static const uint8_t zero;
    int status = outside(b, at, bytes);

    if (status || !bytes)
        return status;
    return result(b,
        b->device->c->cl.clEnqueueFillBuffer(b->device->queue, b->mem, &zero, 1, (size_t)at,
            (size_t)bytes, 0, NULL, NULL),
        "clearing a buffer");
}

/* ---- launches ---- */

static int
set_arguments(const tn_dispatch *s, cl_int *error)
{
    const tn_program *p = s->program;
    const tn_cl_entries *cl = &p->device->c->cl;
    cl_uint at = 0;

    *error = CL_SUCCESS;
    if (s->binding_count != p->buffers || s->size_count != p->sizes)
        return tn_cl_fail(p->device->c, TN_BUG, "a launch does not fit its kernel");
    for (uint32_t i = 0; i < s->binding_count; i++) {
        cl_ulong offset = s->bindings[i].offset;

        *error |= cl->clSetKernelArg(p->kernel, at++, sizeof(cl_mem), &s->bindings[i].buffer->mem);
        *error |= cl->clSetKernelArg(p->kernel, at++, sizeof offset, &offset);
    }
    for (uint32_t i = 0; i < s->size_count; i++)
        *error |= cl->clSetKernelArg(p->kernel, at++, sizeof(cl_int), &s->sizes[i]);
    if (p->sites) {
        cl_ulong offset = s->status.offset;

        *error |= cl->clSetKernelArg(p->kernel, at++, sizeof(cl_mem), &s->status.buffer->mem);
        *error |= cl->clSetKernelArg(p->kernel, at++, sizeof offset, &offset);
    }
    return TN_OK;
}

static int
keep_timed(tn_device *d, cl_event event, uint64_t *took_ns)
{
    if (d->timed_count == d->timed_room) {
        uint32_t room = d->timed_room ? d->timed_room * 2 : 64;
        void *grown = d->c->alloc.resize(d->c->alloc.self, d->timed,
            d->timed_room * sizeof *d->timed, room * sizeof *d->timed);

        if (!grown) {
            d->c->cl.clReleaseEvent(event);
            return tn_cl_fail(d->c, TN_NO_MEMORY, "out of memory for times");
        }
        d->timed = grown;
        d->timed_room = room;
    }
    d->timed[d->timed_count].event = event;
    d->timed[d->timed_count++].took_ns = took_ns;
    return TN_OK;
}

static int
launch(tn_device *d, const tn_dispatch *s)
{
    size_t local = s->program->lanes, global = (size_t)s->tasks * local;
    cl_event event = NULL;
    cl_int error;
    int status = set_arguments(s, &error);

    if (status || !s->tasks)
        return status;
    if (error == CL_SUCCESS)
        error = d->c->cl.clEnqueueNDRangeKernel(d->queue, s->program->kernel, 1, NULL, &global,
            &local, 0, NULL, s->took_ns ? &event : NULL);
    if (error != CL_SUCCESS)
        return tn_cl_error(d->c, error, "a launch");
    return s->took_ns ? keep_timed(d, event, s->took_ns) : TN_OK;
}

/* The queue runs in order, so `wait` of a dispatch holds by itself. */
int
tn_cl_submit(tn_device *d, const tn_dispatch *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int status = launch(d, &list[i]);

        if (status)
            return status;
    }
    d->c->cl.clFlush(d->queue);
    return TN_OK;
}

int
tn_cl_wait(tn_device *d, uint64_t timeout_ns)
{
    cl_int error = d->c->cl.clFinish(d->queue);

    (void)timeout_ns;
    for (uint32_t i = 0; i < d->timed_count; i++) {
        cl_ulong start = 0, end = 0;

        d->c->cl.clGetEventProfilingInfo(d->timed[i].event, CL_PROFILING_COMMAND_START,
            sizeof start, &start, NULL);
        d->c->cl.clGetEventProfilingInfo(d->timed[i].event, CL_PROFILING_COMMAND_END, sizeof end,
            &end, NULL);
        *d->timed[i].took_ns = end > start ? end - start : 0;
    }
    drop_timed(d);
    return error == CL_SUCCESS ? TN_OK : tn_cl_error(d->c, error, "waiting for the device");
}
