// Every schedule with everything that can travel and every momentum: short runs on tiny data, as threads of one process
// or as MPI processes, and what they end with.
#pragma once

#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/emulated.h"
#include "tests/support/small_run.h"
#include "train/machine.h"
#include "train/resume.h"
#include "train/trainer.h"

namespace skein::testing {

constexpr int64_t kCellWorkers = 4;

inline std::vector<TrainConfig> cells() {
  TrainConfig base = small_config();
  base.conv = "onednn";
  base.workers = kCellWorkers;
  base.synthetic_train = 12 * kCellWorkers;  // three steps of 4
  base.synthetic_test = 4;
  base.batch = 4;
  base.eval_local = EvalLocal::never;
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
    c.average = Averaging::gradients;
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

// Each compression with each momentum once, the schedules by turns, and what has no such choice. Under sanitizers each
// compression has one momentum: what they look for depends on no combination.
inline std::vector<TrainConfig> few_cells() {
  constexpr size_t kSchedules = 7, kCompressions = 7, kMomenta = 3;
  const std::vector<TrainConfig> all = cells();
  std::vector<TrainConfig> few;
  for (size_t compression = 0; compression < kCompressions; ++compression)
    for (size_t momentum = 0; momentum < kMomenta; ++momentum) {
      if (cuda::emulated() && momentum != compression % kMomenta) continue;
      const size_t schedule = (compression + 2 * momentum) % kSchedules;
      few.push_back(all[(schedule * kCompressions + compression) * kMomenta + momentum]);
    }
  few.insert(few.end(), all.begin() + kSchedules * kCompressions * kMomenta, all.end());
  return few;
}

inline std::string name_of(const TrainConfig& c) {
  return fmt::format("{} {} {} of {}, momentum {} and {}, statistics {}", c.sync, c.compress, to_string(c.average),
                     c.accumulate, c.momentum, c.outer_momentum, c.bn_stats);
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
// (at -1). With a folder, the run is stopped twice and goes on from the checkpoint that it leaves there.
inline std::map<int64_t, uint64_t> run_cell(ProcessGroup& group, const TrainConfig& config, const Splits& data,
                                            const std::string& folder = {}) {
  const ModelInfo info = make_model_info(config, data.train);
  std::vector<float> numbers;
  TrainListener listener{[&](const StepMetrics& m) { numbers.push_back(float(m.loss)); },
                         [&](const EpochMetrics& m) {
                           for (const double x : {m.test.loss, m.test.top1, m.train_loss, double(m.rounds.bytes)})
                             numbers.push_back(float(x));
                         },
                         never};
  auto trainer = std::make_unique<Trainer>(group, info, data);
  if (!folder.empty())
    for (const int64_t step : {2, 4}) {
      listener.last_step = step;
      EXPECT_FALSE(trainer->run(listener));
      const ParameterStore& model = trainer->model_parameters();
      write_checkpoint(group, folder, info, model, trainer->worker_states(), trainer->state());
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

// One line for each cell and worker, as a process of tests/support/process_worker.cpp writes them for its own.
inline std::vector<std::string> lines_of_cells(ProcessGroup& group, const std::vector<TrainConfig>& which,
                                               const std::string& folder = {}) {
  std::vector<std::string> lines;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  use_conv(Device::cpu, "onednn", ComputeType::f32);
  const Splits data = open_dataset("synthetic", dataset_options(which.front()));
  for (const TrainConfig& cell : which)
    for (const auto& [rank, hash] : run_cell(group, cell, data, folder))
      lines.push_back(fmt::format("{}: {} {}", name_of(cell), rank, hash));
  use_conv(Device::cpu, "auto", ComputeType::f32);
  omp_set_num_threads(threads);
  return lines;
}

}  // namespace skein::testing
