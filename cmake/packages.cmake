# cpack in the build folder: a .deb of the program, and a relocatable .tar.gz of the program and the library.
# Dependencies of the .deb are read off the program by dpkg-shlibdeps; what is opened at run time is only suggested.
set(CPACK_PACKAGE_VENDOR "the skein authors")
set(CPACK_PACKAGE_CONTACT "the skein authors <skein@users.noreply.github.com>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "training engine for local SGD")
set(CPACK_PACKAGE_DESCRIPTION
    "skein trains ResNets, DenseNets and wide ResNets on CIFAR, ImageNet and folders of images, with
 local, post-local, hierarchical and sign-compressed local SGD: workers take H steps apart and
 then average their models. It runs on the CPU and, where CUDA is found at run time, on a GPU.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/cpack_generator.cmake)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "openmpi-bin, dataset-fashion-mnist")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
