/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>

#include "ir/kernel/kexpand.h"

tn_ins *
kx_not(tn_kb *b, tn_ins *v)
{
    tn_ins *yes = tn_kb_whole(b, TN_BOOL, 1);
    return tn_kb_fn2(b, TN_FN_xor, v, yes);
}

tn_ins *
kx_infinity(tn_kb *b, tn_dtype t)
{
    return tn_kb_real(b, t, (double)INFINITY);
}

tn_dtype
kx_int_type(tn_dtype t)
{
    return t == TN_F64 ? TN_I64 : TN_I32;
}

tn_ins *
kx_with_sign(tn_kb *b, tn_ins *v, tn_ins *sign)
{
    tn_dtype t = v->type.dtype, whole = kx_int_type(t);
    tn_ins *top = tn_kb_whole(b, whole, t == TN_F64 ? INT64_MIN : INT32_MIN);
    tn_ins *bits = tn_kb_bits(b, whole, sign);
    bits = tn_kb_fn2(b, TN_FN_and, bits, top);
    tn_ins *size = tn_kb_fn1(b, TN_FN_abs, v);
    size = tn_kb_bits(b, whole, size);
    tn_ins *both = tn_kb_fn2(b, TN_FN_or, size, bits);
    return tn_kb_bits(b, t, both);
}

tn_ins *
kx_curve(tn_kb *b, tn_fn fn, tn_ins *const *args)
{
    (void)b, (void)fn;
    assert(!"not expanded");
    return args[0];
}

tn_ins *
kb_expand_rem(tn_kb *b, tn_ins *a, tn_ins *c)
{
    (void)b, (void)c;
    assert(!"not expanded");
    return a;
}

tn_ins *
kb_expand_cast(tn_kb *b, tn_dtype to, tn_ins *a)
{
    a = tn_kb_cast(b, TN_F32, a);
    return tn_kb_cast(b, to, a);
}
