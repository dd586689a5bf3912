#include <stb/stb_image.h>
#include <stb/stb_image_resize.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <memory>

#include "data/sources.h"
#include "kernels/check.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr size_t kListed = 5;  // bad files named in one message

struct ImageFile {
  std::string path;
  int32_t label;
  int width = 0, height = 0, channels = 0;
};

struct ImageSize {
  int64_t height, width;
  int channels;
};

std::vector<fs::path> sorted_entries(const fs::path& dir) {
  std::error_code error;
  std::vector<fs::path> result;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) result.push_back(*it);
  if (error) throw BadInput("{}: cannot be read ({}). Check its permissions", dir.string(), error.message());
  std::erase_if(result, [](const fs::path& p) { return p.filename().string().starts_with("."); });
  std::sort(result.begin(), result.end());
  return result;
}

bool is_image(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = char(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
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

std::vector<ImageFile> list_images(const fs::path& split, const std::vector<std::string>& classes) {
  std::vector<ImageFile> files;
  for (size_t label = 0; label < classes.size(); ++label) {
    const fs::path folder = split / classes[label];
    const size_t before = files.size();
    for (const fs::path& p : sorted_entries(folder))
      if (is_image(p)) files.push_back({p.string(), int32_t(label)});
    if (files.size() == before)
      throw BadInput(
          "{}: the class has no image (*.jpg, *.jpeg, *.png). Add images, or remove the class folder "
          "from every split",
          folder.string());
  }
  return files;
}

// Runs body(i), which returns what is wrong with file i or nothing, on all threads; reports the same errors in the same
// order however many there are.
template <class Body>
void for_each_file(const std::vector<ImageFile>& files, Body&& body) {
  std::vector<std::string> errors(files.size());
#pragma omp parallel for schedule(dynamic, 64)
  for (size_t i = 0; i < files.size(); ++i) errors[i] = body(i);
  std::string listed;
  size_t bad = 0;
  for (size_t i = 0; i < files.size(); ++i)
    if (!errors[i].empty() && bad++ < kListed) listed += fmt::format("{}: {}\n", files[i].path, errors[i]);
  if (bad == 0) return;
  throw BadInput("{}{} of {} images cannot be used{}. Replace or remove them", listed, bad, files.size(),
                 bad > kListed ? fmt::format(", the first {} are listed", kListed) : "");
}

// Headers only: sizes must agree before any memory is taken.
void read_sizes(std::vector<ImageFile>& files) {
  for_each_file(files, [&](size_t i) -> std::string {
    ImageFile& f = files[i];
    if (stbi_info(f.path.c_str(), &f.width, &f.height, &f.channels)) return {};
    return fmt::format("does not decode ({})", stbi_failure_reason());
  });
}

ImageSize common_size(const std::vector<ImageFile>& train, const std::vector<ImageFile>& test, int64_t resize) {
  const ImageFile& first = train[0];
  bool grey = true;
  for (const auto* files : {&train, &test})
    for (const ImageFile& f : *files) {
      grey = grey && f.channels <= 2;
      if (resize == 0 && (f.width != first.width || f.height != first.height))
        throw BadInput(
            "{}: is {} x {}, but {} is {} x {}. Give --size N to cut the centre square of every image and "
            "scale it to N x N",
            f.path, f.width, f.height, first.path, first.width, first.height);
    }
  const int channels = grey ? 1 : 3;
  return resize > 0 ? ImageSize{resize, resize, channels} : ImageSize{first.height, first.width, channels};
}

// What is wrong with the file, or nothing; writes size.height x size.width x size.channels bytes.
std::string decode(const ImageFile& file, const ImageSize& size, uint8_t* to) {
  int w = 0, h = 0, channels = 0;
  const std::unique_ptr<uint8_t, void (*)(void*)> pixels(stbi_load(file.path.c_str(), &w, &h, &channels, size.channels),
                                                         stbi_image_free);
  if (!pixels) return fmt::format("does not decode ({})", stbi_failure_reason());
  if (w != file.width || h != file.height) return "changed while it was read";
  if (w == size.width && h == size.height) {
    std::memcpy(to, pixels.get(), size_t(size.height * size.width * size.channels));
    return {};
  }
  const int side = std::min(w, h), stride = w * size.channels;
  const uint8_t* square = pixels.get() + (h - side) / 2 * stride + (w - side) / 2 * size.channels;
  const bool good =
      stbir_resize_uint8(square, side, side, stride, to, int(size.width), int(size.height), 0, size.channels) != 0;
  return good ? "" : "cannot be scaled (out of memory)";
}

Dataset decode_all(const std::string& name, const std::vector<ImageFile>& files, const ImageSize& size) {
  Dataset d = allocate_dataset(name, int64_t(files.size()), size.height, size.width, size.channels);
  const int64_t bytes = size.height * size.width * size.channels;
  for_each_file(files, [&](size_t i) {
    d.labels.as<int32_t>()[i] = files[i].label;
    return decode(files[i], size, d.images.as<uint8_t>() + int64_t(i) * bytes);
  });
  return d;
}

}  // namespace

Splits open_image_folder(const std::string& dir, int64_t resize) {
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

  std::vector<ImageFile> train = list_images(train_folder, classes), test = list_images(test_folder, classes);
  read_sizes(train);
  read_sizes(test);
  const ImageSize size = common_size(train, test, resize);
  const fs::path plain = fs::path(dir).lexically_normal();
  const std::string name = (plain.has_filename() ? plain : plain.parent_path()).filename().string();
  Splits s{decode_all(name, train, size), decode_all(name, test, size)};
  set_statistics(s.train);
  s.train.classes = s.test.classes = classes;
  std::copy(s.train.mean, s.train.mean + 4, s.test.mean);
  std::copy(s.train.std, s.train.std + 4, s.test.std);
  return s;
}

}  // namespace skein
