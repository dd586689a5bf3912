// Fuzzer of the tar reader: names and contents. Header checksums are corrected, since otherwise nothing would be read.
#include "data/formats/tar.h"

#include <cstring>

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
  const std::string path = fuzz::write("a.tar", bytes);
  fuzz::read([&] {
    TarReader tar(path);
    std::vector<uint8_t> contents;
    for (bool every = size % 2; tar.next(1 << 20); every = !every)
      if (every) tar.read(contents);
  });
  return 0;
}
