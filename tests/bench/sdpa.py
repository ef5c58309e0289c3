# SPDX-License-Identifier: Apache-2.0
"""Attention on tenon and PyTorch (scaled_dot_product_attention), in turns: 8 heads, f32.

    python3 tests/bench/sdpa.py build [--threads 2] [--rounds 10] [--shape 0..3]

Needs numpy and torch, from the Python registry. bench_attention compares tenon with its own unfused form.
"""
import argparse
import json
import pathlib
import tempfile

import numpy as np
import torch

import turns

HEADS = 8
SHAPES = ((2048, 64, False), (2048, 128, True), (8192, 64, False), (8192, 128, True))  # keys, width, causal


def graph(keys, width, causal):
    tensor = f"f32[{HEADS},{keys},{width}]"
    nodes = [["c", "contract", "q", "k", {"labels": "htd,hsd->hts"}], ["s", f"=c * {width ** -0.5}"]]
    if causal:
        nodes += [["i", "iota", {"size": keys}],
                  ["m", "greater_equal", "i", "i", {"labels": "t,s->ts"}],
                  ["b", "=m ? s : -inf"]]
    nodes += [["p", "softmax", "b" if causal else "s", {"axis": -1}],
              ["y", "contract", "p", "v", {"labels": "hts,hsd->htd"}]]
    return {"tenon": 1, "inputs": {name: tensor for name in "qkv"}, "nodes": nodes, "outputs": {"y": tensor}}


def compare(build, shape, threads, rounds):
    keys, width, causal = shape
    rng = np.random.default_rng(1)
    data = {name: rng.standard_normal((HEADS, keys, width), dtype=np.float32) for name in "qkv"}
    with tempfile.TemporaryDirectory() as folder:
        for name, value in data.items():
            value.tofile(f"{folder}/{name}.bin")
        model = pathlib.Path(folder, "model.json")
        model.write_text(json.dumps(graph(*shape)))
        tenon = turns.Tenon(build, str(model), threads, folder)
        q, k, v = (torch.from_numpy(data[name])[None] for name in "qkv")

        def sdpa():
            return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

        print(f"{keys} keys, width {width}, {'causal' if causal else 'full'}")
        with torch.inference_mode():
            measured = turns.measure(tenon, {f"PyTorch {torch.__version__}": turns.timed(sdpa)}, threads, rounds)
            theirs = sdpa()[0].numpy()
        seen = keys * (keys + 1) / 2 if causal else keys * keys
        turns.report(*measured, 4 * HEADS * seen * width)
        tenon.run()
        ours = tenon.output("y", np.float32).reshape(theirs.shape)
        print(f"greatest difference {np.abs(ours - theirs).max():.1e}\n")
        tenon.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--shape", type=int, choices=range(len(SHAPES)))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for i, shape in enumerate(SHAPES):
        if args.shape in (None, i):
            compare(args.build, shape, args.threads, args.rounds)


if __name__ == "__main__":
    main()
