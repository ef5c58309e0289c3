/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/opencl/cl_codegen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backends/opencl/cl_spell.h"

typedef struct spelling {
    const char *real, *whole, *truth;
} spelling;

/* Rows in the order of fns.def; functions that lane level does not have are
 * empty. A native row without its CL_ macro does not compile. */
#define NATIVE(name) CL_##name
#define EXPAND(name) {0, 0, 0}
static const spelling spellings[TN_FN_COUNT] = {
#define TN_FN(name, graph, arity, rule, cost, native, doc) [TN_FN_##name] = native(name),
#include "ir/kernel/fns.def"
};
#undef NATIVE
#undef EXPAND

typedef struct emitter {
    tn_text *out;
    tn_diag *diag;
    const tn_kernel *k;
    bool *dynamic; /* cells with an index that is no constant */
    int depth;
} emitter;

static const char *
type_name(tn_dtype t)
{
    static const char *const names[TN_DTYPE_COUNT] = {
        [TN_F64] = "double",
        [TN_F32] = "float",
        [TN_F16] = "ushort",
        [TN_BF16] = "ushort",
        [TN_I64] = "long",
        [TN_I32] = "int",
        [TN_I16] = "short",
        [TN_I8] = "char",
        [TN_U64] = "ulong",
        [TN_U32] = "uint",
        [TN_U16] = "ushort",
        [TN_U8] = "uchar",
        [TN_BOOL] = "bool",
    };

    return names[t];
}

static const char *
unsigned_name(tn_dtype t)
{
    switch (tn_dtype_bytes(t)) {
    case 8: return "ulong";
    case 4: return "uint";
    case 2: return "ushort";
    default: return "uchar";
    }
}

/* bool has no size in memory: it lies there as a byte. */
static const char *
memory_name(tn_dtype t)
{
    return t == TN_BOOL ? "uchar" : type_name(t);
}

static tn_status
refuse(const emitter *e, const char *what)
{
    return tn_fail(e->diag, TN_UNSUPPORTED, "kernel %s: OpenCL code has no %s", e->k->name, what);
}

static void
line(emitter *e)
{
    tn_text_indent(e->out, e->depth);
}

static bool
is_constant(const tn_ins *v, int64_t *out)
{
    *out = v->whole;
    return v->op == TN_K_const && v->type.dtype != TN_F32 && v->type.dtype != TN_F64;
}

/* ---- values ---- */

static void
constant(emitter *e, const tn_ins *v)
{
    char text[64];

    if (v->type.dtype == TN_BOOL) {
        tn_text_add(e->out, v->whole ? "true" : "false");
    } else if (tn_is_int(v->type.dtype)) {
        if (v->whole == INT64_MIN)
            tn_text_add(e->out, "(-9223372036854775807L - 1L)");
        else
            tn_text_add(e->out, "((%s)%lld%s)", type_name(v->type.dtype), (long long)v->whole,
                tn_dtype_bytes(v->type.dtype) == 8 ? "L" : "");
    } else if (isnan(v->real)) {
        tn_text_add(e->out, v->type.dtype == TN_F64 ? "nan(0UL)" : "nan(0U)");
    } else if (isinf(v->real)) {
        tn_text_add(e->out, "(%s%s)", v->real < 0 ? "-" : "",
            v->type.dtype == TN_F64 ? "(double)INFINITY" : "INFINITY");
    } else {
        snprintf(text, sizeof text, v->type.dtype == TN_F64 ? "(%a)" : "(%af)", v->real);
        tn_text_add(e->out, "%s", text);
    }
}

static void
operand(emitter *e, const tn_ins *v)
{
    if (v->op == TN_K_const)
        constant(e, v);
    else if (v->op == TN_K_param)
        tn_text_add(e->out, "n%lld", (long long)v->whole);
    else
        tn_text_add(e->out, "v%u", v->id);
}

static void
define(emitter *e, const tn_ins *v)
{
    line(e);
    tn_text_add(e->out, "const %s v%u = ", type_name(v->type.dtype), v->id);
}

static void
spell(emitter *e, const tn_ins *v, const char *text)
{
    for (; *text; text++) {
        if (*text != '%') {
            tn_text_put(e->out, text, 1);
            continue;
        }
        switch (*++text) {
        case 'a':
        case 'b':
        case 'c': operand(e, v->arg[*text - 'a']); break;
        case 't': tn_text_add(e->out, "%s", type_name(v->type.dtype)); break;
        case 'u': tn_text_add(e->out, "%s", unsigned_name(v->type.dtype)); break;
        default: tn_text_put(e->out, text, 1); break;
        }
    }
}

/* Conversions of halves are functions of the prelude; float to integer
 * saturates by convert_.._sat_rtz, with NaN made 0 first. */
static void
cast(emitter *e, const tn_ins *v)
{
    const tn_ins *a = v->arg[0];
    tn_dtype from = a->type.dtype, to = v->type.dtype;

    if (from == TN_F16 || from == TN_BF16)
        spell(e, v, from == TN_F16 ? "half_to_float(%a)" : "bf16_to_float(%a)");
    else if (to == TN_F16 || to == TN_BF16)
        spell(e, v, to == TN_F16 ? "float_to_half(%a)" : "float_to_bf16(%a)");
    else if (to == TN_BOOL)
        spell(e, v, "(%a != 0)");
    else if (tn_is_float(from) && tn_is_int(to))
        spell(e, v, "convert_%t_sat_rtz(v_or_zero(%a))");
    else
        spell(e, v, "(%t)%a");
}

static tn_status
function(emitter *e, const tn_ins *v)
{
    const spelling *s = &spellings[v->fn];
    tn_dtype of = v->arg[v->fn == TN_FN_select ? 1 : 0]->type.dtype;
    const char *text = of == TN_BOOL ? s->truth : tn_is_int(of) ? s->whole : s->real;

    define(e, v);
    if (v->fn == TN_FN_cast) {
        cast(e, v);
    } else if (v->fn == TN_FN_bits) {
        spell(e, v, "as_%t(%a)");
    } else {
        if (v->fn == TN_FN_div && tn_is_int(of) && !tn_is_signed(of))
            text = CL_div_unsigned;
        if (v->fn == TN_FN_rem && tn_is_int(of) && !tn_is_signed(of))
            text = CL_rem_unsigned;
        if (!text)
            return refuse(e, tn_fn_info_of(v->fn)->name);
        spell(e, v, text);
    }
    tn_text_add(e->out, ";\n");
    return TN_OK;
}

/* ---- cells ---- */

static uint32_t
cell_count(const tn_kcell *c)
{
    uint32_t n = 1;

    for (int i = 0; i < c->rank; i++)
        n *= c->dim[i];
    return n;
}

static void
declare_cell(emitter *e, const tn_kcell *c)
{
    line(e);
    if (e->dynamic[c->index]) {
        tn_text_add(e->out, "%s c%u[%u];\n", type_name(c->type.dtype), c->index, cell_count(c));
        return;
    }
    tn_text_add(e->out, "%s", type_name(c->type.dtype));
    for (uint32_t i = 0; i < cell_count(c); i++)
        tn_text_add(e->out, "%s c%u_%u", i ? "," : "", c->index, i);
    tn_text_add(e->out, ";\n");
}

/* The place of a cell at the indices from argument `first` on. */
static void
cell_at(emitter *e, const tn_ins *v, int first)
{
    const tn_kcell *c = v->cell;
    int64_t at = 0, n;

    if (!e->dynamic[c->index]) {
        for (int i = 0; i < c->rank; i++) {
            is_constant(v->arg[first + i], &n);
            at = at * c->dim[i] + n;
        }
        tn_text_add(e->out, "c%u_%lld", c->index, (long long)at);
        return;
    }
    tn_text_add(e->out, "c%u[", c->index);
    for (int i = 0; i < c->rank; i++) {
        uint32_t step = 1;

        for (int j = i + 1; j < c->rank; j++)
            step *= c->dim[j];
        tn_text_add(e->out, "%s", i ? " + " : "");
        operand(e, v->arg[first + i]);
        tn_text_add(e->out, " * %u", step);
    }
    tn_text_add(e->out, "%s]", c->rank ? "" : "0");
}

/* ---- memory ---- */

static void
memory(emitter *e, const tn_kmem *m)
{
    tn_text_add(e->out, m->space == TN_SPACE_GLOBAL ? "b%u" : "m%u", m->index);
}

static void
other(emitter *e, const tn_ins *v)
{
    tn_ins c = {.op = TN_K_const, .type = v->type, .whole = v->other, .real = v->real};

    if (v->type.dtype == TN_F16 || v->type.dtype == TN_BF16) {
        c.type.dtype = TN_U16;
        c.whole = v->type.dtype == TN_F16 ? tn_float_to_half((float)v->real)
                                          : tn_float_to_bf16((float)v->real);
    }
    constant(e, &c);
}

/* A masked load reads element 0 where the mask is false, which every buffer
 * has, and chooses afterwards: no branch around a load. */
static void
load(emitter *e, const tn_ins *v)
{
    bool masked = v->arg_count > 1;

    define(e, v);
    if (masked) {
        operand(e, v->arg[1]);
        tn_text_add(e->out, " ? ");
    }
    if (v->type.dtype == TN_BOOL)
        tn_text_add(e->out, "(bool)");
    memory(e, v->mem);
    tn_text_add(e->out, "[");
    if (masked) {
        operand(e, v->arg[1]);
        tn_text_add(e->out, " ? ");
    }
    operand(e, v->arg[0]);
    tn_text_add(e->out, masked ? " : 0] : " : "]");
    if (masked)
        other(e, v);
    tn_text_add(e->out, ";\n");
}

static void
store(emitter *e, const tn_ins *v)
{
    line(e);
    if (v->arg_count > 2) {
        tn_text_add(e->out, "if (");
        operand(e, v->arg[2]);
        tn_text_add(e->out, ") ");
    }
    memory(e, v->mem);
    tn_text_add(e->out, "[");
    operand(e, v->arg[0]);
    tn_text_add(e->out, "] = ");
    operand(e, v->arg[1]);
    tn_text_add(e->out, ";\n");
}

static void
check(emitter *e, const tn_ins *v)
{
    line(e);
    tn_text_add(e->out, "if (!");
    operand(e, v->arg[0]);
    tn_text_add(e->out, ") { status[%lld] = ", (long long)v->whole * 4 + 1);
    operand(e, v->arg[1]);
    tn_text_add(e->out, "; status[%lld] = ", (long long)v->whole * 4 + 2);
    operand(e, v->arg[2]);
    tn_text_add(e->out, "; status[%lld] = 1; }\n", (long long)v->whole * 4);
}

/* x, made of the elements start, start + step, .. of a group array. */
static void
column(emitter *e, const tn_ins *v, const char *start, uint32_t step, uint32_t end)
{
    tn_dtype dtype = v->cell->type.dtype;
    const char *text = tn_is_int(dtype) ? spellings[v->fn].whole : spellings[v->fn].real;
    const char *t = type_name(dtype);

    tn_text_add(e->out, "%s x = r%u[%s]; for (int l = %s + %u; l < %u; l += %u) { ", t, v->id,
        start, start, step, end, step);
    tn_text_add(e->out, "const %s y = r%u[l]; x = ", t, v->id);
    for (const char *c = text; *c; c++) {
        if (*c != '%') {
            tn_text_put(e->out, c, 1);
            continue;
        }
        c++;
        tn_text_add(e->out, "%s",
            *c == 'a'       ? "x"
                : *c == 'b' ? "y"
                : *c == 't' ? t
                            : unsigned_name(dtype));
    }
    tn_text_add(e->out, "; } ");
}

/* Through group memory: a few lanes add up columns, then every lane the sums
 * of all columns, in the same order. */
static tn_status
group_reduce(emitter *e, const tn_ins *v)
{
    const spelling *s = &spellings[v->fn];
    uint32_t lanes = e->k->lanes, rows = tn_reduce_rows(lanes);

    if (!(tn_is_int(v->cell->type.dtype) ? s->whole : s->real) || e->k->team)
        return refuse(e, "reduction of this kind over a subgroup");
    tn_text_indent(e->out, e->depth);
    tn_text_add(e->out, "r%u[lane] = ", v->id);
    cell_at(e, v, 0);
    tn_text_add(e->out, ";\n");
    line(e);
    tn_text_add(e->out, "barrier(CLK_LOCAL_MEM_FENCE);\n");
    if (rows < lanes) {
        line(e);
        tn_text_add(e->out, "if (lane < %u) { ", rows);
        column(e, v, "lane", rows, lanes);
        tn_text_add(e->out, "r%u[lane] = x; }\n", v->id);
        line(e);
        tn_text_add(e->out, "barrier(CLK_LOCAL_MEM_FENCE);\n");
    }
    line(e);
    tn_text_add(e->out, "{ ");
    column(e, v, "0", 1, rows);
    cell_at(e, v, 0);
    tn_text_add(e->out, " = x; }\n");
    line(e);
    tn_text_add(e->out, "barrier(CLK_LOCAL_MEM_FENCE);\n");
    return TN_OK;
}

/* ---- structure ---- */

static tn_status block(emitter *e, const tn_kblock *b);

static tn_status
body(emitter *e, const tn_kblock *b)
{
    tn_status status;

    e->depth++;
    status = block(e, b);
    e->depth--;
    line(e);
    tn_text_add(e->out, "}\n");
    return status;
}

static tn_status
loop(emitter *e, const tn_ins *v)
{
    const char *t = type_name(v->type.dtype);
    int64_t extent;

    line(e);
    switch (v->loop) {
    case TN_LOOP_GRID:
        tn_text_add(e->out, "{ const %s v%u = (%s)get_group_id(0);\n", t, v->id, t);
        break;
    case TN_LOOP_LANE:
        is_constant(v->arg[1], &extent);
        if (extent == (int64_t)e->k->lanes)
            tn_text_add(e->out, "{ const %s v%u = lane;\n", t, v->id);
        else
            tn_text_add(e->out, "if (lane < %lld) { const %s v%u = lane;\n", (long long)extent, t,
                v->id);
        break;
    case TN_LOOP_SERIAL:
        tn_text_add(e->out, "for (%s v%u = ", t, v->id);
        operand(e, v->arg[0]);
        tn_text_add(e->out, "; v%u < ", v->id);
        operand(e, v->arg[1]);
        tn_text_add(e->out, "; v%u += %lld) {\n", v->id, (long long)v->whole);
        break;
    default: return refuse(e, "TEAM loop");
    }
    return body(e, v->body);
}

static tn_status
branch(emitter *e, const tn_ins *v)
{
    line(e);
    tn_text_add(e->out, "if (");
    operand(e, v->arg[0]);
    tn_text_add(e->out, ") {\n");
    TN_TRY(body(e, v->body));
    if (!v->orelse)
        return TN_OK;
    line(e);
    tn_text_add(e->out, "else {\n");
    return body(e, v->orelse);
}

static tn_status
instruction(emitter *e, const tn_ins *v)
{
    if (v->type.lanes > 1)
        return refuse(e, "vectors");
    switch (v->op) {
    case TN_K_loop: return loop(e, v);
    case TN_K_if: return branch(e, v);
    case TN_K_const:
    case TN_K_param:
    case TN_K_local: return TN_OK;
    case TN_K_fn: return function(e, v);
    case TN_K_cell: declare_cell(e, v->cell); return TN_OK;
    case TN_K_get:
        define(e, v);
        cell_at(e, v, 0);
        tn_text_add(e->out, ";\n");
        return TN_OK;
    case TN_K_set:
        line(e);
        cell_at(e, v, 1);
        tn_text_add(e->out, " = ");
        operand(e, v->arg[0]);
        tn_text_add(e->out, ";\n");
        return TN_OK;
    case TN_K_load: load(e, v); return TN_OK;
    case TN_K_store: store(e, v); return TN_OK;
    case TN_K_barrier:
        line(e);
        tn_text_add(e->out, "barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);\n");
        return TN_OK;
    case TN_K_sg_reduce: return group_reduce(e, v);
    case TN_K_check: check(e, v); return TN_OK;
    default: return refuse(e, tn_kop_name(v->op));
    }
}

static tn_status
block(emitter *e, const tn_kblock *b)
{
    for (uint32_t i = 0; i < b->ins.count; i++)
        TN_TRY(instruction(e, b->ins.at[i]));
    return TN_OK;
}

/* ---- what stands before the body ---- */

/* Marks cells with run-time indices; declares group memory, which must stand
 * outermost in a kernel. */
static void
scan(emitter *e, const tn_kblock *b)
{
    int64_t n;

    for (uint32_t i = 0; i < b->ins.count; i++) {
        const tn_ins *v = b->ins.at[i];
        int first = v->op == TN_K_set;

        if (v->op == TN_K_get || v->op == TN_K_set)
            for (int a = 0; a < v->cell->rank; a++)
                if (!is_constant(v->arg[first + a], &n))
                    e->dynamic[v->cell->index] = true;
        if (v->op == TN_K_local && is_constant(v->arg[0], &n))
            tn_text_add(e->out, "    __local %s m%u[%lld];\n", memory_name(v->mem->dtype),
                v->mem->index, (long long)(n > 0 ? n : 1));
        if (v->op == TN_K_sg_reduce)
            tn_text_add(e->out, "    __local %s r%u[%u];\n", type_name(v->cell->type.dtype), v->id,
                e->k->lanes);
        if (v->body)
            scan(e, v->body);
        if (v->orelse)
            scan(e, v->orelse);
    }
}

static bool
uses(const tn_kblock *b, tn_dtype t)
{
    for (uint32_t i = 0; i < b->ins.count; i++) {
        const tn_ins *v = b->ins.at[i];

        if (v->type.dtype == t && v->type.lanes)
            return true;
        if ((v->body && uses(v->body, t)) || (v->orelse && uses(v->orelse, t)))
            return true;
    }
    return false;
}

static void
prelude(emitter *e)
{
    tn_text_add(e->out, "#pragma OPENCL FP_CONTRACT OFF\n");
    if (uses(e->k->root, TN_F64))
        tn_text_add(e->out, "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n");
    tn_text_add(e->out, "#define v_or_zero(x) ((x) == (x) ? (x) : 0)\n");
    if (uses(e->k->root, TN_F16))
        tn_text_add(e->out,
            "float half_to_float(ushort h) { return vload_half(0, (const half *)&h); }\n"
            "ushort float_to_half(float x)\n"
            "{ ushort h; vstore_half_rte(x, 0, (half *)&h); return h; }\n");
    if (uses(e->k->root, TN_BF16))
        tn_text_add(e->out,
            "float bf16_to_float(ushort h) { return as_float((uint)h << 16); }\n"
            "ushort float_to_bf16(float x)\n"
            "{ uint u = as_uint(x); return x == x ? (ushort)((u + 0x7fff + (u >> 16 & 1)) >> 16)"
            " : (ushort)(u >> 16 | 64); }\n");
}

static void
signature(emitter *e)
{
    const tn_kernel *k = e->k;
    const char *comma = "";

    tn_text_add(e->out, "__kernel __attribute__((reqd_work_group_size(%u, 1, 1)))\nvoid %s(",
        k->lanes, TN_CL_KERNEL);
    for (uint32_t i = 0; i < k->globals.count; i++, comma = ", ")
        tn_text_add(e->out, "%s__global uchar *a%u, ulong o%u", comma, i, i);
    for (uint32_t i = 0; i < k->sizes.count; i++, comma = ", ")
        tn_text_add(e->out, "%sint n%u", comma, i);
    if (k->sites.count)
        tn_text_add(e->out, "%s__global uchar *as, ulong os", comma);
    tn_text_add(e->out, ")\n{\n");
    for (uint32_t i = 0; i < k->globals.count; i++) {
        const char *t = memory_name(k->globals.at[i]->dtype);
        const char *c = k->globals.at[i]->written ? "" : "const ";

        tn_text_add(e->out, "    %s__global %s *b%u = (%s__global %s *)(a%u + o%u);\n", c, t, i, c,
            t, i, i);
    }
    if (k->sites.count)
        tn_text_add(e->out, "    __global int *status = (__global int *)(as + os);\n");
    tn_text_add(e->out, "    const int lane = (int)get_local_id(0);\n");
}

tn_status
tn_cl_generate(tn_text *out, tn_diag *diag, const tn_kernel *from)
{
    emitter e = {.out = out, .diag = diag, .depth = 1};
    tn_kernel *k;

    TN_TRY(tn_kernel_unroll(out->arena, diag, from, &k));
    e.k = k;
    e.dynamic = tn_new_array(out->arena, bool, k->cells.count + 1);
    if (k->index != TN_I32)
        return refuse(&e, "64-bit addresses");
    tn_text_add(out, "// tenon %u %u %u %u\n", k->lanes, k->globals.count, k->sizes.count,
        k->sites.count);
    prelude(&e);
    signature(&e);
    scan(&e, k->root);
    TN_TRY(block(&e, k->root));
    tn_text_add(out, "}\n");
    return TN_OK;
}

tn_status
tn_cl_head_read(tn_diag *diag, const char *code, size_t bytes, tn_cl_head *out)
{
    char head[64] = {0};

    memcpy(head, code, bytes < sizeof head - 1 ? bytes : sizeof head - 1);
    if (sscanf(head, "// tenon %u %u %u %u", &out->lanes, &out->buffers, &out->sizes,
            &out->sites) != 4 ||
        out->lanes == 0 || out->lanes > 4096 || out->buffers > 1024 || out->sizes > 1024)
        return tn_fail(diag, TN_INTEGRITY, "OpenCL code: the first line is not ours");
    return TN_OK;
}
