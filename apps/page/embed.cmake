# Writes OUT, a C++ file with the texts of the page (apps/page/page_files.h): its own files, and d3 with its licence.
# D3 and D3_LICENCE may be empty: the program then has no charts and says so.
#   cmake -D OUT=… -D SOURCE=… -D D3=… -D D3_LICENCE=… -P embed.cmake
set(code "#include \"apps/page/page_files.h\"\n\nnamespace skein {\n\n")
function(embed name)
  set(text "")
  foreach(file ${ARGN})
    file(READ "${file}" part)
    string(APPEND text "${part}")
  endforeach()
  set(code "${code}const std::string_view ${name} = R\"skein_page(${text})skein_page\";\n" PARENT_SCOPE)
endfunction()
embed(kPageTemplate "${SOURCE}/page.html")
embed(kPageStyle "${SOURCE}/page.css")
list(TRANSFORM SCRIPTS PREPEND "${SOURCE}/")
embed(kPageScript ${SCRIPTS})
embed(kD3 ${D3})
embed(kD3Licence ${D3_LICENCE})
file(WRITE "${OUT}" "${code}\n}  // namespace skein\n")
