// skein watch: a run in the terminal, from its log alone: curves as lines of blocks, a row per worker, the time to an
// accuracy. Drawn once a second until the run ends; where stdout is no terminal, printed once.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "apps/commands.h"
#include "apps/page/run_reader.h"
#include "apps/runs/sparkline.h"
#include "apps/table.h"
#include "base/check.h"
#include "base/stopwatch.h"
#include "base/terminal/printable.h"
#include "base/terminal/terminal.h"

namespace skein {
namespace {

struct WatchFlags {
  std::string run;
  double target = 0;  // of the test images; 0: none
  bool once = false;
};

constexpr int64_t kMostWorkers = 16;  // rows

std::vector<double> numbers(const Json& values) {
  std::vector<double> all;
  for (const Json& value : values.elements()) all.push_back(value == Json() ? kNotMeasured : value.get<double>());
  return all;
}

// "train loss  0.4123  ▇▅▃▂▁": the curve takes what is left of the line.
std::string curve(const char* name, const std::vector<double>& values, const std::string& now, int64_t width) {
  const std::string start = fmt::format("{:<12} {:>9}  ", name, now);
  return start + sparkline(values, std::max<int64_t>(0, std::min<int64_t>(100, width - int64_t(start.size())))) + "\n";
}

std::string progress(const RunReader& run) {
  const RunLog& log = run.log();
  const EpochLog last = log.epochs.empty() ? EpochLog() : log.epochs.back();
  std::string line =
      fmt::format("{}, epoch {} of {}, step {}", run.status(), last.epoch, log.planned_epochs, run.last_step());
  if (last.epoch == 0) return line + "\n";
  line += fmt::format(", {}", duration_cell(last.seconds));
  const double left = last.seconds / double(last.epoch) * double(log.planned_epochs - last.epoch);
  if (log.status == RunStatus::running && left > 0) line += fmt::format(", about {} left", duration_cell(left));
  return line + "\n";
}

std::string target_line(const RunLog& log, double target) {
  for (const EpochLog& e : log.epochs)
    if (e.test_top1 >= 100 * target)
      return fmt::format("target       {:g} % reached in epoch {}, after {}{}\n", 100 * target, e.epoch,
                         duration_cell(e.seconds),
                         e.bytes > 0 ? fmt::format(" and {:.1f} MB sent by a worker", double(e.bytes) * 1e-6) : "");
  return fmt::format("target       {:g} % not reached yet; best {} %\n", 100 * target,
                     log.best() ? fmt::format("{:.2f}", log.best()->test_top1) : "-");
}

// A row per worker of the last averaging: time of computing and of waiting since the one before, distance from the
// mean.
std::string workers(const Json& round) {
  struct Column {
    const char *title, *key, *format;
    double scale;
  };
  std::vector<std::string> titles = {"worker"};
  std::vector<std::vector<std::string>> cells;
  for (const Column& c :
       {Column{"compute ms", "compute_seconds", "{:.1f}", 1e3}, Column{"wait ms", "wait_seconds", "{:.1f}", 1e3},
        Column{"distance", "distance", "{:.4g}", 1}, Column{"error norm", "error_norm", "{:.4g}", 1}}) {
    if (!round.contains(c.key)) continue;
    titles.push_back(c.title);
    const std::vector<double> values = numbers(round.at(c.key));
    cells.resize(std::max(cells.size(), values.size()));
    for (size_t i = 0; i < values.size(); ++i) {
      if (cells[i].empty()) cells[i].push_back(std::to_string(i));
      cells[i].push_back(number_cell(values[i] * c.scale, c.format));
    }
  }
  std::vector<std::vector<std::string>> rows = {titles};
  for (std::vector<std::string>& row : cells) {
    row.resize(titles.size(), "-");
    if (int64_t(rows.size()) <= kMostWorkers) rows.push_back(row);
  }
  if (rows.size() == 1) return {};
  std::string table = format_table(std::vector<Align>(titles.size(), Align::right), rows);
  if (const int64_t more = int64_t(cells.size()) - kMostWorkers; more > 0) table += fmt::format("and {} more\n", more);
  return "\n" + table;
}

std::string screen(const RunReader& run, const WatchFlags& flags, int64_t width) {
  const Json facts = run.facts("", 0);
  const RunLog& log = run.log();
  std::string shown = printable(log.folder) + "\n" + progress(run) + "\n";
  const auto series = [&](const char* name, const char* key) {
    return facts.contains(name) ? numbers(facts.at(name).at(key)) : std::vector<double>();
  };
  const auto last = [](const std::vector<double>& values) { return values.empty() ? kNotMeasured : values.back(); };
  const std::vector<double> loss = series("loss", "mean"), rate = series("lr", "y"), h = series("h", "y");
  std::vector<double> top1;
  for (const EpochLog& e : log.epochs) top1.push_back(e.test_top1);
  shown += curve("test top-1", top1, number_cell(last(top1), "{:.2f} %"), width);
  shown += curve("loss", loss, number_cell(last(loss), "{:.4f}"), width);
  if (!rate.empty()) shown += fmt::format("{:<12} {:>9}\n", "rate", number_cell(last(rate), "{:.4g}"));
  if (!h.empty()) shown += fmt::format("{:<12} {:>9}\n", "local steps", number_cell(last(h), "{:g}"));
  if (!log.epochs.empty())
    shown += fmt::format("{:<12} {:>9}\n", "images/s", number_cell(log.epochs.back().images_per_second, "{:.0f}"));
  if (flags.target > 0) shown += target_line(log, flags.target);
  return shown + workers(run.last_round());
}

// Rows of the terminal; what does not fit would scroll, and could not be drawn over.
int64_t terminal_height() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

// Draws over the `drawn` lines that are there. Returns the number of lines.
int64_t redraw(const std::string& shown, int64_t drawn) {
  const int64_t width = terminal_width(STDOUT_FILENO), height = terminal_height() - 1;
  if (drawn > 0) fmt::print("\033[{}A", drawn);
  int64_t lines = 0;
  for (size_t begin = 0; begin < shown.size() && lines < height; ++lines) {
    const size_t end = shown.find('\n', begin);
    fmt::print("{}\033[K\n", cut_to(shown.substr(begin, end - begin), width));
    begin = end + 1;
  }
  fmt::print("\033[J");
  std::fflush(stdout);
  return lines;
}

void watch(const WatchFlags& flags) {
  RunReader run(flags.run);
  run.update();
  if (flags.once || !is_live_terminal(STDOUT_FILENO)) {
    fmt::print("{}", screen(run, flags, is_live_terminal(STDOUT_FILENO) ? terminal_width(STDOUT_FILENO) : 80));
    return;
  }
  for (int64_t drawn = 0;;) {
    drawn = redraw(screen(run, flags, terminal_width(STDOUT_FILENO)), drawn);
    if (run.status() != "running" && run.status() != "stalled") return;
    std::this_thread::sleep_for(std::chrono::seconds(1));
    run.update();
  }
}

}  // namespace

void add_watch_command(Command& skein) {
  auto flags = std::make_shared<WatchFlags>();
  Command& command = skein.add("watch", "A run in the terminal while it trains: curves, workers, time to an accuracy");
  command.option("run", flags->run, "the folder of a run", {.type = "RUN", .required = true});
  command.option("--target", flags->target, "accuracy whose time is to be shown, as in 0.9; 0: none", {"PART", 0, 1});
  command.flag("--once", flags->once, "print once and end");
  command.body = [flags] { watch(*flags); };
}

}  // namespace skein
