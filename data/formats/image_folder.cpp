#include <algorithm>
#include <mutex>
#include <new>

#include "base/check.h"
#include "base/terminal/progress_line.h"
#include "data/formats/formats.h"
#include "data/formats/image_list.h"
#include "data/image/image_file.h"
#include "data/image/preprocessing.h"

namespace skein {
namespace {

constexpr size_t kListed = 5;  // damaged files that one message names

struct ImageFile {
  std::string path;
  int32_t label;
  ImageSize size = {};  // upright
  bool grey = false;
};

struct PackedSize {
  int64_t height, width;
  int channels;
};

// Runs body(i) for each file on all threads, with a line of progress; it returns the error of file i, empty if there is
// none. BadInput lists the first errors in the order of the files, whatever the number of threads.
template <class Body>
void for_each_file(const char* what, const std::vector<ImageFile>& files, Body&& body) {
  std::vector<std::string> errors(files.size());
  ProgressLine progress(what, int64_t(files.size()));
#pragma omp parallel for schedule(dynamic, 64)
  for (size_t i = 0; i < files.size(); ++i) {
    errors[i] = body(i);
    progress.add(1);
  }
  std::string listed;
  size_t bad = 0;
  for (size_t i = 0; i < files.size(); ++i)
    if (!errors[i].empty() && bad++ < kListed) listed += fmt::format("{}: {}\n", files[i].path, errors[i]);
  if (bad == 0) return;
  throw BadInput("{}{} of {} images cannot be used{}. Replace or remove them", listed, bad, files.size(),
                 bad > kListed ? fmt::format(", the first {} are listed", kListed) : "");
}

// Calls use(decoder, size) with the file open. Returns the error, empty if there is none.
template <class Use>
std::string with_image(const ImageFile& file, Use&& use) {
  static thread_local ImageDecoder decoder;
  static thread_local std::vector<uint8_t> bytes;
  try {
    read_image_file(file.path, bytes);
    const ImageSize size = decoder.open(bytes);
    use(decoder, size);
    return {};
  } catch (const BadImage& e) {
    return fmt::format("does not decode ({})", e.what());
  } catch (const std::bad_alloc&) {
    return "there is not enough memory to decode it";
  }
}

// Reads the headers only: sizes must agree before memory is allocated.
void read_sizes(std::vector<ImageFile>& files) {
  for_each_file("reading sizes", files, [&](size_t i) {
    return with_image(files[i], [&](ImageDecoder& decoder, ImageSize size) {
      files[i].size = size;
      files[i].grey = decoder.grey();
    });
  });
}

PackedSize common_size(const std::vector<ImageFile>& train, const std::vector<ImageFile>& test, int64_t resize) {
  const ImageFile& first = train[0];
  bool grey = true;
  for (const auto* files : {&train, &test})
    for (const ImageFile& f : *files) {
      grey = grey && f.grey;
      if (resize == 0 && (f.size.width != first.size.width || f.size.height != first.size.height))
        throw BadInput(
            "{}: is {} x {}, but {} is {} x {}. Scale the centre square of every image to N x N with skein train "
            "--resize N or skein data import --size N, or keep the sizes with --data imagenet --data-dir DIR --crop N",
            f.path, f.size.width, f.size.height, first.path, first.size.width, first.size.height);
    }
  const int channels = grey ? 1 : 3;
  return resize > 0 ? PackedSize{resize, resize, channels} : PackedSize{first.size.height, first.size.width, channels};
}

// Writes the image as (height, width, channels) bytes of `size`. Returns the error, empty if there is none.
std::string decode(const ImageFile& file, const PackedSize& size, uint8_t* to) {
  return with_image(file, [&](ImageDecoder& decoder, ImageSize image) {
    if (image.width != file.size.width || image.height != file.size.height) throw BadImage("it changed meanwhile");
    static std::mutex large_images;  // bounds the memory of all threads together
    std::unique_lock lock(large_images, std::defer_lock);
    if (image.width * image.height > kMostPixelsBesideOthers) lock.lock();
    centre_square(decode_whole(decoder, image), image, {size.width, size.height}, size.channels, to);
  });
}

Dataset decode_all(const std::string& name, const std::vector<ImageFile>& files, const PackedSize& size) {
  Dataset d = allocate_dataset(name, int64_t(files.size()), size.height, size.width, size.channels);
  const int64_t bytes = size.height * size.width * size.channels;
  for_each_file("decoding", files, [&](size_t i) {
    d.labels.as<int32_t>()[i] = files[i].label;
    return decode(files[i], size, d.pixels().as<uint8_t>() + int64_t(i) * bytes);
  });
  return d;
}

}  // namespace

Splits open_image_folder(const std::string& dir, const DatasetOptions& options) {
  const ImageList list = list_image_folder(dir, options);
  const auto files_of = [](const std::vector<ListedImage>& images) {
    std::vector<ImageFile> files;
    for (const ListedImage& i : images) files.push_back({i.path, i.label});
    return files;
  };
  std::vector<ImageFile> train = files_of(list.train), test = files_of(list.test);
  read_sizes(train);
  read_sizes(test);
  const PackedSize size = common_size(train, test, options.resize);
  Splits s{decode_all(list.name, train, size), decode_all(list.name, test, size), list.notes};
  set_statistics(s.train);
  s.train.classes = s.test.classes = list.classes;
  std::copy(s.train.mean, s.train.mean + 4, s.test.mean);
  std::copy(s.train.std, s.train.std + 4, s.test.std);
  return s;
}

}  // namespace skein
