#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A model's tests on one device; exit code 77 if the device is not here.
#
#   model.sh PROGRAM DEVICE MODEL
"$1" devices | grep -q "^$2:" || { echo "no $2 device here"; exit 77; }
exec "$1" verify "$3" --device "$2"
