# Libraries that have no CMake package, or one that asks for more than skein uses, as imported targets. Included by the
# build and by the installed package, which may be on another machine.
include_guard(GLOBAL)

# skein_import(NAME HEADER LIBRARY): target skein::NAME, if the header and the library are found.
function(skein_import name header library)
  find_path(SKEIN_${name}_INCLUDE_DIR ${header})
  find_library(SKEIN_${name}_LIBRARY ${library})
  mark_as_advanced(SKEIN_${name}_INCLUDE_DIR SKEIN_${name}_LIBRARY)
  if(SKEIN_${name}_INCLUDE_DIR AND SKEIN_${name}_LIBRARY AND NOT TARGET skein::${name})
    add_library(skein::${name} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(skein::${name} PROPERTIES
      IMPORTED_LOCATION "${SKEIN_${name}_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${SKEIN_${name}_INCLUDE_DIR}")
  endif()
endfunction()

skein_import(dnnl oneapi/dnnl/dnnl.hpp dnnl)  # Debian's dnnl-config.cmake asks for OpenCL
skein_import(spng spng.h spng)
skein_import(webp webp/decode.h webp)
