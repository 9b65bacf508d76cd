# Targets for developers: format, tidy, coverage (CONTRIBUTING.md).

# format: clang-format over all C sources, in place.
add_custom_target(format COMMAND ${PROJECT_SOURCE_DIR}/tools/format VERBATIM USES_TERMINAL)

# tidy: clang-tidy with all checks of .clang-tidy over the product's C sources.
add_custom_target(tidy COMMAND ${PROJECT_SOURCE_DIR}/tools/tidy ${PROJECT_BINARY_DIR}
                  VERBATIM USES_TERMINAL)

# coverage: which lines have run since the build, in the preset coverage after its tests.
if(CREW_COVERAGE)
  add_custom_target(coverage
    COMMAND gcovr --root ${PROJECT_SOURCE_DIR} --object-directory ${PROJECT_BINARY_DIR}
            --filter "(libcrew|daemon|fcgi-bridge|app-worker|crewctl)/"
            --gcov-ignore-parse-errors --sort-uncovered ${PROJECT_BINARY_DIR}
    VERBATIM USES_TERMINAL)
endif()
