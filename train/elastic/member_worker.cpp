#include "train/elastic/member_worker.h"

#include <algorithm>

#include "kernels/device/runtime.h"
#include "kernels/vector.h"

namespace skein {
namespace {

void forget_momentum(ParameterStore& p) {
  const Queue queue{p.value.device()};
  queue.run(kernel::fill, 0.0f, p.velocity);
  if (!p.second_moment.defined()) return;
  queue.run(kernel::fill, 0.0f, p.second_moment);
  queue.run(kernel::fill, 0.0f, p.updates);
}

}  // namespace

MemberWorker::MemberWorker(const ModelInfo& info, const Dataset& train, int64_t id, StepContextPool& contexts)
    : info_(info), train_(train), id_(id), worker_(info, train, {}, id, contexts) {}

std::optional<MemberRound> MemberWorker::take_steps(const Consensus& consensus, const ElasticState& state,
                                                    const RoundPlan& plan, int64_t place,
                                                    const std::function<bool()>& stop) {
  const TrainConfig& c = info_.config;
  consensus.copy_to(worker_.parameters());
  if (std::find(state.merged.begin(), state.merged.end(), id_) == state.merged.end())
    forget_momentum(worker_.parameters());
  MemberRound round;
  std::vector<int32_t> samples =
      samples_at(plan.parts[size_t(place)], uint64_t(c.seed), state.ledger.epoch, train_.size());
  if (samples.empty()) return round;
  const int64_t steps = worker_.take_samples(train_, state.ledger.epoch, std::move(samples), state.steps);
  for (int64_t j = 0; j < steps; ++j) {
    if (stop()) return {};
    const bool last = j + 1 == steps;
    worker_.local_step(rate_of_step(c, state, train_.size(), int64_t(plan.parts.size()), j), SyncScope::none);
    if (!last && (j + 1) % kMaxUncollectedSteps != 0) continue;
    for (const StepResult& r : worker_.collect()) {
      round.samples += r.images;
      round.loss += r.output.loss;
      round.correct += r.output.correct;
    }
  }
  round.bytes = consensus.contribution(worker_.parameters());
  return round;
}

}  // namespace skein
