// Fuzzer of the safetensors reader and the packed dataset, with arbitrary bytes.
#include "engine/safetensors.h"

#include "tests/fuzz/fuzz.h"

using namespace skein;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string path = fuzz::write("a.skein", {reinterpret_cast<const char*>(data), size});
  fuzz::read([&] {
    const auto file = SafetensorsFile::open(path);
    volatile uint8_t sum = 0;
    for (const std::string& name : file->names()) {
      const StoredTensor& t = file->at(name);
      for (size_t i = 0; i < t.bytes; ++i) sum = uint8_t(sum + uint8_t(t.data[i]));
      fuzz::read([&] { file->view(name); });
    }
  });
  fuzz::read([&] {
    const Splits s = open_packed(path);
    fuzz::touch(s.train);
    fuzz::touch(s.test);
  });
  return 0;
}
