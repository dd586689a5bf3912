#include "train/evaluation/class_names.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/check.h"
#include "base/terminal/nearest.h"

namespace skein {
namespace {

constexpr size_t kListed = 10;

std::string listed(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kListed);
  return fmt::format("{}{}", fmt::join(names.begin(), names.begin() + std::ptrdiff_t(shown), ", "),
                     shown < names.size() ? fmt::format(" ... ({} in all)", names.size()) : "");
}

std::vector<int32_t> same_numbers(size_t classes) {
  std::vector<int32_t> numbers(classes);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

ClassMap map_by_name(const std::string& data, const std::vector<std::string>& of_data,
                     const std::vector<std::string>& of_model) {
  std::map<std::string, int32_t> numbers;
  for (size_t c = 0; c < of_model.size(); ++c)
    if (!numbers.emplace(of_model[c], int32_t(c)).second)
      throw BadInput(
          "dataset '{}': other classes than the checkpoint's, which has two called '{}'. Give the data that "
          "it was trained on with --data",
          data, of_model[c]);
  ClassMap map;
  for (const std::string& name : of_data) {
    const auto found = numbers.find(name);
    if (found == numbers.end()) {
      const std::string guess = nearest(name, of_model);
      throw BadInput(
          "dataset '{}': its class '{}' is not one of the checkpoint's: {}.{} Rename it there, or give other "
          "data with --data",
          data, name, listed(of_model), guess.empty() ? "" : fmt::format(" Is it '{}'?", guess));
    }
    map.to_model.push_back(found->second);
  }
  map.note = of_data.size() == of_model.size()
                 ? "the data numbers the checkpoint's classes in another order; they are compared by name"
                 : fmt::format("the data has {} of the checkpoint's {} classes; they are compared by name",
                               of_data.size(), of_model.size());
  return map;
}

}  // namespace

bool have_names(const std::vector<std::string>& classes) {
  for (size_t c = 0; c < classes.size(); ++c)
    if (classes[c] != std::to_string(c)) return true;
  return false;
}

ClassMap map_classes(const std::string& data, const std::vector<std::string>& of_data,
                     const std::vector<std::string>& of_model) {
  if (of_data == of_model) return {same_numbers(of_data.size()), ""};
  const bool data_named = have_names(of_data), model_named = have_names(of_model);
  if (data_named && model_named) return map_by_name(data, of_data, of_model);
  if (of_data.size() != of_model.size())
    throw BadInput(
        "dataset '{}': {} classes, the checkpoint has {}, and without names they cannot be told apart. Give "
        "the data that it was trained on with --data",
        data, of_data.size(), of_model.size());
  return {same_numbers(of_data.size()),
          fmt::format("{} no class names; the numbers 0 to {} are compared",
                      model_named ? "the data has" : "the checkpoint has", of_data.size() - 1)};
}

void use_classes(Dataset& dataset, const ClassMap& map, const std::vector<std::string>& of_model) {
  struct Storage {
    std::shared_ptr<const void> before;
    std::vector<int32_t> labels;
  };
  auto storage = std::make_shared<Storage>();
  storage->before = dataset.storage;
  for (int64_t i = 0; i < dataset.size(); ++i) storage->labels.push_back(map.to_model[size_t(dataset.label()[i])]);
  dataset.labels = {storage->labels.data(), DType::i32, {1, 1, 1, dataset.size()}};
  dataset.storage = storage;
  dataset.classes = of_model;
}

}  // namespace skein
