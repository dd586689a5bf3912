// The part of a worker that talks to the other ones.
#include <utility>

#include "base/trace.h"
#include "train/worker.h"

namespace skein {
namespace {

// Smallest bucket of overlapped gradients. In smaller ones the latency of an all_reduce over MPI outweighs what it
// hides.
constexpr int64_t kBucketBytes = 256 << 10;

}  // namespace

void Worker::connect(std::unique_ptr<Communicator> world, const AveragingOptions& averaging) {
  averaging_ = averaging;
  world_ = std::move(world);
  trace::name_thread(rank_, "worker");
  const OuterMomentum outer{float(config_.outer_momentum), float(config_.outer_rate), config_.outer_nesterov,
                            config_.outer_form};
  const Compression compression = parse_compression(config_.compress);
  const auto make_averager = [&] {
    auto averager =
        std::make_unique<ModelAverager>(parameters_, make_compressor(compression, parameters_, queue_), outer, queue_);
    if (averaging.delayed) averager->delay(*averaging.delayed);
    if (config_.round_norms) averager->measure(steps_done_ == 0);
    return averager;
  };
  world_averager_ = make_averager();
  if (averaging.delayed) communication_ = std::make_unique<CommunicationThread>(rank_);
  // A captured pass cannot stop in the middle to send, and gradients that are accumulated are final only at the end.
  const bool overlap = averaging.overlap && queue_.device == Device::cpu && config_.accumulate == 1;
  gradient_averager_ = std::make_unique<GradientAverager>(parameters_, *world_, overlap ? kBucketBytes : 0);
  if (averaging.block_size == 0) return;
  block_ = world_->split(int(world_->rank() / averaging.block_size));
  block_averager_ = make_averager();
}

void Worker::average(SyncScope scope) {
  const Span span("averaging");
  // Each rank's averaging ends after all have begun. An arrow from the rank before stands for that.
  const bool block = scope == SyncScope::block;
  const int64_t size = (block ? block_ : world_)->size(), first = block ? rank_ - block_->rank() : 0;
  const auto arrow = [&](int64_t from) { return uint64_t(steps_done_) << 24 | uint64_t(from); };
  trace::arrow_out("averaging", arrow(rank_));
  outputs_.begin();
  if (mode_ == StepMode::average_gradients) {
    gradient_averager_->finish();
    outputs_.end_averaging({});
    contexts_.with(rank_, [&](StepContext& context) { optimizer_step(context.tape.queue); });
  } else {
    average_models(scope);
    outputs_.end_averaging(norms(scope));
  }
  if (!block) ++world_averagings_;
  update_ema(queue_);
  results_.back().sent = newly_sent();
  trace::counter("bytes sent", double(results_.back().sent.bytes));
  trace::arrow_in("averaging", arrow(first + (rank_ - first + size - 1) % size));
}

void Worker::average_models(SyncScope scope) {
  const AveragingRound round = next_averaging(rate_);
  if (scope == SyncScope::block) return block_averager_->average(*block_, round);
  world_averager_->average(*world_, round);
  if (block_averager_) block_averager_->reset_consensus();
  synchronise_momentum(sync_momentum_, world_averagings_ + 1, parameters_, *world_, queue_);
}

void Worker::start_averaging(SyncScope scope, double rate) {
  if (before_change_) before_change_();
  const AveragingRound round = next_averaging(rate);
  const bool block = scope == SyncScope::block;
  ModelAverager& averager = block ? *block_averager_ : *world_averager_;
  averager.send();
  communication_->start([this, block, round, &averager, &ranks = block ? *block_ : *world_] {
    const Span span("averaging");
    averager.average_sent(ranks, round);
    if (!block && block_averager_) block_averager_->reset_consensus(averager.sent());
  });
}

void Worker::settle() {
  if (communication_) communication_->finish();
}

void Worker::merge_averaging(SyncScope scope) {
  const Span span("averaging");
  ModelAverager& averager = scope == SyncScope::block ? *block_averager_ : *world_averager_;
  outputs_.begin();
  settle();
  averager.merge();
  if (scope == SyncScope::world)
    synchronise_momentum(sync_momentum_, ++world_averagings_, parameters_, *world_, queue_);
  outputs_.end_averaging(averager.norms());
  update_ema(queue_);
  newly_sent();
  results_.back().sent = averager.merged_traffic();
  trace::counter("bytes sent", double(results_.back().sent.bytes));
}

View Worker::norms(SyncScope scope) const {
  return (scope == SyncScope::block ? block_averager_ : world_averager_)->norms();
}

AveragingRound Worker::next_averaging(double rate) {
  const int64_t images = (steps_done_ - averaged_at_) * config_.batch * config_.accumulate;
  averaged_at_ = steps_done_;
  return {{uint64_t(steps_done_), uint32_t(rank_)},
          rate,
          steps_done_ > averaging_.plain_steps,
          images >= config_.round_norms_from};
}

Traffic Worker::newly_sent() {
  Traffic sum;
  for (const auto* communicator : {&world_, &block_}) {
    if (!*communicator) continue;
    const Traffic t = (*communicator)->traffic();
    sum.bytes += t.bytes;
    sum.rounds += t.rounds;
  }
  const Traffic before = std::exchange(known_traffic_, sum);
  return {sum.bytes - before.bytes, sum.rounds - before.rounds};
}

}  // namespace skein
