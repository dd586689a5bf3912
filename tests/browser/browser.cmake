# Pages in headless Chromium. Exit status 77, skipped: there is none. Pictures of the pages stay in screenshots/.
add_test(NAME browser COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tests/browser/page_test.py $<TARGET_FILE:skein>
                              ${CMAKE_BINARY_DIR}/screenshots)
set_tests_properties(browser PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
