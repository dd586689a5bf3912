#include "apps/train_arguments.h"

#include <filesystem>

#include "base/check.h"
#include "local_sgd/sync_schedule.h"
#include "train/config/recipes.h"
#include "train/run/resume.h"
#include "train/run/trace_file.h"

namespace skein {
namespace {

// Without --workers every process is one worker. With it each has as many.
void take_processes(const Command& train, const TrainCall& call, int64_t processes, TrainConfig& config) {
  if (processes == 1 || config.workers == processes) return;
  const bool resuming = !call.resume.empty();
  const bool chosen = train.is_given("workers") || (!resuming && config.workers > 1);
  if (chosen || (resuming && !call.from_consensus)) {
    if (config.workers % processes == 0) return;
    if (!chosen)
      throw BadInput(
          "--resume {}: the run has {} workers, each with momentum and data of its own, but {} processes were started. "
          "Start a number that divides {}, or give --from-consensus to start the workers again from their average",
          call.resume, config.workers, processes, config.workers);
    throw BadInput(
        "--workers {}: {} processes were started together, which cannot have as many each. Leave the flag out for one "
        "in each, give a multiple of {}, or start a number that divides {}",
        config.workers, processes, processes, config.workers);
  }
  config.workers = processes;
}

void check_data_is_there(const TrainConfig& config, const std::string& run) {
  const std::filesystem::path path = config.data;
  if (path.has_parent_path() && !std::filesystem::exists(path))
    throw BadInput(
        "--resume {}: its data is not at {}. Say where it is now with --data, or, if that path is relative, start from "
        "the folder in which the run was started",
        run, std::filesystem::absolute(path).lexically_normal().string());
}

// The configuration of a run that goes on: the checkpoint's, and over it the flags that were given.
TrainConfig resumed_config(const Command& train, const TrainArguments& a, const std::string& checkpoint) {
  TrainConfig config = open_checkpoint(checkpoint).info.config;
  apply_flags(train.given, a.flags, a.from_consensus ? Start::from_consensus : Start::resumed, config);
  if (!config.elastic.empty())
    throw BadInput(
        "--resume {0}: is the run of processes that join and leave. Give the command that has started it, with "
        "--elastic {1} and --out {0}",
        a.resume, config.elastic);
  settle_paths(config);
  check_data_is_there(config, a.resume);
  return config;
}

}  // namespace

void check_resuming(const TrainArguments& a) {
  const bool resuming = !a.resume.empty();
  if (resuming && !a.config_file.empty())
    throw BadInput("--config: a resumed run keeps its own configuration; leave --config or --resume out");
  if (!a.recipe.empty() && (resuming || !a.config_file.empty()))
    throw BadInput("--recipe: sets all that {} would set; leave one of them out", resuming ? "--resume" : "--config");
  if (resuming && !a.out.empty())
    throw BadInput("--out: a resumed run goes on in its own folder; leave --out or --resume out");
  if (a.resume_if_started && (resuming || a.out.empty()))
    throw BadInput("--resume-if-started: is for the run folder that --out names. Give --out RUN, and no --resume");
  if (a.resume_if_started && !a.trace.empty())
    throw BadInput(
        "--trace: its steps and its file are of one start, and --resume-if-started is for several. Leave one out");
  if (a.from_consensus && !resuming)
    throw BadInput("--from-consensus: is for a run that goes on. Give it with --resume, or leave it out");
}

TrainConfig new_config(const Command& train, const TrainArguments& a) {
  TrainConfig config;
  if (!a.recipe.empty()) apply_recipe(a.recipe, config);
  if (!a.config_file.empty()) read_config(a.config_file, config);
  if (train.is_given("init") && !train.is_given("init-digest")) config.init_digest.clear();
  apply_flags(train.given, a.flags, Start::fresh, config);
  settle_paths(config);
  return config;
}

void go_on(const std::string& run, TrainCall& call) {
  call.checkpoint = last_checkpoint(run);
  const TrainConfig of_run = open_checkpoint(call.checkpoint).info.config;
  require_same_settings(call.config, of_run, run);
  call.new_threads = call.new_threads && call.config.threads != of_run.threads;
  call.new_conv = call.new_conv && call.config.conv != of_run.conv;
  call.config.init_digest = of_run.init_digest;
  call.resume = run;
  call.out.clear();
}

TrainCall make_call(const Command& train, const TrainArguments& a, int64_t processes) {
  check_resuming(a);
  const std::string checkpoint = a.resume.empty() ? "" : last_checkpoint(a.resume);
  TrainCall call{.config = a.resume.empty() ? new_config(train, a) : resumed_config(train, a, checkpoint),
                 .out = a.out,
                 .resume = a.resume,
                 .checkpoint = checkpoint,
                 .trace = trace_call(a.trace, a.trace_steps),
                 .command = {"skein"},
                 .limit_steps = a.limit_steps,
                 .new_threads = train.is_given("threads"),
                 .new_conv = train.is_given("conv"),
                 .from_consensus = a.from_consensus};
  call.command.insert(call.command.end(), train.arguments.begin(), train.arguments.end());
  take_processes(train, call, processes, call.config);
  return call;
}

Command& declare_train(Command& skein, TrainArguments& a) {
  Command& train = skein.add("train", "Train a model");
  train.append(config_options(a.flags));
  train.group("Run");
  train.option("--config", a.config_file, "a configuration; flags override it", {.type = "FILE.toml"});
  train.option("--recipe", a.recipe, "a named set of settings, listed below; flags override it", {"NAME"});
  train.option("--out", a.out, "the run folder [runs/<date>-<model>-<data>]", {.type = "DIR"});
  train.option("--resume", a.resume, "go on in this run folder as if never stopped", {.type = "RUN"});
  train.flag(
      "--resume-if-started", a.resume_if_started,
      "with --out, for jobs that are started again by the same command: go on from the run's last checkpoint, or "
      "start if there is none");
  train.flag("--from-consensus", a.from_consensus,
             "with --resume: the workers, as many as are asked for, start again from the average of the models");
  train.option(
      "--replay", a.replay,
      "repeat the elastic run in this folder from its membership.jsonl, with virtual workers in this process, and "
      "compare the consensus of every round",
      {.type = "RUN"});
  train.option("--limit-steps", a.limit_steps, "stop and save after N steps; 0: no limit", {"N", 0, int64_t{1} << 40});
  train.option("--trace", a.trace, "write a timeline of some steps; ui.perfetto.dev and chrome://tracing show it",
               {"FILE.json.gz"});
  train.option("--trace-steps", a.trace_steps, "with --trace: steps N to M of the run, from 1 [3:6]", {"N:M"});
  train.option("--secret-file", a.secret_file,
               "over TCP: a text that all processes know, and nobody else [SKEIN_SECRET, or made by rank 0]", {"FILE"});
  train.option("--tls", a.tls,
               "over TCP: encrypt what travels; this process's certificate, its key, and the authority that has signed "
               "those of all processes, as PEM files",
               {"cert=FILE,key=FILE,ca=FILE"});
  train.option(
      "--timeout", a.timeout,
      "a rank that gives no sign of life for so long, or does not come, is lost, and the run ends: 30s, 5min, 2h",
      {"TIME"});
  train.footer = "\nForms of --sync:\n" + sync_forms() + "\nRecipes:\n" + recipe_list();
  return train;
}

}  // namespace skein
