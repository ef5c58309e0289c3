# SPDX-License-Identifier: Apache-2.0
"""Writes norms and feed-forward layers in many ways and counts their kernels.

    python vary_norms.py TENON [--count N] [--seed N] [--keep FOLDER] [--device NAME]
                         [--only WORD] [--no-verify]

(development only; no test runs it). A norm, with what is added before it, is
one kernel, a feed-forward layer two, a gated one three. What takes more, or
gives other numbers than the reference, is named with its choices and kept in
FOLDER. The same seed gives the same graphs.
"""
import json
import sys

from vary_graph import Graph, Maker, look_through, run

C, F = 24, 40


class Variant(Maker):
    def mean(self, x, axis):
        g, n = self.g, self.g.shape[x][axis]
        form = self.pick("mean", "mean", "sum_by_number", "sum_times", "dropped")
        if form == "mean":
            return g.reduce("reduce_mean", x, axis, True)
        if form == "dropped":
            return g.unsqueeze(g.reduce("reduce_mean", x, axis, False), [axis])
        s = g.reduce("reduce_sum", x, axis, True)
        return g.map("div", s, float(n)) if form == "sum_by_number" else g.map("mul", s, 1.0 / n)

    def square(self, x):
        g = self.g
        form = self.pick("square", "mul", "pow", "abs_pow")
        if form == "mul":
            return g.map("mul", x, x)
        return g.map("pow", g.map("abs", x) if form == "abs_pow" else x, 2.0)

    def inverse_root(self, x, v, eps):
        """x / sqrt(v + eps)."""
        g = self.g
        form = self.pick("root", "sqrt_div", "rsqrt", "recip", "one_by", "pow", "half", "pow_div")
        v = g.map("add", v, eps) if self.pick("eps", "added", "greater") == "added" else g.map("maximum", v, eps)
        if form == "sqrt_div":
            return g.map("div", x, g.map("sqrt", v))
        if form == "rsqrt":
            return g.map("mul", x, g.map("rsqrt", v))
        if form == "recip":
            return g.map("mul", x, g.map("recip", g.map("sqrt", v)))
        if form == "one_by":
            return g.map("mul", g.map("div", 1.0, g.map("sqrt", v)), x)
        if form == "pow":
            return g.map("mul", x, g.map("pow", v, -0.5))
        if form == "half":
            return g.map("div", x, g.map("pow", v, 0.5))
        return g.map("div", x, g.map("exp", g.map("mul", g.map("log", v), 0.5)))

    def variance(self, x, axis):
        """x less its mean, and the variance."""
        g = self.g
        form = self.pick("variance", "of_difference", "moments", "op", "deviation", "twice", "length")
        m = self.mean(x, axis)
        d = g.map("sub", x, m)
        keep = [1 if i == axis else n for i, n in enumerate(g.shape[x])]
        attrs = {"axes": [axis], "keepdims": True}
        if form == "moments":
            return d, g.map("sub", self.mean(self.square(x), axis), self.square(m))
        if form == "op":
            return d, g.put("reduce_var", [x], attrs, keep, g.type[x])
        if form == "deviation":
            s = g.put("reduce_std", [x], attrs, keep, g.type[x])
            return d, self.square(s)
        if form == "twice":
            return d, self.mean(self.square(g.map("sub", x, self.mean(x, axis))), axis)
        if form == "length":
            n = g.map("sqrt", g.reduce("reduce_sum", self.square(d), axis, True))
            return d, g.map("div", self.square(n), float(g.shape[x][axis]))
        return d, self.mean(self.square(d), axis)

    def affine(self, y, axis):
        g = self.g
        form = self.pick("weight", "after", "before", "one_more", "none")
        shape = [C] + [1] * (len(g.shape[y]) - 1 - axis)
        if form != "none":
            w = g.weight("w", shape)
            w = g.map("add", w, 1.0) if form == "one_more" else w
            y = g.map("mul", w, y) if form == "before" else g.map("mul", y, w)
        return g.map("add", y, g.weight("b", shape)) if self.pick("bias", True, False) else y

    def norm(self, x, axis):
        g = self.g
        kind = self.pick("norm", "layer", "rms", "length")
        wide = g.dtype != "f32"
        x = g.cast(x, "f32") if wide else x
        if kind == "layer":
            d, v = self.variance(x, axis)
            y = self.inverse_root(d, v, 1e-5)
        elif kind == "rms":
            y = self.inverse_root(x, self.mean(self.square(x), axis), 1e-6)
        else:
            n = g.map("sqrt", g.reduce("reduce_sum", self.square(x), axis, True))
            y = g.map("mul", g.map("div", x, g.map("maximum", n, 1e-6)), C ** 0.5)
        if wide and self.pick("cast", "before_weight", "after_weight") == "before_weight":
            return self.affine(g.cast(y, g.dtype), axis)
        if not wide:
            return self.affine(y, axis)
        type, g.dtype = g.dtype, "f32"
        y = self.affine(y, axis)
        g.dtype = type
        return g.cast(y, type)

    # ---- activations ----

    def activation(self, x):
        g = self.g
        form = self.pick("activation", "gelu_erf", "gelu_erf_late", "gelu_tanh", "gelu_pow", "gelu_sigmoid", "gelu_cdf",
                         "silu", "silu_written", "silu_tanh", "softplus", "softplus_written", "mish", "relu_square", "gelu_op",
                         "erfc")
        if form == "gelu_op":
            return g.put("gelu", [x], {}, g.shape[x], g.type[x])
        if form == "gelu_erf":
            e = g.map("erf", g.map("div", x, 2 ** 0.5))
            return g.map("mul", g.map("mul", x, 0.5), g.map("add", e, 1.0))
        if form == "gelu_erf_late":
            e = g.map("add", 1.0, g.map("erf", g.map("mul", x, 0.5 ** 0.5)))
            return g.map("mul", g.map("mul", x, e), 0.5)
        if form == "gelu_cdf":
            e = g.map("erf", g.map("div", x, 2 ** 0.5))
            return g.map("mul", x, g.map("add", g.map("mul", e, 0.5), 0.5))
        if form == "erfc":
            e = g.map("sub", 1.0, g.map("erf", g.map("neg", g.map("div", x, 2 ** 0.5))))
            return g.map("div", g.map("mul", x, e), 2.0)
        if form in ("gelu_tanh", "gelu_pow"):
            cube = g.map("pow", x, 3.0) if form == "gelu_pow" else g.map("mul", g.map("mul", x, x), x)
            t = g.map("mul", g.map("add", x, g.map("mul", cube, 0.044715)), 0.7978845608)
            t = g.map("add", g.map("tanh", t), 1.0)
            return g.map("mul", g.map("mul", t, 0.5), x)
        if form == "gelu_sigmoid":
            return g.map("mul", x, g.map("sigmoid", g.map("mul", x, 1.702)))
        if form == "silu":
            return g.map("mul", g.map("sigmoid", x), x)
        if form == "silu_written":
            return g.map("div", x, g.map("add", g.map("exp", g.map("neg", x)), 1.0))
        if form == "silu_tanh":
            t = g.map("tanh", g.map("mul", x, 0.5))
            return g.map("mul", g.map("mul", g.map("add", t, 1.0), 0.5), x)
        if form == "softplus":
            return g.map("log", g.map("add", g.map("exp", x), 1.0))
        if form == "softplus_written":
            n = g.map("log1p", g.map("exp", g.map("neg", g.map("abs", x))))
            return g.map("add", g.map("maximum", x, 0.0), n)
        if form == "mish":
            n = g.map("log1p", g.map("exp", x))
            return g.map("mul", x, g.map("tanh", n))
        r = g.map("maximum", x, 0.0)
        return g.map("mul", r, r)

    def dense(self, x, name, size, bias):
        g = self.g
        form = self.pick(f"dense_{name}", "matmul", "linear", "rows", "turned")
        wide = g.shape[x][-1]
        if form == "matmul":
            y = g.contract(x, g.weight(f"w_{name}", [wide, size]), "bti,io->bto")
        elif form == "linear":
            y = g.put("linear", [x, g.weight(f"w_{name}", [size, wide])], {}, g.shape[x][:2] + [size], g.dtype)
        elif form == "turned":
            y = g.contract(x, g.transpose(g.weight(f"w_{name}", [size, wide]), [1, 0]), "bti,io->bto")
        else:
            y = g.reshape(x, ["B*T", wide])
            y = g.contract(y, g.weight(f"w_{name}", [wide, size]), "ri,io->ro")
            y = g.map("add", y, g.weight(f"b_{name}", [size])) if bias else y
            return g.reshape(y, ["B", "T", size])
        return g.map("add", y, g.weight(f"b_{name}", [size])) if bias else y

    def gate_and_up(self, x):
        g = self.g
        form = self.pick("gate", "apart", "split", "slices", "pairs")
        if form == "apart":
            return self.dense(x, "gate", F, False), self.dense(x, "up", F, False)
        y = self.dense(x, "gate_up", 2 * F, False)
        if form == "split":
            g.nodes.append([["p0", "p1"], "split", y, {"axis": 2, "sizes": [F, F]}])
            for n in ("p0", "p1"):
                g.shape[n], g.type[n] = ["B", "T", F], g.dtype
            return ("p0", "p1") if self.pick("order", "gate_first", "up_first") == "gate_first" else ("p1", "p0")
        if form == "slices":
            return g.slice(y, 2, 0, F), g.slice(y, 2, F, F)
        y = g.reshape(y, ["B", "T", F, 2])
        return tuple(g.put("index", [y], {"axis": 3, "at": i}, ["B", "T", F], g.dtype) for i in range(2))

    def make(self):
        kind = self.pick("kind", "norm", "norm_first", "residual_norm", "ffn", "gated", "groups", weights=[6, 2, 3, 3, 3, 1])
        self.g = g = Graph(self.pick("dtype", "f32", "f16", "bf16", weights=[8, 1, 1]))
        self.kernels = {"ffn": 2, "gated": 3}.get(kind, 1)
        if kind == "norm_first":
            y = self.norm(g.input("x", g.dtype, ["B", C, "T"]), 1)
        elif kind == "groups":
            x = g.input("x", g.dtype, ["B", C, "T"])
            y = g.reshape(x, ["B", 4, f"{C // 4}*T"])
            d = g.map("sub", y, g.reduce("reduce_mean", y, 2, True))
            v = g.reduce("reduce_mean", self.square(d), 2, True)
            y = g.reshape(self.inverse_root(d, v, 1e-5), ["B", C, "T"])
            y = self.affine(y, 1)
        else:
            x = g.input("x", g.dtype, ["B", "T", C])
            if kind == "residual_norm":
                x = g.map("add", x, g.input("r", g.dtype, ["B", "T", C]))
            if kind.endswith("norm"):
                y = self.norm(x, 2)
            else:
                bias = self.pick("biases", True, False)
                if kind == "ffn":
                    h = self.activation(self.dense(x, "in", F, bias))
                else:
                    gate, up = self.gate_and_up(x)
                    h = self.activation(gate)
                    h = g.map("mul", h, up) if self.pick("product", "gate", "up") == "gate" else g.map("mul", up, h)
                y = self.dense(h, "out", C, bias)
                y = g.map("add", y, x) if self.pick("residual", True, False) else y
        return self.file(y, {"kernels": self.kernels}, {"B": "1..8", "T": "1..40"},
                         ({"B": 2, "T": 7}, {"B": 1, "T": 1}, {"B": 1, "T": 35}))

    def wrong(self, tenon, path):
        code, out, err = run(tenon, "inspect", "--json", path)
        if code:
            return "does not compile", err.strip().splitlines()[:3]
        kernels = json.loads(out)["entries"][0]["kernels"]
        if sum(k["count"] for k in kernels) > self.kernels:
            return "more kernels", [", ".join(k["family"] for k in kernels)]
        return None


if __name__ == "__main__":
    sys.exit(look_through(Variant, __doc__, "vary-norms"))
