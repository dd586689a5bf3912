#include "train/run/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/stopwatch.h"
#include "base/terminal/standard_files.h"
#include "base/trace.h"
#include "comm/launcher.h"
#include "comm/secret.h"
#include "data/fingerprint.h"
#include "kernels/device/runtime.h"
#include "train/machine/gpus.h"
#include "train/machine/machine.h"
#include "train/machine/threads.h"
#include "train/run/interrupt.h"
#include "train/run/memory.h"
#include "train/run/report.h"
#include "train/run/resume.h"
#include "train/run/run_folder.h"
#include "train/run/run_signature.h"
#include "train/run/text_pairs.h"
#include "train/run/trace_file.h"
#include "train/run/train_in_folder.h"
#include "train/trainer.h"
#include "train/training_data.h"
#include "train/validate.h"

namespace skein {
namespace {

// Data and state that a run starts with, the same on every rank.
struct RunInputs {
  std::optional<Checkpoint> checkpoint;  // only of a resumed run
  Splits data;
  ModelInfo info;
  TrainState start;
  std::vector<std::string> init_notes;  // what was done to the weights of --init
};

// Files are read on every rank. One rank may lack a file: all ranks throw then, as the other ranks would wait for
// it in require_same(). The ranks must also agree on what they have read.
RunInputs open_inputs(ProcessGroup& group, const TrainCall& call) {
  const TrainConfig& config = call.config;
  RunInputs in;
  group.on_all_ranks([&] {
    validate(config, group.size());
    if (!call.resume.empty())
      in.checkpoint = open_checkpoint(call.checkpoint.empty() ? last_checkpoint(call.resume) : call.checkpoint);
    in.data = open_dataset(config.data, dataset_options(config));
    check_against(config, in.data.train);
    in.info = make_model_info(config, in.data.train);
    const DataFingerprints fingerprints{fingerprint(in.data.train), fingerprint(in.data.test)};
    in.start.data = fingerprints;
    if (!in.checkpoint) return refuse_idle_settings(config, in.data.train);
    check_same_data(in.info, fingerprints, *in.checkpoint);
    check_epochs(config.epochs, *in.checkpoint);
    in.start = call.from_consensus ? state_from_consensus(*in.checkpoint, config, in.data.train) : in.checkpoint->state;
    in.start.data = fingerprints;
    if (is_best_later(call.resume, in.start.epoch)) in.start.averaged.forget_best();
  });
  require_same(group, signature_of(in.data, in.start.data));
  if (in.checkpoint) require_same(group, signature_of(*in.checkpoint));
  return in;
}

// Sets threads, GPU and convolutions of this process, those of the checkpoint where there is one. One rank may lack the
// GPU or a kernel: all ranks throw then, before the communicators of the workers are made.
void set_up_machine(ProcessGroup& group, const TrainCall& call, const RunInputs& inputs) {
  const std::optional<Checkpoint>& checkpoint = inputs.checkpoint;
  TrainConfig config = call.config;
  if (checkpoint && !call.new_threads) config.threads = 0;
  const int64_t each = checkpoint ? checkpoint->state.threads_per_worker : 0;
  set_up_threads(group, config, each);
  group.on_all_ranks([&] {
    if (device_of(config.device) == Device::cuda && config.gpus.empty())
      use_gpu(rank_from_environment().local_rank % int(cuda::devices().size()));
    if (const std::vector<int> gpus = gpus_of_process(group, config); !gpus.empty()) use_gpu(gpus.front());
    use_conv(device_of(config.device), config.conv, config.dtype);
    if (checkpoint && !call.new_conv) use_conv_choices(checkpoint->conv_choices);
  });
  if (checkpoint && group.is_root() && (call.new_conv || threads_per_worker(config, group.size()) != each))
    report("note     other threads or convolution kernels than before: the last bits will differ\n");
}

// Makes the workers, connects them, and loads the checkpoint, or the weights of --init, into them. The last step is not
// collective. One rank may have a damaged worker's file there: all ranks throw then, as the other ranks would wait for
// it in the first averaging.
std::unique_ptr<Trainer> build_trainer(ProcessGroup& group, const TrainCall& call, RunInputs& inputs) {
  std::unique_ptr<Trainer> trainer;
  group.on_all_ranks([&] {
    if (device_of(call.config.device) == Device::cuda)
      for (Dataset* part : {&inputs.data.train, &inputs.data.test})
        if (!part->is_encoded()) make_resident(*part);
    trainer = std::make_unique<Trainer>(group, inputs.info, inputs.data, inputs.start);
    if (inputs.checkpoint)
      (call.from_consensus ? load_consensus : load_workers)(*inputs.checkpoint, *trainer);
    else if (!call.config.init.empty())
      inputs.init_notes = load_initial_weights(call.config, *trainer);
    else if (call.config.whiten_stem)
      whiten_stem(inputs.data.train, *trainer);
  });
  return trainer;
}

// Every rank computes with the convolutions that rank 0 chooses. Choices are made by time, and those of other ranks
// would differ, and with them the rounding. One rank may lack a kernel: all ranks throw then, as the other ranks would
// go on to the next collective call.
void choose_convolutions(ProcessGroup& group, Trainer& trainer) {
  if (group.size() == 1) return;
  if (group.is_root()) trainer.warm_up_convolutions();
  TextPairs pairs;
  for (const ConvChoice& c : conv_choices()) pairs.emplace_back(c.layer, c.implementation);
  pairs = from_wire(group.broadcast_text(to_wire(pairs)));
  std::vector<ConvChoice> choices;
  for (const auto& [layer, implementation] : pairs) choices.push_back({layer, implementation});
  group.on_all_ranks([&] { use_conv_choices(choices); });
}

// Only rank 0 has a run folder, null on the other ranks. It may be unable to write it: all ranks throw then, as the
// other ranks would start to train.
std::unique_ptr<RunFolder> open_run_folder(ProcessGroup& group, const TrainCall& call, const RunInputs& inputs,
                                           std::unique_ptr<OutputLock> lock) {
  std::unique_ptr<RunFolder> folder;
  group.on_all_ranks([&] {
    if (!group.is_root()) return;
    if (inputs.checkpoint)
      tidy_checkpoints(call.resume, inputs.start.epoch);  // before the lines of a later one are cut
    folder = inputs.checkpoint ? RunFolder::reopen(call.resume, log_state(*inputs.checkpoint, inputs.start),
                                                   call.config, std::move(lock))
                               : RunFolder::create(call.out, call.config, call.start_anew);
  });
  return folder;
}

// Every rank writes its workers' state into the run folder that rank 0 has made. Machines without a common file system
// are found out before anything is trained: all ranks throw then.
void require_shared_folder(ProcessGroup& group, const std::string& path) {
  if (group.size() == 1) return;
  std::optional<SecretFile> mark;
  group.on_all_ranks([&] {
    if (group.is_root()) mark.emplace(path);
  });
  const std::string id = group.broadcast_text(mark ? mark->id() : "");
  group.on_all_ranks([&] {
    constexpr std::chrono::milliseconds kAppears{5000}, kRetry{50};
    for (const auto begin = Clock::now(); !read_secret_file(path, id); std::this_thread::sleep_for(kRetry))
      if (Clock::now() - begin > kAppears)
        throw BadInput(
            "the run folder {} that rank 0 has made is not there on {}. Every rank writes its workers' state there: "
            "give a folder that all machines share with --out",
            path, host_name());
  });
}

// Collective. Complete on rank 0.
RunDescription describe_run(ProcessGroup& group, const TrainCall& call, Trainer& trainer, const RunInputs& inputs) {
  std::vector<std::string> hosts;
  for (const std::string& host : group.all_gather_text(host_name()))
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  const bool gpu = device_of(call.config.device) == Device::cuda;
  return {.command = call.command,
          .cpu = processor().name,
          .gpu = gpu ? names_of(trainer.workers().gpus()) : "",
          .hosts = hosts,
          .threads = threads_per_worker(call.config, group.size()),
          .workers = trainer.size(),
          .parameters = trainer.worker(0).parameters().count(),
          .epochs = call.config.epochs,
          .steps_per_epoch = trainer.steps_per_epoch(),
          .model = call.config.model,
          .classes = inputs.info.classes,
          .image = {inputs.info.height, inputs.info.width, inputs.info.channels},
          .start_step = inputs.start.step};
}

// The beginning of worker 0's first batch as it is augmented, made by a loader of its own. A batch that is mixed is
// made whole, since a partner may be any image of it.
std::vector<Picture> first_batch(const TrainConfig& config, const RunInputs& inputs) {
  constexpr int64_t kShown = 64;
  LoaderOptions options = training_options(config, inputs.data.train, inputs.start, 0);
  if (!options.mix.any()) options.batch = std::min(options.batch, kShown);
  return pictures_of(make_loader(inputs.data.train, options)->next().images, inputs.data.train, kShown);
}

}  // namespace

DatasetOptions dataset_options(const TrainConfig& c) {
  return {
      .dir = c.data_dir,
      .seed = uint64_t(c.seed),
      .resize = c.resize,
      .crop = c.crop,
      .bad_images = c.bad_images,
      .synthetic = {c.synthetic_train, c.synthetic_test, c.synthetic_size, c.synthetic_channels, c.synthetic_classes},
      .val_split = c.val_split,
      .val_seed = uint64_t(c.val_seed)};
}

bool train(ProcessGroup& group, const TrainCall& call, const std::function<bool()>& stop) {
  require_same(group, signature_of(call));
  group.on_all_ranks([&] {
    if (group.is_root()) check_trace(call.trace);
    trace::prepare(!call.trace.file.empty());
  });
  std::unique_ptr<OutputLock> lock;  // of a run that goes on, before its checkpoint is read
  group.on_all_ranks([&] {
    if (!call.resume.empty() && group.is_root()) lock = lock_run(call.resume);
  });
  trace::name_thread(group.rank() * call.config.workers / group.size(), "main");
  RunInputs inputs = open_inputs(group, call);
  set_up_machine(group, call, inputs);
  check_memory(group, inputs.info);
  const std::unique_ptr<Trainer> trainer = build_trainer(group, call, inputs);
  choose_convolutions(group, *trainer);
  const int64_t last_step = call.limit_steps > 0 ? inputs.start.step + call.limit_steps : INT64_MAX;
  TraceFile timeline(group, *trainer, call.trace, last_step);
  const std::unique_ptr<RunFolder> logs = open_run_folder(group, call, inputs, std::move(lock));
  const std::string path = group.broadcast_text(logs ? logs->path() : "");
  require_shared_folder(group, path);
  const std::vector<std::string> places = group.all_gather_text(placement(trainer->workers()));
  if (group.is_root()) {
    print_header(inputs.info, inputs.data, *trainer, places, group.is_encrypted(), path);
    if (inputs.checkpoint) print_resume(*trainer, *inputs.checkpoint, call.from_consensus);
    print_init(call.config, inputs.init_notes);
  }
  const RunDescription description = describe_run(group, call, *trainer, inputs);
  if (logs) logs->write(description, call.config);
  if (logs && inputs.start.step == 0) logs->write_first_batch(first_batch(call.config, inputs));
  const Interrupt interrupt;
  const bool done = train_in_folder(group, *trainer, inputs.info, inputs.data.test, path, logs.get(),
                                    {.on_step = {},
                                     .on_epoch = {},
                                     .should_stop = [&] { return stop() || Interrupt::signal(); },
                                     .last_step = last_step,
                                     .before_step = [&](int64_t step) { timeline.before_step(step); }});
  timeline.finish();
  if (group.is_root()) print_end(*trainer, path, done);
  timeline.report_outcome();
  return done;
}

bool train(const TrainCall& call, const std::function<bool()>& stop) {
  ProcessGroup alone;
  return train(alone, call, stop);
}

}  // namespace skein
