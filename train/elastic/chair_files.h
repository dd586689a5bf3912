// The files of an elastic run, which the chair writes: logs, membership.jsonl, evaluations, checkpoints. A member that
// becomes the chair goes on with those that are there.
#pragma once

#include <functional>
#include <memory>

#include "train/elastic/consensus.h"
#include "train/elastic/elastic_inputs.h"
#include "train/elastic/elastic_state.h"
#include "train/run/progress.h"
#include "train/run/run_folder.h"
#include "train/step_context.h"
#include "train/worker.h"

namespace skein {

// The part of a checkpoint beside the tensors.
TrainState train_state_of(const ElasticState& state, const DataFingerprints& data);

// Writes a checkpoint of the consensus, which is in the worker's parameters. may_replace: as of write_checkpoint_if().
void save_consensus(const ElasticInputs& inputs, const ElasticState& state, const Consensus& consensus, Worker& worker,
                    const std::string& folder, int64_t keep, const std::function<bool()>& may_replace);

class ChairFiles {
 public:
  // parameters: their number. logs: of a run that begins or goes on; null: they are opened where the run is.
  ChairFiles(const ElasticInputs& inputs, const ElasticState& state, int64_t parameters,
             std::unique_ptr<RunFolder> logs);

  // Writes the record of a state that counts, if it is not there yet. False: another chair has gone on.
  bool write_record(const ElasticState& state);
  void write_round(const ElasticState& state, double rate, double seconds);
  // Evaluates the consensus, which is in the worker's parameters, writes it down and saves it. Sets state.averaged.
  // These two write nothing where another process has become the chair while this one was stopped.
  void end_epoch(ElasticState& state, const Consensus& consensus, Worker& worker, StepContext& context);
  void save(const ElasticState& state, const Consensus& consensus, Worker& worker);
  bool is_checkpoint_due() const;  // by --checkpoint-minutes
  void end(const ElasticState& state, bool done);

 private:
  bool is_chair() const;

  const ElasticInputs& inputs_;
  const std::string chair_before_;  // chair.json as it was when this process became the chair
  std::unique_ptr<RunFolder> logs_;
  ProgressDisplay progress_;
  double rate_ = 0;           // learning rate of the last local step
  int64_t known_bytes_ = -1;  // of membership.jsonl, after the last line that this chair has written
  Clock::time_point saved_at_ = Clock::now();
};

}  // namespace skein
