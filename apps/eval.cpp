// skein eval: loss and accuracy of a checkpoint on a test set.
#include <fmt/format.h>

#include "apps/commands.h"
#include "base/check.h"
#include "base/json.h"
#include "base/stopwatch.h"
#include "train/evaluation.h"
#include "train/run/inference.h"
#include "train/run/run.h"
#include "train/step_context.h"

namespace skein {
namespace {

struct EvalFlags {
  std::string checkpoint, data, data_dir;
  DeviceChoice device = DeviceChoice::automatic;
  int64_t batch = 0, threads = 0;
  bool json = false;
};

// The test set, normalised by mean and deviation of the training set of the checkpoint.
Dataset open_test_set(const ModelInfo& info) {
  Dataset test = open_dataset(info.config.data, dataset_options(info.config)).test;
  if (test.channels() != info.channels || test.classes.size() != info.classes.size())
    throw BadInput(
        "dataset '{}': {} classes of {}-channel images; the checkpoint has {} of {}. Give its own with --data",
        info.config.data, test.classes.size(), test.channels(), info.classes.size(), info.channels);
  std::copy(info.mean.begin(), info.mean.end(), test.mean);
  std::copy(info.std.begin(), info.std.end(), test.std);
  return test;
}

void eval(const EvalFlags& flags) {
  const InferenceMachine machine{flags.device, ComputeType::f32, flags.threads};
  const Device device = prepare_machine(machine);
  StepContext context(device);
  TrainedModel trained(flags.checkpoint, device);
  const Checkpoint& checkpoint = trained.checkpoint;
  use_convolutions_of(checkpoint, device, machine.dtype);
  ModelInfo info = trained.info();
  TrainConfig& config = info.config;
  if (!flags.data.empty()) config.data = flags.data;
  if (!flags.data.empty() || !flags.data_dir.empty()) config.data_dir = flags.data_dir;
  if (flags.batch > 0) config.eval_batch = flags.batch;
  Dataset test = open_test_set(info);
  if (device == Device::cuda && !test.is_encoded()) make_resident(test);

  const auto batches = make_loader(test, evaluation_options(config.eval_batch), context.queue);
  const auto begin = Clock::now();
  const Score score = evaluate(*trained.model, *batches, context.tape);
  const double seconds = seconds_since(begin);
  if (flags.json) {
    const Json line = {{"checkpoint", checkpoint.folder},
                       {"model", config.model},
                       {"epoch", checkpoint.state.epoch},
                       {"data", config.data},
                       {"images", test.size()},
                       {"loss", score.loss},
                       {"top1", score.top1},
                       {"top5", score.top5},
                       {"img_per_s", double(test.size()) / seconds}};
    fmt::print("{}\n", line.dump());
    return;
  }
  fmt::print("checkpoint {} (epoch {})\n", checkpoint.folder, checkpoint.state.epoch);
  fmt::print("model      {}, {} parameters\n", config.model, trained.parameters.count());
  fmt::print("data       {}, {} test images, {:.0f} img/s\n", config.data, test.size(), double(test.size()) / seconds);
  fmt::print("loss       {:.6f}\n", score.loss);
  fmt::print("top-1      {:.2f} %\n", score.top1);
  fmt::print("top-5      {:.2f} %\n", score.top5);
}

}  // namespace

void add_eval_command(Command& skein) {
  auto flags = std::make_shared<EvalFlags>();
  Command& command = skein.add("eval", "Loss and accuracy of a checkpoint on a test set");
  command.option("--checkpoint", flags->checkpoint, "a checkpoint, or a run folder, whose best one is taken",
                 {.type = "RUN|CKPT", .required = true});
  command.option("--data", flags->data, "another dataset of the same kind [the one it was trained on]",
                 {.type = "NAME|FILE|DIR"});
  command.option("--data-dir", flags->data_dir, "where its files are [as in training]", {.type = "DIR"});
  command.option("--batch", flags->batch, "images per batch; 0: as in training", {"N", 0, 1000000000});
  command.option("--threads", flags->threads, "OpenMP threads; 0: one per core", {"N", 0, 4096});
  command.option("--device", flags->device, "auto: a GPU where there is one; cpu; cuda");
  command.flag("--json", flags->json, "one line of JSON");
  command.body = [flags] { eval(*flags); };
}

}  // namespace skein
