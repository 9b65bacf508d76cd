# The libraries that crew needs. A missing one stops the configuration with the name of its
# Debian package (all of them: tools/install-packages build).

# crew_find(PREFIX MODULE PACKAGE) - find the pkg-config module MODULE, which Debian's
# PACKAGE installs; targets link it as PkgConfig::PREFIX.
macro(crew_find PREFIX MODULE PACKAGE)
  pkg_check_modules(${PREFIX} QUIET IMPORTED_TARGET ${MODULE})
  if(NOT ${PREFIX}_FOUND)
    message(FATAL_ERROR "${MODULE} was not found; Debian's package is ${PACKAGE}")
  endif()
endmacro()

find_package(PkgConfig)
if(NOT PkgConfig_FOUND)
  message(FATAL_ERROR "pkg-config was not found; Debian's package is pkg-config")
endif()
find_package(Threads REQUIRED)
crew_find(RABBITMQ librabbitmq librabbitmq-dev)
crew_find(OPENSSL openssl libssl-dev)
crew_find(JANSSON jansson libjansson-dev)
crew_find(ZLIB zlib zlib1g-dev)
crew_find(LIBUV libuv libuv1-dev)
crew_find(FCGI fcgi libfcgi-dev)
find_path(CREW_UTHASH uthash.h)
if(NOT CREW_UTHASH)
  message(FATAL_ERROR "uthash.h was not found; Debian's package is uthash-dev")
endif()

# cmocka is for the tests only.
pkg_check_modules(CMOCKA QUIET IMPORTED_TARGET cmocka)
option(CREW_TESTS "build the tests, which need cmocka" ${CMOCKA_FOUND})
if(CREW_TESTS AND NOT CMOCKA_FOUND)
  message(FATAL_ERROR "The tests need cmocka; Debian's package is libcmocka-dev")
elseif(NOT CREW_TESTS AND NOT CMOCKA_FOUND)
  message(STATUS "No cmocka (Debian's libcmocka-dev): the tests are not built")
endif()
