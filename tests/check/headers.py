# SPDX-License-Identifier: Apache-2.0
"""Checks that each header compiles alone. Headers of what is not installed
(cJSON, LLVM, Vulkan, OpenCL) make a header pass over, with a line that says so."""

import concurrent.futures
import os
import subprocess

import tree

FLAGS = ["-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unused",
         "-D_POSIX_C_SOURCE=200809L", "-D_DEFAULT_SOURCE", "-DTN_HAVE_LLVM=0",
         "-DTN_HAVE_VULKAN=0", "-DTN_HAVE_OPENCL=0", "-DTN_HAVE_UTF8PROC=0", '-DTN_VERSION="0"']
FOREIGN = ("cjson/", "llvm-c/", "vulkan/", "CL/", "utf8proc")


def compile_alone(root, name):
    text = f'#include "{name}"\nextern int tn_check_not_empty;\n'
    command = [os.environ.get("CC", "gcc"), *FLAGS, "-I", str(root), "-x", "c", "-"]
    return subprocess.run(command, input=text, text=True, capture_output=True, cwd=root)


def main():
    root = tree.arguments(__doc__).root
    names = tree.files(root, (".h",))
    problems = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, result in zip(names, pool.map(lambda n: compile_alone(root, n), names)):
            missing = [f for f in FOREIGN if f"fatal error: {f}" in result.stderr]
            if missing:
                print(f"{name}: passed over, {missing[0]} is not installed")
            elif result.returncode != 0:
                problems.append(f"{name}: does not compile alone\n{result.stderr.rstrip()}")
    tree.report(problems)


main()
