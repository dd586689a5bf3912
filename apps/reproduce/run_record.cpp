#include "apps/reproduce/run_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "apps/sweep/sweep_runner.h"
#include "base/check.h"
#include "base/files.h"
#include "base/hash.h"
#include "train/log/run_log.h"
#include "train/run/checkpoint.h"
#include "train/run/resume.h"

namespace skein {
namespace {

bool decides(const Option& option) {
  for (const char* other : {"net", "eval-batch", "eval-local", "seed", "init-digest"})
    if (option.name == other) return false;
  return option.rules.resume != Resume::free;
}

// Calls use(option of a, option of b) for every setting that decides a run's numbers.
template <class Use>
void for_settings(const TrainConfig& a, const TrainConfig& b, Use use) {
  TrainConfig x = a, y = b;
  const OptionList of_a = config_options(x), of_b = config_options(y);
  for (size_t i = 0; i < of_a.options().size(); ++i)
    if (decides(of_a.options()[i])) use(of_a.options()[i], of_b.options()[i]);
}

void require_expected(const std::string& folder, int64_t seed, const TrainConfig& expected) {
  TrainConfig found;
  read_config(folder + "/config.toml", found);
  if (found.seed != seed)
    throw BadInput("{}: has the seed {}, its place is that of seed {}. Move it", folder, found.seed, seed);
  for_settings(expected, found, [&](const Option& here, const Option& there) {
    if (same_value(here, there)) return;
    throw BadInput("{}: is a run with {}, the preset has {}. Move it away, or give another --out", folder, typed(there),
                   typed(here));
  });
}

// The first line of the log: where and how the run began.
void read_start(const std::string& folder, RunRecord& record) {
  std::ifstream lines(folder + "/metrics.jsonl");
  std::string text;
  std::getline(lines, text);
  const Json line = Json::parse(text);
  const auto string = [](const Json& of, const char* key) {
    return of.contains(key) ? of.at(key).get<std::string>() : std::string();
  };
  record.started = string(line, "started");
  record.version = string(line, "version");
  record.commit = string(line, "commit");
  record.steps_per_epoch = line.at("steps_per_epoch").get<int64_t>();
  const Json& machine = line.at("machine");
  record.machine = fmt::format("{}, {} threads", string(machine, machine.contains("gpu") ? "gpu" : "cpu"),
                               machine.at("threads").get<int64_t>());
}

void read_epochs(const RunLog& log, RunRecord& record) {
  record.step_seconds = kNotMeasured;
  for (const EpochLog& e : log.epochs) {
    record.test_top1.push_back(e.test_top1);
    record.train_loss.push_back(e.train_loss);
    if (std::isfinite(e.local_test_top1)) record.local_top1.push_back(e.local_test_top1);
    record.world.push_back(e.world_rounds);
    record.block.push_back(e.block_rounds);
    const double step = e.compute_seconds / double(record.steps_per_epoch);
    if (!(step >= record.step_seconds)) record.step_seconds = step;
    record.seconds = e.seconds;
  }
}

// Why a run can never be done; empty: it can.
std::string failure_of(const std::string& folder) {
  const std::string log = folder + ".log";
  if (!std::filesystem::exists(log)) return "";
  const std::string error = last_error(log);
  return error.starts_with("the loss is ") ? error.substr(0, error.find(';')) : "";
}

// The nearest double to a decimal number of few digits, so that JSON has no more digits than mean something.
double rounded(double x, int digits) {
  return std::isfinite(x) ? std::strtod(fmt::format("{:.{}f}", x, digits).c_str(), nullptr) : x;
}
std::vector<double> rounded(std::vector<double> values, int digits) {
  for (double& x : values) x = rounded(x, digits);
  return values;
}

Json json_of(const Traffic& t) { return {{"bytes", t.bytes}, {"exchanges", t.rounds}}; }
Traffic traffic_of(const Json& json) { return {json.at("bytes").get<int64_t>(), json.at("exchanges").get<int64_t>()}; }

std::vector<double> numbers(const Json& json) {
  std::vector<double> all;
  for (const Json& x : json.elements()) all.push_back(x == Json() ? kNotMeasured : x.get<double>());
  return all;
}

}  // namespace

double RunRecord::best_top1() const { return *std::max_element(test_top1.begin(), test_top1.end()); }

int64_t RunRecord::epoch_at(double accuracy) const {
  const auto at = std::find_if(test_top1.begin(), test_top1.end(), [&](double x) { return x >= 100 * accuracy; });
  return at == test_top1.end() ? 0 : at - test_top1.begin() + 1;
}

double RunRecord::seconds_on(const NetworkModel& network, int64_t epochs, double seconds_of_step) const {
  const auto until = [epochs](const Traffic& all, const std::vector<int64_t>& rounds) {
    if (rounds.back() == 0) return Traffic{};
    const double part = double(rounds[size_t(epochs - 1)]) / double(rounds.back());
    return Traffic{int64_t(part * double(all.bytes)), int64_t(std::llround(part * double(all.rounds)))};
  };
  return double(epochs * steps_per_epoch) * seconds_of_step +
         network.seconds({until(sent.block, block), until(sent.world, world)});
}

std::string config_hash(const TrainConfig& config) {
  Hash hash;
  for_settings(config, TrainConfig(), [&](const Option& option, const Option& standard) {
    if (same_value(option, standard)) return;
    const std::string text = typed(option) + "\n";
    hash.add(text.data(), text.size());
  });
  return fmt::format("{:016x}", hash.value());
}

std::optional<RunRecord> read_record(const std::string& folder, int64_t seed, const TrainConfig& expected) {
  if (!is_run_folder(folder)) return std::nullopt;
  require_expected(folder, seed, expected);
  RunRecord record;
  record.hash = config_hash(expected);
  record.seed = seed;
  const RunLog log = read_run_log(folder);
  const bool done = log.status == RunStatus::done;
  if (!done) record.failed = failure_of(folder);
  if (!done && record.failed.empty()) return std::nullopt;
  try {
    read_start(folder, record);
  } catch (const JsonError& e) {
    throw BadInput("{}/metrics.jsonl: its first line is not that of a run ({}). Restore it", folder, e.what());
  }
  read_epochs(log, record);
  if (done) {
    const TrainState state = open_checkpoint(last_checkpoint(folder)).state;
    record.sent = state.rounds.sent;
    record.eigenvalue = read_eigenvalue(folder, state.step);
  }
  return record;
}

Json to_json(const RunRecord& r) {
  Json json = {{"setting", r.setting}, {"seed", r.seed},       {"config", r.hash},
               {"started", r.started}, {"version", r.version}, {"commit", r.commit},
               {"machine", r.machine}, {"command", r.command}, {"seconds", rounded(r.seconds, 1)}};
  if (!r.failed.empty()) json["failed"] = r.failed;
  json["steps_per_epoch"] = r.steps_per_epoch;
  json["step_seconds"] = rounded(r.step_seconds, 6);
  json["sent"] = {{"block", json_of(r.sent.block)}, {"world", json_of(r.sent.world)}};
  if (r.eigenvalue) json["eigenvalue"] = to_json(*r.eigenvalue);
  json["test_top1"] = rounded(r.test_top1, 3);
  json["train_loss"] = rounded(r.train_loss, 4);
  json["local_top1"] = rounded(r.local_top1, 3);
  json["world_rounds"] = r.world;
  json["block_rounds"] = r.block;
  return json;
}

RunRecord record_of(const Json& json) {
  RunRecord r;
  for (const auto& [key, to] : {std::pair{"setting", &r.setting},
                                {"config", &r.hash},
                                {"started", &r.started},
                                {"version", &r.version},
                                {"commit", &r.commit},
                                {"machine", &r.machine},
                                {"command", &r.command}})
    *to = json.at(key).get<std::string>();
  if (json.contains("failed")) r.failed = json.at("failed").get<std::string>();
  r.seed = json.at("seed").get<int64_t>();
  r.seconds = json.at("seconds").get<double>();
  r.steps_per_epoch = json.at("steps_per_epoch").get<int64_t>();
  r.step_seconds = json.at("step_seconds") == Json() ? kNotMeasured : json.at("step_seconds").get<double>();
  r.sent = {traffic_of(json.at("sent").at("block")), traffic_of(json.at("sent").at("world"))};
  if (json.contains("eigenvalue")) r.eigenvalue = eigenvalue_of(json.at("eigenvalue"));
  r.test_top1 = numbers(json.at("test_top1"));
  r.train_loss = numbers(json.at("train_loss"));
  r.local_top1 = numbers(json.at("local_top1"));
  r.world = json.at("world_rounds").get<std::vector<int64_t>>();
  r.block = json.at("block_rounds").get<std::vector<int64_t>>();
  return r;
}

}  // namespace skein
