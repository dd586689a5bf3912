#include "apps/torch_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "base/check.h"
#include "engine/safetensors.h"
#include "engine/torch_layout.h"

namespace skein {
namespace {

using Dims = std::vector<int64_t>;

// "module.layer2.0.shortcut.0.weight" -> "layer2.0.downsample.0.weight"
std::string own_name(std::string name) {
  const auto replace = [&](const std::string& from, const std::string& to) {
    if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
  };
  if (name.starts_with("module.")) name.erase(0, 7);
  replace(".shortcut.", ".downsample.");
  if (name.starts_with("linear.")) replace("linear.", "fc.");
  return name;
}

// Counter of a batch norm in PyTorch; skein has no use for it.
bool is_counter(const std::string& name) { return name.ends_with("num_batches_tracked"); }

class TorchFile {
 public:
  explicit TorchFile(const std::string& path) : file_(SafetensorsFile::open(path)) {
    for (const std::string& name : file_->names())
      if (!is_counter(name)) unread_[own_name(name)] = name;
  }

  void read(const std::vector<ParameterSpec>& specs, const std::vector<Segment>& segments, const Tensor& flat) {
    for (size_t i = 0; i < specs.size(); ++i) {
      const Dims expected = torch_shape(specs[i].shape);
      const auto found = unread_.find(specs[i].name);
      if (found == unread_.end())
        throw BadInput("{}: there is no tensor '{}'. Are --model and --data those of what was saved?", file_->path(),
                       specs[i].name);
      const StoredTensor& stored = file_->at(found->second);
      if (stored.dtype != "F32" || stored.shape != expected)
        throw BadInput(
            "{}: tensor '{}' is {} [{}], the model needs F32 [{}]. Are --model and --data those of what was saved?",
            file_->path(), found->second, stored.dtype, fmt::join(stored.shape, ","), fmt::join(expected, ","));
      const float* from = reinterpret_cast<const float*>(stored.data);
      float* to = flat.host() + segments[i].begin;
      for_torch_order(specs[i].shape, segments[i].count, [&](int64_t own, int64_t theirs) { to[own] = from[theirs]; });
      unread_.erase(found);
    }
  }

  void finish() const {
    if (!unread_.empty())
      throw BadInput(
          "{}: the model has no tensor '{}' ({} in all are not its own). Are --model and --data those of what was "
          "saved?",
          file_->path(), unread_.begin()->second, unread_.size());
  }

 private:
  std::shared_ptr<const SafetensorsFile> file_;
  std::map<std::string, std::string> unread_;  // skein's name -> the file's
};

void list(const std::vector<ParameterSpec>& specs, const std::vector<Segment>& segments, const Tensor& flat,
          std::vector<std::vector<float>>& memory, std::vector<TensorToWrite>& tensors) {
  for (size_t i = 0; i < specs.size(); ++i) {
    const float* from = flat.host() + segments[i].begin;
    std::vector<float>& to = memory.emplace_back(size_t(segments[i].count));
    for_torch_order(specs[i].shape, segments[i].count,
                    [&](int64_t own, int64_t theirs) { to[size_t(theirs)] = from[own]; });
    tensors.push_back(
        {specs[i].name, View{to.data(), DType::f32, {1, 1, 1, segments[i].count}}, torch_shape(specs[i].shape)});
  }
}

}  // namespace

void read_torch_file(const std::string& path, ParameterStore& p) {
  TorchFile file(path);
  file.read(p.specs(), p.segments(), p.value);
  file.read(p.running_specs(), p.running_segments(), p.running_statistics);
  file.finish();
}

void write_torch_file(const std::string& path, const ParameterStore& p,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<std::vector<float>> memory;
  std::vector<TensorToWrite> tensors;
  memory.reserve(p.specs().size() + p.running_specs().size());
  list(p.specs(), p.segments(), p.value, memory, tensors);
  list(p.running_specs(), p.running_segments(), p.running_statistics, memory, tensors);
  std::map<std::string, std::string> all = metadata;
  all["format"] = "pt";  // safetensors.torch requires it
  write_safetensors(path, tensors, all);
}

}  // namespace skein
