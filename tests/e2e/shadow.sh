#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shadow check finds a fault that a code generator plants in the kernels of
# one fused row, names that row, and blames none where the fault is elsewhere.
#
#   shadow.sh PROGRAM GENERATOR
set -u
tenon=$1 generator=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
export TENON_CACHE=""
failed=0

# Two rows that fuse, and a sum that does not.
cat >"$folder/model.json" <<'JSON'
{ "tenon": 1,
  "inputs": {"x": "f32[2,6,8]"},
  "nodes": [
    ["s", "contract", "x", "x", {"labels": "bid,bjd->bij"}],
    ["p", "softmax", "s", {"axis": 2}],
    ["o", "contract", "p", "x", {"labels": "bij,bjd->bid"}],
    ["n", "=o + x"],
    ["t", "contract", "n", "n", {"labels": "bid,bjd->bij"}],
    ["q", "softmax", "t", {"axis": 2}],
    ["u", "contract", "q", "n", {"labels": "bij,bjd->bid"}],
    ["y", "cum_sum", "u", {"axis": 1}]
  ],
  "outputs": {"y": "f32[2,6,8]"},
  "tests": [{"name": "seeded", "inputs": {"x": {"seed": 3, "shape": [2,6,8]}}}]
}
JSON

# finds FAMILY CODE TEXT: with a fault in that family.
finds() {
  export TN_FAULT=$1
  found=$("$tenon" verify "$folder/model.json" --device cpu --shadow --plugin "$generator" 2>&1)
  code=$?
  if [ "$code" -eq "$2" ] && echo "$found" | grep -qF -- "$3"; then return; fi
  failed=$((failed + 1))
  echo "not ok: a fault in \"$1\": code $code, wanted $2 with \"$3\""
  echo "$found"
}

finds "" 0 "2 fused rows held against their decompositions"
finds attention 12 "first fused row that differs: attention at n (4 nodes)"
finds cum_sum 12 "first op that differs: y (cum_sum)"
case $found in *"fused row that differs"*) echo "not ok: $found"; failed=$((failed + 1)) ;; esac
[ "$failed" -eq 0 ]
