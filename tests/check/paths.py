# SPDX-License-Identifier: Apache-2.0
"""Checks that no file names a folder of one machine or the host of a package
registry: the tree builds anywhere, from the packages of the distribution."""

import re

import tree

# Written so that this file does not match itself.
PATTERN = re.compile(
    r"(?<![\w.])/(?:wor[k]|ro[o]t|hom[e]|far[m]|tm[p]|mn[t]|Use[r]s)/"
    r"|\.librar[y]/"
    r"|(?:deb|security)\.debia[n]\.org|(?:archive|security)\.ubunt[u]\.com|launchpadconten[t]"
    r"|pyp[i]\.org|pythonhoste[d]|registry\.npmj[s]|crate[s]\.io|proxy\.golan[g]|artifactor[y]"
)


def main():
    root = tree.arguments(__doc__).root
    problems = []
    for name in tree.files(root):
        for number, line in enumerate(tree.lines(root, name), 1):
            match = PATTERN.search(line)
            if match:
                problems.append(f"{name}:{number}: names {match[0]}")
    tree.report(problems)


main()
