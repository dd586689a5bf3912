#include <cstring>

#include "data/image/image_reader.h"

namespace skein {

bool is_png(FileBytes file) {
  constexpr uint8_t kSignature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  return file.size() > sizeof kSignature && std::memcmp(file.data(), kSignature, sizeof kSignature) == 0;
}

bool is_webp(FileBytes file) {
  return file.size() > 12 && std::memcmp(file.data(), "RIFF", 4) == 0 && std::memcmp(file.data() + 8, "WEBP", 4) == 0;
}

bool is_bmp(FileBytes file) { return file.size() > 26 && file[0] == 'B' && file[1] == 'M'; }

}  // namespace skein
