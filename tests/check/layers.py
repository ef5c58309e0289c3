# SPDX-License-Identifier: Apache-2.0
"""Checks every include against layers.txt."""

import pathlib
import re

import tree

FOREIGN = re.compile(r"<(cjson/|cJSON|llvm|clang|vulkan/|CL/|utf8proc|spirv)")


def matcher(pattern):
    text = re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.compile(text + r"\Z")


def rules(path):
    base, more = [], []
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        who, what = line.lstrip("+ ").split(":", 1)
        (more if line.startswith("+") else base).append((matcher(who.strip()), what.split()))
    return base, more


def allowed(name, base, more):
    """Patterns of what `name` may include, or None if no rule covers it."""
    found = None
    for who, what in base:
        if who.match(name):
            found = list(what)
    if found is None:
        return None
    for who, what in more:
        if who.match(name):
            found += what
    folder = name.rsplit("/", 1)[0]
    return [matcher(w.replace("SELF", folder + "/*")) for w in found]


def main():
    root = tree.arguments(__doc__).root
    base, more = rules(pathlib.Path(__file__).with_name("layers.txt"))
    problems = []
    for name in tree.files(root, (".c", ".h", ".def")):
        may = allowed(name, base, more)
        if may is None:
            problems.append(f"{name}: no rule in layers.txt says what it may include")
            continue
        for number, line in enumerate(tree.lines(root, name), 1):
            match = re.match(r'\s*#\s*include\s*(<[^>]*>|"[^"]*")', line)
            if not match:
                continue
            what = match[1]
            if what[0] == "<" and not FOREIGN.match(what):
                continue
            what = what.strip('"')
            if what[0] != "<" and not (root / what).exists():
                problems.append(f"{name}:{number}: {what} is not a path from the root")
            elif not any(pattern.match(what) for pattern in may):
                problems.append(f"{name}:{number}: may not include {what}")
    tree.report(problems)


main()
