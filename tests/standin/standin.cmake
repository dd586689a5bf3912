# Stand-ins for vendors' libraries, opened at run time by their paths (tests/standin/use_standins.cpp).
add_library(skein_cudnn_standin MODULE tests/standin/cudnn.cpp tests/standin/cudnn_program.cpp
                                         tests/standin/cudnn_plan_json.cpp)
set_source_files_properties(tests/standin/cudnn_plan_json.cpp PROPERTIES COMPILE_OPTIONS "-O0;-fno-sanitize=all")
target_link_libraries(skein_cudnn_standin PRIVATE fmt::fmt nlohmann_json::nlohmann_json ${CMAKE_DL_LIBS})
add_library(skein_cublas_standin MODULE tests/standin/cublas.cpp)
add_library(skein_nccl_standin MODULE tests/standin/nccl.cpp)
add_library(skein_driver_standin MODULE tests/standin/driver.cpp)
# cuDNN opens the driver by this name.
target_link_options(skein_driver_standin PRIVATE -Wl,-soname,libcuda.so.1)
foreach(standin skein_cudnn_standin skein_cublas_standin skein_nccl_standin)
  target_include_directories(${standin} SYSTEM PRIVATE ${CUDA_INCLUDE_DIR})
  # Plain loops over whole layers.
  target_compile_options(${standin} PRIVATE -O2 -fno-sanitize=undefined)
endforeach()
target_sources(skein_tests PRIVATE tests/standin/use_standins.cpp tests/standin/standin_test.cpp)
target_include_directories(skein_tests SYSTEM PRIVATE ${CUDA_INCLUDE_DIR})
add_dependencies(skein_tests skein_cudnn_standin skein_cublas_standin skein_nccl_standin skein_driver_standin)
