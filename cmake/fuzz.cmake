# crew_add_fuzzer(NAME SOURCES file... CORPUS folder [LINK library...] [MAX_BYTES n])
#
# A fuzz target: one of SOURCES has LLVMFuzzerTestOneInput, the others are the code under
# test, compiled in so that all of it runs under the sanitizers whatever the build is. The
# test fuzz.NAME runs the corpus and then mutations of it for 5 seconds, for 1 with
# CREW_TEST_FAST in the environment and for 60 with CREW_TEST_LONG. By hand, for longer:
# build/bin/fuzz-NAME --seconds 600 tests/fuzz/corpus/NAME.
# With clang and -DCREW_LIBFUZZER=ON (preset fuzz) libFuzzer replaces the project's driver:
# build-fuzz/bin/fuzz-NAME -max_total_time=600 FOLDER-FOR-NEW-INPUTS tests/fuzz/corpus/NAME.
option(CREW_LIBFUZZER "build the fuzz targets with libFuzzer if the compiler is clang" OFF)
set(CREW_FUZZ_SECONDS 5 CACHE STRING "how long each fuzz test runs")

function(crew_add_fuzzer name)
  cmake_parse_arguments(FUZZ "" "CORPUS;MAX_BYTES" "SOURCES;LINK" ${ARGN})
  if(NOT FUZZ_MAX_BYTES)
    set(FUZZ_MAX_BYTES 4096)
  endif()
  if(CREW_SANITIZE MATCHES thread) # the sanitizers exclude each other
    return()
  endif()
  set(root ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/..)
  set(target fuzz-${name})
  set(libfuzzer FALSE)
  if(CREW_LIBFUZZER AND CMAKE_C_COMPILER_ID MATCHES Clang)
    set(libfuzzer TRUE)
  endif()
  set(flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
            -O1)
  if(libfuzzer)
    list(APPEND flags -fsanitize=fuzzer)
  else()
    list(APPEND FUZZ_SOURCES ${root}/tests/fuzz/driver.c)
  endif()

  add_executable(${target} ${FUZZ_SOURCES})
  target_compile_options(${target} PRIVATE ${flags} -Wno-missing-prototypes)
  target_link_options(${target} PRIVATE ${flags})
  target_include_directories(${target} PRIVATE
    ${root} ${root}/libcrew/src ${root}/libcrew/include)
  target_link_libraries(${target} PRIVATE ${FUZZ_LINK})
  if(libfuzzer)
    set(found ${CMAKE_CURRENT_BINARY_DIR}/found-${name}) # new inputs go here
    file(MAKE_DIRECTORY ${found})
    set(arguments -max_total_time=${CREW_FUZZ_SECONDS} -max_len=${FUZZ_MAX_BYTES} ${found})
  else()
    set(arguments --seconds ${CREW_FUZZ_SECONDS} --max-bytes ${FUZZ_MAX_BYTES})
  endif()
  add_test(NAME fuzz.${name} COMMAND ${target} ${arguments} ${FUZZ_CORPUS})
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
