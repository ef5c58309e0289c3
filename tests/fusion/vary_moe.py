#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spellings of MoE layers at random, to find those that are not found.

    vary_moe.py [--program build/bin/tenon] [--count 100] [--seed 1]
                [--set CHOICE=VALUE ..] [--device cpu] [--keep FOLDER]
                [--no-verify] [--jobs 1]

Each graph is put together from independent choices: layout of the tokens,
gate, scores, who is chosen, weights, kind of expert, how tokens meet their
experts, how results are added. The program explains and verifies each. What
is printed: graphs in which no kernels of family `moe` are (with the predicate
that failed), those whose results differ, and, for each value of each choice,
how many of its graphs were missed. The same seed makes the same graphs. No
graph has results that depend on ties. A development tool: the standard
library only.
"""
import argparse
import collections
import json
import os
import random
import subprocess
import sys
import tempfile

WIDTH, HIDDEN = 6, 8


class Graph:
    def __init__(self, seed, fixed):
        self.random = random.Random(seed)
        self.fixed = fixed
        self.nodes = []
        self.weights = {}
        self.chosen = {}

    def pick(self, key, *options):
        value = self.random.choice(options)
        if key in self.fixed:
            wanted = [o for o in options if str(o) in self.fixed[key]]
            value = self.random.choice(wanted) if wanted else value
        self.chosen[key] = value
        return value

    def yes(self, key, share=0.5):
        value = self.random.random() < share
        if key in self.fixed:
            value = self.fixed[key] == ["True"]
        self.chosen[key] = value
        return value

    def op(self, code, *args, results=1, **attrs):
        names = [f"t{len(self.nodes)}_{i}" if i else f"t{len(self.nodes)}" for i in range(results)]
        node = [names if results > 1 else names[0], code, *args]
        if attrs:
            node.append(attrs)
        self.nodes.append(node)
        return names if results > 1 else names[0]

    def weight(self, name, *shape):
        self.weights[name] = "f32[" + ",".join(str(n) for n in shape) + "]"
        return name

    def contract(self, a, b, labels):
        """Operands in either order: the labels say what is meant."""
        left, out = labels.split("->")
        left = left.split(",")
        if self.random.random() < 0.2:
            a, b, left = b, a, left[::-1]
        return self.op("contract", a, b, labels=",".join(left) + "->" + out)


class Layer:
    """One MoE layer: the choices that several parts need."""

    def __init__(self, g):
        self.g = g
        self.layout = g.pick("layout", "flat", "axes", "merged")
        self.lead = ["B", "T"] if self.layout == "axes" else ["B*T"] if self.layout == "merged" \
            else ["B"]
        self.l = "bt" if self.layout == "axes" else "m"
        self.tokens = "B" if self.layout == "flat" else "B*T"
        self.rank = len(self.lead)
        self.experts = g.pick("experts", 4, 6)
        self.k = g.pick("k", 1, 2, 2, 3)

    def to(self, *rest):
        return "[" + ",".join(self.lead + [str(n) for n in rest]) + "]"

    def typed(self, *rest, dtype="f32"):
        return dtype + self.to(*rest)

    def last(self, x):
        return self.g.op("unsqueeze", x, axes=[-1])

    def flat(self, x, *rest):
        if self.rank == 1 and self.layout != "axes":
            return x
        return self.g.op("reshape", x, to="[" + ",".join([self.tokens, *map(str, rest)]) + "]")


# ---- gate ----

def gate(s, x):
    g, e, l = s.g, s.experts, s.l
    width = WIDTH
    if g.yes("two_layers", 0.15):
        x = g.contract(x, g.weight("router0", 5, WIDTH), f"{l}h,gh->{l}g")
        x = g.op(g.pick("gate_act", "tanh", "relu", "gelu"), x)
        width = 5
    how = g.pick("gate", "xh", "hx", "linear", "biased", "turned")
    if how == "xh":
        return g.contract(x, g.weight("router", e, width), f"{l}h,xh->{l}x")
    if how == "hx":
        return g.contract(x, g.weight("router", width, e), f"{l}h,hx->{l}x")
    if how == "linear":
        return g.op("linear", x, g.weight("router", e, width))
    if how == "biased":
        return g.op("linear", x, g.weight("router", e, width), g.weight("router_b", e))
    z = g.contract(x, g.weight("router", e, width), f"{l}h,xh->x{l}")
    return g.op("transpose", z, perm=[*range(1, s.rank + 1), 0])


def softmax(g, z):
    how = g.pick("softmax", "op", "op", "written", "times", "log")
    if how == "op":
        return g.op("softmax", z, axis=-1)
    if how == "log":
        return g.op("exp", g.op("log_softmax", z, axis=-1))
    top = g.op("reduce_max", z, axes=[-1], keepdims=True)
    e = g.op("exp", g.op("sub", z, top))
    total = g.op("reduce_sum", e, axes=[-1], keepdims=True)
    if how == "times":
        return g.op("mul", e, g.op("recip", total))
    return g.op("div", e, total)


def sigmoid(g, z):
    if g.pick("sigmoid", "op", "written") == "op":
        return g.op("sigmoid", z)
    return g.op("div", 1.0, g.op("add", 1.0, g.op("exp", g.op("neg", z))))


def normalised(s, z):
    g = s.g
    lam = g.pick("lambda", 1.0, 0.7)
    mean = g.op("reduce_mean", z, axes=[-1], keepdims=True)
    c = g.op("sub", z, mean)
    how = g.pick("std", "sum", "op", "mean")
    if how == "op":
        sd = g.op("reduce_std", z, axes=[-1], keepdims=True, divisor=g.pick("divisor", "n", "n-1"))
    elif how == "sum":
        total = g.op("reduce_sum", g.op("mul", c, c), axes=[-1], keepdims=True)
        sd = g.op("sqrt", g.op("div", total, float(s.experts - g.pick("divisor", 0, 1))))
    else:
        sd = g.op("sqrt", g.op("reduce_mean", g.op("pow", c, 2.0), axes=[-1], keepdims=True))
    if g.yes("std_eps"):
        sd = g.op("add", sd, 1e-6)
    z = g.op("div", c, sd)
    return z if lam == 1.0 else g.op("mul", z, lam)


def score(s, z, how):
    g = s.g
    if how == "softmax":
        return softmax(g, z)
    if how == "sigmoid":
        return sigmoid(g, z)
    if how == "sqrt_softplus":
        return g.op("sqrt", g.op("softplus", z))
    return z


# ---- choice ----

def in_groups(s, a):
    """The scores of experts that take part, others lowered."""
    g = s.g
    groups = s.experts // 2
    split = g.op("reshape", a, to=s.to(groups, 2))
    if g.pick("group_score", "max", "top2") == "max":
        best = g.op("reduce_max", split, axes=[-1])
    else:
        v, _ = g.op("top_k", split, results=2, k=2)
        best = g.op("reduce_sum", v, axes=[-1])
    _, at = g.op("top_k", best, results=2, k=groups - 1)
    how = g.pick("group_mask", "scatter", "one_hot", "equal")
    if how == "scatter":
        zero = g.op("fill", type=s.typed(groups), value=0)
        one = g.op("fill", type=s.typed(groups - 1), value=1)
        mask = g.op("scatter_elements", zero, at, one, axis=-1)
    elif how == "one_hot":
        mask = g.op("reduce_sum", g.op("one_hot", at, depth=groups), axes=[-2])
    else:
        all_groups = g.op("reshape", g.op("iota", size=groups), to=f"[1,{groups}]")
        hit = g.op("equal", s.last(at), all_groups)
        mask = g.op("cast", g.op("reduce_any", hit, axes=[-2]), to="f32")
    mask = g.op("broadcast", s.last(mask), to=s.to(groups, 2))
    mask = g.op("reshape", mask, to=s.to(s.experts))
    low = g.pick("group_low", "=-inf", -1e9, 0.0)
    mask = g.op("greater", mask, 0.0)
    return g.op("where", mask, a, low)


def gathered(s, scores, ids):
    """scores[.., ids]"""
    g = s.g
    how = g.pick("read", "elements", "batch", "hot", "where")
    if how == "elements":
        return g.op("gather_elements", scores, ids, axis=-1)
    if how == "batch":
        return g.op("gather", scores, ids, axis=s.rank, batch_dims=s.rank)
    hot = g.op("one_hot", ids, depth=s.experts)
    if how == "hot":
        return g.contract(hot, scores, f"{s.l}kx,{s.l}x->{s.l}k")
    wide = g.op("mul", hot, g.op("unsqueeze", scores, axes=[-2]))
    return g.op("reduce_sum", wide, axes=[-1])


def choose(s, a):
    """values and ids [..,k] of the k best of a[..,experts]."""
    g = s.g
    how = g.pick("choice", *(["top_k"] * 3), "sort", "repeat", *(["argmax"] if s.k == 1 else []))
    if how == "top_k":
        return g.op("top_k", a, results=2, k=s.k,
                    **({"dtype": "i64"} if g.yes("ids64") else {}))
    if how == "sort":
        v, i = g.op("sort", a, results=2, axis=-1, descending=True)
        return (g.op("slice", v, axis=-1, size=s.k), g.op("slice", i, axis=-1, size=s.k))
    if how == "argmax":
        ids = g.op("arg_max", a, axis=-1, keepdims=True)
        return g.op("reduce_max", a, axes=[-1], keepdims=True), ids
    values, ids = [], []
    for i in range(s.k):
        at = g.op("arg_max", a, axis=-1, keepdims=True)
        ids.append(at)
        values.append(g.op("reduce_max", a, axes=[-1], keepdims=True))
        if i + 1 < s.k:
            hit = g.op("one_hot", g.op("squeeze", at, axes=[-1]), depth=s.experts)
            a = g.op("where", g.op("greater", hit, 0.0), "=-inf", a)
    if s.k == 1:
        return values[0], ids[0]
    return g.op("concat", *values, axis=-1), g.op("concat", *ids, axis=-1)


def renormalised(s, w):
    g = s.g
    total = g.op("reduce_sum", w, axes=[-1], keepdims=True)
    if g.yes("eps"):
        total = g.op("add", total, 1e-20)
    return g.op("div", w, total)


def route(s, x):
    """ids and weights [..,k], or all weights [..,experts] with most 0."""
    g = s.g
    z = gate(s, x)
    if g.yes("normalised", 0.15):
        z = normalised(s, z)
    kind = g.pick("score", "softmax", "softmax", "chosen_softmax", "sigmoid", "sqrt_softplus",
                  "none", "chosen_sigmoid")
    chosen = kind.startswith("chosen")
    scores = z if chosen else score(s, z, kind)
    a = scores
    if g.yes("selection_bias", 0.2):
        a = g.op("add", a, g.weight("choice_bias", s.experts))
    if s.experts == 6 and s.k <= 2 and g.yes("groups", 0.3):
        a = in_groups(s, a)
    v, ids = choose(s, a)
    dense = g.pick("weights", "slots", "slots", "slots", "slots", "masked", "threshold")
    if dense == "threshold" and a == scores:
        least = g.op("slice", v, axis=-1, start=s.k - 1, size=1)
        mask = g.op("cast", g.op("greater_equal", scores, least), to="f32")
        return weighed(s, scores, ids, kind, mask)
    if dense != "slots":
        return masked(s, scores, ids, kind)
    w = v
    if a != scores or g.yes("gathered", 0.3):
        w = gathered(s, scores, ids)
    if chosen:
        w = score(s, w, kind[7:])
    if kind != "chosen_softmax" and g.yes("renorm"):
        w = renormalised(s, w)
    if g.yes("scale", 0.3):
        w = g.op("mul", w, 2.5)
    return ids, w, None


def masked(s, scores, ids, kind):
    """Scores of all experts, 0 where an expert is not chosen."""
    g = s.g
    how = g.pick("mask", "sum", "max", "scatter", "any")
    if how in ("sum", "max"):
        mask = g.op("reduce_" + how, g.op("one_hot", ids, depth=s.experts), axes=[-2])
    elif how == "scatter":
        zero = g.op("fill", type=s.typed(s.experts), value=0)
        one = g.op("fill", type=s.typed(s.k), value=1)
        mask = g.op("scatter_elements", zero, ids, one, axis=-1)
    else:
        every = g.op("reshape", g.op("cast", g.op("iota", size=s.experts), to="i64"),
                     to=f"[1,{s.experts}]")
        hit = g.op("equal", s.last(g.op("cast", ids, to="i64")), every)
        mask = g.op("cast", g.op("reduce_any", hit, axes=[-2]), to="f32")
    return weighed(s, scores, ids, kind, mask)


def weighed(s, scores, ids, kind, mask):
    g = s.g
    if kind.startswith("chosen"):
        z = g.op("where", g.op("greater", mask, 0.0), scores, "=-inf")
        return ids, None, score(s, z, kind[7:])
    if g.pick("mask_by", "product", "where") == "product":
        w = g.op("mul", scores, mask)
    else:
        w = g.op("where", g.op("greater", mask, 0.0), scores, 0.0)
    if g.yes("renorm"):
        w = renormalised(s, w)
    if g.yes("scale", 0.3):
        w = g.op("mul", w, 2.5)
    return ids, None, w


def dense_of(s, ids, w):
    """[..,experts]: w where the expert is chosen."""
    g = s.g
    how = g.pick("dense", "einsum", "product", "scatter", "equal", "add", "slots")
    if how == "einsum":
        return g.contract(w, g.op("one_hot", ids, depth=s.experts), f"{s.l}k,{s.l}kx->{s.l}x")
    if how == "product":
        wide = g.op("mul", s.last(w), g.op("one_hot", ids, depth=s.experts))
        return g.op("reduce_sum", wide, axes=[-2])
    if how in ("scatter", "add"):
        zero = g.op("fill", type=s.typed(s.experts), value=0)
        more = {"reduce": "add"} if how == "add" else {}
        return g.op("scatter_elements", zero, ids, w, axis=-1, **more)
    if how == "slots":
        total = None
        for k in range(s.k):
            hot = g.op("one_hot", g.op("index", ids, axis=-1, at=k), depth=s.experts)
            wk = g.op("slice", w, axis=-1, start=k, size=1)
            part = g.op("mul", hot, wk)
            total = part if total is None else g.op("add", total, part)
        return total
    every = g.op("cast", g.op("iota", size=s.experts), to="i64")
    every = g.op("reshape", every, to=f"[1,{s.experts}]")
    hit = g.op("equal", s.last(g.op("cast", ids, to="i64")), every)
    return g.op("reduce_sum", g.op("where", hit, s.last(w), 0.0), axes=[-2])


# ---- experts ----

class Experts:
    """Kind of network and how its matrices lie."""

    def __init__(self, s):
        g = s.g
        self.g, self.s = g, s
        self.gated = g.yes("gated", 0.6)
        acts = ["silu", "gelu", "relu", "gelu_tanh", "quick_gelu", "relu2"]
        self.act = g.pick("act", *(acts + ["silu"] * 3 + (["oai"] if self.gated else [])))
        self.merged = g.pick("merged", "no", "halves", "interleaved", "pairs") if self.gated \
            else "no"
        self.biased = g.yes("biased", 0.2)
        self.turned = {n: g.yes("turned_" + n) for n in ("up", "down")}
        self.apart = False
        self.n = s.experts

    def shape(self, name):
        f = HIDDEN * 2 if name == "up" and self.merged != "no" else HIDDEN
        pair = (WIDTH, f) if name == "down" else (f, WIDTH)
        return pair[::-1] if self.turned["down" if name == "down" else "up"] else pair

    def letters(self, name):
        pair = "nf" if name == "down" else "fh"
        return pair[::-1] if self.turned["down" if name == "down" else "up"] else pair

    def stack(self, name):
        return self.g.weight(name, self.n, *self.shape(name))

    def bias_stack(self, name):
        f = WIDTH if name == "down" else self.shape(name)[1 if self.turned["up"] else 0]
        return self.g.weight(name + "_b", self.n, f)

    def activated(self, v):
        g, act = self.g, self.act
        if act == "silu":
            how = g.pick("silu", "op", "sigmoid", "written")
            if how == "op":
                return g.op("silu", v)
            if how == "sigmoid":
                return g.op("mul", v, g.op("sigmoid", v))
            return g.op("div", v, g.op("add", 1.0, g.op("exp", g.op("neg", v))))
        if act == "gelu":
            if g.pick("gelu", "op", "written") == "op":
                return g.op("gelu", v)
            e = g.op("erf", g.op("div", v, 1.4142135623730951))
            return g.op("mul", g.op("mul", v, 0.5), g.op("add", e, 1.0))
        if act == "relu":
            return g.op("relu", v) if g.yes("relu_op") else g.op("maximum", v, 0.0)
        if act == "gelu_tanh":
            return g.op("gelu", v, approximate="tanh")
        if act == "relu2":
            v = g.op("relu", v)
            return g.op("mul", v, v)
        if act == "quick_gelu":
            return g.op("mul", v, g.op("sigmoid", g.op("mul", v, 1.702)))
        return v

    def run(self, x, xl, get, wl, out):
        """x[xl h] through the matrices get(name)[wl ..] to [out n]; get gives
        those of one expert, of all, or of the expert of each row."""
        g = self.g

        def layer(v, vl, name, letter):
            if wl is None:
                return get(name, v)
            y = g.contract(v, get(name, None), f"{vl},{wl}{self.letters(name)}->{out}{letter}")
            if self.biased:
                y = g.op("add", y, get(name + "_b", None),
                         labels=f"{out}{letter},{wl}{letter}->{out}{letter}")
            return y

        u = layer(x, xl + "h", "up", "f")
        if self.gated:
            if self.merged == "halves":
                gt, u = g.op("split", u, results=2, axis=-1, sizes=[HIDDEN, HIDDEN])
            elif self.merged == "interleaved":
                gt = g.op("slice", u, axis=-1, start=0, size=HIDDEN, step=2)
                u = g.op("slice", u, axis=-1, start=1, size=HIDDEN, step=2)
            elif self.merged == "pairs":
                shape = self.out_shape + [HIDDEN, 2]
                u = g.op("reshape", u, to="[" + ",".join(map(str, shape)) + "]")
                gt = g.op("index", u, axis=-1, at=0)
                u = g.op("index", u, axis=-1, at=1)
            else:
                gt = layer(x, xl + "h", "gate", "f")
            if self.act == "oai":
                gt = g.op("minimum", gt, 0.8)
                u = g.op("clamp", u, -0.7, 0.7)
                glu = g.op("mul", gt, g.op("sigmoid", g.op("mul", gt, 1.702)))
                h = g.op("mul", g.op("add", u, 1.0), glu)
            else:
                h = g.op("mul", self.activated(gt), u)
        else:
            h = self.activated(u)
        if self.before is not None:
            h = g.op("mul", h, self.before)
        return layer(h, out + "f", "down", "n")

    before = None
    out_shape = []

    def numbered(self, e):
        """One expert: pieces of a stack, or weights of its own."""
        g = self.g

        def get(name, _):
            if self.apart:
                if name.endswith("_b"):
                    f = WIDTH if name == "down_b" else \
                        self.shape(name[:-2])[1 if self.turned["up"] else 0]
                    return g.weight(f"{name}{e}", f)
                return g.weight(f"{name}{e}", *self.shape(name))
            whole = self.bias_stack(name[:-2]) if name.endswith("_b") else self.stack(name)
            return g.op("index", whole, axis=0, at=e)

        return get

    def all(self, name, _):
        return self.bias_stack(name[:-2]) if name.endswith("_b") else self.stack(name)

    def of(self, ids):
        """Those of the experts that `ids` names."""
        def get(name, _):
            return self.g.op("gather", self.all(name, None), ids, axis=0)
        return get


# ---- tokens meet experts ----

def total(g, parts):
    y = None
    for p in parts:
        y = p if y is None else g.op("add", y, p)
    return y


def by_axis(s, ex, x, ids, w, dense):
    """All experts on all tokens, weighed by a dense matrix."""
    g, l = s.g, s.l
    dense = dense if dense else dense_of(s, ids, w)
    order = g.pick("axis_order", "tokens", "experts", "repeated")
    if order == "tokens":
        out, ex.out_shape = l + "x", s.lead + [s.experts]
    else:
        out, ex.out_shape = "x" + l, [s.experts] + s.lead
    if order == "repeated":
        many = g.op("broadcast", g.op("unsqueeze", x, axes=[0]),
                    to="[" + ",".join(map(str, [s.experts] + s.lead + [WIDTH])) + "]")
        y = ex.run(many, "x" + l, ex.all, "x", out)
    else:
        y = ex.run(x, l, ex.all, "x", out)
    if g.pick("axis_sum", "einsum", "product") == "einsum":
        return g.contract(dense, y, f"{l}x,{out}n->{l}n")
    if order == "tokens":
        y = g.op("mul", y, s.last(dense))
        return g.op("reduce_sum", y, axes=[-2])
    turned = g.op("transpose", dense, perm=[s.rank, *range(s.rank)])
    return g.op("reduce_sum", g.op("mul", y, s.last(turned)), axes=[0])


def by_number(s, ex, x, ids, w, dense):
    """Each expert written out, on all tokens."""
    g, l = s.g, s.l
    ex.apart = g.yes("apart")
    ex.out_shape = s.lead
    how = "dense" if dense else g.pick("column", "dense", "masked", "where")
    if how == "dense":
        dense = dense if dense else dense_of(s, ids, w)
    parts = [g.op("fill", type=s.typed(WIDTH), value=0)] if g.yes("from_zero") else []
    before = g.yes("weight_before", 0.2)
    for e in range(s.experts):
        if how == "dense":
            c = g.op("slice", dense, axis=-1, start=e, size=1)
        else:
            hit = g.op("equal", ids, e)
            if how == "masked":
                c = g.op("mul", g.op("cast", hit, to="f32"), w)
            else:
                c = g.op("where", hit, w, 0.0)
            c = g.op("reduce_sum", c, axes=[-1], keepdims=True)
        ex.before = c if before and not ex.biased else None
        y = ex.run(x, l, ex.numbered(e), "", l)
        parts.append(y if ex.before else g.op("mul", y, c))
    return total(g, parts)


def by_slot(s, ex, x, ids, w, dense):
    """Matrices gathered by token and slot."""
    g, l = s.g, s.l
    ex.out_shape = s.lead + [s.k]
    before = g.yes("weight_before", 0.2) and not ex.biased
    ex.before = s.last(w) if before else None
    if g.yes("repeat_x", 0.4):
        many = g.op("broadcast", g.op("unsqueeze", x, axes=[-2]), to=s.to(s.k, WIDTH))
        y = ex.run(many, l + "k", ex.of(ids), l + "k", l + "k")
    else:
        y = ex.run(x, l, ex.of(ids), l + "k", l + "k")
    if before:
        return g.op("reduce_sum", y, axes=[-2])
    if g.pick("slot_sum", "einsum", "product") == "einsum":
        return g.contract(w, y, f"{l}k,{l}kn->{l}n")
    return g.op("reduce_sum", g.op("mul", y, s.last(w)), axes=[-2])


def slot_by_slot(s, ex, x, ids, w, dense):
    g, l = s.g, s.l
    ex.out_shape = s.lead
    parts = []
    for k in range(s.k):
        at = g.op("index", ids, axis=-1, at=k)
        y = ex.run(x, l, ex.of(at), l, l)
        parts.append(g.op("mul", y, g.op("slice", w, axis=-1, start=k, size=1)))
    return total(g, parts)


def sum_pairs(s, y, w):
    """A row for each token and slot, weighted if there are weights: a row for each token."""
    g = s.g
    if w:
        y = g.op("mul", y, g.op("reshape", w, to=f"[{s.k}*{s.tokens},1]"))
    y = g.op("reshape", y, to=f"[{s.tokens},{s.k},{WIDTH}]")
    y = g.op("reduce_sum", y, axes=[1])
    return g.op("reshape", y, to=s.to(WIDTH))


def by_pair(s, ex, x, ids, w, dense):
    """Pairs (token, slot) in one axis: tokens repeated, matrices gathered."""
    g = s.g
    x, pairs = s.flat(x, WIDTH), f"{s.k}*{s.tokens}"
    flat = g.op("reshape", ids, to=f"[{pairs}]")
    many = g.op("broadcast", g.op("unsqueeze", x, axes=[1]), to=f"[{s.tokens},{s.k},{WIDTH}]")
    many = g.op("reshape", many, to=f"[{pairs},{WIDTH}]")
    ex.out_shape = [pairs]
    y = ex.run(many, "a", ex.of(flat), "a", "a")
    return sum_pairs(s, y, w)


def dispatched(s, ex, x, ids, w, dense):
    """Masks send tokens to experts, weighted masks bring results back."""
    g, l = s.g, s.l
    if dense:
        send = g.op("cast", g.op("not_equal", dense, 0.0), to="f32")
        back = dense
    else:
        hot = g.op("one_hot", ids, depth=s.experts)
        send = g.op("reduce_sum", hot, axes=[-2])
        back = g.contract(w, hot, f"{l}k,{l}kx->{l}x")
    ex.out_shape = [s.experts] + s.lead
    sent = g.contract(send, x, f"{l}x,{l}h->x{l}h")
    y = ex.run(sent, "x" + l, ex.all, "x", "x" + l)
    return g.contract(back, y, f"{l}x,x{l}n->{l}n")


def places(g, mask, dtype="f32"):
    """Before each token, how many the mask has; one of several forms."""
    if g.pick("counted", "less_one", "exclusive") == "exclusive":
        return g.op("cum_sum", mask, axis=0, exclusive=True)
    return g.op("sub", g.op("cum_sum", mask, axis=0), 1.0 if dtype == "f32" else 1)


def fits(g, place, room, mask, dtype="f32"):
    """The mask of those that have a place; `mask` where none is dropped."""
    how = g.pick("dropped", "less", "greater", "where", "one_hot")
    if how == "one_hot" or isinstance(room, str):
        return mask
    at = room if dtype != "f32" else float(room)
    if how == "greater":
        hit = g.op("greater", at, place)
    else:
        hit = g.op("less", place, at)
    if how == "where":
        return g.op("where", hit, mask, 0.0 if dtype == "f32" else 0)
    return g.op("mul", mask, g.op("cast", hit, to=dtype))


def one_place(g, place, mask):
    """Of a token [.., 1] among all experts."""
    return g.op("reduce_sum", g.op("mul", place, mask), axes=[1])


def slot_places(s, hot, w, room):
    """First choices before second ones; (dispatch, combine)."""
    g = s.g
    dispatch = combine = taken = None
    late = g.yes("count_kept", 0.3)
    for k in range(s.k):
        one = g.op("index", hot, axis=1, at=k)
        place = places(g, one)
        if taken is not None:
            place = g.op("add", place, taken)
        kept = fits(g, place, room, one)
        count = g.op("reduce_sum", kept if late else one, axes=[0], keepdims=True)
        taken = count if taken is None else g.op("add", taken, count)
        own = one_place(g, place, g.pick("place_of", "kept", "all") == "kept" and kept or one)
        at = g.op("one_hot", g.op("cast", own, to="i32"), depth=room)
        part = g.contract(kept, at, "mx,mc->mxc")
        wk = g.op("reshape", g.op("slice", w, axis=1, start=k, size=1), to=f"[{s.tokens},1,1]")
        both = g.op("mul", part, wk)
        combine = both if combine is None else g.op("add", combine, both)
        dispatch = part if dispatch is None else g.op("add", dispatch, part)
    return dispatch, combine


def pair_places(s, ids, room):
    """Pairs of tokens and slots counted as one axis: masks [T,k,X], places [T,k]."""
    g = s.g
    turned = g.yes("slots_first")
    if turned:
        ids = g.op("transpose", ids, perm=[1, 0])
    flat = g.op("reshape", ids, to=f"[{s.k}*{s.tokens}]")
    hot = g.op("one_hot", flat, depth=s.experts)
    place = places(g, hot)
    kept = fits(g, place, room, hot)
    own = one_place(g, place, hot)
    if not turned:
        return (g.op("reshape", kept, to=f"[{s.tokens},{s.k},{s.experts}]"),
                g.op("reshape", own, to=f"[{s.tokens},{s.k}]"))
    kept = g.op("reshape", kept, to=f"[{s.k},{s.tokens},{s.experts}]")
    own = g.op("reshape", own, to=f"[{s.k},{s.tokens}]")
    return g.op("transpose", kept, perm=[1, 0, 2]), g.op("transpose", own, perm=[1, 0])


def with_capacity(s, ex, x, ids, w, dense):
    """GShard and Switch: places counted by cumsum, room for all or for a few."""
    g = s.g
    x, ids, w = s.flat(x, WIDTH), s.flat(ids, s.k), s.flat(w, s.k)
    room = g.pick("room", s.tokens, 3)
    first = g.pick("places", "slots_joined", "slot_by_slot", "pairs")
    if first == "pairs":
        hot, own = pair_places(s, ids, room)
        at = g.op("one_hot", g.op("cast", own, to="i32"), depth=room)
        dispatch = g.contract(hot, at, "mkx,mkc->mxc")
        weighed_hot = g.op("mul", hot, s.last(w))
        combine = g.contract(weighed_hot, at, "mkx,mkc->mxc")
    elif first == "slots_joined" or s.k == 1:
        hot = g.op("one_hot", ids, depth=s.experts)
        some = g.op("reduce_sum", hot, axes=[1])
        place = places(g, some)
        kept = fits(g, place, room, some)
        if g.yes("masked_place"):
            place = g.op("mul", place, some)
        at = g.op("one_hot", g.op("cast", place, to="i32"), depth=room)
        weight = g.contract(w, hot, "mk,mkx->mx")
        dispatch = g.op("mul", at, s.last(kept))
        combine = g.op("mul", dispatch, s.last(weight))
    else:
        dispatch, combine = slot_places(s, g.op("one_hot", ids, depth=s.experts), w, room)
    if g.yes("dispatch_from_combine", 0.3):
        if g.yes("by_cast"):
            dispatch = g.op("cast", g.op("cast", combine, to="bool"), to="f32")
        else:
            dispatch = g.op("cast", g.op("not_equal", combine, 0.0), to="f32")
    sent = g.contract(dispatch, x, "mxc,mh->xch")
    ex.out_shape = [s.experts, room]
    y = ex.run(sent, "xc", ex.all, "x", "xc")
    y = g.contract(combine, y, "mxc,xcn->mn")
    return g.op("reshape", y, to=s.to(WIDTH))


def by_places(s, ex, x, ids, w, dense):
    """Tokens scattered to rows expert * places + place, results gathered back."""
    g = s.g
    x, ids, w = s.flat(x, WIDTH), s.flat(ids, s.k), s.flat(w, s.k)
    room, pairs, tokens = g.pick("room", s.tokens, 3), f"{s.k}*{s.tokens}", s.tokens
    few = room == 3
    turned = g.yes("slots_first")
    flat = g.op("transpose", ids, perm=[1, 0]) if turned else ids
    flat = g.op("cast", g.op("reshape", flat, to=f"[{pairs}]"), to="i32")
    hot = g.op("one_hot", flat, depth=s.experts, dtype="i32")
    place = places(g, hot, "i32")
    if g.pick("own_place", "sum", "gather") == "sum":
        place = g.op("reduce_sum", g.op("mul", place, hot), axes=[-1])
    else:
        place = g.op("gather_elements", place, s.last(flat), axis=1)
        place = g.op("squeeze", place, axes=[-1])
    row = g.op("mul", flat, room if few else f"={room}")
    row = g.op("add", row, place) if g.yes("row_first") else g.op("add", place, row)
    rows, spare = f"{s.experts}*({room})", few and g.yes("spare_row")
    lead = f"[{s.k},{tokens},{WIDTH}]" if turned else f"[{tokens},{s.k},{WIDTH}]"
    many = g.op("broadcast", g.op("unsqueeze", x, axes=[0 if turned else 1]), to=lead)
    many = g.op("reshape", many, to=f"[{pairs},{WIDTH}]")
    keep = g.op("less", place, room) if few else None
    if few:
        row = g.op("where", keep, row, s.experts * 3 if spare else 0)
        if not spare:
            many = g.op("where", s.last(keep), many, 0.0)
    buffer = g.op("fill", type=f"f32[{rows}+{int(spare)},{WIDTH}]", value=0)
    adds = {"reduce": "add"} if (few and not spare) or g.yes("rows_added") else {}
    buffer = g.op("scatter_nd", buffer, s.last(row), many, **adds)
    if spare:
        buffer = g.op("slice", buffer, axis=0, start=0, size=rows)
    sent = g.op("reshape", buffer, to=f"[{s.experts},{room},{WIDTH}]")
    ex.out_shape = [s.experts, room]
    y = ex.run(sent, "xc", ex.all, "x", "xc")
    y = g.op("reshape", y, to=f"[{rows},{WIDTH}]")
    if spare:
        y = g.op("concat", y, g.op("fill", type=f"f32[1,{WIDTH}]", value=0), axis=0)
    y = g.op("gather", y, row, axis=0)
    if few and not spare:
        y = g.op("where", s.last(keep), y, 0.0)
    y = g.op("reshape", y, to=lead)
    if turned:
        w = g.op("transpose", w, perm=[1, 0])
    y = g.op("reduce_sum", g.op("mul", y, s.last(w)), axes=[0 if turned else 1])
    return g.op("reshape", y, to=s.to(WIDTH))


def by_rows(s, ex, x, ids, w, dense):
    """A loop over experts: nonzero, gather, the expert, index-add."""
    g = s.g
    x, ids = s.flat(x, WIDTH), s.flat(ids, s.k)
    w = s.flat(w, s.k) if w else None
    dense = s.flat(dense, s.experts) if dense else None
    ex.apart = g.yes("apart")
    y = g.op("fill", type=f"f32[{s.tokens},{WIDTH}]", value=0)
    how = g.pick("rows", "one_hot", "equal", "any")
    hot = g.op("one_hot", ids, depth=s.experts, dtype="i64") if how == "one_hot" else None
    for e in range(s.experts):
        if how == "one_hot":
            mask = g.op("index", hot, axis=-1, at=e)
        else:
            mask = g.op("equal", ids, e)
        if how == "any" or dense:
            if how == "one_hot":
                mask = g.op("reduce_sum", mask, axes=[1])
            else:
                mask = g.op("reduce_any", mask, axes=[1])
            rows, _ = g.op("nonzero", mask, results=2)
            token, slot = g.op("index", rows, axis=1, at=0), None
            limit = s.tokens
        elif g.yes("mask_turned"):
            rows, _ = g.op("nonzero", g.op("transpose", mask, perm=[1, 0]), results=2)
            slot, token = (g.op("index", rows, axis=1, at=i) for i in (0, 1))
            limit = f"{s.k}*{s.tokens}"
        else:
            rows, _ = g.op("nonzero", mask, results=2)
            token, slot = (g.op("index", rows, axis=1, at=i) for i in (0, 1))
            limit = f"{s.k}*{s.tokens}"
        mine = g.op("gather", x, token, axis=0, outside="skip")
        ex.out_shape = [limit]
        r = ex.run(mine, "a", ex.numbered(e), "", "a")
        if dense:
            c = g.op("gather", g.op("index", dense, axis=1, at=e), token, axis=0, outside="skip")
        elif slot is None:
            c = g.op("reduce_sum", g.op("where", g.op("equal", ids, e), w, 0.0), axes=[1])
            c = g.op("gather", c, token, axis=0, outside="skip")
        elif g.yes("pair_by_concat"):
            c = g.op("gather_nd", w, rows if g.chosen.get("mask_turned") is False else
                     g.op("concat", s.last(token), s.last(slot), axis=1), outside="skip")
        else:
            flat = g.op("reshape", w, to=f"[{s.k}*{s.tokens}]")
            at = g.op("add", g.op("mul", token, s.k), slot)
            c = g.op("gather", flat, at, axis=0, outside="skip")
        r = g.op("mul", r, s.last(c))
        y = g.op("scatter_nd", y, s.last(token), r, reduce="add", outside="skip")
    return g.op("reshape", y, to=s.to(WIDTH))


def by_sorting(s, ex, x, ids, w, dense):
    """Rows sorted by expert, one contraction of segments."""
    g = s.g
    x = s.flat(x, WIDTH)
    pairs = f"{s.k}*{s.tokens}"
    flat = g.op("reshape", ids, to=f"[{pairs}]")
    who, order = g.op("sort", flat, results=2, axis=0)
    token = g.op("div", order, s.k) if s.k > 1 or g.yes("by_one") else order
    rows = g.op("gather", x, token, axis=0)
    how = g.pick("segments", "one_hot", "bincount", "gathered")
    ex.out_shape = [pairs]
    if how == "gathered" or ex.biased:
        r = ex.run(rows, "a", ex.of(who), "a", "a")
    else:
        ex.turned = {"up": False, "down": False}
        if how == "one_hot":
            hot = g.op("one_hot", flat, depth=s.experts, dtype="i32")
            counts = g.op("reduce_sum", hot, axes=[0])
        else:
            zero = g.op("fill", type=f"i32[{s.experts}]", value=0)
            one = g.op("fill", type=f"i32[{pairs}]", value=1)
            counts = g.op("scatter_elements", zero, flat, one, axis=0, reduce="add")
        r = ex.run(rows, "a", lambda name, v: g.op("grouped_linear", v, ex.all(name, None), counts),
                   None, "a")
    weight = g.op("reshape", w, to=f"[{pairs}]")
    how = g.pick("put_back", "add", "inverse", "scatter", "weigh_after")
    if how in ("add", "inverse", "scatter"):
        weight = g.op("gather", weight, order, axis=0)
        r = g.op("mul", r, s.last(weight))
    if how == "add":
        y = g.op("fill", type=f"f32[{s.tokens},{WIDTH}]", value=0)
        y = g.op("scatter_nd", y, s.last(token), r, reduce="add")
        return g.op("reshape", y, to=s.to(WIDTH))
    if how == "scatter":
        y = g.op("fill", type=f"f32[{pairs},{WIDTH}]", value=0)
        y = g.op("scatter_nd", y, s.last(order), r)
    else:
        _, back = g.op("sort", order, results=2, axis=0)
        y = g.op("gather", r, back, axis=0)
    return sum_pairs(s, y, w if how == "weigh_after" else None)


DISPATCHES = {f.__name__: f for f in (by_axis, by_number, by_slot, slot_by_slot, by_pair,
                                      dispatched, with_capacity, by_places, by_rows,
                                      by_sorting)}
SLOTS_ONLY = {"by_slot", "slot_by_slot", "by_pair", "with_capacity", "by_places", "by_sorting"}


def shared(s, x, y):
    g, l = s.g, s.l
    up = g.weight("shared_up", HIDDEN, WIDTH)
    gt = g.weight("shared_gate", HIDDEN, WIDTH)
    down = g.weight("shared_down", WIDTH, HIDDEN)
    h = g.op("mul", g.op("silu", g.op("linear", x, gt)), g.op("linear", x, up))
    r = g.op("linear", h, down)
    if g.yes("shared_gated", 0.4):
        c = g.op("sigmoid", g.op("linear", x, g.weight("shared_w", 1, WIDTH)))
        r = g.op("mul", c, r)
    return g.op("add", *((y, r) if g.yes("shared_last") else (r, y)))


def make(seed, fixed):
    g = Graph(seed, fixed)
    s = Layer(g)
    x = "x"
    if s.layout == "merged":
        x = g.op("reshape", "x", to=f"[B*T,{WIDTH}]")
    ids, w, dense = route(s, x)
    names = [n for n in DISPATCHES if not (dense and n in SLOTS_ONLY)]
    ex = Experts(s)
    y = DISPATCHES[g.pick("dispatch", *names)](s, ex, x, ids, w, dense)
    if g.yes("shared", 0.25):
        y = shared(s, x, y)
    if g.yes("residual", 0.3):
        y = g.op("add", x, y)
    if s.layout == "merged":
        y = g.op("reshape", y, to=f"[B,T,{WIDTH}]")
    lead = "B" if s.layout == "flat" else "B,T"
    shape = [7, WIDTH] if s.layout == "flat" else [3, 4, WIDTH]
    model = {
        "tenon": 1, "dims": {"B": "1..32", **({} if s.layout == "flat" else {"T": "1..32"})},
        "meta": {"fuses": "moe", "finite": True},
        "inputs": {"x": f"f32[{lead},{WIDTH}]"}, "weights": g.weights, "nodes": g.nodes,
        "outputs": {"result": {"type": f"f32[{lead},{WIDTH}]", "value": y}},
        "tests": [{"name": "as the reference", "seed": 3,
                   "inputs": {"x": {"seed": 5, "shape": shape}}}]}
    return model, g.chosen


def write(model, path):
    """As the files of tests/fusion: one node a line."""
    parts = []
    for key, value in model.items():
        if key == "nodes":
            rows = ",\n    ".join(json.dumps(n) for n in value)
            parts.append(f'"nodes": [\n    {rows}]')
        else:
            parts.append(f'"{key}": {json.dumps(value)}')
    with open(path, "w", encoding="utf-8") as out:
        out.write("{ " + ",\n  ".join(parts) + "\n}\n")


def ask(program, *words):
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "TENON_CACHE": ""}, check=False)
    return done.returncode, done.stdout, done.stderr


def judge(options, path):
    """(what went wrong, detail)"""
    code, out, err = ask(options.program, "explain", path, "--json")
    if code:
        return "refused", err.strip().splitlines()[0] if err else str(code)
    told = json.loads(out)
    miss = None
    if not any(f["family"] == "moe" for f in told["fused"]):
        said = [m["predicate"] for m in told["missed"] if m["family"] == "moe"]
        miss = ("missed", said[0] if said else "nothing said")
    if not options.no_verify:
        code, out, err = ask(options.program, "verify", path, "--device", options.device)
        if code:
            return "differs", (err or out).strip().splitlines()[-1]
    if not miss and not any(f["family"] == "route" for f in told["fused"]):
        return "no route", ""
    return miss if miss else ("", "")


def report(counts, bad):
    for key in sorted(counts):
        rows = [(v, n, bad.get((key, v), 0)) for v, n in counts[key].items()]
        print(f"  {key}: " + ", ".join(f"{v} {b}/{n}" for v, n, b in sorted(rows, key=str)))


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("--program", default="build/bin/tenon")
    parse.add_argument("--count", type=int, default=100)
    parse.add_argument("--seed", type=int, default=1)
    parse.add_argument("--set", action="append", default=[])
    parse.add_argument("--device", default="cpu")
    parse.add_argument("--keep")
    parse.add_argument("--no-verify", action="store_true")
    options = parse.parse_args()
    fixed = {a.split("=")[0]: a.split("=")[1].split(",") for a in options.set}
    folder = options.keep or tempfile.mkdtemp(prefix="vary_moe")
    os.makedirs(folder, exist_ok=True)
    counts, bad = collections.defaultdict(collections.Counter), collections.Counter()
    kinds = collections.Counter()
    for i in range(options.seed, options.seed + options.count):
        model, chosen = make(i, fixed)
        path = os.path.join(folder, f"moe_{i}.json")
        write(model, path)
        wrong, detail = judge(options, path)
        kinds[wrong or "found"] += 1
        for key, value in chosen.items():
            counts[key][value] += 1
            bad[key, value] += wrong not in ("", "no route")
        if wrong:
            what = " ".join(f"{k}={v}" for k, v in chosen.items()
                            if k in ("dispatch", "weights", "choice", "dense", "act", "k", "score",
                                     "biased", "merged"))
            print(f"{path}: {wrong}: {detail}  [{what}]", flush=True)
        elif not options.keep:
            os.remove(path)
    print(dict(kinds))
    report(counts, bad)
    return 1 if kinds["found"] + kinds["no route"] < options.count else 0


if __name__ == "__main__":
    sys.exit(main())
