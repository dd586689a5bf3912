# The documents are held to the tree: what they name is there, the example prints what the paper's page shows, and the
# diffs of docs/add-an-op.md apply, compile and pass their tests.
if(NOT PYTHON3)
  return()
endif()
add_test(NAME docs_names COMMAND ${PYTHON3} tests/docs/names.py WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
add_test(NAME docs_example COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tests/docs/example.py
                                   $<TARGET_FILE:example_local_sgd> ${CMAKE_SOURCE_DIR}/docs/paper.md)

# The new files are compiled as their neighbours in the libraries are, and linked with these.
set(op_cxx ${CMAKE_CXX_COMPILER} -std=c++20 -O1 -Wall -Wextra -Werror -Wno-stringop-overflow -ffp-contract=off
           -fno-math-errno ${OpenMP_CXX_FLAGS})
set(op_link -Wl,--whole-archive $<TARGET_FILE:skein_case_tables> -Wl,--no-whole-archive -Wl,--start-group
            $<TARGET_FILE:skein_engine> $<TARGET_FILE:skein_kernels_cpu> $<TARGET_FILE:skein_kernels_cuda>)
set(op_cu "")
if(SKEIN_CUDA_BACKEND STREQUAL off)
  list(APPEND op_cxx -DSKEIN_NO_CUDA)
elseif(SKEIN_CUDA_BACKEND STREQUAL emulated)
  list(APPEND op_link $<TARGET_FILE:skein_emulator>)
  set(op_cu ${op_cxx} -Wno-error ${SKEIN_EMULATED_OPTIONS} -isystem ${CUDA_INCLUDE_DIR})
else()
  list(APPEND op_link $<TARGET_FILE:CUDA::cudart_static> -lrt)
  set(op_cu ${NVCC} -std=c++20 -O3 -fmad=false -arch=sm_80)
endif()
list(APPEND op_link $<TARGET_FILE:skein_base> -Wl,--end-group $<TARGET_FILE:skein::dnnl> $<TARGET_FILE:fmt::fmt>
            $<TARGET_FILE:OpenSSL::Crypto> $<TARGET_FILE:GTest::gtest> $<TARGET_FILE:GTest::gtest_main> ${OpenMP_CXX_FLAGS}
            -lpthread -ldl)
add_test(NAME docs_add_an_op COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tests/docs/add_an_op.py
         --scratch ${CMAKE_BINARY_DIR}/add-an-op "--cxx=${op_cxx}" "--link=${op_link}" "--cu=${op_cu}")
set_tests_properties(docs_add_an_op PROPERTIES TIMEOUT 300 ENVIRONMENT GOMP_SPINCOUNT=3000)
