# SPDX-License-Identifier: Apache-2.0
"""Turns an ONNX graph into a graph of this project, operation by operation.
For development only; needs onnx and numpy.

The graph is evaluated for three pairs of sizes. What does not depend on the
data of an input (shapes, axes, counts) is read off the three evaluations and
written as an expression of B and T; everything else keeps its structure.
export.py runs exporters and calls this.
"""
import json
import re
import sys

import numpy as np
import onnx
import onnx.inliner
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

SIZES = ((3, 7), (5, 11), (2, 13))  # B, T
FLOATS = {"float32": "f32", "float16": "f16", "float64": "f64"}
DTYPES = {**FLOATS, "int64": "i64", "int32": "i32", "bool": "bool", "int8": "i8", "uint8": "u8"}
ONNX_DTYPES = {1: "f32", 10: "f16", 11: "f64", 7: "i64", 6: "i32", 9: "bool", 3: "i8", 2: "u8",
               16: "bf16"}
UNARY = {"Neg": "neg", "Abs": "abs", "Exp": "exp", "Log": "log", "Sqrt": "sqrt", "Sin": "sin",
         "Cos": "cos", "Tanh": "tanh", "Erf": "erf", "Sigmoid": "sigmoid", "Not": "not",
         "Reciprocal": "recip", "IsNaN": "is_nan", "IsInf": "is_inf", "Relu": "relu",
         "Floor": "floor", "Ceil": "ceil", "Softplus": "softplus", "Sign": "sign"}
BINARY = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow", "And": "and",
          "Or": "or", "Xor": "xor", "Equal": "equal", "Less": "less", "Greater": "greater",
          "LessOrEqual": "less_equal", "GreaterOrEqual": "greater_equal", "Mod": "mod"}
REDUCE = {"ReduceMean": "reduce_mean", "ReduceSum": "reduce_sum", "ReduceMax": "reduce_max",
          "ReduceMin": "reduce_min", "ReduceLogSumExp": "reduce_logsumexp"}
SHAPES = ("Shape", "Size")
COMPOSITE = ("Softmax", "LogSoftmax", "LayerNormalization", "Gelu")


class Untold(Exception):
    """An operator or a form of one that has no translation here."""


def expression(values):
    """The polynomial of B and T that gives `values`, one for each of SIZES."""
    values = [int(v) for v in values]
    if len(set(values)) == 1:
        return values[0]
    for name, of in (("B", lambda b, t: b), ("T", lambda b, t: t), ("B*T", lambda b, t: b * t),
                     ("T*T", lambda b, t: t * t), ("B*T*T", lambda b, t: b * t * t)):
        base = [of(*size) for size in SIZES]
        for factor in [k for n in range(1, 65) for k in (n, -n)]:
            rest = {v - factor * x for v, x in zip(values, base)}
            if len(rest) == 1:
                more = rest.pop()
                text = name if factor == 1 else f"{factor}*{name}"
                return text + (f"{more:+d}" if more else "")
    raise Untold(f"sizes {values}")


def number(x):
    x = float(x)
    if np.isnan(x):
        return "=nan"
    if np.isinf(x):
        return "=inf" if x > 0 else "=-inf"
    return x if x != int(x) or abs(x) > 2 ** 53 else int(x) if abs(x) < 1e6 else x


def plain(array):
    """An array as nested lists of JSON."""
    if array.ndim:
        return [plain(a) for a in array]
    return bool(array) if array.dtype == bool else number(array)


def all_found(graph):
    """The graph with NonZero finding all elements: sizes are the bounds then."""
    out = onnx.GraphProto()
    out.CopyFrom(graph)
    del out.node[:]
    for node in graph.node:
        if node.op_type == "NonZero":
            same = node.input[0] + "_is_itself"
            out.node.append(onnx.helper.make_node("Equal", [node.input[0]] * 2, [same]))
            node = onnx.helper.make_node("NonZero", [same], list(node.output))
        out.node.append(node)
    return out


class Transcriber:
    def __init__(self, model, inputs):
        """`inputs`: for each of SIZES, the arrays to evaluate with."""
        self.graph = onnx.inliner.inline_local_functions(model).graph
        self.opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        names = [o for n in self.graph.node for o in n.output if o]
        run = ReferenceEvaluator(onnx.helper.make_model(all_found(self.graph),
                                                        opset_imports=model.opset_import, ir_version=10))
        self.values = []
        for feed in inputs:
            at = dict(zip(names, run.run(names, feed)))
            at.update(feed)
            at.update((t.name, numpy_helper.to_array(t)) for t in self.graph.initializer)
            self.values.append(at)
        self.made_by = {o: n for n in self.graph.node for o in n.output}
        self.initial = {t.name for t in self.graph.initializer}
        self.data = {i.name for i in self.graph.input if i.name not in self.initial}
        self.depends = set(self.data) | {n for n in self.initial if self.is_weight(n)}
        for node in self.graph.node:
            if node.op_type not in SHAPES and any(i in self.depends for i in node.input):
                self.depends.update(node.output)
        self.found = set()
        for node in self.graph.node:
            if node.op_type == "NonZero" or any(i in self.found for i in node.input):
                self.found.update(node.output if node.op_type not in SHAPES else ())
        self.names, self.nodes, self.weights = {}, [], {}
        self.count = 0

    # ---- what is known ----

    def shape(self, name):
        return [expression(d) for d in zip(*(np.shape(v[name]) for v in self.values))]

    def rank(self, name):
        return np.ndim(self.values[0][name])

    def dtype(self, name):
        return DTYPES[str(np.asarray(self.values[0][name]).dtype)]

    def type_of(self, name):
        return f"{self.dtype(name)}[{','.join(str(d) for d in self.shape(name))}]"

    def is_weight(self, name):
        a = numpy_helper.to_array(next(t for t in self.graph.initializer if t.name == name))
        if str(a.dtype) not in FLOATS or a.size < 2:
            return False
        named = any(w in name.lower() for w in ("weight", "bias", "matmul", "gamma", "beta"))
        odd = a.size >= 8 and len(np.unique(a)) > a.size // 2 and bool((a != np.round(a)).any())
        return named or odd or a.size > 64

    def known(self, name):
        """The integers of a value that depends on no data."""
        if name in self.depends:
            raise Untold(f"{name} depends on data")
        lists = [np.asarray(v[name]).reshape(-1).tolist() for v in self.values]
        return [expression(x) for x in zip(*lists)]

    def known_at(self, name, k):
        return np.asarray(self.values[k][name]).reshape(-1).tolist()

    def attribute(self, node, name, fallback=None):
        for a in node.attribute:
            if a.name == name:
                return onnx.helper.get_attribute_value(a)
        return fallback

    def axes(self, node, place=1):
        given = self.attribute(node, "axes")
        if given is None and len(node.input) > place and node.input[place]:
            given = self.known(node.input[place])
        return None if given is None else [int(a) for a in given]

    def is_constant(self, name):
        first = np.asarray(self.values[0][name])
        return first.size <= 64 and all(np.array_equal(first, v[name]) for v in self.values)

    # ---- operands ----

    def literal(self, name):
        """A number, if the value is one whatever the sizes; else None."""
        if name in self.depends:
            return None
        at = [np.asarray(v[name]) for v in self.values]
        if any(a.size != 1 for a in at):
            return None
        if len({repr(a.reshape(-1)[0]) for a in at}) == 1:
            return plain(at[0].reshape(-1)[0])
        if at[0].dtype.kind == "i":
            return "=" + str(expression([a.reshape(-1)[0] for a in at]))
        return None

    def use(self, name):
        """A name or a number that stands for the value `name` as an operand."""
        lit = self.literal(name)
        return self.name(name) if lit is None else lit

    def name(self, name):
        """The name of the value, which is transcribed if it was not yet."""
        if name in self.names:
            return self.names[name]
        if name in self.initial:
            return self.initializer(name)
        if name in self.data:
            self.names[name] = name
            return name
        lit = self.literal(name)
        if lit is not None:
            return self.put(name, "fill", {"type": self.type_of(name), "value": lit})
        node = self.made_by[name]
        method = getattr(self, "op_" + node.op_type, None)
        if node.op_type in UNARY:
            self.put(name, UNARY[node.op_type], self.name(node.input[0]))
        elif node.op_type in BINARY:
            self.binary(node, BINARY[node.op_type])
        elif node.op_type in REDUCE:
            self.reduce(node)
        elif method:
            method(node)
        elif name not in self.depends and self.is_constant(name):
            self.op_Constant(node)
        else:
            raise Untold(node.op_type)
        return self.names[name]

    def short(self, name):
        short = name.replace("_output_0", "").lstrip("/")
        while short in self.names.values() or not short:
            short += "_"
        return short

    def put(self, name, op, *rest):
        """Adds a node; `name` None: one that the source does not have."""
        if name is None:
            self.count += 1
            short = f"t{self.count}"
        else:
            short = self.names[name] = self.short(name)
        self.nodes.append([short, op, *rest])
        return short

    def initializer(self, name):
        array = np.asarray(self.values[0][name])
        if self.is_weight(name):
            self.names[name] = self.short(name)
            self.weights[self.names[name]] = self.type_of(name)
            return self.names[name]
        return self.put(name, "constant", {"type": self.type_of(name), "data": plain(array)})

    # ---- operators ----

    def operands(self, node):
        """Numbers where they may stand; at least one is a value."""
        out = [self.use(i) for i in node.input]
        rank = max(self.rank(i) for i in node.input)
        for k, i in enumerate(node.input):
            alone = all(not isinstance(o, str) or o.startswith("=") for o in out)
            if alone or (self.rank(i) == rank and all(self.rank(j) < rank for j in node.input if j != i)):
                out[k] = self.name(i)
        return out

    def binary(self, node, op):
        self.put(node.output[0], op, *self.operands(node))

    def op_Where(self, node):
        out = [self.name(node.input[0]), self.use(node.input[1]), self.use(node.input[2])]
        if not any(isinstance(o, str) and not o.startswith("=") for o in out[1:]):
            out[1] = self.put(None, "fill", {"type": self.dtype(node.input[1]) + "[]", "value": out[1]})
        self.put(node.output[0], "where", *out)

    def extremes(self, node, op):
        at = self.use(node.input[0])
        for i in node.input[1:-1]:
            at = self.put(None, op, at, self.use(i))
        self.put(node.output[0], op, at, self.use(node.input[-1]))

    def op_Max(self, node):
        self.extremes(node, "maximum")

    def op_Min(self, node):
        self.extremes(node, "minimum")

    def op_Clip(self, node):
        at = self.name(node.input[0])
        if len(node.input) > 1 and node.input[1]:
            at = self.put(None, "maximum", at, self.use(node.input[1]))
        if len(node.input) > 2 and node.input[2]:
            at = self.put(None, "minimum", at, self.use(node.input[2]))
        self.names[node.output[0]] = at

    def op_Cast(self, node):
        self.put(node.output[0], "cast", self.name(node.input[0]),
                 {"to": ONNX_DTYPES[self.attribute(node, "to")]})

    def op_CastLike(self, node):
        self.put(node.output[0], "cast", self.name(node.input[0]), {"to": self.dtype(node.input[1])})

    def op_MatMul(self, node):
        a, b = node.input
        ra, rb = self.rank(a), self.rank(b)
        if min(ra, rb) < 2:
            raise Untold("MatMul of a vector")
        self.put(node.output[0], "contract", self.name(a), self.name(b),
                 {"labels": "...ij,...jk->...ik" if max(ra, rb) > 2 else "ij,jk->ik"})

    def op_Gemm(self, node):
        left = "ji" if self.attribute(node, "transA", 0) else "ij"
        right = "kj" if self.attribute(node, "transB", 0) else "jk"
        bias = len(node.input) > 2 and node.input[2]
        alpha, beta = self.attribute(node, "alpha", 1.0), self.attribute(node, "beta", 1.0)
        if alpha != 1.0 or beta != 1.0:
            raise Untold("Gemm with alpha or beta")
        args = ("contract", self.name(node.input[0]), self.name(node.input[1]),
                {"labels": f"{left},{right}->ik"})
        if not bias:
            self.put(node.output[0], *args)
            return
        self.put(node.output[0], "add", self.put(None, *args), self.use(node.input[2]))

    def op_CumSum(self, node):
        axis = self.known(node.input[1])[0] % self.rank(node.input[0])
        self.put(node.output[0], "cum_sum", self.name(node.input[0]),
                 {"axis": axis, "reverse": bool(self.attribute(node, "reverse", 0)),
                  "exclusive": bool(self.attribute(node, "exclusive", 0))})

    def op_Einsum(self, node):
        labels = self.attribute(node, "equation").decode().replace(" ", "")
        self.put(node.output[0], "contract", *(self.name(i) for i in node.input), {"labels": labels})

    def op_Softmax(self, node):
        self.put(node.output[0], "softmax", self.name(node.input[0]),
                 {"axis": self.attribute(node, "axis", -1)})

    def op_LogSoftmax(self, node):
        self.put(node.output[0], "log_softmax", self.name(node.input[0]),
                 {"axis": self.attribute(node, "axis", -1)})

    def reduce(self, node):
        axes = self.axes(node)
        if axes is None:
            axes = list(range(self.rank(node.input[0])))
        self.put(node.output[0], REDUCE[node.op_type], self.name(node.input[0]),
                 {"axes": axes, "keepdims": bool(self.attribute(node, "keepdims", 1))})

    def op_LayerNormalization(self, node):
        if self.attribute(node, "axis", -1) not in (-1, self.rank(node.input[0]) - 1):
            raise Untold("LayerNormalization over several axes")
        self.put(node.output[0], "layer_norm", *(self.name(i) for i in node.input),
                 {"eps": float(np.float32(self.attribute(node, "epsilon", 1e-5)))})

    def op_Gelu(self, node):
        how = self.attribute(node, "approximate", b"none").decode()
        self.put(node.output[0], "gelu", self.name(node.input[0]), {"approximate": how})

    def op_Trilu(self, node):
        """Keeps what is not below (not above) a diagonal."""
        x, k = node.input[0], 0
        if len(node.input) > 1 and node.input[1]:
            k = self.known(node.input[1])[0]
        rows, columns = self.shape(x)[-2:]
        i = self.put(None, "iota", {"size": rows})
        i = self.put(None, "unsqueeze", i, {"axes": [1]})
        i = self.put(None, "add", i, k if isinstance(k, int) else f"={k}")
        j = self.put(None, "iota", {"size": columns})
        upper = self.attribute(node, "upper", 1)
        keep = self.put(None, "less_equal" if upper else "greater_equal", i, j)
        zero = False if self.dtype(x) == "bool" else 0
        self.put(node.output[0], "where", keep, self.name(x), zero)

    def op_Range(self, node):
        start, step = self.known(node.input[0])[0], self.known(node.input[2])[0]
        dtype, size = self.dtype(node.output[0]), self.shape(node.output[0])[0]
        if step == 1:
            self.put(node.output[0], "iota", {"start": start, "size": size, "dtype": dtype})
            return
        at = self.put(None, "iota", {"size": size, "dtype": dtype})
        at = self.put(None, "mul", at, step)
        self.put(node.output[0], "add", at, start)

    # ---- views ----

    def to(self, name):
        return {"to": "[" + ",".join(str(d) for d in self.shape(name)) + "]"}

    def op_Reshape(self, node):
        self.put(node.output[0], "reshape", self.name(node.input[0]), self.to(node.output[0]))

    op_Flatten = op_Reshape

    def op_Expand(self, node):
        self.put(node.output[0], "broadcast", self.name(node.input[0]), self.to(node.output[0]))

    def op_Tile(self, node):
        self.put(node.output[0], "tile", self.name(node.input[0]), {"repeats": self.known(node.input[1])})

    def op_Transpose(self, node):
        perm = self.attribute(node, "perm") or list(range(self.rank(node.input[0])))[::-1]
        self.put(node.output[0], "transpose", self.name(node.input[0]), {"perm": list(perm)})

    def op_Unsqueeze(self, node):
        rank = self.rank(node.output[0])
        self.put(node.output[0], "unsqueeze", self.name(node.input[0]),
                 {"axes": sorted(a % rank for a in self.axes(node))})

    def op_Squeeze(self, node):
        axes = self.axes(node)
        if axes is None:
            axes = [i for i, d in enumerate(self.shape(node.input[0])) if d == 1]
        self.put(node.output[0], "squeeze", self.name(node.input[0]), {"axes": axes})

    def op_Identity(self, node):
        self.names[node.output[0]] = self.name(node.input[0])

    op_Dropout = op_Identity

    def op_Concat(self, node):
        self.put(node.output[0], "concat", *(self.name(i) for i in node.input),
                 {"axis": self.attribute(node, "axis")})

    def op_Split(self, node):
        axis = self.attribute(node, "axis", 0)
        sizes = [self.shape(o)[axis] for o in node.output]
        names = []
        for o in node.output:
            names.append(self.short(o))
            self.names[o] = names[-1]
        self.nodes.append([names, "split", self.name(node.input[0]), {"axis": axis, "sizes": sizes}])

    def op_Slice(self, node):
        x = node.input[0]
        starts, ends = node.input[1], node.input[2]
        axes = self.known(node.input[3]) if len(node.input) > 3 and node.input[3] else \
            list(range(len(self.known_at(starts, 0))))
        steps = self.known_at(node.input[4], 0) if len(node.input) > 4 else [1] * len(axes)
        at = self.name(x)
        for n, axis in enumerate(axes):
            first, size = [], []
            for k, v in enumerate(self.values):
                dim = np.shape(v[x])[axis]
                cut = range(*slice(self.known_at(starts, k)[n], self.known_at(ends, k)[n],
                                   steps[n]).indices(dim))
                first.append(cut.start)
                size.append(len(cut))
            if steps[n] < 0:
                raise Untold("Slice backwards")
            at = self.put(None, "slice", at, {"axis": axis, "start": expression(first),
                                              "size": expression(size), "step": steps[n]})
        self.names[node.output[0]] = at

    def op_Gather(self, node):
        x, i = node.input
        axis = self.attribute(node, "axis", 0) % self.rank(x)
        lit = self.literal(i)
        if lit is not None and self.rank(i) == 0:
            at = [self.known_at(i, k)[0] % np.shape(v[x])[axis] for k, v in enumerate(self.values)]
            self.put(node.output[0], "index", self.name(x), {"axis": axis, "at": expression(at)})
            return
        self.put(node.output[0], "gather", self.name(x), self.name(i), {"axis": axis, **self.skip(i)})

    def op_GatherND(self, node):
        self.put(node.output[0], "gather_nd", *(self.name(i) for i in node.input),
                 {"batch_dims": self.attribute(node, "batch_dims", 0), **self.skip(node.input[1])})

    def op_GatherElements(self, node):
        self.put(node.output[0], "gather_elements", *(self.name(i) for i in node.input),
                 {"axis": self.attribute(node, "axis", 0), **self.skip(node.input[1])})

    def op_ConstantOfShape(self, node):
        value = self.attribute(node, "value")
        value = plain(numpy_helper.to_array(value).reshape(-1)[0]) if value is not None else 0
        self.put(node.output[0], "fill", {"type": self.type_of(node.output[0]), "value": value})

    def op_Constant(self, node):
        name = node.output[0]
        self.put(name, "constant", {"type": self.type_of(name),
                                    "data": plain(np.asarray(self.values[0][name]))})

    # ---- choices ----

    def put_all(self, node, op, *rest):
        names = []
        for o in node.output:
            names.append(self.short(o))
            self.names[o] = names[-1]
        self.nodes.append([names, op, *rest])

    def op_TopK(self, node):
        if not self.attribute(node, "largest", 1):
            raise Untold("TopK of the smallest")
        self.put_all(node, "top_k", self.name(node.input[0]),
                     {"k": self.known(node.input[1])[0], "axis": self.attribute(node, "axis", -1),
                      "dtype": "i64"})

    def op_OneHot(self, node):
        if [float(x) for x in self.known_at(node.input[2], 0)] != [0, 1]:
            raise Untold("OneHot of other values")
        if self.attribute(node, "axis", -1) not in (-1, self.rank(node.output[0]) - 1):
            raise Untold("OneHot along another axis")
        self.put(node.output[0], "one_hot", self.name(node.input[0]),
                 {"depth": self.known(node.input[1])[0], "dtype": self.dtype(node.output[0])})

    def op_ArgMax(self, node, op="arg_max"):
        self.put(node.output[0], op, self.name(node.input[0]),
                 {"axis": self.attribute(node, "axis", 0) % self.rank(node.input[0]),
                  "keepdims": bool(self.attribute(node, "keepdims", 1)), "dtype": "i64"})

    def op_ArgMin(self, node):
        self.op_ArgMax(node, "arg_min")

    def op_NonZero(self, node):
        """As many rows as may be found; gathers and scatters skip the others."""
        self.count += 2
        rows, count = f"t{self.count - 1}", f"t{self.count}"
        self.nodes.append([[rows, count], "nonzero", self.name(node.input[0])])
        turned = self.put(None, "transpose", rows, {"perm": [1, 0]})
        self.put(node.output[0], "cast", turned, {"to": "i64"})

    def scatter(self, node, op, attributes):
        how = self.attribute(node, "reduction", b"none").decode()
        if how != "none":
            attributes["reduce"] = how
        x, i, y = (self.name(n) for n in node.input)
        self.put(node.output[0], op, x, self.from_the_start(node, i), y, {**attributes, **self.skip(node.input[1])})

    def from_the_start(self, node, name):
        """Constant places that count from the end, counted from the start."""
        at = [np.asarray(v[node.input[1]]) for v in self.values]
        if node.input[1] in self.depends or not (at[0] < 0).any() or not self.is_constant(node.input[1]):
            return name
        x = np.shape(self.values[0][node.input[0]])
        sizes = x[self.attribute(node, "axis", 0)] if node.op_type == "ScatterElements" else x[:at[0].shape[-1]]
        return self.put(None, "constant", {"type": self.type_of(node.input[1]), "data": plain(at[0] % np.array(sizes))})

    def skip(self, indices):
        return {"outside": "skip"} if indices in self.found else {}

    def op_ScatterElements(self, node):
        axis = self.attribute(node, "axis", 0) % self.rank(node.input[0])
        self.scatter(node, "scatter_elements", {"axis": axis})

    def op_ScatterND(self, node):
        self.scatter(node, "scatter_nd", {})

    # ---- the file ----

    def declare(self, name):
        type_ = self.type_of(name)
        return {"type": type_, "range": "0..1"} if self.dtype(name) in ("i64", "i32") else type_

    def file(self, doc, meta, outputs=None):
        sys.setrecursionlimit(10000)
        wanted = outputs or [o.name for o in self.graph.output]
        results = {self.name(o): self.type_of(o) for o in wanted}
        used = {o for n in self.nodes for o in n[2:] if isinstance(o, str)}
        inputs = {n: self.declare(n) for n in sorted(self.data) if n in used}
        words = set(re.findall(r"[A-Za-z]+", json.dumps([inputs, self.nodes])))
        dims = {d: "1..64" for d in "BT" if d in words}
        return {"tenon": 1, "doc": doc, "meta": meta, "dims": dims, "inputs": inputs, "weights": self.weights, "nodes": self.nodes, "outputs": results}


def text(file):
    """One key a line, one node a line."""
    def line(x):
        return json.dumps(x, ensure_ascii=False)
    parts = []
    for key, value in file.items():
        if key == "nodes":
            parts.append('"nodes": [\n    ' + ",\n    ".join(line(n) for n in value) + "]")
        elif value != {} or key == "outputs":
            parts.append(f"{line(key)}: {line(value)}")
    return "{ " + ",\n  ".join(parts) + "\n}\n"


def evaluate(size, at):
    return eval(str(size), {"__builtins__": {}}, {"B": at[0], "T": at[1]})


def random_feed(graph, spec, size):
    """Arrays for the inputs; `spec`: their shapes in B and T, by name."""
    rng = np.random.default_rng(1)
    feed = {}
    for i in graph.input:
        shape = [evaluate(d, size) for d in spec[i.name][0]]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(i.type.tensor_type.elem_type)
        x = rng.standard_normal(shape)
        feed[i.name] = x.astype(dtype) if dtype.kind == "f" else (x > -1).astype(dtype)
    return feed


def transcribe(model, doc, meta, spec, static=False, outputs=None):
    """`spec`: shapes of the inputs by name. `static`: all sizes are those of
    the example, B = 2 and T = 7. `outputs`: how many results are kept."""
    sizes = [(2, 7)] * 3 if static else SIZES
    feeds = [random_feed(model.graph, spec, size) for size in sizes]
    results = [o.name for o in model.graph.output][:outputs]
    return text(Transcriber(model, feeds).file(doc, meta, results))
