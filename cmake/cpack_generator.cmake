# Read by cpack for each kind of package.
if(CPACK_GENERATOR STREQUAL DEB)
  set(CPACK_COMPONENTS_ALL program mpi)  # the library is for those who build from the .tar.gz or the sources
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
else()
  set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/bundle.cmake)
endif()
