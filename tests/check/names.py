# SPDX-License-Identifier: Apache-2.0
"""Checks that
 - file names are unique across the tree, so that a name in a log is a place
   (models and test data may repeat theirs);
 - external symbols of the libraries given by --libraries start with tn_;
 - product code names no model and no test of the tree."""

import re
import subprocess

import tree

REPEATED = {"README.md", "CMakeLists.txt", ".gitignore"}
CODE = (".c", ".h", ".def", ".py", ".sh", ".md", ".txt", ".cmake")


def unique_names(root):
    seen = {}
    for name in tree.files(root, CODE):
        last = name.rsplit("/", 1)[-1]
        if last in REPEATED or name.startswith("models/"):
            continue
        if last in seen:
            yield f"{name}: the name is taken by {seen[last]}"
        seen.setdefault(last, name)


def symbols(library):
    command = ["nm", "-g", "--defined-only", library]
    text = subprocess.run(command, check=True, text=True, capture_output=True).stdout
    # What the sanitizers put into each object starts with an underscore.
    for match in re.finditer(r"^[0-9a-f]+ [A-Z] (\S+)$", text, re.M):
        if not re.match(r"tn_|_", match[1]):
            yield f"{library}: the external symbol {match[1]} does not start with tn_"


def spellings(word):
    return re.escape(word).replace("_", "[-_ ]").replace(r"\-", "[-_ ]")


def no_model_or_test(root):
    models = {n.split("/")[1] for n in tree.files(root)
              if n.startswith("models/") and n.count("/") > 1}
    tests = {n.rsplit("/", 1)[-1][:-2] for n in tree.files(root, (".c",))
             if re.match(r"tests/(?!support/).*/test_\w+\.c$", n)}
    words = [f"(?i:{spellings(m)})" for m in sorted(models)] + sorted(tests)
    if not words:
        return
    pattern = re.compile(r"(?<![A-Za-z0-9_])(" + "|".join(words) + r")(?![A-Za-z0-9_])")
    for name in tree.product(root):
        for number, line in enumerate(tree.lines(root, name), 1):
            match = pattern.search(line)
            if match:
                yield f"{name}:{number}: names the model or test {match[0]}"


def main():
    given = tree.arguments(__doc__, ["--libraries"])
    problems = list(unique_names(given.root))
    problems += no_model_or_test(given.root)
    for library in (given.libraries or "").split(","):
        if library:
            problems += symbols(library)
    tree.report(problems)


main()
