#include "data/formats/folders/label_file.h"

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "base/terminal/printable.h"

namespace skein {
namespace {

constexpr std::string_view kNames[] = {"LOC_val_solution.csv", "val_annotations.txt",
                                       "imagenet_2012_validation_synset_labels.txt",
                                       "ILSVRC2012_validation_ground_truth.txt"};

std::string stem(const std::string& image) { return std::filesystem::path(image).stem().string(); }

}  // namespace

bool is_label_file(const std::string& path) {
  const std::string file = std::filesystem::path(path).filename().string();
  return std::find(std::begin(kNames), std::end(kNames), file) != std::end(kNames);
}

bool is_meta_mat(const std::string& path) { return std::filesystem::path(path).filename() == "meta.mat"; }

LabelFile::LabelFile(const std::string& path, std::string_view text, const std::vector<std::string>& numbered)
    : path_(path), numbered_(numbered) {
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (!line.empty()) add_line(line, number);
  }
  if (by_name_.empty() && in_order_.empty()) throw BadInput("{}: is empty. Copy it again, or remove it", path_);
}

void LabelFile::add_line(std::string_view line, size_t number) {
  const size_t separator = line.find_first_of(",\t");
  if (separator == std::string_view::npos) {
    if (!by_name_.empty()) throw BadInput("{}: line {}: there is no class. Copy the file again", path_, number);
    const bool is_number = std::all_of(line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; });
    in_order_.push_back(is_number ? class_of_number(line, number) : line);
    return;
  }
  const std::string_view image = line.substr(0, separator);
  std::string_view name = line.substr(separator + 1);
  name = name.substr(0, name.find_first_of(" ,\t"));
  if (image == "ImageId") return;  // the head of the table
  if (image.empty() || name.empty() || !in_order_.empty())
    throw BadInput("{}: line {}: '{}' is not an image and its class. Copy the file again", path_, number,
                   printable(line.substr(0, 80)));
  by_name_.emplace(stem(std::string(image)), name);
}

std::string_view LabelFile::class_of_number(std::string_view text, size_t line) const {
  if (numbered_.empty())
    throw BadInput(
        "{}: line {}: '{}' is a number, whose class only meta.mat of the development kit says. Put meta.mat beside it, "
        "or LOC_val_solution.csv of Kaggle's ImageNet or imagenet_2012_validation_synset_labels.txt in its place",
        path_, line, text);
  size_t n = 0;
  for (char c : text.substr(0, 9)) n = 10 * n + size_t(c - '0');
  if (n < 1 || n > numbered_.size() || numbered_[n - 1].empty())
    throw BadInput("{}: line {}: meta.mat has no class {}. Put two files of one development kit together", path_, line,
                   text);
  return numbered_[n - 1];
}

std::optional<std::string> LabelFile::class_of(const std::string& image, size_t position, size_t count) const {
  if (!in_order_.empty()) {
    if (in_order_.size() != count)
      throw BadInput("{}: {} lines for {} images. Put all images and the file of one set together", path_,
                     in_order_.size(), count);
    return std::string(in_order_[position]);
  }
  const auto at = by_name_.find(stem(image));
  return at == by_name_.end() ? std::nullopt : std::optional(std::string(at->second));
}

}  // namespace skein
