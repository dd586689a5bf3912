// The pictures of tests/images.
#pragma once

#include "data/image/image_reader.h"
#include "tests/support/data_files.h"

namespace skein::testing {

inline std::string image_file(const std::string& name) {
  return read_file(fs::path(SKEIN_SOURCE_DIR) / "tests/images" / name);
}

inline FileBytes bytes_of(const std::string& s) { return {reinterpret_cast<const uint8_t*>(s.data()), s.size()}; }

}  // namespace skein::testing
