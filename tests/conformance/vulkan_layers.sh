#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Vulkan backend under Khronos' validation layer, with checks of
# synchronisation, between submits too, and of accesses on the device.
#
#   vulkan_layers.sh CONFORMANCE BARRIERS TENON MODEL FOLDER
#
# The layer must be silent on the tile programs and on the model, and must
# not be silent when BARRIERS runs without barriers: else it was not there.
# Exit code 77: no layer, or no Vulkan device.
set -u
conformance=$1 barriers=$2 tenon=$3 model=$4 folder=$5
rm -rf "$folder"
mkdir -p "$folder" || exit 1

feature=VK_VALIDATION_FEATURE_ENABLE
export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
# The separator is a colon: after a comma nothing is on and nothing is said.
VK_LAYER_ENABLES=${feature}_SYNCHRONIZATION_VALIDATION_EXT
VK_LAYER_ENABLES=$VK_LAYER_ENABLES:VALIDATION_CHECK_ENABLE_SYNCHRONIZATION_VALIDATION_QUEUE_SUBMIT
VK_LAYER_ENABLES=$VK_LAYER_ENABLES:${feature}_GPU_ASSISTED_EXT
export VK_LAYER_ENABLES=$VK_LAYER_ENABLES:${feature}_GPU_ASSISTED_RESERVE_BINDING_SLOT_EXT

bad=0
silent() { # NAME COMMAND..: it works and the layer says nothing
  name=$1
  shift
  "$@" >"$folder/$name" 2>&1
  code=$?
  [ $code -eq 77 ] && { cat "$folder/$name"; exit 77; }
  [ $code -eq 0 ] || { echo "$name: exit code $code"; tail -n 10 "$folder/$name"; bad=1; }
  if grep -E 'VUID-|SYNC-HAZARD|UNASSIGNED' "$folder/$name" >"$folder/said"; then
    echo "$name: $(wc -l <"$folder/said") messages, the first:"
    head -n 3 "$folder/said" | cut -c 1-600
    bad=1
  fi
}

"$barriers" none >"$folder/none" 2>&1
[ $? -eq 77 ] && { cat "$folder/none"; exit 77; }
if ! grep -q 'SYNC-HAZARD' "$folder/none"; then
  # Without the layer the loader refuses the instance, or says so.
  command -v vulkaninfo >/dev/null && vulkaninfo --summary 2>/dev/null |
    grep -q VK_LAYER_KHRONOS_validation || { echo "the validation layer is not here"; exit 77; }
  echo "a missing barrier was not seen"
  bad=1
fi
silent barriers "$barriers" all
silent conformance "$conformance" vulkan --tiles
silent model "$tenon" run "$model" -i 'text=play the new record by the old band' --device vulkan
[ $bad -eq 0 ] && echo "the layer is silent, and sees a missing barrier"
exit $bad
