// Fuzzer of archives of images: arbitrary bytes as tar (header checksums are corrected, since otherwise nothing would
// be read) or as what else libarchive detects, then the layout of their names, then the contents; the same bytes as
// meta.mat.
#include <cstring>

#include "data/formats/folders/image_layout.h"
#include "data/formats/folders/meta_mat.h"
#include "tests/fuzz/fuzz.h"

using namespace skein;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  for (size_t at = 0; at + 512 <= bytes.size(); at += 512) {
    if (std::memcmp(&bytes[at + 257], "ustar", 5) != 0) continue;
    std::memset(&bytes[at + 148], ' ', 8);
    int sum = 0;
    for (size_t i = 0; i < 512; ++i) sum += uint8_t(bytes[at + i]);
    std::snprintf(&bytes[at + 148], 8, "%06o", unsigned(sum));
  }
  fuzz::read([&] { read_meta_mat("meta.mat", {reinterpret_cast<const char*>(data), size}); });
  const std::string path = fuzz::write("a.tar", bytes);
  fuzz::read([&] {
    const auto source = open_archive_source(path);
    fuzz::read([&] {
      const ImageLayout layout = lay_out(*source, {.val_split = size % 2 ? 0.5 : 0});
      for (const PlacedImage& i : layout.images) {
        if (i.entry >= source->entries.size() || i.name > source->entries[i.entry].path.size()) std::abort();
        layout.classes.at(size_t(i.label));
      }
    });
    const std::vector<bool> all(source->entries.size(), true);
    std::vector<uint8_t> contents;
    std::string reason;
    for (size_t entry = 0; source->next(all, entry, contents, reason);)
      if (entry >= all.size()) std::abort();
  });
  return 0;
}
