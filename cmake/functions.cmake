# kmux_library(NAME files… LINK public… PRIVATE private…): a static library whose headers are found from the top folder.
function(kmux_library name)
  cmake_parse_arguments(ARG "" "" "LINK;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE})
endfunction()

# kmux_executable(NAME files… LINK libraries…)
function(kmux_executable name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
endfunction()

# kmux_test(NAME files… LINK libraries…): a GoogleTest program; each of its tests is one of ctest's.
function(kmux_test name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    KMUX_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data" KMUX_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  # Generous: to list the tests of a program takes a loaded machine more than the usual 5 seconds.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 600)
endfunction()
