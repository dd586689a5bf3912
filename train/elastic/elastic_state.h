// Where an elastic run is between two rounds, but for the consensus: the part of a MeetingState (comm/elastic) that the
// training loop owns. And the rules of a round as pure functions, for the run and for its replay.
//
//   part of member i    deal() of the samples that are left of the epoch: H steps of a batch for each (data/loading/
//                       sample_ledger.h)
//   rate of its step j  that of the schedule for as many workers as the round has members, at the position
//                       epoch + (samples trained on in the epoch + j n B) / N, as if all n members took step j together
//   afterwards          the samples of those that were merged are trained on; an epoch ends with the round in which its
//                       last sample is
//   fresh               a member that was not merged in the round before begins without momentum
#pragma once

#include <string>
#include <vector>

#include "base/formats/json.h"
#include "data/loading/sample_ledger.h"
#include "kernels/conv.h"
#include "train/run_state.h"

namespace skein {

struct ElasticState {
  int64_t round = 0;  // rounds that were merged
  int64_t steps = 0;  // local steps so far: in each round, those of the member with the most
  SampleLedger ledger;
  std::vector<int64_t> merged;           // members whose models were merged in the state before; empty: none
  std::string consensus;                 // SHA-256 of its bytes
  Json record;                           // the line of membership.jsonl about the change that made this state
  EpochTotals totals;                    // loss, images and correct ones of the epoch so far
  BestSoFar averaged;                    // accuracy of the consensus
  double seconds = 0;                    // of the run
  int64_t threads = 0;                   // that every member computes with
  std::vector<ConvChoice> convolutions;  // the same
};

Json to_json(const ElasticState& state);
ElasticState elastic_state_from(const Json& json);  // JsonError

Json to_json(const std::vector<ConvChoice>& choices);
std::vector<ConvChoice> convolutions_from(const Json& json);

// How the members of a round divide it.
struct RoundPlan {
  std::vector<SampleRanges> parts;  // of each member, in order
  int64_t steps = 0;                // of the member with the most
};
RoundPlan plan_round(const TrainConfig& config, const ElasticState& state, int64_t members);

// The learning rate of step j, from 0, of a round.
double rate_of_step(const TrainConfig& config, const ElasticState& state, int64_t samples, int64_t members, int64_t j);

// The state after a round in which the parts of the members `merged` (places in order) were merged. samples: N.
void finish_round(const RoundPlan& plan, const std::vector<int64_t>& merged_places, int64_t samples,
                  ElasticState& state);
bool ends_epoch(const ElasticState& state, int64_t samples);  // a merge made it, and it was the last of its epoch
inline bool is_complete(const ElasticState& state, int64_t epochs) { return state.ledger.epoch >= epochs; }

}  // namespace skein
