# Which CUDA back end is built: sets SKEIN_CUDA_BACKEND to on, off or emulated, enables the language for `on`, and finds
# the toolkit's headers (CUDA_INCLUDE_DIR) for both that have one.
#   auto      on where nvcc is found, else off
#   emulated  the same .cu files compiled as C++ against the toolkit's headers, run on the host by kernels/emulator;
#             off where there are no headers
set(SKEIN_CUDA auto CACHE STRING "CUDA back end: auto, on, off or emulated")
set_property(CACHE SKEIN_CUDA PROPERTY STRINGS auto on off emulated)
if(NOT SKEIN_CUDA MATCHES "^(auto|on|off|emulated)$")
  message(FATAL_ERROR "SKEIN_CUDA is ${SKEIN_CUDA}; it can be auto, on, off or emulated")
endif()

set(SKEIN_CUDA_BACKEND off)
if(SKEIN_CUDA MATCHES "^(auto|on)$")
  find_program(NVCC nvcc PATHS ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
  if(NVCC)
    set(SKEIN_CUDA_BACKEND on)
  elseif(SKEIN_CUDA STREQUAL on)
    message(FATAL_ERROR "SKEIN_CUDA is on, but there is no nvcc. Install the CUDA toolkit, 12 or 13")
  endif()
elseif(SKEIN_CUDA STREQUAL emulated)
  find_path(CUDA_INCLUDE_DIR cuda_runtime.h PATHS ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES include)
  if(CUDA_INCLUDE_DIR)
    set(SKEIN_CUDA_BACKEND emulated)
    # Vector loads from arrays of numbers are what nvcc allows, and a #pragma unroll is for it alone.
    set(SKEIN_EMULATED_OPTIONS -xc++ -DSKEIN_EMULATED -fno-strict-aliasing -Wno-unknown-pragmas)
    if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=[a-z,]*undefined")
      # Left out elsewhere: every access to a member is a call then, and the compiler takes twice as long.
      list(APPEND SKEIN_EMULATED_OPTIONS -fsanitize=null,alignment -fno-sanitize-recover=undefined)
    endif()
  else()
    message(STATUS "There are no CUDA headers to emulate with: the CUDA back end and its tests are left out")
  endif()
endif()

if(SKEIN_CUDA_BACKEND STREQUAL on)
  set(CMAKE_CUDA_COMPILER ${NVCC})
  # `native` needs a GPU at configure time. The last one is PTX as well, for the architectures to come.
  set(CMAKE_CUDA_ARCHITECTURES "80-real;90-real;100" CACHE STRING "GPU architectures")
  enable_language(CUDA)
  find_package(CUDAToolkit 12 REQUIRED)
  set(CUDA_INCLUDE_DIR ${CUDAToolkit_INCLUDE_DIRS})
  set(CMAKE_CUDA_STANDARD_REQUIRED OFF)
  set(CMAKE_CUDA_FLAGS_RELEASE "-O3")
  # By hand: CMake 3.25 does not know that nvcc 12 and later speak C++20. Contraction is off on both sides, so that f32
  # arithmetic has the same bits everywhere unless fmaf is written.
  add_compile_options(
    "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;-fmad=false;-Xcompiler=-Wall,-Wextra,-ffp-contract=off,-fno-math-errno>")
  if(SKEIN_WERROR)
    # A kernel that spills, indexes local memory or computes in double does not compile.
    add_compile_options(
      "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Werror all-warnings>"
      "$<$<COMPILE_LANGUAGE:CUDA>:-Xptxas=--warn-on-spills,--warn-on-local-memory-usage,--warn-on-double-precision-use,--warning-as-error>")
  endif()
endif()

message(STATUS "CUDA back end: ${SKEIN_CUDA_BACKEND}")
