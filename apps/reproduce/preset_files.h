// The files of recipes/, embedded by apps/reproduce/embed.cmake in the order of their names.
#pragma once

#include <span>
#include <string_view>

namespace skein {

struct PresetFile {
  std::string_view name, text;
};

std::span<const PresetFile> preset_files();

}  // namespace skein
