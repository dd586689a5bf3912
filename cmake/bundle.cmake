# Copies the shared libraries that the program and skein view need into lib/skein of the tree, where the program looks
# (its RPATH), each under the name that is asked for. lib/skein/BUNDLED lists them, with the distribution's packages and
# versions; their licences are in lib/skein/licences. The C library and MPI itself stay the machine's own.
# Run by cpack before it packs the .tar.gz, and as the component `bundle` for the wheel.
set(tree ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(bundle ${tree}/lib/skein)
file(GLOB modules ${bundle}/libskein_view.so)
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${tree}/bin/skein MODULES ${modules}
  RESOLVED_DEPENDENCIES_VAR needed UNRESOLVED_DEPENDENCIES_VAR absent
  PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|resolv)\\.so")
if(absent)
  message(FATAL_ERROR "not found: ${absent}. The program was built with libraries that are not here")
endif()

# Package that the file is of, with its version; nothing where dpkg does not know.
function(package_of file package version)
  string(REGEX REPLACE "^/usr" "" old_name ${file})  # folders that were merged are listed by either name
  execute_process(COMMAND dpkg-query -S ${file} ${old_name} OUTPUT_VARIABLE found ERROR_QUIET)
  string(REGEX MATCH "^[^:,]+" name "${found}")
  if(name)
    execute_process(COMMAND dpkg-query -W -f "\${Version}\n" ${name} OUTPUT_VARIABLE number ERROR_QUIET)
    string(REGEX MATCH "^[^\n]+" number "${number}")
  endif()
  set(${package} "${name}" PARENT_SCOPE)
  set(${version} "${number}" PARENT_SCOPE)
endfunction()

set(list "")
foreach(library ${needed})
  cmake_path(GET library FILENAME name)
  file(REAL_PATH ${library} file)
  file(COPY_FILE ${file} ${bundle}/${name})
  package_of(${file} package version)
  string(APPEND list "${name} ${package} ${version}\n")
  if(package AND EXISTS /usr/share/doc/${package}/copyright)
    file(MAKE_DIRECTORY ${bundle}/licences)
    file(COPY_FILE /usr/share/doc/${package}/copyright ${bundle}/licences/${package})
  endif()
endforeach()
file(WRITE ${bundle}/BUNDLED "${list}")
