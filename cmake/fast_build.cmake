# Less time for a full build, for machines that only ever build from nothing (CI): the headers that most files of a
# library include are parsed once, and several sources are compiled as one file. The sources may use any names in their
# unnamed namespaces. What a source forgets to include shows in every other build, which compiles each by itself.
option(SKEIN_FAST_BUILD "precompile common headers; compile several sources as one file" OFF)
if(SKEIN_FAST_BUILD)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
endif()

# Further arguments: headers that are parsed once. Called when the sources have their properties: those with options of
# their own are compiled by themselves.
function(fast_build target)
  if(NOT SKEIN_FAST_BUILD)
    return()
  endif()
  if(ARGN)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
  get_target_property(sources ${target} SOURCES)
  set(alone "")
  set(joinable "")
  foreach(source ${sources})
    get_source_file_property(flags ${source} COMPILE_FLAGS)
    get_source_file_property(options ${source} COMPILE_OPTIONS)
    get_source_file_property(definitions ${source} COMPILE_DEFINITIONS)
    if(NOT source MATCHES "\\.cpp$" OR flags OR options OR definitions)
      list(APPEND alone ${source})
    else()
      cmake_path(ABSOLUTE_PATH source NORMALIZE)
      list(APPEND joinable ${source})
    endif()
  endforeach()
  if(joinable)
    execute_process(
      COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/join_sources.py --name ${target}
              --to ${CMAKE_CURRENT_BINARY_DIR}/joined --top ${PROJECT_SOURCE_DIR} ${joinable}
      OUTPUT_VARIABLE joined COMMAND_ERROR_IS_FATAL ANY)
    set_target_properties(${target} PROPERTIES SOURCES "${alone};${joined}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
                 ${joinable} ${PROJECT_SOURCE_DIR}/cmake/join_sources.py)
  endif()
endfunction()
