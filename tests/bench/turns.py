# SPDX-License-Identifier: Apache-2.0
"""Programs that run one network in turns: medians, and what the machine could do meanwhile.

A sample counts if the process got nearly all the processor time that its threads could have had; on a machine that is never quiet
all samples count, and the report says so. One thread is timed by the time it was on a processor, which others hardly change.
"""
import json
import os
import statistics
import subprocess
import time

SHARE = 0.95  # of the time that the threads could have had
ENOUGH = 5  # samples without disturbance
TURN = 0.2  # seconds of a turn at least,
MOST = 40   # if these are not as many samples


class Tenon:
    """bench_turns on a graph file in `folder`."""

    def __init__(self, build, model, threads, folder):
        self.folder = folder
        self.process = subprocess.Popen([os.path.join(build, "tests", "bench_turns"), model, str(threads), folder],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._answer() != "ready":
            raise SystemExit("bench_turns does not start")

    def _answer(self):
        return self.process.stdout.readline().strip()

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        if not answer:
            raise SystemExit(f"bench_turns ended with {self.process.wait()}")
        return answer

    def run(self):
        return tuple(float(x) for x in self.ask("run").split())

    def output(self, name, dtype):
        import numpy
        self.ask("write")
        return numpy.fromfile(os.path.join(self.folder, f"out.{name}.bin"), dtype)

    def probe(self):
        return float(self.ask("probe"))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def timed(call):
    """A system within this process: seconds on the wall and of its threads."""
    def run():
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        return time.perf_counter() - wall, time.process_time() - cpu
    return run


def measure(tenon, rivals, threads, rounds, pause=0.1):
    """`rivals`: name to a function as `timed` gives. Each system in turn: once to warm up, then twice or until the turn is over. Spinning threads get
    a pause to stop. Gives seconds by name, medians of what counts, and the median of the probe; says for whom the machine was not quiet."""
    systems = {"tenon": tenon.run, **rivals}
    samples = {name: [] for name in systems}
    peaks = []
    for _ in range(rounds):
        for name, run in systems.items():
            time.sleep(pause)
            peaks.append(tenon.probe())
            run()
            start, taken = time.perf_counter(), 0
            while taken < 2 or (taken < MOST and time.perf_counter() - start < TURN):
                samples[name].append(run())
                taken += 1
    medians = {}
    disturbed = []
    for name, all_of_it in samples.items():
        quiet = [wall for wall, cpu in all_of_it if cpu >= SHARE * wall * threads]
        if threads == 1:
            quiet = [cpu for _, cpu in all_of_it]
        elif len(quiet) < ENOUGH:
            disturbed.append(f"{name} {len(quiet)}/{len(all_of_it)}")
            quiet = [wall for wall, _ in all_of_it]
        medians[name] = statistics.median(quiet)
    return medians, statistics.median(peaks), disturbed


def report(medians, peak, disturbed, flops):
    own = medians["tenon"]
    for name, seconds in medians.items():
        line = f"{name:34} {seconds * 1e3:9.3f} ms"
        if flops:
            line += f"  {flops / seconds * 1e-9:7.1f} GFLOP/s, {100 * flops / seconds / peak:4.1f} % of the probe"
        if name != "tenon":
            line += f"  {seconds / own:7.2f} times tenon"
        print(line)
    if flops:
        print(f"multiply-adds from registers: {peak * 1e-9:.1f} GFLOP/s")
    if disturbed:
        print("not quiet, all samples count (quiet ones/all): " + ", ".join(disturbed))


def safetensors(path, tensors):
    """`tensors`: name to a float32 array."""
    header, at = {}, 0
    for name, t in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [at, at + t.nbytes]}
        at += t.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        for t in tensors.values():
            t.tofile(f)
