#include "apps/model/torch_file.h"

#include "engine/safetensors.h"
#include "engine/torch_layout.h"

namespace skein {
namespace {

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
