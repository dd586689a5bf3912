#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/check.h"
#include "base/files.h"
#include "base/formats/json.h"
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

// A file that is written beside the one it will replace. The destructor removes it unless commit() has succeeded.
class PartialFile {
 public:
  PartialFile(const std::string& path, size_t bytes) : path_(path), partial_(path + ".partial"), bytes_(bytes) {
    unlink(partial_.c_str());  // what a program left that was killed here; a link is never followed
    fd_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd_ < 0) fail("cannot be created", errno);
  }
  ~PartialFile() {
    if (fd_ >= 0) close(fd_);
    if (!committed_) unlink(partial_.c_str());
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  void write(const void* data, size_t bytes) {
    const char* p = static_cast<const char*>(data);
    while (bytes > 0) {
      const ssize_t n = ::write(fd_, p, bytes);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) fail("cannot be written", errno);
      p += n;
      bytes -= size_t(n);
    }
  }

  void commit() {
    if (fsync(fd_) != 0) fail("cannot be brought to the disk", errno);
    const int fd = std::exchange(fd_, -1);
    if (close(fd) != 0) fail("cannot be closed", errno);
    if (rename(partial_.c_str(), path_.c_str()) != 0) fail("cannot be renamed", errno);
    committed_ = true;
    sync_folder(std::filesystem::path(path_).parent_path().string());
  }

 private:
  [[noreturn]] void fail(const char* what, int error) const {
    const bool old = std::filesystem::exists(path_);
    throw RunFailed("{}: {}: {}. {} bytes are needed there: free space, or choose another folder. {}", partial_, what,
                    std::strerror(error), bytes_,
                    old ? "The older " + path_ + " is untouched" : path_ + " does not exist, as before");
  }

  std::string path_, partial_;
  size_t bytes_;
  int fd_ = -1;
  bool committed_ = false;
};

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
