# Writes the header OUT with the commit of the folder SOURCE, where it has changed. Run at every build.
cmake_policy(VERSION 3.25)
set(commit "")
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --exclude=* OUTPUT_VARIABLE commit
                  ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define SKEIN_COMMIT \"@commit@\"\n" @ONLY)
