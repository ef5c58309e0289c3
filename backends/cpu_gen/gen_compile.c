/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu_gen/gen_compile.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/Target.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <string.h>

#include "backends/cpu_gen/gen.h"

/* Enough for code that is written with explicit vectors: cells become
 * registers, doubles and dead code go. Vectorisers would only undo the
 * schedule. Nor is anything moved out of loops here: the builder of kernels
 * has done that, and LLVM would tear the widening of a gather's indices from
 * the gather, which then takes twice the instructions. */
#define PASSES "function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg)"

/* Handles of LLVM have their places before anything is made, so that leaving
 * the arena's guard early loses none. */
typedef struct job {
    tn_arena *arena;
    tn_diag *diag;
    const char *target_text;
    tn_span kernel;
    tn_gen_form form;
    tn_gen_target target;
    tn_gen g;
    LLVMTargetMachineRef machine;
    LLVMTargetDataRef layout;
    LLVMMemoryBufferRef out;
    char said[256]; /* LLVM's last complaint */
} job;

void
tn_gen_start(void)
{
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser(); /* of inline assembly */
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
}

/* Without a handler an error of a pass would end the process. */
static void
note(LLVMDiagnosticInfoRef info, void *arg)
{
    job *j = arg;
    char *text;

    if (LLVMGetDiagInfoSeverity(info) != LLVMDSError)
        return;
    text = LLVMGetDiagInfoDescription(info);
    snprintf(j->said, sizeof j->said, "%s", text);
    LLVMDisposeMessage(text);
}

/* Takes a message that LLVM has allocated. */
static tn_status
complain(job *j, const char *what, char *text)
{
    tn_status status = tn_fail(j->diag, TN_BUG, "LLVM: %s: %s", what, text ? text : "no reason");

    LLVMDisposeMessage(text);
    return status;
}

static tn_status
make_machine(job *j)
{
    LLVMTargetRef target;
    char *text = NULL;

    if (LLVMGetTargetFromTriple(j->target.triple, &target, &text))
        return complain(j, j->target.triple, text);
    j->machine = LLVMCreateTargetMachine(target, j->target.triple, j->target.cpu, "",
        LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelSmall);
    if (!j->machine)
        return tn_fail(j->diag, TN_BUG, "LLVM: no machine %s", j->target.cpu);
    j->layout = LLVMCreateTargetDataLayout(j->machine);
    LLVMSetTargetMachineAsmVerbosity(j->machine, j->form == TN_GEN_ASSEMBLY);
    return TN_OK;
}

static tn_status
make_module(job *j)
{
    tn_gen *g = &j->g;

    g->context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(g->context, note, j);
    g->module = LLVMModuleCreateWithNameInContext("tenon", g->context);
    LLVMSetTarget(g->module, j->target.triple);
    LLVMSetModuleDataLayout(g->module, j->layout);
    g->b = LLVMCreateBuilderInContext(g->context);
    g->head = LLVMCreateBuilderInContext(g->context);
    return tn_gen_kernel(g);
}

static tn_status
verify(job *j)
{
    char *text = NULL;

    if (LLVMVerifyModule(j->g.module, LLVMReturnStatusAction, &text))
        return complain(j, j->g.k->name, text);
    LLVMDisposeMessage(text);
    return TN_OK;
}

static tn_status
optimise(job *j)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(j->g.module, PASSES, j->machine, options);
    tn_status status = TN_OK;

    LLVMDisposePassBuilderOptions(options);
    if (error) {
        char *text = LLVMGetErrorMessage(error);

        status = tn_fail(j->diag, TN_BUG, "LLVM: passes: %s", text);
        LLVMDisposeErrorMessage(text);
    }
    return status;
}

static tn_status
emit(job *j)
{
    LLVMCodeGenFileType type = j->form == TN_GEN_ASSEMBLY ? LLVMAssemblyFile : LLVMObjectFile;
    char *text = NULL;

    if (LLVMTargetMachineEmitToMemoryBuffer(j->machine, j->g.module, type, &text, &j->out))
        return complain(j, j->g.k->name, text);
    if (j->said[0])
        return tn_fail(j->diag, TN_BUG, "LLVM: %s: %s", j->g.k->name, j->said);
    return TN_OK;
}

static tn_status
print(job *j)
{
    char *text = LLVMPrintModuleToString(j->g.module);

    j->out = LLVMCreateMemoryBufferWithMemoryRangeCopy(text, strlen(text), "");
    LLVMDisposeMessage(text);
    return TN_OK;
}

static tn_status
compile(void *arg)
{
    job *j = arg;
    tn_kernel *k;
    tn_target target;

    TN_TRY(tn_target_parse(j->diag, j->target_text, strlen(j->target_text), &target));
    TN_TRY(tn_gen_target_find(&target, j->diag, &j->target));
    TN_TRY(tn_kernel_decode(j->arena, j->diag, j->kernel, &k));
    TN_TRY(tn_kernel_unroll(j->arena, j->diag, k, &k));
    j->g = (tn_gen){.k = k, .target = &j->target, .arena = j->arena, .diag = j->diag};
    TN_TRY(make_machine(j));
    TN_TRY(make_module(j));
    TN_TRY(verify(j));
    if (j->form == TN_GEN_IR)
        return print(j);
    TN_TRY(optimise(j));
    return emit(j);
}

static void
dispose(job *j)
{
    if (j->out)
        LLVMDisposeMemoryBuffer(j->out);
    if (j->g.head)
        LLVMDisposeBuilder(j->g.head);
    if (j->g.b)
        LLVMDisposeBuilder(j->g.b);
    if (j->g.module)
        LLVMDisposeModule(j->g.module);
    if (j->g.context)
        LLVMContextDispose(j->g.context);
    if (j->layout)
        LLVMDisposeTargetData(j->layout);
    if (j->machine)
        LLVMDisposeTargetMachine(j->machine);
}

tn_status
tn_gen_compile(const tn_alloc *alloc, tn_diag *diag, const char *target, tn_span kernel,
    tn_gen_form form, void (*take)(void *to, tn_span code), void *to)
{
    job j = {.arena = tn_arena_create(alloc, 0),
        .diag = diag,
        .target_text = target,
        .kernel = kernel,
        .form = form};
    tn_status status;

    if (!j.arena)
        return tn_fail_memory(diag, 0, "generating machine code");
    status = tn_arena_guard(j.arena, compile, &j);
    if (status == TN_OK)
        take(to, (tn_span){(const uint8_t *)LLVMGetBufferStart(j.out), LLVMGetBufferSize(j.out)});
    else if (status == TN_NO_MEMORY)
        status = tn_fail_memory(diag, tn_arena_failed_bytes(j.arena), "generating machine code");
    dispose(&j);
    tn_arena_destroy(j.arena);
    return status;
}
