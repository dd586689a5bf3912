#include "local_sgd/sync_momentum.h"

#include <charconv>

#include "base/check.h"
#include "kernels/device/runtime.h"
#include "local_sgd/worker_mean.h"

namespace skein {
namespace {

constexpr std::string_view kEvery = "average:every=";
constexpr int64_t kMost = 1'000'000'000;

}  // namespace

SyncMomentum parse_sync_momentum(std::string_view text) {
  if (text == "keep") return {};
  if (text == "reset") return {SyncMomentum::reset};
  if (text == "average") return {SyncMomentum::average};
  SyncMomentum m{SyncMomentum::average};
  if (text.starts_with(kEvery)) {
    const char* end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data() + kEvery.size(), end, m.every);
    if (error == std::errc() && read == end && m.every >= 1 && m.every <= kMost) return m;
  }
  throw BadInput(
      "--sync-momentum '{}': is not known; give keep, reset, average, or average:every=N with a whole number N from 1 "
      "to {}, in averagings among all",
      text, kMost);
}

std::string describe(const SyncMomentum& m) {
  if (m.form == SyncMomentum::keep) return "each worker's own";
  const std::string when = m.every == 1 ? "every averaging" : fmt::format("every {} averagings", m.every);
  return fmt::format("{} after {} among all", m.form == SyncMomentum::reset ? "zero" : "averaged", when);
}

void synchronise_momentum(const SyncMomentum& m, int64_t number, ParameterStore& parameters, Communicator& ranks,
                          Queue queue) {
  if (!m.acts(number)) return;
  for (const Tensor* moment : {&parameters.velocity, &parameters.second_moment}) {
    if (!moment->defined()) continue;
    const View v = *moment;
    if (m.form == SyncMomentum::reset)
      queue.run(kernel::zero, v);
    else if (ranks.size() > 1)
      mean_over_workers({&v, 1}, v, ranks, queue);
  }
  if (m.form == SyncMomentum::reset && parameters.updates.defined()) queue.run(kernel::zero, parameters.updates);
}

}  // namespace skein
