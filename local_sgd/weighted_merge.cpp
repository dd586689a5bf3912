#include "local_sgd/weighted_merge.h"

#include "base/check.h"
#include "kernels/device/runtime.h"
#include "kernels/vector.h"

namespace skein {

void weighted_mean(std::span<const WeightedTerm> terms, View mean, Queue queue) {
  int64_t all = 0;
  for (const WeightedTerm& t : terms) {
    CHECK(t.samples >= 1 && t.vector.numel() == mean.numel(), "{} numbers of {} samples", t.vector.numel(), t.samples);
    all += t.samples;
  }
  CHECK(all > 0, "a mean of nothing");
  const auto share = [&](const WeightedTerm& t) { return float(double(t.samples) / double(all)); };
  queue.run(kernel::copy, terms[0].vector, mean);
  queue.run(kernel::scale, share(terms[0]), mean);
  for (const WeightedTerm& t : terms.subspan(1)) queue.run(kernel::axpy, share(t), t.vector, mean);
}

}  // namespace skein
