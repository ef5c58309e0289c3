/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "backends/vulkan/vk_emit.h"

/* How SPIR-V spells each native function: opcodes for floats, signed,
 * unsigned integers, bool; 0 where a type has none; GLSL(n): of the extended
 * set; SELF: written out below. */
typedef struct spelling {
    uint32_t real, signed_, unsigned_, truth;
} spelling;

#define GLSL(n) (0x10000u | (n))
#define SELF 0x20000u

#define VK_add {SPV_F_ADD, SPV_I_ADD, SPV_I_ADD, 0}
#define VK_sub {SPV_F_SUB, SPV_I_SUB, SPV_I_SUB, 0}
#define VK_mul {SPV_F_MUL, SPV_I_MUL, SPV_I_MUL, 0}
#define VK_div {SPV_F_DIV, SELF, SPV_U_DIV, 0}
#define VK_rem {0, SELF, SPV_U_MOD, 0}
#define VK_neg {SPV_F_NEGATE, SPV_S_NEGATE, SPV_S_NEGATE, 0}
#define VK_abs {GLSL(GLSL_F_ABS), GLSL(GLSL_S_ABS), SELF, 0}
#define VK_min {SELF, GLSL(GLSL_S_MIN), GLSL(GLSL_U_MIN), 0}
#define VK_max {SELF, GLSL(GLSL_S_MAX), GLSL(GLSL_U_MAX), 0}
#define VK_minq {GLSL(GLSL_F_MIN), GLSL(GLSL_S_MIN), GLSL(GLSL_U_MIN), 0}
#define VK_maxq {GLSL(GLSL_F_MAX), GLSL(GLSL_S_MAX), GLSL(GLSL_U_MAX), 0}
#define VK_fma {GLSL(GLSL_FMA), 0, 0, 0}
#define VK_sqrt {GLSL(GLSL_SQRT), 0, 0, 0}
#define VK_floor {GLSL(GLSL_FLOOR), 0, 0, 0}
#define VK_round {GLSL(GLSL_ROUND_EVEN), 0, 0, 0}
#define VK_trunc {GLSL(GLSL_TRUNC), 0, 0, 0}
#define VK_and {0, SPV_BITWISE_AND, SPV_BITWISE_AND, SPV_LOGICAL_AND}
#define VK_or {0, SPV_BITWISE_OR, SPV_BITWISE_OR, SPV_LOGICAL_OR}
#define VK_xor {0, SPV_BITWISE_XOR, SPV_BITWISE_XOR, SPV_LOGICAL_NOT_EQUAL}
#define VK_shl {0, SPV_SHIFT_LEFT_LOGICAL, SPV_SHIFT_LEFT_LOGICAL, 0}
#define VK_shr {0, SPV_SHIFT_RIGHT_ARITHMETIC, SPV_SHIFT_RIGHT_LOGICAL, 0}
#define VK_mulhi {0, SELF, SELF, 0}
#define VK_eq {SPV_F_ORD_EQUAL, SPV_I_EQUAL, SPV_I_EQUAL, SPV_LOGICAL_EQUAL}
#define VK_lt {SPV_F_ORD_LESS_THAN, SPV_S_LESS_THAN, SPV_U_LESS_THAN, 0}
#define VK_le {SPV_F_ORD_LESS_THAN_EQUAL, SPV_S_LESS_THAN_EQUAL, SPV_U_LESS_THAN_EQUAL, 0}
#define VK_select {SPV_SELECT, SPV_SELECT, SPV_SELECT, SPV_SELECT}
#define VK_cast {SELF, SELF, SELF, SELF}
#define VK_bits {SELF, SELF, SELF, 0}

#define NATIVE(name) VK_##name
#define EXPAND(name) {0, 0, 0, 0}
static const spelling spellings[TN_FN_COUNT] = {
#define TN_FN(name, graph, arity, rule, cost, native, doc) [TN_FN_##name] = native(name),
#include "ir/kernel/fns.def"
};
#undef NATIVE
#undef EXPAND

static uint32_t
opcode_for(const spelling *s, tn_dtype t)
{
    if (t == TN_BOOL)
        return s->truth;
    if (tn_is_float(t))
        return s->real;
    return tn_is_signed(t) ? s->signed_ : s->unsigned_;
}

static bool
is_narrow(tn_dtype t)
{
    return tn_is_int(t) && tn_dtype_bytes(t) < 4;
}

/* A 32-bit result brought back to the range of an 8- or 16-bit type. */
static uint32_t
wrap(tn_vk_emitter *e, tn_dtype t, uint32_t value)
{
    uint32_t type = tn_vk_type(e, tn_vk_register(t)), bits;

    if (!is_narrow(t))
        return value;
    bits = tn_vk_int(e, TN_U32, 32 - 8 * tn_dtype_bytes(t));
    value = tn_vk_op2(e, SPV_SHIFT_LEFT_LOGICAL, type, value, bits);
    return tn_vk_op2(e, tn_is_signed(t) ? SPV_SHIFT_RIGHT_ARITHMETIC : SPV_SHIFT_RIGHT_LOGICAL,
        type, value, bits);
}

static uint32_t
truth_type(tn_vk_emitter *e)
{
    return tn_vk_type(e, TN_BOOL);
}

static uint32_t
choose(tn_vk_emitter *e, uint32_t type, uint32_t c, uint32_t a, uint32_t b)
{
    return tn_vk_op3(e, SPV_SELECT, type, c, a, b);
}

/* least / -1 is undefined in SPIR-V: such a divisor becomes 1 and the result
 * is chosen. */
static uint32_t
signed_division(tn_vk_emitter *e, tn_fn fn, tn_dtype t, uint32_t a, uint32_t b)
{
    tn_dtype r = tn_vk_register(t);
    uint32_t type = tn_vk_type(e, r);
    uint32_t truth = truth_type(e);
    uint32_t minus = tn_vk_op2(e, SPV_I_EQUAL, truth, b, tn_vk_int(e, r, -1));
    uint32_t safe = choose(e, type, minus, tn_vk_int(e, r, 1), b);
    uint32_t result, other;

    if (fn == TN_FN_div) {
        result = tn_vk_op2(e, SPV_S_DIV, type, a, safe);
        other = tn_vk_op1(e, SPV_S_NEGATE, type, a);
    } else {
        result = tn_vk_op2(e, SPV_S_REM, type, a, safe);
        other = tn_vk_int(e, r, 0);
    }
    return wrap(e, t, choose(e, type, minus, other, result));
}

/* A NaN makes both comparisons false and comes out of the sum. */
static uint32_t
keeping_nan(tn_vk_emitter *e, tn_fn fn, tn_dtype t, uint32_t a, uint32_t b)
{
    uint32_t type = tn_vk_type(e, t), sum = tn_vk_op2(e, SPV_F_ADD, type, a, b);
    bool least = fn == TN_FN_min;
    uint32_t second =
        tn_vk_op2(e, least ? SPV_F_ORD_LESS_THAN : SPV_F_ORD_GREATER_THAN, truth_type(e), b, a);
    uint32_t rest = choose(e, type, second, b, sum);
    uint32_t first = tn_vk_op2(e, least ? SPV_F_ORD_LESS_THAN_EQUAL : SPV_F_ORD_GREATER_THAN_EQUAL,
        truth_type(e), a, b);

    return choose(e, type, first, a, rest);
}

static uint32_t
high_product(tn_vk_emitter *e, tn_dtype t, uint32_t a, uint32_t b)
{
    uint32_t type = tn_vk_type(e, t), pair[] = {type, type};
    uint32_t both = tn_spirv_unique(&e->m, SPV_TYPE_STRUCT, 0, pair, 2);
    uint32_t product =
        tn_vk_op2(e, tn_is_signed(t) ? SPV_S_MUL_EXTENDED : SPV_U_MUL_EXTENDED, both, a, b);
    uint32_t id = tn_spirv_id(&e->m);

    TN_SPIRV(&e->m, code, SPV_COMPOSITE_EXTRACT, type, id, product, 1);
    return id;
}

static bool
is_contractible(uint32_t op)
{
    return op == SPV_F_ADD || op == SPV_F_SUB || op == SPV_F_MUL;
}

tn_status
tn_vk_apply(tn_vk_emitter *e, tn_fn fn, tn_dtype t, uint32_t a, uint32_t b, uint32_t *out)
{
    uint32_t op = opcode_for(&spellings[fn], t), args[] = {a, b};
    uint32_t type =
        tn_fn_info_of(fn)->rule == TN_RULE_TEST ? truth_type(e) : tn_vk_type(e, tn_vk_register(t));

    if (!op)
        return tn_vk_refuse(e, tn_fn_info_of(fn)->name);
    if (op == SELF && (fn == TN_FN_min || fn == TN_FN_max))
        *out = keeping_nan(e, fn, t, a, b);
    else if (op == SELF && fn == TN_FN_mulhi)
        *out = high_product(e, t, a, b);
    else if (op == SELF)
        *out = signed_division(e, fn, t, a, b);
    else if (op & 0x10000u)
        *out = tn_vk_glsl(e, op & 0xffff, type, args, 2);
    else
        *out = wrap(e, tn_fn_info_of(fn)->rule == TN_RULE_TEST ? TN_BOOL : t,
            tn_vk_op2(e, op, type, a, b));
    if (is_contractible(op))
        TN_SPIRV(&e->m, decorations, SPV_DECORATE, *out, SPV_DEC_NO_CONTRACTION);
    return TN_OK;
}

/* ---- conversions ---- */

/* Bits of a half from the bits of an f32, to nearest even, in integers:
 * drivers may round their own conversion as they like. */
static uint32_t
float_to_half(tn_vk_emitter *e, uint32_t value)
{
    uint32_t u = tn_vk_type(e, TN_U32), f = tn_vk_type(e, TN_F32), b = truth_type(e);
#define C(v) tn_vk_int(e, TN_U32, (v))
    uint32_t bits = tn_vk_op1(e, SPV_BITCAST, u, value);
    uint32_t magnitude = tn_vk_op2(e, SPV_BITWISE_AND, u, bits, C(0x7fffffff));
    uint32_t high = tn_vk_op2(e, SPV_SHIFT_RIGHT_LOGICAL, u, bits, C(16));
    uint32_t sign = tn_vk_op2(e, SPV_BITWISE_AND, u, high, C(0x8000));
    /* Normal: subtract the difference of the biases, add just less than half
     * of the last place and one more if it is odd. */
    uint32_t odd0 = tn_vk_op2(e, SPV_SHIFT_RIGHT_LOGICAL, u, magnitude, C(13));
    uint32_t odd = tn_vk_op2(e, SPV_BITWISE_AND, u, odd0, C(1));
    uint32_t shifted = tn_vk_op2(e, SPV_I_SUB, u, magnitude, C(0x38000000 - 0xfff));
    uint32_t rounded = tn_vk_op2(e, SPV_I_ADD, u, shifted, odd);
    uint32_t normal = tn_vk_op2(e, SPV_SHIFT_RIGHT_LOGICAL, u, rounded, C(13));
    /* Denormal: adding 0.5 leaves the wanted bits in the last places, rounded
     * by the addition itself. */
    uint32_t real = tn_vk_op1(e, SPV_BITCAST, f, magnitude);
    uint32_t sum = tn_vk_op2(e, SPV_F_ADD, f, real, tn_vk_real(e, TN_F32, 0.5));
    uint32_t sum_bits = tn_vk_op1(e, SPV_BITCAST, u, sum);
    uint32_t denormal = tn_vk_op2(e, SPV_I_SUB, u, sum_bits, C(0x3f000000));
    uint32_t is_small = tn_vk_op2(e, SPV_U_LESS_THAN, b, magnitude, C(0x38800000));
    uint32_t is_large = tn_vk_op2(e, SPV_U_LESS_THAN, b, C(0x477fefff), magnitude);
    uint32_t is_nan = tn_vk_op2(e, SPV_U_LESS_THAN, b, C(0x7f800000), magnitude);
    uint32_t low = choose(e, u, is_small, denormal, normal);
    uint32_t top = choose(e, u, is_nan, C(0x7e00), C(0x7c00));
    uint32_t body = choose(e, u, is_large, top, low);
#undef C

    TN_SPIRV(&e->m, decorations, SPV_DECORATE, sum, SPV_DEC_NO_CONTRACTION);
    return tn_vk_op2(e, SPV_BITWISE_OR, u, sign, body);
}

static uint32_t
float_to_bf16(tn_vk_emitter *e, uint32_t value)
{
    uint32_t u = tn_vk_type(e, TN_U32), sixteen = tn_vk_int(e, TN_U32, 16);
    uint32_t bits = tn_vk_op1(e, SPV_BITCAST, u, value);
    uint32_t high = tn_vk_op2(e, SPV_SHIFT_RIGHT_LOGICAL, u, bits, sixteen);
    uint32_t odd = tn_vk_op2(e, SPV_BITWISE_AND, u, high, tn_vk_int(e, TN_U32, 1));
    uint32_t half = tn_vk_op2(e, SPV_I_ADD, u, bits, tn_vk_int(e, TN_U32, 0x7fff));
    uint32_t sum = tn_vk_op2(e, SPV_I_ADD, u, half, odd);
    uint32_t rounded = tn_vk_op2(e, SPV_SHIFT_RIGHT_LOGICAL, u, sum, sixteen);
    uint32_t magnitude = tn_vk_op2(e, SPV_BITWISE_AND, u, bits, tn_vk_int(e, TN_U32, 0x7fffffff));
    uint32_t truth = truth_type(e), infinity = tn_vk_int(e, TN_U32, 0x7f800000);
    uint32_t is_nan = tn_vk_op2(e, SPV_U_LESS_THAN, truth, infinity, magnitude);
    uint32_t quiet = tn_vk_op2(e, SPV_BITWISE_OR, u, high, tn_vk_int(e, TN_U32, 64));

    return choose(e, u, is_nan, quiet, rounded);
}

static uint32_t
half_to_float(tn_vk_emitter *e, tn_dtype from, uint32_t value)
{
    uint32_t f = tn_vk_type(e, TN_F32), u = tn_vk_type(e, TN_U32), id, pair, of[] = {f, 2};

    if (from == TN_BF16)
        return tn_vk_op1(e, SPV_BITCAST, f,
            tn_vk_op2(e, SPV_SHIFT_LEFT_LOGICAL, u, value, tn_vk_int(e, TN_U32, 16)));
    pair = tn_vk_glsl(e, GLSL_UNPACK_HALF, tn_spirv_unique(&e->m, SPV_TYPE_VECTOR, 0, of, 2),
        &value, 1);
    id = tn_spirv_id(&e->m);
    TN_SPIRV(&e->m, code, SPV_COMPOSITE_EXTRACT, f, id, pair, 0);
    return id;
}

/* Truncates and saturates; NaN is 0. What lies outside is replaced by 0
 * before the conversion, which would be undefined, and chosen after it. */
static uint32_t
float_to_int(tn_vk_emitter *e, tn_dtype from, tn_dtype to, uint32_t value)
{
    tn_dtype r = tn_vk_register(to);
    uint32_t f = tn_vk_type(e, from), type = tn_vk_type(e, r), b = truth_type(e);
    int64_t low, high;
    double above, below;
    uint32_t fits_low, fits_high, fits, safe, whole, is_high, is_low, result;

    tn_dtype_range(to, &low, &high);
    above = to == TN_U64 ? 18446744073709551616.0 : (double)high + 1;
    below = tn_is_signed(to) ? (double)low : 0;
    fits_low =
        tn_vk_op2(e, tn_is_signed(to) ? SPV_F_ORD_GREATER_THAN_EQUAL : SPV_F_ORD_GREATER_THAN, b,
            value, tn_vk_real(e, from, tn_is_signed(to) ? below : -1.0));
    fits_high = tn_vk_op2(e, SPV_F_ORD_LESS_THAN, b, value, tn_vk_real(e, from, above));
    fits = tn_vk_op2(e, SPV_LOGICAL_AND, b, fits_low, fits_high);
    safe = choose(e, f, fits, value, tn_vk_real(e, from, 0));
    whole = tn_vk_op1(e, tn_is_signed(to) ? SPV_CONVERT_F_TO_S : SPV_CONVERT_F_TO_U, type, safe);
    is_high = tn_vk_op2(e, SPV_F_ORD_GREATER_THAN_EQUAL, b, value, tn_vk_real(e, from, above));
    is_low = tn_vk_op2(e, SPV_F_ORD_LESS_THAN, b, value, tn_vk_real(e, from, below));
    result = choose(e, type, is_high, tn_vk_int(e, r, to == TN_U64 ? -1 : high), whole);
    return choose(e, type, is_low, tn_vk_int(e, r, low), result);
}

static uint32_t
int_to_int(tn_vk_emitter *e, tn_dtype from, tn_dtype to, uint32_t value)
{
    tn_dtype a = tn_vk_register(from), r = tn_vk_register(to);

    if (tn_dtype_bytes(a) != tn_dtype_bytes(r)) {
        tn_dtype middle = tn_is_signed(a) ? (tn_dtype_bytes(r) == 8 ? TN_I64 : TN_I32)
                                          : (tn_dtype_bytes(r) == 8 ? TN_U64 : TN_U32);

        value = tn_vk_op1(e, tn_is_signed(a) ? SPV_S_CONVERT : SPV_U_CONVERT, tn_vk_type(e, middle),
            value);
        a = middle;
    }
    if (a != r)
        value = tn_vk_op1(e, SPV_BITCAST, tn_vk_type(e, r), value);
    return wrap(e, to, value);
}

static uint32_t
to_truth(tn_vk_emitter *e, tn_dtype from, uint32_t value)
{
    uint32_t truth = truth_type(e);

    if (tn_is_float(from))
        return tn_vk_op2(e, SPV_F_UNORD_NOT_EQUAL, truth, value, tn_vk_real(e, from, 0));
    return tn_vk_op2(e, SPV_I_NOT_EQUAL, truth, value, tn_vk_int(e, tn_vk_register(from), 0));
}

static uint32_t
from_truth(tn_vk_emitter *e, tn_dtype to, uint32_t value)
{
    bool real = tn_is_float(to);
    tn_dtype r = tn_vk_register(to);
    uint32_t one = real ? tn_vk_real(e, to, 1) : tn_vk_int(e, r, 1);
    uint32_t zero = real ? tn_vk_real(e, to, 0) : tn_vk_int(e, r, 0);

    return choose(e, tn_vk_type(e, r), value, one, zero);
}

static uint32_t
cast(tn_vk_emitter *e, tn_dtype from, tn_dtype to, uint32_t value)
{
    uint32_t type = tn_vk_type(e, tn_vk_register(to));

    if (from == to)
        return value;
    if (from == TN_F16 || from == TN_BF16)
        return half_to_float(e, from, value);
    if (to == TN_F16)
        return float_to_half(e, value);
    if (to == TN_BF16)
        return float_to_bf16(e, value);
    if (to == TN_BOOL)
        return to_truth(e, from, value);
    if (from == TN_BOOL)
        return from_truth(e, to, value);
    if (tn_is_float(from) && tn_is_float(to))
        return tn_vk_op1(e, SPV_F_CONVERT, type, value);
    if (tn_is_float(from))
        return float_to_int(e, from, to, value);
    if (tn_is_float(to))
        return tn_vk_op1(e, tn_is_signed(from) ? SPV_CONVERT_S_TO_F : SPV_CONVERT_U_TO_F, type,
            value);
    return int_to_int(e, from, to, value);
}

static uint32_t
reinterpret(tn_vk_emitter *e, tn_dtype from, tn_dtype to, uint32_t value)
{
    tn_dtype a = tn_vk_register(from), r = tn_vk_register(to);

    if (a != r)
        value = tn_vk_op1(e, SPV_BITCAST, tn_vk_type(e, r), value);
    return wrap(e, to, value);
}

tn_status
tn_vk_function(tn_vk_emitter *e, const tn_ins *v, uint32_t *out)
{
    tn_dtype of = v->arg[v->fn == TN_FN_select ? 1 : 0]->type.dtype;
    uint32_t args[3], op = opcode_for(&spellings[v->fn], of);
    uint32_t type = tn_vk_type(e, tn_vk_register(v->type.dtype));

    for (int i = 0; i < v->arg_count; i++)
        args[i] = e->id[v->arg[i]->id];
    if (v->fn == TN_FN_cast)
        *out = cast(e, of, v->type.dtype, args[0]);
    else if (v->fn == TN_FN_bits)
        *out = reinterpret(e, of, v->type.dtype, args[0]);
    else if (v->fn == TN_FN_abs && tn_is_int(of) && !tn_is_signed(of))
        *out = args[0];
    else if (v->fn == TN_FN_select)
        *out = choose(e, type, args[0], args[1], args[2]);
    else if (!op)
        return tn_vk_refuse(e, tn_fn_info_of(v->fn)->name);
    else if (v->arg_count == 2)
        return tn_vk_apply(e, v->fn, of, args[0], args[1], out);
    else if (op & 0x10000u)
        *out = wrap(e, of, tn_vk_glsl(e, op & 0xffff, type, args, v->arg_count));
    else
        *out = wrap(e, of, tn_vk_op1(e, op, type, args[0]));
    /* A driver that multiplies and adds in two steps must not sum the steps
     * of a reduction of its own accord. */
    if (v->fn == TN_FN_fma)
        TN_SPIRV(&e->m, decorations, SPV_DECORATE, *out, SPV_DEC_NO_CONTRACTION);
    return TN_OK;
}
