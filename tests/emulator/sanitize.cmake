# The kernels, their case table and the emulator, under ThreadSanitizer or MemorySanitizer, which want all code that runs
# to be instrumented: without oneDNN, OpenMP, GoogleTest and the CPU kernels. The emulator is left out of
# ThreadSanitizer: what it does between two threads of a kernel must not order them.
include(kernels/cuda.cmake)
if(NOT SKEIN_CUDA_BACKEND STREQUAL emulated)
  return()
endif()
enable_language(ASM)
find_package(fmt REQUIRED)
include_directories(SYSTEM ${CUDA_INCLUDE_DIR})
set(sanitize -fsanitize=${SKEIN_SANITIZE} -O1 -g1 -fno-omit-frame-pointer)

file(GLOB emulator_sources CONFIGURE_DEPENDS kernels/emulator/*.cpp)
add_library(emulator OBJECT ${emulator_sources})
if(SKEIN_SANITIZE STREQUAL thread)
  target_compile_options(emulator PRIVATE -O1 -g1)
  target_compile_definitions(emulator PRIVATE SKEIN_TSAN)
else()
  target_compile_options(emulator PRIVATE ${sanitize})
endif()
target_link_libraries(emulator PRIVATE fmt::fmt-header-only)

file(GLOB kernels CONFIGURE_DEPENDS kernels/*.cu)
file(GLOB cases CONFIGURE_DEPENDS cases/*.cpp)
list(APPEND kernels tests/emulator/faults.cu)
set_source_files_properties(${kernels} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "${SKEIN_EMULATED_OPTIONS}")
add_library(subject OBJECT ${kernels} ${cases} kernels/runtime_cuda.cpp engine/tensor.cpp tests/emulator/sanitize.cpp)
target_compile_options(subject PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${sanitize}>)
target_link_libraries(subject PRIVATE fmt::fmt-header-only)

# The CPU kernels and the libraries' operations are named by the cases and never called here.
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/absent.s
  COMMAND bash ${CMAKE_SOURCE_DIR}/tests/emulator/absent.sh $<TARGET_OBJECTS:subject> $<TARGET_OBJECTS:emulator>
          > ${CMAKE_BINARY_DIR}/absent.s
  DEPENDS $<TARGET_OBJECTS:subject> $<TARGET_OBJECTS:emulator> tests/emulator/absent.sh
  COMMAND_EXPAND_LISTS)
set_source_files_properties(${CMAKE_BINARY_DIR}/absent.s PROPERTIES COMPILE_OPTIONS -Wno-unused-command-line-argument)
add_executable(skein_sanitize ${CMAKE_BINARY_DIR}/absent.s $<TARGET_OBJECTS:subject> $<TARGET_OBJECTS:emulator>)
target_link_options(skein_sanitize PRIVATE -fsanitize=${SKEIN_SANITIZE})
foreach(part faults cases)
  add_test(NAME sanitize_${SKEIN_SANITIZE}_${part} COMMAND skein_sanitize ${part})
endforeach()
