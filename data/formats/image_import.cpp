#include "data/formats/image_import.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <new>

#include "base/check.h"
#include "data/formats/encoded_images.h"
#include "data/formats/image_list.h"
#include "data/formats/shard_writer.h"
#include "data/formats/tar.h"
#include "data/image/image_decoder.h"
#include "data/image/random_crop.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kLargestFile = 256 << 20;
constexpr int64_t kMostShards = 400;  // all are open at the same time: stays below the limit of open files

struct SourceImage {
  std::string path;  // within the folder or archive
  std::vector<uint8_t> bytes;
  std::string reason;  // of the damage; empty: none was found
  ImageSize size;
  bool encoded_again = false;
};

class Source {
 public:
  virtual ~Source() = default;
  virtual bool next(SourceImage& image) = 0;
};

class FolderSource final : public Source {
 public:
  explicit FolderSource(const std::string& dir) : dir_(dir) {
    std::error_code error;
    for (fs::recursive_directory_iterator it(dir, fs::directory_options::follow_directory_symlink, error), end;
         !error && it != end; it.increment(error))
      if (it->is_regular_file(error) && has_image_extension(it->path().string())) files_.push_back(it->path());
    if (error) throw BadInput("{}: cannot be read ({}). Check its permissions", dir, error.message());
    std::sort(files_.begin(), files_.end());
  }
  bool next(SourceImage& image) override {
    if (next_ == files_.size()) return false;
    const fs::path& file = files_[next_++];
    image.path = file.lexically_relative(dir_).string();
    std::ifstream in(file, std::ios::binary);
    image.bytes.assign(std::istreambuf_iterator<char>(in), {});
    if (!in) image.reason = "cannot be read";
    return true;
  }
  int64_t bytes() const {
    int64_t sum = 0;
    std::error_code ignored;
    for (const fs::path& f : files_) sum += int64_t(fs::file_size(f, ignored));
    return sum;
  }

 private:
  fs::path dir_;
  std::vector<fs::path> files_;
  size_t next_ = 0;
};

class TarSource final : public Source {
 public:
  explicit TarSource(const std::string& path) : tar_(path) {}
  bool next(SourceImage& image) override {
    while (tar_.next(kLargestFile))
      if (has_image_extension(tar_.name())) {
        image.path = tar_.name();
        tar_.read(image.bytes);
        return true;
      }
    return false;
  }

 private:
  TarReader tar_;
};

// Position of an image in a set: the path is [.../][train|val|test/]CLASS/FILE.
struct Place {
  bool test = false;
  std::string class_name, file;
};

Place place_of(const std::string& path) {
  std::vector<std::string> parts;
  for (const fs::path& p : fs::path(path).lexically_normal()) parts.push_back(p.string());
  if (parts.size() < 2)
    throw BadInput("{}: is in no class folder. Lay the images out as DIR/{{train,val}}/CLASS/*.JPEG", path);
  Place place;
  place.file = parts.back();
  place.class_name = parts[parts.size() - 2];
  place.test = parts.size() > 2 && (parts[parts.size() - 3] == "val" || parts[parts.size() - 3] == "test");
  return place;
}

// Decodes the whole file, which finds damage, and scales the image down if it is larger than short_side. An image that
// stays as it is, is decoded at an eighth of its size, which takes less time.
void examine(SourceImage& image, ImageDecoder& decoder, const ImportOptions& o, std::vector<float>& pixels) {
  try {
    image.size = decoder.open(image.bytes);
    const int64_t shorter = std::min(image.size.width, image.size.height);
    const bool smaller = o.short_side > 0 && shorter > o.short_side;
    const auto scaled = [&](int64_t length) {
      return smaller ? std::max<int64_t>(1, length * o.short_side / shorter) : std::max<int64_t>(1, length / 8);
    };
    const ImageSize size{scaled(image.size.width), scaled(image.size.height)};
    pixels.resize(size_t(size.width * size.height * 3));
    decoder.decode(whole_image(image.size), PixelScale{}, size, pixels.data());
    if (!smaller) return;
    std::vector<uint8_t> rgb(pixels.size());
    for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = uint8_t(std::lround(std::clamp(pixels[i], 0.0f, 255.0f)));
    const std::string encoded = encode_jpeg(rgb.data(), size, o.quality);
    image.bytes.assign(encoded.begin(), encoded.end());
    image.size = size;
    image.encoded_again = true;
  } catch (const BadImage& e) {
    image.reason = e.what();
  } catch (const std::bad_alloc&) {
    image.reason = "there is not enough memory to decode it";
  }
}

int64_t shards_for(int64_t bytes, const ImportOptions& o) {
  return std::clamp<int64_t>((bytes + o.shard_bytes - 1) / o.shard_bytes, 1, kMostShards);
}

void leave_out(const SourceImage& image, const ImportOptions& o, ImportReport& report) {
  report.bad.emplace_back(image.path, image.reason);
  if (int64_t(report.bad.size()) > o.bad_images)
    throw BadInput("{}: {}. {} images cannot be used, --bad-images permits {}. Repair or remove them, or permit more",
                   image.path, image.reason, report.bad.size(), o.bad_images);
}

// Examines images on all threads, a group at a time, and writes them in their original order.
void copy_all(Source& source, const ImportOptions& o, ShardWriter& writer, ImportReport& report) {
  const auto threads = size_t(omp_get_max_threads());
  std::vector<ImageDecoder> decoders(threads);
  std::vector<std::vector<float>> pixels(threads);
  std::vector<SourceImage> group(32 * threads);
  for (bool more = true; more;) {
    size_t n = 0;
    while (n < group.size() && more) {
      group[n] = {.path = {}, .bytes = std::move(group[n].bytes), .reason = {}, .size = {}, .encoded_again = false};
      more = source.next(group[n]);
      n += more;
    }
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < n; ++i) {
      const auto thread = size_t(omp_get_thread_num());
      if (group[i].reason.empty()) examine(group[i], decoders[thread], o, pixels[thread]);
    }
    for (size_t i = 0; i < n; ++i) {
      const SourceImage& image = group[i];
      if (!image.reason.empty()) {
        leave_out(image, o, report);
        continue;
      }
      const Place place = place_of(image.path);
      writer.add(place.test, {place.class_name, place.class_name + "/" + place.file, image.bytes, image.size});
      report.encoded_again += image.encoded_again;
    }
  }
}

}  // namespace

ImportReport import_images(const std::string& from, const std::string& out, const ImportOptions& o) {
  std::unique_ptr<Source> source;
  int64_t bytes = 0;
  if (fs::is_directory(from)) {
    auto folder = std::make_unique<FolderSource>(from);
    bytes = folder->bytes();
    source = std::move(folder);
  } else if (fs::is_regular_file(from)) {
    source = std::make_unique<TarSource>(from);
    bytes = int64_t(fs::file_size(from));
  } else {
    throw BadInput("{}: there is no such folder or archive. Check the path", from);
  }
  // The number of test images is unknown until the archive was read; they are assumed to be 1/16 of the bytes.
  ShardWriter writer(out, shards_for(bytes, o), shards_for(bytes / 16, o));
  ImportReport report;
  copy_all(*source, o, writer, report);
  report.train = writer.images(false);
  report.test = writer.images(true);
  if (report.train > 0 && report.test == 0 && !o.test_on_train)
    throw BadInput(
        "{}: there is no folder val or test with images. Add one, or give --test-on-train to test on the training "
        "images, which says nothing about others",
        from);
  writer.finish(o.mean, o.std);
  report.classes = int64_t(writer.classes().size());
  return report;
}

int64_t count_bad_images(const Dataset& dataset) {
  if (!dataset.is_encoded()) return 0;
  int64_t bad = 0;
#pragma omp parallel
  {
    ImageDecoder decoder;
    std::vector<uint8_t> memory;
    std::vector<float> pixels;
#pragma omp for schedule(dynamic, 16) reduction(+ : bad)
    for (int64_t i = 0; i < dataset.size(); ++i) {
      SourceImage image;
      try {
        const FileBytes bytes = dataset.encoded->read(i, memory);
        image.bytes.assign(bytes.begin(), bytes.end());
        examine(image, decoder, {}, pixels);
      } catch (const BadImage& e) {
        image.reason = e.what();
      }
      if (image.reason.empty()) continue;
      fmt::print(stderr, "skein: bad image {}: {}\n", dataset.encoded->place(i), image.reason);
      ++bad;
    }
  }
  return bad;
}

}  // namespace skein
