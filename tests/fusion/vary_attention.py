# SPDX-License-Identifier: Apache-2.0
"""Writes attention in many ways and looks which of them are found.

    python vary_attention.py TENON [--count N] [--seed N] [--keep FOLDER]
                             [--device NAME] [--only WORD] [--no-verify]

(development only; no test runs it). Each graph is a random combination of
independent choices: layout, projections, scale, masks, bias, softmax, product
with the values and what is done to the result. The program at the path TENON
has to show one kernel of family attention that stores nothing of the size of
the scores (plan of `inspect`), a causal or windowed mask where blocks can be
skipped (`explain`), and results equal to the reference (`verify`). What does
not is named with its choices and kept in FOLDER. The same seed gives the same
graphs. Python's standard library alone.
"""
import json
import re
import sys

from vary_graph import Graph, Maker, look_through, run

H, D, W = 4, 8, 3  # heads, their size, window
FAR = {"f32": -3.4028234663852886e38, "f16": -65504.0, "bf16": -3.38e38}
LOW = "=-inf"


class Variant(Maker):
    skips = False  # blocks of keys: they must be

    # ---- q, k, v as [B,T,N,D] or [B,N,T,D] ----

    def source(self):
        g, cross = self.g, self.cross
        self.kv = self.pick("kv_heads", H, 2, 1, weights=[5, 3, 1])
        how = self.pick("source", "inputs", "inputs_heads_first", "separate", "separate_bias", "merged_split",
                        "merged_reshape", "merged_slices", "merged_heads", weights=[3, 3, 2, 2, 2, 2, 2, 2])
        if how.startswith("merged") and (cross or (how in ("merged_reshape", "merged_heads") and self.kv != H)):
            how = self.chosen["source"] = "separate_bias"
        s = self.S
        if how in ("inputs", "inputs_heads_first"):
            shape = (lambda t, n: ["B", t, n, D]) if how == "inputs" else (lambda t, n: ["B", n, t, D])
            self.first = how != "inputs"
            return [g.input(n, g.dtype, shape(t, h)) for n, t, h in
                    (("q", "T", H), ("k", s, self.kv), ("v", s, self.kv))]
        self.first = False
        x = g.input("x", g.dtype, ["B", "T", 16])
        y = g.input("y", g.dtype, ["B", s, 16]) if cross else x
        if how.startswith("separate"):
            out = []
            for n, of, h, t in (("q", x, H, "T"), ("k", y, self.kv, s), ("v", y, self.kv, s)):
                out.append(self.heads(self.project(of, n, h * D, how.endswith("bias")), h, t))
            return out
        return self.merged(x, how)

    def project(self, x, n, size, bias):
        g = self.g
        form = self.pick(f"projection_{n}", "matmul", "linear", "rows")
        if form == "matmul":
            y = g.contract(x, g.weight(f"w{n}", [16, size]), "bti,io->bto")
        elif form == "linear":
            y = g.put("linear", [x, g.weight(f"w{n}", [size, 16])], {}, g.shape[x][:2] + [size], g.dtype)
        else:
            y = g.reshape(x, [f"B*{g.shape[x][1]}", 16])
            y = g.contract(y, g.weight(f"w{n}", [16, size]), "ri,io->ro")
            y = g.reshape(y, g.shape[x][:2] + [size])
        return g.map("add", y, g.weight(f"b{n}", [size])) if bias else y

    def heads(self, y, h, t):
        g = self.g
        y = g.reshape(y, ["B", t, h, D])
        return y

    def merged(self, x, how):
        g, kv = self.g, self.kv
        y = self.project(x, "qkv", (H + 2 * kv) * D, self.random.random() < 0.5)
        if how == "merged_split":
            names = [f"p{i}" for i in range(3)]
            sizes = [H * D, kv * D, kv * D]
            g.nodes.append([names, "split", y, {"axis": 2, "sizes": sizes}])
            for n, size in zip(names, sizes):
                g.shape[n], g.type[n] = ["B", "T", size], g.dtype
            return [self.heads(n, h, "T") for n, h in zip(names, (H, kv, kv))]
        if how == "merged_slices":
            at, out = 0, []
            for h in (H, kv, kv):
                out.append(self.heads(g.slice(y, 2, at, h * D), h, "T"))
                at += h * D
            return out
        if how == "merged_reshape":  # [B,T,3,H,D]
            y = g.reshape(y, ["B", "T", 3, H, D])
            if self.random.random() < 0.5:
                y = g.transpose(y, [2, 0, 3, 1, 4])
                self.first = True
                return [g.put("index", [y], {"axis": 0, "at": i}, g.shape[y][1:], g.dtype) for i in range(3)]
            return [g.put("index", [y], {"axis": 2, "at": i}, ["B", "T", H, D], g.dtype) for i in range(3)]
        y = g.reshape(y, ["B", "T", H, 3 * D])  # heads outside: GPT-NeoX
        return [g.slice(y, 3, i * D, D) for i in range(3)]

    # ---- rope ----

    def rope(self, x, t, kind):
        """Of [B,T,N,D] or [B,N,T,D]."""
        g = self.g
        angle = self.angles(t)
        shape = [1, t, 1, D // 2] if not self.first else [1, 1, t, D // 2]
        cos, sin = (g.reshape(g.put(f, [angle], {}, g.shape[angle], "f32"), shape) for f in ("cos", "sin"))
        cos, sin = g.cast(cos, g.dtype), g.cast(sin, g.dtype)
        if kind == "half":
            twice = lambda c: g.concat([c, c], 3)
            turned = g.concat([g.map("neg", g.slice(x, 3, D // 2, D // 2)), g.slice(x, 3, 0, D // 2)], 3)
            return g.map("add", g.map("mul", x, twice(cos)), g.map("mul", turned, twice(sin)))
        if kind == "halves":
            a, b = g.slice(x, 3, 0, D // 2), g.slice(x, 3, D // 2, D // 2)
        elif kind == "steps":
            a, b = g.slice(x, 3, 0, D // 2, 2), g.slice(x, 3, 1, D // 2, 2)
        else:
            y = g.reshape(x, g.shape[x][:3] + [D // 2, 2])
            a, b = (g.put("index", [y], {"axis": 4, "at": i}, g.shape[y][:4], g.dtype) for i in range(2))
        p = g.map("sub", g.map("mul", a, cos), g.map("mul", b, sin))
        q = g.map("add", g.map("mul", a, sin), g.map("mul", b, cos))
        if kind == "halves":
            return g.concat([p, q], 3)
        y = g.concat([g.unsqueeze(p, [4]), g.unsqueeze(q, [4])], 4)
        return g.reshape(y, g.shape[x])

    def angles(self, t):
        g = self.g
        if self.chosen["rope_angles"] == "input":
            return g.input(f"angles_{t}", "f32", [t, D // 2])
        freq = g.weight("freq", [D // 2], "f32", data=[1.0, 0.1, 0.01, 0.001]) if "freq" not in g.weights else "freq"
        return g.put("mul", [g.iota(t, "f32"), freq], {"labels": "t,f->tf"}, [t, D // 2], "f32")

    # ---- heads shared by queries ----

    def repeat(self, x, how):
        """[B,K,S,D] -> [B,H,S,D]."""
        g, n, k, s = self.g, H // self.kv, self.kv, self.S
        if how == "expand":
            y = g.broadcast(g.unsqueeze(x, [2]), ["B", k, n, s, D])
            return g.reshape(y, ["B", H, s, D])
        if how == "concat":
            y = g.unsqueeze(x, [2])
            return g.reshape(g.concat([y] * n, 2), ["B", H, s, D])
        if how == "gather":
            ids = g.weight(f"ids{g.number}", [H], "i32", data=[i // n for i in range(H)])
            return g.put("gather", [x, ids], {"axis": 1}, ["B", H, s, D], g.dtype)
        if how == "iota":
            ids = g.map("div", g.iota(H, "i32"), n)
            return g.put("gather", [x, ids], {"axis": 1}, ["B", H, s, D], g.dtype)
        y = g.put("tile", [g.unsqueeze(x, [2])], {"repeats": [1, 1, n, 1, 1]}, ["B", k, n, s, D], g.dtype)
        return g.reshape(y, ["B", H, s, D])

    # ---- layouts: letters of the scores ----

    def lay_out(self, q, k, v):
        """Brings all to the layout; gives letters of q, k, v."""
        g, s = self.g, self.S
        first = self.first
        to_first = lambda x: x if first else g.transpose(x, [0, 2, 1, 3])
        if self.kv != H:
            form = self.pick("heads_shared", "expand", "concat", "gather", "iota", "tile", "grouped", "stretched",
                             weights=[4, 1, 1, 1, 1, 3, 2])
            n = H // self.kv
            if form == "stretched" and self.kv != 1:
                form = self.chosen["heads_shared"] = "grouped"
            if form == "grouped":
                q, k, v = to_first(q), to_first(k), to_first(v)
                q = g.reshape(q, ["B", self.kv, n, "T", D])
                return q, k, v, "bkgtd", "bksd"
            if form == "stretched":  # [B,1,S,D] against [B,H,T,D]
                q, k, v = to_first(q), to_first(k), to_first(v)
                k, v = (g.reshape(x, ["B", s, D]) for x in (k, v))
                return q, k, v, "bhtd", "bsd"
            q, k, v = to_first(q), self.repeat(to_first(k), form), self.repeat(to_first(v), form)
            first = True
            to_first = lambda x: x
        form = self.pick("layout", "bhtd", "bthd", "folded", weights=[5, 2, 3])
        if form == "bhtd":
            return to_first(q), to_first(k), to_first(v), "bhtd", "bhsd"
        if form == "bthd":
            if first:
                q, k, v = (g.transpose(x, [0, 2, 1, 3]) for x in (q, k, v))
            return q, k, v, "bthd", "bshd"
        q, k, v = to_first(q), to_first(k), to_first(v)
        q = g.reshape(q, [f"B*{H}", "T", D])
        k, v = (g.reshape(x, [f"B*{H}", s, D]) for x in (k, v))
        return q, k, v, "xtd", "xsd"

    def scores(self, q, k, lq, lk):
        """Gives the scores and their letters."""
        g = self.g
        front = lq.replace("t", "").replace("d", "")
        form = self.pick("scores", "labels", "turned", "turned_flat", "any_order", "swapped", "keys_first")
        plain = front + "ts"
        if form == "turned" and lq[-2:] == "td" and len(lq) == len(lk):
            return g.put("contract", [q, g.swap(k)], {"labels": "...ij,...jk->...ik"},
                         [g.shape[q][i] for i in range(len(lq) - 1)] + [self.S], g.dtype), plain
        if form == "turned_flat" and lk == "bhsd" and lq == "bhtd":
            y = g.reshape(k, [f"B*{H}", self.S, D])
            y = g.reshape(g.transpose(y, [0, 2, 1]), ["B", H, D, self.S])
            return g.contract(q, y, "bhtd,bhds->bhts"), plain
        if form == "any_order":
            letters = list(plain)
            self.random.shuffle(letters)
            letters = "".join(letters)
            self.chosen["order"] = letters
            return g.contract(q, k, f"{lq},{lk}->{letters}"), letters
        if form == "swapped":
            y = g.contract(k, q, f"{lk},{lq}->{front}st")
            return g.swap(y), plain
        if form == "keys_first":
            return g.contract(k, q, f"{lk},{lq}->{front}st"), front + "st"
        self.chosen["scores"] = "labels"
        return g.contract(q, k, f"{lq},{lk}->{plain}"), plain

    def align(self, m, letters):
        """A tensor with `letters` so that it meets the scores."""
        g, to = self.g, self.letters
        if "x" in to and "b" in letters or "x" in to and "h" in letters:
            full = "bh" + "".join(c for c in "ts" if c in letters)
            m = self.spread(m, letters, full, False)
            rest = [g.shape[m][full.index(c)] if c in full else 1 for c in "ts"]
            lead = ["B" if "b" in letters else 1, H if "h" in letters else 1]
            m = g.reshape(m, lead + rest)
            m = g.broadcast(m, ["B", H] + rest)
            m = g.reshape(m, [f"B*{H}"] + rest)
            letters = "xts"
        if "k" in to and "h" in letters:
            at = letters.index("h")
            shape = list(g.shape[m])
            m = g.reshape(m, shape[:at] + [self.kv, H // self.kv] + shape[at + 1:])
            letters = letters.replace("h", "kg")
        return self.spread(m, letters, to)

    def spread(self, m, letters, to, short=True):
        g = self.g
        order = [c for c in to if c in letters]
        perm = [letters.index(c) for c in order]
        if perm != sorted(perm):
            m = g.transpose(m, perm)
        missing = [i for i, c in enumerate(to) if c not in letters]
        lead = 0
        if short and self.random.random() < 0.5:
            while lead < len(missing) and missing[lead] == lead:
                lead += 1
        missing = [i - lead for i in missing[lead:]]
        return g.unsqueeze(m, missing) if missing else m

    # ---- masks: boolean, true where a key counts ----

    def positions(self, form):
        """[T,1] and [1,S], integers or floats."""
        g = self.g
        dtype = self.pick(f"{form}_positions", "i32", "i64", "f32", weights=[3, 3, 1])
        if form != "data" and self.random.random() < 0.15:
            self.chosen["positions_by"] = "cum_sum"
            ones = g.fill(1, dtype, ["T"])
            t = g.map("sub", g.put("cum_sum", [ones], {"axis": 0}, ["T"], dtype), 1)
            return g.reshape(t, ["T", 1]), g.unsqueeze(t, [0])
        t, s = g.iota("T", dtype), g.iota(self.S, dtype)
        return g.unsqueeze(t, [1]), g.unsqueeze(s, [0])

    def causal(self):
        g = self.g
        form = self.pick("causal", "le", "ge", "not_gt", "difference", "tril", "less_next", "meshed", "square")
        if form == "tril":
            w = g.weight("tril", [40, 40], "bool", data=[[i >= j for j in range(40)] for i in range(40)])
            return g.slice(g.slice(w, 0, 0, "T"), 1, 0, self.S), "ts", False
        t, s = self.positions("causal")
        if form == "le":
            return g.test("less_equal", s, t), "ts", True
        if form == "ge":
            return g.test("greater_equal", t, s), "ts", True
        if form == "not_gt":
            return g.test("not", g.test("greater", s, t)), "ts", True
        if form == "difference":
            return g.test("greater_equal", g.map("sub", t, s), 0), "ts", True
        if form == "less_next":
            return g.test("less", s, g.map("add", t, 1)), "ts", True
        if form == "meshed":
            a, b = g.broadcast(t, ["T", self.S]), g.broadcast(s, ["T", self.S])
            return g.test("less_equal", b, a), "ts", True
        n = g.iota(f"T*{self.S}", "i32")
        n = g.reshape(n, ["T", self.S])
        size = g.fill(self.S, "i32")
        return g.test("greater_equal", g.map("div", n, size), g.map("mod", n, size)), "ts", False

    def window(self):
        g = self.g
        t, s = self.positions("window")
        form = self.pick("window", "difference", "next", "within", "absolute")
        if form == "difference":
            return g.test("less", g.map("sub", t, s), W), "ts", True
        if form == "next":
            return g.test("greater", s, g.map("sub", t, W)), "ts", True
        if form == "within":
            d = g.map("sub", t, s)
            return g.test("and", g.test("less", d, W), g.test("greater", d, -W)), "ts", True
        return g.test("less_equal", g.map("abs", g.map("sub", t, s)), W), "ts", False

    def prefix(self):
        g = self.g
        c, letters, ok = self.causal()
        p = g.test("less", g.unsqueeze(g.iota(self.S, "i32"), [0]), self.pick("prefix", 2, 3))
        return g.test("or", c, p), letters, False

    def lengths(self):
        g = self.g
        n = g.input("length", "i32", ["B"], {"range": "1..4"})
        at = g.iota(self.S, "i32")
        if self.random.random() < 0.5:
            return g.test("less", g.unsqueeze(at, [0]), g.unsqueeze(n, [1])), "bs", False
        return g.put("greater", [n, at], {"labels": "b,s->bs"}, ["B", self.S], "bool"), "bs", False

    def padding(self):
        g, s = self.g, self.S
        form = self.pick("padding", "bool", "i64", "f32", "gathered", "gather_nd", "flat")
        if form == "bool":
            return g.input("mask_keys", "bool", ["B", s]), "bs", False
        dtype = {"f32": "f32"}.get(form, "i64")
        m = g.input("mask_keys", dtype, ["B", s], None if dtype == "f32" else {"range": "0..1"})
        if form == "f32":
            return g.test("greater", m, 0), "bs", False
        if form in ("bool", "i64"):
            return (g.cast(m, "bool") if self.random.random() < 0.5 else g.test("not_equal", m, 0)), "bs", False
        m = g.cast(m, "bool")
        if form == "flat":
            at = g.put("add", [g.map("mul", g.iota("B", "i64"), g.fill(s, "i64")),
                               g.iota(s, "i64")], {"labels": "b,s->bs"}, ["B", s], "i64")
            return g.put("gather", [g.reshape(m, [f"B*{s}"]), at], {"axis": 0}, ["B", s], "bool"), "bs", False
        if form == "gathered":
            at = g.iota(s, "i64")
            return g.put("gather", [m, at], {"axis": 1}, ["B", s], "bool"), "bs", False
        b = g.broadcast(g.reshape(g.iota("B", "i64"), ["B", 1, 1]), ["B", s, 1])
        at = g.broadcast(g.reshape(g.iota(s, "i64"), [1, s, 1]), ["B", s, 1])
        ids = g.concat([b, at], 2)
        return g.put("gather_nd", [m, ids], {}, ["B", s], "bool"), "bs", False

    def segments(self):
        g = self.g
        seg = g.input("segments", "i32", ["B", "T"], {"range": "0..2"})
        return g.test("equal", g.unsqueeze(seg, [2]), g.unsqueeze(seg, [1])), "bts", False

    def given(self):
        return self.g.input("mask_given", "bool", ["T", self.S]), "ts", False

    def joined(self, a, b):
        """Two masks in one, letters "bts"."""
        g = self.g
        (x, lx, sx), (y, ly, sy) = a, b
        if lx == ly:
            letters = lx
        else:
            letters = "bts" if "b" in lx + ly else "ts"
            x, y = (g.unsqueeze(m, [i for i, c in enumerate(letters) if c not in l]) if l != letters else m
                    for m, l in ((x, lx), (y, ly)))
        form = self.pick("joined", "and", "nor", "product", "minimum", "sum", "where", "xor")
        if form == "and":
            return g.test("and", x, y), letters, sx or sy
        if form == "nor":
            return g.test("not", g.test("or", g.test("not", x), g.test("not", y))), letters, sx or sy
        if form == "where":
            no = g.fill(False, "bool")
            return g.test("where", x, y, no), letters, sx or sy
        if form == "xor":
            return g.test("and", y, g.test("not", g.test("xor", x, True))), letters, sx or sy
        i = self.pick("joined_type", "f32", "i32")
        x, y = g.cast(x, i), g.cast(y, i)
        if form == "sum":
            return g.test("equal", g.map("add", x, y), 2), letters, False
        m = g.map("mul" if form == "product" else "minimum", x, y)
        return (g.cast(m, "bool") if self.random.random() < 0.5 else g.test("greater", m, 0)), letters, False

    def make_masks(self):
        kinds = ["none", "causal", "window", "causal_window", "prefix", "lengths", "padding", "segments",
                 "causal_padding", "causal_lengths", "given", "causal_two"]
        kind = self.pick("mask", *kinds, weights=[3, 4, 2, 2, 1, 2, 3, 1, 3, 2, 1, 1])
        if self.cross and ("causal" in kind or kind in ("prefix", "segments", "window")):
            kind = self.chosen["mask"] = "padding"
        one = {"causal": self.causal, "window": self.window, "prefix": self.prefix, "lengths": self.lengths,
               "padding": self.padding, "segments": self.segments, "given": self.given}
        if kind == "none":
            return []
        if kind in one:
            return [one[kind]()]
        if kind == "causal_two":
            return [self.causal(), self.padding()]
        other = {"causal_window": self.window, "causal_padding": self.padding, "causal_lengths": self.lengths}[kind]
        return [self.joined(self.causal(), other())]

    def apply(self, s, mask):
        """Puts one mask on the scores."""
        g, low = self.g, self.low
        m, letters, skips = mask
        dtype = g.type[s]
        form = self.pick("mask_form", "where", "where_not", "add", "add_given_type", "product", "product_spread",
                         "gpt2", "log", "fill_tensor")
        self.skips |= skips and low == LOW and form in ("where", "where_not", "add", "fill_tensor")
        if form == "where":
            return g.map("where", self.align(m, letters), s, low)
        if form == "where_not":
            return g.map("where", self.align(g.test("not", m), letters), low, s)
        if form == "fill_tensor":
            value = g.fill(low, dtype)
            return g.map("where", self.align(m, letters), s, value)
        if form == "log":
            self.chosen["low"] = "log 0"
            self.no_guard = True
            return g.map("add", s, self.align(g.map("log", g.cast(m, dtype)), letters))
        if low == LOW and form in ("product", "product_spread", "gpt2"):
            low = FAR[dtype] if form != "gpt2" else -1e4
        if form in ("product", "product_spread"):
            one = g.map("sub", 1.0, g.cast(m, dtype))
            if form == "product":
                return g.map("add", s, self.align(g.map("mul", one, low), letters))
            return g.map("add", s, g.map("mul", self.align(one, letters), low))
        if form == "gpt2":
            b = self.align(g.cast(m, dtype), letters)
            return g.map("sub", g.map("mul", s, b), g.map("mul", g.map("sub", 1.0, b), -low if low > -1e5 else 1e4))
        zero = g.fill(0, dtype)
        a = g.map("where", m, zero, low)
        if form == "add_given_type":
            a = g.map("where", g.test("not", m), low, zero)
            self.skips |= skips and low == LOW
        return g.map("add", s, self.align(a, letters))

    # ---- what is added ----

    def bias(self, s):
        g, dtype = self.g, self.g.type[s]
        kind = self.pick("bias", "none", "given_hts", "given_ts", "given_bhts", "alibi", "alibi_keys", "relative",
                         "t5", weights=[10, 1, 1, 1, 1, 1, 1, 1])
        if kind == "none" or self.cross and kind in ("relative", "t5", "alibi"):
            return s
        if kind == "given_hts":
            m, letters = g.input("bias", dtype, [H, "T", self.S]), "hts"
        elif kind == "given_ts":
            m, letters = g.input("bias", dtype, ["T", self.S]), "ts"
        elif kind == "given_bhts":
            m, letters = g.input("bias", dtype, ["B", H, "T", self.S]), "bhts"
        elif kind.startswith("alibi"):
            slopes = g.weight("slopes", [H], dtype, data=[0.5 ** (i + 1) for i in range(H)])
            at = g.unsqueeze(g.iota(self.S, "i32"), [0])
            if kind == "alibi":
                at = g.map("sub", at, g.unsqueeze(g.iota("T", "i32"), [1]))
                at = g.map("neg", g.map("abs", at)) if self.random.random() < 0.5 else at
            at = g.cast(at, dtype)
            m = g.put("mul", [slopes, at], {"labels": "h,ts->hts"}, [H, g.shape[at][0], self.S], dtype)
            if g.shape[at][0] == 1:
                m, letters = g.reshape(m, [H, self.S]), "hs"
            else:
                letters = "hts"
        else:
            d = g.map("sub", g.unsqueeze(g.iota(self.S, "i32"), [0]), g.unsqueeze(g.iota("T", "i32"), [1]))
            if kind == "relative":
                at, n = g.map("add", g.put("clamp", [d, -4, 4], {}, g.shape[d], "i32"), 4), 9
            else:
                n = g.map("abs", d)
                far = g.map("log", g.map("div", g.cast(g.map("maximum", n, 1), "f32"), 4.0))
                far = g.cast(g.map("add", g.map("mul", far, 2.0), 4.0), "i32")
                far = g.map("minimum", far, 7)
                at, n = g.map("where", g.test("less", n, 4), n, far), 8
            table = g.weight("table", [n, H], dtype, init={"normal": 1.0})
            m = g.put("gather", [table, at], {"axis": 0}, ["T", self.S, H], dtype)
            m, letters = g.transpose(m, [2, 0, 1]), "hts"
        return g.map("add", s, self.align(m, letters))

    # ---- softmax ----

    def softmax(self, s, axis):
        """Gives the weights and what the product is divided by afterwards."""
        g, zero_rows = self.g, self.low == LOW
        form = self.pick("softmax", "op", "written", "no_max", "max_kept", "max_put_back", "log_softmax", "last",
                         "logsumexp", "recip", "recip_last", "power", "plus_eps", weights=[6, 2, 1, 2, 2, 1, 2, 1, 1, 1, 1, 1])
        axis %= len(g.shape[s])
        sink = self.pick("sink", "none", "joined", "joined_first", "joined_shifted", "padded", "denominator",
                         "denominator_bounded", "sigmoid", weights=[20, 1, 1, 1, 1, 1, 1, 1])
        if sink != "none" and "x" not in self.letters:
            return self.sunk(s, axis, sink), None
        self.chosen["sink"] = "none"
        if form == "no_max" and self.chosen["mask"] != "none" and g.type[s] != "f32":
            form = "written"
        if form == "op":
            p = g.put("softmax", [s], {"axis": axis}, g.shape[s], g.type[s])
            return self.guard(p), None
        if form == "log_softmax":
            p = g.put("log_softmax", [s], {"axis": axis}, g.shape[s], g.type[s])
            return self.guard(g.map("exp", p)), None
        if form == "logsumexp":
            n = g.put("reduce_logsumexp", [s], {"axes": [axis], "keepdims": True},
                      [1 if i == axis else d for i, d in enumerate(g.shape[s])], g.type[s])
            return self.guard(g.map("exp", g.map("sub", s, n))), None
        if form == "no_max":
            e = g.map("exp", s)
        else:
            if form == "max_put_back":
                top = g.unsqueeze(g.reduce("reduce_max", s, axis, False), [axis])
            else:
                top = g.reduce("reduce_max", s, axis, True)
            if form == "max_kept":
                top = g.map("maximum", top, -1e4) if self.random.random() < 0.5 else self.finite(top)
            e = g.map("sub", s, top)
            e = g.map("exp", e) if form != "power" else g.map("pow", 2.0, g.map("mul", e, 1.4426950408889634))
        n = g.reduce("reduce_sum", e, axis, True)
        if form == "plus_eps":
            n = g.map("add", n, 1e-6)
        if form == "recip":
            return self.guard(g.map("mul", e, g.map("recip", n))), None
        if form in ("last", "recip_last"):
            return e, (n, form)
        return self.guard(g.map("div", e, n)), None

    def sunk(self, s, axis, form):
        """Weights that a score of no key takes a part of."""
        g, dtype = self.g, self.g.type[s]
        self.chosen["softmax"] = "sunk"
        one = [1 if i == axis else d for i, d in enumerate(g.shape[s])]
        sink = g.cast(self.spread(g.input("sink", "f32", [H]), "h", self.letters, False), dtype) \
            if "k" not in self.letters else g.fill(0.5, dtype, [1] * len(one))
        if form.startswith("joined") or form == "padded":
            if form == "padded":
                x = g.put("pad", [s], {"axis": axis, "after": 1}, None or
                          [f"{d}+1" if i == axis else d for i, d in enumerate(g.shape[s])], dtype)
            else:
                b = g.broadcast(sink, one)
                x = g.concat([b, s] if form == "joined_first" else [s, b], axis)
            if form == "joined_shifted":
                x = g.map("sub", x, g.reduce("reduce_max", x, axis, True))
            p = g.put("softmax", [x], {"axis": axis}, g.shape[x], dtype)
            return g.slice(p, axis, 1 if form == "joined_first" else 0, g.shape[s][axis])
        top = g.reduce("reduce_max", s, axis, True)
        if form == "sigmoid":
            n = g.put("reduce_logsumexp", [s], {"axes": [axis], "keepdims": True}, one, dtype)
            p = g.put("softmax", [s], {"axis": axis}, g.shape[s], dtype)
            return g.map("mul", p, g.map("sigmoid", g.map("sub", n, sink)))
        if form == "denominator_bounded":
            top = g.map("maximum", top, sink)
        e = g.map("exp", g.map("sub", s, top))
        n = g.map("add", g.reduce("reduce_sum", e, axis, True), g.map("exp", g.map("sub", sink, top)))
        return g.map("div", e, n)

    def finite(self, top):
        g = self.g
        if self.random.random() < 0.5:
            return g.map("where", g.test("equal", top, LOW), 0.0, top)
        return g.map("where", g.test("is_finite", top), top, 0.0)

    def guard(self, p):
        g = self.g
        if self.low != LOW and self.random.random() < 0.8:
            return p
        form = self.pick("guard", "none", "is_nan", "not_self", weights=[2, 2, 1])
        if form == "is_nan":
            return g.map("where", g.test("is_nan", p), 0.0, p)
        if form == "not_self":
            return g.map("where", g.test("equal", p, p), p, 0.0)
        return p

    def dropped(self, p):
        g = self.g
        form = self.pick("dropout", "none", "one", "ones", "reshape", weights=[8, 1, 1, 1])
        if form == "one":
            return g.map("mul", p, 1.0)
        if form == "ones":
            return g.map("mul", p, g.fill(1, g.type[p], g.shape[p]))
        if form == "reshape":
            shape = g.shape[p]
            y = g.reshape(p, [f"{shape[0]}*{shape[1]}"] + shape[2:])
            return g.reshape(y, shape)
        return p

    # ---- sums of values ----

    def values(self, p, v, lv, by):
        """The sum and its letters: those of q without keys, with d."""
        g, letters = self.g, self.letters
        out = letters.replace("s", "d")
        plain = "".join(c for c in letters if c not in "ts") + "td"
        form = self.pick("values", "plain", "same", "swapped", "swapped_turned", "matmul")
        if form == "matmul" and letters[-2:] == "ts" and len(lv) == len(letters) and lv[-2:] == "sd" and \
                lv[:-2] == letters[:-2]:
            y = g.put("contract", [p, v], {"labels": "...ij,...jk->...ik"}, g.shape[p][:-1] + [D], g.dtype)
            out = plain
        elif form == "same":
            y = g.contract(p, v, f"{letters},{lv}->{out}")
        elif form == "swapped_turned":
            out = plain[:-2] + "dt"
            y = g.contract(v, p, f"{lv},{letters}->{out}")
        else:
            out = plain
            y = g.contract(*((v, p, f"{lv},{letters}->{out}") if form == "swapped" else (p, v, f"{letters},{lv}->{out}")))
        if by:
            n, how = by
            n = g.cast(n, g.dtype)
            order = letters.replace("s", "") if "s" in letters else letters
            n = g.reshape(n, [d for c, d in zip(letters, g.shape[n]) if c != "s"])
            target = out.replace("d", "")
            n = g.transpose(n, [order.index(c) for c in target]) if order != target else n
            n = g.unsqueeze(n, [out.index("d")])
            y = g.map("div", y, n) if how == "last" else g.map("mul", y, g.map("recip", n))
        return y, out

    def output(self, y, letters):
        """Back to [B,T,H*D], or as it is."""
        g = self.g
        form = self.pick("output", "as_is", "merged", "projected", "residual", "heads")
        if form == "as_is":
            return y
        if "x" in letters:
            at = letters.index("x")
            shape = g.shape[y]
            y = g.reshape(y, shape[:at] + ["B", H] + shape[at + 1:])
            letters = letters.replace("x", "bh")
        target = "btkgd" if "k" in letters else "bthd"
        if form == "heads":
            target = "bkgtd" if "k" in letters else "bhtd"
        if letters != target:
            y = g.transpose(y, [letters.index(c) for c in target])
        if form == "heads":
            return y
        y = g.reshape(y, ["B", "T", H * D])
        if form == "merged":
            return y
        y = g.contract(y, g.weight("wo", [H * D, 16]), "bti,io->bto")
        y = g.map("add", y, g.weight("bo", [16])) if self.random.random() < 0.5 else y
        if form == "residual":
            y = g.map("add", y, g.input("x", g.dtype, ["B", "T", 16]))
        return y

    # ---- all ----

    def scaled(self, x, how):
        return self.g.map("mul", x, how)

    def make(self):
        dtype = self.pick("dtype", "f32", "f16", "bf16", weights=[8, 1, 1])
        self.cross = self.pick("cross", False, True, weights=[4, 1])
        self.S = "S" if self.cross else "T"
        self.g = g = Graph(dtype)
        q, k, v = self.source()
        rope = self.pick("rope", "none", "half", "halves", "steps", "pairs", weights=[8, 1, 1, 1, 1])
        self.pick("rope_angles", "computed", "input")
        if rope != "none":
            q, k = self.rope(q, "T", rope), self.rope(k, self.S, rope)
        scale = self.pick("scale", "q", "k", "both", "after", "after_div", "run_time", "masked", "none")
        c, root = D ** -0.5, D ** -0.25
        if scale in ("q", "both"):
            q = g.map("mul", q, c if scale == "q" else root)
        if scale in ("k", "both"):
            k = g.map("div", k, D ** 0.5) if scale == "k" else g.map("mul", k, root)
        q, k, v, lq, lk = self.lay_out(q, k, v)
        s, self.letters = self.scores(q, k, lq, lk)
        axis = self.letters.index("s")
        wide = self.pick("softmax_type", "own", "f32") if dtype != "f32" else "own"
        early = self.random.random() < 0.5
        if wide == "f32" and early:
            s = g.cast(s, "f32")
        if scale == "after":
            s = g.map("mul", s, c)
        elif scale == "after_div":
            s = g.map("div", s, D ** 0.5)
        elif scale == "run_time":
            n = g.fill(D, g.type[s])
            s = g.map("div", s, g.map("sqrt", n))
        low = self.pick("low", "inf", "max", "1e9", "1e4")
        self.low = {"inf": LOW, "max": FAR[g.type[s]], "1e9": -1e9, "1e4": -1e4}[low]
        if low == "1e9" and g.type[s] == "f16":
            self.low = LOW
        if self.pick("cap", "none", "tanh", weights=[6, 1]) == "tanh":
            s = g.map("mul", g.map("tanh", g.map("div", s, 5.0)), 5.0)
        biased_first = self.random.random() < 0.5
        masks = self.make_masks()
        s = self.bias(s) if biased_first else s
        for m in masks:
            s = self.apply(s, m)
        s = s if biased_first else self.bias(s)
        if scale == "masked":
            s = g.map("mul", s, c)
        if wide == "f32" and not early:
            s = g.cast(s, "f32")
        p, by = self.softmax(s, axis)
        p = self.dropped(p)
        p = g.cast(p, dtype)
        y, letters = self.values(p, v, lk, by)
        y = self.output(y, letters)
        dims = {"B": {"range": "1..8", "sample": 2}, "T": {"range": "1..40", "sample": 40}}
        if self.cross:
            dims["S"] = {"range": "1..40", "sample": 37}
        return self.file(y, {"fuses": "attention"}, dims,
                         ({"B": 2, "T": 7, "S": 9}, {"B": 1, "T": 1, "S": 4}, {"B": 1, "T": 35, "S": 5}))

    def wrong(self, tenon, path):
        code, out, err = run(tenon, "explain", "--json", path)
        if code:
            return "does not compile", err.strip().splitlines()[:3]
        told = json.loads(out)
        found = [f for f in told["fused"] if f["family"] == "attention"]
        if len(found) != 1:
            near = [f'{m["predicate"]}: {m["found"]}' for m in told["missed"] if m["family"] == "attention"]
            return f"{len(found)} attention kernels", near[:2]
        _, plan, _ = run(tenon, "inspect", "--ir", "plan", path)
        large = [line.strip() for line in plan.splitlines() if " = temp " in line and is_square(line)]
        if large:
            return "stores T x T", large[:2]
        if self.skips and not re.search("causal|window", str(found[0]["parameters"])):
            return "skips no block", [str(found[0]["parameters"])]
        return None


def is_square(line):
    dims = line.split("[")[1].split("]")[0]
    return len(re.findall(r"\b[TS]\b", dims)) >= 2


if __name__ == "__main__":
    sys.exit(look_through(Variant, __doc__, "vary-attention"))
