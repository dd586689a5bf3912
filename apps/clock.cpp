// skein clock: the time of communication on a simulated network (local_sgd/network_model.h). Of a finished run: it has
// counted the bytes and rounds that its workers sent, so any network can be charged afterwards without another run. Of
// a network that nothing has trained yet: a table of H against the share of the time that averaging takes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/bench/bench.h"
#include "apps/commands.h"
#include "base/check.h"
#include "base/formats/json.h"
#include "base/terminal/printable.h"
#include "local_sgd/averaging_traffic.h"
#include "local_sgd/network_model.h"
#include "models/model.h"
#include "models/model_traits.h"
#include "train/run/checkpoint.h"
#include "train/run/resume.h"

namespace skein {
namespace {

struct ClockFlags {
  std::string run;
  std::vector<std::string> net, compress;
  StepBench step{.steps = 3, .warmup = 1};  // of the model; its median is the time of a step
  int64_t workers = 16;
  double step_ms = 0;
  bool json = false;
  std::string network() const { return fmt::format("{}", fmt::join(net, ";")); }
};

void clock_of_run(const ClockFlags& flags) {
  const NetworkModel network = parse_network(flags.network());
  const TrainState state = open_checkpoint(last_checkpoint(flags.run)).state;
  const CommunicationTotals& r = state.rounds;
  if (r.world + r.block == 0)
    throw BadInput("{}: this run has averaged nothing yet. Give one with several workers", flags.run);
  const double seconds = network.seconds(r.sent, r.delayed, r.overlap);
  if (flags.json) {
    const Json line = {{"run", flags.run},
                       {"net", flags.network()},
                       {"steps", state.step},
                       {"rounds", {{"world", r.world}, {"block", r.block}}},
                       {"compute_seconds", r.compute},
                       {"network_seconds", seconds},
                       {"seconds", r.compute + seconds}};
    fmt::print("{}\n", line.dump());
    return;
  }
  fmt::print("{}, {} among all and {} within blocks\n", counted(state.step, "step"), counted(r.world, "averaging"),
             r.block);
  fmt::print("computing  {:.3f} s, the slowest worker of each step\n", r.compute);
  fmt::print("network    {:.3f} s\n", seconds);
  fmt::print("together   {:.3f} s\n", r.compute + seconds);
}

constexpr int64_t kLocalSteps[] = {1, 2, 4, 8, 16, 32, 64, 128};

// An averaging among all workers by one compression.
struct ClockRow {
  std::string compression;
  Traffic sent;
  double seconds;
  double share(int64_t h, double step) const { return seconds / (seconds + double(h) * step); }
};

std::vector<ClockRow> rows_of(const ClockFlags& flags, ParameterStore& parameters) {
  const Link world = parse_network(flags.network()).world;
  std::vector<ClockRow> rows;
  std::vector<std::string> names = compression_names();
  names.insert(names.end(), flags.compress.begin(), flags.compress.end());
  for (const std::string& name : names) {
    const Traffic sent = averaging_traffic(parse_compression(name), parameters, flags.workers);
    rows.push_back({name, sent, world.seconds(sent.bytes, sent.rounds)});
  }
  return rows;
}

void print_table(const ClockFlags& flags, const ParameterStore& parameters, const std::vector<ClockRow>& rows,
                 double step) {
  fmt::print("model    {}, {} parameters in {} tensors, {} classes\n", flags.step.model, parameters.count(),
             parameters.specs().size(), flags.step.classes);
  if (flags.step_ms > 0)
    fmt::print("step     {:g} ms, as given\n", flags.step_ms);
  else
    fmt::print("step     {:.1f} ms, measured here: batch {} of {} x {} x {} images, the median of {} steps\n",
               step * 1e3, flags.step.batch, flags.step.size, flags.step.size, flags.step.channels, flags.step.steps);
  fmt::print("workers  {}, all over {}; an averaging does not overlap with a step\n\n", flags.workers, flags.network());
  fmt::print("{:<22}{:>10}{:>12}   share of the time that averaging every H steps takes\n", "", "MB sent", "averaging");
  fmt::print("{:<22}{:>10}{:>12}", "--compress", "each time", "ms");
  for (const int64_t h : kLocalSteps) fmt::print("{:>8}", fmt::format("H={}", h));
  fmt::print("{:>12}\n", "10 % from");
  for (const ClockRow& r : rows) {
    fmt::print("{:<22}{:>10.2f}{:>12.2f}", r.compression, double(r.sent.bytes) * 1e-6, r.seconds * 1e3);
    for (const int64_t h : kLocalSteps) fmt::print("{:>6.1f} %", 100 * r.share(h, step));
    fmt::print("{:>12}\n", fmt::format("H={}", break_even_steps(step, r.seconds, 0.1)));
  }
}

Json to_json(const ClockFlags& flags, const ParameterStore& parameters, const std::vector<ClockRow>& rows,
             double step) {
  Json table = Json::array();
  for (const ClockRow& r : rows) {
    Json shares = Json::array();
    for (const int64_t h : kLocalSteps) shares.push_back({{"H", h}, {"share", r.share(h, step)}});
    table.push_back({{"compress", r.compression},
                     {"bytes", r.sent.bytes},
                     {"rounds", r.sent.rounds},
                     {"averaging_seconds", r.seconds},
                     {"shares", shares},
                     {"H_of_a_tenth", break_even_steps(step, r.seconds, 0.1)},
                     {"H_of_a_half", break_even_steps(step, r.seconds, 0.5)}});
  }
  return {{"model", flags.step.model},        {"classes", flags.step.classes},
          {"parameters", parameters.count()}, {"workers", flags.workers},
          {"net", flags.network()},           {"step_seconds", step},
          {"measured", flags.step_ms == 0},   {"table", table}};
}

void clock_of_model(ClockFlags flags) {
  flags.step = with_usual_images(flags.step);
  ParameterStore parameters;
  const auto model = make_model(flags.step.model, {flags.step.classes, flags.step.channels}, parameters);
  parameters.plan();
  const std::vector<ClockRow> rows = rows_of(flags, parameters);
  const double step = flags.step_ms > 0 ? flags.step_ms * 1e-3 : timing_of(measure_step(flags.step).seconds).median;
  if (flags.json)
    fmt::print("{}\n", to_json(flags, parameters, rows, step).dump());
  else
    print_table(flags, parameters, rows, step);
}

void clock(const Command& command, const ClockFlags& flags) {
  const bool of_model = command.is_given("model");
  if (of_model != flags.run.empty())
    throw BadInput("skein clock: give either a run folder, or --model for a table of H without a run");
  for (const char* option : {"workers", "compress", "step-ms", "batch", "classes", "channels", "size", "threads"})
    if (!of_model && command.is_given(option))
      throw BadInput("--{}: is for the table of --model; a run has its own. Leave it out", option);
  if (of_model && flags.step_ms > 0)
    for (const char* option : {"batch", "size", "threads"})
      if (command.is_given(option))
        throw BadInput("--{}: is for a step that is measured; leave it or --step-ms out", option);
  of_model ? clock_of_model(flags) : clock_of_run(flags);
}

}  // namespace

void add_clock_command(Command& skein) {
  auto flags = std::make_shared<ClockFlags>();
  Command& command = skein.add("clock", "Time of averaging on a simulated network: of a run, or for a choice of H");
  command.option("run", flags->run, "a run folder: what it would have taken", {"RUN"});
  command.option("--net", flags->net, "1Gbit,200us or, given twice, block=100Gbit,5us and world=1Gbit,1ms",
                 {.type = "SPEC", .required = true});
  command.option("--model", flags->step.model, "without a run: a table of H for this network", {"NAME"});
  command.option("--workers", flags->workers, "of the table", {"K", 2, 4096});
  command.option("--compress", flags->compress, "a further row of the table, as of skein train; may be given again",
                 {"HOW"});
  command.option("--step-ms", flags->step_ms, "milliseconds of a step of one worker; 0: measured on this CPU",
                 {"X", 0, 1e9});
  command.option("--batch", flags->step.batch, "images of the step that is measured", {"N", 1, 65536});
  command.option("--size", flags->step.size, "their height and width; 0: 224 for ImageNet's networks, else 32",
                 {"N", 0, 1024});
  command.option("--channels", flags->step.channels, "of the images", {.type = "N", .choices = {"1", "3"}});
  command.option("--classes", flags->step.classes, "0: 1000 for ImageNet's networks, else 10", {"N", 0, 1000000});
  command.option("--threads", flags->step.threads, "of the step that is measured; 0: all", {"N", 0, 4096});
  command.flag("--json", flags->json, "one line of JSON");
  command.body = [flags, &command] { clock(command, *flags); };
}

}  // namespace skein
