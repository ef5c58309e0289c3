#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# aarch64.sh BUILD PROGRAM..: lets the test programs write their cases as code
# for aarch64, then runs them in an emulator. Skipped without the tools.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
shift
for tool in qemu-aarch64 aarch64-linux-gnu-gcc; do
  if ! command -v $tool >/dev/null; then
    echo "skipped: $tool is not installed (qemu-user, gcc-aarch64-linux-gnu, libc6-dev-arm64-cross)"
    exit 77
  fi
done
work=$(mktemp -d "$build/aarch64.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$root"
aarch64-linux-gnu-gcc -std=c11 -O1 -static -I. -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE \
  tests/cross/case_runner.c backends/cpu/cpu_load.c backends/cpu/cpu_reloc.c backends/cpu/cpu_os.c \
  ir/type.c ir/base/alloc.c ir/base/diag.c -lm -lpthread -o "$work/runner"
for program; do
  TN_AARCH64_CASES=$work "$program"
done
qemu-aarch64 "$work/runner" "$work"/*.case
