# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over the product files that a build compiles: the checks of
.clang-tidy without the static analyzer, or only those of the analyzer, which
takes minutes.

A file without findings is looked at again only when what its compiler reads,
or how it is looked at, has changed: the build's folder tidy holds a hash of
that for each. The file tidy-KIND.log there has the findings, the way to each,
and the seconds that each file took."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

import tree

CHECKS = {"tidy": "-clang-analyzer-*", "analyzer": "-bugprone-*,-readability-*"}
EXTRA = ["-Wno-unknown-warning-option", "-Wno-enum-float-conversion"]
CLANG, TIDY = "clang-19", "clang-tidy-19"


class Job:
    def __init__(self, root, build, kind, entry):
        self.root, self.build, self.kind, self.entry = root, build, kind, entry
        self.name = str(pathlib.Path(entry["file"]).relative_to(root))
        self.mark = build / "tidy" / f"{self.name.replace('/', '.')}.{kind}"
        self.seconds, self.findings = None, ""

    def preprocessed(self):
        """What the compiler reads, with its lines: a moved line moves a finding."""
        command = shlex.split(self.entry["command"])
        while not command[0].endswith(("cc", "gcc", "clang", CLANG)):
            command.pop(0)
        at = command.index("-o")
        command = [CLANG, *EXTRA, *command[1:at], *command[at + 2:], "-E"]
        return subprocess.run(command, cwd=self.entry["directory"], capture_output=True).stdout

    def hash(self):
        h = hashlib.sha256(self.preprocessed())
        for part in (CHECKS[self.kind], " ".join(EXTRA), self.entry["command"],
                     (self.root / ".clang-tidy").read_text(), Job.version):
            h.update(part.encode() + b"\0")
        return h.hexdigest()

    def run(self):
        digest = self.hash()
        if self.mark.exists() and self.mark.read_text() == digest:
            return self
        command = [TIDY, "-p", str(self.build), "--quiet", f"--checks={CHECKS[self.kind]}",
                   *(f"--extra-arg={e}" for e in EXTRA), self.name]
        start = time.monotonic()
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True)
        self.seconds = time.monotonic() - start
        if done.returncode != 0:
            self.findings = done.stdout + done.stderr
        else:
            self.mark.write_text(digest)
        return self


def jobs(root, build, kind):
    entries = json.loads((build / "compile_commands.json").read_text())
    found = {}
    for entry in entries:
        path = pathlib.Path(entry["file"])
        if path.is_relative_to(root) and path.relative_to(root).parts[0] in tree.PRODUCT:
            found.setdefault(entry["file"], Job(root, build, kind, entry))
    # Largest first, so that none is left alone at the end.
    return sorted(found.values(), key=lambda j: (-os.path.getsize(j.entry["file"]), j.name))


def main():
    options = tree.arguments(__doc__, ("kind", "build"))
    root, build = options.root.resolve(), pathlib.Path(options.build).resolve()
    if not shutil.which(TIDY) or not shutil.which(CLANG):
        print(f"skipped: {TIDY} or {CLANG} is not installed")
        sys.exit(77)
    Job.version = subprocess.run([TIDY, "--version"], capture_output=True, text=True).stdout
    (build / "tidy").mkdir(exist_ok=True)
    looked, findings = 0, []
    with open(build / f"tidy-{options.kind}.log", "w") as log:
        work = jobs(root, build, options.kind)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for done in concurrent.futures.as_completed([pool.submit(j.run) for j in work]):
                job = done.result()
                if job.seconds is None:
                    continue
                looked += 1
                print(f"{job.seconds:.1f} s {job.name}\n{job.findings}", file=log, flush=True)
                findings += re.findall(r"^.*(?:error|warning): .*$", job.findings, re.M)
                if job.findings and not findings:
                    findings.append(f"{job.name}: {job.findings}")
    print(f"{looked} of {len(work)} files looked at, the others are as they were")
    tree.report(sorted(set(findings)))


main()
