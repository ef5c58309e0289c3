#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job on real input: the utterance parser compiled once, then a dozen
# utterances on every device that is here.
#
#   demo.sh PROGRAM
set -eu
tenon=$1
folder=$(dirname "$tenon")
artifact=$folder/utterance.tenon
model=models/utterance/model.json
texts=models/utterance/demo.txt
color=never
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] && color=always

if [ ! -f "$artifact" ] || [ "$model" -nt "$artifact" ] || [ "$tenon" -nt "$artifact" ]; then
  echo "Compiling $model for CPU, Vulkan and OpenCL into one file ..."
  case $(uname -m) in
    x86_64) cpu=cpu:x86-64-v4,cpu:x86-64-v3,cpu:x86-64-v2 ;;
    aarch64) cpu=cpu:aarch64 ;;
    *) cpu=cpu ;;
  esac
  "$tenon" compile "$model" -o "$artifact" --target "$cpu,vulkan,opencl"
fi

echo
"$tenon" run "$artifact" -i "text=@$texts" --color "$color"

# Intents and slots of every device must be the same; the probabilities may
# differ in the last digits.
answers() {
  "$tenon" run "$artifact" -i "text=@$texts" --color never --device "$1" | grep -v intent_p
}
echo
answers cpu >"$folder/answers.cpu"
agree=
for device in vulkan opencl; do
  if ! "$tenon" devices | grep -q "^$device:"; then
    echo "$device: no device here"
    continue
  fi
  answers "$device" >"$folder/answers.$device"
  if cmp -s "$folder/answers.cpu" "$folder/answers.$device"; then
    agree="$agree $device"
  else
    echo "cpu and $device differ:"
    diff "$folder/answers.cpu" "$folder/answers.$device" || true
    exit 12
  fi
done
echo "cpu$agree: the same intents and slots for all $(wc -l <"$texts") utterances"

echo
echo "Where the time goes, one utterance:"
for device in cpu $agree; do
  "$tenon" bench "$artifact" -i text="play the new record by nick cave" --device "$device" --runs 30 |
    sed -n '1,2p'
done
