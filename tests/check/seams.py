# SPDX-License-Identifier: Apache-2.0
"""Checks that product code calls the allocator, the file system and whatever
ends the process only where seams.txt says so."""

import pathlib
import re

import tree

CALLS = """malloc calloc realloc reallocarray aligned_alloc posix_memalign memalign free strdup
strndup asprintf vasprintf alloca fopen fdopen freopen tmpfile mkstemp mkdtemp open openat creat
close read write pread pwrite stat fstat lstat fsync fdatasync rename renameat unlink unlinkat
remove mkdir rmdir opendir readdir realpath mmap munmap mprotect getline abort exit _exit
quick_exit system popen getenv setlocale rand srand time gettimeofday strtod strtof atof
""".split()
PATTERN = re.compile(r"(?<![\w.>])(" + "|".join(CALLS) + r")\s*\(")


def allowances(path):
    allowed = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, calls = line.split(":")
            allowed[name.strip()] = set(calls.split())
    return allowed


def main():
    root = tree.arguments(__doc__).root
    allowed = allowances(pathlib.Path(__file__).with_name("seams.txt"))
    problems = []
    for name in tree.product(root):
        text = tree.without_comments("\n".join(tree.lines(root, name)))
        for number, line in enumerate(text.splitlines(), 1):
            for match in PATTERN.finditer(line):
                before = line[:match.start()].rstrip()
                # A declaration or a definition of that name, such as a member.
                if re.search(r"[\w*]$", before) and not re.search(r"\breturn$|\belse$", before):
                    continue
                if not before and line == line.lstrip():
                    continue
                if match[1] not in allowed.get(name, ()):
                    problems.append(f"{name}:{number}: calls {match[1]}")
    tree.report(problems)


main()
