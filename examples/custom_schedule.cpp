// A schedule of one's own: a table that says after which steps the workers average. Here a round is a sixth of the
// steps that are left, so that workers meet rarely at first and after every step in the end. Four workers, each a
// thread, minimise the mean of a_k (w - t_k)^2 / 2 with noisy gradients; the solution is sum(a_k t_k) / sum(a_k), and
// workers that step apart drift towards their own t_k. Printed for this table and for two of --sync: averagings, and
// the distance of the result to the solution.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

#include "base/random.h"
#include "comm/transports/thread_communicator.h"
#include "engine/optimizer.h"
#include "local_sgd/model_averager.h"
#include "local_sgd/sync_schedule.h"

using namespace skein;

constexpr int kWorkers = 4;
constexpr int64_t kSteps = 512, kNumbers = 256;

double curvature(int rank) { return 0.25 + 0.5 * rank; }  // a_k
double rate(int64_t) { return 0.05; }

std::vector<SyncScope> shrinking_rounds() {
  std::vector<SyncScope> table(kSteps, SyncScope::none);
  for (int64_t s = 0; s < kSteps;) {
    s += std::max<int64_t>(1, (kSteps - s) / 6);
    table[s - 1] = SyncScope::world;
  }
  return table;
}

std::vector<SyncScope> named(const char* sync) {
  return sync_table(parse_sync(sync, /*first_drop=*/1), {kSteps, kSteps, kWorkers, rate});
}

// t_k[i] and the noise of a gradient: standard normal, drawn from a counter, so that every run has the same.
float draw(uint32_t stream, int rank, int64_t i) {
  const RandomWords w = random_words(7, Purpose::test, stream, uint32_t(rank), uint32_t(i));
  return float(normal(w[0], w[1]));
}

// Trains the worker `rank`; returns its parameters, which are the average after the last step.
std::vector<float> work(const std::vector<SyncScope>& table, ThreadGroup& group, int rank) {
  const auto world = group.join(rank);
  ParameterStore parameters;
  parameters.add({"w", {kNumbers}, {Init::zeros}});
  parameters.build(Device::cpu, /*seed=*/0);
  Sgd sgd(parameters, {.momentum = 0, .decay = 0, .nesterov = false}, Queue{});
  ModelAverager averager(parameters, nullptr, OuterMomentum{}, Queue{});
  for (int64_t s = 0; s < kSteps; ++s) {
    const float* w = parameters.value.host();
    for (int64_t i = 0; i < kNumbers; ++i)
      parameters.grad.host()[i] = float(curvature(rank)) * (w[i] - draw(0, rank, i)) + draw(uint32_t(s) + 1, rank, i);
    sgd.set_rate(float(rate(s)));
    sgd.step();
    if (table[s] == SyncScope::world) averager.average(*world, {});
  }
  return {parameters.value.host(), parameters.value.host() + kNumbers};
}

void run(const char* name, const std::vector<SyncScope>& table) {
  ThreadGroup group(kWorkers);
  std::vector<float> result;
  std::vector<std::thread> workers;
  for (int k = 0; k < kWorkers; ++k)
    workers.emplace_back([&, k] {
      const std::vector<float> w = work(table, group, k);
      if (k == 0) result = w;
    });
  for (std::thread& t : workers) t.join();

  double squares = 0;
  for (int64_t i = 0; i < kNumbers; ++i) {
    double weighted = 0, weights = 0;
    for (int k = 0; k < kWorkers; ++k) weighted += curvature(k) * draw(0, k, i), weights += curvature(k);
    squares += std::pow(result[i] - weighted / weights, 2);
  }
  fmt::print("{:<16} {:>4} averagings  distance {:.4f}\n", name,
             std::count(table.begin(), table.end(), SyncScope::world), std::sqrt(squares / kNumbers));
}

int main() {
  run("minibatch", named("minibatch"));
  run("local:H=16", named("local:H=16"));
  run("shrinking rounds", shrinking_rounds());
}
