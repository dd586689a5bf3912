# Read by cpack for each kind of package. The library is in none: it is bound to the compiler that built it, as the C++
# library changes (std::span has another layout since g++ 11).
if(CPACK_GENERATOR STREQUAL DEB)
  set(CPACK_COMPONENTS_ALL program mpi)
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
else()
  string(REPLACE ";ALL;" ";program;" program "${CPACK_INSTALL_CMAKE_PROJECTS}")
  string(REPLACE ";ALL;" ";mpi;" mpi "${CPACK_INSTALL_CMAKE_PROJECTS}")
  set(CPACK_INSTALL_CMAKE_PROJECTS "${program};${mpi}")
  set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/bundle.cmake)
endif()
