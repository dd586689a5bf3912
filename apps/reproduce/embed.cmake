# Writes OUT, a C++ file with the texts of the presets FILES (apps/reproduce/preset_files.h).
#   cmake -D OUT=… -D FILES=… -P embed.cmake
set(code "#include \"apps/reproduce/preset_files.h\"\n\nnamespace skein {\nnamespace {\n\nconstexpr PresetFile kFiles[] = {\n")
foreach(file ${FILES})
  get_filename_component(name "${file}" NAME_WE)
  file(READ "${file}" text)
  string(APPEND code "{\"${name}\", R\"skein_preset(${text})skein_preset\"},\n")
endforeach()
string(APPEND code "};\n\n}  // namespace\n\nstd::span<const PresetFile> preset_files() { return kFiles; }\n\n}  // namespace skein\n")
file(WRITE "${OUT}" "${code}")
