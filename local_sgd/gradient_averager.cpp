#include "local_sgd/gradient_averager.h"

#include <omp.h>

#include <algorithm>

#include "base/check.h"
#include "comm/shards.h"

namespace skein {

GradientAverager::GradientAverager(ParameterStore& parameters, Communicator& ranks, int64_t bucket_bytes)
    : parameters_(parameters), ranks_(ranks) {
  if (ranks.size() == 1 || bucket_bytes == 0) return;
  cut(bucket_bytes);
  thread_ = std::thread(&GradientAverager::communicate, this);
}

GradientAverager::~GradientAverager() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// Cuts from the end, which the backward pass reaches first. The parameters of batch norms lie behind all other ones and
// are ready last, so no bucket holds both.
void GradientAverager::cut(int64_t bucket_bytes) {
  std::vector<int64_t> begins;
  for (const Segment& s : parameters_.segments()) begins.push_back(s.begin);
  std::sort(begins.rbegin(), begins.rend());
  int64_t end = parameters_.grad.numel(), inside = 0;
  for (const int64_t begin : begins) {
    ++inside;
    const bool full = (end - begin) * int64_t(sizeof(float)) >= bucket_bytes;
    if (!full && begin != parameters_.decayed() && begin != 0) continue;
    buckets_.push_back({begin, end, inside, inside});
    end = begin;
    inside = 0;
  }
  std::reverse(buckets_.begin(), buckets_.end());
}

void GradientAverager::ready(const Variable& parameter) {
  if (!overlaps()) return;
  const int64_t at = parameter.grad.view().as<const float>() - parameters_.grad.view().as<const float>();
  CHECK(at >= 0 && at < parameters_.grad.numel(), "a gradient that is not of these parameters");
  const auto next =
      std::upper_bound(buckets_.begin(), buckets_.end(), at, [](int64_t x, const Bucket& b) { return x < b.begin; });
  const size_t bucket = size_t(next - buckets_.begin()) - 1;
  CHECK(buckets_[bucket].missing > 0, "the gradient at {} is ready for the second time", at);
  if (--buckets_[bucket].missing == 0) send(bucket);
}

void GradientAverager::send(size_t bucket) {
  {
    const std::lock_guard lock(mutex_);
    sent_.push_back(bucket);
  }
  changed_.notify_all();
}

void GradientAverager::finish() {
  if (ranks_.size() == 1) return;
  if (!overlaps()) return ranks_.all_reduce(parameters_.grad, 1.0f / float(ranks_.size()));
  for (size_t b = buckets_.size(); b-- > 0;)  // buckets with parameters that had no part in the step
    if (buckets_[b].missing > 0) send(b);
  for (Bucket& b : buckets_) b.missing = b.parameters;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done_ == buckets_.size() || error_; });
  if (error_) std::rethrow_exception(error_);
  sent_.clear();
  done_ = 0;
}

void GradientAverager::communicate() {
  omp_set_num_threads(1);  // the other cores compute
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || sent_.size() > done_; });
    if (stop_) return;
    const Bucket bucket = buckets_[sent_[done_]];
    lock.unlock();
    try {
      ranks_.all_reduce(slice(parameters_.grad, bucket.begin, bucket.end), 1.0f / float(ranks_.size()));
    } catch (...) {
      lock.lock();
      error_ = std::current_exception();
      changed_.notify_all();
      return;
    }
    lock.lock();
    ++done_;
    changed_.notify_all();
  }
}

}  // namespace skein
