# The readers of files that may come from anywhere, each under libFuzzer with ASan and UBSan (preset fuzz, clang++). One
# thread: pragmas of OpenMP are not looked at.
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(JPEG)
find_path(STB_INCLUDE_DIR stb/stb_image.h REQUIRED)
include_directories(BEFORE ${CMAKE_SOURCE_DIR}/tests/fuzz/serial)

file(GLOB sources CONFIGURE_DEPENDS base/*.cpp data/dataset.cpp data/formats/*.cpp data/image/*.cpp)
if(JPEG_FOUND)
  list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/data/image/no_jpeg_turbo.cpp)
else()
  list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/data/image/jpeg_turbo.cpp)
endif()
# Readers alone.
list(FILTER sources EXCLUDE REGEX "_(import|writer)\\.cpp$|/(encoded_images|check_in_cuda|files|library|nearest)\\.cpp$")
add_library(readers STATIC ${sources} engine/safetensors.cpp engine/safetensors_write.cpp engine/tensor.cpp
                           kernels/cpu/runtime.cpp kernels/cuda/absent.cpp)
set_source_files_properties(data/image/jpeg_idct_avx2.cpp PROPERTIES COMPILE_OPTIONS -mavx2)
set_target_properties(readers PROPERTIES UNITY_BUILD ON)
target_include_directories(readers PRIVATE ${STB_INCLUDE_DIR})
target_compile_definitions(readers PUBLIC SKEIN_NO_CUDA)
target_compile_options(readers PUBLIC -O1 -g1 -fno-omit-frame-pointer -fno-sanitize-recover=undefined
                                      -fsanitize=fuzzer-no-link,address,undefined -Wno-unknown-pragmas)
# stb_image 2.27 shifts by 32 and lets sums overflow where a file is damaged, which does no harm on any machine; memory
# and bounds are what it is held to.
set_source_files_properties(data/image/stb.cpp PROPERTIES COMPILE_OPTIONS
                            "-fno-sanitize=shift,signed-integer-overflow;-Wno-unused-function")
# Where there is no CUDA, its classes have members that nothing uses; only clang++ minds.
set_source_files_properties(kernels/cuda/absent.cpp PROPERTIES COMPILE_OPTIONS -Wno-unused-private-field)
target_link_libraries(readers PUBLIC fmt::fmt ZLIB::ZLIB PRIVATE nlohmann_json::nlohmann_json)
if(JPEG_FOUND)
  target_link_libraries(readers PRIVATE JPEG::JPEG)
endif()

foreach(subject safetensors cifar idx image tar shards)
  add_executable(fuzz_${subject} tests/fuzz/${subject}.cpp)
  target_link_libraries(fuzz_${subject} PRIVATE readers)
  target_link_options(fuzz_${subject} PRIVATE -fsanitize=fuzzer,address,undefined)
endforeach()
add_executable(fuzz_seeds tests/fuzz/seeds.cpp)
target_link_libraries(fuzz_seeds PRIVATE readers)
target_link_options(fuzz_seeds PRIVATE -fsanitize=address,undefined)
