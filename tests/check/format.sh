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
case ${1:-} in
  --fix) shift && mode=-i ;;
  *) mode="--dry-run -Werror" ;;
esac
if [ $# -eq 0 ]; then
  set -- $(git ls-files --cached --others --exclude-standard '*.c' '*.h' 2>/dev/null)
  [ $# -gt 0 ] || set -- $(find . -name 'build*' -prune -o -name '*.[ch]' -print)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for name; do
  [ ! -f "$name" ] || printf '%s\0' "$name"
done | xargs -0 -P 2 -n 20 clang-format-19 $mode 2>"$log" ||
  {
    echo "Not formatted (tests/check/format.sh --fix FILE.. mends it):"
    sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error:.*/\1/p' "$log" | sort | uniq -c
    exit 1
  }
