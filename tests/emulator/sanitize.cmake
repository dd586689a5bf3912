# Kernels, case table and emulator under ThreadSanitizer or MemorySanitizer. These require all code that runs to be
# instrumented, so oneDNN, OpenMP, GoogleTest and the CPU kernels are left out. The emulator is not instrumented with
# ThreadSanitizer: its own work between two threads of a kernel must not order them.
include(cmake/cuda_backend.cmake)
if(NOT SKEIN_CUDA_BACKEND STREQUAL emulated)
  return()
endif()
enable_language(ASM)
find_package(fmt REQUIRED)
link_libraries(fmt::fmt)
include_directories(SYSTEM ${CUDA_INCLUDE_DIR})
# fmt is not instrumented, so the host's stack is not checked; the kernels' stack is.
set(sanitize -fsanitize=${SKEIN_SANITIZE} -O1 -g1 -fno-omit-frame-pointer)
set(sanitize_host ${sanitize})
if(SKEIN_SANITIZE STREQUAL memory)
  list(APPEND sanitize_host "SHELL:-mllvm -msan-poison-stack=0")
endif()

file(GLOB emulator_sources CONFIGURE_DEPENDS kernels/emulator/*.cpp)
add_library(emulator OBJECT ${emulator_sources})
target_precompile_headers(emulator PRIVATE <cuda_runtime.h> <fmt/format.h> <map> <memory> <mutex> <set> <thread> <vector>)
if(SKEIN_SANITIZE STREQUAL thread)
  # ThreadSanitizer distinguishes 256 threads. With blocks of 256 and the host's own thread it would lose track and
  # report nothing.
  add_compile_definitions(SKEIN_BLOCK=128)
  target_compile_options(emulator PRIVATE -O1 -g1)
  target_compile_definitions(emulator PRIVATE SKEIN_TSAN)
else()
  target_compile_options(emulator PRIVATE ${sanitize_host})
endif()

include(kernels/cuda/groups.cmake)
list(APPEND cuda_groups tests/emulator/faults.cu)
set_source_files_properties(${cuda_groups} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS -xc++)
add_library(cuda_kernels OBJECT ${cuda_groups})
target_compile_options(cuda_kernels PRIVATE ${sanitize} ${SKEIN_EMULATED_OPTIONS})
target_precompile_headers(cuda_kernels PRIVATE kernels/cuda/dialect/gpu.h)

file(GLOB cases CONFIGURE_DEPENDS cases/*.cpp)
add_library(cases OBJECT ${cases} kernels/cuda/device/conv_plan.cpp kernels/cuda/device/peers.cpp kernels/cuda/device/runtime.cpp engine/tensor.cpp tests/emulator/sanitize.cpp)
target_compile_options(cases PRIVATE ${sanitize_host} -O0)
target_precompile_headers(cases PRIVATE cases/op_case.h <fmt/format.h>)
fast_build(cases)

# Stubs for the CPU kernels and the libraries' operations: the cases refer to them but never call them here.
set(objects $<TARGET_OBJECTS:cases> $<TARGET_OBJECTS:cuda_kernels> $<TARGET_OBJECTS:emulator>)
set(objects "$<FILTER:${objects},EXCLUDE,[.]pch$>")
set(absent ${CMAKE_BINARY_DIR}/absent.s)
add_custom_command(
  OUTPUT ${absent}
  COMMAND bash ${CMAKE_SOURCE_DIR}/tests/emulator/absent.sh "${objects}" > ${absent}
  DEPENDS "${objects}" tests/emulator/absent.sh
  COMMAND_EXPAND_LISTS)
set_source_files_properties(${absent} PROPERTIES COMPILE_OPTIONS -Wno-unused-command-line-argument)
add_executable(skein_sanitize ${absent} ${objects})
target_link_options(skein_sanitize PRIVATE -fsanitize=${SKEIN_SANITIZE})
add_test(NAME sanitize_${SKEIN_SANITIZE}_faults COMMAND skein_sanitize faults)
foreach(half 0 1)
  add_test(NAME sanitize_${SKEIN_SANITIZE}_cases_${half} COMMAND skein_sanitize cases ${half})
endforeach()
