/* SPDX-License-Identifier: Apache-2.0 */
#include "ir/plan.h"

static const char *const uses[] = {"input", "output", "weight", "state", "scalar", "temp", "const"};

/* Postfix as written: "B 16 *". */
static void
print_formula(tn_text *out, const tn_plan *p, tn_formula f)
{
    static const char *const signs[] = {
        "", "", "+", "-", "*", "/", "ceil/", "floor/", "%", "min", "max"};
    const char *space = "";

    for (uint32_t i = 0; i < f.bytes; space = " ") {
        uint8_t op = f.code[i++];

        tn_text_add(out, "%s", space);
        if (op == TN_FORMULA_INT && i + 8 <= f.bytes) {
            uint64_t v = 0;

            for (int b = 8; b-- > 0;)
                v = v << 8 | f.code[i + (uint32_t)b];
            tn_text_add(out, "%lld", (long long)v);
            i += 8;
        } else if (op == TN_FORMULA_SYMBOL && i + 2 <= f.bytes) {
            uint32_t s = (uint32_t)f.code[i] | (uint32_t)f.code[i + 1] << 8;

            tn_text_add(out, "%s", s < p->symbols.count ? p->symbols.at[s].name : "?");
            i += 2;
        } else {
            tn_text_add(out, "%s", op <= TN_FORMULA_MAX ? signs[op] : "?");
        }
    }
}

static void
print_buffer(tn_text *out, const tn_plan *p, uint32_t i)
{
    const tn_plan_buffer *b = &p->buffers.at[i];

    tn_text_add(out, "  b%u = %s %s %s[", i, uses[b->use], b->name, tn_dtype_name(b->dtype));
    for (int a = 0; a < b->rank; a++) {
        tn_text_add(out, "%s", a ? ", " : "");
        print_formula(out, p, b->dim[a]);
    }
    tn_text_add(out, "]");
    if (b->layout == 2)
        tn_text_add(out, " p16(%u)", b->layout_n);
    if (b->same_as >= 0)
        tn_text_add(out, " same as b%d", b->same_as);
    if (b->use == TN_USE_TEMP)
        tn_text_add(out, " alive %d..%d", b->first, b->last);
    tn_text_add(out, "\n");
}

static void
print_step(tn_text *out, const tn_plan *p, uint32_t i)
{
    static const char *const kinds[] = {"launch", "copy", "zero", "loop", "test"};
    const tn_plan_step *s = &p->steps.at[i];

    tn_text_add(out, "  %u: %s%s", i, s->wait ? "wait, " : "", kinds[s->kind]);
    if (s->kind == TN_STEP_LAUNCH)
        tn_text_add(out, " k%d", s->kernel);
    if (s->kind == TN_STEP_LOOP)
        tn_text_add(out, " of %u steps, %u rounds at once", s->length, s->chunk);
    tn_text_add(out, "(");
    for (uint32_t b = 0; b < s->buffers.count; b++)
        tn_text_add(out, "%s%sb%u", b ? ", " : "", s->writes.at[b] ? "->" : "", s->buffers.at[b]);
    for (uint32_t n = 0; n < s->sizes.count; n++) {
        tn_text_add(out, "; ");
        print_formula(out, p, s->sizes.at[n]);
    }
    tn_text_add(out, ") # %s\n", s->name);
}

static void
print_undo(tn_text *out, const tn_plan *p, const tn_plan_undo *u)
{
    tn_text_add(out, "  kept for a failure: ");
    print_formula(out, p, u->rows);
    tn_text_add(out, " rows of b%u along axis %u from ", u->buffer, u->axis);
    if (u->input >= 0)
        tn_text_add(out, "input %d", u->input);
    else
        print_formula(out, p, u->at);
    tn_text_add(out, "\n");
}

void
tn_plan_print(tn_text *out, const tn_plan *p)
{
    tn_text_add(out, "plan %s\n", p->entry);
    for (uint32_t i = 0; i < p->buffers.count; i++)
        print_buffer(out, p, i);
    for (uint32_t i = 0; i < p->kernels.count; i++)
        tn_text_add(out, "  k%u = %s, %u buffers, %u sizes, %s\n", i, p->kernels.at[i].name,
            p->kernels.at[i].binding_count, p->kernels.at[i].size_count,
            *p->kernels.at[i].choice ? p->kernels.at[i].choice : "no choice");
    for (uint32_t i = 0; i < p->steps.count; i++)
        print_step(out, p, i);
    for (uint32_t i = 0; i < p->undos.count; i++)
        print_undo(out, p, &p->undos.at[i]);
}
