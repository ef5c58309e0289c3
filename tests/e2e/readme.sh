#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every command of the README runs, and prints what the README says: lines that
# follow a "$ tenon .." line must stand in its output, numbers to four places: how
# sums are split, and with that the last digits, is the machine's. Vulkan commands are
# passed over where there is no device.
#
#   readme.sh PROGRAM SOURCE_FOLDER
set -u
PATH=$(dirname "$1"):$PATH
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
ln -s "$2/models" "$folder/models"
cp "$2/README.md" "$folder/README.md"
cd "$folder" || exit 1
places() { sed 's/\(\.[0-9]\{4\}\)[0-9]*/\1/g'; }
count=0 failed=0
command=
tenon devices | grep -q '^vulkan:' && vulkan=1 || vulkan=0
awk '/^```/ { if (inside) inside = 0; else inside = ($0 == "```") ? 1 : 2; next } inside == 1' \
  README.md >lines
while IFS= read -r line <&3; do
  case $line in
  '$ '*)
    command=${line#'$ '}
    count=$((count + 1))
    case $command in *vulkan) [ "$vulkan" = 1 ] || { command=; continue; } ;; esac
    if ! sh -c "$command" >out 2>err </dev/null; then
      echo "not ok: $command"
      cat err
      failed=$((failed + 1))
    fi
    ;;
  hello.json:*) command= ;;
  *)
    [ -n "$command" ] || continue
    if ! places <out | grep -qF -- "$(printf '%s\n' "$line" | places)"; then
      echo "not ok: $command does not print: $line"
      failed=$((failed + 1))
    fi
    ;;
  esac
done 3<lines
echo "$count commands, $failed failed"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
