/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/schema.h"

#include <string.h>

#include "ir/graph/op.h"

/* A key of an object: its name, its schema, its description. */
typedef struct key {
    const char *name, *schema, *doc;
} key;

#define REF(name) "{\"$ref\":\"#/$defs/" name "\"}"
#define MAP(name) "{\"type\":\"object\",\"additionalProperties\":" REF(name) "}"
#define LIST(name) "{\"type\":\"array\",\"items\":" REF(name) "}"

static const char string[] = "{\"type\":\"string\"}";

/* Parts of objects. */
static const key graph_keys[] = {
    {"inputs", MAP("input"), "name to type: what the caller gives"},
    {"weights", MAP("weight"), "constants"},
    {"state", MAP("state"), "tensors that survive between runs"},
    {"nodes", LIST("node"), "the body, in order of definition"},
    {"outputs", MAP("output"), "name to type: what the caller gets"},
    {"store", "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}",
        "state to the value it holds after the run"},
    {"where", LIST("text"), "facts the caller guarantees: \"past + T <= C\""},
    {NULL, NULL, NULL},
};

static const key model_keys[] = {
    {"tenon", "{\"const\":1}", "version of the format"},
    {"meta", "{}", "free data: name, version, license, source, authors"},
    {"params", MAP("param"), "compile-time values"},
    {"presets", "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\"}}",
        "named groups of params"},
    {"dims", MAP("dim"), "symbolic dimensions with their ranges"},
    {"files", LIST("file"), "weight files beneath the model's folder"},
    {"init", REF("init"), "initialiser of weights that name none"},
    {"functions", MAP("function"), "graphs that nodes call with @name"},
    {"tokenizers", MAP("tokenizer"), "for text inputs"},
    {"labels", MAP("labels"), "names of classes"},
    {"entries", MAP("entry"), "graphs that can be run"},
    {"expect", REF("expects"), "what the compiled model must keep"},
    {"tests", LIST("test"), "inputs with wanted outputs"},
    {"stage", "{\"type\":\"string\"}", "after which pass tenon printed the graph"},
    {"preset", "{\"type\":\"string\"}", "with stage: the preset that was in force"},
    {NULL, NULL, NULL},
};

static const key function_keys[] = {
    {"params",
        "{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[" REF(
            "value") ",{\"type\":\"null\"}]}}",
        "attributes of a call; null: must be given"},
    {NULL, NULL, NULL},
};

static const key entry_keys[] = {
    {"expect", REF("expects"), "what the compiled entry must keep"},
    {NULL, NULL, NULL},
};

static const key node_keys[] = {
    {"type", "{\"anyOf\":[" REF("type") "," LIST("type") "]}", "checked against what is inferred"},
    {"from", "{\"type\":\"string\"}", "where an importer found it"},
    {"was", LIST("text"), "nodes it replaced"},
    {NULL, NULL, NULL},
};

/* Objects with a fixed list of keys: the definition's name, then its keys. */
static const struct {
    const char *name, *required;
    bool or_type; /* a type string alone stands for it */
    key keys[10];
} objects[] = {
    {"dim", "\"range\"", false,
        {{"range", "{\"type\":\"string\"}", "\"1..4096\", \"0..\""},
            {"multiple", REF("number"), "what it is a multiple of"},
            {"sample", REF("number"), "the size that bench assumes"}}},
    {"input", NULL, true,
        {{"type", REF("type"), ""},
            {"range", "{\"type\":\"string\"}",
                "of the values; a ranged "
                "scalar is a symbol"},
            {"multiple", REF("number"), ""}, {"sample", REF("number"), ""},
            {"text", "{\"type\":\"string\"}", "a tokenizer: the input is text"},
            {"gives", MAP("type"), "ids, length, mask, type_ids, word_first, words"}}},
    {"weight", "\"type\"", true,
        {{"type", REF("type"), "what the graph computes with"},
            {"tensor", "{\"type\":\"string\"}", "its name in the files, relative to the scope"},
            {"stored", "{\"type\":\"string\"}", "what the file holds if that differs"},
            {"tensors", "{\"anyOf\":[{\"type\":\"string\"}," LIST("text") "]}",
                "a stack of tensors: \"experts.{j}.weight\", or a list of them"},
            {"count", REF("number"), "how many are stacked"},
            {"index", "{\"type\":\"string\"}", "what counts them, if not j"},
            {"data", "{}", "the numbers themselves"}, {"init", REF("init"), ""}}},
    {"state", "\"type\"", true,
        {{"type", REF("type"), ""}, {"tensor", "{\"type\":\"string\"}", "its full name"},
            {"init", REF("init"), ""}}},
    {"output", "\"type\"", true,
        {{"type", REF("type"), ""}, {"value", "{\"type\":\"string\"}", "if named otherwise"},
            {"labels", "{\"type\":\"string\"}", ""}, {"scheme", "{\"type\":\"string\"}", ""},
            {"length", "{\"type\":\"string\"}", ""}, {"align", "{\"type\":\"string\"}", ""}}},
    {"tokenizer", "\"kind\"", false,
        {{"kind", "{\"enum\":[\"wordpiece\",\"bpe\",\"unigram\",\"chars\",\"bytes\"]}", ""},
            {"file", "{\"type\":\"string\"}", "vocabulary or tokenizer.json"},
            {"lowercase", "{\"type\":\"boolean\"}", ""}, {"unknown", "{\"type\":\"string\"}", ""},
            {"begin", "{\"type\":\"string\"}", ""}, {"end", "{\"type\":\"string\"}", ""},
            {"pad", "{\"type\":\"string\"}", ""}, {"max_length", REF("number"), ""}}},
    {"expect", NULL, false,
        {{"when", "{\"type\":\"object\"}", "preset, device, entry"},
            {"fused", LIST("text"), "\"attention*L\""}, {"launches", REF("most"), ""},
            {"flops", REF("most"), ""}, {"peak_memory", REF("most"), ""},
            {"weights_bytes", REF("most"), ""}, {"in_place", "{}", "\"all\" or names of states"},
            {"params", REF("number"), "the exact number of elements of weights"}}},
    {"run", NULL, false,
        {{"name", "{\"type\":\"string\"}", ""}, {"entry", "{\"type\":\"string\"}", ""},
            {"inputs", "{\"type\":\"object\"}", ""}, {"outputs", "{\"type\":\"object\"}", ""}}},
};

static const key test_keys[] = {
    {"name", "{\"type\":\"string\"}", ""},
    {"preset", "{\"type\":\"string\"}", ""},
    {"set", "{\"type\":\"object\"}", ""},
    {"dims", "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}", ""},
    {"seed", "{\"type\":\"integer\",\"minimum\":0}", ""},
    {"weights", "{\"type\":\"object\"}", "full name to data"},
    {"needs", "{\"const\":\"files\"}", ""},
    {"tol",
        "{\"type\":\"object\",\"properties\":{\"abs\":{\"type\":\"number\"},\"rel\":{"
        "\"type\":\"number\"}},\"additionalProperties\":false}",
        ""},
    {"fails", "{\"type\":\"integer\"}", "the code with which it is refused"},
    {"entry", "{\"type\":\"string\"}", ""},
    {"inputs", "{\"type\":\"object\"}", ""},
    {"outputs", "{\"type\":\"object\"}", ""},
    {"runs", LIST("run"), "they share state"},
    {NULL, NULL, NULL},
};

/* Definitions that are no objects with fixed keys. */
static const key plain[] = {
    {"text", string, ""},
    {"doc", "{\"anyOf\":[{\"type\":\"string\"}," LIST("text") "]}", "prose"},
    {"number", "{\"type\":[\"number\",\"string\"]}", "a number or an expression"},
    {"value", "{\"type\":[\"number\",\"string\",\"boolean\"]}", ""},
    {"type", "{\"type\":\"string\",\"pattern\":\"^[^\\\\[]+\\\\[.*\\\\]$\"}", "\"f32[B,T,768]\""},
    {"param",
        "{\"anyOf\":[" REF("value") ",{\"type\":\"object\",\"properties\":{\"default\":" REF(
            "value") ",\"doc\":" REF("doc") "},\"required\":[\"default\"],"
                                            "\"additionalProperties\":false}]}",
        ""},
    {"init", "{\"anyOf\":[{\"enum\":[\"zeros\",\"ones\"]},{\"type\":\"object\"}]}", ""},
    {"file",
        "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"path\":{"
        "\"type\":\"string\"},\"names\":{\"type\":\"object\"},\"tensor\":{\"type\":"
        "\"string\"},\"doc\":" REF("doc") "},\"required\":[\"path\"],"
                                          "\"additionalProperties\":false}]}",
        ""},
    {"labels",
        "{\"anyOf\":[" LIST("text") ",{\"type\":\"object\",\"properties\":{\"file\":{"
                                    "\"type\":\"string\"}},\"required\":[\"file\"]}]}",
        ""},
    {"expects", "{\"anyOf\":[" REF("expect") "," LIST("expect") "]}", ""},
    {"most",
        "{\"type\":\"object\",\"properties\":{\"max\":" REF("number") "},\"required\":["
                                                                      "\"max\"]}",
        ""},
    {"results", "{\"anyOf\":[{\"type\":\"string\"}," LIST("text") "]}", "\"_\": not wanted"},
    {"operand", "{\"type\":[\"string\",\"number\",\"boolean\"]}",
        "a name, a number, true, false, \"=expr\""},
};

static const struct {
    const char *op, *keys;
} controls[] = {
    {"repeat",
        "\"count\":" REF("number") ",\"start\":" REF(
            "number") ",\"index\":{\"type\":"
                      "\"string\"},\"carry\":{\"type\":\"array\"},\"collect\":" LIST(
                          "text") ",\"body\":" LIST("node")},
    {"scan",
        "\"over\":{\"type\":\"array\"},\"axis\":" REF("number") ",\"count\":" REF(
            "number") ",\"index\":{\"type\":\"string\"},\"reverse\":{\"type\":\"boolean\"},\"carry\":{"
                      "\"type\":\"array\"},\"collect\":" LIST("text") ",\"body\":" LIST("node")},
    {"while",
        "\"carry\":{\"type\":\"array\"},\"cond\":" LIST(
            "node") ",\"test\":{\"type\":"
                    "\"string\"},\"body\":" LIST("node") ",\"limit\":" REF("number")},
    {"if",
        "\"then\":" LIST("node") ",\"else\":" LIST("node") ",\"yield\":{\"type\":\"array\"},"
                                                           "\"pred\":" REF("operand")},
};

static void
put_key(tn_text *out, const key *k, bool *first)
{
    tn_text_add(out, "%s\"%s\":", *first ? "" : ",", k->name);
    *first = false;
    if (!k->doc[0]) {
        tn_text_add(out, "%s", k->schema);
        return;
    }
    size_t length = strlen(k->schema);
    tn_text_put(out, k->schema, length - 1);
    tn_text_add(out, "%s\"description\":", length > 2 ? "," : "");
    tn_text_json(out, k->doc);
    tn_text_add(out, "}");
}

static void
put_keys(tn_text *out, const key *keys, bool *first)
{
    for (; keys->name; keys++)
        put_key(out, keys, first);
}

static void
put_doc_key(tn_text *out, bool *first)
{
    tn_text_add(out, "%s\"doc\":" REF("doc"), *first ? "" : ",");
    *first = false;
}

static void
put_objects(tn_text *out)
{
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        bool first = true;
        tn_text_add(out, ",\n\"%s\":%s{\"type\":\"object\",\"properties\":{", objects[i].name,
            objects[i].or_type                        ? "{\"anyOf\":[" REF("type") ","
                : strcmp(objects[i].name, "dim") == 0 ? "{\"anyOf\":[{\"type\":\"string\"},"
                                                      : "");
        for (int k = 0; k < 10 && objects[i].keys[k].name; k++)
            put_key(out, &objects[i].keys[k], &first);
        put_doc_key(out, &first);
        tn_text_add(out, "}%s%s%s,\"additionalProperties\":false}",
            objects[i].required ? ",\"required\":[" : "",
            objects[i].required ? objects[i].required : "", objects[i].required ? "]" : "");
        if (objects[i].or_type || strcmp(objects[i].name, "dim") == 0)
            tn_text_add(out, "]}");
    }
}

static void
put_attr(tn_text *out, const tn_attr_info *attr)
{
    tn_text_add(out, ",\"%s\":{", attr->name);
    switch (attr->kind) {
    case TN_KIND_CHOICE:
        tn_text_add(out, "\"enum\":[");
        for (const char *at = attr->options; *at;) {
            size_t length = strcspn(at, " ");
            tn_text_add(out, "%s\"%.*s\"", at == attr->options ? "" : ",", (int)length, at);
            at += length + strspn(at + length, " ");
        }
        tn_text_add(out, "]");
        break;
    case TN_KIND_BOOL: tn_text_add(out, "\"type\":[\"boolean\",\"string\"]"); break;
    case TN_KIND_DTYPE:
    case TN_KIND_LABELS:
    case TN_KIND_TEXT:
    case TN_KIND_SHAPE:
    case TN_KIND_TYPE: tn_text_add(out, "\"type\":\"string\""); break;
    case TN_KIND_INTS:
    case TN_KIND_PADS: tn_text_add(out, "\"type\":[\"number\",\"string\",\"array\"]"); break;
    case TN_KIND_SIZES: tn_text_add(out, "\"type\":\"array\",\"items\":" REF("number")); break;
    case TN_KIND_NUMBERS:
        tn_text_add(out, "\"type\":[\"number\",\"string\",\"boolean\",\"array\"]");
        break;
    case TN_KIND_INT:
    case TN_KIND_REAL:
    case TN_KIND_NUMBER:
    case TN_KIND_SIZE:
    case TN_KIND_PLACE: tn_text_add(out, "\"type\":[\"number\",\"string\",\"boolean\"]"); break;
    }
    bool fallback = attr->fallback[0] && attr->fallback[0] != '!';
    tn_text doc = {.arena = out->arena};
    tn_text_add(&doc, "%s%s%s%s", attr->doc, fallback && attr->doc[0] ? "; " : "",
        fallback ? "fallback: " : "", fallback ? attr->fallback : "");
    if (doc.length) {
        tn_text_add(out, ",\"description\":");
        tn_text_json(out, doc.at);
    }
    tn_text_add(out, "}");
}

/* What the attributes of each op are, and that no op has others. */
static void
put_attrs(tn_text *out)
{
    for (int i = 0; i < TN_OP_COUNT; i++) {
        const tn_op_info *info = tn_op_info_of((tn_opcode)i);
        bool first = true;
        if (info->flags & TN_FLAG_CONTROL)
            continue;
        tn_text_add(out, ",\n\"attrs.%s\":{\"type\":\"object\",\"description\":", info->name);
        tn_text_json(out, info->doc);
        tn_text_add(out, ",\"properties\":{");
        put_keys(out, node_keys, &first);
        put_doc_key(out, &first);
        for (int a = 0; a < info->attr_count; a++)
            if (strcmp(info->attr[a].name, "type") != 0)
                put_attr(out, &info->attr[a]);
        for (int a = 0; a < info->in_count; a++)
            tn_text_add(out, ",\"%s\":{\"type\":[\"string\",\"number\",\"boolean\",\"array\"]}",
                info->in[a].name);
        tn_text_add(out, "},\"additionalProperties\":false}");
    }
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        bool first = true;
        tn_text_add(out, ",\n\"attrs.%s\":{\"type\":\"object\",\"properties\":{", controls[i].op);
        put_keys(out, node_keys, &first);
        put_doc_key(out, &first);
        tn_text_add(out, ",%s},\"additionalProperties\":false}", controls[i].keys);
    }
}

static void
put_rule(tn_text *out, const char *op, bool first)
{
    tn_text_add(out,
        "%s\n{\"if\":{\"prefixItems\":[true,{\"const\":\"%s\"}]},\"then\":{\"items\":{\"if\":{"
        "\"type\":\"object\"},\"then\":{\"$ref\":\"#/$defs/attrs.%s\"}}}}",
        first ? "" : ",", op, op);
}

static void
put_nodes(tn_text *out)
{
    tn_text_add(out,
        ",\n\"op\":{\"type\":\"string\",\"anyOf\":[{\"pattern\":\"^[=@]\"},{\"pattern\":"
        "\"\\\\.\"},{\"enum\":[\"repeat\"");
    for (int i = 0; i < TN_OP_COUNT; i++)
        tn_text_add(out, ",\"%s\"", tn_op_info_of((tn_opcode)i)->name);
    tn_text_add(out, "]}]}");
    tn_text_add(out,
        ",\n\"node\":{\"anyOf\":[{\"type\":\"string\",\"description\":\"a remark\"},"
        "{\"type\":\"array\",\"minItems\":2,\"prefixItems\":[" REF("results") "," REF(
            "op") "],\"items\":{\"type\":[\"string\",\"number\",\"boolean\","
                  "\"object\"]},\"allOf\":[");
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        put_rule(out, controls[i].op, i == 0);
    for (int i = 0; i < TN_OP_COUNT; i++)
        if (!(tn_op_info_of((tn_opcode)i)->flags & TN_FLAG_CONTROL))
            put_rule(out, tn_op_info_of((tn_opcode)i)->name, false);
    tn_text_add(out,
        "]},\n{\"type\":\"object\",\"properties\":{\"op\":" REF(
            "op") ",\"in\":{\"type\":\"object\"},\"attrs\":{\"type\":\"object\"},\"out\":" REF("results"));
    bool first = false;
    put_keys(out, node_keys, &first);
    put_doc_key(out, &first);
    tn_text_add(out, "},\"required\":[\"op\"],\"additionalProperties\":false}]}");
}

static void
put_graph(tn_text *out, const char *name, const key *own)
{
    bool first = true;
    tn_text_add(out, ",\n\"%s\":{\"type\":\"object\",\"properties\":{", name);
    put_keys(out, own, &first);
    put_keys(out, graph_keys, &first);
    put_doc_key(out, &first);
    tn_text_add(out, "},\"additionalProperties\":false}");
}

void
tn_schema_write(tn_text *out)
{
    bool first = true;
    tn_text_add(out,
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\n"
        "\"title\":\"tenon graph, version 1\",\n\"type\":\"object\",\"required\":["
        "\"tenon\"],\"additionalProperties\":false,\n\"properties\":{");
    put_keys(out, model_keys, &first);
    put_keys(out, graph_keys, &first);
    put_doc_key(out, &first);
    tn_text_add(out, "},\n\"$defs\":{\n");
    first = true;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        put_key(out, &plain[i], &first);
        tn_text_add(out, i + 1 < sizeof plain / sizeof *plain ? "\n" : "");
    }
    put_objects(out);
    first = true;
    tn_text_add(out, ",\n\"test\":{\"type\":\"object\",\"properties\":{");
    put_keys(out, test_keys, &first);
    put_doc_key(out, &first);
    tn_text_add(out, "},\"required\":[\"name\"],\"additionalProperties\":false}");
    put_graph(out, "function", function_keys);
    put_graph(out, "entry", entry_keys);
    put_attrs(out);
    put_nodes(out);
    tn_text_add(out, "}}\n");
}
