// Speed of one core in decoding JPEG files into a batch, compared with libjpeg-turbo and stb_image.
#include <time.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "apps/bench/bench.h"
#include "data/formats/encoded_images.h"
#include "data/image/image_decoder.h"
#include "data/image/random_crop.h"

namespace skein {
namespace {

constexpr int64_t kMostImages = 200, kRounds = 7;

// Processor time of this thread; other programs on the machine disturb it less than wall time.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

void read_whole(ImageReader& reader, FileBytes file) {
  const ImageSize size = reader.open(file);
  reader.start(1, {0, size.width}, {0, size.height});
  for (int64_t y = 0; y < size.height; ++y) reader.row();
  reader.finish();
}

}  // namespace

DecodeSpeed bench_decode(const Dataset& dataset, int64_t side) {
  std::vector<std::vector<uint8_t>> files;
  std::vector<uint8_t> memory;
  for (int64_t i = 0; i < std::min(dataset.size(), kMostImages); ++i) {
    const FileBytes bytes = dataset.encoded().read(i, memory);
    files.emplace_back(bytes.begin(), bytes.end());
  }
  std::vector<float> out(size_t(side * side * 3));
  ImageDecoder ours, with_stb(FirstDecoder::stb_image);
  int64_t by_skein = 0;
  const auto turbo = make_jpeg_turbo_reader(), stb = make_stb_reader();
  int64_t round = 0;
  const auto crop = [&](ImageDecoder& decoder) {
    for (size_t i = 0; i < files.size(); ++i) {
      const ImageSize size = decoder.open(files[i]);
      decoder.decode(random_resized_crop(size, 0, round, int64_t(i)), PixelScale{}, {side, side}, out.data());
      if (round == 0) by_skein += decoder.decoder() == std::string_view("skein");
    }
  };
  const auto whole = [&](ImageReader* reader) {
    for (size_t i = 0; reader && i < files.size(); ++i) read_whole(*reader, files[i]);
  };
  const std::function<void()> bodies[] = {[&] { crop(ours); }, [&] { whole(turbo.get()); }, [&] { crop(with_stb); },
                                          [&] { whole(stb.get()); }};
  std::vector<double> speeds[4];
  for (; round < kRounds; ++round)
    for (size_t b = 0; b < 4; ++b) {
      const double begin = cpu_seconds();
      bodies[b]();
      speeds[b].push_back(double(files.size()) / (cpu_seconds() - begin));
    }
  const auto median = [](std::vector<double>& v) {
    std::nth_element(v.begin(), v.begin() + kRounds / 2, v.end());
    return v[kRounds / 2];
  };
  return {median(speeds[0]), turbo ? median(speeds[1]) : 0, median(speeds[2]),
          median(speeds[3]), int64_t(files.size()),         by_skein};
}

}  // namespace skein
