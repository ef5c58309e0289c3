# SPDX-License-Identifier: Apache-2.0
"""BERT-base on tenon, ONNX Runtime and OpenVINO, in turns, with the same weights.

    python3 tests/bench/bert.py build [--threads 2] [--rounds 10] [--layers 12] [--tokens 128]

Needs numpy; onnx with onnxruntime or openvino, from the Python registry, for the others. ONNX Runtime runs the network twice: written as
exporters write it, and with the fused operators that it has for this network.
"""
import argparse
import json
import pathlib
import tempfile

import numpy as np

import turns

WIDTH, HEADS, HIDDEN, WORDS, PLACES, EPS = 768, 12, 3072, 30522, 512, 1e-12
HEAD = WIDTH // HEADS


def make_weights(layers):
    """As bert.json names them; kernels are [in,out]."""
    rng = np.random.default_rng(1)
    w = {}

    def normal(name, *shape):
        w[name] = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02)

    def norm(name):
        w[name + ".gamma"] = rng.uniform(0.5, 1.5, WIDTH).astype(np.float32)
        normal(name + ".beta", WIDTH)

    normal("word", WORDS, WIDTH)
    normal("place", PLACES, WIDTH)
    normal("kind", 2, WIDTH)
    norm("embeddings.norm")
    for i in range(layers):
        for name, inner, outer in (("query", WIDTH, WIDTH), ("key", WIDTH, WIDTH), ("value", WIDTH, WIDTH), ("attention", WIDTH, WIDTH),
                                   ("up", WIDTH, HIDDEN), ("down", HIDDEN, WIDTH)):
            normal(f"layer.{i}.{name}.kernel", inner, outer)
            normal(f"layer.{i}.{name}.bias", outer)
        norm(f"layer.{i}.attention.norm")
        norm(f"layer.{i}.norm")
    return w


def make_inputs(tokens):
    rng = np.random.default_rng(2)
    real = np.ones((1, tokens), np.float32)
    real[0, -tokens // 16:] = 0
    return {"ids": rng.integers(0, WORDS, (1, tokens), dtype=np.int32),
            "segments": (np.arange(tokens, dtype=np.int32)[None] >= tokens // 2).astype(np.int32), "real": real}


def flops(layers, tokens):
    per_layer = 2 * tokens * (4 * WIDTH * WIDTH + 2 * WIDTH * HIDDEN) + 4 * tokens * tokens * WIDTH
    return layers * per_layer


class Network:
    """The nodes of an ONNX graph, one above the other."""

    def __init__(self, onnx, tokens):
        self.onnx, self.nodes, self.weights, self.tokens = onnx, [], {}, tokens

    def node(self, op, *inputs, domain="", **attrs):
        out = f"{op}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(op, list(inputs), [out], name=out, domain=domain, **attrs))
        return out

    def constant(self, name, value):
        self.weights[name] = np.ascontiguousarray(value)
        return name

    def dense(self, x, name):
        return self.node("Add", self.node("MatMul", x, name + ".kernel"), name + ".bias")

    def norm(self, x, name):
        return self.node("LayerNormalization", x, name + ".gamma", name + ".beta", axis=-1, epsilon=EPS)

    def heads(self, x, name, perm):
        shape = self.constant("heads", np.array([0, 0, HEADS, HEAD], np.int64))
        return self.node("Transpose", self.node("Reshape", self.dense(x, name), shape), perm=perm)

    def embed(self):
        e = self.node("Add", self.node("Gather", "word", "ids", axis=0), self.node("Gather", "kind", "segments", axis=0))
        return self.norm(self.node("Add", e, self.constant("places", self.weights["place"][None, :self.tokens])), "embeddings.norm")

    def mask(self):
        one, far = self.constant("one", np.float32(1)), self.constant("far", np.float32(-10000))
        axes = self.constant("mask_axes", np.array([1, 2], np.int64))
        return self.node("Mul", self.node("Sub", one, self.node("Unsqueeze", "real", axes)), far)

    def block(self, x, mask, at):
        q, v = (self.heads(x, f"{at}.{name}", [0, 2, 1, 3]) for name in ("query", "value"))
        k = self.heads(x, f"{at}.key", [0, 2, 3, 1])
        s = self.node("Div", self.node("MatMul", q, k), self.constant("root", np.float32(HEAD ** 0.5)))
        p = self.node("Softmax", self.node("Add", s, mask), axis=-1)
        o = self.node("Transpose", self.node("MatMul", p, v), perm=[0, 2, 1, 3])
        a = self.dense(self.node("Reshape", o, self.constant("joined", np.array([0, 0, WIDTH], np.int64))), f"{at}.attention")
        h = self.norm(self.node("Add", x, a), f"{at}.attention.norm")
        u = self.dense(h, f"{at}.up")
        root, one, half = (self.constant(n, np.float32(v)) for n, v in (("root2", 2 ** 0.5), ("one", 1), ("half", 0.5)))
        g = self.node("Mul", self.node("Mul", u, self.node("Add", self.node("Erf", self.node("Div", u, root)), one)), half)
        return self.norm(self.node("Add", h, self.dense(g, f"{at}.down")), f"{at}.norm")

    def fused_block(self, x, count, at):
        """The same with the operators of ONNX Runtime."""
        for kind, axis in (("kernel", 1), ("bias", 0)):
            self.constant(f"{at}.joint.{kind}",
                          np.concatenate([self.weights.pop(f"{at}.{n}.{kind}") for n in ("query", "key", "value")], axis))
        own = {"domain": "com.microsoft"}
        o = self.node("Attention", x, f"{at}.joint.kernel", f"{at}.joint.bias", count, num_heads=HEADS, mask_filter_value=-10000.0, **own)
        a = self.node("MatMul", o, f"{at}.attention.kernel")
        h = self.node("SkipLayerNormalization", a, x, f"{at}.attention.norm.gamma", f"{at}.attention.norm.beta", f"{at}.attention.bias",
                      epsilon=EPS, **own)
        g = self.node("BiasGelu", self.node("MatMul", h, f"{at}.up.kernel"), f"{at}.up.bias", **own)
        return self.node("SkipLayerNormalization", self.node("MatMul", g, f"{at}.down.kernel"), h, f"{at}.norm.gamma", f"{at}.norm.beta",
                         f"{at}.down.bias", epsilon=EPS, **own)

    def save(self, path, result):
        h, t = self.onnx.helper, self.onnx.TensorProto
        tokens = [1, self.tokens]
        used = {name for node in self.nodes for name in node.input}
        inputs = [h.make_tensor_value_info(*i) for i in (("ids", t.INT32, tokens), ("segments", t.INT32, tokens), ("real", t.FLOAT, tokens))]
        graph = h.make_graph(self.nodes, "bert", inputs, [h.make_tensor_value_info(result, t.FLOAT, [1, self.tokens, WIDTH])],
                             [self.onnx.numpy_helper.from_array(w, n) for n, w in self.weights.items() if n in used])
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("com.microsoft", 1)], ir_version=8)
        self.onnx.save(model, path, save_as_external_data=True, location=pathlib.Path(path).name + ".data")


def write_onnx(onnx, path, weights, layers, tokens, fused):
    n = Network(onnx, tokens)
    n.weights.update(weights)
    x = n.embed()
    if fused:
        axes = n.constant("count_axes", np.array([1], np.int64))
        mask = n.node("Cast", n.node("ReduceSum", "real", axes, keepdims=0), to=onnx.TensorProto.INT32)
    else:
        mask = n.mask()
    for i in range(layers):
        x = (n.fused_block if fused else n.block)(x, mask, f"layer.{i}")
    n.save(path, x)


def open_onnxruntime(path, inputs, threads):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return f"ONNX Runtime {ort.__version__}", lambda: session.run(None, inputs)[0]


def open_openvino(path, inputs, threads):
    import openvino as ov
    model = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads,
                                                  "PERFORMANCE_HINT": "LATENCY"})
    request = model.create_infer_request()

    def run():
        return next(iter(request.infer(inputs).values()))
    return f"OpenVINO {ov.__version__.split('-')[0]}, f32", run


def open_rivals(folder, weights, inputs, args):
    rivals = {}
    try:
        import onnx
    except ImportError:
        print("onnx is not here: tenon alone")
        return rivals
    for fused in (False, True):
        write_onnx(onnx, f"{folder}/bert{fused}.onnx", weights, args.layers, args.tokens, fused)
    for opener, fused in ((open_onnxruntime, False), (open_onnxruntime, True), (open_openvino, False)):
        try:
            name, run = opener(f"{folder}/bert{fused}.onnx", inputs, args.threads)
        except ImportError as error:
            print(error)
            continue
        rivals[name + (", its own operators" if fused else "")] = run
    return rivals


def write_model(folder, weights, args):
    model = json.loads((pathlib.Path(__file__).parent / "bert.json").read_text())
    model["params"].update(L=args.layers, S=args.tokens)
    model["files"] = ["model.safetensors"]
    turns.safetensors(f"{folder}/model.safetensors", weights)
    pathlib.Path(folder, "model.json").write_text(json.dumps(model))
    return f"{folder}/model.json"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", help="folder of the build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--tokens", type=int, default=128)
    args = parser.parse_args()
    weights, inputs = make_weights(args.layers), make_inputs(args.tokens)
    with tempfile.TemporaryDirectory() as folder:
        for name, value in inputs.items():
            value.tofile(f"{folder}/{name}.bin")
        tenon = turns.Tenon(args.build, write_model(folder, weights, args), args.threads, folder)
        own = tenon.output("y", np.float32)
        rivals = open_rivals(folder, weights, inputs, args)
        for name, run in rivals.items():
            print(f"{name}: outputs differ by at most {np.abs(run().reshape(-1) - own).max():.2g}, of {np.abs(own).max():.2g}")
        result = turns.measure(tenon, {name: turns.timed(run) for name, run in rivals.items()}, args.threads, args.rounds)
        turns.report(*result, flops(args.layers, args.tokens))
        tenon.close()


if __name__ == "__main__":
    main()
