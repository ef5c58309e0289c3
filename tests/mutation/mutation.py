#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants the faults of faults.txt, one at a time, and says which test finds each.

  mutation.py --check ROOT            every fault still has its place, and its
                                      row in results.md
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
import time

# From the fastest on; the first level that fails ends the search.
QUICK = ("quick", ["-L", "quick"])
CPU = ("cpu", ["-R", "^(conformance|fusion_.*)_(cpu|interp)$|^test_.*targets$|^test_cpu_gen|^graph_fuzz_(cpu|plant)|"
               "^e2e_"])
MODELS = ("models", ["-R", "^passes_.*cpu$|^model_[a-z0-9-]*$"])
DRIVERS = ("drivers", ["-R", "_(vulkan|opencl)$|^test_(gpu|session)"])
# Vulkan and OpenCL run the kernels of GPU schedules and of their backends.
LEVELS = {"rule": (CPU, MODELS), "kernel": (CPU, MODELS), "planner": (CPU, MODELS),
          "schedule": (CPU, MODELS, DRIVERS), "backend": (DRIVERS,)}
# The tests that concern a file, before all others, and what is built for them.
NEAR = (("passes/fuse/(online|attend)", "^test_attention$", "test_attention"),
        ("passes/fuse/crf", "^fusion_crf_interp$", "fusion"),
        ("passes/(fuse/(experts|routes)|lower/lower_(moe|route|rows))", "^(test_lower_moe|fusion_moe_interp)$",
         "test_lower_moe fusion"),
        ("passes/(rule|clean)", "^test_(clean|rules)$", "test_clean test_rules"),
        ("passes/stack", "^test_stack$", "test_stack"),
        ("passes/roll", "^test_roll$", "test_roll"),
        ("passes/(in_place|assemble)", "^test_(assemble|in_place)", "test_assemble test_assemble_plan test_in_place"),
        ("passes/(group|lower|range)", "^test_lower(_rows)?$", "test_lower test_lower_rows"),
        ("passes/schedule", "^test_schedule$", "test_schedule"),
        ("ir/plan", "^test_plan$", "test_plan"),
        ("ir/graph/expand", "^test_expand$", "test_expand"),
        ("ir/kernel", "^test_k", "test_kbuild test_kexpand test_ktext"))
ROW = "| {} | {} | {} | {} |"


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
    with open(os.path.join(root, "tests/mutation/results.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| (\w+) \| \w+ \| \w+ \|", file.read(), re.M)[1:]
    for fault in faults:
        try:
            planted(root, fault)
        except (LookupError, OSError) as error:
            wrong.append(str(error))
        if fault["kind"] not in LEVELS:
            wrong.append(f"{fault['name']}: there is no kind {fault['kind']}")
    names = [fault["name"] for fault in faults]
    wrong += [f"{name}: stands twice" for name in set(names) if names.count(name) > 1]
    wrong += [f"{name}: not in results.md" for name in names if name not in rows]
    wrong += [f"{name}: in results.md alone" for name in rows if name not in names]
    if len(faults) < 40:
        wrong.append(f"{len(faults)} faults; 40 are wanted")
    print("\n".join(wrong) if wrong else f"{len(faults)} faults, each in its place")
    return 1 if wrong else 0


def put(path, text):
    """Writes a file that differs, with the time of now, so that it is built."""
    try:
        with open(path, "rb") as file:
            if file.read() == text:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(text)


def stamp(folder):
    return os.path.join(folder, ".copy-for-faults")


def copy(root, folder):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True)
    names = listed.stdout.decode().split("\0")
    if os.path.isdir(folder) and os.listdir(folder) and not os.path.exists(stamp(folder)):
        sys.exit(f"{folder} is neither empty nor a copy that was made here")
    put(stamp(folder), b"")
    # What is gone there must go here: tests are found by their folder.
    for at, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if at != folder or f != "build"]
        for file in files:
            path = os.path.join(at, file)
            if path != stamp(folder) and os.path.relpath(path, folder) not in names:
                os.remove(path)
    for name in names:
        source = os.path.join(root, name)
        if name and os.path.isfile(source):
            with open(source, "rb") as file:
                put(os.path.join(folder, name), file.read())
            shutil.copymode(source, os.path.join(folder, name))


def build(folder, targets=""):
    done = subprocess.run(["ninja", "-C", os.path.join(folder, "build"), *targets.split()],
                          capture_output=True, text=True)
    return done.returncode == 0


def failures(folder, *chosen):
    """Tests that fail: those that ran when the first one did."""
    done = subprocess.run(
        ["ctest", "--test-dir", "build", "-j", str(os.cpu_count()), "-LE", "full|check|bench",
         "--stop-on-failure", *chosen],
        cwd=folder, capture_output=True, text=True, env={**os.environ, "TENON_CACHE": ""})
    if not done.returncode:
        return []
    return re.findall(r"^\s*\d+ - (\S+) \(", done.stdout, re.M) or ["ctest"]


def configure(root, folder):
    """A copy of the tree, built without a fault: no debug information, and
    the faster linker, since each fault links every program again."""
    copy(root, folder)
    linker = ["-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld"] if shutil.which("ld.lld") else []
    subprocess.run(["cmake", "-G", "Ninja", "-S", folder, "-B", os.path.join(folder, "build"),
                    "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O2",
                    "-DTN_WERROR=OFF", *linker], check=True, stdout=subprocess.DEVNULL)
    if not build(folder):
        sys.exit("the tree does not build without a fault")
    bad = failures(folder, *QUICK[1])
    if bad:
        sys.exit(f"{bad[0]} fails without a fault")


def search(folder, fault, quick):
    """(level, test) of the first test that fails, or None."""
    for prefix, regex, targets in NEAR:
        if re.match(prefix, fault["file"]):
            if not build(folder, targets):
                return "", "does not build"
            bad = failures(folder, "-L", "quick", "-R", regex)
            if bad:
                return "quick", bad[0]
    if not build(folder):
        return "", "does not build"
    for name, chosen in (QUICK,) if quick else (QUICK, *LEVELS[fault["kind"]]):
        bad = failures(folder, *chosen)
        if bad:
            return name, bad[0]
    return None


def try_fault(root, folder, fault, quick, sound):
    """(level, test) that finds the fault, level "-" if none does."""
    path = os.path.join(folder, fault["file"])
    put(path, planted(root, fault).encode())
    found = search(folder, fault, quick)
    with open(os.path.join(root, fault["file"]), "rb") as file:
        put(path, file.read())
    if not found:
        return "-", "no test"
    level, test = found
    if level == "":
        return "-", test
    # Only a test that passes without the fault has found it; the quick ones did.
    if level != "quick" and test not in sound:
        if not build(folder) or failures(folder, "-R", f"^{test}$"):
            return "-", f"{test}, which fails without it too"
        sound.add(test)
    return level, test


def run(root, folder, names, quick):
    faults = [f for f in read_faults(root) if not names or f["name"] in names]
    left, sound, at = [], set(), time.monotonic()
    configure(root, folder)
    print(ROW.format("fault", "kind", "level", "found by"))
    print(ROW.format("---", "---", "---", "---"))
    for fault in faults:
        level, test = try_fault(root, folder, fault, quick, sound)
        print(ROW.format(fault["name"], fault["kind"], level, test), flush=True)
        if level == "-":
            left.append(fault["name"])
    print(f"\n{len(faults) - len(left)} of {len(faults)} found; left: {' '.join(left) or 'none'}")
    print(f"{time.monotonic() - at:.0f} s", file=sys.stderr)
    return 1 if left else 0


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
