#include "train/run/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <omp.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "base/stopwatch.h"
#include "base/terminal/printable.h"
#include "base/terminal/standard_files.h"
#include "kernels/device/runtime.h"
#include "local_sgd/sync_momentum.h"
#include "train/machine/bf16_instructions.h"
#include "train/machine/gpus.h"
#include "train/machine/machine.h"
#include "train/machine/threads.h"
#include "train/machine/version.h"
#include "train/run/resume.h"
#include "train/run/run_folder.h"
#include "train/trainer.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

void print_accuracy(const char* what, const BestSoFar& r) {
  if (r.best_epoch > 0)
    report("{:<8} {:.2f} % after the last epoch, {:.2f} % after the best (epoch {})\n", what, r.last, r.best,
           r.best_epoch);
}

// The H at which communication takes at most half, or a tenth, of the time of this model on the simulated network.
void print_clock(const Trainer& trainer) {
  const TrainState& s = trainer.state();
  const CommunicationTotals& r = s.rounds;
  report("clock    {} computing and {} on the simulated network\n", format_duration(r.compute),
         format_duration(r.network));
  if (r.world == 0 || s.step == 0 || r.compute <= 0) return;
  const Traffic& sent = r.sent.world;
  const double step = r.compute / double(s.step);
  const double sync = trainer.network().world.seconds(sent.bytes, sent.rounds) / double(r.world);
  report(
      "break-even  a step takes {:.2f} ms, an averaging among all {:.2f} ms: it costs at most half of the time with "
      "H >= {}, a tenth with H >= {}\n",
      step * 1e3, sync * 1e3, break_even_steps(step, sync, 0.5), break_even_steps(step, sync, 0.1));
}

void print_rate(const TrainConfig& c, int64_t steps_per_epoch) {
  const LearningRateSchedule rate = rate_schedule(c);
  report("train    {} of {}, batch {}{}, highest learning rate {:.4g}{}\n", counted(c.epochs, "epoch"),
         counted(steps_per_epoch, "step"), c.batch, c.accumulate > 1 ? fmt::format(" x {} passes", c.accumulate) : "",
         rate.peak(), c.lr_schedule == RateShape::drops ? "" : fmt::format(", {}", to_string(c.lr_schedule)));
  const double warm_up = rate.warm_up();
  if (warm_up > 0 && warm_up < c.warmup_epochs)
    report("note     the warm-up takes {:g} epochs, not {:g}: the rate {}. --warmup-epochs says how many\n", warm_up,
           c.warmup_epochs,
           std::isinf(rate.first_drop()) ? fmt::format("has only {}", counted(c.epochs, "epoch"))
                                         : fmt::format("drops first after {:g}", rate.first_drop()));
}

void print_freeze(const TrainConfig& c, const ParameterStore& p) {
  if (c.freeze == Freeze::none) return;
  report("freeze   {}: {} parameters are trained, {} keep {}\n", to_string(c.freeze), p.count(), p.frozen_count(),
         !c.init.empty() ? "the values of --init" : "their first values, as there is no --init");
}

std::string describe_outer_step(const TrainConfig& c) {
  if (!has_outer_step(c)) return {};
  return fmt::format("; outer step ({}) with rate {:g} and momentum {:g}{}{}", to_string(c.outer_form), c.outer_rate,
                     c.outer_momentum, c.outer_momentum != 0 && c.outer_nesterov ? " (Nesterov)" : "",
                     c.outer_from == OuterFrom::switch_point ? ", from the switch on" : "");
}

std::string describe_momentum(const TrainConfig& c) {
  const SyncMomentum momentum = parse_sync_momentum(c.sync_momentum);
  return momentum.form == SyncMomentum::keep ? "" : fmt::format("; momentum {}", describe(momentum));
}

// A schedule is in fractions of the epochs: with another number of them, the rate and its drops are others from now on.
void print_extension(const Trainer& trainer, const Checkpoint& checkpoint) {
  const TrainConfig &now = trainer.config(), &before = checkpoint.info.config;
  if (now.epochs == before.epochs) return;
  const int64_t step = trainer.state().step, each = trainer.steps_per_epoch();
  const LearningRateSchedule rate = rate_schedule(now);
  const std::string shape =
      rate.drops.empty() ? fmt::format("its shape ({}) is over {} epochs", to_string(now.lr_schedule), now.epochs)
                         : fmt::format("it drops at epochs {:.4g}", fmt::join(rate.drops, ", "));
  report("epochs   {} instead of {}: the rate of the next step is {:.4g} instead of {:.4g}; {}\n", now.epochs,
         before.epochs, rate.at(step, each), rate_schedule(before).at(step, each), shape);
}

// Says which workers sit on which GPU, where there are several.
void print_places(WorkerPool& workers, const std::vector<std::string>& places) {
  if (workers.gpus().size() + places.size() <= 2) return;
  for (const std::string& place : places)
    if (!place.empty()) report("gpus     {}\n", place);
  std::set<std::string> names;
  for (const int gpu : workers.gpus()) names.insert(cuda::devices().at(size_t(gpu)).name);
  if (names.size() > 1)
    report("note     the GPUs are of several models: the last bits depend on which worker sits on which\n");
}

// Says what bf16 is worth on a processor that cannot multiply it.
void print_bf16(const TrainConfig& c) {
  if (c.dtype != ComputeType::bf16 || device_of(c.device) == Device::cuda) return;
  const Bf16Instructions found = bf16_instructions(processor());
  if (found.names == "none" || !found.refused.empty())
    report(
        "note     bf16 instructions of this processor: {}; without them bf16 saves memory, and f32 is about as fast\n",
        to_text(found));
}

}  // namespace

std::string placement(WorkerPool& workers) {
  const std::vector<int>& gpus = workers.gpus();
  const int64_t first = workers.worker(0).rank();
  std::vector<std::string> parts;
  for (size_t g = 0; g < gpus.size(); ++g) {
    const int64_t each = workers.size() / std::ssize(gpus), from = first + int64_t(g) * each, to = from + each - 1;
    parts.push_back(from == to ? fmt::format("GPU {}: worker {}", gpus[g], from)
                               : fmt::format("GPU {}: workers {} to {}", gpus[g], from, to));
  }
  return parts.empty() ? "" : fmt::format("{}, {}", host_name(), fmt::join(parts, "; "));
}

void print_header(const ModelInfo& info, const Splits& data, Trainer& trainer, const std::vector<std::string>& places,
                  bool is_encrypted, const std::string& run) {
  const int64_t processes = std::ssize(places);
  const TrainConfig& c = info.config;
  report("skein    {}\n", version());
  const ParameterStore& p = trainer.worker(0).parameters();
  report("model    {}, {} parameters, shortcut {}\n", c.model, p.count() + p.frozen_count(), to_string(c.shortcut));
  print_freeze(c, p);
  report("data     {}: {} training and {} test images of {} x {} x {}, {} classes\n", c.data, data.train.size(),
         data.test.size(), info.height, info.width, info.channels, info.classes.size());
  for (const std::string& line : data.notes) report("{}\n", line);
  if (device_of(c.device) == Device::cuda)
    report("device   cuda ({}), {}\n", names_of(trainer.workers().gpus()), to_string(c.dtype));
  else
    report("device   cpu ({}), {}, {}\n", processor().name, counted(omp_get_max_threads(), "thread"),
           to_string(c.dtype));
  print_places(trainer.workers(), places);
  print_bf16(c);
  print_rate(c, trainer.steps_per_epoch());
  const std::string where =
      processes == trainer.size() ? fmt::format("in {} processes", processes)
      : processes > 1 ? fmt::format("in {} processes, {} at a time in each", processes, trainer.workers().lanes())
                      : fmt::format("{} at a time", trainer.workers().lanes());
  if (averages(c))
    report("workers  {}, {} with {} each; {}; compression {}{}{}\n", trainer.size(), where,
           counted(threads_per_worker(c, processes), "thread"), describe(sync_schedule(c)), c.compress,
           describe_outer_step(c), describe_momentum(c));
  else if (c.sync != "minibatch" || c.average != Averaging::models || c.sync_momentum != "keep")
    report("workers  1, which has none to average with: --sync {}{}{} changes nothing, this is plain SGD\n", c.sync,
           c.average == Averaging::gradients ? " --average gradients" : "",
           c.sync_momentum != "keep" ? " --sync-momentum " + c.sync_momentum : "");
  if (is_encrypted) report("tls      connections between the processes are encrypted\n");
  const int64_t images = data.train.size() / c.workers;
  if (c.batch > images)
    report("note     --batch {} is more than the {} training images of a worker: every step takes these{}\n", c.batch,
           images, c.base_batch > 0 ? ", but the rate is scaled for the batch" : "");
  report("run      {}\n", run);
}

void print_resume(const Trainer& trainer, const Checkpoint& checkpoint, bool from_consensus) {
  const TrainState& s = trainer.state();
  const fs::path used = fs::path(checkpoint.folder).lexically_normal(), last = used.parent_path() / "last";
  if (used.filename() != "last")
    report("note     {}: {}; the run goes on from {}, of step {}\n", last.string(),
           fs::exists(last) ? damage(last.string()).front() : "is not there", used.string(), checkpoint.state.step);
  if (from_consensus)
    report("restart  {} from the average of {}, in epoch {}; dropped: {}\n", counted(trainer.size(), "worker"),
           checkpoint.info.config.workers, s.epoch + 1, dropped(checkpoint));
  else
    report("resume   from step {} (epoch {}, step {} of {})\n", s.step, s.epoch + 1, s.step_in_epoch,
           trainer.steps_per_epoch());
  print_extension(trainer, checkpoint);
}

void print_init(const TrainConfig& config, const std::vector<std::string>& notes) {
  if (config.init.empty()) return;
  report("init     {} (digest {})\n", config.init, config.init_digest);
  for (const std::string& note : notes) report("init     {}\n", note);
}

void print_end(const Trainer& trainer, const std::string& run, bool done) {
  const TrainState& s = trainer.state();
  if (!done) {
    report("stopped  after step {} (epoch {}, step {} of {}); saved in {}\n", s.step, s.epoch + 1, s.step_in_epoch,
           trainer.steps_per_epoch(), last_folder(run));
    report_command("go on", {"skein", "train", "--resume", run});
    return;
  }
  report("done     test top-1: last {:.2f} %, best {:.2f} % (epoch {}), in {}\n", s.averaged.last, s.averaged.best,
         s.averaged.best_epoch, format_duration(s.seconds));
  if (averages(trainer.config())) {
    print_accuracy("averaged", s.averaged);
    print_accuracy("local", s.local);
    const CommunicationTotals& r = s.rounds;
    report("rounds   {} among all, {} within blocks; one worker has sent {:.1f} MB\n", r.world, r.block,
           double(r.bytes) * 1e-6);
  }
  print_accuracy("ema", s.ema);
  if (!trainer.config().net.empty()) print_clock(trainer);
  const bool has_best = std::filesystem::is_directory(best_folder(run));
  report("saved    {}{}{}\n", last_folder(run), has_best ? " and " : "", has_best ? best_folder(run) : "");
  report_command("evaluate", {"skein", "eval", "--checkpoint", has_best ? best_folder(run) : last_folder(run)});
  if (s.ema.best_epoch > 0) report_command("", {"skein", "eval", "--checkpoint", ema_folder(last_folder(run))});
}

}  // namespace skein
