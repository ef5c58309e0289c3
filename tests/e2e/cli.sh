#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program as a user meets it: results, messages, exit codes.
#
#   cli.sh PROGRAM SOURCE_FOLDER
set -u
tenon=$1
cd "$2" || exit 1
model=models/utterance/model.json
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
failed=0 passed=0

# expect CODE TEXT ARGUMENT..: the exit code, and a text in what is printed.
expect() {
  code=$1 text=$2
  shift 2
  "$tenon" "$@" >"$folder/out" 2>"$folder/err"
  got=$?
  if [ "$got" -eq "$code" ] && grep -qF -- "$text" "$folder/out" "$folder/err"; then
    passed=$((passed + 1))
    return
  fi
  failed=$((failed + 1))
  echo "not ok: tenon $*: code $got, wanted $code with \"$text\""
  head -n 5 "$folder/out" "$folder/err"
}

cat >"$folder/small.json" <<'JSON'
{ "tenon": 1,
  "dims": {"B": "1..8"},
  "weights": {"w": {"type": "f32[2,3]", "data": [[1, 0, 2], [0, 1, 0]]}},
  "inputs": {"x": "f32[B,3]", "i": {"type": "i32[B]"}},
  "nodes": [["y", "linear", "x", "w"], ["z", "gather", "w", "i", {"axis": 0}]],
  "outputs": {"y": "f32[B,2]", "z": "f32[B,3]"}
}
JSON
small=$folder/small.json

expect 0 "tenon 0." --version
expect 0 "VERB" --help
expect 0 "--target" compile --help
expect 2 "did you mean \"run\"" rum
expect 2 "there is no option --devise; did you mean --device?" run "$small" --devise cpu
expect 2 "a verb is missing"
expect 2 "expected one file" run
expect 2 "takes no --target" run "$small" --target cpu

expect 0 "[[7, 2]]" run "$small" -i 'x=[[1,2,3]]' -i 'i=[1]'
expect 0 '"y":{"type":"f32[1,2]","data":[[7,2]]}' run "$small" -i 'x=[[1,2,3]]' -i 'i=[1]' --json
expect 0 "[[7, 2]]" run "$small" -i 'x=[[1,2,3]]' -i 'i=[1]' --device ref
expect 0 "[[7, 2]]" run "$small" -i 'x=[[1,2,3]]' -i 'i=[1]' --device interp
expect 2 "inputs without data: i" run "$small" -i 'x=[[1,2,3]]'
expect 2 "no input \"q\"" run "$small" -i 'q=[1]'
expect 2 "no backend has this name" run "$small" --device abacus
expect 2 "--fallback gpu: expected cpu" run "$small" --fallback gpu -i 'x=[[1,2,3]]' -i 'i=[1]'
expect 10 "vulkan" run "$small" --device vulkan:97 -i 'x=[[1,2,3]]' -i 'i=[1]'
expect 0 "[[7, 2]]" run "$small" --device vulkan:97 --fallback cpu -i 'x=[[1,2,3]]' -i 'i=[1]'
expect 0 "runs on cpu, not on vulkan:97" run "$small" --device vulkan:97 --fallback cpu -i 'x=[[1,2,3]]' -i 'i=[1]'
expect 3 "expected a number" run "$small" -i 'x=[[1,"a",3]]' -i 'i=[0]'
expect 3 "axis 1 is 2, expected 3" run "$small" -i 'x=[[1,2]]' -i 'i=[0]'
expect 3 "element 1 is 5, expected 0..1" run "$small" -i 'x=[[1,2,3],[4,5,6]]' -i 'i=[0,5]'
expect 3 "element 0 is -1" run "$small" -i 'x=[[1,2,3]]' -i 'i=[-1]' --device interp
expect 3 "its range is 1..8" run "$small" -i 'x=[[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3]]' -i 'i=[0,0,0,0,0,0,0,0,0]'
expect 7 "No such file" run "$folder/absent.json"
printf '{"tenon": 1, "tenon": 1}' >"$folder/twice.json"
expect 3 "twice.json:1:14" inspect "$folder/twice.json"
sed 's/linear/linaer/' "$small" >"$folder/op.json"
expect 4 "did you mean \"linear\"" inspect "$folder/op.json"
expect 0 "read and inferred" inspect "$small" --check
expect 5 "--limit depth=N allows more" inspect "$small" --check --limit depth=2
expect 5 "more than 1 nodes" inspect "$small" --check --limit nodes=1
printf '{"tenon": 1, "inputs": {"long": "f32[2]"}}' >"$folder/long.json"
expect 5 "more than 3 bytes (--limit name=N" inspect "$folder/long.json" --check --limit name=3
expect 5 "--limit bytes=N" inspect "$small" --check --limit bytes=10
expect 2 "N from 1 to 1000" inspect "$small" --check --limit depth=1001
expect 2 "a name of: bytes depth" inspect "$small" --check --limit height=1

expect 0 '"stage": "read"' inspect "$small" --ir read --json
cp "$folder/out" "$folder/printed.json"
expect 0 "[[7, 2]]" run "$folder/printed.json" -i 'x=[[1,2,3]]' -i 'i=[1]'
expect 0 '"stage": "read"' inspect "$folder/printed.json" --ir read --json
cmp -s "$folder/out" "$folder/printed.json" || { echo "not ok: printed otherwise"; failed=$((failed + 1)); }

expect 0 '"stage": "clean"' inspect "$small" --ir clean --json
cp "$folder/out" "$folder/clean.json"
expect 0 "contract x, w" inspect "$small" --ir clean
expect 0 "[[7, 2]]" run "$folder/clean.json" -i 'x=[[1,2,3]]' -i 'i=[1]'
expect 2 "expected read, expand, clean, plan or lane" inspect "$small" --ir fuse

cat >"$folder/tests.json" <<'JSON'
{ "tenon": 1, "inputs": {"x": "f32[2,2]"},
  "nodes": [["y", "neg", "x"], ["i", "arg_max", "y", {"axis": 1}]],
  "outputs": {"y": "f32[2,2]", "i": "i32[2]"},
  "tests": [{"name": "one", "inputs": {"x": [[0, 1], [-4, -3]]}, "outputs": {"i": [0, 0]}}]
}
JSON
expect 0 "smallest margin 0.2" verify "$folder/tests.json" --device ref
expect 0 '"first_op":null,"margin":0.2,' verify "$folder/tests.json" --device cpu --json
expect 0 '"margin":null' verify "$small" --device ref --json
expect 2 "--device nosuch: no backend has this name" verify "$small" --device cpu,nosuch

expect 0 "" compile "$small" -o "$folder/small.tenon" --target cpu:x86-64-v2,vulkan,opencl,interp
expect 0 "[[7, 2]]" run "$folder/small.tenon" -i 'x=[[1,2,3]]' -i 'i=[1]'
expect 0 "[[7, 2]]" run "$folder/small.tenon" -i 'x=[[1,2,3]]' -i 'i=[1]' --no-native
expect 0 "every checksum matches" verify "$folder/small.tenon"
expect 0 '"targets":["cpu:x86-64-v2","vulkan","opencl","interp"]' inspect "$folder/small.tenon" --json
expect 2 "which an artifact does not hold" run "$folder/small.tenon" --device ref
cp "$folder/small.tenon" "$folder/again.tenon"
expect 0 "" compile "$small" -o "$folder/again.tenon" --target cpu:x86-64-v2,vulkan,opencl,interp
cmp -s "$folder/small.tenon" "$folder/again.tenon" || { echo "not ok: other bytes"; failed=$((failed + 1)); }
printf 'x' | dd of="$folder/again.tenon" bs=1 seek=4100 conv=notrunc 2>/dev/null
expect 8 "checksum" run "$folder/again.tenon" -i 'x=[[1,2,3]]' -i 'i=[1]'
head -c 100 "$folder/small.tenon" >"$folder/cut.tenon"
expect 8 "of a file of 100" run "$folder/cut.tenon"
expect 2 "unknown; there are cpu" compile "$small" -o "$folder/x.tenon" --target z80
expect 7 "" compile "$small" -o "$folder/none/x.tenon"
export TENON_CACHE_LIMIT=much
expect 2 "must be a whole number of MiB" devices
unset TENON_CACHE_LIMIT
export TENON_CACHE="" TENON_WORKER="$folder/absent"
expect 9 "absent: it cannot be started" compile "$small" -o "$folder/x.tenon" --target cpu
TENON_WORKER=""
expect 0 "" compile "$small" -o "$folder/again.tenon" --target cpu:x86-64-v2,vulkan,opencl,interp
cmp -s "$folder/small.tenon" "$folder/again.tenon" || { echo "not ok: other bytes"; failed=$((failed + 1)); }
unset TENON_CACHE TENON_WORKER

expect 0 "PlayMusic" run "$model" -i "text=play the new record by nick cave"
expect 0 "[nick cave:artist]" run "$model" -i "text=play the new record by nick cave" --color never
expect 0 '"labels":["PlayMusic"]' run "$model" -i "text=play the new record by nick cave" --json
expect 0 "tests, largest error" verify "$model" --device cpu,interp
expect 0 "launches" inspect "$model"
expect 0 "nodes left alone" explain "$model"
expect 0 "layer_norm" explain "$model"
expect 0 '"schema":"tenon.explain/1","fused":[' explain "$model" --json
expect 0 '"node":"x[1].h'"'"'.p","op":"softmax","kernel":"k' explain "$model" --json --skip group
layer=tests/fusion/norms/gpt2_ffn_ts17.json
expect 0 'pow_three (reorder) act/Pow' explain "$layer"
expect 0 '"row":"rows_of_product_and_bias","freedom":"","nodes":["c_fc/Reshape_1","input"]}]' explain "$layer" --json --exact
expect 2 "an artifact holds no graph" explain "$folder/small.tenon"
expect 2 "has no such entry" explain "$model" --entry decode
expect 2 "one target at a time" explain "$model" --target cpu,vulkan
expect 2 "there is no pass" explain "$model" --only gruop
expect 0 "launches" bench "$small" --only views --runs 2 --seed 1 -i 'i=[1]'
expect 0 "vulkan" devices
expect 0 "ok       cpu:0" doctor
expect 0 '"schema":"tenon.doctor/1"' doctor --json
VK_DRIVER_FILES=$folder/none.json VK_ICD_FILENAMES=$folder/none.json
export VK_DRIVER_FILES VK_ICD_FILENAMES
expect 0 "a driver: that of the GPU, or mesa-vulkan-drivers" doctor
expect 0 '"name":"vulkan","state":"missing"' doctor --json
unset VK_DRIVER_FILES VK_ICD_FILENAMES
expect 0 "built in" plugins
expect 0 '"name":"opencl","family":"opencl"' plugins --json
expect 9 "cannot be opened" plugins --plugin "$folder/absent.so"
expect 0 "softmax" ops softmax
expect 2 "there is no op" ops softmx
expect 0 "expand" passes

expect 2 "shows what --attribute finds" bench "$small" --html "$folder/page.html"
expect 2 "compiles the graph anew" bench "$folder/small.tenon" --attribute
expect 0 "gains add up to" bench "$small" --attribute --runs 2 --seed 1 -i 'i=[1]'
expect 0 '"attribute":{"ladder":[{"pass":"nothing","median_ns":' bench "$small" --attribute --runs 2 --seed 1 -i 'i=[1]' --json --html "$folder/page.html"
expect 0 '"leave_one_out":[{"pass":"' bench "$small" --attribute --runs 2 --seed 1 -i 'i=[1]' --json
grep -q "</html>" "$folder/page.html" || { echo "not ok: no page"; failed=$((failed + 1)); }
grep -q "://" "$folder/page.html" && { echo "not ok: the page wants something from elsewhere"; failed=$((failed + 1)); }

# Expectations: kept, broken (each part is told), and where passes are out.
sed 's/"tenon": 1,/"tenon": 1, "expect": EXPECT,/' "$small" >"$folder/expect.in"
with() { sed "s/EXPECT/$1/" "$folder/expect.in" >"$folder/expect.json"; }
with '{"launches": {"max": 2}, "params": 6}'
expect 0 "" compile "$folder/expect.json" -o "$folder/x.tenon"
with '{"fused": ["attention*2", "viterbi"], "launches": {"max": 1}, "weights_bytes": {"max": 3}}'
expect 13 "expect.json:1:35: expect.fused: entry main on cpu: expected fused attention*2, found 0" compile "$folder/expect.json" -o "$folder/y.tenon"
expect 13 "expected fused viterbi, found none" inspect "$folder/expect.json"
expect 13 "expected launches of at most 1, found 2" run "$folder/expect.json" -i 'x=[[1,2,3]]' -i 'i=[1]'
expect 13 "expected weights_bytes of at most 3, found" bench "$folder/expect.json" --seed 1 -i 'i=[1]'
expect 0 "not checked (passes are left out): fused attention*2, fused viterbi, launches, weights_bytes" inspect "$folder/expect.json" --skip group
expect 0 "not checked (passes are left out): fused attention*2" run "$folder/expect.json" -i 'x=[[1,2,3]]' -i 'i=[1]' --device ref
expect 0 "gains add up" bench "$folder/expect.json" --attribute --runs 1 --seed 1 -i 'i=[1]'
[ ! -e "$folder/y.tenon" ] || { echo "not ok: a file of a model that is not as expected"; failed=$((failed + 1)); }
with '[{"when": {"device": "vulkan"}, "launches": {"max": 1}}, {"fused": ["glu*2"]}]'
expect 0 "not checked (no pass makes it): fused glu*2" inspect "$folder/expect.json"
expect 13 "entry main on vulkan: expected launches of at most 1" inspect "$folder/expect.json" --target cpu,vulkan
with '{"params": 7}'
expect 13 "the model has 6 params, 7 are expected" inspect "$folder/expect.json" --check
expect 13 "the model has 6 params, 7 are expected" run "$folder/expect.json" -i 'x=[[1,2,3]]' -i 'i=[1]' --device ref

# A state in place, and one that cannot be.
cat >"$folder/state.json" <<'JSON'
{ "tenon": 1, "expect": {"in_place": ["s"]},
  "inputs": {"x": "f32[2,3]", "p": {"type": "i32[]", "range": "0..4"}, "i": "i32[1]"},
  "state": {"s": "f32[6,3]"},
  "nodes": [["q", "index", "i", {"axis": 0, "at": 0}], ["t", "update", "s", "x", {"axis": 0, "at": "p"}],
            ["y", "reduce_sum", "t", {"axes": [0]}], ["z", "=q + 1"]],
  "store": {"s": "t"}, "outputs": {"y": "f32[3]", "z": "i32[]"} }
JSON
expect 0 "state=s axis=0 rows=2 after_failure=put_back" explain "$folder/state.json"
expect 0 "2 rows of b" inspect "$folder/state.json" --ir plan
expect 0 "not checked (passes are left out): in_place" inspect "$folder/state.json" --skip in_place
sed -i 's/"at": "p"/"at": "q"/' "$folder/state.json"
expect 0 "found: it is computed" explain "$folder/state.json"
expect 13 "expected state s updated in place, found that it is copied; nearly at t: wanted: the offset is known before" inspect "$folder/state.json"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
