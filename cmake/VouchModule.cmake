# vouch_module(NAME SOURCES... [APART...] [DEPENDS...] [PRIVATE_DEPENDS...] [TESTS...] [TEST_DEPENDS...] [FUZZERS...] [BENCHES...])
#
# One folder under src/ is one static library `vouch::<name>` plus one test binary `<name>_test`, one
# fuzzer per *_fuzz.cpp and one benchmark binary `<name>_bench`. What a folder may include is what it
# DEPENDS on; tests/check_includes.py enforces the direction.
function(vouch_module name)
  cmake_parse_arguments(M "" "" "SOURCES;APART;DEPENDS;PRIVATE_DEPENDS;TESTS;TEST_DEPENDS;FUZZERS;BENCHES" ${ARGN})
  add_library(vouch_${name} STATIC ${M_SOURCES})
  add_library(vouch::${name} ALIAS vouch_${name})
  target_include_directories(vouch_${name} PUBLIC "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(vouch_${name} PUBLIC ${M_DEPENDS} PRIVATE ${M_PRIVATE_DEPENDS})
  vouch_compile_options(vouch_${name} ${VOUCH_ROOM_OPTIONS})
  # Sources whose local names are those of others; a build that puts sources together leaves them alone.
  set_source_files_properties(${M_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)

  if(VOUCH_TESTS AND M_TESTS)
    add_executable(${name}_test ${M_TESTS})
    target_link_libraries(${name}_test PRIVATE vouch::${name} ${M_TEST_DEPENDS} GTest::gmock_main)
    vouch_compile_options(${name}_test TESTS)
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

# Half of the time of compiling went into reading the same headers of others again and again. They are read once for
# the libraries and once, with GoogleTest, for the tests: vouch_precompiled_headers(NAME HEADER [FLAG...]).
function(vouch_precompiled_headers name header)
  add_library(${name} OBJECT "${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp")
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${name} PRIVATE fmt::fmt Threads::Threads)
  vouch_flags(${name})
  target_compile_options(${name} PRIVATE ${ARGN})
  target_precompile_headers(${name} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/${header}")
endfunction()

# vouch_compile_options(TARGET [TESTS | PLAIN]): the flags of the house. Neither tests nor what is PLAIN are optimised,
# which halves the time of compiling them.
function(vouch_compile_options target)
  vouch_flags(${target})
  set(precompiled vouch_precompiled)
  if("TESTS" IN_LIST ARGN)
    set(precompiled vouch_precompiled_tests)
    target_compile_options(${target} PRIVATE -O0)
  elseif("PLAIN" IN_LIST ARGN)
    set(precompiled vouch_precompiled_plain)
    target_compile_options(${target} PRIVATE -O0)
  endif()
  if(VOUCH_PRECOMPILED)
    target_precompile_headers(${target} REUSE_FROM ${precompiled})
  endif()
endfunction()

# The flags alone, for a program that has nothing of the house in it.
function(vouch_flags target)
  target_compile_features(${target} PUBLIC cxx_std_23)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    $<$<AND:$<BOOL:${CMAKE_UNITY_BUILD}>,$<CXX_COMPILER_ID:GNU>>:-Wno-subobject-linkage>  # means headers, and takes sources put together for some
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
