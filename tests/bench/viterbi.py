# SPDX-License-Identifier: Apache-2.0
"""Decoding of a CRF on tenon, from pytorch-crf's own source as a graph, beside pytorch-crf; and the launches that it takes on GPU drivers.

    python3 tests/bench/viterbi.py build [--threads 2] [--rounds 10] [--batch 64] [--steps 128] [--tags 72] [--devices vulkan,opencl]

Needs numpy; torch with pytorch-crf, from the Python registry, for the other system.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile

import numpy as np

import turns

GRAPH = pathlib.Path(__file__).resolve().parents[1] / "fusion" / "crf" / "pytorch_crf.json"


def write_model(folder, weights, args):
    """The graph has five tags and sizes that are not known."""
    model = json.loads(re.sub(r"(?<=[\[, ])5(?=[\],}])", str(args.tags), GRAPH.read_text()))
    del model["dims"]
    model["params"] = {"B": args.batch, "T": args.steps}
    model["files"] = ["model.safetensors"]
    turns.safetensors(f"{folder}/model.safetensors", weights)
    pathlib.Path(folder, "model.json").write_text(json.dumps(model))
    return f"{folder}/model.json"


def write_unrolled(folder, args):
    """The same as a trace for one length has it: every step written out, as tests/fusion/crf/unrolled_pytorch_crf.json. Gives its path."""
    nodes = [["e0", "index", "emissions", {"axis": 0, "at": 0}], ["s0", "add", "start_transitions", "e0"], ["own", "iota", {"size": args.tags}]]
    for t in range(1, args.steps):
        nodes += [[f"e{t}", "index", "emissions", {"axis": 0, "at": t}], [f"be{t}", "unsqueeze", f"e{t}", {"axes": [1]}],
                  [f"bs{t}", "unsqueeze", f"s{t - 1}", {"axes": [2]}], [f"x{t}", "add", f"bs{t}", "transitions"],
                  [f"y{t}", "add", f"x{t}", f"be{t}"], [f"best{t}", "reduce_max", f"y{t}", {"axes": [1]}],
                  [f"ind{t}", "arg_max", f"y{t}", {"axis": 1}], [f"m{t}", "index", "mask", {"axis": 0, "at": t}],
                  [f"mm{t}", "unsqueeze", f"m{t}", {"axes": [1]}], [f"s{t}", "where", f"mm{t}", f"best{t}", f"s{t - 1}"],
                  [f"h{t}", "where", f"mm{t}", f"ind{t}", "own"]]
    last = args.steps - 1
    nodes += [["fin", "add", f"s{last}", "end_transitions"], ["score", "reduce_max", "fin", {"axes": [1]}],
              [f"p{last}", "arg_max", "fin", {"axis": 1}]]
    for t in range(last, 0, -1):
        nodes += [[f"i{t}", "unsqueeze", f"p{t}", {"axes": [1]}], [f"g{t}", "gather_elements", f"h{t}", f"i{t}", {"axis": 1}],
                  [f"p{t - 1}", "squeeze", f"g{t}", {"axes": [1]}]]
    nodes += [[f"q{t}", "unsqueeze", f"p{t}", {"axes": [0]}] for t in range(args.steps)]
    nodes.append(["path", "concat", *(f"q{t}" for t in range(args.steps)), {"axis": 0}])
    k, b, t = args.tags, args.batch, args.steps
    model = {"tenon": 1, "inputs": {"emissions": f"f32[{t},{b},{k}]", "mask": f"bool[{t},{b}]"},
             "weights": {"start_transitions": f"f32[{k}]", "end_transitions": f"f32[{k}]", "transitions": f"f32[{k},{k}]"},
             "nodes": nodes, "outputs": {"path": f"i32[{t},{b}]", "score": f"f32[{b}]"}}
    pathlib.Path(folder, "unrolled.json").write_text(json.dumps(model))
    return f"{folder}/unrolled.json"


def launches(build, model, device, *options):
    command = [os.path.join(build, "bin", "tenon"), "bench", model, "--device", device, "--runs", "1", "--json", "--quiet", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    return json.loads(done.stdout)["launches"] if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def open_rival(weights, emissions, mask, threads):
    """A function that decodes, the tags [T,B]."""
    import torch
    import torchcrf
    torch.set_num_threads(threads)
    crf = torchcrf.CRF(weights["transitions"].shape[0])
    with torch.no_grad():
        for name, value in weights.items():
            getattr(crf, name).copy_(torch.from_numpy(value))
    e, m = torch.from_numpy(emissions), torch.from_numpy(mask)

    def decode():
        with torch.no_grad():
            return crf.decode(e, m)
    return f"pytorch-crf, torch {torch.__version__}", decode


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", help="folder of the build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=128)
    parser.add_argument("--tags", type=int, default=72)
    parser.add_argument("--devices", default="vulkan,opencl")
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    weights = {"start_transitions": (args.tags,), "end_transitions": (args.tags,), "transitions": (args.tags, args.tags)}
    weights = {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in weights.items()}
    emissions = rng.standard_normal((args.steps, args.batch, args.tags), dtype=np.float32)
    mask = np.ones((args.steps, args.batch), bool)
    with tempfile.TemporaryDirectory() as folder:
        emissions.tofile(f"{folder}/emissions.bin")
        mask.tofile(f"{folder}/mask.bin")
        model = write_model(folder, weights, args)
        unrolled = write_unrolled(folder, args)
        for device in filter(None, args.devices.split(",")):
            print(f"{device}: {launches(args.build, model, device)} launches from a loop, {launches(args.build, unrolled, device)} from steps "
                  f"written out, {launches(args.build, unrolled, device, '--skip', 'roll,viterbi')} as they are written")
        tenon = turns.Tenon(args.build, model, args.threads, folder)
        rivals = {}
        try:
            name, decode = open_rival(weights, emissions, mask, args.threads)
            differ = int((np.array(decode()).T.reshape(-1) != tenon.output("path", np.int32)).sum())
            print(f"{name}: {differ} of {mask.size} tags differ")
            rivals[name] = turns.timed(decode)
        except ImportError as error:
            print(f"{error}: tenon alone")
        medians, peak, disturbed = turns.measure(tenon, rivals, args.threads, args.rounds)
        turns.report(medians, peak, disturbed, 0)
        cells = args.batch * (args.steps - 1) * args.tags * args.tags
        print(f"tenon: {cells / medians['tenon'] * 1e-9 / args.threads:.1f} Gcell/s a thread")
        tenon.close()


if __name__ == "__main__":
    main()
