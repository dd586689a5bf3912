#include "train/elastic/consensus.h"

#include <cstring>
#include <vector>

#include "base/check.h"
#include "kernels/device/runtime.h"
#include "kernels/vector.h"
#include "local_sgd/weighted_merge.h"

namespace skein {
namespace {

Tensor copy_of(const Tensor& t) {
  Tensor copy = Tensor::empty(Device::cpu, DType::f32, t.shape());
  Queue{t.device()}.run(kernel::copy_to_host, t, copy.host());
  return copy;
}

std::string_view bytes_of(const Tensor& t) { return {reinterpret_cast<const char*>(t.host()), t.view().bytes()}; }

void take(std::string_view& bytes, const Tensor& to) {
  CHECK(bytes.size() >= to.view().bytes(), "{} bytes are left", bytes.size());
  std::memcpy(to.host(), bytes.data(), to.view().bytes());
  bytes.remove_prefix(to.view().bytes());
}

}  // namespace

Consensus::Consensus(const TrainConfig& c, const ParameterStore& p)
    : value_(copy_of(p.value)),
      statistics_(copy_of(p.running_statistics)),
      outer_({float(c.outer_momentum), float(c.outer_rate), c.outer_nesterov, c.outer_form}, p.value.numel(), {}) {}

int64_t Consensus::contribution_bytes() const { return int64_t(value_.view().bytes() + statistics_.view().bytes()); }

int64_t Consensus::state_bytes() const {
  return contribution_bytes() + (outer_.active() ? int64_t(value_.view().bytes()) : 0);
}

std::string Consensus::bytes() const {
  std::string all(bytes_of(value_));
  if (outer_.active()) all += bytes_of(outer_.momentum());
  return all += bytes_of(statistics_);
}

void Consensus::set(std::string_view bytes) {
  CHECK(int64_t(bytes.size()) == state_bytes(), "a consensus of {} bytes", bytes.size());
  take(bytes, value_);
  if (outer_.active()) take(bytes, outer_.momentum());
  take(bytes, statistics_);
}

void Consensus::copy_to(ParameterStore& p) const {
  const Queue queue{p.value.device()};
  queue.run(kernel::copy_from_host, value_.host(), p.value);
  queue.run(kernel::copy_from_host, statistics_.host(), p.running_statistics);
  p.refresh_shadow();
}

std::string Consensus::contribution(const ParameterStore& p) const {
  const Tensor difference = Tensor::empty(Device::cpu, DType::f32, value_.shape());
  Queue().run(kernel::sub, value_, p.value.to_host(), difference);
  std::string all(bytes_of(difference));
  return all += bytes_of(p.running_statistics.to_host());
}

void Consensus::merge(std::span<const MergeTerm> terms, double rate) {
  const Queue queue;
  std::vector<Tensor> memory;  // of aligned copies
  std::vector<WeightedTerm> differences, statistics;
  for (const MergeTerm& t : terms) {
    if (t.samples == 0) continue;
    std::string_view bytes = t.bytes;
    CHECK(int64_t(bytes.size()) == contribution_bytes(), "a contribution of {} bytes", bytes.size());
    const Tensor difference = Tensor::empty(Device::cpu, DType::f32, value_.shape());
    const Tensor own = Tensor::empty(Device::cpu, DType::f32, statistics_.shape());
    take(bytes, difference);
    take(bytes, own);
    differences.push_back({difference, t.samples});
    statistics.push_back({own, t.samples});
    memory.insert(memory.end(), {difference, own});
  }
  if (differences.empty()) return;
  const Tensor delta = Tensor::empty(Device::cpu, DType::f32, value_.shape());
  weighted_mean(differences, delta, queue);
  if (outer_.active())
    outer_.apply(value_, delta, rate);
  else
    queue.run(kernel::sub, value_, delta, value_);
  if (statistics_.numel() > 0) weighted_mean(statistics, statistics_, queue);
}

}  // namespace skein
