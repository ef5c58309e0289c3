# SPDX-License-Identifier: Apache-2.0
"""Plants a violation of every rule in a small tree and sees that its check
finds it, and that the check is content with the tree without it."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
GUARDED = "#ifndef TN_X\n#define TN_X\n#include <stdint.h>\n%s\n#endif\n"
LONG = "static int\nlong_one(void)\n{\n" + "    step();\n" * 57 + "}\n"
LONGER = LONG.replace("{\n", "{\n    step();\n")
SWITCH = "static int\nchoose(int x)\n{\n    switch (x) {\n" + "".join(
    f"    case {i}:\n        return {i};\n" for i in range(40)) + "    }\n    return 0;\n}\n"

# A tree without faults. Each planted fault below adds or replaces one file.
CLEAN = {
    "ir/base/vec.h": GUARDED % "typedef int tn_vec;",
    "ir/base/alloc.c": '#include "ir/base/vec.h"\nvoid *\ntn_f(void)\n{\n'
                       "    return aligned_alloc(64, 64);\n}\n",
    "ir/graph/graph.h": '#include "ir/base/vec.h"\n' + GUARDED % "typedef int tn_graph;",
    "ir/kernel/kernel.c": SWITCH,
    "passes/pass.c": '#include "ir/graph/graph.h"\n' + LONG,
    "frontend/json.c": "#include <cjson/cJSON.h>\n/* malloc(1), abort() */\n",
    "runtime/compile.c": '#include "passes/pass.h"\nstruct s {\n    int (*close)(int fd);\n};\n',
    "passes/pass.h": "",
    "backends/cpu/cpu.c": "",
    "models/utterance/model.json": "{}",
    "tests/unit/test_graph.c": "",
    "README.md": "a",
    "passes/README.md": "b",
}

PLANTED = [
    ("layers", "passes/a.c", '#include "frontend/json.h"\n', "is not a path from the root"),
    ("layers", "frontend/a.c", '#include "passes/pass.h"\n', "may not include passes/pass.h"),
    ("layers", "ir/base/a.c", '#include "ir/graph/graph.h"\n', "may not include ir/graph/graph.h"),
    ("layers", "ir/kernel/a.c", '#include "ir/graph/graph.h"\n', "may not include"),
    ("layers", "backends/cpu/a.c", '#include "ir/graph/graph.h"\n', "may not include"),
    ("layers", "runtime/a.c", '#include "passes/pass.h"\n', "may not include passes/pass.h"),
    ("layers", "passes/a.c", "#include <cjson/cJSON.h>\n", "may not include <cjson/cJSON.h>"),
    ("layers", "backends/cpu/a.c", "#include <vulkan/vulkan.h>\n", "may not include <vulkan"),
    ("layers", "passes/a.c", '#include "pass.h"\n', "pass.h is not a path from the root"),
    ("layers", "elsewhere/a.c", "", "no rule"),
    ("sizes", "passes/a.c", "int a;\n" * 701, "701 lines"),
    ("sizes", "passes/a.c", LONGER, "long_one has 61 lines"),
    ("headers", "ir/base/a.h", "tn_unknown a;\n", "does not compile alone"),
    ("headers", "ir/base/a.h", "static inline int f(uint32_t x) { return 0; }\n", "uint32_t"),
    ("paths", "docs/a.md", "see /wor" + "k/main\n", "names"),
    ("paths", "a.sh", "cd /tm" + "p/x\n", "names"),
    ("paths", "a.sh", "https://deb.debia" + "n.org/debian\n", "names"),
    ("names", "tools/graph.h", "", "the name is taken by ir/graph/graph.h"),
    ("names", "runtime/a.c", "/* as in Utterance */\n", "names the model or test Utterance"),
    ("names", "runtime/a.c", 'f("test_graph");\n', "names the model or test test_graph"),
    ("seams", "runtime/a.c", "    x = malloc(1);\n", "calls malloc"),
    ("seams", "runtime/a.c", "    return fopen(a, b);\n", "calls fopen"),
    ("seams", "runtime/a.c", "    exit(1);\n", "calls exit"),
]


def write(root, name, text):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def run(command):
    result = subprocess.run(command, text=True, capture_output=True)
    return result.returncode, result.stdout + result.stderr


def check(name, root, *more):
    return run([sys.executable, "-B", str(HERE / f"{name}.py"), "--root", str(root), *more])


def expect(failures, what, result, code, text=""):
    if result[0] != code or text not in result[1]:
        failures.append(f"{what}: exit code {result[0]}, wanted {code} and \"{text}\"\n{result[1]}")


def planted_files(failures, folder):
    for name in sorted({p[0] for p in PLANTED}):
        root = folder / "clean"
        shutil.rmtree(root, ignore_errors=True)
        for path, text in CLEAN.items():
            write(root, path, text)
        expect(failures, f"{name} on the clean tree", check(name, root), 0, "clean")
    for name, path, text, message in PLANTED:
        root = folder / "planted"
        shutil.rmtree(root, ignore_errors=True)
        for clean_path, clean_text in CLEAN.items():
            write(root, clean_path, clean_text)
        write(root, path, text)
        expect(failures, f"{name} with {path}", check(name, root), 1, message)


def planted_symbol(failures, folder):
    for name, code in (("tn_good", 0), ("bad", 1)):
        write(folder, "s.c", f"int {name}(void);\nint {name}(void) {{ return 0; }}\n")
        library = folder / f"lib{name}.a"
        subprocess.run([os.environ.get("CC", "gcc"), "-c", folder / "s.c", "-o", folder / "s.o"],
                       check=True)
        subprocess.run(["ar", "rc", library, folder / "s.o"], check=True)
        text = "symbol bad does not start" if code else "clean"
        result = check("names", folder / "clean", "--libraries", str(library))
        expect(failures, f"names with a library that defines {name}", result, code, text)


def planted_linkage(failures, folder):
    """A library that needs another one, and one that exports a foreign name."""
    (folder / "lib").mkdir()
    run_library = folder / "lib/libtenon_run.so"
    compiler = [os.environ.get("CC", "gcc"), "-shared", "-fPIC"]
    write(folder, "s.c", "int tn_other(void);\nint tn_other(void) { return 0; }\n")
    subprocess.run([*compiler, folder / "s.c", "-o", folder / "lib/libother.so"], check=True)
    for code, text, more in ((0, "clean", []),
                             (1, "linked with", ["-Wl,--no-as-needed", folder / "lib/libother.so"])):
        subprocess.run([*compiler, folder / "s.c", *more, "-o", run_library], check=True)
        result = check("linkage", folder, "--libraries", str(folder / "lib"))
        expect(failures, f"linkage with {more}", result, code, text)
    write(folder, "s.c", "int other(void);\nint other(void) { return 0; }\n")
    subprocess.run([*compiler, folder / "s.c", "-o", run_library], check=True)
    result = check("linkage", folder, "--libraries", str(folder / "lib"))
    expect(failures, "linkage with an export", result, 1, "exports other")


def planted_format(failures, folder):
    if not shutil.which("clang-format-19"):
        return
    shutil.copy(HERE.parents[1] / ".clang-format", folder)
    for text, code in (("int a;\n", 0), ("int   a;\n", 1)):
        write(folder, "f.c", text)
        result = run([str(HERE / "format.sh"), str(folder / "f.c")])
        expect(failures, f"format of {text!r}", result, code)


def main():
    failures = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        planted_files(failures, folder)
        planted_symbol(failures, folder)
        planted_linkage(failures, folder)
        planted_format(failures, folder)
    print("\n".join(failures) or f"{len(PLANTED) + 5} planted faults found")
    sys.exit(1 if failures else 0)


main()
