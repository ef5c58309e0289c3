#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants the faults of faults.txt, one at a time, and says which test finds each.

  mutation.py --check ROOT            every fault still has its place
  mutation.py --run ROOT FOLDER [NAME..]
                                      builds ROOT in FOLDER (a copy), then each
                                      fault: builds, tests, takes it back
  mutation.py --quick ROOT FOLDER [NAME..]
                                      the same with the quick tests alone
"""
import os
import re
import shutil
import subprocess
import sys

# From the fastest on; the first level that fails ends the search.
QUICK = ["-L", "quick"]
CPU = ["-R", "^(conformance|fusion_.*)_(cpu|interp)$|^test_.*targets$|^graph_fuzz_(seeds|cpu|interp)|^e2e_"]
DRIVERS = ["-R", "_(vulkan|opencl)$"]
MODELS = ["-R", "^passes_.*cpu$|^model_[a-z0-9-]*$"]
# Vulkan and OpenCL run the kernels of GPU schedules and of their backends.
LEVELS = {"rule": (QUICK, CPU, MODELS), "kernel": (QUICK, CPU, MODELS), "planner": (QUICK, CPU, MODELS),
          "schedule": (QUICK, CPU, MODELS, DRIVERS), "backend": (QUICK, DRIVERS)}


def read_faults(root):
    faults = []
    path = os.path.join(root, "tests/mutation/faults.txt")
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            head = re.fullmatch(r"== (\w+) \((\w+)\) (\S+)\n", line)
            if head:
                faults.append({"name": head[1], "kind": head[2], "file": head[3]})
            elif line.startswith("- "):
                faults[-1]["old"] = line[2:-1].replace("\\n", "\n")
            elif line.startswith("+ "):
                faults[-1]["new"] = line[2:-1].replace("\\n", "\n")
            elif line.strip() and not line.startswith("#"):
                sys.exit(f"{path}:{number}: neither a head nor a text: {line.rstrip()}")
    return faults


def planted(root, fault):
    """The text of the file with the fault in it."""
    with open(os.path.join(root, fault["file"]), encoding="utf-8") as file:
        text = file.read()
    found = text.count(fault["old"])
    if found != 1:
        raise LookupError(f"{fault['name']}: its text stands {found} times in {fault['file']}")
    return text.replace(fault["old"], fault["new"])


def check(root):
    faults, wrong = read_faults(root), []
    for fault in faults:
        try:
            planted(root, fault)
        except (LookupError, OSError) as error:
            wrong.append(str(error))
        if fault["kind"] not in LEVELS:
            wrong.append(f"{fault['name']}: there is no kind {fault['kind']}")
    if len({fault["name"] for fault in faults}) != len(faults):
        wrong.append("two faults have one name")
    if len(faults) < 40:
        wrong.append(f"{len(faults)} faults; 40 are wanted")
    print("\n".join(wrong) if wrong else f"{len(faults)} faults, each in its place")
    return 1 if wrong else 0


def copy(root, folder):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True)
    for name in listed.stdout.decode().split("\0"):
        if name:
            target = os.path.join(folder, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(os.path.join(root, name), target)


def build(folder):
    done = subprocess.run(["ninja", "-C", os.path.join(folder, "build")], capture_output=True,
                          text=True)
    return done.returncode == 0


def first_failure(folder, levels):
    """(level, tests that fail) of the first level with any, or None."""
    for number, level in enumerate(levels):
        done = subprocess.run(
            ["ctest", "--test-dir", "build", "-j", str(os.cpu_count()), "-LE", "full|check|bench",
             "--stop-on-failure", "--timeout", "600", *level],
            cwd=folder, capture_output=True, text=True, env={**os.environ, "TENON_CACHE": ""})
        if done.returncode:
            failed = re.findall(r"\d+ - (\S+) \((?:Failed|Timeout|SEGFAULT|Subprocess|SIG)",
                                done.stdout)
            return number, failed or [done.stdout[-200:]]
    return None


def run(root, folder, names, quick):
    faults = [f for f in read_faults(root) if not names or f["name"] in names]
    copy(root, folder)
    subprocess.run(["cmake", "-G", "Ninja", "-S", folder, "-B", os.path.join(folder, "build"),
                    "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DTN_WERROR=OFF"], check=True,
                   stdout=subprocess.DEVNULL)
    if not build(folder):
        sys.exit("the tree does not build without a fault")
    survivors = []
    for fault in faults:
        path = os.path.join(folder, fault["file"])
        text = planted(root, fault)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        if not build(folder):
            print(f"{fault['name']}: does not build", flush=True)
            survivors.append(fault["name"])
        else:
            found = first_failure(folder, (QUICK,) if quick else LEVELS[fault["kind"]])
            print(f"{fault['name']}: " + (f"level {found[0]}: {' '.join(found[1][:4])}" if found
                                          else "SURVIVES"), flush=True)
            if not found:
                survivors.append(fault["name"])
        shutil.copy(os.path.join(root, fault["file"]), path)
    print(f"{len(faults) - len(survivors)} of {len(faults)} found; left: {' '.join(survivors)}")
    return 1 if survivors else 0


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        return check(sys.argv[2])
    if len(sys.argv) >= 4 and sys.argv[1] in ("--run", "--quick"):
        return run(os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[3]), sys.argv[4:],
                   sys.argv[1] == "--quick")
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
