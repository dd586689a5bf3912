// The files of an elastic run, which the chair writes: logs, membership.jsonl, evaluations, checkpoints. A member that
// becomes the chair goes on with those that are there.
//
// A process that was stopped may wake up when another is the chair. Before a file is replaced it looks whether that is
// so: by chair.json, and by lines of membership.jsonl that it has not written. Where it is, the functions here return
// false, and the process is no member any more: the other chair does what was not done.
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

// The part of a checkpoint that the outer step keeps; empty without one.
WorkerStates outer_step_of(const Consensus& consensus);

class ChairFiles {
 public:
  // logs: of a run that begins or goes on; null: begin() opens them where the run is.
  ChairFiles(const ElasticInputs& inputs, std::unique_ptr<RunFolder> logs);

  // Before anything else is written of a state that counts: its line of membership.jsonl, if it is not there yet, and
  // chair.json. Sets state.averaged where is_written(). address: of this process. parameters: their number. leads: asked
  // right before chair.json is written, whether the other members still follow this process.
  bool begin(ElasticState& state, const std::string& address, int64_t parameters, const std::function<bool()>& leads);
  // The chair before this one has written all lines about this state, the end of an epoch; is_saved(): and its last
  // checkpoint.
  bool is_written(const ElasticState& state) const { return state.round == written_; }
  bool is_saved(const ElasticState& state) const { return is_written(state) && is_saved_; }
  void write_round(const ElasticState& state, double rate, double seconds);
  // Evaluates the consensus, which is in the worker's parameters, writes it down and saves it. Sets state.averaged.
  bool end_epoch(ElasticState& state, const Consensus& consensus, Worker& worker, StepContext& context);
  bool save(const ElasticState& state, const Consensus& consensus, Worker& worker);
  bool is_checkpoint_due() const;  // by --checkpoint-minutes
  void end(const ElasticState& state, bool done);

 private:
  bool write_record(const ElasticState& state);
  void describe(const ElasticState& state, int64_t parameters);
  bool is_chair() const;
  bool take_over(ElasticState& state);
  bool is_still_chair(const char* what) const;
  bool write(const std::string& folder, int64_t keep, const ElasticState& state, const Consensus& consensus,
             Worker& worker);

  const ElasticInputs& inputs_;
  std::unique_ptr<RunFolder> logs_;
  bool described_ = false;  // this process, in the logs
  std::string address_;     // of this process; empty before begin()
  int64_t written_ = -1;    // round of the state that the chair before has written
  bool is_saved_ = false;
  ProgressDisplay progress_;
  double rate_ = 0;           // learning rate of the last local step
  int64_t known_bytes_ = -1;  // of membership.jsonl, after the last line that this chair has written
  Clock::time_point saved_at_ = Clock::now();
};

}  // namespace skein
