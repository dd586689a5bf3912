# Run by cpack before it packs the .tar.gz: copies the shared libraries that the program and skein view need into
# lib/skein, where the program looks (its RPATH), and lists them in lib/skein/BUNDLED. The C library and MPI itself stay
# the machine's own.
set(tree ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
file(GLOB modules ${tree}/lib/skein/libskein_view.so)
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${tree}/bin/skein MODULES ${modules}
  RESOLVED_DEPENDENCIES_VAR needed UNRESOLVED_DEPENDENCIES_VAR absent
  PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|resolv)\\.so")
if(absent)
  message(FATAL_ERROR "not found: ${absent}. The program was built with libraries that are not here")
endif()
set(list "")
foreach(library ${needed})
  file(COPY ${library} DESTINATION ${tree}/lib/skein FOLLOW_SYMLINK_CHAIN)
  cmake_path(GET library FILENAME name)
  string(APPEND list "${name}\n")
endforeach()
file(WRITE ${tree}/lib/skein/BUNDLED "${list}")
