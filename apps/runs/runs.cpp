// skein runs: a table of the runs in a folder. skein compare: two runs side by side, their settings and their results.
// Both read the logs alone (train/log/run_log.h), so they may look at a run that is training.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "apps/commands.h"
#include "apps/table.h"
#include "base/check.h"
#include "base/formats/json.h"
#include "train/log/run_log.h"
#include "train/run/progress.h"

namespace skein {
namespace {

enum class RunOrder : uint8_t { path, best, last, time };
constexpr auto names_of(RunOrder) { return std::array{"path", "best", "last", "time"}; }

struct RunsFlags {
  std::string folder = "runs";
  RunOrder sort = RunOrder::path;
  bool json = false;
};

struct CompareFlags {
  std::string a, b;
  bool json = false;
};

double last_top1(const RunLog& run) { return run.epochs.empty() ? kNotMeasured : run.epochs.back().test_top1; }
double best_top1(const RunLog& run) { return run.best() ? run.best()->test_top1 : kNotMeasured; }
double seconds(const RunLog& run) { return run.epochs.empty() ? kNotMeasured : run.epochs.back().seconds; }

// The value of a setting; a file of another version may lack it.
std::string setting(const RunLog& run, const std::string& key) {
  const auto found = run.settings.find(key);
  return found == run.settings.end() ? std::string("(not in this file)") : found->second;
}

void sort_runs(RunOrder order, std::vector<RunLog>& runs) {
  if (order == RunOrder::path) return;
  const auto key = [order](const RunLog& run) {
    const double value = order == RunOrder::best   ? -best_top1(run)
                         : order == RunOrder::last ? -last_top1(run)
                                                   : seconds(run);
    return std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
  };
  std::stable_sort(runs.begin(), runs.end(), [&](const RunLog& a, const RunLog& b) { return key(a) < key(b); });
}

Json to_json(const RunLog& run, const std::vector<std::string>& differing) {
  Json settings = Json::object();
  for (const std::string& key : differing) settings[key] = setting(run, key);
  return {{"run", run.folder},
          {"status", to_string(run.status)},
          {"epochs", int64_t(run.epochs.size())},
          {"planned_epochs", run.planned_epochs},
          {"last_top1", last_top1(run)},
          {"best_top1", best_top1(run)},
          {"best_epoch", run.best() ? run.best()->epoch : 0},
          {"seconds", seconds(run)},
          {"unread_lines", run.unread_lines},
          {"differs", settings}};
}

std::string name_of(const RunLog& run, const std::string& folder) {
  const std::string name = std::filesystem::path(run.folder).lexically_relative(folder).string();
  return name == "." ? run.folder : name;
}

void print_runs(const std::vector<RunLog>& runs, const std::vector<std::string>& differing, const std::string& folder) {
  std::vector<std::vector<std::string>> rows = {
      {"run", "status", "epochs", "last %", "best %", "in epoch", "time", "differs in"}};
  for (const RunLog& run : runs) {
    std::vector<std::string> settings;
    for (const std::string& key : differing) settings.push_back(key + "=" + setting(run, key));
    rows.push_back({name_of(run, folder), to_string(run.status),
                    fmt::format("{}/{}", run.epochs.size(), run.planned_epochs), number_cell(last_top1(run), "{:.2f}"),
                    number_cell(best_top1(run), "{:.2f}"), run.best() ? std::to_string(run.best()->epoch) : "-",
                    duration_cell(seconds(run)), fmt::format("{}", fmt::join(settings, " "))});
  }
  constexpr Align left = Align::left, right = Align::right;
  fmt::print("{}", format_table({left, left, right, right, right, right, right, left}, rows));
}

void list_runs(const RunsFlags& flags) {
  std::vector<RunLog> runs;
  std::vector<std::string> unreadable;
  for (const std::string& folder : find_runs(flags.folder)) try {
      runs.push_back(read_run_log(folder));
    } catch (const BadInput& e) {
      unreadable.push_back(e.what());
    }
  if (runs.empty() && unreadable.empty())
    throw BadInput("{}: holds no run. Give a folder of runs, or train one: skein train --out {}/NAME", flags.folder,
                   flags.folder);
  sort_runs(flags.sort, runs);
  const std::vector<std::string> differing = differing_settings(runs);
  if (flags.json) {
    Json all = Json::array();
    for (const RunLog& run : runs) all.push_back(to_json(run, differing));
    fmt::print("{}\n", Json{{"runs", all}, {"unreadable", unreadable}}.dump(-1, Json::BadUtf8::replace));
    return;
  }
  print_runs(runs, differing, flags.folder);
  for (const RunLog& run : runs)
    if (run.unread_lines > 0)
      fmt::print("note     {}/metrics.jsonl: {} lines cannot be read and are left out\n", run.folder, run.unread_lines);
  for (const std::string& why : unreadable) fmt::print("left out {}\n", why);
}

struct Result {
  const char* name;
  double a, b;
  const char* format;
};

std::vector<Result> results(const RunLog& a, const RunLog& b) {
  const EpochLog none, &x = a.epochs.empty() ? none : a.epochs.back(), &y = b.epochs.empty() ? none : b.epochs.back();
  return {{"epochs", double(a.epochs.size()), double(b.epochs.size()), "{:.0f}"},
          {"steps", double(x.step), double(y.step), "{:.0f}"},
          {"last test top-1 (%)", x.test_top1, y.test_top1, "{:.2f}"},
          {"best test top-1 (%)", best_top1(a), best_top1(b), "{:.2f}"},
          {"last test loss", x.test_loss, y.test_loss, "{:.4f}"},
          {"last train loss", x.train_loss, y.train_loss, "{:.4f}"},
          {"last train top-1 (%)", x.train_top1, y.train_top1, "{:.2f}"},
          {"images/s", x.images_per_second, y.images_per_second, "{:.0f}"},
          {"seconds", x.seconds, y.seconds, "{:.1f}"},
          {"averagings among all", double(x.world_rounds), double(y.world_rounds), "{:.0f}"},
          {"averagings in blocks", double(x.block_rounds), double(y.block_rounds), "{:.0f}"},
          {"MB sent by a worker", double(x.bytes) * 1e-6, double(y.bytes) * 1e-6, "{:.1f}"},
          {"simulated network (s)", x.network_seconds, y.network_seconds, "{:.1f}"}};
}

void compare(const CompareFlags& flags) {
  const std::vector<RunLog> runs = {read_run_log(flags.a), read_run_log(flags.b)};
  const RunLog &a = runs[0], &b = runs[1];
  const std::vector<std::string> differing = differing_settings(runs);
  if (flags.json) {
    fmt::print("{}\n", Json{{"a", to_json(a, differing)}, {"b", to_json(b, differing)}}.dump());
    return;
  }
  std::vector<std::vector<std::string>> settings = {{"setting", "A", "B"}}, rows = {{"result", "A", "B", "B - A"}};
  for (const std::string& key : differing) settings.push_back({key, setting(a, key), setting(b, key)});
  for (const Result& r : results(a, b))
    if (std::isfinite(r.a) || std::isfinite(r.b))
      rows.push_back(
          {r.name, number_cell(r.a, r.format), number_cell(r.b, r.format), number_cell(r.b - r.a, r.format)});
  constexpr Align left = Align::left, right = Align::right;
  fmt::print("A        {}, {}\nB        {}, {}\n\n", a.folder, to_string(a.status), b.folder, to_string(b.status));
  if (differing.empty())
    fmt::print("settings are the same\n\n");
  else
    fmt::print("{}\n", format_table({left, left, left}, settings));
  fmt::print("{}", format_table({left, right, right, right}, rows));
  for (const RunLog& run : runs)
    if (run.unread_lines > 0)
      fmt::print("note     {}/metrics.jsonl: {} lines cannot be read and are left out\n", run.folder, run.unread_lines);
}

}  // namespace

void add_runs_command(Command& skein) {
  auto flags = std::make_shared<RunsFlags>();
  Command& command = skein.add("runs", "A table of the runs in a folder");
  command.option("dir", flags->folder, "a folder of runs, at any depth", {.type = "DIR"});
  command.option("--sort", flags->sort, "best and last accuracy: the highest first; time: the shortest first",
                 {.type = "path|best|last|time"});
  command.flag("--json", flags->json, "one line of JSON");
  command.body = [flags] { list_runs(*flags); };
}

void add_compare_command(Command& skein) {
  auto flags = std::make_shared<CompareFlags>();
  Command& command = skein.add("compare", "Two runs side by side: settings that differ, and results");
  command.option("a", flags->a, "the folder of a run", {.type = "A", .required = true});
  command.option("b", flags->b, "the folder of another", {.type = "B", .required = true});
  command.flag("--json", flags->json, "one line of JSON");
  command.body = [flags] { compare(*flags); };
}

}  // namespace skein
