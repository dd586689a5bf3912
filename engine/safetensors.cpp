#include "engine/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/formats/json.h"

namespace skein {
namespace {

constexpr uint64_t kLengthBytes = 8, kMaxHeader = 100'000'000;  // the limit of the reference implementation
constexpr const char* kCopyAgain = "Copy or make the file again";

// Bytes per element of a type of the format; 0: no such type.
size_t element_bytes(const std::string& dtype) {
  static const std::map<std::string, size_t> table = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
      {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},     {"I64", 8},     {"U64", 8}, {"F64", 8}};
  const auto found = table.find(dtype);
  return found == table.end() ? 0 : found->second;
}

constexpr struct {
  const char* name;
  DType dtype;
} kViewTypes[] = {{"F32", DType::f32}, {"BF16", DType::bf16}, {"I32", DType::i32}, {"U8", DType::u8}};

uint64_t little_endian(const std::byte* p) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | uint64_t(p[i]);
  return value;
}

// Elements of a shape; -1 if a dimension is negative or the product overflows.
int64_t product(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (int64_t d : shape)
    if (d < 0 || __builtin_mul_overflow(n, d, &n)) return -1;
  return n;
}

// One entry of the header; `size` is the number of data bytes in the file.
StoredTensor parse_entry(const std::string& where, const Json& entry, const std::byte* data, uint64_t size) {
  StoredTensor t;
  std::vector<uint64_t> offsets;
  try {
    entry.at("dtype").get_to(t.dtype);
    entry.at("shape").get_to(t.shape);
    entry.at("data_offsets").get_to(offsets);
  } catch (const JsonError& e) {
    throw BadInput("{}: dtype, shape or data_offsets is missing or of the wrong kind ({}). {}", where, e.what(),
                   kCopyAgain);
  }
  const size_t element = element_bytes(t.dtype);
  if (element == 0) throw BadInput("{}: unknown dtype '{}'. Save it as F32, BF16, I32 or U8", where, t.dtype);
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    throw BadInput("{}: data_offsets are not two ascending numbers. {}", where, kCopyAgain);
  if (offsets[1] > size)
    throw BadInput("{}: ends at data byte {}, but the file holds {} data bytes: it is cut short. {}", where, offsets[1],
                   size, kCopyAgain);
  t.bytes = offsets[1] - offsets[0];
  const int64_t n = product(t.shape);
  if (n < 0 || uint64_t(n) > size || uint64_t(n) * element != t.bytes)
    throw BadInput("{}: shape [{}] of {} does not fill its {} bytes. {}", where, fmt::join(t.shape, ","), t.dtype,
                   t.bytes, kCopyAgain);
  t.data = data + offsets[0];
  return t;
}

}  // namespace

std::shared_ptr<const SafetensorsFile> SafetensorsFile::open(const std::string& path) {
  return std::shared_ptr<const SafetensorsFile>(new SafetensorsFile(path));
}

SafetensorsFile::SafetensorsFile(const std::string& path) : path_(path) {
  map();
  try {
    parse_header();
    check_layout();
  } catch (...) {
    munmap(const_cast<std::byte*>(memory_), size_);
    throw;
  }
}

SafetensorsFile::~SafetensorsFile() { munmap(const_cast<std::byte*>(memory_), size_); }

// The mapping stays valid if the file is replaced by rename or deleted. Truncating the file in place would break it.
void SafetensorsFile::map() {
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw BadInput("{}: cannot be opened: {}. Check the path", path_, std::strerror(errno));
  struct stat info {};
  const bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (!regular || info.st_size < int64_t(kLengthBytes)) {
    close(fd);
    if (!regular) throw BadInput("{}: is not a regular file. Name a safetensors file", path_);
    throw BadInput("{}: byte 0: {} bytes are too few for a safetensors file. {}", path_, info.st_size, kCopyAgain);
  }
  size_ = size_t(info.st_size);
  void* memory = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
  const int error = errno;
  close(fd);
  if (memory == MAP_FAILED)
    throw BadInput("{}: cannot be mapped: {}. Copy it to a local disk", path_, std::strerror(error));
  memory_ = static_cast<const std::byte*>(memory);
}

void SafetensorsFile::parse_header() {
  const uint64_t length = little_endian(memory_), most = std::min<uint64_t>(size_ - kLengthBytes, kMaxHeader);
  const bool too_long = length < 2 || length > most;
  if (too_long && (std::memcmp(memory_, "PK\3\4", 4) == 0 || std::memcmp(memory_, "\x80\2", 2) == 0))  // zip, pickle
    throw BadInput(
        "{}: is a file of torch.save, not of safetensors. Save the weights with "
        "safetensors.torch.save_file(model.state_dict(), FILE)",
        path_);
  if (too_long)
    throw BadInput("{}: byte 0: a header of {} bytes in a file of {}: cut short, or not a safetensors file. {}", path_,
                   length, size_, kCopyAgain);
  data_begin_ = kLengthBytes + length;
  const char* text = reinterpret_cast<const char*>(memory_ + kLengthBytes);
  Json header;
  try {
    header = Json::parse({text, length});
  } catch (const JsonError& e) {
    throw BadInput("{}: byte {}: the header {} ({}). {}", path_, kLengthBytes + e.byte,
                   e.byte > 0 ? "is not JSON" : "cannot be read", e.what(), kCopyAgain);
  }
  if (!header.is_object()) throw BadInput("{}: byte 8: the header is not a JSON object. {}", path_, kCopyAgain);
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      try {
        for (const auto& [key, text] : entry.items()) metadata_[key] = text.get<std::string>();
      } catch (const JsonError&) {
        throw BadInput("{}: __metadata__ is not a map from text to text. {}", path_, kCopyAgain);
      }
    } else {
      tensors_[name] =
          parse_entry(path_ + ": tensor '" + name + "'", entry, memory_ + data_begin_, size_ - data_begin_);
    }
  }
}

// Checks that tensors follow each other without overlap or hole and end at the end of the file.
void SafetensorsFile::check_layout() const {
  std::vector<std::pair<const StoredTensor*, const std::string*>> sorted;
  for (const auto& [name, t] : tensors_) sorted.emplace_back(&t, &name);
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first->data, a.first->bytes) < std::pair(b.first->data, b.first->bytes);
  });
  const std::byte* expected = memory_ + data_begin_;
  for (const auto& [t, name] : sorted) {
    if (t->data != expected)
      throw BadInput("{}: tensor '{}': begins at byte {}, where {} is expected: an overlap or a hole. {}", path_, *name,
                     t->data - memory_, expected - memory_, kCopyAgain);
    expected += t->bytes;
  }
  const size_t end = size_t(expected - memory_);
  if (end != size_)
    throw BadInput("{}: byte {}: {} bytes follow the last tensor. {}", path_, end, size_ - end, kCopyAgain);
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> result;
  for (const auto& [name, t] : tensors_) result.push_back(name);
  return result;
}

const StoredTensor* SafetensorsFile::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const StoredTensor& SafetensorsFile::at(const std::string& name) const {
  if (const StoredTensor* t = find(name)) return *t;
  throw BadInput("{}: tensor '{}' is missing; the file has {} tensors{}{}. Is it the right kind of file?", path_, name,
                 tensors_.size(), tensors_.empty() ? "" : ", the first is ",
                 tensors_.empty() ? "" : tensors_.begin()->first);
}

const std::string& SafetensorsFile::meta(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found != metadata_.end()) return found->second;
  throw BadInput("{}: '{}' is missing in __metadata__. Is it the right kind of file?", path_, key);
}

View SafetensorsFile::view(const std::string& name) const {
  const StoredTensor& t = at(name);
  for (const auto& type : kViewTypes) {
    if (t.dtype != type.name) continue;
    if (t.shape.size() > 4)
      throw BadInput("{}: tensor '{}' has {} dimensions, at most 4 are possible. Reshape it", path_, name,
                     t.shape.size());
    if (reinterpret_cast<uintptr_t>(t.data) % size_of(type.dtype) != 0)
      throw BadInput("{}: tensor '{}': byte {} is not aligned for {}. Save it with safetensors 0.3 or later", path_,
                     name, t.data - memory_, t.dtype);
    View v{const_cast<std::byte*>(t.data), type.dtype, {1, 1, 1, 1}};
    std::copy(t.shape.begin(), t.shape.end(), v.dims + (4 - t.shape.size()));
    return v;
  }
  throw BadInput("{}: tensor '{}' has dtype {}. Save it as F32, BF16, I32 or U8", path_, name, t.dtype);
}

View SafetensorsFile::view(const std::string& name, DType expected) const {
  const View v = view(name);
  for (const auto& type : kViewTypes)
    if (type.dtype == expected && v.dtype != expected)
      throw BadInput("{}: tensor '{}' has dtype {} where {} is needed. Is it the right kind of file?", path_, name,
                     at(name).dtype, type.name);
  return v;
}

}  // namespace skein
