#include "train/round_log.h"

#include <algorithm>
#include <cmath>

namespace skein {
namespace {

// The square roots of one of the norms; empty where no worker knows it.
std::vector<double> roots(std::span<const StepResult> workers, float AveragingNorms::*norm) {
  std::vector<double> all;
  for (const StepResult& r : workers) all.push_back(std::sqrt(double(r.output.norms.*norm)));
  if (std::all_of(all.begin(), all.end(), [](double x) { return std::isnan(x); })) all.clear();
  return all;
}

}  // namespace

RoundLog::RoundLog(int64_t workers, int64_t block_size)
    : workers_(size_t(workers)), block_size_(size_t(block_size)), compute_(size_t(workers), 0.0) {}

size_t RoundLog::group_size(SyncScope scope) const { return scope == SyncScope::block ? block_size_ : workers_; }

void RoundLog::add(std::span<const StepResult> workers, double seconds) {
  seconds_ += seconds;
  for (size_t k = 0; k < workers_; ++k) compute_[k] += workers[k].output.seconds;
}

double RoundLog::averaging_seconds(std::span<const StepResult> workers, SyncScope scope) const {
  const size_t size = group_size(scope);
  double longest = 0;
  for (size_t begin = 0; begin < workers_; begin += size) {
    double shortest = workers[begin].output.averaging;
    for (const StepResult& r : workers.subspan(begin, size)) shortest = std::min(shortest, r.output.averaging);
    longest = std::max(longest, shortest);
  }
  return longest;
}

// Sum over pairs of delta_i . delta_j, divided by the sum over pairs of |delta_i| |delta_j|. With the mean m of n of
// them, |n m|^2 = sum of all products, the squares included.
double RoundLog::delta_cosine(std::span<const StepResult> workers, SyncScope scope) const {
  const size_t size = group_size(scope);
  double products = 0, lengths = 0;
  for (size_t begin = 0; begin < workers_; begin += size) {
    double squares = 0, sum = 0;
    for (const StepResult& r : workers.subspan(begin, size)) {
      squares += double(r.output.norms.delta);
      sum += std::sqrt(double(r.output.norms.delta));
    }
    const auto n = double(size);
    products += n * n * double(workers[begin].output.norms.mean_delta) - squares;
    lengths += sum * sum - squares;
  }
  return size > 1 && lengths > 0 ? products / lengths : std::nan("");
}

RoundMetrics RoundLog::finish(std::span<const StepResult> workers, SyncScope scope, int64_t world_rounds,
                              int64_t steps) {
  RoundMetrics m{.number = world_rounds,
                 .steps = steps,
                 .seconds = averaging_seconds(workers, scope),
                 .compute = compute_,
                 .wait = {},
                 .distance = roots(workers, &AveragingNorms::distance),
                 .delta_norm = roots(workers, &AveragingNorms::delta),
                 .error_norm = roots(workers, &AveragingNorms::error),
                 .delta_cosine = delta_cosine(workers, scope)};
  for (const double computed : compute_) m.wait.push_back(std::max(0.0, seconds_ - computed - m.seconds));
  compute_.assign(workers_, 0.0);
  seconds_ = 0;
  return m;
}

}  // namespace skein
