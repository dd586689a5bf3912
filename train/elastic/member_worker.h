// A member's worker in the rounds of an elastic run: of the process itself, or a virtual one of a replay. It takes the
// consensus, and with it everything but its momentum.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "train/elastic/consensus.h"
#include "train/elastic/elastic_state.h"
#include "train/worker.h"

namespace skein {

// The result of a member's local steps.
struct MemberRound {
  int64_t samples = 0, correct = 0;
  double loss = 0;    // sum of the images' losses
  std::string bytes;  // of its contribution; empty without samples
};

// One context, which workers of any number take in turn.
inline StepContextPool::Layout one_context() { return {.first_rank = 0, .workers = INT64_MAX, .lanes = 1, .gpus = {}}; }

class MemberWorker {
 public:
  // id: the member's, from which it draws noise and dropout. `info`, `train` and `contexts` must outlive it.
  MemberWorker(const ModelInfo& info, const Dataset& train, int64_t id, StepContextPool& contexts);

  // Takes the local steps of the member at `place`, from the consensus. Before each it asks `stop`; if that says true,
  // there is no result.
  std::optional<MemberRound> take_steps(const Consensus& consensus, const ElasticState& state, const RoundPlan& plan,
                                        int64_t place, const std::function<bool()>& stop);
  Worker& worker() { return worker_; }

 private:
  const ModelInfo& info_;
  const Dataset& train_;
  const int64_t id_;
  Worker worker_;
};

}  // namespace skein
