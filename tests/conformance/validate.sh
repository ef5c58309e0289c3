#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every kernel of the conformance suite through validators that are not ours.
#
#   validate.sh make DEVICE FOLDER PROGRAM   runs the suite (a sample of its
#                                            graphs) and leaves the code
#   validate.sh check DEVICE FOLDER          looks at it
#
# vulkan: spirv-val. opencl: clang's front end, and Intel's offline compiler
# with no register spilled for the tile programs, where it is here. Exit code 77:
# nothing to check with, or nothing to check.
set -u
mode=$1 device=$2 folder=$3
if [ "$mode" = make ]; then
  rm -rf "$folder"
  mkdir -p "$folder" && exec "$4" "$device" --sample --dump "$folder"
  exit 1
fi
bad=0 count=0

check() { # FILE COMMAND..
  file=$1
  shift
  if ! "$@" >"$folder/out" 2>&1; then
    echo "$file: $1 objects:"
    head -n 10 "$folder/out"
    bad=$((bad + 1))
  fi
}

intel() { # FILE: no spills in any SIMD width that is kept
  base=$(basename "$1" .cl)
  (cd "$folder" && IGC_ShaderDumpEnable=0 ocloc compile -file "$base.cl" -device skl \
    -options "-cl-std=CL1.2" -out_dir . -output "$base" >"$base.intel" 2>&1) || {
    echo "$1: ocloc objects:"
    head -n 10 "$folder/$base.intel"
    bad=$((bad + 1))
  }
  if grep -qi 'spill' "$folder/$base.intel"; then
    echo "$1: Intel's compiler spills registers"
    bad=$((bad + 1))
  fi
}

ls "$folder"/k* >/dev/null 2>&1 || { echo "no kernels: the device is not here"; exit 77; }
case $device in
vulkan)
  command -v spirv-val >/dev/null || { echo "spirv-val is not here"; exit 77; }
  for f in "$folder"/*.spv; do
    count=$((count + 1))
    check "$f" spirv-val --target-env vulkan1.2 "$f"
  done
  ;;
opencl)
  command -v clang-19 >/dev/null || { echo "clang-19 is not here"; exit 77; }
  for f in "$folder"/*.cl; do
    count=$((count + 1))
    check "$f" clang-19 -x cl -cl-std=CL1.2 -target spir64 -fsyntax-only -Wall -Wno-unused-variable \
      -Wno-unused-function -Xclang -finclude-default-header -Xclang -fdeclare-opencl-builtins "$f"
    case $f in
    */k*) command -v ocloc >/dev/null && intel "$f" ;;
    esac
  done
  ;;
esac
echo "$device: $count kernels checked, $bad complaints"
[ "$bad" -eq 0 ] && [ "$count" -gt 0 ]
