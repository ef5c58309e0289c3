# SPDX-License-Identifier: Apache-2.0
# How tests are registered.

# Settings for tests that may load a driver: only PoCL as OpenCL, no thread
# pools, caches of their own, and what the sanitizers need to live with the
# drivers (a second LLVM inside them replaces signal stacks and never frees).
set(TN_TEST_CACHE ${CMAKE_BINARY_DIR}/test-cache)
set(TN_TEST_ENVIRONMENT
  "OCL_ICD_VENDORS=pocl.icd"
  "LP_NUM_THREADS=0"
  "POCL_MAX_PTHREAD_COUNT=1"
  "ASAN_OPTIONS=use_sigaltstack=0:detect_stack_use_after_return=1"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/leaks.txt:print_suppressions=0"
  "TSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/races.txt"
)
# Drivers are not built with ThreadSanitizer: it sees neither their locks nor
# their atomics. What needs one is skipped there.
if(TN_SANITIZE MATCHES "thread")
  list(TRANSFORM TN_TEST_ENVIRONMENT REPLACE "OCL_ICD_VENDORS=.*" "OCL_ICD_VENDORS=${CMAKE_BINARY_DIR}/no-drivers")
  list(APPEND TN_TEST_ENVIRONMENT "VK_DRIVER_FILES=${CMAKE_BINARY_DIR}/no-drivers")
endif()

# tn_add_test(NAME COMMAND word.. [LABELS label..] [TIMEOUT seconds] [ENVIRONMENT NAME=VALUE..])
#
# Exit code 77 means skipped, with a printed reason.
function(tn_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "COMMAND;LABELS;ENVIRONMENT")
  if(NOT arg_LABELS)
    set(arg_LABELS quick)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(cache ${TN_TEST_CACHE}/${name})
  file(MAKE_DIRECTORY ${cache}/pocl ${cache}/mesa ${cache}/home)
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(${name} PROPERTIES
    LABELS "${arg_LABELS}"
    TIMEOUT ${arg_TIMEOUT}
    SKIP_RETURN_CODE 77
    ENVIRONMENT "${TN_TEST_ENVIRONMENT};POCL_CACHE_DIR=${cache}/pocl;MESA_SHADER_CACHE_DIR=${cache}/mesa;XDG_CACHE_HOME=${cache}/home;${arg_ENVIRONMENT}")
endfunction()

# tn_test_program(NAME SOURCES file.. [ARGS word..] [LABELS label..] [LIBS library..] [TIMEOUT seconds])
#
# A program that is also a test of the same name.
function(tn_test_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;ARGS;LABELS;LIBS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tn_test_support ${arg_LIBS} tenon_static)
  target_compile_definitions(${name} PRIVATE TN_SOURCE_FOLDER="${CMAKE_SOURCE_DIR}"
    TN_BINARY_FOLDER="${CMAKE_BINARY_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  tn_add_test(${name} COMMAND ${name} ${arg_ARGS} LABELS ${arg_LABELS} TIMEOUT ${arg_TIMEOUT})
endfunction()

# tn_unit_test(NAME [LABELS label..] [LIBS library..]): tests/unit/NAME.c.
# Label `quick` (the default) is for tests under two seconds, `slow` for others.
function(tn_unit_test name)
  tn_test_program(${name} SOURCES unit/${name}.c ${ARGN})
endfunction()
