/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, nanosleep */
#include "backends/opencl/cl_plugin.h"

#include <string.h>
#include <time.h>

int
tn_cl_device_open(void *self, uint32_t number, tn_device **out)
{
    tn_cl *c = self;
    tn_device *d;
    cl_int error = CL_SUCCESS;

    *out = NULL;
    if (number >= c->device_count)
        return tn_plugin_fail(&c->base, TN_DEVICE, "there are %u OpenCL devices", c->device_count);
    d = tn_alloc_zero(&c->base.alloc, sizeof *d);
    if (!d)
        return tn_plugin_fail(&c->base, TN_NO_MEMORY, "out of memory for an OpenCL device");
    d->c = c;
    d->found = &c->devices[number];
    d->context = c->cl.clCreateContext(NULL, 1, &d->found->id, NULL, NULL, &error);
    if (error == CL_SUCCESS)
        d->queue =
            c->cl.clCreateCommandQueue(d->context, d->found->id, CL_QUEUE_PROFILING_ENABLE, &error);
    if (error != CL_SUCCESS) {
        tn_cl_device_close(d);
        return tn_cl_error(c, error, c->devices[number].title);
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

/* ---- buffers ---- */

int
tn_cl_buffer_new(tn_device *d, uint64_t bytes, tn_buffer **out)
{
    tn_buffer *b = tn_alloc_zero(&d->c->base.alloc, sizeof *b);
    cl_int error = CL_SUCCESS;

    *out = NULL;
    if (!b)
        return tn_plugin_fail(&d->c->base, TN_NO_MEMORY, "out of memory for a buffer");
    b->device = d;
    /* Masked loads read element 0: no buffer is empty. */
    b->bytes = bytes < 256 ? 256 : bytes;
    b->mem = d->c->cl.clCreateBuffer(d->context, CL_MEM_READ_WRITE, (size_t)b->bytes, NULL, &error);
    if (error != CL_SUCCESS) {
        tn_alloc_free(&d->c->base.alloc, b, sizeof *b);
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
    tn_alloc_free(&c->base.alloc, b, sizeof *b);
}

static int
outside(const tn_buffer *b, uint64_t at, uint64_t bytes)
{
    if (at <= b->bytes && bytes <= b->bytes - at)
        return TN_OK;
    return tn_plugin_fail(&b->device->c->base, TN_BUG, "a copy reaches beyond its buffer");
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

static cl_int
set_buffer(const tn_program *p, cl_uint *at, const tn_binding *b)
{
    const tn_cl_entries *cl = &p->device->c->cl;
    cl_ulong offset = b->offset;
    cl_int error = cl->clSetKernelArg(p->kernel, *at, sizeof(cl_mem), &b->buffer->mem);

    if (error == CL_SUCCESS)
        error = cl->clSetKernelArg(p->kernel, *at + 1, sizeof offset, &offset);
    *at += 2;
    return error;
}

static cl_int
set_arguments(const tn_dispatch *s)
{
    const tn_program *p = s->program;
    cl_int error = CL_SUCCESS;
    cl_uint at = 0;

    for (uint32_t i = 0; i < s->binding_count && error == CL_SUCCESS; i++)
        error = set_buffer(p, &at, &s->bindings[i]);
    for (uint32_t i = 0; i < s->size_count && error == CL_SUCCESS; i++)
        error = p->device->c->cl.clSetKernelArg(p->kernel, at++, sizeof(cl_int), &s->sizes[i]);
    if (p->sites && error == CL_SUCCESS)
        error = set_buffer(p, &at, &s->status);
    return error;
}

static int
keep_timed(tn_device *d, cl_event event, uint64_t *took_ns)
{
    if (d->timed_count == d->timed_room) {
        uint32_t room = d->timed_room ? d->timed_room * 2 : 64;
        void *grown = d->c->base.alloc.resize(d->c->base.alloc.self, d->timed,
            d->timed_room * sizeof *d->timed, room * sizeof *d->timed);

        if (!grown) {
            d->c->cl.clReleaseEvent(event);
            return tn_plugin_fail(&d->c->base, TN_NO_MEMORY, "out of memory for times");
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

    if (s->binding_count != s->program->buffers || s->size_count != s->program->sizes)
        return tn_plugin_fail(&d->c->base, TN_BUG, "a launch does not fit its kernel");
    /* Positions are i32 in the kernel. */
    if (s->tasks > INT32_MAX)
        return tn_plugin_fail(&d->c->base, TN_LIMIT, "%llu tasks in one launch",
            (unsigned long long)s->tasks);
    if (!s->tasks)
        return TN_OK;
    error = set_arguments(s);
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
    cl_int error;

    for (uint32_t i = 0; i < count; i++) {
        int status = launch(d, &list[i]);

        if (status)
            return status;
    }
    error = d->c->cl.clFlush(d->queue);
    return error == CL_SUCCESS ? TN_OK : tn_cl_error(d->c, error, "starting the device");
}

static uint64_t
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Until the event has ended or the time is over: *ended. */
static cl_int
poll(const tn_device *d, cl_event event, uint64_t timeout_ns, bool *ended)
{
    struct timespec pause = {0, 20000};
    uint64_t start = now();

    for (;;) {
        cl_int state = CL_COMPLETE;
        cl_int error = d->c->cl.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS,
            sizeof state, &state, NULL);

        *ended = error != CL_SUCCESS || state <= CL_COMPLETE;
        if (*ended)
            return error != CL_SUCCESS ? error : state < 0 ? state : CL_SUCCESS;
        if (now() - start >= timeout_ns)
            return CL_SUCCESS;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 1000000)
            pause.tv_nsec *= 2;
    }
}

/* OpenCL has no wait with a limit: a marker at the end of the queue is asked
 * again and again. */
static cl_int
finish_within(const tn_device *d, uint64_t timeout_ns, bool *ended)
{
    cl_event marker = NULL;
    cl_int error = d->c->cl.clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &marker);

    *ended = true;
    if (error != CL_SUCCESS)
        return error;
    error = d->c->cl.clFlush(d->queue);
    if (error == CL_SUCCESS)
        error = poll(d, marker, timeout_ns, ended);
    d->c->cl.clReleaseEvent(marker);
    return error;
}

/* In a queue that has ended. A launch that failed says so in its event only. */
static cl_int
read_times(const tn_device *d)
{
    const tn_cl_entries *cl = &d->c->cl;
    cl_int worst = CL_SUCCESS;

    for (uint32_t i = 0; i < d->timed_count; i++) {
        cl_ulong start = 0, end = 0;
        cl_event event = d->timed[i].event;
        cl_int state = CL_COMPLETE;

        cl->clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
        if (state < 0)
            worst = state;
        if (cl->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start,
                NULL) != CL_SUCCESS ||
            cl->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) !=
                CL_SUCCESS)
            start = end;
        *d->timed[i].took_ns = end > start ? end - start : 0;
    }
    return worst;
}

int
tn_cl_wait(tn_device *d, uint64_t timeout_ns)
{
    bool ended = true;
    cl_int error = timeout_ns ? finish_within(d, timeout_ns, &ended) : d->c->cl.clFinish(d->queue);

    if (error == CL_SUCCESS && ended)
        error = read_times(d);
    /* Also when the time is over: where times go may be gone by the next
     * wait. */
    drop_timed(d);
    if (error != CL_SUCCESS)
        return tn_cl_error(d->c, error, "waiting for the device");
    return ended ? TN_OK : tn_plugin_fail(&d->c->base, TN_CANCELLED, "running: timed out");
}

/* What the driver counts the uses of (buffers, programs, events) can be given
 * back while the device runs; giving back the queue may wait for it. */
static bool
ends(const tn_device *d)
{
    const tn_host *host = d->c->base.host;
    bool ended = true;

    if (finish_within(d, TN_CLOSE_NS, &ended) != CL_SUCCESS)
        d->c->cl.clFinish(d->queue);
    if (!ended && host->log)
        host->log(host->self, 1, "an OpenCL device does not end and is left as it is");
    return ended;
}

void
tn_cl_device_close(tn_device *d)
{
    tn_cl *c = d->c;

    bool idle = !d->queue || ends(d);

    drop_timed(d);
    if (d->queue && idle)
        c->cl.clReleaseCommandQueue(d->queue);
    if (d->context && idle)
        c->cl.clReleaseContext(d->context);
    tn_alloc_free(&c->base.alloc, d->timed, d->timed_room * sizeof *d->timed);
    tn_alloc_free(&c->base.alloc, d, sizeof *d);
}
