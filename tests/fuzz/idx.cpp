// Fuzzer of the IDX reader: images and labels, plain or compressed, cut from arbitrary bytes.
#include "tests/fuzz/fuzz.h"

using namespace skein;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const std::string suffix = input.ConsumeBool() ? ".gz" : "";
  std::string images = input.ConsumeRandomLengthString(1 << 14), labels = input.ConsumeRemainingBytesAsString();
  if (suffix.empty() && images.size() > 16) images.replace(0, 4, std::string("\0\0\x08\x03", 4));
  if (suffix.empty() && labels.size() > 8) labels.replace(0, 4, std::string("\0\0\x08\x01", 4));
  for (const char* split : {"train", "t10k"}) {
    for (const char* other : {"", ".gz"}) {
      std::filesystem::remove(fuzz::folder() / (std::string(split) + "-images-idx3-ubyte" + other));
      std::filesystem::remove(fuzz::folder() / (std::string(split) + "-labels-idx1-ubyte" + other));
    }
    fuzz::write(std::string(split) + "-images-idx3-ubyte" + suffix, images);
    fuzz::write(std::string(split) + "-labels-idx1-ubyte" + suffix, labels);
  }
  fuzz::read([&] {
    const Splits s = open_idx(size % 2 ? "fashion-mnist" : "emnist-letters", fuzz::folder().string());
    fuzz::touch(s.train);
    fuzz::touch(s.test);
  });
  return 0;
}
