#include "models/model.h"

#include <charconv>

#include "kernels/check.h"
#include "models/resnet_cifar.h"

namespace skein {
namespace {

// The number behind the prefix "resnet", 0 if there is none.
int64_t depth_of(const std::string& name) {
  constexpr std::string_view kPrefix = "resnet";
  int64_t depth = 0;
  if (!name.starts_with(kPrefix)) return 0;
  const char *begin = name.data() + kPrefix.size(), *end = name.data() + name.size();
  return std::from_chars(begin, end, depth).ptr == end ? depth : 0;
}

}  // namespace

std::unique_ptr<Model> make_model(const std::string& name, const ModelOptions& options, ParameterStore& store) {
  const int64_t depth = depth_of(name);
  if (depth < 8 || depth > 1202 || depth % 6 != 2)
    throw BadInput("--model {}: no such model; known are resnet8, resnet14, resnet20 ... resnet110 (any depth 6n+2)",
                   name);
  return std::make_unique<ResNetCifar>(depth, options, store);
}

}  // namespace skein
