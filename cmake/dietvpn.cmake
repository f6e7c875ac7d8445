# SPDX-License-Identifier: Apache-2.0
# How a wing, a plugin and their tests are declared: one call each in their own folder.

add_library(dietvpn_warnings INTERFACE)
target_compile_options(dietvpn_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wvla -Wcast-qual
  $<$<BOOL:${DIETVPN_WERROR}>:-Werror>)
if(DIETVPN_SANITIZE)
  target_compile_options(dietvpn_warnings INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(dietvpn_warnings INTERFACE -fsanitize=address,undefined)
endif()
if(DIETVPN_COVERAGE)
  target_compile_options(dietvpn_warnings INTERFACE --coverage)
  target_link_options(dietvpn_warnings INTERFACE --coverage)
endif()
if(DIETVPN_FUZZ)
  target_compile_options(dietvpn_warnings INTERFACE -fsanitize=fuzzer-no-link)
endif()

set(DIETVPN_TEST_ENV
  "DIETVPN_DATA_DIR=${DIETVPN_DATA_DIR}"
  "DIETVPN_SOURCE_DIR=${CMAKE_CURRENT_SOURCE_DIR}"
  "DIETVPN_BINARY_DIR=${CMAKE_CURRENT_BINARY_DIR}")

# dietvpn_wing(NAME SOURCES a.c.. [WINGS base..] [LIBS PkgConfig::x..] [GNU] [TESTS x..] [FUZZ y..])
# tests/unit/test_X.c is one Criterion program, tests/fuzz/fuzz_Y.c one target with tests/fuzz/corpus/Y/.
# GNU: may use POSIX and Linux calls; the pure wings cannot by accident.
function(dietvpn_wing name)
  cmake_parse_arguments(W "GNU" "" "SOURCES;WINGS;LIBS;TESTS;FUZZ" ${ARGN})
  add_library(dietvpn-${name} STATIC ${W_SOURCES})
  target_include_directories(dietvpn-${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  if(W_GNU)
    target_compile_definitions(dietvpn-${name} PRIVATE _GNU_SOURCE)
  endif()
  set(wings ${W_WINGS})
  list(TRANSFORM wings PREPEND dietvpn-)
  target_link_libraries(dietvpn-${name} PUBLIC ${wings} PRIVATE dietvpn_warnings ${W_LIBS})
  foreach(test ${W_TESTS})
    dietvpn_unit_test(${test} dietvpn-${name})
  endforeach()
  foreach(fuzz ${W_FUZZ})
    dietvpn_fuzz_target(${fuzz} dietvpn-${name})
  endforeach()
endfunction()

# dietvpn_unit_test(X LIB..): tests/unit/test_X.c
function(dietvpn_unit_test test)
  if(NOT BUILD_TESTING OR NOT criterion_FOUND)
    return()
  endif()
  add_executable(test_${test} ${PROJECT_SOURCE_DIR}/tests/unit/test_${test}.c)
  target_include_directories(test_${test} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(test_${test} PRIVATE _GNU_SOURCE)
  target_link_libraries(test_${test} PRIVATE ${ARGN} dietvpn_warnings PkgConfig::criterion PkgConfig::jansson)
  set_target_properties(test_${test} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  # Criterion lets a leaking test pass, so the wrapper looks for sanitizer reports.
  add_test(NAME unit-${test}
    COMMAND ${PROJECT_SOURCE_DIR}/tests/no-leak.sh $<TARGET_FILE:test_${test}> -j1)
  set_tests_properties(unit-${test} PROPERTIES LABELS unit SKIP_RETURN_CODE 77 TIMEOUT 300
    ENVIRONMENT "${DIETVPN_TEST_ENV}")
endfunction()

# dietvpn_fuzz_target(Y LIB..): tests/fuzz/fuzz_Y.c; with DIETVPN_FUZZ a libFuzzer program, else a replay of the corpus
function(dietvpn_fuzz_target fuzz)
  if(NOT BUILD_TESTING)
    return()
  endif()
  if(DIETVPN_FUZZ)
    add_executable(fuzz_${fuzz} ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_${fuzz}.c)
    target_link_options(fuzz_${fuzz} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_${fuzz} ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_${fuzz}.c
      ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c)
  endif()
  target_include_directories(fuzz_${fuzz} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(fuzz_${fuzz} PRIVATE _GNU_SOURCE)
  target_link_libraries(fuzz_${fuzz} PRIVATE ${ARGN} dietvpn_warnings)
  set_target_properties(fuzz_${fuzz} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(NOT DIETVPN_FUZZ)
    add_test(NAME fuzz-replay-${fuzz}
      COMMAND fuzz_${fuzz} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${fuzz})
    set_tests_properties(fuzz-replay-${fuzz} PROPERTIES LABELS fuzz-replay TIMEOUT 300
      ENVIRONMENT "${DIETVPN_TEST_ENV}")
  endif()
endfunction()

# dietvpn_bench(X LIB..): tests/bench/bench_X.c; ctest only sees that a short run works
function(dietvpn_bench bench)
  if(NOT BUILD_TESTING)
    return()
  endif()
  add_executable(bench_${bench} ${PROJECT_SOURCE_DIR}/tests/bench/bench_${bench}.c)
  target_compile_definitions(bench_${bench} PRIVATE _GNU_SOURCE)
  target_link_libraries(bench_${bench} PRIVATE ${ARGN} dietvpn_warnings)
  set_target_properties(bench_${bench} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME bench-${bench} COMMAND bench_${bench} --quick)
  set_tests_properties(bench-${bench} PROPERTIES LABELS bench TIMEOUT 300)
endfunction()

# A keying plugin: a module with one exported symbol, and its static twin for unit tests.
function(add_keying_plugin name)
  add_library(keying-${name} MODULE ${ARGN})
  add_library(keying-${name}-static STATIC EXCLUDE_FROM_ALL ${ARGN})
  target_compile_definitions(keying-${name}-static PRIVATE KEYING_STATIC)
  foreach(target keying-${name} keying-${name}-static)
    target_link_libraries(${target} PRIVATE dietvpn_warnings dietvpn-plugin-common dietvpn-base dietvpn-crypto dietvpn-codec)
  endforeach()
  set_target_properties(keying-${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/keying)
  if(NOT DIETVPN_SANITIZE)
    target_link_options(keying-${name} PRIVATE LINKER:-z,defs)
  endif()
  target_link_options(keying-${name} PRIVATE LINKER:--exclude-libs,ALL)
  install(TARGETS keying-${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/dietvpn/keying)
endfunction()
