// Fuzzer of the CIFAR reader: three batch files and the names file, cut from arbitrary bytes.
#include "tests/fuzz/fuzz.h"

using namespace skein;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  CifarFormat f = input.ConsumeBool() ? cifar10_format() : cifar100_format();
  f.train_files = {"a.bin", "b.bin"};
  f.test_files = {"t.bin"};
  f.train_records = input.ConsumeIntegralInRange<int64_t>(1, 2);
  f.test_records = 1;
  fuzz::write(f.names_file, input.ConsumeRandomLengthString(2000));
  const bool exact = input.ConsumeBool();  // correct file sizes, so that labels and names are reached
  for (const char* name : {"a.bin", "b.bin", "t.bin"}) {
    const int64_t records = name[0] == 't' ? f.test_records : f.train_records;
    std::string bytes = input.ConsumeRandomLengthString(7000);
    if (exact) bytes.resize(size_t(records * (f.label_bytes + 3072)));
    fuzz::write(name, bytes);
  }
  fuzz::read([&] {
    const Splits s = open_cifar(f, fuzz::folder().string());
    fuzz::touch(s.train);
    fuzz::touch(s.test);
  });
  return 0;
}
