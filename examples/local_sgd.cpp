// Local SGD by hand: two workers, each a thread with a model of one or two weights, print the arithmetic of every step.
// Worker k minimises f_k(w) = |w - t_k|^2 / 2, whose gradient is w - t_k; all numbers are exact in binary.
// docs/paper.md explains the output line by line, and a test compares the two.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <thread>

#include "comm/transports/thread_communicator.h"
#include "engine/optimizer.h"
#include "local_sgd/model_averager.h"
#include "local_sgd/sync_schedule.h"

using namespace skein;
using Numbers = std::vector<float>;

struct Problem {
  std::string sync, compress;     // as --sync and --compress of skein train
  std::array<Numbers, 2> target;  // t_k
  Numbers rate;                   // of each step; its length is the run's
};

std::string text(const Numbers& w) {
  return w.size() == 1 ? fmt::format("{}", w[0]) : fmt::format("({})", fmt::join(w, ", "));
}

Numbers learned(const Tensor& flat, size_t n) { return {flat.host(), flat.host() + n}; }

// A step of one worker as text: the local step, and of the averaging that may follow what it sends and its result.
struct Step {
  std::string local, sends, base, term, average;
};

std::vector<Step> work(const Problem& problem, const std::vector<SyncScope>& syncs, ThreadGroup& group, int rank) {
  const Numbers& t = problem.target[size_t(rank)];
  const size_t n = t.size();
  const std::unique_ptr<Communicator> world = group.join(rank);
  ParameterStore parameters;
  parameters.add({"w", {int64_t(n)}, {Init::zeros}});
  parameters.build(Device::cpu, /*seed=*/0);
  Sgd sgd(parameters, {.momentum = 0, .decay = 0, .nesterov = false}, Queue{});
  ModelAverager averager(parameters, make_compressor(parse_compression(problem.compress), parameters, Queue{}),
                         OuterMomentum{}, Queue{});
  const auto kept = [&](const char* name) {  // "consensus" and "error", where the compression needs them
    for (const NamedTensor& x : averager.state())
      if (x.name == name) return learned(x.tensor, n);
    return Numbers{};
  };

  std::vector<Step> steps;
  for (size_t s = 0; s < syncs.size(); ++s) {
    const Numbers w = learned(parameters.value, n);
    for (size_t i = 0; i < n; ++i) parameters.grad.host()[i] = w[i] - t[i];
    sgd.set_rate(problem.rate[s]);
    sgd.step();
    const Numbers local = learned(parameters.value, n), c = kept("consensus"), e = kept("error");
    Step& step = steps.emplace_back();
    step.local = fmt::format("{} - {} * ({} - {}) = {}", text(w), problem.rate[s], text(w), text(t), text(local));
    if (syncs[s] == SyncScope::none) continue;

    averager.average(*world, {.ties = {s + 1, uint32_t(rank)}});
    const Numbers rest = kept("error");
    step.average = text(learned(parameters.value, n)), step.term = text(local);
    if (e.empty()) continue;
    Numbers d(n), sent(n);
    for (size_t i = 0; i < n; ++i) d[i] = e[i] + (c[i] - local[i]), sent[i] = d[i] - rest[i];
    step.sends =
        fmt::format("{} + ({} - {}) = {} = {} + {}", text(e), text(c), text(local), text(d), text(sent), text(rest));
    step.base = text(c) + " - ", step.term = text(sent);
  }
  return steps;
}

void run(const Problem& problem) {
  const auto rate = [&](int64_t step) { return double(problem.rate[size_t(step)]); };
  const auto syncs = sync_table(parse_sync(problem.sync, /*first_drop=*/1),
                                {int64_t(problem.rate.size()), /*steps_per_epoch=*/2, /*workers=*/2, rate});
  fmt::print("--sync {} --compress {}\n", problem.sync, problem.compress);

  ThreadGroup group(2);
  std::array<std::vector<Step>, 2> workers;
  const auto body = [&](int k) { workers[size_t(k)] = work(problem, syncs, group, k); };
  std::thread first(body, 0), second(body, 1);
  first.join();
  second.join();

  for (size_t s = 0; s < syncs.size(); ++s) {
    const Step &a = workers[0][s], &b = workers[1][s];
    fmt::print("step {}  A  {}\n        B  {}\n", s + 1, a.local, b.local);
    if (!a.sends.empty()) fmt::print("send    A  {}\n        B  {}\n", a.sends, b.sends);
    if (!a.average.empty()) fmt::print("average    {}({} + {}) / 2 = {}\n", a.base, a.term, b.term, a.average);
  }
}

int main() {
  run({"local:H=2", "none", {{{4}, {-2}}}, {0.5f, 0.5f, 0.5f, 0.5f}});
  run({"post-local:H=2", "none", {{{4}, {-2}}}, {0.5f, 0.5f, 0.25f, 0.25f}});
  run({"local:H=2", "ef-sign", {{{8, 16}, {-16, 8}}}, {0.5f, 0.5f, 0.5f, 0.5f}});
}
