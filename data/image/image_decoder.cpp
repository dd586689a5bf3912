#include "data/image/image_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "data/image/image_file.h"
#include "data/image/jpeg/markers.h"

namespace skein {
namespace {

// Position of stored pixels in the upright image, for the EXIF orientation 1 .. 8.
bool transposed(int orientation) { return orientation >= 5; }
bool mirrored_x(int o) { return o == 2 || o == 3 || o == 7 || o == 8; }  // along the stored x axis
bool mirrored_y(int o) { return o == 3 || o == 4 || o == 6 || o == 7; }

Extent stored_extent(Extent e, bool mirrored, int64_t size, int denominator) {
  if (mirrored) e = {double(size) - e.begin - e.length, e.length, size - e.high, size - e.low};
  const int64_t d = denominator;
  return {e.begin / double(d), e.length / double(d), e.low / d, (e.high + d - 1) / d};
}

}  // namespace

ImageDecoder::ImageDecoder(FirstDecoder first) {
  if (first == FirstDecoder::skein) readers_.push_back(make_jpeg_reader());
  if (first != FirstDecoder::stb_image)
    for (const auto make : {make_jpeg_turbo_reader, make_png_reader, make_webp_reader}) readers_.push_back(make());
  readers_.push_back(make_stb_reader());
  std::erase(readers_, nullptr);
}

ImageSize ImageDecoder::open(FileBytes file) {
  if (file.empty()) throw BadImage("the file is empty");
  refuse_animation(file);
  orientation_ = read_orientation(file);
  return open_with(0, file);
}

size_t ImageDecoder::next_reader(size_t from, FileBytes file) const {
  while (!readers_[from]->reads(file)) ++from;  // the last one reads all
  return from;
}

ImageSize ImageDecoder::open_with(size_t reader, FileBytes file) {
  reader_ = next_reader(reader, file);
  file_ = file;
  try {
    stored_ = readers_[reader_]->open(file);
  } catch (const BadImage& e) {
    if (e.damaged || reader_ + 1 == readers_.size()) throw;
    return open_with(reader_ + 1, file);
  }
  check_size(stored_);
  return transposed(orientation_) ? ImageSize{stored_.height, stored_.width} : stored_;
}

void ImageDecoder::decode(const Crop& crop, const PixelScale& scale, ImageSize size, float* out) {
  static std::recursive_mutex large_images;  // bounds the memory of all threads together
  std::unique_lock lock(large_images, std::defer_lock);
  if (!readers_[reader_]->can_scale() && stored_.width * stored_.height > kMostPixelsBesideOthers) lock.lock();
  try {
    decode_with(*readers_[reader_], crop, scale, size, out);
  } catch (const BadImage& e) {
    readers_[reader_]->finish();
    if (e.damaged || reader_ + 1 == readers_.size()) throw;
    open_with(reader_ + 1, file_);
    decode(crop, scale, size, out);
  }
}

int ImageDecoder::choose_denominator(const Crop& crop, ImageSize size) const {
  if (!readers_[reader_]->can_scale()) return 1;
  const double times = std::min(crop.x.length / double(size.width), crop.y.length / double(size.height));
  return times >= 8 ? 8 : times >= 4 ? 4 : times >= 2 ? 2 : 1;
}

void ImageDecoder::decode_with(ImageReader& reader, const Crop& crop, const PixelScale& scale, ImageSize size,
                               float* out) {
  const bool turned = transposed(orientation_), mirror_x = mirrored_x(orientation_),
             mirror_y = mirrored_y(orientation_);
  const int denominator = choose_denominator(crop, size);
  const int64_t width = turned ? size.height : size.width, height = turned ? size.width : size.height;
  x_.make(stored_extent(turned ? crop.y : crop.x, mirror_x, stored_.width, denominator), width,
          mirror_x != (crop.flip && !turned));
  y_.make(stored_extent(turned ? crop.x : crop.y, mirror_y, stored_.height, denominator), height,
          mirror_y != (crop.flip && turned));

  const int64_t origin = reader.start(denominator, {x_.begin, x_.end}, {y_.begin, y_.end});
  const int64_t pixels = x_.end - origin;
  wide_.resize(std::max(wide_.size(), size_t(4 * (pixels + x_.taps))));  // old values past the end are finite
  row_.resize(size_t(3 * width + 1));
  bias_.resize(size_t(3 * width));
  float factors[4] = {};
  for (size_t c = 0; c < 3; ++c) factors[c] = 1.0f / (255.0f * scale.std[c]);
  for (size_t i = 0; i < bias_.size(); ++i) bias_[i] = -scale.mean[i % 3] / scale.std[i % 3];
  if (turned) turned_.resize(size_t(3 * width * height));
  float* to = turned ? turned_.data() : out;

  // Output rows [low, high) may have a weight for the input row y. If mirrored, they are counted from the bottom.
  const auto place = [&](int64_t k) { return size_t(y_.first.front() > y_.first.back() ? height - 1 - k : k); };
  int64_t low = 0, high = 0;
  for (int64_t y = y_.begin; y < y_.end; ++y) {
    widen_row(reader.row(), 4 * pixels, wide_.data());
    resample_row(wide_.data(), origin, x_, factors, row_.data());
    while (low < height && y_.first[place(low)] + y_.taps <= y) ++low;
    while (high < height && y_.first[place(high)] <= y) ++high;
    for (int64_t k = low; k < high; ++k) {
      const size_t i = place(k);
      const int64_t tap = y - y_.first[i];
      const float weight = y_.weights[i * size_t(y_.taps) + size_t(tap)];
      float* sum = to + int64_t(i) * 3 * width;
      if (tap == 0)
        begin_sum(row_.data(), weight, bias_.data(), 3 * width, sum);
      else if (weight != 0)
        add_to_sum(row_.data(), weight, 3 * width, sum);
    }
  }
  reader.finish();
  if (!turned) return;
  for (int64_t y = 0; y < size.height; ++y)
    for (int64_t x = 0; x < size.width; ++x)
      for (int64_t c = 0; c < 3; ++c) *out++ = to[(x * width + y) * 3 + c];
}

}  // namespace skein
