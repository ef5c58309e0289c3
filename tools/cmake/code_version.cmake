# SPDX-License-Identifier: Apache-2.0
# cmake -DFILES=.. -DOUT=.. -P: a header with the hash of the files.
set(all "")
foreach(file ${FILES})
  file(SHA256 ${file} hash)
  string(APPEND all ${hash})
endforeach()
string(SHA256 hash "${all}")
file(WRITE ${OUT} "#define TN_CODE_VERSION \"${hash}\"\n")
