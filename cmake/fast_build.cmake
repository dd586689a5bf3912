# Less time for a full build, for machines that only ever build from nothing (CI): the headers that most files of a
# library include are parsed once. The sources are the same, one by one, and may use any name.
option(SKEIN_FAST_BUILD "precompile the headers that most files of a library include" OFF)
function(fast_build target)
  if(SKEIN_FAST_BUILD)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()
