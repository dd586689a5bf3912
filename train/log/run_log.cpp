#include "train/log/run_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "base/files.h"
#include "base/formats/json.h"
#include "train/config/config.h"
#include "train/log/metrics_lines.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr double kAliveSeconds = 60;

// A run of a million steps has as many lines of steps. Only those of runs and epochs are parsed; the others are
// recognised by their first characters, as RunFolder writes them.
void read_epochs(const std::string& path, RunLog& log) {
  std::ifstream lines(path);
  if (!lines) throw BadInput("{}: cannot be read. Check that you may read it", path);
  for (std::string text; std::getline(lines, text);) {
    const bool skipped = text.starts_with("{\"type\":\"step\"") || text.starts_with("{\"type\":\"round\"");
    if (skipped && text.ends_with('}')) continue;
    try {
      const Json line = Json::parse(text);
      if (line.at("type") == "run") check_schema(line, path);
      if (line.at("type") == "epoch") log.epochs.push_back(parse_epoch(line));
    } catch (const JsonError&) {
      ++log.unread_lines;
    }
  }
}

std::string setting(const RunLog& log, const std::map<std::string, std::string>& defaults, const std::string& key) {
  if (const auto own = log.settings.find(key); own != log.settings.end()) return own->second;
  const auto standard = defaults.find(key);
  return standard == defaults.end() ? std::string() : standard->second;
}

}  // namespace

double number_of(const Json& line, const char* key) {
  if (!line.contains(key)) return kNotMeasured;
  try {
    return line.at(key).get<double>();
  } catch (const JsonError&) {
    return kNotMeasured;  // null: the number was not finite
  }
}

const EpochLog* RunLog::best() const {
  const EpochLog* best = nullptr;
  for (const EpochLog& e : epochs)
    if (std::isfinite(e.test_top1) && (!best || e.test_top1 > best->test_top1)) best = &e;
  return best;
}

EpochLog parse_epoch(const Json& line) {
  EpochLog e;
  e.epoch = line.at("epoch").get<int64_t>();
  e.step = line.at("step").get<int64_t>();
  e.lr = number_of(line, "lr");
  e.train_loss = number_of(line, "train_loss");
  e.train_top1 = number_of(line, "train_top1");
  e.test_loss = number_of(line, "test_loss");
  e.test_top1 = number_of(line, "test_top1");
  e.test_top5 = number_of(line, "test_top5");
  e.local_test_top1 = number_of(line, "local_test_top1");
  e.images_per_second = number_of(line, "img_per_s");
  e.seconds = number_of(line, "seconds");
  if (line.contains("step_seconds")) e.compute_seconds = number_of(line.at("step_seconds"), "compute");
  if (!line.contains("rounds")) return e;
  const Json& rounds = line.at("rounds");
  e.world_rounds = rounds.at("world").get<int64_t>();
  e.block_rounds = rounds.at("block").get<int64_t>();
  e.bytes = rounds.at("bytes").get<int64_t>();
  e.network_seconds = number_of(rounds, "network_seconds");
  return e;
}

RunStatus status_of(const RunLog& log) {
  if (!log.epochs.empty() && log.epochs.back().epoch >= log.planned_epochs) return RunStatus::done;
  return seconds_since_line(log.folder) < kAliveSeconds ? RunStatus::running : RunStatus::stopped;
}

double seconds_since_line(const std::string& folder) {
  std::error_code none;
  const auto written = fs::last_write_time(folder + "/metrics.jsonl", none);
  if (none) return std::numeric_limits<double>::infinity();
  return std::chrono::duration<double>(fs::file_time_type::clock::now() - written).count();
}

bool is_run_folder(const std::string& folder) {
  std::error_code none;
  return fs::is_regular_file(folder + "/config.toml", none) && fs::is_regular_file(folder + "/metrics.jsonl", none);
}

RunLog read_run_log(const std::string& folder) {
  if (!is_run_folder(folder))
    throw BadInput(
        "{}: is not the folder of a run: it lacks config.toml or metrics.jsonl. Give one that skein train "
        "has made",
        folder);
  RunLog log;
  log.folder = folder;
  read_settings(log);
  read_epochs(folder + "/metrics.jsonl", log);
  log.status = status_of(log);
  return log;
}

void read_settings(RunLog& log) {
  const std::string config = log.folder + "/config.toml";
  log.settings = toml_settings(read_text(config), config);
  const auto epochs = log.settings.find("epochs");
  log.planned_epochs = epochs == log.settings.end() ? 0 : std::atoll(epochs->second.c_str());
}

std::vector<std::string> find_runs(const std::string& folder) {
  if (!fs::is_directory(folder))
    throw BadInput("{}: there is no such folder. Give the folder of a run or of several", folder);
  if (is_run_folder(folder)) return {folder};
  std::vector<std::string> found;
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto at = fs::recursive_directory_iterator(folder, options); at != fs::recursive_directory_iterator(); ++at) {
    if (!at->is_directory() || !is_run_folder(at->path().string())) continue;
    found.push_back(at->path().string());
    at.disable_recursion_pending();
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> differing_settings(const std::vector<RunLog>& runs) {
  const auto defaults = toml_settings(to_toml(TrainConfig()), "defaults");
  std::map<std::string, std::string> keys = defaults;
  for (const RunLog& run : runs) keys.insert(run.settings.begin(), run.settings.end());
  std::vector<std::string> differing;
  for (const auto& [key, unused] : keys)
    if (std::any_of(runs.begin(), runs.end(), [&, &k = key](const RunLog& run) {
          return setting(run, defaults, k) != setting(runs.front(), defaults, k);
        }))
      differing.push_back(key);
  return differing;
}

}  // namespace skein
