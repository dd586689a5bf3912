// Text files that give the labels of a folder without class folders, such as ImageNet's val as downloaded:
//   LOC_val_solution.csv                            Kaggle's ILSVRC: ImageId,PredictionString = CLASS x y x y ...
//   val_annotations.txt                             Tiny ImageNet: FILE, CLASS and a box, separated by tabs
//   imagenet_2012_validation_synset_labels.txt      a CLASS per line, in the order of the images' names
//   ILSVRC2012_validation_ground_truth.txt          a number per line, whose class meta.mat says (data/formats/folders/meta_mat.h)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace skein {

bool is_label_file(const std::string& path);  // by its name
bool is_meta_mat(const std::string& path);    // by its name

class LabelFile {
 public:
  // numbered: the classes of meta.mat; empty: there is no such file. Text and classes must outlive the object.
  // BadInput, here and below, names the file, the line and the fix.
  LabelFile(const std::string& path, std::string_view text, const std::vector<std::string>& numbered);
  // Class of an image, by its name without folder; position and count: among all images, in the order of their names.
  // Empty: the file does not say.
  std::optional<std::string> class_of(const std::string& image, size_t position, size_t count) const;

 private:
  void add_line(std::string_view line, size_t number);
  std::string_view class_of_number(std::string_view text, size_t line) const;

  const std::string path_;
  const std::vector<std::string>& numbered_;
  std::unordered_map<std::string, std::string_view> by_name_;  // without the extension
  std::vector<std::string_view> in_order_;
};

}  // namespace skein
