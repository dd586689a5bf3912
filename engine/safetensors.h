// safetensors files, the one container of this program: checkpoints, packed datasets, indexes of shards. The format is
// that of Hugging Face's safetensors library (https://github.com/huggingface/safetensors, README, "Format"):
//   8 bytes   length n of the header, little endian
//   n bytes   JSON {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets": [begin, end]}, ...}
//   the rest  the tensors, row-major, without holes; in files written here, they begin at a multiple of 64 bytes
// Reading maps the file and checks everything in the header. Writing replaces a file as a whole or not at all.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/view.h"

namespace skein {

struct StoredTensor {
  std::string dtype;           // as in the file: F32, BF16, I32, U8; other types (I64, F16 ...) cannot be viewed
  std::vector<int64_t> shape;  // any number of dimensions
  const std::byte* data = nullptr;
  size_t bytes = 0;
};

class SafetensorsFile {
 public:
  // Maps the file. Views are valid as long as the returned object. BadInput if anything in the file is wrong.
  static std::shared_ptr<const SafetensorsFile> open(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& path() const { return path_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  std::vector<std::string> names() const;                    // sorted
  const StoredTensor* find(const std::string& name) const;   // null if absent
  const StoredTensor& at(const std::string& name) const;     // BadInput if absent
  const std::string& meta(const std::string& key) const;     // BadInput if absent
  View view(const std::string& name) const;                  // read-only; at most 4 dimensions, leading ones added
  View view(const std::string& name, DType expected) const;  // BadInput if the type differs

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
  std::vector<int64_t> shape;  // as stored: {16} for a vector; same number of elements as the view
};

// Writes a partial file (base/partial_file.h), syncs it to the disk and renames it. RunFailed if a write fails (disk
// full); the partial file is then removed and an older file at `path` is unchanged.
void write_safetensors(const std::string& path, const std::vector<TensorToWrite>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace skein
