#include "train/log/log_scalars.h"

#include <algorithm>

namespace skein {
namespace {

using Scalars = std::vector<std::pair<std::string, double>>;

constexpr size_t kMostClasses = 100;  // with a curve each

bool is_number(const Json& value) { return value.type_name() == std::string("number"); }

void add(Scalars& to, const std::string& name, const Json& value) {
  if (is_number(value)) to.emplace_back(name, value.get<double>());
}

void add_mean(Scalars& to, const std::string& name, const Json& list) {
  double sum = 0, count = 0;
  for (const Json& x : list.elements())
    if (is_number(x)) sum += x.get<double>(), ++count;
  if (count > 0) to.emplace_back(name, sum / count);
}

void add_layers(Scalars& to, const Json& layers) {
  for (const Json& layer : layers.elements())
    for (const char* norm : {"weight_norm", "grad_norm"})
      add(to, std::string(norm) + "/" + layer.at("name").get<std::string>(), layer.at(norm));
}

}  // namespace

Scalars log_scalars(const Json& line, const std::vector<std::string>& classes) {
  Scalars all;
  const std::string type = line.at("type").get<std::string>() + "/";
  for (const auto& [key, value] : line.items()) {
    if (key == "step" || key == "epoch") continue;
    const std::string kind = value.type_name();
    if (key == "layers") {
      add_layers(all, value);
    } else if (key == "class_top1") {
      if (classes.size() > kMostClasses) continue;
      for (size_t c = 0; c < std::min(classes.size(), value.size()); ++c)
        add(all, "class_top1/" + classes[c], value.at(c));
    } else if (kind == "object") {
      for (const auto& [inner, number] : value.items()) add(all, type + key + "/" + inner, number);
    } else if (kind == "array") {
      add_mean(all, type + key, value);
    } else {
      add(all, type + key, value);
    }
  }
  return all;
}

}  // namespace skein
