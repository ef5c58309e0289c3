# SPDX-License-Identifier: Apache-2.0
# What tenon is built with. Everything may be absent; a part that needs what
# is missing is then left out, and the configure step says so.
#
# TN_COMPILER    cJSON is here: the full library, the program, the tests
# TN_HAVE_LLVM   the code generator for CPUs
# TN_HAVE_VULKAN, TN_HAVE_OPENCL   the headers; the libraries are opened at
#                run time and never linked
find_package(Threads REQUIRED)

# cJSON's own package file does not name its include folder as a target does.
find_path(TN_CJSON_INCLUDE cjson/cJSON.h)
find_library(TN_CJSON_LIBRARY cjson)
find_path(TN_VULKAN_INCLUDE vulkan/vulkan.h)
find_path(TN_OPENCL_INCLUDE CL/cl.h)
find_path(TN_UTF8PROC_INCLUDE utf8proc.h)
find_library(TN_UTF8PROC_LIBRARY utf8proc)
mark_as_advanced(TN_CJSON_INCLUDE TN_CJSON_LIBRARY TN_VULKAN_INCLUDE TN_OPENCL_INCLUDE
  TN_UTF8PROC_INCLUDE TN_UTF8PROC_LIBRARY)
# Quietly: LLVM's own package file mentions libraries that it does not need.
find_package(LLVM 19.1 CONFIG QUIET)

function(tn_have name found what package)
  if(found)
    set(${name} 1 PARENT_SCOPE)
  else()
    set(${name} 0 PARENT_SCOPE)
    message(STATUS "Missing ${what} (Debian package ${package})")
  endif()
endfunction()

set(tn_cjson OFF)
if(TN_CJSON_INCLUDE AND TN_CJSON_LIBRARY)
  set(tn_cjson ON)
endif()
set(tn_utf8proc OFF)
if(TN_UTF8PROC_INCLUDE AND TN_UTF8PROC_LIBRARY)
  set(tn_utf8proc ON)
endif()
tn_have(TN_COMPILER ${tn_cjson} "cJSON: only libtenon_run is built" libcjson-dev)
tn_have(TN_HAVE_LLVM "${LLVM_FOUND}" "LLVM 19: no code generator for CPUs" llvm-19-dev)
tn_have(TN_HAVE_VULKAN "${TN_VULKAN_INCLUDE}" "Vulkan headers: no Vulkan devices" libvulkan-dev)
tn_have(TN_HAVE_OPENCL "${TN_OPENCL_INCLUDE}" "OpenCL headers: no OpenCL devices" opencl-c-headers)
tn_have(TN_HAVE_UTF8PROC ${tn_utf8proc} "utf8proc: no Unicode normalisation" libutf8proc-dev)

# Always defined, as 0 or 1, for #if.
add_compile_definitions(
  TN_HAVE_LLVM=${TN_HAVE_LLVM}
  TN_HAVE_VULKAN=${TN_HAVE_VULKAN}
  TN_HAVE_OPENCL=${TN_HAVE_OPENCL}
  TN_HAVE_UTF8PROC=${TN_HAVE_UTF8PROC}
  TN_VERSION="${PROJECT_VERSION}"
)
