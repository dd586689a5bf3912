#include "apps/page/run_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "base/files.h"
#include "base/terminal/printable.h"
#include "train/log/metrics_lines.h"
#include "train/run/run_folder.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

// A step line's number by its key, without parsing the line: a log may have millions of them. NaN: not there.
double number_in(std::string_view line, std::string_view key) {
  const size_t at = line.find(key);
  double value = kNotMeasured;
  if (at == std::string_view::npos) return value;
  const std::string_view rest = line.substr(at + key.size());
  return std::from_chars(rest.data(), rest.data() + rest.size(), value).ec == std::errc() ? value : kNotMeasured;
}

std::string text_or_empty(const std::string& path) {
  std::error_code none;
  return fs::is_regular_file(path, none) ? read_text(path) : std::string();
}

}  // namespace

RunReader::RunReader(const std::string& folder) {
  if (!is_run_folder(folder))
    throw BadInput("{}: is not the folder of a run: it lacks config.toml or metrics.jsonl", printable(folder));
  log_.folder = folder;
  read_settings(log_);
  version_ = text_or_empty(folder + "/version.txt");
  version_.erase(version_.find_last_not_of(" \n") + 1);
}

bool RunReader::update() {
  struct stat now {};
  if (stat((log_.folder + "/metrics.jsonl").c_str(), &now) != 0) return false;
  bool changed = false;
  if (now.st_ino != file_ || now.st_size < offset_) {
    read_settings(log_);  // a resumed run may have other epochs
    series_ = {};
    layers_.forget_norms();
    offset_ = log_.unread_lines = 0;
    file_ = now.st_ino;
    changed = true;
  }
  const int64_t before = offset_;
  read_lines();
  log_.epochs = series_.epochs;
  log_.status = status_of(log_);
  const std::string status = stalled() ? "stalled" : to_string(log_.status);
  changed |= read_evaluation();
  changed |= layers_.read_times(log_);
  changed |= offset_ != before || status != status_text_;
  status_text_ = status;
  return changed;
}

void RunReader::read_lines() {
  std::ifstream lines(log_.folder + "/metrics.jsonl", std::ios::binary);
  lines.seekg(offset_);
  cut_ = false;
  for (std::string line; std::getline(lines, line);) {
    if (lines.eof()) {
      cut_ = true;
      return;
    }
    offset_ += int64_t(line.size()) + 1;
    read_line(line);
  }
}

void RunReader::read_line(const std::string& line) {
  try {
    if (line.starts_with("{\"type\":\"step\"") && line.ends_with('}')) return read_step(line);
    const Json json = Json::parse(line);
    const std::string type = json.contains("type") ? json.at("type").get<std::string>() : "";
    if (type == "step") read_step(json.dump());
    if (type == "round") read_round(json);
    if (type == "epoch") read_epoch(json);
    if (type == "run") read_run(json);
  } catch (const JsonError&) {
    ++log_.unread_lines;
  }
}

// The page takes these lists as they are, so they must be texts.
void RunReader::read_run(const Json& line) {
  check_schema(line, log_.folder + "/metrics.jsonl");
  for (const char* list : {"classes", "command"})
    if (line.contains(list)) (void)line.at(list).get<std::vector<std::string>>();
  series_.about = line;
}

void RunReader::read_step(std::string_view line) {
  const double step = number_in(line, "\"step\":");
  if (!std::isfinite(step)) {
    ++log_.unread_lines;
    return;
  }
  series_.last_step = step;
  if (const double loss = number_in(line, "\"loss\":"); std::isfinite(loss))
    series_.loss.add(step, loss);
  else
    ++series_.infinite_losses;
  if (const double lr = number_in(line, "\"lr\":"); std::isfinite(lr)) series_.lr.add(step, lr);
  if (line.find("\"round\":{") == std::string_view::npos) return;
  series_.h_of_steps.add(step, step - series_.last_round_step);
  series_.last_round_step = step;
}

void RunReader::read_round(const Json& line) {
  const double step = line.at("step").get<double>();
  series_.round = line;
  if (const double h = number_of(line, "steps"); std::isfinite(h)) series_.h.add(step, h);
  if (!line.contains("distance")) return;
  double sum = 0, low = INFINITY, high = -INFINITY, count = 0;
  for (const Json& worker : line.at("distance").elements()) {
    if (worker == Json()) continue;  // null: was not finite
    const double distance = worker.get<double>();
    sum += distance;
    low = std::min(low, distance);
    high = std::max(high, distance);
    ++count;
  }
  if (count > 0) series_.distance.add(step, low, high, sum / count);
}

void RunReader::read_epoch(const Json& line) {
  series_.epochs.push_back(parse_epoch(line));
  series_.last_step = std::max(series_.last_step, double(series_.epochs.back().step));
  series_.ema_top1.push_back(number_of(line, "ema_test_top1"));
  series_.compute_seconds.push_back(line.contains("rounds") ? number_of(line.at("rounds"), "compute_seconds")
                                                            : kNotMeasured);
  if (line.contains("step_seconds"))
    for (const auto& [part, seconds] : line.at("step_seconds").items())
      series_.part_seconds[part] += seconds.get<double>();
  if (line.contains("layers")) layers_.add_epoch(series_.epochs.back().epoch, line.at("layers"));
  if (!line.contains("class_top1")) return;
  series_.class_top1.clear();
  for (const Json& top1 : line.at("class_top1").elements())
    series_.class_top1.push_back(top1 == Json() ? kNotMeasured : top1.get<double>());
}

// evaluation.json is replaced as a whole: a file that cannot be read is damaged, not half written.
bool RunReader::read_evaluation() {
  struct stat now {};
  const std::string path = log_.folder + "/evaluation.json";
  const bool there = stat(path.c_str(), &now) == 0 && S_ISREG(now.st_mode);
  const int64_t written = there ? now.st_mtim.tv_sec * 1000000000LL + now.st_mtim.tv_nsec : 0;
  if (written == evaluation_written_) return false;
  evaluation_written_ = written;
  evaluation_ = Json();
  evaluation_note_.clear();
  if (there) try {
      evaluation_ = Json::parse(read_text(path));
    } catch (const std::runtime_error& e) {
      evaluation_note_ = fmt::format("evaluation.json cannot be read and is left out: {}", e.what());
    }
  return true;
}

// A run that was asked to stop has saved its last step; one that ends or hangs in between has not.
bool RunReader::stalled() const {
  if (log_.status != RunStatus::stopped) return false;
  try {
    const Json progress = Json::parse(text_or_empty(last_folder(log_.folder) + "/progress.json"));
    return progress.at("step").get<double>() < series_.last_step;
  } catch (const std::runtime_error&) {
    return true;
  }
}

}  // namespace skein
