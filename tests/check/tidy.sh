#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tidy.sh tidy|analyzer BUILD [FILE..]: clang-tidy over the product files that
# BUILD compiles; the checks of .clang-tidy without, or only those of, the static
# analyzer, which takes minutes.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
case $1 in
  analyzer) checks='-bugprone-*,-readability-*' ;;
  *) checks='-clang-analyzer-*' ;;
esac
build=$(cd "$2" && pwd)
log=$build/$1.log
shift 2
cd "$root"
if ! command -v clang-tidy-19 >/dev/null; then
  echo "skipped: clang-tidy-19 is not installed"
  exit 77
fi
if [ $# -eq 0 ]; then
  set -- $(sed -n "s|^ *\"file\": \"$root/\(.*\.c\)\",\{0,1\}$|\1|p" "$build/compile_commands.json" |
    grep -v '^tests/' | sort -u)
fi
printf '%s\0' "$@" | xargs -0 -P 2 -n 4 clang-tidy-19 -p "$build" --quiet \
  --checks="$checks" --extra-arg=-Wno-unknown-warning-option \
  --extra-arg=-Wno-enum-float-conversion >"$log" 2>&1 ||
  {
    echo "The first findings (all, with the way there, are in $log):"
    grep -E '(error|warning): ' "$log" | sort -u | head -n 40
    exit 1
  }
