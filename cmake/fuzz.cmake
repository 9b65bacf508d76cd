# crew_add_fuzzer(NAME SOURCES file... CORPUS folder [INCLUDES folder...] [LINK library...]
#                 [MAX_BYTES n] [ARGS word...])
#
# A fuzz target: one of SOURCES has LLVMFuzzerTestOneInput, the others are the code under
# test, compiled in so that all of it runs under the sanitizers whatever the build is. The
# test fuzz.NAME runs the corpus and then mutations of it for 5 seconds; by hand, for
# longer: build/bin/fuzz-NAME --seconds 600 tests/fuzz/corpus/NAME.
# CREW_TEST_LONG in the environment makes that a minute.
# With clang and -DCREW_LIBFUZZER=ON libFuzzer takes the driver's place; targets only.
option(CREW_LIBFUZZER "build the fuzz targets with clang's libFuzzer" OFF)
set(CREW_FUZZ_SECONDS 5 CACHE STRING "how long each fuzz test runs")

function(crew_add_fuzzer name)
  cmake_parse_arguments(FUZZ "" "CORPUS;MAX_BYTES" "SOURCES;INCLUDES;LINK;ARGS" ${ARGN})
  if(NOT FUZZ_MAX_BYTES)
    set(FUZZ_MAX_BYTES 4096)
  endif()
  if(CREW_SANITIZE MATCHES thread) # the sanitizers exclude each other
    return()
  endif()
  set(root ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/..)
  set(target fuzz-${name})
  set(flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
            -O1)
  if(CREW_LIBFUZZER)
    list(APPEND flags -fsanitize=fuzzer)
  else()
    list(APPEND FUZZ_SOURCES ${root}/tests/fuzz/driver.c)
  endif()

  add_executable(${target} ${FUZZ_SOURCES})
  target_compile_options(${target} PRIVATE ${flags} -Wno-missing-prototypes)
  target_link_options(${target} PRIVATE ${flags})
  target_include_directories(${target} PRIVATE
    ${FUZZ_INCLUDES} ${root} ${root}/libcrew/src
    ${root}/libcrew/include)
  target_link_libraries(${target} PRIVATE ${FUZZ_LINK})
  if(NOT CREW_LIBFUZZER)
    add_test(NAME fuzz.${name}
             COMMAND ${target} --seconds ${CREW_FUZZ_SECONDS}
                     --max-bytes ${FUZZ_MAX_BYTES} ${FUZZ_ARGS} ${FUZZ_CORPUS})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  endif()
endfunction()
