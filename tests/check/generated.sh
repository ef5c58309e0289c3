#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The generated pages of docs/ are those that the program writes now.
#
#   generated.sh PROGRAM SOURCE_FOLDER
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
sh "$2/tools/docs.sh" "$1" "$folder" || exit 1
status=0
for page in "$folder"/*; do
  name=$(basename "$page")
  if ! diff -u "$2/docs/$name" "$page" | head -n 20 | grep . ; then continue; fi
  echo "docs/$name is stale: run tools/docs.sh"
  status=1
done
exit $status
