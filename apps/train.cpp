#include "apps/train.h"

#include <fmt/format.h>
#include <omp.h>

#include <filesystem>
#include <optional>

#include "apps/commands.h"
#include "apps/files.h"
#include "apps/interrupt.h"
#include "apps/machine.h"
#include "apps/progress.h"
#include "apps/run_folder.h"
#include "apps/version.h"
#include "comm/launcher.h"
#include "kernels/check.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

std::string last_checkpoint(const std::string& run) {
  const std::string last = run + "/checkpoints/last";
  if (!fs::is_directory(run))
    throw BadInput("--resume {}: there is no such run folder. Give one that skein train has made", run);
  recover_folder(last);
  if (!fs::is_directory(last))
    throw BadInput("--resume {}: the run has no checkpoint yet. Start again with --config {}/config.toml", run, run);
  return last;
}

void check_same_data(const ModelCard& now, const Checkpoint& checkpoint) {
  const ModelCard& then = checkpoint.card;
  if (now.classes == then.classes && now.height == then.height && now.width == then.width &&
      now.channels == then.channels && now.mean == then.mean && now.std == then.std)
    return;
  throw BadInput(
      "dataset '{}': {} classes of {} x {} x {} images are not what {} was trained on ({} classes, {} x {} x {}, or "
      "other names, mean or deviation). Resume with the data that the run began with",
      now.config.data, now.classes.size(), now.height, now.width, now.channels, checkpoint.folder, then.classes.size(),
      then.height, then.width, then.channels);
}

void set_up_machine(const TrainCall& call, const Checkpoint* checkpoint) {
  use_threads(checkpoint && !call.new_threads ? checkpoint->threads : call.config.threads);
  use_conv(call.config.conv);
  if (!checkpoint) return;
  if (!call.new_conv) use_conv_plans(checkpoint->conv_plans);
  if (call.new_conv || omp_get_max_threads() != checkpoint->threads)
    fmt::print("note     other threads or convolution kernels than before: the last bits will differ\n");
}

void print_header(const ModelCard& card, const Splits& data, Trainer& trainer, const std::string& run) {
  const TrainConfig& c = card.config;
  fmt::print("skein    {}\n", version());
  fmt::print("model    {}, {} parameters, shortcut {}\n", c.model, trainer.worker(0).parameters.count(), c.shortcut);
  fmt::print("data     {}: {} training and {} test images of {} x {} x {}, {} classes\n", c.data, data.train.size(),
             data.test.size(), card.height, card.width, card.channels, card.classes.size());
  fmt::print("device   cpu ({}), {} threads, {}\n", processor().name, omp_get_max_threads(), c.dtype);
  fmt::print("train    {} epochs of {} steps, batch {}, highest learning rate {:.4g}\n", c.epochs,
             trainer.steps_per_epoch(), c.batch, rate_schedule(c).peak());
  if (trainer.size() > 1)
    fmt::print("workers  {}, {} at a time with {} threads each; {}; compression {}\n", trainer.size(),
               parallel_workers(c), threads_per_worker(c), trainer.policy().describe(), c.compress);
  fmt::print("run      {}\n", run);
  if (const TrainState& s = trainer.state(); s.step > 0)
    fmt::print("resume   from step {} (epoch {}, step {} of {})\n", s.step, s.epoch + 1, s.step_in_epoch,
               trainer.steps_per_epoch());
  std::fflush(stdout);
}

void print_end(const Trainer& trainer, const RunFolder& run, bool done) {
  const TrainState& s = trainer.state();
  if (!done) {
    fmt::print("stopped  after step {} (epoch {}, step {} of {}); saved in {}\n", s.step, s.epoch + 1, s.step_in_epoch,
               trainer.steps_per_epoch(), run.last());
    fmt::print("go on    skein train --resume {}\n", run.path());
  } else {
    fmt::print("done     test top-1: last {:.2f} %, best {:.2f} % (epoch {}), in {}\n", s.last_top1, s.best_top1,
               s.best_epoch, format_duration(s.seconds));
    if (const Rounds& r = s.rounds; trainer.size() > 1)
      fmt::print("rounds   {} among all, {} within blocks; one worker has sent {:.1f} MB\n", r.world, r.block,
                 double(r.bytes) * 1e-6);
    if (const Rounds& r = s.rounds; !trainer.config().net.empty())
      fmt::print("clock    {} computing and {} on the simulated network\n", format_duration(r.compute),
                 format_duration(r.network));
    fmt::print("saved    {} and {}\n", run.last(), run.best());
    fmt::print("evaluate skein eval --checkpoint {}\n", run.best());
  }
  std::fflush(stdout);
}

void load_workers(const Checkpoint& checkpoint, Trainer& trainer) {
  if (trainer.size() == 1) {
    load_model(checkpoint, trainer.worker(0).parameters);
    load_momentum(checkpoint, trainer.worker(0).parameters);
    return;
  }
  for (int64_t rank = 0; rank < trainer.size(); ++rank) load_worker(checkpoint, rank, trainer.worker(rank).state());
}

// Trains with a folder and a terminal listening. What an epoch leaves is written in an order that a crash between any
// two files cannot hurt: the logs may run ahead of checkpoints/last (resuming cuts them), and so may checkpoints/best.
bool run_with_folder(Trainer& trainer, const ModelCard& card, RunFolder& run, const std::function<bool()>& stop) {
  ProgressDisplay progress(card.config.epochs, trainer.steps_per_epoch());
  int64_t saved_step = trainer.state().step;
  const auto save = [&](const std::string& folder) {
    write_checkpoint(folder, card, trainer.model_parameters(), trainer.worker_states(), trainer.state());
  };
  const auto on_step = [&](const StepMetrics& m) {
    run.write(m);
    progress.show(m);
  };
  const auto on_epoch = [&](const EpochMetrics& m) {
    progress.show(m);
    run.write(m);
    if (m.best) save(run.best());
    save(run.last());
    saved_step = m.step;
  };
  try {
    const bool done = trainer.run({on_step, on_epoch, stop});
    run.flush();
    if (!done) save(run.last());
    return done;
  } catch (const RunFailed& e) {
    if (saved_step == 0) throw RunFailed("{}. There is no checkpoint yet; run folder {}", e.what(), run.path());
    throw RunFailed("{}. The checkpoint of step {} is kept in {}; go on from it with skein train --resume {}", e.what(),
                    saved_step, run.last(), run.path());
  }
}

struct TrainFlags {
  TrainCall call;
  std::string config_file;
};

TrainCall complete(const CLI::App& app, const TrainFlags& flags) {
  TrainCall call = flags.call;
  const bool resuming = !call.resume.empty();
  if (resuming && !flags.config_file.empty())
    throw BadInput("--config: a resumed run keeps its own configuration; leave --config or --resume out");
  if (resuming && !call.out.empty())
    throw BadInput("--out: a resumed run goes on in its own folder; leave --out or --resume out");
  call.config = {};
  if (resuming) call.config = open_checkpoint(last_checkpoint(call.resume)).card.config;
  if (!flags.config_file.empty()) read_config(flags.config_file, call.config);
  apply_flags(app, flags.call.config, resuming, call.config);
  call.new_threads = app.count("--threads") > 0;
  call.new_conv = app.count("--conv") > 0;
  return call;
}

void train_command(const CLI::App& app, const TrainFlags& flags) {
  const TrainCall call = complete(app, flags);
  const bool done = train(call, [] { return false; });
  constexpr int kKilledBySignal = 128;  // as a shell reports it
  if (!done && Interrupt::signal()) throw CLI::RuntimeError(kKilledBySignal + Interrupt::signal());
}

}  // namespace

void check_supported(const TrainConfig& config) {
  if (const Place place = find_place(); place.size > 1)
    throw BadInput(
        "{} processes were started together; this version of skein trains its workers in one. Start it once, with "
        "--workers {}",
        place.size, place.size);
  check_device(config.device, config.dtype);
}

DatasetOptions dataset_options(const TrainConfig& c) {
  return {c.data_dir,
          uint64_t(c.seed),
          c.resize,
          {c.synthetic_train, c.synthetic_test, c.synthetic_size, c.synthetic_channels, c.synthetic_classes}};
}

bool train(const TrainCall& call, const std::function<bool()>& stop) {
  check_supported(call.config);
  std::optional<Checkpoint> checkpoint;
  if (!call.resume.empty()) checkpoint = open_checkpoint(last_checkpoint(call.resume));
  set_up_machine(call, checkpoint ? &*checkpoint : nullptr);

  const Splits data = open_dataset(call.config.data, dataset_options(call.config));
  const ModelCard card = make_card(call.config, data.train);
  if (checkpoint) check_same_data(card, *checkpoint);
  Trainer trainer(card, data, checkpoint ? checkpoint->state : TrainState{});
  if (checkpoint) {
    load_workers(*checkpoint, trainer);
  }
  RunFolder run =
      checkpoint ? RunFolder::reopen(call.resume, checkpoint->state) : RunFolder::create(call.out, call.config);
  print_header(card, data, trainer, run.path());
  const int64_t last_step = call.limit_steps > 0 ? trainer.state().step + call.limit_steps : INT64_MAX;
  const Interrupt interrupt;
  const bool done = run_with_folder(trainer, card, run,
                                    [&] { return stop() || Interrupt::signal() || trainer.state().step >= last_step; });
  print_end(trainer, run, done);
  return done;
}

void add_train_command(CLI::App& app) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* train = app.add_subcommand("train", "Train a model");
  add_config_flags(*train, flags->call.config);
  const auto add = [&](const char* name, auto& value, const char* type, const char* help) {
    return train->add_option(name, value, help)->type_name(type)->group("Run");
  };
  add("--config", flags->config_file, "FILE.toml", "a configuration; flags override it");
  add("--out", flags->call.out, "DIR", "the run folder [runs/<date>-<model>-<data>]");
  add("--resume", flags->call.resume, "RUN", "go on in this run folder as if never stopped");
  add("--limit-steps", flags->call.limit_steps, "N", "stop and save after N steps; 0: no limit")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40))
      ->capture_default_str();
  train->footer("\nForms of --sync:\n" + sync_forms());
  train->callback([flags, train] { train_command(*train, *flags); });
}

}  // namespace skein
