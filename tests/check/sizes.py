# SPDX-License-Identifier: Apache-2.0
"""Checks that no file has more than 700 lines (tables and tests may) and no
function more than 60 (each label of a `switch` gives one line back)."""

import re

import tree

FILE_LINES = 700
FUNCTION_LINES = 60


def functions(text):
    """(first line, name, lines) of every definition: from the line with its
    name, at column 0, to the brace at column 0."""
    start = name = None
    labels = 0
    for number, line in enumerate(text, 1):
        if line == "}" and start and opened:
            yield start, name, number - start + 1 - labels
            start = None
        elif line == "{" and start:
            opened = True
        elif not start or not opened:
            match = re.match(r"([A-Za-z_]\w*)\(", line)
            if match:
                start, name, opened, labels = number, match[1], False, 0
            elif line.endswith(";") or line.startswith("#"):
                start = None
        elif re.match(r"\s*(case\b.*:|default:)", line):
            labels += 1


def main():
    root = tree.arguments(__doc__).root
    problems = []
    for name in tree.files(root, (".c", ".h")):
        text = tree.lines(root, name)
        if len(text) > FILE_LINES and not name.startswith("tests/"):
            problems.append(f"{name}: {len(text)} lines, at most {FILE_LINES}")
        for start, function, length in functions(text):
            if length > FUNCTION_LINES:
                problems.append(
                    f"{name}:{start}: {function} has {length} lines, at most {FUNCTION_LINES}")
    tree.report(problems)


main()
