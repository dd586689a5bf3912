#include "apps/reproduce/results.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <set>

#include "apps/reproduce/study_table.h"
#include "apps/reproduce/verdict.h"
#include "base/check.h"
#include "base/files.h"
#include "base/stopwatch.h"

namespace skein {
namespace {

constexpr int kSchema = 1;

// All records of the study that were run, each once, the grid's first.
std::vector<const RunRecord*> records_of(const Study& study) {
  std::vector<const RunRecord*> records;
  for (const auto* list : {&study.grid, &study.settings})
    for (const StudySetting& s : *list)
      for (const StudyRun& run : s.runs)
        if (run.record) records.push_back(&*run.record);
  return records;
}

void refuse_loss(const std::vector<const RunRecord*>& records, const std::vector<RunRecord>& kept,
                 const std::string& dir) {
  for (const RunRecord& k : kept) {
    const auto same = [&](const RunRecord* r) {
      return r->setting == k.setting && r->seed == k.seed && r->hash == k.hash;
    };
    if (std::none_of(records.begin(), records.end(), same))
      throw BadInput(
          "{}: has a run {} with seed {} and configuration {}, which the preset does not want: the preset was edited, "
          "its grid has chosen another rate, or --seeds is less. Give another folder, or what made it",
          dir, k.setting, k.seed, k.hash);
  }
}

Json json_of(const Study& study, const std::vector<const RunRecord*>& records) {
  Json runs = Json::array(), verdicts = Json::array(), missing = Json::array();
  for (const RunRecord* r : records) runs.push_back(to_json(*r));
  for (const ClaimVerdict& v : judge(study))
    verdicts.push_back({{"claim", v.text}, {"verdict", to_string(v.finding)}, {"evidence", v.evidence}});
  for (const std::string& line : gaps(study)) missing.push_back(line);
  return {{"schema", kSchema},    {"preset", study.preset.name},
          {"scale", study.scale}, {"data", study.preset.data},
          {"verdicts", verdicts}, {"gaps", missing},
          {"runs", runs}};
}

// One line per run, so that the differences of two versions can be read.
std::string text_of(const Json& json) {
  std::string text = "{\n";
  for (const auto& [key, value] : json.items()) {
    const bool last = key == "runs";
    if (!last) {
      text += fmt::format("\"{}\": {},\n", key, value.dump());
      continue;
    }
    std::vector<std::string> lines;
    for (const Json& run : value.elements()) lines.push_back(run.dump());
    text += fmt::format("\"runs\": [\n{}\n]\n", fmt::join(lines, ",\n"));
  }
  return text + "}\n";
}

// "4 runs on AMD EPYC, 2 threads, by skein 0.1.0 (6d6fff8)"
std::vector<std::string> machines(const std::vector<const RunRecord*>& records) {
  std::map<std::string, int> count;
  for (const RunRecord* r : records)
    ++count[fmt::format("{}, by skein {} ({})", r->machine, r->version, r->commit.empty() ? "no commit" : r->commit)];
  std::vector<std::string> lines;
  for (const auto& [machine, n] : count)
    lines.push_back(fmt::format("{} {} on {}", n, n == 1 ? "run" : "runs", machine));
  return lines;
}

std::string runs_table(const std::vector<const RunRecord*>& records) {
  std::string text = "| run | seed | begun (UTC) | took | last % | configuration |\n|---|---:|---|---:|---:|---|\n";
  for (const RunRecord* r : records)
    text +=
        fmt::format("| {} | {} | {} | {} | {} | {} |\n", r->setting, r->seed, r->started, format_duration(r->seconds),
                    r->failed.empty() ? fmt::format("{:.2f}", r->last_top1()) : "failed", r->hash);
  text += "\n";
  for (const RunRecord* r : records) text += fmt::format("    {}\n", r->command);
  return text;
}

std::string list(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += fmt::format("* {}\n", line);
  return text + "\n";
}

std::string page_of(const Study& study, const std::vector<const RunRecord*>& records) {
  const size_t missing = study.missing().size() + size_t(study.waiting());
  std::string text = fmt::format("# {}\n\n{}\n\n", title_of(study), study.preset.about);
  if (study.scale != 1)
    text += fmt::format("**Shortened**: this is scale {:g} of the preset, {} epochs a run.\n\n", study.scale,
                        study.preset.epochs);
  text +=
      fmt::format("{} of {} runs are done, {}. Made by\n\n    skein reproduce {}{} --collect DIR\n\n", records.size(),
                  records.size() + missing, fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr))),
                  study.preset.name, study.scale == 1 ? "" : fmt::format(" --scale {:g}", study.scale));
  text += settings_table(study, TableStyle::markdown) + "\n" + list(legend(study));
  if (const std::string grid = grid_table(study, TableStyle::markdown); !grid.empty()) text += grid + "\n";
  if (const std::string verdicts = verdict_table(study, TableStyle::markdown); !verdicts.empty())
    text +=
        "## Claims\n\n" + verdicts +
        "\nWelch's t test over the seeds, p corrected for the number of tests (Holm); docs/reproducing.md says how a "
        "verdict is made.\n\n";
  if (const std::vector<std::string> lines = gaps(study); !lines.empty()) text += "## Gaps\n\n" + list(lines);
  return text + "## Runs\n\n" + list(machines(records)) + runs_table(records);
}

}  // namespace

std::vector<RunRecord> read_results(const Preset& preset, double scale, const std::string& dir) {
  const std::string file = dir + "/results.json";
  if (!std::filesystem::exists(dir)) return {};
  const auto ours = [](const std::string& name) { return name == "README.md" || name == "results.json"; };
  if (const std::string other = foreign_entry(dir, ours); !other.empty())
    throw BadInput("--collect {}: has {}, which is no part of results. Give another folder", dir, other);
  if (!std::filesystem::exists(file)) return {};
  try {
    const Json json = Json::parse(read_text(file));
    if (json.at("schema") != kSchema)
      throw BadInput("{}: has schema {}, this version reads {}. Use the version that wrote it", file,
                     json.at("schema").dump(), kSchema);
    const std::string name = json.at("preset").get<std::string>();
    const double other_scale = json.at("scale").get<double>();
    if (name != preset.name || other_scale != scale)
      throw BadInput(
          "--collect {}: has the results of {} at scale {:g}; these are of {} at scale {:g}. Give another folder", dir,
          name, other_scale, preset.name, scale);
    std::vector<RunRecord> records;
    for (const Json& run : json.at("runs").elements()) records.push_back(record_of(run));
    return records;
  } catch (const JsonError& e) {
    throw BadInput("{}: is not what skein reproduce has written ({}). Restore it, or give another folder", file,
                   e.what());
  }
}

void write_results(const Study& study, const std::vector<RunRecord>& kept, const std::string& dir) {
  const std::vector<const RunRecord*> records = records_of(study);
  refuse_loss(records, kept, dir);
  std::filesystem::create_directories(dir);
  write_text(dir + "/results.json", text_of(json_of(study, records)));
  write_text(dir + "/README.md", page_of(study, records));
}

}  // namespace skein
