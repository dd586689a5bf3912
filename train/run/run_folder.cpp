#include "train/run/run_folder.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "base/standard_files.h"
#include "train/version.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr const char kSummaryHeader[] =
    "epoch,step,lr,train_loss,train_top1,test_loss,test_top1,test_top5,img_per_s,seconds";

std::string default_path(const TrainConfig& config) {
  fs::path data = fs::path(config.data).lexically_normal();
  if (!data.has_filename()) data = data.parent_path();  // "DIR/"
  const std::string path = fmt::format("runs/{:%Y-%m-%d-%H%M%S}-{}-{}", fmt::localtime(std::time(nullptr)),
                                       config.model, data.stem().string());
  return path;
}

// Makes a new folder of this name, or of the name with a number. mkdir() makes it for one process only.
std::string make_new_folder(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  if (!parent.empty()) fs::create_directories(parent);
  std::string unused = path;
  for (int i = 2; !fs::create_directory(unused); ++i) unused = fmt::format("{}-{}", path, i);
  return unused;
}

// The names of a run's own files, and of the temporary files of write_text().
bool is_of_a_run(const std::string& name) {
  for (const char* own : {"config.toml", "version.txt", "summary.csv", "metrics.jsonl", "checkpoints"})
    if (name == own || name == std::string(own) + ".partial") return true;
  return false;
}

void keep_attempt(const std::string& run) {
  int number = 1;
  while (!fs::create_directory(fmt::format("{}/attempt-{}", run, number))) ++number;
  const std::string attempt = fmt::format("{}/attempt-{}", run, number);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(run))
    if (is_of_a_run(entry.path().filename().string())) files.push_back(entry.path());
  for (const fs::path& file : files) fs::rename(file, attempt / file.filename());
  report("note     {}: the run in it ended before its first checkpoint and starts anew; its files are in {}\n", run,
         attempt);
}

[[noreturn]] void refuse_folder(const std::string& path) {
  throw BadInput("--out {}: exists and is not empty. Give another folder, or go on with it: skein train --resume {}",
                 path, path);
}

// Keeps the lines of a log for which keep(line) holds.
template <class Keep>
void cut_back(const std::string& path, Keep keep) {
  std::istringstream lines(read_text(path));
  std::string line, kept;
  while (std::getline(lines, line))
    if (keep(line)) kept += line + "\n";
  write_text(path, kept);
}

// False also for a line that was cut short when the program died.
bool is_before(const std::string& line, const TrainState& state) {
  try {
    const Json j = Json::parse(line);
    return j.at("type") == "epoch" ? j.at("epoch").get<int64_t>() <= state.epoch
                                   : j.at("step").get<int64_t>() <= state.step;
  } catch (const JsonError&) {
    return false;
  }
}

}  // namespace

std::string last_folder(const std::string& run) { return run + "/checkpoints/last"; }
std::string best_folder(const std::string& run) { return run + "/checkpoints/best"; }

RunFolder::RunFolder(const std::string& path)
    : path_(path), metrics_(path + "/metrics.jsonl"), summary_(path + "/summary.csv") {}

RunProgress progress_of(const std::string& run) {
  if (!fs::exists(run)) return RunProgress::none;
  if (!fs::is_directory(run)) refuse_folder(run);
  recover_folder(last_folder(run));
  if (fs::is_directory(last_folder(run))) return RunProgress::saved;
  std::string other;
  bool own = false;
  for (const auto& entry : fs::directory_iterator(run))
    if (const std::string name = entry.path().filename().string(); is_of_a_run(name))
      own = true;
    else
      other = name;
  if (!own && !other.empty()) throw BadInput("--out {}: holds '{}' and is no run's folder. Give another", run, other);
  return own ? RunProgress::begun : RunProgress::none;
}

std::unique_ptr<RunFolder> RunFolder::create(const std::string& out, const TrainConfig& config, bool start_anew) {
  std::string path = out.empty() ? default_path(config) : out;
  try {
    if (out.empty()) {
      path = make_new_folder(path);
    } else {
      if (start_anew && progress_of(path) == RunProgress::begun) keep_attempt(path);
      if (!start_anew && fs::exists(path) && !(fs::is_directory(path) && fs::is_empty(path))) refuse_folder(path);
      fs::create_directories(path);
    }
    if (!fs::create_directory(path + "/checkpoints")) refuse_folder(path);  // another process was faster
    write_text(path + "/config.toml", to_toml(config));
    write_text(path + "/version.txt", fmt::format("{}\n", version()));
    write_text(path + "/summary.csv", fmt::format("{}\n", kSummaryHeader));
    return std::unique_ptr<RunFolder>(new RunFolder(path));
  } catch (const fs::filesystem_error& e) {
    throw BadInput("run folder {}: cannot be made: {}. Give a place that can be written with --out DIR", path,
                   e.code().message());
  } catch (const RunFailed& e) {
    throw BadInput("run folder {}: cannot be written: {}, with --out DIR", path, e.what());
  }
}

std::unique_ptr<RunFolder> RunFolder::reopen(const std::string& path, const TrainState& state,
                                             const TrainConfig& config) {
  write_text(path + "/config.toml", to_toml(config));
  cut_back(path + "/metrics.jsonl", [&](const std::string& line) { return is_before(line, state); });
  cut_back(path + "/summary.csv", [&](const std::string& line) {
    return line == kSummaryHeader || (!line.empty() && std::atoll(line.c_str()) <= state.epoch);
  });
  return std::unique_ptr<RunFolder>(new RunFolder(path));
}

void RunFolder::write(const StepMetrics& m) {
  Json line = {{"type", "step"}, {"step", m.step},       {"epoch", m.epoch},  {"loss", m.loss},
               {"lr", m.lr},     {"wait_ms", m.wait_ms}, {"images", m.images}};
  if (m.sync != SyncScope::none)
    line["round"] = {{"reach", m.sync == SyncScope::world ? "world" : "block"}, {"bytes", m.sent.bytes}};
  metrics_.append(line.dump());
  if (std::chrono::steady_clock::now() - flushed_ > std::chrono::seconds(1)) flush();
}

void RunFolder::write(const EpochMetrics& m) {
  Json line = {{"type", "epoch"},
               {"epoch", m.epoch},
               {"step", m.step},
               {"lr", m.lr},
               {"train_loss", m.train_loss},
               {"train_top1", m.train_top1},
               {"test_loss", m.test.loss},
               {"test_top1", m.test.top1},
               {"test_top5", m.test.top5},
               {"img_per_s", m.images_per_second},
               {"seconds", m.seconds}};
  if (m.local) {
    line["local_test_loss"] = m.local->loss;
    line["local_test_top1"] = m.local->top1;
    line["local_test_top5"] = m.local->top5;
  }
  if (m.ema) {
    line["ema_test_loss"] = m.ema->loss;
    line["ema_test_top1"] = m.ema->top1;
    line["ema_test_top5"] = m.ema->top5;
  }
  if (const CommunicationTotals& r = m.rounds; r.world + r.block > 0)
    line["rounds"] = {{"world", r.world},
                      {"block", r.block},
                      {"bytes", r.bytes},
                      {"compute_seconds", r.compute},
                      {"network_seconds", r.network}};
  metrics_.append(line.dump());
  summary_.append(fmt::format("{},{},{:.6g},{:.6f},{:.2f},{:.6f},{:.2f},{:.2f},{:.1f},{:.2f}", m.epoch, m.step, m.lr,
                              m.train_loss, m.train_top1, m.test.loss, m.test.top1, m.test.top5, m.images_per_second,
                              m.seconds));
  flush();
}

void RunFolder::flush() {
  metrics_.flush();
  summary_.flush();
  flushed_ = std::chrono::steady_clock::now();
}

}  // namespace skein
