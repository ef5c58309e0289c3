# SPDX-License-Identifier: Apache-2.0
"""Spellings of CRF decoders and of sums over all paths, drawn at random.

    python vary_crf.py PROGRAM [--seed N] [--count N] [--keep FOLDER]
                       [--only WORD=VALUE ..] [--devices cpu,..] [--show]

Each graph joins independent choices: how the loop is written, how axes lie,
how scores are broadcast, how the maximum and its place are taken, where scores
of the ends stand, what forbids transitions, what ends a sequence, how the path
is followed. PROGRAM (tenon) explains and verifies it. Printed are those with
no kernel of the family, or with other numbers, with their choices. Development
only; equal seeds give equal graphs.
"""
import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile

CHOICES = {
    "what": ["path", "both", "score", "both", "partition"],
    "loop": ["scan", "scan", "while", "while_data", "unrolled", "scan_count"],
    "order": ["bk", "bk", "bk", "kb", "k"],          # of the scores
    "emissions": ["btk", "tbk", "btk", "tkb", "bkt"],
    "linear": [0, 0, 0, 1],                          # emissions from a linear layer
    "turn_inside": [0, 1],
    "A": ["fo", "of"],                               # transitions as they are given
    "s": ["fo", "of"],                               # and in the sums
    "turn_A_inside": [0, 1],
    "spread": ["unsqueeze", "labels", "broadcast", "reshape", "tile"],
    "terms": ["dAe", "deA", "Aed", "Ad", "after", "after_first", "after", "from"],
    "best": ["max", "keep", "top_k", "place_first", "both_i64", "top_k_i64"],
    "start": ["none", "first", "carry_first", "tags", "dummy"],
    "end": ["none", "scores", "tags"],
    "forbid": ["none", "none", "add", "add_inside", "where", "where_sums", "cap", "product",
               "emissions", "data"],
    "constant": [-100.0, -1e4, "-inf"],
    "live": ["none", "mask", "mask_mul", "length", "mask_cast", "prefix", "late", "insert",
             "reverse"],
    "dead": ["own", "raw"],                          # pointers of rounds that do not count
    "trace": ["scan", "scan_turned", "while", "unrolled", "scan_count"],
    "follow": ["elements", "gather", "gather_nd", "one_hot", "flat", "nd_batch"],
    "pad": ["none", "none", "zero", "minus", "product"],
    "lse": ["op", "spelled", "spelled_drop", "guard", "plain", "matrix", "scaled"],
    "history": ["collect", "update", "shift"],
}


class Value:
    def __init__(self, name, axes, dtype="f32"):
        self.name, self.axes, self.dtype = name, axes, dtype


class Graph:
    """Nodes under construction; a value knows its axes by letter."""

    def __init__(self, dims):
        self.dims = dims       # letter to size
        self.inputs, self.weights, self.nodes = {}, {}, []
        self.count = 0

    def fresh(self, word="v"):
        self.count += 1
        return "%s%d" % (word, self.count)

    def shape(self, axes):
        return ",".join(str(self.dims[a]) for a in axes)

    def node(self, op, *args, axes, dtype="f32", word="v", **attrs):
        out = Value(self.fresh(word), axes, dtype)
        row = [out.name, op] + [a.name if isinstance(a, Value) else a for a in args]
        self.nodes.append(row + ([attrs] if attrs else []))
        return out

    def give(self, kind, name, axes, dtype="f32", **more):
        text = "%s[%s]" % (dtype, self.shape(axes))
        getattr(self, kind)[name] = dict(type=text, **more) if more else text
        return Value(name, axes, dtype)

    def cast(self, v, dtype):
        return v if v.dtype == dtype else self.node("cast", v, axes=v.axes, dtype=dtype, to=dtype)

    def turn(self, v, axes):
        if v.axes == axes:
            return v
        return self.node("transpose", v, axes=axes, dtype=v.dtype,
                         perm=[v.axes.index(a) for a in axes])

    def named(self, v, old, new):
        return Value(v.name, v.axes.replace(old, new), v.dtype)

    def spread(self, v, axes, how="unsqueeze"):
        """v with its axes in the order of `axes`, size 1 where it has none."""
        if not v.axes:
            return v
        v = self.turn(v, "".join(a for a in axes if a in v.axes))
        missing = [i for i, a in enumerate(axes) if a not in v.axes]
        if how == "reshape" and missing:
            to = "[" + ",".join("1" if a not in v.axes else str(self.dims[a]) for a in axes) + "]"
            v = self.node("reshape", v, axes=axes, dtype=v.dtype, to=to)
        elif missing:
            v = self.node("unsqueeze", v, axes=axes, dtype=v.dtype, **{"axes_": missing})
            self.nodes[-1][-1] = {"axes": missing}
        if how == "broadcast" and missing:
            v = self.node("broadcast", v, axes=axes, dtype=v.dtype,
                          to="[" + self.shape(axes) + "]")
        if how == "tile" and missing and len(missing) == 1 and axes[missing[0]] in "fok":
            v = self.node("tile", v, axes=axes, dtype=v.dtype, repeats=[
                self.dims[a] if i in missing else 1 for i, a in enumerate(axes)])
        return v

    def both(self, op, a, b, axes, how="unsqueeze", dtype=None):
        dtype = dtype or a.dtype
        if how == "labels" and a.axes and b.axes:
            return self.node(op, a, b, axes=axes, dtype=dtype,
                             labels="%s,%s->%s" % (a.axes, b.axes, axes))
        return self.node(op, self.spread(a, axes, how), self.spread(b, axes, how), axes=axes,
                         dtype=dtype)

    def choose(self, c, a, b, axes):
        dtype = a.dtype if isinstance(a, Value) else b.dtype
        a, b = (self.spread(x, axes) if isinstance(x, Value) else x for x in (a, b))
        return self.node("where", self.spread(c, axes), a, b, axes=axes, dtype=dtype)

    def reduce(self, op, v, axis, kind=None, keep=False, **attrs):
        at = v.axes.index(axis)
        attrs = dict(attrs)
        attrs.update({"axis": at} if op.startswith("arg") else {"axes": [at]})
        if keep:
            attrs["keepdims"] = True
        out = self.node(op, v, axes=v.axes if keep else v.axes.replace(axis, ""),
                        dtype=kind or v.dtype)
        self.nodes[-1].append(attrs)
        return out

    def squeeze(self, v, axis):
        at = v.axes.index(axis)
        out = self.node("squeeze", v, axes=v.axes.replace(axis, ""), dtype=v.dtype)
        self.nodes[-1].append({"axes": [at]})
        return out

    def at(self, v, axis, place):
        if isinstance(place, Value):
            place = place.name
        return self.node("index", v, axes=v.axes.replace(axis, ""), dtype=v.dtype,
                         axis=v.axes.index(axis), at=place)

    def slice(self, v, axis, start, size):
        return self.node("slice", v, axes=v.axes, dtype=v.dtype, axis=v.axes.index(axis),
                         start=start, size=size)

    def body(self):
        """Starts a list of nodes; give() it back to go on outside."""
        outer, self.nodes = self.nodes, []
        return outer

    def end(self, outer):
        inner, self.nodes = self.nodes, outer
        return inner


class Chain:
    """One decoder, or sum over all paths."""

    def __init__(self, c):
        self.c = c
        self.fixed = c["loop"] == "unrolled" or c["trace"] == "unrolled"
        self.T = c["steps"] if self.fixed else "T"
        self.K = c["tags"] + (2 if c["start"] == "tags" or c["end"] == "tags" else 0)
        batch = "B" if c["order"] != "k" else 1
        self.g = Graph({"b": batch, "t": self.T, "k": self.K, "f": self.K, "o": self.K, "1": 1,
                        "h": 4, "T": "T"})
        self.batch = "b" if "b" in c["order"] else ""
        self.leaves()

    # ---- what there is before the loop ----

    def minus(self, n):
        return self.T - n if self.fixed else "T-%d" % n

    def leaves(self):
        g, c = self.g, self.c
        axes = c["emissions"].replace("b", self.batch)
        if c["linear"]:
            x = g.give("inputs", "words", axes.replace("k", "h").replace("h", "") + "h")
            w = g.give("weights", "w", "kh", init={"normal": 0.5})
            b = g.give("weights", "b", "k", init={"normal": 0.5})
            e = g.node("linear", x, w, b, axes=x.axes.replace("h", "k"))
            self.e = g.turn(e, axes)
        else:
            self.e = g.give("inputs", "e", axes)
        A = g.give("weights", "A", c["A"], init={"normal": 1.0})
        self.A = self.constrain(A)
        self.A = A_turned = self.A
        if self.A.axes != c["s"] and not c["turn_A_inside"]:
            self.A = g.turn(A_turned, c["s"])
        if c["forbid"] == "emissions":
            ok = g.give("weights", "ok", "k", "bool", data=[i % 3 != 2 for i in range(self.K)])
            self.e = g.choose(ok, self.e, self.constant(), self.e.axes)
        self.t_axis()
        self.lengths()

    def constant(self):
        v = self.c["constant"]
        return "=-inf" if v == "-inf" else v

    def allowed(self):
        rows = [[(i * 7 + j * 3) % 5 != 1 or i == j for j in range(self.K)] for i in range(self.K)]
        return self.g.give("weights", "allowed", "fo", "bool", data=rows)

    def constrain(self, A):
        g, c = self.g, self.c
        how, axes = c["forbid"], A.axes
        inf = self.constant()
        if how in ("where", "product", "cap", "add"):
            ok = g.turn(self.allowed(), axes)
        if how == "where":
            A = g.choose(ok, A, inf, axes)
        elif how == "add":
            m = g.choose(ok, g.node("fill", axes="", type="f32[]", value=0), inf, axes)
            A = g.both("add", A, m, axes)
        elif how == "cap":
            cap = g.choose(ok, g.node("fill", axes="", type="f32[]", value=1e4), inf, axes)
            A = g.both("minimum", A, cap, axes)
        elif how == "product" and c["constant"] != "-inf":
            m = g.cast(ok, "f32")
            off = g.node("mul", g.node("sub", 1, m, axes=axes), inf, axes=axes)
            A = g.both("add", g.both("mul", A, m, axes), off, axes)
        if c["start"] == "tags" or c["end"] == "tags":
            n = self.K
            rows = [[-1e4 if j == n - 2 or i == n - 1 else 0.0 for j in range(n)]
                    for i in range(n)]
            if axes == "of":
                rows = [list(r) for r in zip(*rows)]
            no = g.give("weights", "ends", axes, data=rows)
            A = g.both("add", A, no, axes)
        return A

    def t_axis(self):
        """Emissions as the loop takes them, sliced along an axis that all have."""
        g, c = self.g, self.c
        e = self.e
        want = c["order"].replace("b", self.batch)
        rest = e.axes.replace("t", "")
        if e.axes.index("t") > 1 or not c["turn_inside"]:
            lead = "t" if c["order"] in ("kb", "k") or e.axes[0] == "t" else "bt"
            e = g.turn(e, "t" + want if lead == "t" else "bt" + want.replace("b", ""))
        elif e.axes.index("t") == 1 and e.axes[0] != "b":
            e = g.turn(e, "t" + want)
        self.e, self.along, _ = e, e.axes.index("t"), rest
        self.bt = self.batch + "t" if self.along else "t" + self.batch

    def lengths(self):
        g, c = self.g, self.c
        self.n = self.mask = None
        if c["live"] == "none":
            return
        if not self.batch and c["live"] != "mask":
            c["live"] = "none"
            return
        if c["live"].startswith("mask"):
            dtype = {"mask": "bool", "mask_mul": "f32", "mask_cast": "i64"}[c["live"]]
            if dtype == "bool":
                self.mask = g.give("inputs", "mask", self.bt, "bool")
            else:
                m = g.give("inputs", "mask", self.bt, "u8", range="0..1")
                self.mask = g.cast(m, dtype)
            return
        self.n = g.give("inputs", "n", "b", "i32" if c["seed"] % 2 else "i64", range="1..%d" % (min(5, self.T) if self.fixed else 5))
        if c["live"] == "prefix":
            i = g.node("iota", axes="t", dtype=self.n.dtype, size=self.T, dtype_=0)
            g.nodes[-1][-1] = {"size": self.T, "dtype": self.n.dtype}
            self.mask = g.both("less", i, self.n, self.bt, dtype="bool")

    # ---- one step ----

    def sums(self, d, e, A):
        """[.., from, to] in the order of the choice; e may be None."""
        g, c = self.g, self.c
        how = c["spread"]
        if c["order"] == "kb":
            axes = c["s"] + self.batch
        else:
            axes = self.batch + c["s"]
        d = g.named(d, "k", "f")
        if A.axes != c["s"]:
            A = g.turn(A, c["s"])
        if c["forbid"] == "add_inside":
            ok = g.turn(self.ok, c["s"])
            A = g.both("add", A, g.choose(ok, 0.0, g.node("fill", axes="", type="f32[]",
                                                         value=self.constant()), c["s"]), c["s"])
        terms = c["terms"]
        if e is not None:
            e = g.named(e, "k", "o")
        if terms == "from" and self.e_from is not None:
            d = g.both("add", d, g.named(self.e_from, "k", "f"), d.axes)
            s = g.both("add", d, A, axes, how)
        elif terms == "dAe":
            s = g.both("add", g.both("add", d, A, axes, how), e, axes, how)
        elif terms == "deA":
            s = g.both("add", g.both("add", d, e, axes, how), A, axes, how)
        elif terms == "Aed":
            s = g.both("add", g.both("add", A, e, axes, how), d, axes, how)
        else:
            s = g.both("add", *((A, d) if terms == "Ad" else (d, A)), axes, how)
        if c["forbid"] == "where_sums":
            s = g.choose(g.turn(self.ok, c["s"]), s, self.constant(), axes)
        return s

    def inside(self):
        return self.c["terms"] in ("dAe", "deA", "Aed")

    def maximum(self, s):
        g, how = self.g, self.c["best"]
        wide = "i64" if how.endswith("i64") else "i32"
        more = {"dtype": "i64"} if wide == "i64" else {}
        if how.startswith("top_k"):
            v, i = g.fresh("v"), g.fresh("i")
            g.nodes.append([[v, i], "top_k", s.name, dict(k=1, axis=s.axes.index("f"), **more)])
            v, i = Value(v, s.axes), Value(i, s.axes, wide)
            return g.squeeze(v, "f"), g.squeeze(i, "f")
        if how == "place_first":
            p = g.reduce("arg_max", s, "f", "i32", True)
            best = g.node("gather_elements", s, p, axes=s.axes, axis=s.axes.index("f"))
            return g.squeeze(best, "f"), g.squeeze(p, "f")
        if how == "keep":
            best = g.reduce("reduce_max", s, "f", None, True)
            p = g.reduce("arg_max", s, "f", "i32", True)
            return g.squeeze(best, "f"), g.squeeze(p, "f")
        return g.reduce("reduce_max", s, "f"), g.reduce("arg_max", s, "f", wide, **more)

    def log_sum(self, s, d, e, A):
        g, how = self.g, self.c["lse"]
        if how == "op":
            return g.reduce("reduce_logsumexp", s, "f")
        if how == "plain":
            return g.node("log", g.reduce("reduce_sum", g.node("exp", s, axes=s.axes), "f"),
                          axes=s.axes.replace("f", ""))
        m = g.reduce("reduce_max", s, "f", None, how != "spelled_drop")
        if how == "guard":
            fin = g.node("is_finite", m, axes=m.axes, dtype="bool")
            m = g.node("where", fin, m, 0.0, axes=m.axes)
        ms = g.spread(m, s.axes)
        x = g.node("exp", g.node("sub", s, ms, axes=s.axes), axes=s.axes)
        z = g.reduce("reduce_sum", x, "f", None, how != "spelled_drop")
        y = g.node("add", *((m, g.node("log", z, axes=z.axes)) if self.c["seed"] % 2 else
                            (g.node("log", z, axes=z.axes), m)), axes=z.axes)
        return g.squeeze(y, "f") if "f" in y.axes else y

    def matrix(self, d, A):
        """The sums of exponentials as a product of matrices."""
        g = self.g
        m = g.reduce("reduce_max", d, "k", None, True)
        x = g.node("exp", g.node("sub", d, m, axes=d.axes), axes=d.axes)
        p = g.node("exp", A, axes=A.axes)
        x = g.named(x, "k", "f")
        out = d.axes.replace("k", "o")
        z = g.node("contract", x, p, axes=out, labels="%s,%s->%s" % (x.axes, p.axes, out))
        return g.node("add", g.node("log", z, axes=out), m, axes=out)

    def step(self, d, e, live, first=False):
        """The next scores and the pointers."""
        g, c = self.g, self.c
        e = g.turn(e, c["order"]) if e is not None else None
        if c["what"] == "partition" and c["lse"] == "matrix":
            y, p = self.matrix(d, self.A), None
        else:
            s = self.sums(d, e, self.A)
            if c["what"] == "partition":
                y, p = self.log_sum(s, d, e, self.A), None
            else:
                y, p = self.maximum(s)
        y = g.named(g.turn(y, c["order"].replace("k", "o")), "o", "k")
        if p:
            p = g.named(g.turn(p, c["order"].replace("k", "o")), "o", "k")
        spelled = c["what"] == "partition" and c["lse"] == "matrix"
        if e is not None and (not self.inside() or spelled) and c["terms"] != "from":
            y = g.node("add", *((e, y) if c["terms"] == "after_first" else (y, e)), axes=y.axes)
        if live is None or c["live"] in ("late", "insert"):
            return y, p
        if c["live"] == "mask_mul":
            off = g.node("sub", 1.0, live, axes=live.axes)
            y = g.node("add", g.both("mul", y, live, y.axes), g.both("mul", d, off, d.axes),
                       axes=y.axes)
            on = g.node("greater", live, 0.5, axes=live.axes, dtype="bool")
        elif c["live"] == "mask_cast":
            on = g.cast(live, "bool")
            y = g.choose(on, y, d, y.axes)
        else:
            on = live
            y = g.choose(on, y, d, y.axes)
        if p and c["dead"] == "own" and c["live"] != "reverse":
            own = g.node("iota", axes="k", dtype=p.dtype)
            g.nodes[-1].append({"size": self.K, "dtype": p.dtype})
            p = g.choose(on, p, own, p.axes)
        return y, p

    def live_at(self, t, m):
        """Whether step t counts, [b]; m: the mask's slice."""
        g, c = self.g, self.c
        if c["live"] in ("none", "late", "insert"):
            return None
        if m is not None:
            return m
        if isinstance(t, int):
            return g.node("less", t, self.n, axes="b", dtype="bool") if c["seed"] % 2 else \
                g.node("greater", self.n, t, axes="b", dtype="bool")
        return g.both("less", g.cast(t, self.n.dtype), self.n, "b", dtype="bool")

    # ---- the way there ----

    def first(self):
        """Scores before the loop, and the first step."""
        g, c = self.g, self.c
        if c["forbid"] in ("add_inside", "where_sums"):
            self.ok = self.allowed()
        self.e_from = None
        if c["start"] in ("tags",):
            n = self.K
            init = g.give("weights", "init", "k", data=[0.0 if i == n - 2 else -1e4
                                                        for i in range(n)])
            axes = c["order"]
            if not self.batch:
                return init, 0
            return g.node("broadcast", g.spread(init, axes), axes=axes,
                          to="[" + g.shape(axes) + "]"), 0
        e0 = g.turn(g.at(self.e, "t", 0), c["order"])
        if c["start"] in ("first", "carry_first"):
            s = g.give("weights", "start", "k", init={"normal": 1.0})
            e0 = g.both("add", *((e0, s) if c["start"] == "first" else (s, e0)), e0.axes)
        return e0, 1

    def sliced(self, v, start, size):
        return v if start == 0 else self.g.slice(v, "t", start, size)

    def forward(self):
        g, c = self.g, self.c
        d0, self.start = self.first()
        self.rounds = self.minus(self.start) if self.start else self.T
        self.d0 = d0
        how = c["loop"]
        if how == "scan":
            self.forward_scan(d0)
        elif how == "unrolled":
            self.forward_unrolled(d0)
        else:
            self.forward_counted(d0)

    def shifted(self, t, by):
        return self.g.node("add", t, by, axes="", dtype=t.dtype) if by else t

    def forward_scan(self, d0):
        g, c = self.g, self.c
        rest = self.sliced(self.e, self.start, self.rounds)
        over = [["x", rest.name]]
        if self.mask:
            over.append(["m", self.sliced(self.mask, self.start, self.rounds).name])
        outer = g.body()
        d = Value("d", c["order"])
        e = Value("x", self.e.axes.replace("t", ""))
        m = Value("m", self.batch, self.mask.dtype) if self.mask else None
        t = self.shifted(Value("t", "", "i32"), self.start) if self.n and not self.mask else None
        y, p = self.step(d, e, self.live_at(t, m))
        inner = g.end(outer)
        collect = ([p.name] if p else []) + ([y.name] if self.late() else [])
        outs = [g.fresh("dn")] + [g.fresh("hist") for _ in collect]
        g.nodes.append([outs if len(outs) > 1 else outs[0], "scan", {
            "axis": self.along, "over": over, "index": "t",
            "carry": [["d", d0.name, y.name]], "collect": collect, "body": inner}])
        self.dn = Value(outs[0], c["order"])
        axes = c["order"][:self.along] + "t" + c["order"][self.along:]
        self.hist = Value(outs[1], axes, p.dtype) if p else None
        self.scores = Value(outs[-1], axes) if self.late() else None

    def late(self):
        return self.c["live"] in ("late", "insert")

    def forward_counted(self, d0):
        """while, or a scan that counts, indexing what it takes."""
        g, c = self.g, self.c
        along = self.along
        carries = [["d", d0.name]]
        axes = c["order"][:along] + "t" + c["order"][along:]
        wide = "i64" if c["best"].endswith("i64") else "i32"
        rounds = {"t": self.rounds}
        keep = dict(g.dims)
        g.dims["t"] = self.rounds
        decode = c["what"] in ("path", "both")
        if decode:
            h0 = g.node("fill", axes=axes, dtype=wide,
                        type="%s[%s]" % (wide, g.shape(axes)), value=0)
            carries.append(["h", h0.name])
        if self.late():
            l0 = g.node("fill", axes=axes, type="f32[%s]" % g.shape(axes), value=0)
            carries.append(["ls", l0.name])
        g.dims = keep
        outer = g.body()
        counter = "t" if c["loop"] == "scan_count" else "i"
        i = Value(counter, "", "i32")
        t = self.shifted(i, self.start) if c["loop"] == "scan_count" else i
        d = Value("d", c["order"])
        e = g.at(self.e, "t", t)
        m = g.at(self.mask, "t", t) if self.mask else None
        y, p = self.step(d, e, self.live_at(t, m))
        nexts = [y.name]
        place = i if c["loop"] == "scan_count" else self.shifted(i, -self.start)
        for name, v in [("h", p)] * decode + [("ls", y)] * self.late():
            old = Value(name, axes, v.dtype)
            if c["history"] == "shift" and name == "h" and not self.fixed and False:
                pass
            piece = g.node("unsqueeze", v, axes=axes, dtype=v.dtype)
            g.nodes[-1].append({"axes": [along]})
            nexts.append(g.node("update", old, piece, axes=axes, dtype=v.dtype, axis=along,
                                at=place.name).name)
        if c["loop"] != "scan_count":
            nexts.append(g.node("add", i, 1, axes="", dtype="i32").name)
        inner = g.end(outer)
        outs = [g.fresh("dn")] + [g.fresh("hist") for _ in carries[1:]]
        if c["loop"] == "scan_count":
            carry = [a + [b] for a, b in zip(carries, nexts)]
            g.nodes.append([outs if len(outs) > 1 else outs[0], "scan", {
                "count": str(self.rounds), "index": "t", "carry": carry, "body": inner}])
        else:
            zero = g.node("fill", axes="", dtype="i32", type="i32[]", value=self.start)
            carries.append(["i", zero.name])
            outs.append("_")
            carry = [a + [b] for a, b in zip(carries, nexts)]
            if c["loop"] == "while_data" and self.n:
                most = g.reduce("reduce_max", self.n, "b")
                most = g.cast(most, "i32")
                most = g.node("minimum", most, g.node("fill", axes="", dtype="i32", type="i32[]",
                                                      value=str(self.T)), axes="", dtype="i32")
                cond = [["go", "less", "i", most.name]]
            else:
                most = g.node("fill", axes="", dtype="i32", type="i32[]", value=str(self.T))
                cond = [["go", "less", "i", most.name]]
            g.nodes.append([outs, "while", {
                "carry": carry, "cond": cond, "test": "go", "body": inner,
                "limit": str(self.T)}])
        self.dn = Value(outs[0], c["order"])
        self.hist = Value(outs[1], axes, wide) if decode else None
        self.scores = Value(outs[1 + decode], axes) if self.late() else None
        _ = rounds

    def forward_unrolled(self, d0):
        g, c = self.g, self.c
        d, pointers, scores = d0, [], []
        for t in range(self.start, self.T):
            e = g.at(self.e, "t", t)
            m = g.at(self.mask, "t", t) if self.mask else None
            d, p = self.step(d, e, self.live_at(t, m))
            pointers.append(p)
            scores.append(d)
        self.dn = d
        axes = c["order"][:self.along] + "t" + c["order"][self.along:]
        self.list = pointers
        self.hist = self.joined(pointers, axes) if pointers[0] and (
            c["trace"] != "unrolled" or c["live"] in ("insert", "reverse")) else None
        self.scores = self.joined(scores, axes) if self.late() else None

    def joined(self, values, axes):
        g = self.g
        parts = []
        for v in values:
            parts.append(g.node("unsqueeze", v, axes=axes, dtype=v.dtype))
            g.nodes[-1].append({"axes": [axes.index("t")]})
        return g.node("concat", *parts, axes=axes, dtype=values[0].dtype, axis=axes.index("t"))

    # ---- the end ----

    def last(self):
        """Scores of the last step of each sequence, with those of the end."""
        g, c = self.g, self.c
        d = self.dn
        if c["terms"] == "from":
            pass
        if self.late():
            axes = self.scores.axes
            at = axes.index("t")
            n = g.node("sub", g.cast(self.n, "i32"), 1, axes="b", dtype="i32")
            low = self.start
            scores = self.scores
            if low:
                scores = self.with_first(scores)
            i = g.spread(n, axes)
            i = g.node("broadcast", i, axes=axes.replace("t", "1"), dtype="i32",
                       to="[" + g.shape(axes.replace("t", "1")) + "]")
            d = g.node("gather_elements", scores, i, axes=axes.replace("t", "1"), axis=at)
            d = g.squeeze(d, "1")
        if c["end"] == "scores":
            s = g.give("weights", "end", "k", init={"normal": 1.0})
            d = g.both("add", d, s, d.axes)
        elif c["end"] == "tags":
            A = g.named(g.named(g.turn(self.A, "fo"), "f", "k"), "o", "x")
            s = g.at(A, "x", self.K - 1)
            d = g.both("add", d, s, d.axes)
        return d

    def with_first(self, scores):
        g = self.g
        at = scores.axes.index("t")
        first = g.node("unsqueeze", self.d0, axes=scores.axes)
        g.nodes[-1].append({"axes": [at]})
        return g.node("concat", first, scores, axes=scores.axes, axis=at)

    def follow(self, h, y):
        """The pointer of h at tag y, [b]."""
        g, how = self.g, self.c["follow"]
        at = h.axes.index("k")
        wide = h.dtype
        if not self.batch:
            if how == "elements":
                i = g.node("unsqueeze", y, axes="1", dtype=y.dtype)
                g.nodes[-1].append({"axes": [0]})
                v = g.node("gather_elements", h, i, axes="1", dtype=wide, axis=0)
                return g.squeeze(v, "1")
            if how == "one_hot":
                return self.hot(h, y)
            return g.node("gather", h, y, axes="", dtype=wide, axis=0)
        if how == "one_hot":
            return self.hot(h, y)
        if how == "elements" or at == 0:
            i = g.node("unsqueeze", y, axes=h.axes.replace("k", "1"), dtype=y.dtype)
            g.nodes[-1].append({"axes": [at]})
            v = g.node("gather_elements", h, i, axes=i.axes, dtype=wide, axis=at)
            return g.squeeze(v, "1")
        if how == "gather":
            i = g.node("unsqueeze", y, axes="b1", dtype=y.dtype)
            g.nodes[-1].append({"axes": [1]})
            v = g.node("gather", h, i, axes="b1", dtype=wide, axis=1, batch_dims=1)
            return g.squeeze(v, "1")
        if how == "gather_nd":
            i = g.node("unsqueeze", y, axes="b1", dtype=y.dtype)
            g.nodes[-1].append({"axes": [1]})
            return g.node("gather_nd", h, i, axes="b", dtype=wide, batch_dims=1)
        b = g.node("iota", axes="b", dtype=y.dtype)
        g.nodes[-1].append({"size": "B", "dtype": y.dtype})
        if how == "nd_batch":
            pair = []
            for v in (b, y):
                pair.append(g.node("unsqueeze", v, axes="b1", dtype=y.dtype))
                g.nodes[-1].append({"axes": [1]})
            i = g.node("concat", *pair, axes="b1", dtype=y.dtype, axis=1)
            return g.node("gather_nd", h, i, axes="b", dtype=wide)
        flat = g.node("reshape", h, axes="x", dtype=wide, to="[B*%d]" % self.K)
        i = g.node("add", g.node("mul", b, self.K, axes="b", dtype=y.dtype), y, axes="b",
                   dtype=y.dtype)
        return g.node("gather", flat, i, axes="b", dtype=wide, axis=0)

    def hot(self, h, y):
        g = self.g
        own = g.node("iota", axes="k", dtype=y.dtype)
        g.nodes[-1].append({"size": self.K, "dtype": y.dtype})
        same = g.both("equal", own, y, h.axes, dtype="bool") if y.axes else \
            g.node("equal", own, y, axes="k", dtype="bool")
        zero = g.node("where", same, h, 0, axes=h.axes, dtype=h.dtype)
        return g.reduce("reduce_sum", zero, "k")

    def path(self, d):
        g, c = self.g, self.c
        wide = "i64" if c["best"].endswith("i64") else "i32"
        y = g.reduce("arg_max", d, "k", wide, **({"dtype": "i64"} if wide == "i64" else {}))
        path = self.backward(y)
        if c["pad"] != "none" and (self.mask or self.n) and c["live"] != "none":
            mask = self.mask
            if not mask:
                i = g.node("iota", axes="t", dtype=self.n.dtype)
                g.nodes[-1].append({"size": self.T, "dtype": self.n.dtype})
                mask = g.both("less", i, self.n, path.axes, dtype="bool")
            if c["pad"] == "product":
                path = g.both("mul", path, g.cast(mask, path.dtype), path.axes)
            else:
                path = g.choose(g.cast(mask, "bool"), path, -1 if c["pad"] == "minus" else 0,
                                path.axes)
        return path

    def back_live(self, t, m):
        if self.c["dead"] == "raw" and self.c["live"] not in ("none", "late", "insert", "reverse"):
            live = self.live_at(t, m)
            if live.dtype == "f32":
                return self.g.node("greater", live, 0.5, axes=live.axes, dtype="bool")
            return self.g.cast(live, "bool")
        return None

    def back_step(self, h, y, live):
        z = self.follow(h, y)
        return self.g.choose(live, z, y, z.axes) if live is not None else z

    def backward(self, y):
        g, c = self.g, self.c
        if c["live"] == "reverse":
            return self.reversed_path(y)
        if c["live"] == "insert":
            self.insert(y)
            zero = g.node("fill", axes="b", dtype=y.dtype, type="%s[B]" % y.dtype, value=0)
            tags = self.trace(zero, self.hist, self.T)
            return tags
        if c["live"] == "late":
            return self.late_path(y)
        tags = self.trace(y, self.hist, self.rounds)
        if self.start == 0 and c["what"] != "partition":
            n = self.minus(1)
            tags = g.slice(tags, "t", 1, n)
        return self.append(tags, y)

    def append(self, tags, y):
        g = self.g
        at = tags.axes.index("t")
        l1 = g.node("unsqueeze", y, axes=tags.axes, dtype=y.dtype)
        g.nodes[-1].append({"axes": [at]})
        return g.node("concat", tags, l1, axes=tags.axes, dtype=y.dtype, axis=at)

    def late_path(self, y):
        """Pointers are followed where they count, else the tag stays."""
        return self.append(self.trace(y, self.hist, self.rounds, by_length=True), y)

    def insert(self, y):
        """The last tag is written over the pointers of its place, one further
        than they stand: the way back finds it there."""
        g = self.g
        axes = self.hist.axes
        at = axes.index("t")
        more = [None, None]
        i = g.node("iota", axes="t", dtype="i32")
        g.nodes[-1].append({"size": self.T, "dtype": "i32"})
        keep = dict(g.dims)
        g.dims["1"] = 1
        pad = g.node("fill", axes=axes.replace("t", "1"), dtype=y.dtype,
                     type="%s[%s]" % (y.dtype, g.shape(axes.replace("t", "1"))), value=0)
        g.dims = keep
        h = g.node("concat", self.hist, pad, axes=axes, dtype=y.dtype, axis=at)
        n = g.node("sub", g.cast(self.n, "i32"), 1, axes="b", dtype="i32")
        if self.c["seed"] % 2:
            here = g.both("equal", i, n, "bt" if at else "tb", dtype="bool")
            self.hist = g.choose(here, y, h, axes)
        else:
            one = axes.replace("t", "1")
            to = "[" + g.shape(one) + "]"
            spot = g.node("broadcast", g.spread(n, one), axes=one, dtype="i32", to=to)
            piece = g.node("broadcast", g.spread(y, one), axes=one, dtype=y.dtype, to=to)
            self.hist = g.node("scatter_elements", h, spot, piece, axes=axes, dtype=y.dtype,
                               axis=at)
        _ = more

    def reversed_path(self, y):
        """TensorFlow: pointers of each sequence in reverse, then the tags."""
        g = self.g
        rounds = self.rounds
        n = g.node("sub", g.cast(self.n, "i32"), 1 if self.start else 0, axes="b", dtype="i32")
        h = self.reverse_sequence(self.hist, n, rounds)
        tags = self.trace(y, h, rounds, forward=True)
        axes = tags.axes
        at = axes.index("t")
        l1 = g.node("unsqueeze", y, axes=axes, dtype=y.dtype)
        g.nodes[-1].append({"axes": [at]})
        all_tags = g.node("concat", l1, tags, axes=axes, dtype=y.dtype, axis=at)
        size = self.T if self.start else ("T+1" if not self.fixed else self.T + 1)
        return self.reverse_sequence(all_tags, g.cast(self.n, "i32"), size)

    def reverse_sequence(self, v, n, size):
        g = self.g
        at = v.axes.index("t")
        i = g.node("iota", axes="t", dtype="i32")
        g.nodes[-1].append({"size": size, "dtype": "i32"})
        bt = "bt" if at else "tb"
        last = g.node("sub", n, 1, axes="b", dtype="i32")
        back = g.both("sub", last, i, bt, dtype="i32")
        here = g.both("less", i, n, bt, dtype="bool")
        place = g.choose(here, back, i, bt)
        if len(v.axes) == 2:
            return g.node("gather_elements", v, place, axes=v.axes, dtype=v.dtype, axis=at)
        if v.axes.startswith("bt") and self.c["seed"] % 2:
            return g.node("gather", v, place, axes=v.axes, dtype=v.dtype, axis=1, batch_dims=1)
        keep = g.dims["t"]
        g.dims["t"] = size
        place = g.node("broadcast", g.spread(place, v.axes), axes=v.axes, dtype="i32",
                       to="[" + g.shape(v.axes) + "]")
        g.dims["t"] = keep
        return g.node("gather_elements", v, place, axes=v.axes, dtype=v.dtype, axis=at)

    def trace(self, y, h, rounds, forward=False, by_length=False):
        """Tags before each pointer, [b,t] or [t,b] with that many steps."""
        g, c = self.g, self.c
        how = c["trace"]
        if how == "unrolled" or (h is None):
            return self.trace_unrolled(y, h, rounds, forward, by_length)
        along = h.axes.index("t")
        axes = self.batch + "t" if along else "t" + self.batch
        late = by_length

        def live(t, m):
            if late:
                return g.both("less", g.cast(t, self.n.dtype), self.n, "b", dtype="bool")
            return self.back_live(t, m)

        by_mask = self.mask and c["dead"] == "raw" and not late
        if how in ("scan", "scan_turned") or forward:
            mask = self.sliced(self.mask, self.start, self.rounds) if by_mask else None
            turned = how == "scan_turned" and not forward and not (late or self.n)
            if turned:
                h = g.node("reverse", h, axes=h.axes, dtype=h.dtype)
                g.nodes[-1].append({"axes": [along]})
                if mask:
                    mask = g.node("reverse", mask, axes=mask.axes, dtype=mask.dtype)
                    g.nodes[-1].append({"axes": [mask.axes.index("t")]})
            over = [["h", h.name]] + ([["m", mask.name]] if mask else [])
            outer = g.body()
            t = Value("t", "", "i32")
            needs = late or (self.n and not self.mask and c["dead"] == "raw")
            t = self.shifted(t, self.start) if needs and self.start else t
            m = Value("m", self.batch, mask.dtype) if mask else None
            y2 = self.back_step(Value("h", h.axes.replace("t", ""), h.dtype),
                                Value("y", self.batch, h.dtype), live(t, m))
            inner = g.end(outer)
            out = g.fresh("tags")
            g.nodes.append([["_", out], "scan", {
                "axis": along, "over": over, "index": "t", "reverse": not forward and not turned,
                "carry": [["y", y.name, y2.name]], "collect": [y2.name], "body": inner}])
            out = Value(out, axes, h.dtype)
            if turned:
                out = g.node("reverse", out, axes=axes, dtype=h.dtype)
                g.nodes[-1].append({"axes": [along]})
            return out
        keep = g.dims["t"]
        g.dims["t"] = rounds
        p0 = g.node("fill", axes=axes, dtype=h.dtype, type="%s[%s]" % (h.dtype, g.shape(axes)),
                    value=0)
        g.dims["t"] = keep
        outer = g.body()
        t = Value("t" if how == "scan_count" else "i", "", "i32")
        m = None
        if by_mask:
            m = g.at(self.mask, "t", self.shifted(t, self.start))
        needs = late or (self.n and not self.mask and c["dead"] == "raw")
        y2 = self.back_step(g.at(h, "t", t), Value("y", self.batch, h.dtype),
                            live(self.shifted(t, self.start) if needs else t, m))
        piece = g.node("unsqueeze", y2, axes=axes, dtype=h.dtype)
        g.nodes[-1].append({"axes": [along]})
        p2 = g.node("update", "p", piece, axes=axes, dtype=h.dtype, axis=along, at=t.name)
        down = None if how == "scan_count" else g.node("sub", t, 1, axes="", dtype="i32")
        inner = g.end(outer)
        out = g.fresh("tags")
        carry = [["y", y.name, y2.name], ["p", p0.name, p2.name]]
        if how == "scan_count":
            g.nodes.append([["_", out], "scan", {"count": str(rounds), "index": "t",
                            "reverse": True, "carry": carry, "body": inner}])
        else:
            last = "T-%d" % (self.start + 1) if not self.fixed else rounds - 1
            if rounds in ("T", self.T):
                last = "T-1" if not self.fixed else self.T - 1
            z = g.node("fill", axes="", dtype="i32", type="i32[]", value=str(last))
            carry.append(["i", z.name, down.name])
            g.nodes.append([["_", out, "_"], "while", {
                "carry": carry, "cond": [["go", "greater_equal", "i", 0]], "test": "go",
                "body": inner, "limit": "T" if not self.fixed else str(self.T)}])
        return Value(out, axes, h.dtype)

    def trace_unrolled(self, y, h, rounds, forward, by_length):
        g, c = self.g, self.c
        tags = []
        axes = self.batch + "t" if self.along else "t" + self.batch
        order = range(rounds) if forward else range(rounds - 1, -1, -1)
        for t in order:
            if h is None:
                p = self.list[t]
            else:
                p = g.at(h, "t", t)
            at = t + self.start
            if by_length:
                live = g.node("less", at, self.n, axes="b", dtype="bool")
            else:
                m = g.at(self.mask, "t", at) if self.mask else None
                live = self.back_live(at, m)
            y = self.back_step(p, y, live)
            tags.append(y)
        return self.joined(tags if forward else tags[::-1], axes)


def settle(c):
    """Choices that do not go together."""
    if c["what"] == "partition":
        c["best"] = "max"
        if c["lse"] == "matrix":
            c["forbid"] = c["forbid"] if c["forbid"] not in ("add_inside", "where_sums") else "add"
            c["constant"] = -100.0
            c["terms"] = "after"
        if c["lse"] == "scaled":
            c["lse"] = "op"
        if c["lse"] in ("plain", "spelled", "spelled_drop") and c["constant"] == "-inf":
            c["constant"] = -1e4
        if c["lse"] == "plain":
            c["constant"] = -20.0 if c["constant"] == -1e4 else c["constant"]
        if c["live"] in ("insert", "reverse", "late"):
            c["live"] = "length"
    if c["what"] == "score" and c["live"] in ("insert", "reverse"):
        c["live"] = "length"
    if c["start"] == "tags":
        c["end"] = "tags" if c["end"] == "scores" else c["end"]
    elif c["end"] == "tags":
        c["end"] = "scores"
    if c["start"] == "tags" and c["live"] in ("insert", "reverse", "late"):
        c["live"] = "length"
    if c["start"] == "dummy":
        c["start"] = "none"
    if c["terms"] == "from":
        c["terms"] = "after"
    if c["order"] == "k":
        c["follow"] = c["follow"] if c["follow"] in ("elements", "one_hot") else "gather"
    if c["order"] == "kb" and c["emissions"] == "btk":
        c["emissions"] = "tbk"
    if c["linear"] and c["emissions"] not in ("btk", "tbk"):
        c["emissions"] = "btk"
    if c["constant"] == "-inf" and c["live"] == "mask_mul":
        c["constant"] = -1e4
    if c["trace"] == "unrolled" and c["loop"] in ("while", "while_data"):
        c["trace"] = "while"
    if c["loop"] == "while_data" and c["live"] in ("late", "insert", "reverse"):
        c["loop"] = "while"
    if c["loop"] == "while_data" and c["dead"] == "own":
        c["dead"] = "raw"
    if c["forbid"] == "data":
        c["forbid"] = "none"


def draw(seed, fixed):
    r = random.Random(seed)
    c = {k: r.choice(v) for k, v in CHOICES.items()}
    c["steps"], c["tags"], c["seed"] = r.randint(3, 8), r.randint(3, 6), seed
    c.update(fixed)
    settle(c)
    return c


def make(c):
    chain = Chain(c)
    g = chain.g
    chain.forward()
    outputs = {}
    d = chain.last()
    B = "B" if chain.batch else None
    if c["what"] == "partition":
        z = g.reduce("reduce_logsumexp", d, "k") if c["lse"] in ("op", "matrix", "plain") else \
            chain.log_sum(g.named(d, "k", "f"), None, None, None)
        outputs["z"] = {"type": "f32[%s]" % (B or ""), "value": z.name}
    else:
        if c["what"] in ("score", "both"):
            s = g.reduce("reduce_max", d, "k")
            outputs["score"] = {"type": "f32[%s]" % (B or ""), "value": s.name}
        if c["what"] in ("path", "both"):
            p = chain.path(d)
            shape = ",".join(str(g.dims[a]) for a in p.axes)
            outputs["path"] = {"type": "%s[%s]" % (p.dtype, shape), "value": p.name}
    dims = {}
    if chain.batch:
        dims["B"] = "1..64"
    if not chain.fixed:
        dims["T"] = "1..64"
    if not g.inputs:
        raise SystemExit("no inputs")
    tests = []
    for b, t in ((3, 6), (2, 5), (17, 9)):
        test = {"name": "%d of %d" % (b, t), "seed": b + t, "dims": {
            k: {"B": b, "T": t}[k] for k in dims}, "inputs": {}, "outputs": {}}
        if not test["dims"]:
            del test["dims"]
        tests.append(test)
    out = {"tenon": 1, "doc": " ".join("%s=%s" % i for i in sorted(c.items())),
           "meta": {"fuses": "crf_partition" if c["what"] == "partition" else "viterbi"},
           "dims": dims, "inputs": g.inputs, "weights": g.weights, "nodes": g.nodes,
           "outputs": outputs, "tests": tests}
    if not dims:
        del out["dims"]
    return out


def text_of(graph):
    """One node a line."""
    parts = []
    for k, v in graph.items():
        if k == "nodes":
            rows = ",\n    ".join(json.dumps(n) for n in v)
            parts.append('"nodes": [\n    %s]' % rows)
        else:
            parts.append("%s: %s" % (json.dumps(k), json.dumps(v)))
    return "{ " + ",\n  ".join(parts) + "\n}\n"


def judge(program, path, graph, devices, numbers=True):
    """What is wrong with it, or None."""
    family = graph["meta"]["fuses"]
    got = subprocess.run([program, "explain", "--json", path], capture_output=True, text=True)
    if got.returncode < 0:
        return "crashed", [str(got.returncode)]
    if got.returncode:
        return "refused", got.stderr.strip().splitlines()[:2]
    told = json.loads(got.stdout)
    wrong = None
    found = [f for f in told["fused"] if f["family"] == family]
    if not found:
        why = ["%s: %s at %s" % (m["family"], m["predicate"], m["found"]) for m in told["missed"]]
        wrong = "missed", why
    launches = subprocess.run([program, "inspect", path], capture_output=True, text=True).stdout
    count = [line for line in launches.splitlines() if " launches of " in line]
    most = 4
    if not wrong and count and int(count[0].split("launches")[0].split()[-1]) > most:
        wrong = "launches", [count[0].strip()]
    if not numbers:
        return wrong
    got = subprocess.run([program, "verify", "--device", devices, path], capture_output=True,
                         text=True)
    if got.returncode:
        return "differs", (got.stdout + got.stderr).strip().splitlines()[:6]
    return wrong


def apart(c):
    return " ".join("%s=%s" % (k, v) for k, v in sorted(c.items()) if PLAIN.get(k, v) != v)


def smallest(program, c, wrong, folder, devices):
    """The same fault with as few choices apart from the plain decoder as can be."""
    path = str(folder / "smaller.json")
    for k, v in sorted(PLAIN.items()):
        if c[k] == v:
            continue
        less = dict(c)
        less[k] = v
        settle(less)
        try:
            graph = make(less)
        except (ValueError, KeyError, AttributeError, TypeError):
            continue
        pathlib.Path(path).write_text(text_of(graph))
        found = judge(program, path, graph, devices, wrong[0] == "differs")
        if found and found[0] == wrong[0]:
            c = less
    return c


PLAIN = dict(what="both", loop="scan", order="bk", emissions="btk", linear=0, turn_inside=0,
             A="fo", s="fo", turn_A_inside=0, spread="unsqueeze", terms="after", best="max",
             start="none", end="none", forbid="none", constant=-1e4, live="none", dead="own",
             trace="scan", follow="elements", pad="none", lse="op", history="collect",
             steps=6, tags=5)


def each_alone(a):
    bad = 0
    folder = pathlib.Path(a.keep or tempfile.mkdtemp())
    folder.mkdir(exist_ok=True, parents=True)
    for k, values in CHOICES.items():
        for v in dict.fromkeys(values):
            c = dict(PLAIN, seed=a.seed)
            c.update(dict(w.split("=", 1) for w in a.only))
            c[k] = v
            if k == "lse":
                c["what"] = "partition"
            settle(c)
            graph = make(c)
            path = folder / ("one_%s_%s.json" % (k, v))
            path.write_text(text_of(graph))
            wrong = judge(a.program, str(path), graph, a.devices)
            if wrong:
                print("%s=%s" % (k, v), wrong[0], "; ".join(wrong[1]))
                bad += 1
    return 1 if bad else 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--count", type=int, default=100)
    p.add_argument("--keep")
    p.add_argument("--only", action="append", default=[])
    p.add_argument("--devices", default="cpu")
    p.add_argument("--show", action="store_true")
    p.add_argument("--one", action="store_true", help="one choice apart from the plain decoder")
    a = p.parse_args()
    fixed = {}
    for word in a.only:
        k, v = word.split("=", 1)
        fixed[k] = next((x for x in CHOICES.get(k, []) if str(x) == v), v)
    if a.show:
        print(text_of(make(draw(a.seed, fixed))))
        return 0
    if a.one:
        return each_alone(a)
    folder = pathlib.Path(a.keep or tempfile.mkdtemp())
    folder.mkdir(exist_ok=True, parents=True)
    tally, reasons = collections.Counter(), collections.Counter()
    for seed in range(a.seed, a.seed + a.count):
        graph = make(draw(seed, fixed))
        path = folder / ("vary%d.json" % seed)
        path.write_text(text_of(graph))
        wrong = judge(a.program, str(path), graph, a.devices)
        tally[wrong[0] if wrong else "fine"] += 1
        if wrong:
            print(seed, wrong[0], "; ".join(wrong[1]))
            c = draw(seed, fixed)
            print("   ", apart(smallest(a.program, c, wrong, folder, a.devices)), flush=True)
            reasons[(wrong[0], wrong[1][0] if wrong[1] else "")] += 1
        elif not a.keep:
            path.unlink()
    print(dict(tally))
    for (kind, why), n in reasons.most_common(20):
        print("%4d %s: %s" % (n, kind, why))
    return 1 if len(tally) > ("fine" in tally) else 0


if __name__ == "__main__":
    sys.exit(main())
