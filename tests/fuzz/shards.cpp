// Fuzzer of the shard reader. The first byte selects the index: arbitrary bytes, or a well-formed index with a correct
// checksum whose tables, lists and shards are arbitrary, which reaches the code behind the checksum.
#include "data/formats/shards.h"

#include "tests/fuzz/fuzz.h"

using namespace skein;

namespace {

std::vector<int32_t> numbers(FuzzedDataProvider& input, size_t n, bool small) {
  std::vector<int32_t> v(n);
  for (int32_t& x : v) x = small ? input.ConsumeIntegralInRange<int32_t>(-1, 20) : input.ConsumeIntegral<int32_t>();
  return v;
}

// ASCII text: the writer accepts only text. Other bytes come with the other kind of index.
std::string text(FuzzedDataProvider& input, size_t most) {
  std::string s = input.ConsumeRandomLengthString(most);
  for (char& c : s) c = char(c & 0x7f);
  return s;
}

void write_index(FuzzedDataProvider& input) {
  const auto n = input.ConsumeIntegralInRange<size_t>(1, 6);
  auto bytes = numbers(input, n, true), labels = numbers(input, n, true), sizes = numbers(input, 2 * n, false);
  auto checksums = numbers(input, n, false);
  std::string names = input.ConsumeBool() ? std::string(n, '\n') : input.ConsumeRandomLengthString(60);
  if (names.empty()) names = "\n";
  std::map<std::string, std::string> metadata = {{"format", kShardFormat}, {"version", kShardVersion}};
  metadata["classes"] = input.ConsumeBool() ? R"(["a","b","c"])" : text(input, 40);
  metadata["mean"] = metadata["std"] = input.ConsumeBool() ? "[1,1,1]" : text(input, 20);
  int64_t total = 0;
  for (int32_t b : bytes) total += b;
  metadata["train.shards"] =
      input.ConsumeBool() ? fmt::format(R"([["train-00000.shard",{},{}]])", total, n) : text(input, 80);
  std::vector<TensorToWrite> tensors;
  uint32_t sum = 0;
  const auto add = [&](const char* name, void* data, DType type, size_t count) {
    const auto elements = int64_t(count);
    tensors.push_back({std::string("train.") + name, {data, type, {1, 1, 1, elements}}, {elements}});
    sum = uint32_t(checksum_of({static_cast<const uint8_t*>(data), count * size_of(type)}, sum));
  };
  add("bytes", bytes.data(), DType::i32, n);
  add("labels", labels.data(), DType::i32, n);
  add("sizes", sizes.data(), DType::i32, 2 * n);
  add("checksums", checksums.data(), DType::i32, n);
  add("names", names.data(), DType::u8, names.size());
  metadata["checksum"] = std::to_string(sum);
  fuzz::write("train-00000.shard",
              input.ConsumeBool() ? std::string(size_t(std::max<int64_t>(0, total)), 'x') : text(input, 100));
  write_safetensors((fuzz::folder() / kShardIndex).string(), tensors, metadata);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  if (input.ConsumeBool())
    write_index(input);
  else
    fuzz::write(kShardIndex, input.ConsumeRemainingBytesAsString());
  fuzz::read([] {
    const Splits s = open_shards(fuzz::folder().string(), 32, 0);
    fuzz::touch(s.train);
    const auto& shards = dynamic_cast<const ShardedImages&>(s.train.encoded());
    std::vector<uint8_t> memory;
    std::vector<int32_t> all;
    for (int64_t i = 0; i < shards.size(); ++i) {
      fuzz::read([&] { shards.read(i, memory); });
      if (shards.place(i).empty()) std::abort();
      all.push_back(int32_t(i));
    }
    shards.prefetch(all);
  });
  return 0;
}
