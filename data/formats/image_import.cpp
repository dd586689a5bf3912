#include "data/formats/image_import.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>

#include "base/check.h"
#include "base/terminal/printable.h"
#include "base/terminal/progress_line.h"
#include "data/formats/encoded_images.h"
#include "data/formats/shard_writer.h"
#include "data/image/image_decoder.h"
#include "data/image/random_crop.h"

namespace skein {
namespace {

constexpr int64_t kMostShards = 400;  // all are open at the same time: stays below the limit of open files

struct SourceImage {
  size_t entry = 0;  // of the source
  std::vector<uint8_t> bytes;
  std::string reason;  // of the damage; empty: none was found
  ImageSize size;
  bool encoded_again = false;
};

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

void leave_out(const std::string& path, const std::string& reason, const ImportOptions& o, ImportReport& report) {
  report.bad.emplace_back(path, reason);
  if (int64_t(report.bad.size()) > o.bad_images)
    throw BadInput("{}: {}. {} images cannot be used, --bad-images permits {}. Repair or remove them, or permit more",
                   printable(path), reason, report.bad.size(), o.bad_images);
}

// Examines images on all threads, a group at a time, and writes them in their original order.
class Copier {
 public:
  Copier(ImageSource& source, const ImageLayout& layout, const ImportOptions& o, ShardWriter& writer,
         ImportReport& report)
      : source_(source),
        layout_(layout),
        o_(o),
        writer_(writer),
        report_(report),
        wanted_(source.entries.size()),
        group_(32 * size_t(omp_get_max_threads())),
        progress_("importing", int64_t(layout.images.size())) {
    for (const PlacedImage& i : layout.images) wanted_[i.entry] = true;
  }

  void run() {
    while (const size_t n = read_group()) {
#pragma omp parallel for schedule(dynamic, 1)
      for (size_t i = 0; i < n; ++i) {
        static thread_local ImageDecoder decoder;
        static thread_local std::vector<float> pixels;
        if (group_[i].reason.empty()) examine(group_[i], decoder, o_, pixels);
        progress_.add(1);
      }
      for (size_t i = 0; i < n; ++i) write(group_[i]);
    }
  }

 private:
  size_t read_group() {
    size_t n = 0;
    for (int64_t bytes = 0; n < group_.size() && bytes < kMostBytesInWork; ++n) {
      SourceImage& image = group_[n];
      image.encoded_again = false;
      if (!source_.next(wanted_, image.entry, image.bytes, image.reason)) break;
      bytes += int64_t(image.bytes.size());
    }
    return n;
  }

  void write(SourceImage& image) {
    put(image);
    constexpr size_t kKept = 1 << 20;  // bytes of memory for the next file in this place
    if (image.bytes.capacity() > kKept) std::vector<uint8_t>().swap(image.bytes);
  }

  void put(const SourceImage& image) {
    const std::string& path = source_.entries[image.entry].path;
    if (!image.reason.empty()) return leave_out(path, image.reason, o_, report_);
    const auto at = std::lower_bound(layout_.images.begin(), layout_.images.end(), image.entry,
                                     [](const PlacedImage& i, size_t entry) { return i.entry < entry; });
    const std::string& name = layout_.classes[size_t(at->label)];
    writer_.add(at->test, {name, name + "/" + path.substr(at->name), image.bytes, image.size});
    report_.encoded_again += image.encoded_again;
  }

  ImageSource& source_;
  const ImageLayout& layout_;
  const ImportOptions& o_;
  ShardWriter& writer_;
  ImportReport& report_;
  std::vector<bool> wanted_;  // by entry
  std::vector<SourceImage> group_;
  ProgressLine progress_;
};

std::string first_bad(const ImportReport& report) {
  if (report.bad.empty()) return {};
  return fmt::format("The first of {}: {}: {}", report.bad.size(), printable(report.bad.front().first),
                     report.bad.front().second);
}

void check_all_classes(const ImageLayout& layout, const ShardWriter& writer, const ImportReport& report,
                       const std::string& from) {
  const std::vector<std::string> found = writer.classes();
  for (const std::string& c : layout.classes)
    if (!std::binary_search(found.begin(), found.end(), c))
      throw BadInput("{}: every training image of class '{}' is damaged. Add others, or remove the class. {}", from, c,
                     first_bad(report));
  if (writer.images(true) == 0 &&
      std::any_of(layout.images.begin(), layout.images.end(), [](const auto& i) { return i.test; }))
    throw BadInput("{}: every test image is damaged. Add others. {}", from, first_bad(report));
}

}  // namespace

ImportReport import_images(const std::string& from, const std::string& out, const ImportOptions& o) {
  const auto source = open_image_source(from);
  const ImageLayout layout = lay_out(*source, o.layout);
  // The number of test images is assumed to be 1/16 of the bytes.
  ShardWriter writer(out, shards_for(source->bytes, o), shards_for(source->bytes / 16, o));
  ImportReport report;
  report.notes = notes_of(layout);
  Copier(*source, layout, o, writer, report).run();
  report.train = writer.images(false);
  report.test = writer.images(true);
  check_all_classes(layout, writer, report, from);
  writer.finish(o.mean, o.std);
  report.classes = int64_t(layout.classes.size());
  return report;
}

int64_t count_bad_images(const Dataset& dataset) {
  if (!dataset.is_encoded()) return 0;
  int64_t bad = 0;
  ProgressLine progress("verifying", dataset.size());
#pragma omp parallel
  {
    ImageDecoder decoder;
    std::vector<uint8_t> memory;
    std::vector<float> pixels;
#pragma omp for schedule(dynamic, 16) reduction(+ : bad)
    for (int64_t i = 0; i < dataset.size(); ++i) {
      SourceImage image;
      try {
        const FileBytes bytes = dataset.encoded().read(i, memory);
        image.bytes.assign(bytes.begin(), bytes.end());
        examine(image, decoder, {}, pixels);
      } catch (const BadImage& e) {
        image.reason = e.what();
      }
      progress.add(1);
      if (image.reason.empty()) continue;
      fmt::print(stderr, "skein: bad image {}: {}\n", dataset.encoded().place(i), image.reason);
      ++bad;
    }
  }
  return bad;
}

}  // namespace skein
