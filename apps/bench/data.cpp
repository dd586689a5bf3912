// skein bench data: images per second of a loader, without a network.
#include <fmt/format.h>

#include <algorithm>

#include "apps/bench/bench.h"
#include "base/stopwatch.h"
#include "data/loading/decode_loader.h"
#include "data/loading/loader.h"

namespace skein {
namespace {

constexpr int64_t kParts = 20;

void print_decode(const DecodeSpeed& s) {
  fmt::print("{} images, one core's time: decode + crop + normalise {:.0f} img/s, {} images by skein's own decoder\n",
             s.images, s.crop, s.by_skein);
  if (s.library > 0)
    fmt::print("  {} alone, whole images {:.0f} img/s: {:.2f} of it\n", jpeg_library(), s.library, s.crop / s.library);
  fmt::print("  the same crop with stb_image in its place {:.0f} img/s: {:.2f} times\n", s.stb_crop,
             s.crop / s.stb_crop);
  fmt::print("  stb_image alone, whole images {:.0f} img/s: {:.2f} times\n", s.stb, s.crop / s.stb);
}

// Loads all batches in up to kParts equal parts, so that the time has a spread. Returns seconds per batch of each part.
template <class AnyLoader>
std::vector<double> load(AnyLoader& loader, int64_t batches, int64_t& images) {
  std::vector<double> seconds;
  const int64_t parts = std::min(kParts, batches);
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t n = batches * (part + 1) / parts - batches * part / parts;
    const auto start = Clock::now();
    for (int64_t i = 0; i < n; ++i) images += loader.next().size;
    seconds.push_back(seconds_since(start) / double(n));
  }
  return seconds;
}

Json to_json(const DecodeSpeed& s) {
  return {{"images", s.images},
          {"by_skein", s.by_skein},
          {"crop_img_per_s", s.crop},
          {"libjpeg_turbo_img_per_s", s.library},
          {"stb_crop_img_per_s", s.stb_crop},
          {"stb_img_per_s", s.stb}};
}

}  // namespace

BenchReport bench_data(const DataBench& o) {
  DatasetOptions options;
  options.dir = o.data_dir;
  options.crop = o.crop;
  const auto opening = Clock::now();
  const Dataset train = open_dataset(o.data, options).train;
  const double open_seconds = seconds_since(opening);
  LoaderOptions loader_options = augmentation_options(o.augmentation);
  loader_options.batch = o.batch;
  loader_options.decode_threads = o.decode_threads;

  BenchCase row{.name = fmt::format("{}/batch={}", o.data, o.batch),
                .shape = fmt::format("{}x{}x{}x{}", o.batch, train.height(), train.width(), train.channels()),
                .types = "f32",
                .more = {{"open_seconds", open_seconds}}};
  std::string by = "by one thread";
  int64_t images = 0;
  const auto start = Clock::now();
  if (train.is_encoded()) {
    DecodeLoader loader(train, loader_options);
    row.seconds = load(loader, o.batches, images);
    by = fmt::format("by {} threads", loader.threads());
    row.more["decode_threads"] = loader.threads();
  } else {
    const auto loader = make_loader(train, loader_options);
    row.seconds = load(*loader, o.batches, images);
  }
  const double speed = double(images) / seconds_since(start);
  row.rates["img_per_s"] = speed;
  if (!o.json) fmt::print("{}: opened in {:.3f} s; {:.0f} img/s {}\n", o.data, open_seconds, speed, by);
  if (train.is_encoded()) {
    const DecodeSpeed decode = bench_decode(train, o.crop);
    row.more["decode"] = to_json(decode);
    if (!o.json) print_decode(decode);
  }
  return {.bench = "data", .cases = {row}};
}

}  // namespace skein
