# cpack in the build folder:
#   skein_VERSION_amd64.deb, skein-mpi_VERSION_amd64.deb   the program, and its use of MPI. Dependencies are read off the
#                                                          files by dpkg-shlibdeps
#   skein-VERSION-Linux.tar.gz                             the program with the shared libraries that it needs, but for
#                                                          glibc (cmake/bundle.cmake); works wherever it is unpacked
set(CPACK_PACKAGE_VENDOR "the skein authors")
set(CPACK_PACKAGE_CONTACT "the skein authors <noreply@skein.invalid>")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/cpack_generator.cmake)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME skein)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS skein-mpi)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS dataset-fashion-mnist)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
    "training engine for local SGD
skein trains ResNets, DenseNets and wide ResNets on CIFAR, ImageNet and
folders of images with local, post-local, hierarchical and sign-compressed
local SGD: workers take H steps apart and then average their models.
It runs on CPUs and, where CUDA is found at run time, on GPUs.")
set(CPACK_DEBIAN_MPI_PACKAGE_NAME skein-mpi)
set(CPACK_DEBIAN_MPI_PACKAGE_DEPENDS "skein (= ${PROJECT_VERSION}), openmpi-bin")
set(CPACK_COMPONENT_MPI_DESCRIPTION
    "training engine for local SGD - workers under mpirun
The file with which skein's workers talk through Open MPI. Without it,
processes talk over TCP.")
# cpack packs what `make` built; the program's target builds all that is installed.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
include(CPack)
