# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the files of the tree, and how a check reports."""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

PRODUCT = ("ir", "frontend", "passes", "backends", "runtime", "tools")


def arguments(text, more=()):
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2])
    for name in more:
        parser.add_argument(name)
    return parser.parse_args()


def files(root, suffixes=None):
    """Paths relative to `root`, sorted: what git tracks or would track, or
    all files where git does not answer."""
    found = []
    if (root / ".git").exists() and shutil.which("git"):
        command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others",
                   "--exclude-standard"]
        found = subprocess.run(command, capture_output=True).stdout.decode().split("\0")
    if not any(found):
        found = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()]
        found = [n for n in found if not re.match(r"(build[^/]*|\.git)/", n)]
    found = [n for n in found if (root / n).is_file()]
    return sorted(n for n in set(found) if not suffixes or n.endswith(suffixes))


def product(root):
    return [n for n in files(root, (".c", ".h", ".def")) if n.split("/")[0] in PRODUCT]


def lines(root, name):
    """The lines of a text file, or nothing for another."""
    data = (root / name).read_bytes()
    if b"\0" in data[:4096]:
        return []
    return data.decode(errors="replace").splitlines()


def without_comments(text):
    """C without comments, strings and characters; line numbers stay."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: '""' if m[0][0] in "\"'" else "\n" * m[0].count("\n"), text,
                  flags=re.S)


def report(problems):
    """Prints them and ends the program with 1 if there are any."""
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems" if problems else "clean")
    sys.exit(1 if problems else 0)
