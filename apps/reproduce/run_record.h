// One run of a preset as results/ keeps it: who it is, how it was made, and its numbers, in a few kilobytes of JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/reproduce/run_eigenvalue.h"
#include "base/formats/json.h"
#include "local_sgd/network_model.h"
#include "train/config/config.h"

namespace skein {

struct RunRecord {
  std::string setting, hash;  // of the preset; config_hash()
  int64_t seed = 0;
  std::string started, version, commit, machine;  // UTC; of the processor or GPU, with the number of threads
  std::string command;                            // of skein, without the places of data and run
  double seconds = 0;                             // the whole run, with whatever else the machine did
  std::string failed;  // why a run that cannot be finished ended, as the loss was not finite; else empty

  int64_t steps_per_epoch = 0;
  double step_seconds = 0;                                // of computing, in the fastest epoch
  std::vector<double> test_top1, train_loss, local_top1;  // by epoch; percent; local: of the epochs that have it
  std::vector<int64_t> world, block;                      // averagings since the start, by epoch
  ScopeTraffic sent;                                      // in the whole run
  std::optional<RunEigenvalue> eigenvalue;                // at its end; none: not measured

  double last_top1() const { return test_top1.back(); }
  double best_top1() const;
  int64_t epoch_at(double accuracy) const;  // the first with this accuracy, a fraction; 0: none
  // Simulated time of the first `epochs` epochs: computing, and averaging on this network. Every averaging of a scope
  // sends the same.
  double seconds_on(const NetworkModel& network, int64_t epochs, double step_seconds) const;
};

// 16 hexadecimal digits of what decides the numbers of a run beside its seed and its data: every setting that is not
// the default, but for those that say where and how fast it computes, what it costs on a simulated network, and what is
// evaluated.
std::string config_hash(const TrainConfig& config);

// The record of a run folder with all its epochs, or of one whose loss was not finite; else none. BadInput where
// its configuration has another hash or seed than expected. Setting and command are left empty.
std::optional<RunRecord> read_record(const std::string& folder, int64_t seed, const TrainConfig& expected);

Json to_json(const RunRecord& record);
RunRecord record_of(const Json& json);  // JsonError

}  // namespace skein
