# SPDX-License-Identifier: Apache-2.0
"""Variances of the demixing matrix over many trials beside their closed form.

    python3 monte_carlo.py --tenon build/bin/tenon [--device cpu] [--trials 300] [--samples 4096]

Each pair of sources is drawn on the device (entry `trial`), so a seed gives the same trial everywhere. Ends with 1 if an entry is further
from the closed form than four times its sampling error.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCES = ("uniform", "Laplace", "exponential")
# Source, nonlinearity and n * variance of [[11, 12], [21, 22]].
CASES = (
    ((0, 0), (0, 0), ((0.2, 13 / 28), (13 / 28, 0.2))),
    ((0, 1), (0, 1), ((0.2, 0.375987), (1.156717, 1.25))),
    ((0, 2), (1, 2), ((0.2, 1.566164), (1.494319, 2.0))),
)


def write_ones(path, count):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % count
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    import struct
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        f.write(struct.pack("<f", 1.0) * count)


def trial(args, artifact, ones, source, kind, seed):
    command = [args.tenon, "run", artifact, "--entry", "trial", "--device", args.device, "--json", "--quiet",
               "-i", f"seed={seed}", "-i", f"source={list(source)}", "-i", f"kind={list(kind)}", "-i", f"count={ones}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    data = json.loads(done.stdout)["outputs"]["off"]["data"]
    while isinstance(data[0], list):
        data = [x for row in data for x in row]
    return data


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tenon", required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--samples", type=int, default=4096)
    args = parser.parse_args()
    model = pathlib.Path(__file__).resolve().parent / "model.json"
    far = 0
    with tempfile.TemporaryDirectory() as folder:
        ones = os.path.join(folder, "ones.npy")
        write_ones(ones, args.samples)
        for source, kind, wanted in CASES:
            runs = [trial(args, str(model), ones, source, kind, seed) for seed in range(args.trials)]
            print(SOURCES[source[0]], "and", SOURCES[source[1]])
            for i in range(4):
                values = [r[i] * args.samples ** 0.5 for r in runs]
                mean = sum(values) / len(values)
                square = [(v - mean) ** 2 for v in values]
                variance = sum(square) / (len(values) - 1)
                spread = sum((s - variance) ** 2 for s in square) / (len(values) - 1)
                error = (spread / len(values)) ** 0.5
                closed = wanted[i // 2][i % 2]
                off = abs(variance - closed) > 4 * error
                far += off
                print(f"  n Var({i // 2 + 1}{i % 2 + 1}) = {variance:.4f} +- {error:.4f}, closed form {closed:.4f}" + (" FAR" if off else ""))
    return 1 if far else 0


if __name__ == "__main__":
    sys.exit(main())
