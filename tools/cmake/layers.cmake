# SPDX-License-Identifier: Apache-2.0
# From lists of files to libraries.
#
#   tn_layer(NAME [RUN file..] [FULL file..] [INCLUDES folder..])
#
# RUN files are in libtenon_run and in libtenon, FULL files in libtenon only.
# Lists may be empty. Each list becomes one object library.

function(tn_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "RUN;FULL;INCLUDES")
  foreach(kind RUN FULL)
    if(NOT arg_${kind} OR (kind STREQUAL FULL AND NOT TN_COMPILER))
      continue()
    endif()
    string(TOLOWER ${kind} suffix)
    set(target tn_${name}_${suffix})
    add_library(${target} OBJECT ${arg_${kind}})
    target_include_directories(${target} SYSTEM PRIVATE ${arg_INCLUDES})
    set_property(GLOBAL APPEND PROPERTY TN_${kind}_LAYERS ${target})
  endforeach()
endfunction()

# After all layers:
#   tenon_run, tenon              the shared libraries (public symbols only)
#   tenon_run_static, tenon_static    the same with all symbols, for the
#                                 program, the modules and the tests
function(tn_libraries)
  get_property(run GLOBAL PROPERTY TN_RUN_LAYERS)
  get_property(full GLOBAL PROPERTY TN_FULL_LAYERS)
  set(links)
  if(TN_HAVE_UTF8PROC)
    set(links ${TN_UTF8PROC_LIBRARY})
  endif()
  tn_library(tenon_run "${run}" "${links}")
  if(TN_COMPILER)
    list(APPEND links ${TN_CJSON_LIBRARY})
    tn_library(tenon "${run};${full}" "${links}")
  endif()
endfunction()

function(tn_library name layers links)
  set(objects)
  foreach(layer ${layers})
    list(APPEND objects $<TARGET_OBJECTS:${layer}>)
  endforeach()
  add_library(${name} SHARED ${objects})
  add_library(${name}_static STATIC ${objects})
  if(TN_SANITIZE)
    if(NOT TARGET tn_keep_modules)
      add_library(tn_keep_modules OBJECT ${CMAKE_SOURCE_DIR}/tests/support/keep_modules.c)
    endif()
    target_link_libraries(${name}_static INTERFACE $<TARGET_OBJECTS:tn_keep_modules>)
  endif()
  set_target_properties(${name} PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE C)
  set_target_properties(${name}_static PROPERTIES LINKER_LANGUAGE C)
  target_link_libraries(${name} PRIVATE ${links} Threads::Threads ${CMAKE_DL_LIBS} m)
  target_link_libraries(${name}_static PUBLIC ${links} Threads::Threads ${CMAKE_DL_LIBS} m)
  if(NOT TN_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,--no-undefined)
  endif()
  install(TARGETS ${name} LIBRARY DESTINATION lib)
endfunction()

#   tn_module(NAME FILES file.. [INCLUDES folder..] [LINKS library..])
#
# A plugin that is opened at run time: build/lib/tenon/NAME.so, and
# NAME_static for tests of its insides.
function(tn_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FILES;INCLUDES;LINKS")
  if(NOT arg_FILES)
    return()
  endif()
  add_library(${name}_objects OBJECT ${arg_FILES})
  target_compile_definitions(${name}_objects PRIVATE TN_PLUGIN_MODULE)
  target_include_directories(${name}_objects SYSTEM PRIVATE ${arg_INCLUDES})
  add_library(${name} MODULE $<TARGET_OBJECTS:${name}_objects>)
  add_library(${name}_static STATIC $<TARGET_OBJECTS:${name}_objects>)
  set_target_properties(${name} PROPERTIES PREFIX "" LINKER_LANGUAGE C
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/tenon)
  set_target_properties(${name}_static PROPERTIES LINKER_LANGUAGE C)
  target_link_libraries(${name} PRIVATE tenon_run_static ${arg_LINKS})
  target_link_libraries(${name}_static PUBLIC tenon_run_static ${arg_LINKS})
  install(TARGETS ${name} LIBRARY DESTINATION lib/tenon)
endfunction()
