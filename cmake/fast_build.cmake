# Less time for a full build, for machines that only ever build from nothing (CI): sources are compiled eight at a time,
# and the headers that most of them include are parsed once. A build without it takes the same sources one by one.
option(SKEIN_FAST_BUILD "compile several sources at a time, with precompiled headers" OFF)
function(fast_build target)
  if(SKEIN_FAST_BUILD)
    cmake_parse_arguments(PARSE_ARGV 1 FAST "SINGLE" "" "HEADERS")
    if(NOT FAST_SINGLE)
      set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    endif()
    if(FAST_HEADERS)
      target_precompile_headers(${target} PRIVATE ${FAST_HEADERS})
    endif()
  endif()
endfunction()
