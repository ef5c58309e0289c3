# SPDX-License-Identifier: Apache-2.0
# How everything is compiled. Only flags that leave the results of gcc and
# clang equal: no contraction of products and sums, no fast math.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# The tree of the build has the shape of the installed tree, so that the
# program finds its modules the same way in both.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

# Assertions stay on except in Release.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
string(REPLACE "-O3" "-O2" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")

add_compile_options(
  -Wall
  -Wextra
  -Wpedantic
  -Wshadow
  -Wstrict-prototypes
  -Wmissing-prototypes
  -Wvla
  -Wundef
  -Wcast-qual
  -Wconversion
  -Wsign-conversion
  -ffp-contract=off
  -fno-math-errno
  -fno-strict-aliasing
)
if(CMAKE_C_COMPILER_ID MATCHES Clang)
  add_compile_options(-Wimplicit-fallthrough)
  # assert(!"what broke"); 0.5 * COUNT of an enum, which gcc lets pass.
  add_compile_options(-Wno-string-conversion -Wno-enum-float-conversion)
else()
  add_compile_options(-Wimplicit-fallthrough=5) # TN_FALLTHROUGH, not a comment, as in clang
endif()
if(TN_WERROR)
  add_compile_options(-Werror)
endif()
add_compile_definitions(_POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
include_directories(${CMAKE_SOURCE_DIR})

if(TN_SANITIZE)
  add_compile_options(-fsanitize=${TN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TN_SANITIZE})
  if(TN_SANITIZE MATCHES undefined AND CMAKE_C_COMPILER_ID MATCHES Clang)
    # That check reads the bytes before each called function, which generated
    # code does not have.
    add_compile_options(-fno-sanitize=function)
  endif()
endif()

if(TN_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "TN_FUZZ needs clang (cmake --preset fuzz)")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(TN_CCACHE ccache)
mark_as_advanced(TN_CCACHE)
if(TN_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${TN_CCACHE})
endif()
