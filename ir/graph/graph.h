/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_GRAPH_GRAPH_H
#define TN_IR_GRAPH_GRAPH_H

#include "ir/base/bytes.h"
#include "ir/base/diag.h"
#include "ir/base/map.h"
#include "ir/base/vec.h"
#include "ir/graph/op.h"

/* A tensor program: operations in order of definition, values with def-use
 * links. Params, functions, `repeat` and formulas are expanded when a file is
 * read; `scan`, `while` and run-time `if` keep their bodies. Everything is
 * owned by the arena of the module. */

typedef struct tn_value tn_value;
typedef struct tn_op tn_op;
typedef struct tn_block tn_block;
typedef struct tn_graph tn_graph;
typedef struct tn_module tn_module;
typedef struct tn_weight tn_weight;
typedef struct tn_state tn_state;

typedef enum tn_value_kind {
    TN_VALUE_RESULT,  /* number `index` of op `def` */
    TN_VALUE_INPUT,   /* number `index` of the graph's inputs */
    TN_VALUE_WEIGHT,  /* `weight` */
    TN_VALUE_STATE,   /* `state`, as it was when the run began */
    TN_VALUE_PARAM,   /* number `index` of the body `block` */
    TN_VALUE_LITERAL, /* a scalar: `number` in the value's type */
} tn_value_kind;

typedef struct tn_use {
    tn_op *op; /* NULL: a result of block `block` */
    tn_block *block;
    int index; /* operand number, or result number of the block */
} tn_use;

struct tn_value {
    tn_value_kind kind;
    tn_type type;
    const char *name; /* path as the user would name it: "x[3].h'.q1" */
    tn_op *def;
    int index;
    tn_block *block; /* where it is defined; NULL for weights, literals */
    tn_weight *weight;
    tn_state *state;
    tn_number number;
    TN_VEC(tn_use) uses;
    tn_size below; /* an integer that its maker knows to lie in 0 .. below-1, or NULL */
    uint32_t id;   /* dense in the graph */
};

struct tn_op {
    tn_opcode code;
    tn_graph *graph;
    tn_block *block;
    tn_op *prev, *next;
    /* Operands: those of the row in order (NULL: optional and absent; a
     * variadic row has its list last), then values of PLACE attributes.
     * Literals are operands like others. */
    int in_count;
    tn_value **in;
    int out_count;
    tn_value **out; /* never NULL, also when nobody reads it */
    tn_attr *attr;  /* one for each attribute of the row */
    int body_count; /* scan 1, while 2 (cond, body), if 2 (then, else) */
    tn_block **body;
    const char *path; /* "nodes[3]" */
    const char *from; /* where an importer found it, or NULL */
    TN_VEC(const char *) was; /* nodes it replaced */
    uint32_t id;
};

/* A list of operations. Bodies:
 *   scan   params: carried values, slices, index. Results: next carried
 *          values, then collected ones. Operands of the op: first values, then
 *          the sliced tensors. Attribute `carries` counts the carried.
 *   while  cond: params are the carried values, one result (bool scalar);
 *          body: same params, results are the next values.
 *   if     no params; results are the yielded values. */
struct tn_block {
    tn_graph *graph;
    tn_op *owner; /* NULL: the graph itself */
    tn_op *first, *last;
    TN_VEC(tn_value *) params;
    TN_VEC(tn_value *) results; /* the graph itself: outputs, then stores */
};

/* A text input's part: input `value` is product `product` of a text. */
typedef struct tn_input {
    const char *name; /* "text.ids" */
    tn_value *value;
    int symbol;       /* number in sizes if it is a ranged scalar; else -1 */
    bool has_range;   /* of the values, for inputs that are no scalar too */
    tn_size low, high;
    bool open_high;
    const char *text;      /* name of the text input, or NULL */
    const char *product;   /* "ids", "length", .. */
    const char *tokenizer; /* name in the module */
} tn_input;

typedef struct tn_output {
    const char *name;
    const char *labels, *scheme, *length, *align; /* names, or NULL */
} tn_output;

/* Checked when a run binds its symbols: left OP right. */
typedef enum tn_fact_op { TN_FACT_EQ, TN_FACT_NE, TN_FACT_LT, TN_FACT_LE } tn_fact_op;

typedef struct tn_fact {
    tn_fact_op op;
    tn_size left, right;
    const char *what; /* "where: past + T <= C", "nodes[4].attrs.size: .." */
} tn_fact;

/* A pass wrote a node another way: the row of its table, the name of the node. */
typedef struct tn_rewrite {
    const char *row, *node;
} tn_rewrite;

/* An entry. */
struct tn_graph {
    tn_module *module;
    const char *name;
    tn_sizes *sizes;
    tn_block *block;
    TN_VEC(tn_input) inputs;
    TN_VEC(tn_output) outputs;     /* result i of block */
    TN_VEC(tn_state *) stores;     /* result outputs.count + i of block */
    TN_VEC(tn_fact) facts;
    TN_VEC(tn_rewrite) rewrites; /* in the order in which they were made */
    tn_map weight_values, state_values; /* full name -> tn_value */
    uint32_t value_count, op_count;
};

typedef enum tn_fill { TN_FILL_NORMAL, TN_FILL_UNIFORM, TN_FILL_VALUE, TN_FILL_NONE } tn_fill;

/* A constant tensor, one for each full name. */
struct tn_weight {
    const char *name; /* full name */
    tn_type type;     /* dimensions are constants */
    int64_t elements;
    bool has_stored;
    tn_dtype stored;     /* what a file holds, if it differs */
    tn_type stored_type; /* its shape; row-major reshape to `type` */
    const char *tensor;  /* full name in the files */
    /* Stack along axis 0 of the weights `slice` (each its own full name). */
    TN_VEC(tn_weight *) slices;
    tn_fill fill; /* used when the model names no files, or on request */
    double fill_a, fill_b;
    bool given; /* `data` in the file, or a computed initialiser */
    /* The values in `type.dtype`, row-major, once loaded; else NULL. */
    const void *data;
    size_t bytes;
    uint32_t id;
};

struct tn_state {
    const char *name; /* full name */
    tn_type type;     /* sizes of the graph that declares it */
    tn_fill fill;
    double fill_a, fill_b;
    uint32_t id;
};

typedef struct tn_labels {
    const char *name;
    TN_VEC(const char *) names;
} tn_labels;

typedef struct tn_tokenizer_spec {
    const char *name, *kind, *file;
    bool lowercase;
    const char *unknown, *begin, *end, *pad; /* or NULL */
    int64_t max_length;                      /* 0: none */
} tn_tokenizer_spec;

/* A weight file of the model: path relative to its folder, and renamings
 * from graph names to file names in order. */
typedef struct tn_weight_file {
    const char *path;
    const char *tensor; /* npy: the one weight it holds */
    TN_VEC(const char *) from;
    TN_VEC(const char *) to;
} tn_weight_file;

/* A model as read. `extra` parts that only the frontend and the tools look at
 * (tests, expectations, presets) hang behind opaque pointers of theirs. */
struct tn_module {
    tn_arena *arena;
    tn_map names; /* interned */
    const char *file, *folder;
    TN_VEC(tn_graph *) entries;
    tn_map weights; /* full name -> tn_weight */
    tn_map states;  /* full name -> tn_state */
    TN_VEC(tn_labels *) labels;
    TN_VEC(tn_tokenizer_spec *) tokenizers;
    TN_VEC(tn_weight_file *) files;
    uint64_t seed;
    void *document; /* frontend: parsed tests and expectations */
};

/* ---- building and changing ---- */

tn_module *tn_module_create(tn_arena *arena, const char *file);
tn_graph *tn_graph_create(tn_module *module, const char *name, tn_sizes *sizes);
tn_block *tn_block_create(tn_graph *graph, tn_op *owner);

tn_value *tn_graph_input(tn_graph *g, const char *name, tn_type type);
tn_value *tn_graph_weight(tn_graph *g, tn_weight *weight); /* same weight, same value */
tn_value *tn_graph_state(tn_graph *g, tn_state *state, tn_type type);
tn_value *tn_graph_literal(tn_graph *g, tn_dtype dtype, tn_number number);
/* What kernels of `op` hand on among themselves: no operand of any op. */
tn_value *tn_graph_between(tn_op *op, tn_type type, const char *name);
tn_value *tn_block_param(tn_block *b, tn_type type, const char *name);
void tn_block_result(tn_block *b, tn_value *value); /* appends */

/* A new op before `before` (NULL: at the end of `block`). Operands as in
 * tn_op.in (those missing at the end of the row are NULL, until they are set);
 * attributes start at their fallbacks; path is that of `before` or "". Results
 * are created by tn_op_infer. */
tn_op *tn_op_create(tn_block *block, tn_op *before, tn_opcode code, tn_value *const *in,
    int in_count);
void tn_op_set_in(tn_op *op, int index, tn_value *value);
void tn_block_set_result(tn_block *b, int index, tn_value *value);
/* All uses of `old` become uses of `value`. */
void tn_value_replace(tn_value *old, tn_value *value);
/* Unlinks an op whose results nobody uses, and everything in its bodies. */
void tn_op_remove(tn_op *op);
void tn_op_move_before(tn_op *op, tn_op *before);

/* Attribute access by row position (TN_ATTR_op_name). */
int64_t tn_op_int(const tn_op *op, int attr);
bool tn_op_has(const tn_op *op, int attr);
const char *tn_op_text(const tn_op *op, int attr);
tn_attr *tn_op_attr(tn_op *op, int attr);
/* Sets values (arrays are copied). */
void tn_op_set_ints(tn_op *op, int attr, const int64_t *ints, int count);
void tn_op_set_sizes(tn_op *op, int attr, const tn_size *sizes, int count);
void tn_op_set_text(tn_op *op, int attr, const char *text);
void tn_op_set_dtype(tn_op *op, int attr, tn_dtype dtype);
void tn_op_set_number(tn_op *op, int attr, tn_number number);
void tn_op_set_numbers(tn_op *op, int attr, const tn_number *numbers, int count);
void tn_op_set_type(tn_op *op, int attr, tn_type type);
/* A PLACE attribute given by an integer value, which becomes an operand; a
 * whole literal becomes a size. */
void tn_op_set_place(tn_op *op, int attr, tn_value *value);
/* Back to the fallback of the row, or to no value. */
void tn_op_clear_attr(tn_op *op, int attr);

/* True if a number of type `dtype` can hold `n`: an integer type wants a whole
 * number in range, bool a truth value, a float type a number that does not
 * become infinite by rounding. SYMBOLIC ones are checked when a run binds.
 * `why` (may be NULL): "is not a whole number", .. */
bool tn_number_fits(const tn_number *n, tn_dtype dtype, const char **why);
/* The element type that a bare number at operand `index` takes, from the
 * operands (no literals) and attributes that `op` has so far. TN_DTYPE_COUNT:
 * nothing gives it one. */
tn_dtype tn_op_literal_dtype(const tn_op *op, int index);
/* Creates the bodies of a control op with their parameters, from its operands
 * and attributes. Fill the blocks, append their results, then infer. */
tn_status tn_op_open_bodies(tn_op *op, tn_diag *diag) TN_MUST_USE;

/* Checks operands and attributes against the row and the shape rule, creates
 * the results with their types, adds the facts that ranges do not prove.
 * Errors: TN_MALFORMED at path "nodes[3].attrs.axis" (op->path plus place). */
tn_status tn_op_infer(tn_op *op, tn_diag *diag) TN_MUST_USE;

/* True if the op fits its row and its results have the types the rule gives.
 * Changes nothing but the normal form of attributes. */
bool tn_op_check(tn_op *op, tn_diag *diag);

/* Shapes meeting at their last axes; an axis stretches only if absent or a
 * written 1. False if they do not meet. */
bool tn_type_broadcast(const tn_type *a, const tn_type *b, tn_type *out);
bool tn_type_equal(const tn_type *a, const tn_type *b);
/* "f32[B,T,768]" */
void tn_type_print(tn_text *out, const tn_sizes *s, const tn_type *type);

/* Labels of `contract` and element-wise ops, parsed. Letters are numbered by
 * first occurrence; `...` expands to leading axes. */
enum { TN_MAX_LABELS = 26 };
typedef struct tn_label_map {
    int operands;
    int rank[3];                  /* of each operand, `...` included */
    int8_t axis[3][TN_MAX_RANK];  /* operand axis -> label number */
    int out_rank;
    int8_t out[TN_MAX_RANK];      /* result axis -> label number */
    int label_count;              /* summed labels are in no out[] */
    bool dots[TN_MAX_LABELS];     /* label comes from `...` (may stretch) */
} tn_label_map;
/* Numpy alignment when `labels` is NULL. False for a refusal, which `why` (may
 * be NULL) then explains; out->out_rank is above TN_MAX_RANK if it is that. */
enum { TN_LABELS_WHY = 160 };
bool tn_labels_parse(const char *labels, int operands, const int *ranks, bool contract,
    tn_label_map *out, char why[TN_LABELS_WHY]);

/* Invariants: links agree, operands dominate uses, types are those inferred.
 * TN_BUG with every violation in `diag`. */
tn_status tn_graph_verify(tn_graph *g, tn_diag *diag) TN_MUST_USE;

/* Text form of an entry, both ways (golden tests, opt). */
void tn_graph_print(tn_text *out, const tn_graph *g);
tn_status tn_graph_parse(tn_module *module, tn_diag *diag, const char *place, const char *text,
    tn_graph **out) TN_MUST_USE;

#endif
