#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every GPU kernel of the conformance suite and of a model through compilers of
# hardware that is not here; no register may be spilled.
#
#   offline.sh radv|intel CONFORMANCE TENON MODEL KERNEL_CODE SPIRV_STATS FOLDER
#
# radv: Mesa's compiler for AMD, on its device without hardware. intel: ocloc.
# Exit code 77: the compiler is not here.
set -u
kind=$1 conformance=$2 tenon=$3 model=$4 kernel_code=$5 spirv_stats=$6 folder=$7
case $kind in
radv) device=vulkan ;;
intel) device=opencl; command -v ocloc >/dev/null || { echo "ocloc is not here"; exit 77; } ;;
*) exit 2 ;;
esac
rm -rf "$folder"
mkdir -p "$folder/suite" "$folder/model" || exit 1

"$conformance" "$device" --tiles --dump "$folder/suite" >"$folder/log" 2>&1
code=$?
[ $code -eq 77 ] && { cat "$folder/log"; exit 77; }
[ $code -eq 0 ] || { tail -n 20 "$folder/log"; exit 1; }
"$tenon" compile "$model" --target "$device" -o "$folder/model.tenon" >"$folder/log" 2>&1 &&
  "$kernel_code" "$folder/model.tenon" "$folder/model" >>"$folder/log" 2>&1 ||
  { tail -n 20 "$folder/log"; exit 1; }

bad=0 count=0
radv() { # FAMILY
  VK_LOADER_DRIVERS_SELECT='radeon*' RADV_FORCE_FAMILY=$1 MESA_SHADER_CACHE_DISABLE=true \
    "$spirv_stats" "$folder"/suite/*.spv "$folder"/model/*.spv >"$folder/$1" 2>&1
  code=$?
  [ $code -eq 77 ] && { cat "$folder/$1"; exit 77; }
  sed "s|$folder/||" "$folder/$1" | tail -n 12
  [ $code -eq 0 ] || bad=1
  count=$((count + 1))
}

# What is kept of a kernel is the .ze_info of its binary: simd_size and, if
# there was one, spill_size.
intel() { # GPU FILE
  base=$(basename "$(dirname "$2")")-$(basename "$2" .cl)
  # fp64 is emulated, or refused, on some; such a kernel is not for them.
  if grep -q 'double' "$2" && [ "$1" != skl ]; then
    return
  fi
  if ! (cd "$folder" && IGC_EnableZEBinary=1 ocloc compile -file "$2" -device "$1" \
    -options "-cl-std=CL1.2" -out_dir "out-$1" -output "$base" >"$base.$1" 2>&1); then
    echo "$1: $base: ocloc objects:"
    head -n 10 "$folder/$base.$1"
    bad=1
  else
    # No strings(1): the section is text between bytes of others.
    tr -c '[:print:]\n' '\n' <"$(ls "$folder/out-$1/$base"*.bin | head -n 1)" |
      grep -E '(grf_count|spill_size):' >"$folder/info"
    if ! grep -q grf_count "$folder/info"; then
      echo "$1: $base: the binary says nothing of registers"
      bad=1
    elif grep -q 'spill_size: *[1-9]' "$folder/info"; then
      echo "$1: $base: spills registers"
      bad=1
    fi
  fi
  count=$((count + 1))
}

if [ "$kind" = radv ]; then
  for family in navi21 gfx1100 vega20; do
    radv $family
  done
else
  for gpu in skl tgllp acm-g10; do
    for f in "$folder"/model/*.cl "$folder"/suite/*.cl; do
      intel $gpu "$f"
    done
  done
  echo "$count compilations"
fi
[ $bad -eq 0 ] && [ $count -gt 0 ]
