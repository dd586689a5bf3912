# cmake --install: the program with its modules (MPI, the server of skein view), and the libraries as one package for
# find_package(skein). What is public is the list cmake/public_headers.txt; docs/api.md describes it.
include(CMakePackageConfigHelpers)
set(skein_archives ${CMAKE_INSTALL_LIBDIR}/skein)
set(skein_headers ${CMAKE_INSTALL_INCLUDEDIR}/skein)
set(skein_package ${CMAKE_INSTALL_LIBDIR}/cmake/skein)

# An RPATH that holds for the libraries' own dependencies, too: the .tar.gz brings them (cmake/bundle.cmake).
file(RELATIVE_PATH archives_from_program ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/skein)
set_target_properties(skein PROPERTIES INSTALL_RPATH "$ORIGIN/${archives_from_program}")
target_link_options(skein PRIVATE -Wl,--disable-new-dtags)
install(TARGETS skein RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
if(TARGET skein_view)
  set_target_properties(skein_view PROPERTIES INSTALL_RPATH "$ORIGIN")
  install(TARGETS skein_view LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/skein COMPONENT program)
endif()
if(TARGET skein_mpi)
  install(TARGETS skein_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/skein COMPONENT mpi)
endif()
set(made ${PROJECT_BINARY_DIR}/made)  # by apps/CMakeLists.txt
install(FILES ${made}/skein.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
install(FILES ${made}/skein.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME skein
        COMPONENT program)
install(FILES ${made}/_skein DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT program)
install(FILES ${made}/skein.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)
# Debian's names: copyright, and a changelog of the package.
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)  # or SOURCE_DATE_EPOCH
configure_file(cmake/changelog.in changelog @ONLY)
find_program(GZIP gzip REQUIRED)
foreach(component program mpi)
  string(REPLACE program skein package ${component})
  string(REPLACE mpi skein-mpi package ${package})
  set(folder ${CMAKE_INSTALL_DATADIR}/doc/${package})
  install(CODE "execute_process(COMMAND ${GZIP} -9nkf changelog WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})"
          COMPONENT ${component})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/changelog.gz DESTINATION ${folder} COMPONENT ${component})
  install(FILES LICENSE DESTINATION ${folder} RENAME copyright COMPONENT ${component})
endforeach()
install(FILES CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/skein COMPONENT program)

if(SKEIN_CUDA_BACKEND STREQUAL emulated)
  return()  # a build for tests: its kernels need the stand-ins
endif()
# Headers and libraries of an older version would stay beside the new ones where their names have changed.
install(CODE "set(prefix \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
file(GLOB archives \"\${prefix}/${skein_archives}/lib*.a\")
file(REMOVE_RECURSE \${archives} \"\${prefix}/${skein_headers}\" \"\${prefix}/${skein_package}\")" COMPONENT library)
list(TRANSFORM skein_libraries PREPEND skein_ OUTPUT_VARIABLE targets)
install(TARGETS skein_library ${targets}
  EXPORT skein ARCHIVE DESTINATION ${skein_archives} COMPONENT library INCLUDES DESTINATION ${skein_headers})
install(EXPORT skein NAMESPACE skein:: FILE skein-targets.cmake DESTINATION ${skein_package} COMPONENT library)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS cmake/public_headers.txt)
file(STRINGS cmake/public_headers.txt headers REGEX "^[^#]")
foreach(header ${headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION ${skein_headers}/${folder} COMPONENT library)
endforeach()
string(COMPARE EQUAL ${SKEIN_CUDA_BACKEND} on SKEIN_HAS_CUDA)
set(SKEIN_HAS_JPEG ${JPEG_FOUND})
set(SKEIN_HAS_ARCHIVES ${LibArchive_FOUND})
if(SKEIN_HAS_CUDA)  # what a program needs of the toolkit to link, so that it can where there is none
  get_target_property(cudart CUDA::cudart_static IMPORTED_LOCATION)
  install(FILES ${cudart} DESTINATION ${skein_archives} COMPONENT library)
endif()
foreach(library dnnl spng webp)
  if(TARGET skein::${library})
    list(APPEND SKEIN_IMPORTED ${library})
  endif()
endforeach()
configure_package_config_file(cmake/skein-config.cmake.in skein-config.cmake INSTALL_DESTINATION ${skein_package})
write_basic_package_version_file(skein-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/skein-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/skein-config-version.cmake
              cmake/libraries.cmake
  DESTINATION ${skein_package} COMPONENT library)
install(CODE "set(CPACK_TEMPORARY_INSTALL_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
include(${PROJECT_SOURCE_DIR}/cmake/bundle.cmake)" COMPONENT bundle EXCLUDE_FROM_ALL)
include(cmake/packages.cmake)
