# Compiler and linker options of every target: warnings, hardening, sanitizers, coverage.
option(CREW_WERROR "treat compiler warnings as errors" OFF)
option(CREW_COVERAGE "count which lines run, for the target coverage" OFF)
set(CREW_SANITIZE "" CACHE STRING "sanitizers to build with: address,undefined or thread")

add_compile_options(
  -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wundef
  $<$<C_COMPILER_ID:GNU>:-Wcast-align> # clang takes container_of for a mistake
  -Wwrite-strings -Wnull-dereference -Wvla -fno-common -fstack-protector-strong)
if(CREW_WERROR)
  add_compile_options(-Werror)
endif()
add_compile_options(-UNDEBUG) # assertions stay in: a wrong state must not travel on
add_compile_definitions(_GNU_SOURCE)
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,--as-needed)
if(CREW_SANITIZE)
  add_compile_options(-fsanitize=${CREW_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CREW_SANITIZE})
endif()
if(CREW_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
