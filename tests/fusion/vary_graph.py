# SPDX-License-Identifier: Apache-2.0
"""What vary_attention.py and vary_norms.py share: a graph being written, random
choices, and the loop that looks at many graphs."""
import argparse
import json
import pathlib
import random
import re
import subprocess


class Graph:
    """Nodes and the shapes of what they give."""

    def __init__(self, dtype):
        self.dtype, self.nodes, self.inputs, self.weights = dtype, [], {}, {}
        self.shape, self.type, self.number = {}, {}, 0

    def put(self, op, ins, attrs, shape, dtype, name=None):
        self.number += 1
        name = name or f"n{self.number}"
        self.nodes.append([name, op, *ins] + ([attrs] if attrs else []))
        self.shape[name], self.type[name] = list(shape), dtype
        return name

    def input(self, name, dtype, shape, how=None):
        if name not in self.inputs:
            text = f"{dtype}[{','.join(map(str, shape))}]"
            self.inputs[name] = {"type": text, **how} if how else text
            self.shape[name], self.type[name] = list(shape), dtype
        return name

    def weight(self, name, shape, dtype=None, **how):
        dtype = dtype or self.dtype
        text = f"{dtype}[{','.join(map(str, shape))}]"
        self.weights[name] = {"type": text, **(how or {"init": {"normal": 0.4}})}
        self.shape[name], self.type[name] = list(shape), dtype
        return name

    def met(self, *names):
        shapes = [self.shape[n] for n in names if isinstance(n, str) and n in self.shape]
        rank, out = max(map(len, shapes)), []
        for i in range(rank):
            dims = {s[len(s) - rank + i] for s in shapes if len(s) - rank + i >= 0} - {1}
            if len(dims) > 1:
                raise AssertionError(f"{names}: {shapes}")
            out.append(dims.pop() if dims else 1)
        return out

    def map(self, op, *ins, dtype=None):
        real = [n for n in ins if isinstance(n, str) and n in self.type]
        return self.put(op, ins, {}, self.met(*ins), dtype or self.type[real[-1]])

    def test(self, op, *ins):
        return self.map(op, *ins, dtype="bool")

    def cast(self, x, to):
        return x if self.type[x] == to else self.put("cast", [x], {"to": to}, self.shape[x], to)

    def reshape(self, x, to):
        return self.put("reshape", [x], {"to": text_of(to)}, to, self.type[x])

    def transpose(self, x, perm):
        return self.put("transpose", [x], {"perm": perm}, [self.shape[x][p] for p in perm], self.type[x])

    def swap(self, x):
        r = len(self.shape[x])
        return self.transpose(x, [*range(r - 2), r - 1, r - 2])

    def unsqueeze(self, x, axes):
        out = list(self.shape[x])
        for a in sorted(axes):
            out.insert(a, 1)
        return self.put("unsqueeze", [x], {"axes": sorted(axes)}, out, self.type[x])

    def broadcast(self, x, to):
        return self.put("broadcast", [x], {"to": text_of(to)}, to, self.type[x])

    def slice(self, x, axis, start, size, step=1):
        out = list(self.shape[x])
        out[axis] = size
        attrs = {"axis": axis, "start": start, "size": size}
        if step != 1:
            attrs["step"] = step
        return self.put("slice", [x], attrs, out, self.type[x])

    def concat(self, xs, axis):
        out = list(self.shape[xs[0]])
        sizes = [self.shape[x][axis] for x in xs]
        out[axis] = sum(sizes) if all(isinstance(n, int) for n in sizes) else "+".join(map(str, sizes))
        return self.put("concat", xs, {"axis": axis}, out, self.type[xs[0]])

    def contract(self, x, y, labels):
        ins, out = labels.split("->")
        size = {}
        for n, letters in zip((x, y), ins.split(",")):
            size |= dict(zip(letters, self.shape[n]))
        return self.put("contract", [x, y], {"labels": labels}, [size[c] for c in out], self.type[x])

    def reduce(self, op, x, axis, keep):
        out = list(self.shape[x])
        axis %= len(out)
        if keep:
            out[axis] = 1
        else:
            del out[axis]
        attrs = {"axes": [axis], **({"keepdims": True} if keep else {})}
        return self.put(op, [x], attrs, out, self.type[x])

    def fill(self, value, dtype=None, shape=()):
        dtype = dtype or self.dtype
        return self.put("fill", [], {"type": f"{dtype}[{','.join(map(str, shape))}]", "value": value}, shape, dtype)

    def iota(self, size, dtype, start=0):
        return self.put("iota", [], {"size": size, "dtype": dtype, **({"start": start} if start else {})}, [size], dtype)


def text_of(shape):
    return "[" + ",".join(map(str, shape)) + "]"

class Maker:
    """One graph; `chosen` says how it came about."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.chosen = {}

    def pick(self, what, *of, weights=None):
        x = self.random.choices(of, weights)[0]
        self.chosen[what] = x
        return x

    def file(self, y, meta, dims, sizes):
        """The graph with result y, and a test for each of the sizes."""
        g = self.g
        tests = []
        for i, size in enumerate(sizes):
            data = {n: {"seed": 10 * i + j + 1, "shape": [eval(str(d), {}, size) for d in g.shape[n]]}
                    for j, n in enumerate(g.inputs)}
            tests.append({"name": f"size {i}", "inputs": data})
        result = f"{g.type[y]}[{','.join(map(str, g.shape[y]))}]"
        return {"tenon": 1, "doc": [", ".join(f"{k}={v}" for k, v in self.chosen.items())],
                "meta": meta, "dims": dims, "inputs": g.inputs,
                **({"weights": g.weights} if g.weights else {}), "nodes": g.nodes,
                "outputs": {"result": {"type": result, "value": y}}, "tests": tests}


def print_file(graph):
    lines = []
    for key, value in graph.items():
        if key == "nodes":
            nodes = ",\n".join("    " + json.dumps(n) for n in value)
            lines.append(f'  "nodes": [\n{nodes}]')
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{ " + ",\n".join(lines).lstrip() + "\n}\n"


def run(*command):
    r = subprocess.run(command, capture_output=True, text=True)
    return r.returncode, r.stdout, r.stderr

def differs(tenon, path, device):
    code, out, err = run(tenon, "verify", "--device", device, path)
    passed = dict(re.findall(r"(unfused|fused) +(\d+) of", out))
    # What is ill-conditioned differs from the reference either way.
    if code and passed.get("fused") != passed.get("unfused"):
        return "differs", (out + err).strip().splitlines()[-3:]
    return None


def look_through(variant, doc, keep):
    """variant(seed): make() gives a file, wrong(tenon, path) what is, or None."""
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tenon")
    p.add_argument("--count", type=int, default=100)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--keep", default=keep)
    p.add_argument("--device", default="interp")
    p.add_argument("--only", help="choices that it must have, as in mask=causal,low=inf")
    p.add_argument("--no-verify", action="store_true")
    a = p.parse_args()
    keep = pathlib.Path(a.keep)
    keep.mkdir(parents=True, exist_ok=True)
    bad, done, seed = {}, 0, a.seed - 1
    while done < a.count:
        seed += 1
        v = variant(seed)
        graph = v.make()
        if a.only and not all(w in graph["doc"][0].split(", ") for w in a.only.split(",")):
            continue
        done += 1
        path = keep / f"v{seed}.json"
        path.write_text(print_file(graph), encoding="utf-8")
        wrong = v.wrong(a.tenon, str(path))
        if not wrong and not a.no_verify:
            wrong = differs(a.tenon, str(path), a.device)
        if wrong:
            what, why = wrong
            bad.setdefault(what, []).append(seed)
            print(f"{seed}: {what}\n    {graph['doc'][0]}", *why, sep="\n    ", flush=True)
        else:
            path.unlink()
    print(f"{done} graphs;", "; ".join(f"{len(s)} {w}" for w, s in bad.items()) or "all found")
    return 1 if bad else 0
