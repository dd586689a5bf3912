// skein bench workers: time per image of K virtual workers that share this machine and average every 4 steps, compared
// with one worker that has all threads. Whole training steps, loading included. The two are measured in turns, so a
// busy machine slows both.
#include <fmt/format.h>

#include <algorithm>

#include "apps/bench/bench.h"
#include "train/run/run.h"
#include "train/trainer.h"

namespace skein {
namespace {

TrainConfig config_of(const WorkersBench& o, int64_t workers) {
  TrainConfig c;
  c.model = o.model;
  c.data = "synthetic";
  c.device = DeviceChoice::cpu;
  c.synthetic_train = o.workers * o.batch * o.steps;  // a turn is one epoch
  c.synthetic_test = 16;
  c.synthetic_size = 32;
  c.epochs = o.turns + 1;  // the first is a warm-up
  c.batch = o.batch;
  c.lr = 1e-3;
  c.base_batch = 0;
  c.workers = workers;
  c.sync = workers > 1 ? "local:H=4" : "minibatch";
  c.eval_local = EvalLocal::never;
  return c;
}

// Trains one epoch. Returns seconds per image, without the evaluation.
double turn(Trainer& trainer) {
  double seconds = 0;
  bool done = false;
  trainer.run({[](const StepMetrics&) {},
               [&](const EpochMetrics& m) {
                 seconds = 1 / m.images_per_second;
                 done = true;
               },
               [&] { return done; }});
  return seconds;
}

}  // namespace

BenchReport bench_workers(const WorkersBench& o) {
  ProcessGroup alone;
  const TrainConfig many = config_of(o, o.workers), one = config_of(o, 1);
  const Splits data = open_dataset("synthetic", dataset_options(one));
  Trainer workers(alone, make_model_info(many, data.train), data),
      worker(alone, make_model_info(one, data.train), data);
  std::vector<double> times_many, times_one, ratios;
  for (int64_t i = -1; i < o.turns; ++i) {
    const double a = turn(workers), b = turn(worker);
    if (i < 0) continue;
    times_many.push_back(a);
    times_one.push_back(b);
    ratios.push_back(a / b);
  }
  const double cost = timing_of(ratios).median, spread = *std::max_element(ratios.begin(), ratios.end()) -
                                                         *std::min_element(ratios.begin(), ratios.end());
  const double rate_many = 1 / timing_of(times_many).median, rate_one = 1 / timing_of(times_one).median;
  if (!o.json)
    fmt::print(
        "{}, batch {}: {} virtual workers {:.0f} img/s, one worker {:.0f} img/s: an image costs {:.3f} times as much "
        "(spread {:.3f})\n",
        o.model, o.batch, o.workers, rate_many, rate_one, cost, spread);
  const auto row = [&](int64_t workers, const std::vector<double>& seconds, double rate) {
    return BenchCase{.name = fmt::format("{}/batch={}/workers={}", o.model, o.batch, workers),
                     .seconds = seconds,  // per image
                     .shape = fmt::format("{}x32x32x3", o.batch),
                     .types = "f32",
                     .rates = {{"img_per_s", rate}}};
  };
  return {.bench = "workers",
          .more = {{"cost_per_image", cost}, {"cost_spread", spread}},
          .cases = {row(o.workers, times_many, rate_many), row(1, times_one, rate_one)}};
}

}  // namespace skein
