# Readers of files that may come from anywhere are watched by libFuzzer where SKEIN_FUZZ is on (preset emulated,
# clang++): their libraries count which branches run, and are optimised, as a fuzzer is worth what it tries per second.
option(SKEIN_FUZZ "build the fuzzers of tests/fuzz as well (clang++ with AddressSanitizer)" OFF)
function(fuzzed target)
  if(SKEIN_FUZZ)
    target_compile_options(${target} PRIVATE -O1 -fsanitize=fuzzer-no-link)
  endif()
endfunction()
