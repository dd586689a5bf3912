// `skein bench data`: how fast batches come when nothing else runs.
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "apps/bench.h"
#include "data/loader.h"

namespace skein {

void bench_data(const DataBench& o) {
  DatasetOptions options;
  options.dir = o.data_dir;
  const auto opening = std::chrono::steady_clock::now();
  const Splits splits = open_dataset(o.data, options);
  const auto start = std::chrono::steady_clock::now();
  LoaderOptions loader_options;
  loader_options.batch = o.batch;
  Loader loader(splits.train, loader_options);
  int64_t images = 0;
  for (int64_t i = 0; i < o.batches; ++i) images += loader.next().size;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double open_seconds = std::chrono::duration<double>(start - opening).count();
  if (o.json)
    fmt::print("{}\n", nlohmann::json{{"data", o.data},
                                      {"batch", o.batch},
                                      {"open_seconds", open_seconds},
                                      {"img_per_s", double(images) / seconds}}
                           .dump());
  else
    fmt::print("{}: opened in {:.3f} s; {:.0f} img/s augmented by one thread\n", o.data, open_seconds,
               double(images) / seconds);
}

}  // namespace skein
