/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ir/number.h"
#include "ir/ratio.h"
#include "ir/size.h"
#include "tests/support/test.h"

/* Each case runs inside a guard with three symbols: B 1..64, T 1..4096,
 * M 0..1024 in multiples of 16; and P, a ranged scalar 0.. . */
typedef struct bench {
    tn_arena *arena;
    tn_sizes *s;
    tn_size b, t, m, p;
    void (*run)(struct bench *);
} bench;

static tn_status
inside(void *arg)
{
    bench *x = arg;
    x->s = tn_sizes_create(x->arena);
    tn_sizes_add(x->s, &(tn_symbol){.name = "B", .low = 1, .high = 64, .multiple = 1});
    tn_sizes_add(x->s, &(tn_symbol){.name = "T", .low = 1, .high = 4096, .multiple = 1});
    tn_sizes_add(x->s, &(tn_symbol){.name = "M", .low = 0, .high = 1024, .multiple = 16});
    tn_sizes_add(x->s,
        &(tn_symbol){.name = "P", .low = 0, .high = INT64_MAX, .multiple = 1, .scalar = true});
    x->b = tn_size_symbol(x->s, 0);
    x->t = tn_size_symbol(x->s, 1);
    x->m = tn_size_symbol(x->s, 2);
    x->p = tn_size_symbol(x->s, 3);
    x->run(x);
    return TN_OK;
}

static void
with(void (*run)(bench *))
{
    bench x = {.arena = tn_arena_create(tn_alloc_system(), 0), .run = run};
    TN_NEED(x.arena);
    TN_CHECK_EQ(tn_arena_guard(x.arena, inside, &x), TN_OK);
    tn_arena_destroy(x.arena);
}

static tn_size
n(bench *x, int64_t value)
{
    return tn_size_int(x->s, value);
}

static const char *
text(bench *x, tn_size a)
{
    if (!a)
        return "NULL";
    tn_text out = {.arena = x->arena};
    tn_size_print(&out, x->s, a);
    return out.at;
}

static void
prints(bench *x)
{
    tn_size bt = tn_size_mul(x->s, x->b, x->t);
    tn_size sum = tn_size_add(x->s, tn_size_mul(x->s, n(x, 2), x->t), n(x, 1));
    TN_CHECK_STR(text(x, tn_size_add(x->s, sum, bt)), "B*T+2*T+1");
    TN_CHECK_STR(text(x, tn_size_div(x->s, x->t, n(x, 2))), "T/2");
    TN_CHECK_STR(text(x, tn_size_sub(x->s, n(x, 4), x->t)), "-T+4");
    TN_CHECK_STR(text(x, n(x, 0)), "0");
    TN_CHECK_STR(text(x, tn_size_mul(x->s, x->t, x->t)), "T^2");
    TN_CHECK_STR(text(x, tn_size_rational(x->s, -3, 2)), "-3/2");
    tn_size three_halves = tn_size_div(x->s, tn_size_mul(x->s, n(x, 3), x->t), n(x, 2));
    TN_CHECK_STR(text(x, three_halves), "3*T/2");
    TN_CHECK_STR(text(x, tn_size_mod(x->s, x->t, n(x, 16))), "(T%16)");
    int dotted = tn_sizes_add(x->s, &(tn_symbol){.name = "text.ids", .high = 9, .multiple = 1});
    TN_CHECK_STR(text(x, tn_size_symbol(x->s, dotted)), "`text.ids`");
}

static void
normal_forms(bench *x)
{
    tn_size t1 = tn_size_add(x->s, x->t, n(x, 1));
    tn_size square = tn_size_mul(x->s, t1, t1);
    tn_size expanded = tn_size_add(x->s, tn_size_mul(x->s, x->t, x->t),
        tn_size_add(x->s, tn_size_add(x->s, x->t, x->t), n(x, 1)));
    TN_CHECK(tn_size_equal(square, expanded));
    TN_CHECK(tn_size_equal(tn_size_sub(x->s, square, expanded), n(x, 0)));
    tn_size half = tn_size_div(x->s, x->t, n(x, 2));
    TN_CHECK(tn_size_equal(tn_size_add(x->s, half, half), x->t));
    TN_CHECK_STR(text(x, tn_size_div(x->s, tn_size_mul(x->s, x->b, x->t), x->t)), "B");
    TN_CHECK(tn_size_div(x->s, x->b, x->t) == NULL);
    TN_CHECK(tn_size_div(x->s, t1, x->t) == NULL);
    TN_CHECK(tn_size_div(x->s, x->b, n(x, 0)) == NULL);
}

static void
rounding(bench *x)
{
    tn_size sixteen = n(x, 16), t16 = tn_size_add(x->s, x->t, n(x, 16));
    TN_CHECK_STR(text(x, tn_size_ceil_div(x->s, x->t, sixteen)), "ceil(T/16)");
    TN_CHECK_STR(text(x, tn_size_ceil_div(x->s, t16, sixteen)), "ceil(T/16)+1");
    TN_CHECK_STR(text(x, tn_size_ceil_div(x->s, x->m, sixteen)), "M/16");
    TN_CHECK_STR(text(x, tn_size_floor_div(x->s, x->m, n(x, 8))), "M/8");
    TN_CHECK_STR(text(x, tn_size_floor_div(x->s, x->m, n(x, 32))), "floor(M/32)");
    TN_CHECK_STR(text(x, tn_size_ceil_div(x->s, n(x, 7), n(x, 2))), "4");
    TN_CHECK_STR(text(x, tn_size_floor_div(x->s, n(x, -7), n(x, 2))), "-4");
    tn_size bm = tn_size_add(x->s, x->m, tn_size_mul(x->s, x->b, n(x, 16)));
    TN_CHECK_STR(text(x, tn_size_ceil_div(x->s, bm, sixteen)), "B+M/16");
    TN_CHECK_STR(text(x, tn_size_ceil_div(x->s, x->t, x->b)), "ceil(T/B)");
    TN_CHECK(tn_size_is_whole(x->s, tn_size_div(x->s, x->m, n(x, 4))));
    TN_CHECK(!tn_size_is_whole(x->s, tn_size_div(x->s, x->m, n(x, 32))));
    TN_CHECK(!tn_size_is_whole(x->s, tn_size_div(x->s, x->t, n(x, 2))));
}

static void
choosing(bench *x)
{
    tn_size t1 = tn_size_add(x->s, x->t, n(x, 1));
    TN_CHECK(tn_size_equal(tn_size_min(x->s, x->t, t1), x->t));
    TN_CHECK(tn_size_equal(tn_size_max(x->s, x->t, t1), t1));
    tn_size left = tn_size_min(x->s, tn_size_min(x->s, x->t, n(x, 5)), x->b);
    tn_size right = tn_size_min(x->s, x->b, tn_size_min(x->s, n(x, 5), t1));
    TN_CHECK_STR(text(x, left), "min(5,B,T)");
    TN_CHECK_STR(text(x, right), "min(5,B,T+1)");
    TN_CHECK_STR(text(x, tn_size_min(x->s, right, x->t)), "min(5,B,T)");
    TN_CHECK_STR(text(x, tn_size_max(x->s, left, left)), "min(5,B,T)");
    TN_CHECK_STR(text(x, tn_size_min(x->s, n(x, 3), n(x, 4))), "3");
}

static void
bounds(bench *x)
{
    int64_t low, high;
    tn_size sum = tn_size_sub(x->s, tn_size_mul(x->s, n(x, 2), x->t), x->b);
    tn_size_bounds(x->s, sum, &low, &high);
    TN_CHECK_EQ(low, -62);
    TN_CHECK_EQ(high, 8191);
    tn_size_bounds(x->s, tn_size_ceil_div(x->s, x->t, n(x, 16)), &low, &high);
    TN_CHECK_EQ(low, 1);
    TN_CHECK_EQ(high, 256);
    tn_size_bounds(x->s, tn_size_mod(x->s, x->t, n(x, 16)), &low, &high);
    TN_CHECK_EQ(low, 0);
    TN_CHECK_EQ(high, 15);
    tn_size_bounds(x->s, tn_size_add(x->s, x->p, x->t), &low, &high);
    TN_CHECK_EQ(low, 1);
    TN_CHECK_EQ(high, INT64_MAX);
    tn_size_bounds(x->s, tn_size_sub(x->s, x->t, x->p), &low, &high);
    TN_CHECK_EQ(low, INT64_MIN);
    TN_CHECK_EQ(high, 4096);
    tn_size_bounds(x->s, tn_size_min(x->s, x->p, x->b), &low, &high);
    TN_CHECK_EQ(low, 0);
    TN_CHECK_EQ(high, 64);
    TN_CHECK(!tn_size_proves_le(x->s, x->b, x->t));
    TN_CHECK(tn_size_proves_le(x->s, x->t, n(x, 4096)));
}

static void
facts(bench *x)
{
    int64_t low, high;
    tn_size past = tn_size_add(x->s, x->p, x->t), c = n(x, 4096);
    TN_CHECK(!tn_size_proves_le(x->s, past, c));
    TN_CHECK(tn_sizes_fact_less_equal(x->s, past, c));
    TN_CHECK(tn_size_proves_le(x->s, past, c));
    TN_CHECK(tn_size_proves_le(x->s, past, tn_size_add(x->s, c, x->b)));
    TN_CHECK(!tn_size_proves_le(x->s, tn_size_add(x->s, past, n(x, 1)), c));
    tn_size_bounds(x->s, x->p, &low, &high);
    TN_CHECK_EQ(high, 4095);
    TN_CHECK(!tn_sizes_fact_less_equal(x->s, x->t, n(x, 0)));
    TN_CHECK(!tn_sizes_fact_equal(x->s, x->t, n(x, 5000)));
    TN_CHECK(!tn_sizes_fact_equal(x->s, x->m, n(x, 17)));
}

static void
equalities(bench *x)
{
    TN_CHECK(tn_sizes_fact_equal(x->s, x->t, tn_size_mul(x->s, n(x, 2), x->b)));
    TN_CHECK_STR(text(x, tn_size_symbol(x->s, 1)), "2*B");
    TN_CHECK(tn_sizes_fact_equal(x->s, tn_size_symbol(x->s, 0), n(x, 3)));
    TN_CHECK_STR(text(x, tn_size_symbol(x->s, 0)), "3");
    TN_CHECK_STR(text(x, tn_size_symbol(x->s, 1)), "6");
    TN_CHECK(!tn_sizes_fact_equal(x->s, tn_size_symbol(x->s, 1), n(x, 7)));
    /* 2*P == M + 1 solves for neither side as a whole expression. */
    tn_size p2 = tn_size_mul(x->s, n(x, 2), x->p), m1 = tn_size_add(x->s, x->m, n(x, 1));
    TN_CHECK(tn_sizes_fact_equal(x->s, p2, m1));
    TN_CHECK_STR(text(x, tn_size_symbol(x->s, 2)), "2*P-1");
}

static void
solving(bench *x)
{
    bool bound[4] = {true, false, false, true};
    int64_t values[4] = {3, 0, 0, 10}, solution = 0;
    int symbol = -1;
    tn_size a = tn_size_add(x->s, tn_size_mul(x->s, x->b, x->t), x->p); /* B*T + P */
    TN_CHECK_EQ(tn_size_solve(a, bound, values, 31, &symbol, &solution), 1);
    TN_CHECK_EQ(symbol, 1);
    TN_CHECK_EQ(solution, 7);
    TN_CHECK_EQ(tn_size_solve(a, bound, values, 32, &symbol, &solution), -1);
    TN_CHECK_EQ(tn_size_solve(x->b, bound, values, 3, &symbol, &solution), 0);
    tn_size two = tn_size_add(x->s, x->t, x->m);
    TN_CHECK_EQ(tn_size_solve(two, bound, values, 3, &symbol, &solution), 0);
    tn_size opaque = tn_size_ceil_div(x->s, x->t, n(x, 2));
    TN_CHECK_EQ(tn_size_solve(opaque, bound, values, 3, &symbol, &solution), 0);
    tn_size square = tn_size_mul(x->s, x->t, x->t);
    TN_CHECK_EQ(tn_size_solve(square, bound, values, 4, &symbol, &solution), 0);
}

static void
overflow(bench *x)
{
    tn_size big = n(x, INT64_MAX), power = x->t;
    TN_CHECK(tn_size_add(x->s, big, big) == NULL);
    TN_CHECK(tn_size_mul(x->s, tn_size_mul(x->s, big, x->t), n(x, 3)) == NULL);
    TN_CHECK(n(x, INT64_MIN) == NULL);
    TN_CHECK(tn_size_add(x->s, NULL, x->t) == NULL);
    for (int i = 0; i < 100 && power; i++)
        power = tn_size_mul(x->s, power, power);
    TN_CHECK(power == NULL);
    tn_size nested = x->t;
    for (int i = 0; i < 100 && nested; i++)
        nested = tn_size_ceil_div(x->s, tn_size_add(x->s, nested, x->b), n(x, 3));
    TN_CHECK(nested == NULL);
    int64_t value, values[4] = {1, INT64_MAX, 0, 0};
    TN_CHECK(!tn_size_eval(tn_size_add(x->s, x->t, n(x, 1)), values, &value));
}

/* ---- random expressions: the normal form, the postfix code and the bounds
 * agree with plain evaluation ---- */

static uint32_t
draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

typedef struct grown {
    tn_size size; /* NULL: not buildable */
    tn_ratio value;
    bool valued;
} grown;

static grown
leaf(bench *x, uint64_t *state, const int64_t *values)
{
    uint32_t pick = draw(state) % 6;
    if (pick < 4)
        return (grown){tn_size_symbol(x->s, (int)pick), tn_ratio_int(values[pick]), true};
    int64_t number = (int64_t)(draw(state) % 40) - 8;
    return (grown){n(x, number), tn_ratio_int(number), true};
}

static grown
join(bench *x, uint64_t *state, grown a, grown b)
{
    grown r = {NULL, {0, 1}, false};
    bool less = tn_ratio_compare(a.value, b.value) < 0;
    int64_t by = draw(state) % 7 + 1;
    tn_ratio quotient = {0, 1};
    switch (draw(state) % 8) {
    case 0:
        r.size = tn_size_add(x->s, a.size, b.size);
        r.valued = tn_ratio_add(a.value, b.value, &r.value);
        break;
    case 1:
        r.size = tn_size_sub(x->s, a.size, b.size);
        r.valued = tn_ratio_sub(a.value, b.value, &r.value);
        break;
    case 2:
        r.size = tn_size_mul(x->s, a.size, b.size);
        r.valued = tn_ratio_mul(a.value, b.value, &r.value);
        break;
    case 3:
        r.size = tn_size_div(x->s, a.size, n(x, by));
        r.valued = tn_ratio_div(a.value, tn_ratio_int(by), &r.value);
        break;
    case 4:
        r.size = tn_size_ceil_div(x->s, a.size, n(x, by));
        r.valued = tn_ratio_div(a.value, tn_ratio_int(by), &quotient);
        r.value = tn_ratio_int(tn_ratio_ceil(quotient));
        break;
    case 5:
        r.size = tn_size_floor_div(x->s, a.size, n(x, by));
        r.valued = tn_ratio_div(a.value, tn_ratio_int(by), &quotient);
        r.value = tn_ratio_int(tn_ratio_floor(quotient));
        break;
    case 6:
        r.size = less ? tn_size_min(x->s, a.size, b.size) : tn_size_min(x->s, b.size, a.size);
        r.value = less ? a.value : b.value;
        r.valued = true;
        break;
    default:
        r.size = tn_size_mod(x->s, a.size, n(x, by));
        r.valued = tn_ratio_mod(a.value, tn_ratio_int(by), &r.value);
        break;
    }
    r.valued &= a.valued && b.valued;
    return r;
}

static void
agree(bench *x, tn_size size, tn_ratio value, const int64_t *values)
{
    int64_t found, low, high;
    bool whole = value.den == 1;
    if (!TN_CHECK_EQ(tn_size_eval(size, values, &found), whole))
        tn_test_note("%s", text(x, size));
    if (whole && !TN_CHECK_EQ(found, value.num))
        tn_test_note("%s", text(x, size));
    if (!whole && !TN_CHECK(!tn_size_is_whole(x->s, size)))
        tn_test_note("%s", text(x, size));
    tn_size_bounds(x->s, size, &low, &high);
    if (!TN_CHECK(low <= tn_ratio_ceil(value) && high >= tn_ratio_floor(value)))
        tn_test_note("%s", text(x, size));
    tn_formula code = tn_size_formula(x->arena, size);
    bool done = tn_formula_eval(code, values, 4, &found);
    /* The code works on numerators over one denominator: it may overflow
     * where the fractions do not, and must not be wrong. */
    if (done && !TN_CHECK(whole && found == value.num))
        tn_test_note("%s", text(x, size));
    TN_CHECK(done || !whole || value.num > 1 << 20 || value.num < -(1 << 20));
}

static void
random_expressions(bench *x)
{
    uint64_t state = 42;
    int checked = 0;
    for (int round = 0; round < 3000; round++) {
        int64_t values[4] = {1 + draw(&state) % 64, 1 + draw(&state) % 4096,
            16 * (draw(&state) % 65), draw(&state) % 1000};
        grown pool[8];
        for (int i = 0; i < 8; i++)
            pool[i] = leaf(x, &state, values);
        for (int i = 0; i < 6; i++) {
            uint32_t left = draw(&state) % 8, right = draw(&state) % 8;
            grown r = join(x, &state, pool[left], pool[right]);
            if (r.size && r.valued && r.value.num < 1 << 30 && r.value.num > -(1 << 30))
                pool[left] = r;
        }
        for (int i = 0; i < 8; i++, checked++)
            agree(x, pool[i].size, pool[i].value, values);
    }
    TN_CHECK_EQ(checked, 24000);
}

static void
broken_code(bench *x)
{
    int64_t values[2] = {5, 7}, out = 0;
    tn_formula good = tn_size_formula(x->arena, tn_size_add(x->s, x->b, n(x, 1)));
    TN_CHECK(tn_formula_eval(good, values, 1, &out) && out == 6);
    TN_CHECK(!tn_formula_eval(good, values, 0, &out));
    for (uint32_t cut = 0; cut < good.bytes; cut++)
        TN_CHECK(!tn_formula_eval((tn_formula){good.code, cut}, values, 1, &out) || out == 5);
    uint8_t unknown[] = {99}, alone[] = {TN_FORMULA_ADD};
    TN_CHECK(!tn_formula_eval((tn_formula){unknown, 1}, values, 2, &out));
    TN_CHECK(!tn_formula_eval((tn_formula){alone, 1}, values, 2, &out));
    uint8_t deep[3 * 65];
    for (int i = 0; i < 65; i++)
        memcpy(deep + 3 * i, (uint8_t[]){TN_FORMULA_SYMBOL, 0, 0}, 3);
    TN_CHECK(!tn_formula_eval((tn_formula){deep, sizeof deep}, values, 2, &out));
}

TN_TEST(printing)
{
    with(prints);
}
TN_TEST(normal)
{
    with(normal_forms);
}
TN_TEST(ceilings)
{
    with(rounding);
}
TN_TEST(choices)
{
    with(choosing);
}
TN_TEST(ranges)
{
    with(bounds);
}
TN_TEST(inequalities)
{
    with(facts);
}
TN_TEST(substitution)
{
    with(equalities);
}
TN_TEST(binding)
{
    with(solving);
}
TN_TEST(limits)
{
    with(overflow);
}
TN_TEST(properties)
{
    with(random_expressions);
}
TN_TEST(hostile_code)
{
    with(broken_code);
}

TN_TEST(fractions)
{
    tn_ratio a, b, out;
    TN_CHECK(tn_ratio_make(6, -4, &a) && a.num == -3 && a.den == 2);
    TN_CHECK_EQ(tn_ratio_floor(a), -2);
    TN_CHECK_EQ(tn_ratio_ceil(a), -1);
    TN_CHECK(!tn_ratio_make(1, 0, &out));
    TN_CHECK(!tn_ratio_make(INT64_MIN, 1, &out));
    TN_NEED(tn_ratio_make(INT64_MAX, INT64_MAX - 1, &a));
    TN_NEED(tn_ratio_make(INT64_MAX - 1, INT64_MAX - 2, &b));
    TN_CHECK(tn_ratio_compare(a, b) < 0 && tn_ratio_compare(b, a) > 0);
    TN_CHECK(tn_ratio_compare(a, a) == 0);
    TN_CHECK(!tn_ratio_add(a, b, &out));
    TN_CHECK(tn_ratio_mod((tn_ratio){-7, 2}, (tn_ratio){2, 1}, &out) && out.num == 1 &&
        out.den == 2);
    TN_CHECK_SAME(tn_ratio_double((tn_ratio){1, 3}), 1.0 / 3);
    /* 2^53 + 1 over 3 * 2^53 + 2: rounded once, not twice. */
    tn_ratio fine = {INT64_C(9007199254740993), INT64_C(27021597764222978)};
    TN_CHECK_SAME(tn_ratio_double(fine), 0x1.5555555555556p-2);
}

TN_MAIN(TN_CASE(printing), TN_CASE(normal), TN_CASE(ceilings), TN_CASE(choices), TN_CASE(ranges),
    TN_CASE(inequalities), TN_CASE(substitution), TN_CASE(binding), TN_CASE(limits),
    TN_CASE(properties), TN_CASE(hostile_code), TN_CASE(fractions))
