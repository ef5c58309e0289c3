/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session_internal.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/run_graph.h"
#include "tests/support/test.h"

/* States behind a device that fails: after a run that failed they are what
 * they were, or the session says that it does not know. */

/* ---- a device whose calls fail ---- */

/* The functions of a backend that touch a device have nothing of the caller's
 * to hang this on. */
static struct {
    const tn_backend *real;
    int left; /* calls until one fails, 0: none does */
    int calls;
    bool for_good; /* all later ones fail too */
    int code;
    bool wraps_nothing;
    int wrapped; /* inputs read where they lie */
} fault;

static bool
fails_now(void)
{
    fault.calls++;
    if (fault.left == 0)
        return false;
    if (fault.left > 1) {
        fault.left--;
        return false;
    }
    fault.left = fault.for_good;
    return true;
}

static int
new_buffer(tn_device *device, uint64_t bytes, tn_buffer **out)
{
    return fails_now() ? fault.code : fault.real->buffer_new(device, bytes, out);
}

static int
wrap_buffer(tn_device *device, void *at, uint64_t bytes, tn_buffer **out)
{
    int code =
        fault.wraps_nothing ? TN_UNSUPPORTED : fault.real->buffer_wrap(device, at, bytes, out);

    fault.wrapped += code == TN_OK;
    return code;
}

static int
write_buffer(tn_buffer *b, uint64_t at, const void *from, uint64_t bytes)
{
    return fails_now() ? fault.code : fault.real->write(b, at, from, bytes);
}

static int
read_buffer(tn_buffer *b, uint64_t at, void *to, uint64_t bytes)
{
    return fails_now() ? fault.code : fault.real->read(b, at, to, bytes);
}

static int
copy_buffer(tn_buffer *to, uint64_t to_at, tn_buffer *from, uint64_t from_at, uint64_t bytes)
{
    return fails_now() ? fault.code : fault.real->copy(to, to_at, from, from_at, bytes);
}

/* Some of the work may have been done. */
static int
submit(tn_device *device, const tn_dispatch *list, uint32_t count)
{
    bool fails = fails_now();
    int code = fault.real->submit(device, list, fails ? count / 2 : count);

    return fails ? fault.code : code;
}

static int
wait_for(tn_device *device, uint64_t timeout)
{
    bool fails = fails_now();
    int code = fault.real->wait(device, timeout);

    return fails ? fault.code : code;
}

/* ---- a graph with states ---- */

typedef struct fixture {
    tn_graph_device device;
    tn_run_graph run;
    tn_graph_code code;
    tn_backend faulty;
    int round;
    bool wrong; /* indices are out of range */
} fixture;

static void
element(void *self, const tn_value *v, const tn_input *in, int64_t k, void *to)
{
    const fixture *f = self;

    if (tn_is_float(v->type.dtype))
        tn_store_double(v->type.dtype, to, f->round + 1 + (double)k / 4);
    else
        tn_store_int(v->type.dtype, to, f->wrong && !in->has_range ? 7 : (f->round + k) % 3);
}

static bool
begin(fixture *f, const char *device, const char *text)
{
    memset(f, 0, sizeof *f);
    memset(&fault, 0, sizeof fault);
    fault.code = TN_DEVICE;
    if (!tn_graph_device_open(&f->device, device))
        return false;
    if (!TN_CHECK_EQ(tn_run_graph_open(&f->run, text), TN_OK) ||
        !TN_CHECK_EQ(tn_run_graph_compile(&f->run, &f->device, 0, &f->code), TN_OK)) {
        tn_test_note("%s", tn_diag_text(&f->run.diag, 0));
        return false;
    }
    f->faulty = *f->code.model->backend;
    fault.real = f->code.model->backend;
    f->faulty.buffer_new = new_buffer;
    if (f->faulty.buffer_wrap)
        f->faulty.buffer_wrap = wrap_buffer;
    f->faulty.write = write_buffer;
    f->faulty.read = read_buffer;
    f->faulty.copy = copy_buffer;
    f->faulty.submit = submit;
    f->faulty.wait = wait_for;
    f->code.model->backend = &f->faulty;
    return true;
}

static void
end(fixture *f)
{
    fault.left = 0;
    tn_graph_code_close(&f->code);
    tn_run_graph_close(&f->run);
    tn_graph_device_close(&f->device);
}

/* Fills the inputs for another round, places rows at `p`. */
static void
next(fixture *f, int64_t p)
{
    f->round++;
    tn_run_graph_symbol(&f->run, "p", p);
    TN_CHECK_EQ(tn_run_graph_fill(&f->run, element, f), TN_OK);
}

static tn_status
go(fixture *f, tn_tensor *got)
{
    memset(got, 0, TN_RUN_GRAPH_TENSORS * sizeof *got);
    return tn_run_graph_on(&f->code, got);
}

/* As in the reference, which sees the runs that succeed only. */
static bool
succeeds(fixture *f, int64_t p)
{
    static tn_tensor got[TN_RUN_GRAPH_TENSORS];
    bool same = true;

    next(f, p);
    if (!TN_CHECK_EQ(tn_run_graph_want(&f->run), TN_OK) || !TN_CHECK_EQ(go(f, got), TN_OK)) {
        tn_test_note("%s", tn_diag_text(&f->run.diag, 0));
        return false;
    }
    for (uint32_t o = 0; o < f->run.g->outputs.count; o++)
        for (uint64_t k = 0; k < got[o].bytes / 4; k++) {
            double found = tn_load_double(TN_F32, (const char *)got[o].data + k * 4);
            double wanted = ((const double *)f->run.wanted[o].data)[k];

            same = same && TN_CHECK(found == wanted);
        }
    tn_run_graph_free(&f->run, got);
    tn_run_graph_advance(&f->run);
    return same;
}

static tn_status
fails(fixture *f, int64_t p)
{
    static tn_tensor got[TN_RUN_GRAPH_TENSORS];
    tn_status status;

    next(f, p);
    status = go(f, got);
    tn_run_graph_free(&f->run, got);
    tn_diag_clear(&f->run.diag);
    return status;
}

/* What is seen of s ends with the new rows. */
static const char append[] =
    "graph main\n    scalar p 0..4\n    input p: i32[] in 0..4\n    input x: f32[2,3]\n"
    "    state s: f32[6,3]\n    t: f32[6,3] = update s, x {axis=0, at=p}\n"
    "    y: f32[p+2,3] = slice t {axis=0, size=p+2}\n    output y = y\n    store s = t\n";
/* All of it is seen; rows along the second axis. */
static const char ring[] =
    "graph main\n    scalar p 0..4\n    input p: i32[] in 0..4\n    input x: f32[3,2]\n"
    "    state s: f32[3,6]\n    t: f32[3,6] = update s, x {axis=1, at=p}\n"
    "    y: f32[3,6] = neg t\n    output y = y\n    store s = t\n";
/* An offset for each of three, two stores to one state. */
static const char each[] =
    "graph main\n    scalar p 0..4\n    input p: i32[] in 0..4\n    input x: f32[3,2]\n"
    "    input z: f32[3,1]\n    input r: i32[3] in 0..4\n    state s: f32[3,6]\n"
    "    u: f32[3,6] = update s, z {axis=1, at=p}\n"
    "    t: f32[3,6] = update u, x {axis=1, at=@r}\n"
    "    y: f32[3,6] = neg t\n    output y = y\n    store s = t\n";
/* A state that is copied when all is well, and a check that may fail. */
static const char counted[] =
    "graph main\n    scalar p 0..4\n    input p: i32[] in 0..4\n    input x: f32[3,2]\n"
    "    input i: i32[2]\n    state s: f32[3,6]\n    state n: f32[3]\n"
    "    g: f32[2] = gather n, i {axis=0}\n"
    "    m: f32[3] = add n, 1\n    t: f32[3,6] = update s, x {axis=1, at=p}\n"
    "    y: f32[3,6] = neg t\n    output y = y\n    output m = m\n    output g = g\n"
    "    store s = t\n    store n = m\n";

/* A state that a loop writes rows of, at places that may be wrong. */
static const char looped[] =
    "graph main\n    scalar p 0..4\n    input p: i32[] in 0..4\n    input x: f32[2,3]\n"
    "    input i: i32[3]\n    state s: f32[6,3]\n    k: i32[] = fill {type=i32[], value=0}\n"
    "    u: f32[6,3] = update s, x {axis=0, at=p}\n"
    "    t: f32[6,3], n: i32[] = while u, k {limit=9} do (a, j)\n"
    "        more: bool[] = less j, 3\n        yield more\n    end (b, l)\n"
    "        q: f32[3] = reduce_max b {axes=[0]}\n        h: f32[3] = add q, 1\n"
    "        r: f32[1,3] = unsqueeze h {axes=[0]}\n"
    "        e: i32[] = index i {axis=0, at=@l}\n"
    "        c: f32[6,3] = update b, r {axis=0, at=@e}\n"
    "        m: i32[] = add l, 1\n        yield c, m\n    end\n"
    "    y: f32[6,3] = neg t\n    output y = y\n    store s = t\n";

/* ---- tests ---- */

/* A call fails once, whichever, in a run that stores at `p` behind runs that
 * filled rows 0 to 3; the session goes on, and nobody sees the run that failed.
 * How often it did not know its state, then it is reset. */
static int
each_call_may_fail(const char *device, const char *text, int64_t p)
{
    int unknown = 0, calls = 1;

    for (int n = 1; n <= calls; n++) {
        fixture f;

        if (!begin(&f, device, text) || !succeeds(&f, 0) || !succeeds(&f, 2)) {
            end(&f);
            return -1;
        }
        fault.calls = 0;
        (void)succeeds(&f, 2);
        calls = fault.calls;
        fault.left = n;
        TN_CHECK_EQ(fails(&f, p), TN_DEVICE);
        fault.left = 0;
        if (f.code.session->failed) {
            unknown++;
            TN_CHECK_EQ(fails(&f, 0), TN_FAILED);
            TN_CHECK_EQ(tn_session_reset(f.code.session), TN_OK);
            tn_run_graph_restart(&f.run);
        }
        if (!succeeds(&f, 4) || !succeeds(&f, 2))
            tn_test_note("call %d of %d", n, calls);
        end(&f);
    }
    return unknown;
}

TN_TEST(a_cache_survives_each_failure)
{
    TN_CHECK_EQ(each_call_may_fail("interp", append, 4), 0);
}

TN_TEST(rows_in_use_are_put_back)
{
    TN_CHECK_EQ(each_call_may_fail("interp", ring, 1), 0);
    TN_CHECK_EQ(each_call_may_fail("interp", each, 1), 0);
}

/* Only a failure among the copies into states leaves them unknown. */
TN_TEST(copies_come_when_all_is_well)
{
    TN_CHECK_EQ(each_call_may_fail("interp", counted, 1), 2);
    TN_CHECK_EQ(each_call_may_fail("interp", looped, 1), 2);
}

TN_TEST(the_first_run_leaves_nothing_behind)
{
    fixture f;

    if (begin(&f, "interp", ring)) {
        fault.left = 4;
        TN_CHECK_EQ(fails(&f, 0), TN_DEVICE);
        fault.left = 0;
        TN_CHECK(!f.code.session->failed && !f.code.session->states[0]);
        (void)succeeds(&f, 2);
    }
    end(&f);
}

static bool
failed_checks_of(const char *device, const char *text)
{
    fixture f;

    if (!begin(&f, device, text)) {
        end(&f);
        return false;
    }
    (void)(succeeds(&f, 1) && succeeds(&f, 3));
    f.wrong = true;
    TN_CHECK_EQ(fails(&f, 0), TN_MALFORMED);
    TN_CHECK_EQ(fails(&f, 4), TN_MALFORMED);
    f.wrong = false;
    (void)(succeeds(&f, 2) && succeeds(&f, 0));
    end(&f);
    return true;
}

static void
failed_checks(const char *device)
{
    if (!failed_checks_of(device, counted) || !failed_checks_of(device, looped))
        TN_SKIP("%s is not here", device);
}

TN_TEST(a_check_that_fails_changes_no_state)
{
    failed_checks("interp");
}

TN_TEST(a_check_that_fails_on_a_cpu)
{
    failed_checks("cpu");
}

TN_TEST(a_check_that_fails_with_vulkan)
{
    failed_checks("vulkan");
}

TN_TEST(a_check_that_fails_with_opencl)
{
    failed_checks("opencl");
}

TN_TEST(a_device_that_stays_broken_says_so)
{
    fixture f;

    if (begin(&f, "interp", ring) && succeeds(&f, 1)) {
        fault.calls = 0;
        (void)succeeds(&f, 1);
        fault.left = fault.calls - 2; /* submit; then the wait and the output */
        fault.for_good = true;
        TN_CHECK_EQ(fails(&f, 0), TN_DEVICE);
        fault.left = 0;
        TN_CHECK_EQ(fails(&f, 0), TN_FAILED);
        TN_CHECK_EQ(tn_session_reset(f.code.session), TN_OK);
        tn_run_graph_restart(&f.run);
        (void)succeeds(&f, 2);
    }
    end(&f);
}

/* Nobody waits again for what was too slow. */
TN_TEST(after_a_timeout_states_are_unknown)
{
    fixture f;

    if (begin(&f, "interp", append) && succeeds(&f, 1)) {
        fault.code = TN_CANCELLED;
        fault.left = 3;
        TN_CHECK_EQ(fails(&f, 0), TN_CANCELLED);
        TN_CHECK_EQ(fails(&f, 0), TN_FAILED);
    }
    end(&f);
}

/* Large inputs are not copied to devices that see the caller's memory; a run
 * with a limit may end before the device does, so it has copies. */
static void
inputs_in_place(const char *device)
{
    static const char text[] = "graph main\n    input x: f32[40,40]\n    input z: f32[3]\n"
                               "    y: f32[40,40] = neg x\n    u: f32[3] = neg z\n"
                               "    output y = y\n    output u = u\n";
    fixture f;

    if (begin(&f, device, text)) {
        TN_CHECK(succeeds(&f, 0) && succeeds(&f, 0));
        TN_CHECK_EQ(fault.wrapped, 2);
        fault.wraps_nothing = true;
        TN_CHECK(succeeds(&f, 0));
        fault.wraps_nothing = false;
        f.run.timeout_ns = 60000000000;
        TN_CHECK(succeeds(&f, 0));
        TN_CHECK_EQ(fault.wrapped, 2);
        f.run.timeout_ns = 0;
        fault.left = 1;
        fault.for_good = true;
        TN_CHECK_EQ(fails(&f, 0), TN_DEVICE);
        fault.left = 0;
        TN_CHECK(succeeds(&f, 0));
    }
    end(&f);
}

TN_TEST(inputs_are_read_where_they_lie)
{
    inputs_in_place("interp");
    inputs_in_place("cpu");
}

TN_MAIN(TN_CASE(a_cache_survives_each_failure), TN_CASE(rows_in_use_are_put_back),
    TN_CASE(copies_come_when_all_is_well), TN_CASE(the_first_run_leaves_nothing_behind),
    TN_CASE(a_check_that_fails_changes_no_state), TN_CASE(a_check_that_fails_on_a_cpu),
    TN_CASE(a_check_that_fails_with_vulkan), TN_CASE(a_check_that_fails_with_opencl),
    TN_CASE(a_device_that_stays_broken_says_so), TN_CASE(after_a_timeout_states_are_unknown),
    TN_CASE(inputs_are_read_where_they_lie))
