#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the generated pages of docs/ from the program's tables.
#
#   docs.sh PROGRAM [FOLDER]
set -eu
tenon=$1
folder=${2:-docs}
mkdir -p "$folder"
"$tenon" ops --markdown >"$folder/ops.md"
"$tenon" passes --markdown >"$folder/passes.md"
"$tenon" ops --schema >"$folder/model.schema.json"
"$tenon" --help --markdown >"$folder/cli.md"
