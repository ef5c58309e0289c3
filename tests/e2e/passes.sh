#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A model's tests on one device without passes, with each pass alone and with
# all but each: the reference must agree with all of them. Exit code 77 if the
# device is not here.
#
#   passes.sh PROGRAM DEVICE MODEL
set -u
"$1" devices | grep -q "^$2:" || { echo "no $2 device here"; exit 77; }
found=$("$1" verify "$3" --device "$2" --every-pass)
status=$?
echo "$found"
[ "$status" -eq 0 ] || exit 1
# The reference, all passes, none, and two rows for each that can be skipped.
optional=$("$1" passes --json | grep -o '"needed":false' | grep -c .)
wanted=$((3 + 2 * optional)) rows=$(echo "$found" | grep -c .)
[ "$rows" -eq "$wanted" ] || { echo "$rows rows, expected $wanted"; exit 1; }
