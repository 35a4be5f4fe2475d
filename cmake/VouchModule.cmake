# vouch_module(NAME SOURCES... [DEPENDS...] [PRIVATE_DEPENDS...] [TESTS...] [TEST_DEPENDS...] [FUZZERS...] [BENCHES...])
#
# One folder under src/ is one static library `vouch::<name>` plus one test binary `<name>_test`, one
# fuzzer per *_fuzz.cpp and one benchmark binary `<name>_bench`. What a folder may include is what it
# DEPENDS on; tests/check_includes.py enforces the direction.
function(vouch_module name)
  cmake_parse_arguments(M "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS;TESTS;TEST_DEPENDS;FUZZERS;BENCHES" ${ARGN})
  add_library(vouch_${name} STATIC ${M_SOURCES})
  add_library(vouch::${name} ALIAS vouch_${name})
  target_include_directories(vouch_${name} PUBLIC "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(vouch_${name} PUBLIC ${M_DEPENDS} PRIVATE ${M_PRIVATE_DEPENDS})
  vouch_compile_options(vouch_${name})

  if(VOUCH_TESTS AND M_TESTS)
    add_executable(${name}_test ${M_TESTS})
    target_link_libraries(${name}_test PRIVATE vouch::${name} ${M_TEST_DEPENDS} GTest::gmock_main)
    vouch_compile_options(${name}_test)
    gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" PROPERTIES LABELS unit)
  endif()
  if(VOUCH_FUZZ)
    foreach(source IN LISTS M_FUZZERS)
      get_filename_component(target "${source}" NAME_WE)
      add_executable(${target} "${source}")
      target_link_libraries(${target} PRIVATE vouch::${name} ${M_TEST_DEPENDS})
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
      vouch_compile_options(${target})
    endforeach()
  endif()
  if(VOUCH_BENCH AND M_BENCHES)
    add_executable(${name}_bench ${M_BENCHES})
    target_link_libraries(${name}_bench PRIVATE vouch::${name} ${M_TEST_DEPENDS} benchmark::benchmark_main)
    vouch_compile_options(${name}_bench)
  endif()
endfunction()

function(vouch_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_23)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wundef
    $<$<BOOL:${VOUCH_WERROR}>:-Werror>)
  if(VOUCH_SANITIZE)
    # Undefined behaviour ends the test, it does not only print.
    target_compile_options(${target} PRIVATE -fsanitize=${VOUCH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${VOUCH_SANITIZE})
  endif()
  if(VOUCH_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()
