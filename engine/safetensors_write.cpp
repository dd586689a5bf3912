#include <algorithm>

#include "base/check.h"
#include "base/formats/json.h"
#include "base/partial_file.h"
#include "engine/safetensors.h"

namespace skein {
namespace {

constexpr size_t kHeaderAlignment = 64;

const char* name_of(DType t) {
  return t == DType::f32 ? "F32" : t == DType::bf16 ? "BF16" : t == DType::i32 ? "I32" : "U8";
}

// Length (little endian) and JSON, padded with spaces to a multiple of kHeaderAlignment so that the data is aligned.
std::string make_header(const std::vector<const TensorToWrite*>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  for (const auto& [key, text] : metadata) header["__metadata__"][key] = text;
  size_t offset = 0;
  for (const TensorToWrite* t : tensors) {
    int64_t n = 1;
    for (int64_t d : t->shape) n *= d;
    CHECK(n == t->view.numel(), "tensor '{}': shape [{}] of {} elements", t->name, fmt::join(t->shape, ","),
          t->view.numel());
    CHECK(!header.contains(t->name) && t->name != "__metadata__", "tensor name '{}' is taken", t->name);
    const size_t end = offset + t->view.bytes();
    header[t->name] = {
        {"dtype", name_of(t->view.dtype)}, {"shape", t->shape}, {"data_offsets", Json::array({offset, end})}};
    offset = end;
  }
  std::string text = std::string(8, '\0') + header.dump();
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  const uint64_t length = text.size() - 8;
  for (size_t i = 0; i < 8; ++i) text[i] = char(length >> (8 * i) & 0xff);
  return text;
}

}  // namespace

void write_safetensors(const std::string& path, const std::vector<TensorToWrite>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  // Wide types first, as the reference implementation: each tensor is aligned without padding in between.
  std::vector<const TensorToWrite*> order;
  for (const TensorToWrite& t : tensors) order.push_back(&t);
  std::stable_sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
    return size_of(a->view.dtype) > size_of(b->view.dtype);
  });
  const std::string header = make_header(order, metadata);
  size_t bytes = header.size();
  for (const TensorToWrite* t : order) bytes += t->view.bytes();

  PartialFile file(path, bytes);
  file.write(header.data(), header.size());
  for (const TensorToWrite* t : order) file.write(t->view.data, t->view.bytes());
  file.commit();
}

}  // namespace skein
