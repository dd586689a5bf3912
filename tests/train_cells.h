// Every schedule with everything that can travel and every momentum: short runs on tiny data, as threads of one process
// or as MPI processes, and what they end with.
#pragma once

#include "apps/trainer.h"
#include "tests/small_run.h"

namespace skein::testing {

constexpr int64_t kCellWorkers = 4;

inline std::vector<TrainConfig> cells() {
  TrainConfig base = small_config();
  base.conv = "onednn";
  base.workers = kCellWorkers;
  base.synthetic_train = 12 * kCellWorkers;  // three steps of 4
  base.synthetic_test = 4;
  base.batch = 4;
  base.eval_local = "never";
  std::vector<TrainConfig> all;
  for (const char* sync : {"minibatch", "local:H=2", "post-local:H=2,from=1", "reverse:H=2,from=1",
                           "hierarchical:H=1,Hb=2,block=2", "local:H=3,warmup=linear", "quadratic:H=1,alpha=0.08"})
    for (const char* compress :
         {"none", "bf16", "sign", "ef-sign", "sign:mean-of-means", "ef-sign:mean-of-means", "ef-sign:two-way"})
      for (const auto& [inner, outer] : {std::pair{0.9, 0.0}, {0.0, 0.75}, {0.9, 0.5}}) {  // local, global, hybrid
        TrainConfig c = base;
        c.sync = sync;
        c.compress = compress;
        c.momentum = inner;
        c.outer_momentum = outer;
        all.push_back(c);
      }
  for (const char* sync : {"minibatch", "post-local:H=2,from=1"}) {
    TrainConfig c = base;
    c.sync = sync;
    c.average = "gradients";
    all.push_back(c);
    c.accumulate = 2;
    all.push_back(c);
  }
  for (const char* statistics : {"local", "moments", "recompute:2"}) {
    TrainConfig c = base;
    c.bn_stats = statistics;
    all.push_back(c);
  }
  return all;
}

inline std::string name_of(const TrainConfig& c) {
  return fmt::format("{} {} {} of {}, momentum {} and {}, statistics {}", c.sync, c.compress, c.average, c.accumulate,
                     c.momentum, c.outer_momentum, c.bn_stats);
}

inline uint64_t hash(const std::vector<float>& x, uint64_t seed) {
  for (const float value : x) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    seed = (seed ^ bits) * 0x100000001b3u;
  }
  return seed;
}

// What each worker of this process ends with by rank, and what the first process has of the average and of the losses
// (at -1).
inline std::map<int64_t, uint64_t> run_cell(Job& job, const TrainConfig& config, const Splits& data) {
  Trainer trainer(job, make_card(config, data.train), data);
  std::vector<float> numbers;
  trainer.run({[&](const StepMetrics& m) { numbers.push_back(float(m.loss)); },
               [&](const EpochMetrics& m) {
                 for (const double x : {m.test.loss, m.test.top1, m.train_loss, double(m.rounds.bytes)})
                   numbers.push_back(float(x));
               },
               never});
  const ParameterStore& model = trainer.model_parameters();
  std::map<int64_t, uint64_t> hashes;
  for (const auto& [rank, tensors] : trainer.worker_states())
    for (const auto& [name, tensor] : tensors) hashes[rank] = hash(tensor.to_vector(), hashes[rank]);
  if (job.first()) hashes[-1] = hash(numbers, hash(model.state.to_vector(), hash(model.value.to_vector(), 0)));
  return hashes;
}

}  // namespace skein::testing
