/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "frontend/schema.h"
#include "ir/graph/op.h"
#include "tools/tool.h"

static const char *
class_name(unsigned classes)
{
    static const struct {
        unsigned set;
        const char *name;
    } names[] = {{TN_CLASS_FLOAT, "float"}, {TN_CLASS_INT, "integer"}, {TN_CLASS_NUMBER, "number"},
        {TN_CLASS_BOOL, "bool"}, {TN_CLASS_ANY, "any"}, {TN_CLASS_INDEX, "i32 i64 u32"},
        {TN_CLASS_INT | TN_CLASS_BOOL, "integer or bool"}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].set == classes)
            return names[i].name;
    for (int t = 0; t < TN_DTYPE_COUNT; t++)
        if (classes == 1u << t)
            return tn_dtype_name((tn_dtype)t);
    return "see semantics";
}

/* "softmax(x) {axis}", "linear(x, w, bias?) {dtype, activation=none}" */
static void
signature(tn_text *out, const tn_op_info *op)
{
    tn_text_add(out, "%s(", op->name);
    for (int i = 0; i < op->in_count; i++)
        tn_text_add(out, "%s%s%s", i ? ", " : "", op->in[i].name, op->in[i].optional ? "?" : "");
    if (op->flags & TN_FLAG_VARIADIC)
        tn_text_add(out, ", ..");
    tn_text_add(out, ")");
    for (int i = 0; i < op->attr_count; i++) {
        const tn_attr_info *a = &op->attr[i];

        tn_text_add(out, "%s%s", i ? ", " : " {", a->name);
        if (*a->fallback && strcmp(a->fallback, "!") != 0)
            tn_text_add(out, "=%s", a->fallback);
        else if (!*a->fallback)
            tn_text_add(out, "?");
    }
    tn_text_add(out, op->attr_count ? "}" : "");
}

static void
one(tn_text *out, const tn_op_info *op)
{
    signature(out, op);
    tn_text_add(out, "\n  %s\n", op->doc);
    if (op->flags & TN_FLAG_COMPOSITE)
        tn_text_add(out, "  composite: is its decomposition\n");
    for (int i = 0; i < op->in_count; i++)
        tn_text_add(out, "  %-12s %s%s%s\n", op->in[i].name, class_name(op->in[i].classes),
            *op->in[i].doc ? ": " : "", op->in[i].doc);
    for (int i = 0; i < op->attr_count; i++)
        tn_text_add(out, "  %-12s %s%s%s\n", op->attr[i].name, op->attr[i].options,
            *op->attr[i].options ? ": " : "", op->attr[i].doc);
}

static void
markdown(tn_text *out)
{
    tn_text_add(out,
        "# Operations\n\nGenerated from `ir/graph/ops.def` by `tenon ops --markdown`. "
        "A `?` marks what may be absent, `=` a fallback.\n\n"
        "| operation | operands | meaning |\n| --- | --- | --- |\n");
    for (int c = 0; c < TN_OP_COUNT; c++) {
        const tn_op_info *op = tn_op_info_of((tn_opcode)c);

        tn_text_add(out, "| `");
        signature(out, op);
        tn_text_add(out, "`%s | ", op->flags & TN_FLAG_COMPOSITE ? " (composite)" : "");
        for (int i = 0; i < op->in_count; i++)
            tn_text_add(out, "%s%s %s", i ? ", " : "", op->in[i].name,
                class_name(op->in[i].classes));
        tn_text_add(out, " | %s |\n", op->doc);
    }
}

static void
json(tn_text *out)
{
    tn_text_add(out, "{\"schema\":\"tenon.ops/1\",\"ops\":[");
    for (int c = 0; c < TN_OP_COUNT; c++) {
        const tn_op_info *op = tn_op_info_of((tn_opcode)c);

        tn_text_add(out, "%s{\"name\":", c ? "," : "");
        tn_text_json(out, op->name);
        tn_text_add(out,
            ",\"composite\":%s,\"doc\":", op->flags & TN_FLAG_COMPOSITE ? "true" : "false");
        tn_text_json(out, op->doc);
        tn_text_add(out, "}");
    }
    tn_text_add(out, "]}\n");
}

tn_status
tn_cmd_ops(tn_tool *tool)
{
    tn_text out = {.arena = tool->arena};

    if (tn_flag(tool->options, TN_OPT_schema)) {
        tn_schema_write(&out);
    } else if (tn_flag(tool->options, TN_OPT_markdown)) {
        markdown(&out);
    } else if (tn_tool_json(tool)) {
        json(&out);
    } else if (tool->options->operands.count) {
        tn_opcode code = tn_op_find(tool->options->operands.at[0]);

        if (code == TN_OP_COUNT)
            return tn_fail(tool->diag, TN_USAGE, "there is no op \"%s\"; tenon ops lists all",
                tool->options->operands.at[0]);
        one(&out, tn_op_info_of(code));
    } else {
        for (int c = 0; c < TN_OP_COUNT; c++) {
            tn_text_add(&out, "%-22s %s\n", tn_op_info_of((tn_opcode)c)->name,
                tn_op_info_of((tn_opcode)c)->doc);
        }
    }
    return tn_tool_print(tool, &out);
}
