# SPDX-License-Identifier: Apache-2.0
"""A sum over 16 experts, two a token, 512 tokens, on tenon (spelled over all experts) beside the MoE operator of ONNX Runtime.

    python3 tests/bench/moe.py build [--threads 2] [--rounds 10] [--tokens 512] [--width 512] [--hidden 1024]

Needs numpy; onnx with onnxruntime, from the Python registry, for the other system.
"""
import argparse
import json
import pathlib
import tempfile

import numpy as np

import turns

EXPERTS, SLOTS = 16, 2


def write_model(folder, weights, args):
    """As a model that computes all experts and weighs them."""
    nodes = [["z", "linear", "x", "router"], ["g", "softmax", "z", {"axis": -1}], [["v", "ids"], "top_k", "g", {"k": SLOTS}],
             ["s", "reduce_sum", "v", {"axes": [-1], "keepdims": True}], ["w", "div", "v", "s"],
             ["hot", "one_hot", "ids", {"depth": EXPERTS}], ["all", "contract", "w", "hot", {"labels": "mk,mkx->mx"}],
             ["a", "contract", "x", "gate", {"labels": "mh,xfh->mxf"}], ["b", "contract", "x", "up", {"labels": "mh,xfh->mxf"}],
             ["c", "silu", "a"], ["h", "mul", "c", "b"], ["r", "contract", "h", "down", {"labels": "mxf,xhf->mxh"}],
             ["y", "contract", "all", "r", {"labels": "mx,mxh->mh"}]]
    rows = f"f32[{args.tokens},{args.width}]"
    model = {"tenon": 1, "files": ["model.safetensors"], "weights": {n: f"f32{list(w.shape)}".replace(" ", "") for n, w in weights.items()},
             "inputs": {"x": rows}, "nodes": nodes, "outputs": {"y": rows}, "expect": {"fused": ["moe", "route"]}}
    turns.safetensors(f"{folder}/model.safetensors", weights)
    pathlib.Path(folder, "model.json").write_text(json.dumps(model))
    return f"{folder}/model.json"


def open_rival(weights, x, args):
    import onnx
    import onnxruntime as ort
    h, t = onnx.helper, onnx.TensorProto
    joint = np.stack([weights["gate"], weights["up"]], 2).reshape(EXPERTS, 2 * args.hidden, args.width)  # rows of gate and up in turns
    constants = {"router": np.ascontiguousarray(weights["router"].T), "joint": joint, "down": weights["down"]}
    nodes = [h.make_node("MatMul", ["x", "router"], ["z"]),
             h.make_node("MoE", ["x", "z", "joint", "", "down"], ["y"], domain="com.microsoft", k=SLOTS, activation_type="swiglu",
                         swiglu_fusion=1, activation_alpha=1.0, activation_beta=0.0, normalize_routing_weights=1)]
    graph = h.make_graph(nodes, "moe", [h.make_tensor_value_info("x", t.FLOAT, x.shape)], [h.make_tensor_value_info("y", t.FLOAT, x.shape)],
                         [onnx.numpy_helper.from_array(w, n) for n, w in constants.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("com.microsoft", 1)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = args.threads, 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return f"ONNX Runtime {ort.__version__}, MoE", lambda: session.run(None, {"x": x})[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", help="folder of the build")
    for name, value in (("threads", 2), ("rounds", 10), ("tokens", 512), ("width", 512), ("hidden", 1024)):
        parser.add_argument("--" + name, type=int, default=value)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    shapes = {"router": (EXPERTS, args.width), "up": (EXPERTS, args.hidden, args.width), "gate": (EXPERTS, args.hidden, args.width),
              "down": (EXPERTS, args.width, args.hidden)}
    weights = {name: rng.standard_normal(shape, dtype=np.float32) * np.float32(0.05) for name, shape in shapes.items()}
    x = rng.standard_normal((args.tokens, args.width), dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        x.tofile(f"{folder}/x.bin")
        tenon = turns.Tenon(args.build, write_model(folder, weights, args), args.threads, folder)
        rivals = {}
        try:
            name, run = open_rival(weights, x, args)
            own = tenon.output("y", np.float32)
            print(f"{name}: outputs differ by at most {np.abs(run().reshape(-1) - own).max():.2g}, of {np.abs(own).max():.2g}")
            rivals[name] = turns.timed(run)
        except ImportError as error:
            print(f"{error}: tenon alone")
        active = 2 * 3 * args.tokens * SLOTS * args.width * args.hidden
        turns.report(*turns.measure(tenon, rivals, args.threads, args.rounds), active)
        tenon.close()


if __name__ == "__main__":
    main()
