/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/compiled.h"

#include <string.h>

#include "backends/cpu/cpu_target.h"
#include "backends/cpu_gen/gen_compile.h"

static const char *
text_of(tn_arena *arena, const tn_target *target)
{
    tn_text text = {.arena = arena};

    tn_target_print(&text, target);
    return text.at;
}

const char *
tn_compiled_target(tn_arena *arena, const char *name)
{
    tn_target wanted, here;

    tn_cpu_target(tn_cpu_os_system(), &here);
    if (!tn_target_named(name, &wanted) || tn_target_lacks(&here, &wanted))
        return NULL;
    return text_of(arena, &wanted);
}

/* The compiler's result lives in its own memory: copied with that of the
 * system, since the arena may not grow inside a callback. */
static void
keep(void *to, tn_span code)
{
    uint8_t *at = tn_alloc_get(tn_alloc_system(), code.bytes + 1);

    *(tn_span *)to = (tn_span){at, at ? code.bytes : 0};
    if (at) {
        memcpy(at, code.at, code.bytes);
        at[code.bytes] = 0;
    }
}

static tn_status
compile(tn_arena *arena, tn_diag *diag, const tn_kernel *k, const char *target, tn_gen_form form,
    tn_span *out)
{
    tn_writer bytes = {.arena = arena};
    tn_span kept = {NULL, 0};

    tn_gen_start();
    tn_kernel_encode(&bytes, k);
    TN_TRY(tn_gen_compile(tn_alloc_system(), diag, target, tn_writer_span(&bytes), form, keep,
        &kept));
    if (!kept.at)
        return TN_NO_MEMORY;
    *out =
        (tn_span){(uint8_t *)tn_arena_copy(arena, (const char *)kept.at, kept.bytes), kept.bytes};
    tn_alloc_system()->resize(NULL, (void *)(uintptr_t)kept.at, kept.bytes + 1, 0);
    return TN_OK;
}

tn_status
tn_compiled_load(tn_arena *arena, tn_diag *diag, const tn_kernel *k, const char *target,
    tn_cpu_image *out)
{
    tn_span object;

    TN_TRY(compile(arena, diag, k, target, TN_GEN_OBJECT, &object));
    return tn_cpu_load(tn_cpu_os_system(), tn_alloc_system(), diag, tn_cpu_machine_here(), object,
        out);
}

static tn_status
compile_named(tn_arena *arena, tn_diag *diag, const tn_kernel *k, const char *target,
    tn_gen_form form, tn_span *out)
{
    tn_target wanted;

    if (!tn_target_named(target, &wanted))
        return TN_UNSUPPORTED;
    return compile(arena, diag, k, text_of(arena, &wanted), form, out);
}

tn_status
tn_compiled_object(tn_arena *arena, tn_diag *diag, const tn_kernel *k, const char *target,
    tn_span *out)
{
    return compile_named(arena, diag, k, target, TN_GEN_OBJECT, out);
}

tn_status
tn_compiled_text(tn_arena *arena, tn_diag *diag, const tn_kernel *k, const char *target,
    const char **out)
{
    tn_span text;

    TN_TRY(compile_named(arena, diag, k, target, TN_GEN_ASSEMBLY, &text));
    *out = (const char *)text.at;
    return TN_OK;
}
