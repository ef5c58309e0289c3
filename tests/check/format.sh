#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that C files are formatted as .clang-format says. With --fix, formats
# them; with names, only those.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
if ! command -v clang-format-19 >/dev/null; then
  echo "skipped: clang-format-19 is not installed"
  exit 77
fi
mode="--dry-run -Werror"
if [ "${1:-}" = --fix ]; then
  mode=-i
  shift
fi
if [ $# -gt 0 ]; then
  exec clang-format-19 $mode "$@"
fi
git ls-files -z --cached --others --exclude-standard '*.c' '*.h' |
  xargs -0 sh -c 'for f; do [ ! -f "$f" ] || echo "$f"; done' sh |
  xargs -P 2 -n 20 clang-format-19 $mode
