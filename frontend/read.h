/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_FRONTEND_READ_H
#define TN_FRONTEND_READ_H

#include "frontend/expr.h"
#include "frontend/model.h"

/* The reader of one graph file, for the files of this folder only.
 *
 * First the whole file is looked at for its keys and nodes (shape_*.c), which
 * also gives every value its path; ops and attributes that are not known are
 * collected. Then params, dims, labels and the like are read, and each entry
 * is expanded into a graph (entry.c, node.c, ..). */

enum { TN_READ_MAX_DEPTH = 100, TN_READ_MAX_SYMBOLS = 4096 };

/* A symbolic dimension as declared. */
typedef struct tn_dim {
    const char *name;
    tn_json *at;
    tn_symbol symbol;
} tn_dim;

/* A param: its value once known. */
typedef struct tn_read_param {
    const char *name;
    tn_json *at;
    tn_known known;
    bool ready, set;
} tn_read_param;

/* A function: the object that declares it. */
typedef struct tn_function {
    const char *name;
    tn_json *at;
    int open; /* expansions of it that are under way */
} tn_function;

/* What a name stands for. */
typedef enum tn_bind_kind {
    TN_BIND_VALUE,  /* input, result: `value`; a ranged scalar is `known` too */
    TN_BIND_KNOWN,  /* param, symbol, variable, index of repeat: `known` */
    TN_BIND_WEIGHT, /* `weight`; its value is made when it is used */
    TN_BIND_STATE,  /* `state` with `type` */
} tn_bind_kind;

typedef struct tn_bind {
    tn_bind_kind kind;
    const char *name;
    const char *what; /* "a param", "the index of a repeat", .. */
    const char *from; /* of a variable: the operand that bound it */
    bool has_known;
    bool symbol;      /* number `index` of the entry's symbols */
    int index;
    tn_known known;
    tn_value *value;
    tn_weight *weight;
    tn_state *state;
    tn_type type;
} tn_bind;

typedef struct tn_read tn_read;
typedef struct tn_scope tn_scope;

/* An entry or a call under expansion. */
typedef struct tn_frame {
    tn_read *r;
    const tn_function *function; /* NULL: an entry */
    const tn_json *graph;        /* the object with nodes, weights, .. */
    const char *weights;         /* what full names of weights start with, or "" */
    bool has_dots;               /* `...` is bound */
    int dots;
    tn_size dot[TN_MAX_RANK];
    tn_scope *scope;             /* its own names */
    tn_map states;               /* key -> tn_bind */
} tn_frame;

/* Names as a list of nodes sees them: its own, then those of `outer`. */
struct tn_scope {
    tn_frame *frame;
    tn_scope *outer;
    tn_map names; /* -> tn_bind */
    tn_block *block;
    const char *prefix; /* of the paths of values: "x[3].h'." */
    bool loop;          /* in a scan, a while or a run-time if */
};

/* Where an expansion is, for messages. */
typedef struct tn_step {
    const struct tn_step *outer;
    tn_json *node;
    const char *function; /* called; NULL: a round */
    int64_t round;
} tn_step;

struct tn_read {
    const tn_env *env;
    tn_arena *arena;
    tn_json_doc *doc;
    const tn_model_options *options;
    tn_module *module;
    tn_document *document;
    TN_VEC(tn_read_param) params;
    tn_map functions;  /* -> tn_function */
    TN_VEC(tn_dim) dims;
    const tn_json *init; /* of weights that name none, or NULL */
    /* Ops, attributes and keys that are not known: messages in order of the
     * file; the status is TN_UNSUPPORTED if an op is among them. */
    TN_VEC(const char *) unknown;
    tn_status unknown_status;
    /* Of the entry that is being expanded. */
    tn_graph *graph;
    tn_sizes *sizes;
    tn_map stored;   /* full name of a state -> tn_value stored */
    TN_VEC(tn_state *) stores;
    TN_VEC(tn_value *) stored_values;
    bool again;      /* a fact replaced a symbol: the entry is expanded anew */
    TN_VEC(tn_fact) replacing; /* such facts of functions */
    int attempt;     /* counts them, over all entries */
    tn_map states;   /* full name -> what declare.c keeps */
    int dry;         /* above 0: nothing of it will remain */
    uint32_t nodes;
    uint32_t steps; /* of formulas of the node, to name them */
    int depth;
    const tn_step *step;
};

/* ---- messages ---- */

/* The context of the expansion, for tn_json_doc.context. */
const char *tn_read_context(void *self);
/* Notes something unknown, to be reported with all others. */
void tn_read_unknown(tn_read *r, tn_status status, const tn_json *at, bool key, const char *format,
    ...) TN_PRINTF(5, 6);
/* A name as part of the text of a message: `did you mean`. */
const char *tn_read_meant(tn_read *r, const tn_scope *scope, const char *name);
const char *tn_read_type_text(tn_read *r, const tn_type *type);
/* Counts a node, call or round of the expansion; TN_LIMIT. */
tn_status tn_read_count(tn_read *r, const tn_json *at) TN_MUST_USE;
tn_status tn_read_fail_nodes(tn_read *r, const tn_json *at);

/* ---- shape of the file (shape.c, shape_node.c) ---- */

tn_status tn_shape_check(tn_read *r) TN_MUST_USE;
tn_status tn_shape_nodes(tn_read *r, tn_json *list) TN_MUST_USE;
/* Refuses keys that are not among the words of `keys` ("a b c"): noted as
 * unknown. `doc` is always allowed and checked. */
tn_status tn_shape_keys(tn_read *r, const tn_json *object, const char *keys) TN_MUST_USE;
/* A name of the user: at least a byte, at most the limit, no control characters, no = or @ at its
 * start. */
tn_status tn_shape_name(tn_read *r, const tn_json *at, bool key, const char *name) TN_MUST_USE;
tn_status tn_shape_name_length(tn_read *r, const tn_json *at, bool key, size_t length) TN_MUST_USE;
/* "a", "b", "c" of a map's keys. */
const char *tn_shape_list(tn_read *r, const tn_json *object);

/* A node, whichever form it has. */
typedef struct tn_node {
    tn_json *at;
    const char *op;
    tn_json *op_at;
    tn_json *results; /* a string or a list of strings; NULL for none */
    tn_json *first;   /* positional operands: `operands` values from here */
    uint32_t operands;
    tn_json *in;      /* long form */
    tn_json *attrs;   /* or NULL */
    tn_json *type, *from, *was, *scope;
} tn_node;

tn_status tn_node_parse(tn_read *r, tn_json *at, tn_node *out) TN_MUST_USE;
uint32_t tn_node_results(const tn_node *node);
/* Name of result `index`: "_" if it is not wanted. */
const tn_json *tn_node_result(const tn_node *node, uint32_t index);

/* ---- params, dims ---- */

tn_status tn_read_params(tn_read *r) TN_MUST_USE;
tn_status tn_read_dims(tn_read *r) TN_MUST_USE;
const tn_read_param *tn_find_param(const tn_read *r, const char *name);
struct tn_test;
/* Params, in the order of r->params, as they are under the settings of a
 * test; NULL if these cannot be read. May be NULL where there are none. */
const tn_read_param *tn_params_under(const tn_read *r, const struct tn_test *test);
bool tn_known_same(const tn_known *a, const tn_known *b);
/* Expressions over params alone. */
tn_status tn_eval_params(tn_read *r, const tn_json *at, tn_known *out) TN_MUST_USE;
tn_status tn_eval_params_int(tn_read *r, const tn_json *at, int64_t *out) TN_MUST_USE;
tn_status tn_eval_params_real(tn_read *r, const tn_json *at, double *out) TN_MUST_USE;
/* "1..C", "0.." */
tn_status tn_read_range(tn_read *r, const tn_json *at, int64_t *low, int64_t *high) TN_MUST_USE;
/* Of ranged scalars and dims: multiple, sample; --dim. */
tn_status tn_read_symbol(tn_read *r, const char *name, const tn_json *declared, tn_symbol *out)
    TN_MUST_USE;

/* ---- names and expressions in a scope (scope.c) ---- */

tn_scope *tn_scope_open(tn_frame *frame, tn_scope *outer, tn_block *block, const char *prefix);
/* Adds a name at `at` (the place of messages); refuses what is visible. */
tn_status tn_scope_define(tn_scope *scope, const tn_json *at, bool key, const tn_bind *bind)
    TN_MUST_USE;
/* NULL: not visible. Params are found too. */
const tn_bind *tn_scope_find(const tn_scope *scope, const char *name);
/* The value of a bind, made if it is a weight or state. */
tn_status tn_scope_value(tn_scope *scope, const tn_json *at, const tn_bind *bind, tn_value **out)
    TN_MUST_USE;
/* The value that the string `at` names. */
tn_status tn_scope_named(tn_scope *scope, const tn_json *at, tn_value **out) TN_MUST_USE;
/* An expression without values: a JSON number, true, false, or a string with
 * or without `=`. */
tn_status tn_scope_eval(tn_scope *scope, const tn_json *at, tn_known *out) TN_MUST_USE;
/* A part of a string: `length` bytes at `text`, which stands `shift` characters
 * into the string. */
tn_status tn_scope_eval_text(tn_scope *scope, const tn_json *at, int shift, const char *text,
    size_t length, tn_known *out) TN_MUST_USE;
/* A size that is whole for every binding, 0 or more if it is a number. */
tn_status tn_scope_size(tn_scope *scope, const tn_json *at, tn_size *out) TN_MUST_USE;
tn_status tn_scope_int(tn_scope *scope, const tn_json *at, int64_t *out) TN_MUST_USE;
tn_status tn_size_of_known(tn_read *r, const tn_place *place, int column, const char *text,
    const tn_known *known, tn_size *out) TN_MUST_USE;
/* "layers.{l}" with its expressions put in. */
tn_status tn_scope_template(tn_scope *scope, const tn_json *at, const char *index, int64_t number,
    const char **out) TN_MUST_USE;
tn_scope_ops tn_scope_ops_of(tn_scope *scope);

/* ---- types (types.c) ---- */

/* A type text cut into pieces, not evaluated. */
typedef struct tn_type_text {
    const char *element; /* "f32", "dt", "?" */
    bool any, dots;
    int rank;            /* without `...` */
    struct {
        const char *text;
        int column; /* in the string */
    } dim[TN_MAX_RANK];
} tn_type_text;

tn_status tn_type_split(tn_read *r, const tn_json *at, const char *text, int shift,
    tn_type_text *out) TN_MUST_USE;
/* "f32", or a param that is an element type. */
tn_status tn_type_element(tn_scope *scope, const tn_json *at, const char *name, tn_dtype *out)
    TN_MUST_USE;
/* A whole type; `...` is what the frame bound. */
tn_status tn_type_read(tn_scope *scope, const tn_json *at, tn_type *out) TN_MUST_USE;
/* "[B,T]" */
tn_status tn_shape_read(tn_scope *scope, const tn_json *at, tn_size *sizes, int *rank) TN_MUST_USE;
/* The type string of a declaration: itself or its "type". */
const tn_json *tn_declared_type(const tn_json *declaration);
/* Refuses a value whose type is not the declared one, `?` fitting any. */
tn_status tn_type_check(tn_scope *scope, const tn_json *at, const tn_type *found, const char *what)
    TN_MUST_USE;

/* ---- declarations ---- */

tn_status tn_read_labels(tn_read *r) TN_MUST_USE;
tn_status tn_read_tokenizers(tn_read *r) TN_MUST_USE;
tn_status tn_read_files(tn_read *r) TN_MUST_USE;
const tn_labels *tn_find_labels(const tn_read *r, const char *name);
/* `weights` and `state` of a graph object, into the scope. */
tn_status tn_declare_weights(tn_scope *scope, const tn_json *weights) TN_MUST_USE;
tn_status tn_declare_state(tn_scope *scope, const tn_json *state) TN_MUST_USE;
/* The type of a state as text, if `g` is the entry that declared it first;
 * else NULL. */
const char *tn_state_declared(const tn_module *module, const tn_state *state, const tn_graph *g);
tn_status tn_read_init(tn_read *r, const tn_json *init, tn_fill *fill, double *a, double *b)
    TN_MUST_USE;
/* `where`: facts over the names of the scope. */
tn_status tn_read_facts(tn_scope *scope, const tn_json *where) TN_MUST_USE;
/* `store` at the end of a graph object. */
tn_status tn_read_store(tn_scope *scope, const tn_json *store) TN_MUST_USE;

/* ---- expansion ---- */

tn_status tn_read_entries(tn_read *r) TN_MUST_USE;
tn_status tn_expand_nodes(tn_scope *scope, tn_json *list) TN_MUST_USE;
tn_status tn_expand_formula(tn_scope *scope, const tn_node *node) TN_MUST_USE;
tn_status tn_expand_op(tn_scope *scope, const tn_node *node) TN_MUST_USE;
tn_status tn_expand_call(tn_scope *scope, const tn_node *node) TN_MUST_USE;
tn_status tn_expand_repeat(tn_scope *scope, const tn_node *node) TN_MUST_USE;
tn_status tn_expand_scan(tn_scope *scope, const tn_node *node) TN_MUST_USE;
tn_status tn_expand_while(tn_scope *scope, const tn_node *node) TN_MUST_USE;
tn_status tn_expand_if(tn_scope *scope, const tn_node *node) TN_MUST_USE;

/* The first values of a `carry` list; its names inside a body. */
tn_status tn_carry_first(tn_scope *scope, const tn_json *carry, tn_value **out) TN_MUST_USE;
tn_status tn_carry_define(tn_scope *body, const tn_json *carry, tn_value *const *values)
    TN_MUST_USE;

/* An operand: a value, or a bare number that the others will give a type. */
typedef struct tn_operand {
    tn_json *at; /* NULL: absent */
    tn_value *value;
    tn_known known;
} tn_operand;

/* Reads the operand that stands at `at`. */
tn_status tn_operand_read(tn_scope *scope, tn_json *at, const tn_node *node, tn_operand *out)
    TN_MUST_USE;
/* An operand "=..": a number, or a value that the expression makes. */
tn_status tn_formula_operand(tn_scope *scope, tn_json *at, const tn_node *node, tn_operand *out)
    TN_MUST_USE;
/* A new op at the end of the block, with the paths of the node. */
tn_op *tn_op_start(tn_scope *scope, const tn_node *node, tn_opcode code, const tn_operand *operands,
    int count);
/* tn_op_open_bodies, with its messages put in their place. */
tn_status tn_op_bodies(tn_scope *scope, const tn_node *node, tn_op *op) TN_MUST_USE;
/* Operands by position and by role, each once, into one place for each of
 * `count` names. `what` for messages: the op or function. */
tn_status tn_operands_place(tn_read *r, const tn_node *node, const char *what,
    const char *const *names, int count, bool variadic, tn_json **out, uint32_t *extra) TN_MUST_USE;
/* Attributes of a row op, from the node to the op. */
tn_status tn_attrs_read(tn_scope *scope, const tn_node *node, tn_op *op) TN_MUST_USE;
/* Gives the literals among operands their types and infers the op. */
tn_status tn_op_finish(tn_scope *scope, const tn_node *node, tn_op *op, const tn_operand *operands,
    int count, const tn_place *place, int column) TN_MUST_USE;
/* Names the results and checks their number and annotated types. */
tn_status tn_results_define(tn_scope *scope, const tn_node *node, tn_value *const *values,
    int count, const char *what) TN_MUST_USE;
/* The path of a value defined in the scope: prefix and name. */
const char *tn_value_path(const tn_scope *scope, const char *name);
/* The first result's name that is wanted, else "_". */
const char *tn_node_title(const tn_node *node);
/* The JSON of a place like ".attrs.axis" in a node; the node if unknown. */
const tn_json *tn_node_find(const tn_node *node, const char *place, bool *key);
/* A literal value of a type, with its number rounded once. */
tn_value *tn_literal(tn_read *r, tn_dtype dtype, const tn_known *known);
/* The number as one of type `dtype`: what is not symbolic is rounded once. */
tn_number tn_number_as(tn_arena *arena, const tn_known *known, tn_dtype dtype);

/* ---- tests and expectations (tests.c, expectations.c) ---- */

struct tn_tests;
tn_status tn_read_tests(tn_read *r) TN_MUST_USE;
tn_status tn_read_expect(tn_read *r, const tn_json *at, const char *entry, struct tn_tests *out)
    TN_MUST_USE;

#endif
