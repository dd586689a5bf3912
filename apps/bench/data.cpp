// skein bench data: images per second of a loader, without a network.
#include <fmt/format.h>

#include "apps/bench/bench.h"
#include "base/json.h"
#include "base/stopwatch.h"
#include "data/loading/decode_loader.h"
#include "data/loading/loader.h"

namespace skein {
namespace {

void print_decode(const DecodeSpeed& s) {
  fmt::print("{} images, one core's time: decode + crop + normalise {:.0f} img/s, {} images by skein's own decoder\n",
             s.images, s.crop, s.by_skein);
  if (s.library > 0)
    fmt::print("  {} alone, whole images {:.0f} img/s: {:.2f} of it\n", jpeg_library(), s.library, s.crop / s.library);
  fmt::print("  the same crop with stb_image in its place {:.0f} img/s: {:.2f} times\n", s.stb_crop,
             s.crop / s.stb_crop);
  fmt::print("  stb_image alone, whole images {:.0f} img/s: {:.2f} times\n", s.stb, s.crop / s.stb);
}

}  // namespace

void bench_data(const DataBench& o) {
  DatasetOptions options;
  options.dir = o.data_dir;
  options.crop = o.crop;
  const auto opening = Clock::now();
  const Dataset train = open_dataset(o.data, options).train;
  const double open_seconds = seconds_since(opening);
  LoaderOptions loader_options = augmentation_options(o.augmentation);
  loader_options.batch = o.batch;
  loader_options.decode_threads = o.decode_threads;

  Json line = {{"data", o.data}, {"batch", o.batch}, {"open_seconds", open_seconds}};
  std::string by = "by one thread";
  int64_t images = 0;
  const auto start = Clock::now();
  const auto take = [&](auto& loader) {
    for (int64_t i = 0; i < o.batches; ++i) images += loader.next().size;
  };
  if (train.is_encoded()) {
    DecodeLoader loader(train, loader_options);
    take(loader);
    by = fmt::format("by {} threads", loader.threads());
    line["decode_threads"] = loader.threads();
  } else {
    const auto loader = make_loader(train, loader_options);
    take(*loader);
  }
  const double speed = double(images) / seconds_since(start);
  line["img_per_s"] = speed;
  DecodeSpeed decode;
  if (train.is_encoded()) decode = bench_decode(train, o.crop);
  if (train.is_encoded())
    line["decode"] = {{"images", decode.images},
                      {"by_skein", decode.by_skein},
                      {"crop_img_per_s", decode.crop},
                      {"libjpeg_turbo_img_per_s", decode.library},
                      {"stb_crop_img_per_s", decode.stb_crop},
                      {"stb_img_per_s", decode.stb}};
  if (o.json) {
    fmt::print("{}\n", line.dump());
    return;
  }
  fmt::print("{}: opened in {:.3f} s; {:.0f} img/s {}\n", o.data, open_seconds, speed, by);
  if (train.is_encoded()) print_decode(decode);
}

}  // namespace skein
