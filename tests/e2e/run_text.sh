#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An artifact with a text input runs through the library that has no compiler:
# the tags that tenon finds for the text, found again without it.
#
#   run_text.sh TENON RUN_TEXT MODEL
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
text="put some miles davis on my late night jazz list"
"$1" compile "$3" -o "$folder/model.tenon" --target cpu || exit 1
"$1" run "$folder/model.tenon" -i "text=$text" --json >"$folder/json" || exit 1
"$2" "$folder/model.tenon" text "$text" >"$folder/numbers" || exit 1
cat "$folder/numbers"
[ -s "$folder/numbers" ] || exit 1
while read -r name numbers; do
  list=$(echo "$numbers" | tr ' ' ',')
  grep -q "\"$name\":{[^}]*\"data\":\[*$list\]" "$folder/json" || {
    echo "not ok: $name is another to tenon:"
    cat "$folder/json"
    exit 1
  }
done <"$folder/numbers"
"$2" "$folder/model.tenon" speech "$text" 2>"$folder/err"
[ $? -eq 3 ] && grep -q 'no text input "speech"' "$folder/err"
