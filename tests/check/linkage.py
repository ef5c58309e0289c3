# SPDX-License-Identifier: Apache-2.0
"""Checks what the libraries in the folder --libraries are linked with: drivers
are opened at run time, the code generator is a module of its own, and what
runs artifacts needs nothing but the C library and the tables of Unicode, and
is small."""

import pathlib
import re
import subprocess

import tree

RUN = r"lib(c|m|pthread|dl)\.so\.|ld-linux|libutf8proc\.so\."
COMPILER = RUN + r"|libcjson\.so\."
RULES = {"libtenon_run.so": RUN, "libtenon.so": COMPILER, "../bin/tenon": COMPILER}
RUN_BYTES = 1 << 20
EXPORTED = re.compile(r"tn_|_init$|_fini$")


def output(*command):
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def main():
    folder = pathlib.Path(tree.arguments(__doc__, ["--libraries"]).libraries)
    problems = []
    for name, allowed in RULES.items():
        path = folder / name
        if not path.exists():
            print(f"{name}: not built")
            continue
        for needed in re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", path)):
            if not re.match(allowed, needed):
                problems.append(f"{name}: linked with {needed}")
        if path.suffix == ".so":
            for line in output("nm", "-D", "--defined-only", path).splitlines():
                symbol = line.split()[-1]
                if not EXPORTED.match(symbol):
                    problems.append(f"{name}: exports {symbol}")
    run = folder / "libtenon_run.so"
    if run.exists():
        text, data, bss = map(int, output("size", run).splitlines()[1].split()[:3])
        print(f"libtenon_run.so: {text + data + bss} bytes in memory")
        if text + data + bss > RUN_BYTES:
            problems.append(f"libtenon_run.so: more than {RUN_BYTES} bytes")
    tree.report(problems)


main()
