// Runs of several workers, dumped step by step for tests/oracle/local_sgd.py:
//
//   skein_local_sgd_dump CONFIG.toml OUT [CONFIG.toml OUT ...]
//
// OUT: one line of JSON (layout of the flat vector, names of the tensors, of every step its rate and scope), then f32:
// of every worker its first state; then of every step and worker the gradient, the value before the averaging, and the
// state after it. The loop is Trainer::run's, which gives no access between step and averaging.
#include <fmt/format.h>

#include <fstream>

#include "base/formats/json.h"
#include "data/dataset.h"
#include "train/run/run.h"
#include "train/trainer.h"
#include "train/validate.h"

using namespace skein;

namespace {

void write(std::ofstream& out, const std::vector<float>& numbers) {
  out.write(reinterpret_cast<const char*>(numbers.data()), std::streamsize(numbers.size() * sizeof(float)));
}

Json header(WorkerPool& pool, const TrainConfig& config, const AveragingPlan& plan, const std::vector<double>& rates) {
  const ParameterStore& p = pool.worker(0).parameters();
  Json segments = Json::array(), tensors = Json::array(), scopes = Json::array(), merges = Json::array();
  for (const Segment& s : p.segments()) segments.push_back(std::vector<int64_t>{s.begin, s.count});
  for (const NamedTensor& t : pool.worker(0).state()) tensors.push_back({{"name", t.name}, {"size", t.tensor.numel()}});
  for (const SyncScope s : plan.scopes) scopes.push_back(int(s));
  for (const SyncScope s : plan.merges) merges.push_back(int(s));
  return {{"size", p.value.numel()}, {"decayed", p.decayed()}, {"segments", segments}, {"tensors", tensors},
          {"scopes", scopes},        {"merges", merges},       {"rates", rates},       {"workers", config.workers}};
}

void dump(const std::string& config_file, const std::string& path) {
  TrainConfig config;
  read_config(config_file, config);
  validate(config, 1);
  const Splits data = open_dataset(config.data, dataset_options(config));
  const ModelInfo info = make_model_info(config, data.train);
  ProcessGroup alone;
  WorkerPool pool(alone, info, data.train, {});
  const int64_t steps_per_epoch = skein::steps_per_epoch(config, data.train.size());
  const AveragingPlan plan = plan_averaging(config, steps_per_epoch, alone.size());
  pool.connect(plan.options);
  const LearningRateSchedule schedule = rate_schedule(config);
  std::vector<double> rates;
  for (int64_t s = 0; s < int64_t(plan.scopes.size()); ++s) rates.push_back(schedule.at(s, steps_per_epoch));

  std::ofstream out(path, std::ios::binary);
  out << header(pool, config, plan, rates).dump() << "\n";
  const auto write_state = [&](int64_t r) {
    for (const NamedTensor& t : pool.worker(r).state()) write(out, t.tensor.to_vector());
  };
  for (int64_t r = 0; r < pool.size(); ++r) write_state(r);
  for (size_t s = 0; s < plan.scopes.size(); ++s) {
    const bool starts = s > 0 && plan.scopes[s - 1] != SyncScope::none && plan.merges[s - 1] == SyncScope::none;
    pool.run([&](Worker& w) {
      if (starts) w.start_averaging(plan.scopes[s - 1], rates[s - 1]);
      w.local_step(rates[s], plan.merges[s]);
    });
    pool.settle();
    std::vector<std::vector<float>> before;
    for (int64_t r = 0; r < pool.size(); ++r) before.push_back(pool.worker(r).parameters().value.to_vector());
    const SyncScope merged = plan.merges[s];
    if (merged != SyncScope::none)
      pool.run([&](Worker& w) { plan.scopes[s] == merged ? w.average(merged) : w.merge_averaging(merged); });
    for (int64_t r = 0; r < pool.size(); ++r) {
      write(out, pool.worker(r).parameters().grad.to_vector());
      write(out, before[size_t(r)]);
      write_state(r);
      pool.worker(r).collect();  // its step log holds 16 steps
    }
  }
  if (!out.flush()) throw std::runtime_error(path + ": not written");
}

}  // namespace

int main(int count, char** arguments) {
  try {
    for (int i = 1; i + 1 < count; i += 2) dump(arguments[i], arguments[i + 1]);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
