// Small JPEG images that all differ, in folders, archives and shards.
#pragma once

#include "data/formats/image_import.h"
#include "data/formats/shards.h"
#include "data/image/image_decoder.h"
#include "tests/support/data_files.h"

namespace skein::testing {

// A colour of its own for each number, with a gradient; width and height differ from image to image.
inline std::string numbered_jpeg(int64_t number) {
  const ImageSize size{40 + number % 7 * 3, 30 + number % 5 * 4};
  std::string rgb;
  for (int64_t y = 0; y < size.height; ++y)
    for (int64_t x = 0; x < size.width; ++x)
      rgb += {char(number * 37 % 200 + x), char(number * 91 % 200 + y), char(number * 53 % 256)};
  return encode_jpeg(reinterpret_cast<const uint8_t*>(rgb.data()), size, 90);
}

// `train` and `test` images over three classes, as DIR/{train,val}/CLASS/NUMBER.JPEG; returns the bytes by CLASS/FILE.
inline std::map<std::string, std::string> write_jpeg_folder(const fs::path& dir, int64_t train, int64_t test) {
  std::map<std::string, std::string> files;
  for (int64_t i = 0; i < train + test; ++i) {
    const std::string name = fmt::format("n{}/{:04}.JPEG", i % 3, i), bytes = numbered_jpeg(i);
    const fs::path path = dir / (i < train ? "train" : "val") / name;
    fs::create_directories(path.parent_path());
    write_file(path, bytes);
    files[name] = bytes;
  }
  return files;
}

// Imports images and renames the partial folder, as the command does.
inline ImportReport import_to(const fs::path& from, const fs::path& out, const ImportOptions& options = {}) {
  const ImportReport report = import_images(from.string(), out.string(), options);
  fs::rename(out.string() + ".partial", out);
  return report;
}

inline const ShardedImages& shards_of(const Dataset& d) { return dynamic_cast<const ShardedImages&>(d.encoded()); }

}  // namespace skein::testing
