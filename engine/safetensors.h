// The one container of skein, for checkpoints and packed datasets: safetensors, as Python's library reads and writes
// it.
//   8 bytes   length n of the header, little endian
//   n bytes   JSON {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets": [begin, end]}, ...}
//   the rest  the tensors, row-major, without holes; what is written here starts at a multiple of 64 bytes
// Reading maps the file and believes nothing in it. Writing replaces a file whole or leaves it as it was.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/view.h"

namespace skein {

struct StoredTensor {
  std::string dtype;           // as in the file: F32, BF16, I32, U8; others (I64, F16 ...) have bytes but no view
  std::vector<int64_t> shape;  // true rank, any length
  const std::byte* data = nullptr;
  size_t bytes = 0;
};

class SafetensorsFile {
 public:
  // Maps the file; whoever keeps a view keeps the returned pointer. BadInput when anything in the file is not right.
  static std::shared_ptr<const SafetensorsFile> open(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& path() const { return path_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  std::vector<std::string> names() const;                    // sorted
  const StoredTensor* find(const std::string& name) const;   // null when absent
  const StoredTensor& at(const std::string& name) const;     // BadInput when absent
  const std::string& meta(const std::string& key) const;     // BadInput when absent
  View view(const std::string& name) const;                  // read-only memory; rank <= 4, filled from the right
  View view(const std::string& name, DType expected) const;  // BadInput when the type is another

 private:
  explicit SafetensorsFile(const std::string& path);
  void map();
  void parse_header();
  void check_layout() const;

  std::string path_;
  const std::byte* memory_ = nullptr;
  size_t size_ = 0, data_begin_ = 0;
  std::map<std::string, StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

struct TensorToWrite {
  std::string name;
  View view;                   // host memory
  std::vector<int64_t> shape;  // what the reader sees: {16} for a vector; same number of elements as the view
};

// Writes path.partial, syncs it to the disk and renames it. Throws RunFailed when a write fails (disk full): the
// partial file is gone then and an older file at `path` is untouched.
void write_safetensors(const std::string& path, const std::vector<TensorToWrite>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace skein
