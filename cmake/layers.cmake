# A layer is one folder under src and one static library. It may use the layers named in USES and no others;
# tests/house/check_layers.py holds the includes to the same order.
function(hearth_layer name)
  cmake_parse_arguments(ARG "" "" "USES;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(hearth_${name} STATIC ${sources})
  target_include_directories(hearth_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  foreach(layer ${ARG_USES})
    target_link_libraries(hearth_${name} PUBLIC hearth_${layer})
  endforeach()
  target_link_libraries(hearth_${name} PUBLIC ${ARG_LIBRARIES})
endfunction()

# The tests of a layer: every *_test.cpp in the folder becomes one program, `NAME_tests`, and one ctest entry.
function(hearth_layer_tests name)
  cmake_parse_arguments(ARG "" "" "USES;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp)
  add_executable(${name}_tests ${sources})
  target_link_libraries(${name}_tests PRIVATE hearth_${name} GTest::gtest GTest::gtest_main ${ARG_LIBRARIES})
  foreach(layer ${ARG_USES})
    target_link_libraries(${name}_tests PRIVATE hearth_${layer})
  endforeach()
  target_include_directories(${name}_tests PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name}_tests PRIVATE HEARTH_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
    HEARTH_SHARED_REFERENCE="${PROJECT_SOURCE_DIR}/../shared/reference")
  add_test(NAME ${name} COMMAND ${name}_tests)
  set_tests_properties(${name} PROPERTIES LABELS gtest)  # ./test counts its cases one by one
endfunction()
