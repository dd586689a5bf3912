# The documents are held to the tree: what they name is there, the example prints what the paper's page shows, and the
# diff of docs/add-an-op.md applies, builds and passes its tests.
if(PYTHON3)
  add_test(NAME docs_names COMMAND ${PYTHON3} tests/docs/names.py WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(CMAKE_BUILD_TYPE STREQUAL Release)
    add_test(NAME docs_example COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tests/docs/example.py
                                       $<TARGET_FILE:example_local_sgd> ${CMAKE_SOURCE_DIR}/docs/paper.md)
  endif()
endif()
