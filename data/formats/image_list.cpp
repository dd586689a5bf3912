#include "data/formats/image_list.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/check.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> sorted_entries(const fs::path& dir) {
  std::error_code error;
  std::vector<fs::path> result;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) result.push_back(*it);
  if (error) throw BadInput("{}: cannot be read ({}). Check its permissions", dir.string(), error.message());
  std::erase_if(result, [](const fs::path& p) { return p.filename().string().starts_with("."); });
  std::sort(result.begin(), result.end());
  return result;
}

fs::path split_folder(const fs::path& dir, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (fs::is_directory(dir / name)) return dir / name;
  throw BadInput("{}: there is no folder {}. Lay the images out as DIR/{{train,test}}/CLASS/*.{{jpg,jpeg,png}}",
                 dir.string(), fmt::join(names, " or "));
}

std::vector<std::string> class_names(const fs::path& split) {
  std::vector<std::string> names;
  for (const fs::path& p : sorted_entries(split))
    if (fs::is_directory(p)) names.push_back(p.filename().string());
  if (names.empty())
    throw BadInput("{}: there are no class folders. Lay the images out as DIR/{{train,test}}/CLASS/*.{{jpg,jpeg,png}}",
                   split.string());
  return names;
}

std::vector<ListedImage> list_images(const fs::path& split, const std::vector<std::string>& classes) {
  std::vector<ListedImage> files;
  for (size_t label = 0; label < classes.size(); ++label) {
    const fs::path folder = split / classes[label];
    const size_t before = files.size();
    for (const fs::path& p : sorted_entries(folder))
      if (has_image_extension(p.string())) files.push_back({p.string(), int32_t(label)});
    if (files.size() == before)
      throw BadInput(
          "{}: the class has no image (*.jpg, *.jpeg, *.png). Add images, or remove the class folder "
          "from every split",
          folder.string());
  }
  return files;
}

}  // namespace

bool has_image_extension(const std::string& path) {
  std::string extension = fs::path(path).extension().string();
  for (char& c : extension) c = char(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

ImageList list_image_folder(const std::string& dir) {
  if (!fs::is_directory(dir)) throw BadInput("{}: there is no such folder. Check the path", dir);
  const fs::path train_folder = split_folder(dir, {"train"}), test_folder = split_folder(dir, {"test", "val"});
  const std::vector<std::string> classes = class_names(train_folder), test_classes = class_names(test_folder);
  for (const std::string& c : test_classes)
    if (!std::binary_search(classes.begin(), classes.end(), c))
      throw BadInput("{}: the class is not in {}. Add it there, or remove it here", (test_folder / c).string(),
                     train_folder.string());
  for (const std::string& c : classes)
    if (!std::binary_search(test_classes.begin(), test_classes.end(), c))
      throw BadInput("{}: there is no such class folder, but {} has it. Add it, or remove it there",
                     (test_folder / c).string(), train_folder.string());

  const fs::path plain = fs::path(dir).lexically_normal();
  return {(plain.has_filename() ? plain : plain.parent_path()).filename().string(), classes,
          list_images(train_folder, classes), list_images(test_folder, classes)};
}

}  // namespace skein
