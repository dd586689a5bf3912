// The configurations of distributed training that tests compare: every schedule with every compression and every
// momentum, and what has no such choice. Runs are short, on tiny data, as threads of one process or as processes, and
// are compared by hashes of their final tensors and losses.
#pragma once

#include <gtest/gtest.h>
#include <omp.h>

#include <mutex>
#include <thread>

#include "comm/transports/thread_communicator.h"
#include "kernels/device/emulated.h"
#include "tests/support/small_training_run.h"
#include "train/machine/machine.h"
#include "train/run/resume.h"
#include "train/trainer.h"

namespace skein::testing {

constexpr int64_t kGridWorkers = 4;

struct Momenta {
  double local, outer;
};
inline const std::vector<std::string> kSchedules = {"minibatch",
                                                    "local:H=2",
                                                    "post-local:H=2,from=1",
                                                    "reverse:H=2,from=1",
                                                    "hierarchical:H=1,Hb=2,block=2",
                                                    "local:H=3,warmup=linear",
                                                    "quadratic:H=1,alpha=0.08"};
inline const std::vector<std::string> kCompressions = {
    "none", "bf16", "sign", "ef-sign", "sign:mean-of-means", "ef-sign:mean-of-means", "ef-sign:two-way"};
// Those by blocks share their way through the ranks: once each.
inline const std::vector<std::string> kBlockCompressions = {"q8", "ef-q4:two-way", "ef-q2:block=64", "ef-topk:0.02",
                                                            "topk:0.1:two-way"};
inline const std::vector<Momenta> kMomenta = {{0.9, 0.0}, {0.0, 0.75}, {0.9, 0.5}};  // local, global, hybrid

inline TrainConfig grid_base() {
  TrainConfig c = small_config();
  c.conv = "onednn";
  c.workers = kGridWorkers;
  c.synthetic_train = 12 * kGridWorkers;  // three steps of 4
  c.synthetic_test = 5;
  c.eval_batch = 2;  // three batches, the last of one image: one process of four has none
  c.batch = 4;
  c.eval_local = EvalLocal::last;
  return c;
}

inline TrainConfig grid_configuration(const std::string& schedule, const std::string& compression,
                                      const Momenta& momenta) {
  TrainConfig c = grid_base();
  c.sync = schedule;
  c.compress = compression;
  c.momentum = momenta.local;
  c.outer_momentum = momenta.outer;
  return c;
}

// Configurations outside of the grid: compression by blocks, averaged gradients, AdamW and its companions, running
// statistics of the average, bf16.
inline std::vector<TrainConfig> other_configurations() {
  std::vector<TrainConfig> all;
  for (size_t c = 0; c < kBlockCompressions.size(); ++c)
    all.push_back(grid_configuration(kSchedules[c + 1], kBlockCompressions[c], kMomenta[c % kMomenta.size()]));
  for (const char* sync : {"minibatch", "post-local:H=2,from=1"}) {
    TrainConfig c = grid_base();
    c.sync = sync;
    c.average = Averaging::gradients;
    all.push_back(c);
    c.accumulate = 2;
    all.push_back(c);
  }
  for (const Averaging average : {Averaging::models, Averaging::gradients}) {
    TrainConfig c = grid_base();
    c.sync = "post-local:H=2,from=1";
    c.average = average;
    c.optimizer = OptimizerKind::adamw;
    c.lr_schedule = RateShape::one_cycle;
    c.clip_norm = 0.5;
    c.label_smoothing = 0.1;
    c.ema = 0.9;
    all.push_back(c);
  }
  for (const char* statistics : {"local", "moments", "recompute:2"}) {
    TrainConfig c = grid_base();
    c.bn_stats = statistics;
    all.push_back(c);
  }
  for (const char* momentum : {"reset", "average:every=2"}) {
    TrainConfig c = grid_configuration("hierarchical:H=1,Hb=2,block=2", "ef-sign", {0.9, 0.5});
    c.sync_momentum = momentum;
    if (c.sync_momentum != "reset") c.optimizer = OptimizerKind::adamw;
    all.push_back(c);
  }
  // Of six steps: begun after the third or fourth, merged after the fifth.
  all.push_back(grid_configuration("local:H=3,delay=2", "none", {0.9, 0.0}));
  all.push_back(grid_configuration("local:H=3,delay=2,mix=0.5", "ef-sign", {0.9, 0.5}));
  all.push_back(grid_configuration("hierarchical:H=2,Hb=2,block=2,delay=1", "ef-sign:two-way", {0.0, 0.75}));
  all.back().ema = 0.9;
  all.push_back(grid_configuration("local:H=4,delay=1,mix=1", "bf16", {0.9, 0.0}));
  all.back().sync_momentum = "reset";
  TrainConfig c = grid_configuration("post-local:H=2,from=1", "ef-sign", {0.9, 0.5});
  c.dtype = ComputeType::bf16;
  c.bn_stats = "recompute:2";
  c.partition = "dirichlet:0.5";
  c.ema = 0.9;
  all.push_back(c);
  return all;
}

inline std::vector<TrainConfig> all_configurations() {
  std::vector<TrainConfig> all;
  for (const std::string& schedule : kSchedules)
    for (const std::string& compression : kCompressions)
      for (const Momenta& momenta : kMomenta) all.push_back(grid_configuration(schedule, compression, momenta));
  for (const TrainConfig& c : other_configurations()) all.push_back(c);
  return all;
}

// Each compression with each momentum once, with the schedules in turn, and all configurations outside of the grid.
// Under the emulator, which the sanitizers use, each compression has one momentum: sanitizers need no combinations.
inline std::vector<TrainConfig> few_configurations() {
  std::vector<TrainConfig> few;
  for (size_t c = 0; c < kCompressions.size(); ++c)
    for (size_t m = 0; m < kMomenta.size(); ++m) {
      if (cuda::emulated() && m != c % kMomenta.size()) continue;
      few.push_back(grid_configuration(kSchedules[(c + 2 * m) % kSchedules.size()], kCompressions[c], kMomenta[m]));
    }
  for (const TrainConfig& c : other_configurations()) few.push_back(c);
  return few;
}

inline std::string name_of(const TrainConfig& c) {
  return fmt::format("{} {} {} {} of {}, momentum {} and {}, {}, statistics {}, partition {}", to_string(c.dtype),
                     c.sync, c.compress, to_string(c.average), c.accumulate, c.momentum, c.outer_momentum,
                     c.sync_momentum, c.bn_stats, c.partition);
}

inline uint64_t hash(const std::vector<float>& x, uint64_t seed) {
  for (const float value : x) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    seed = (seed ^ bits) * 0x100000001b3u;
  }
  return seed;
}

// Trains. Returns a hash of the final tensors of each worker of this process, by rank, and on rank 0 a hash of the
// averaged model and of all reported losses and predictions, at -1. With a folder, the run is stopped twice and resumed
// from the checkpoint that it has written there.
inline std::map<int64_t, uint64_t> train_to_hashes(ProcessGroup& group, const TrainConfig& config, const Splits& data,
                                                   const std::string& folder = {}) {
  const ModelInfo info = make_model_info(config, data.train);
  std::vector<float> numbers;
  TrainListener listener{[&](const StepMetrics& m) { numbers.push_back(float(m.loss)); },
                         [&](const EpochMetrics& m) {
                           for (const double x : {m.test.loss, m.test.top1, m.test.top5, m.ema ? m.ema->loss : 0,
                                                  m.local ? m.local->loss : 0, m.train_loss, double(m.rounds.bytes)})
                             numbers.push_back(float(x));
                           for (const Prediction& p : m.predictions->all)
                             for (const double x : {double(p.truth), double(p.predicted), p.probability})
                               numbers.push_back(float(x));
                         },
                         never};
  auto trainer = std::make_unique<Trainer>(group, info, data);
  if (!folder.empty())
    for (const int64_t step : {2, 4}) {
      listener.last_step = step;
      EXPECT_FALSE(trainer->run(listener));
      const ParameterStore& model = trainer->model_parameters();
      write_checkpoint(group, folder, {info, model, trainer->worker_states(), trainer->state()});
      group.communicator().barrier();
      trainer.reset();
      const Checkpoint checkpoint = open_checkpoint(folder);
      trainer = std::make_unique<Trainer>(group, info, data, checkpoint.state);
      load_workers(checkpoint, *trainer);
    }
  listener.last_step = INT64_MAX;
  EXPECT_TRUE(trainer->run(listener));
  const ParameterStore& model = trainer->model_parameters();
  std::map<int64_t, uint64_t> hashes;
  for (const auto& [rank, tensors] : trainer->worker_states())
    for (const auto& [name, tensor] : tensors) hashes[rank] = hash(tensor.to_vector(), hashes[rank]);
  if (group.is_root())
    hashes[-1] = hash(numbers, hash(model.running_statistics.to_vector(), hash(model.value.to_vector(), 0)));
  return hashes;
}

// Trains every configuration. Returns a line for each configuration and worker of this process: name, rank and hash.
inline std::vector<std::string> train_to_lines(ProcessGroup& group, const std::vector<TrainConfig>& configurations,
                                               const std::string& folder = {}) {
  std::vector<std::string> lines;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  use_conv(Device::cpu, "onednn", ComputeType::f32);
  const Splits data = open_dataset("synthetic", dataset_options(configurations.front()));
  for (const TrainConfig& c : configurations)
    for (const auto& [rank, hash] : train_to_hashes(group, c, data, folder))
      lines.push_back(fmt::format("{}: {} {}", name_of(c), rank, hash));
  use_conv(Device::cpu, "auto", ComputeType::f32);
  omp_set_num_threads(threads);
  return lines;
}

// The hashes of all workers of a run in so many processes, which are threads here.
inline std::map<int64_t, uint64_t> train_in_processes(int count, const TrainConfig& config, const Splits& data) {
  std::map<int64_t, uint64_t> hashes;
  std::mutex mutex;
  ThreadGroup between(count);
  std::vector<std::thread> processes;
  for (int p = 0; p < count; ++p)
    processes.emplace_back([&, p] {
      omp_set_num_threads(1);
      ProcessGroup group(between.join(p));
      const auto own = train_to_hashes(group, config, data);
      const std::lock_guard lock(mutex);
      hashes.insert(own.begin(), own.end());
    });
  for (std::thread& t : processes) t.join();
  return hashes;
}

}  // namespace skein::testing
