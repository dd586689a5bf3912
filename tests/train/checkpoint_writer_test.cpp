// Checkpoints that are written while the run goes on: what they hold, and what the workers wait for.
#include "train/run/checkpoint_writer.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "comm/transports/thread_communicator.h"
#include "tests/support/small_training_run.h"
#include "train/trainer.h"

namespace skein::testing {
namespace {

// The contents at start() are written, whatever changes after copied().
TEST(CheckpointWriter, WritesWhatThereWasWhenItBegan) {
  const TempDir dir;
  ModelInfo info;
  info.config.model = "resnet9-64";  // a copy of it takes milliseconds
  info.classes = {"a", "b"};
  info.height = info.width = 8;
  info.channels = 3;
  info.mean = info.std = {0.5f, 0.5f, 0.5f};
  ParameterStore store;
  const auto model = make_model(info.config.model, info.model_options(), store);
  store.build(Device::cpu, 1);
  const std::string waits = (dir / "waits").string();
  ProcessGroup alone;
  write_checkpoint(alone, waits, {info, store, {}, {}});
  CheckpointWriter writer(alone, info);
  for (const int64_t round : {1, 2}) {
    const std::string folder = (dir / fmt::format("{}", round)).string();
    writer.start({info, store, {}, {}}, {{folder, 1}, {folder + "-too", 1}});
    std::memset(store.running_statistics.view().data, 1, store.running_statistics.view().bytes());
    writer.copied();
    for (const Tensor& t : {store.value, store.velocity}) std::memset(t.view().data, 1, t.view().bytes());
    writer.finish();
    for (const char* file : {"/model.safetensors", "/optimizer.safetensors"})
      for (const std::string& place : {folder, folder + "-too"}) expect_same_tensors(waits + file, place + file);
    load_model(open_checkpoint(waits), store);
    load_optimizer(open_checkpoint(waits), store);
  }
}

// Rank 0 waits for the files of a rank that has ended before it has written them: it finds that out, and goes.
TEST(CheckpointWriter, ALostProcessEndsTheWaitForItsFiles) {
  const TempDir dir;
  const std::string folder = (dir / "last").string();
  TrainConfig c = small_config();
  c.workers = 2;
  const ModelInfo info = make_model_info(c, open_dataset("synthetic", dataset_options(c)).train);
  ParameterStore store;
  const auto model = make_model(c.model, info.model_options(), store);
  store.build(Device::cpu, 1);
  ThreadGroup ranks(2);
  std::thread lost([&] {
    ProcessGroup group(ranks.join(1));
    group.communicator().barrier();  // of CheckpointWriter::start()
    prepare_checkpoint(group, folder);
    ranks.abort(1, "as planned");
  });
  const auto begin = Clock::now();
  {
    ProcessGroup group(ranks.join(0));
    const WorkerStates own = {{0, {{"value", store.value}}}};
    CheckpointWriter writer(group, info);
    writer.start({info, store, own, {}}, {{folder, 1}});
    EXPECT_THROW(writer.finish(), PeerLost);
  }
  lost.join();
  EXPECT_LT(seconds_since(begin), 10);
  EXPECT_FALSE(std::filesystem::exists(folder)) << "complete without the files of rank 1";
}

using Bytes = std::map<std::string, std::string>;

Bytes bytes_of(Worker& worker) {
  Bytes all;
  for (const NamedTensor& t : worker.state())
    if (t.name != "state") all[t.name] = {static_cast<const char*>(t.tensor.view().data), t.tensor.view().bytes()};
  return all;
}

// A worker waits before it changes anything that a checkpoint keeps, in every way of taking a step.
TEST(CheckpointWriter, WorkersWaitBeforeTheyChangeWhatItCopies) {
  TrainConfig plain = small_config();
  plain.epochs = 1, plain.workers = 2, plain.parallel = 1;
  std::vector<TrainConfig> all(5, plain);
  all[0].sync = "local:H=2", all[0].compress = "ef-sign", all[0].outer_momentum = 0.5;
  all[1].sync = "minibatch", all[1].average = Averaging::gradients, all[1].bn_stats = "average";
  all[2].sync = "local:H=4,delay=2";
  all[3].sync = "local:H=2", all[3].accumulate = 2;
  all[4].sync = "local:H=2", all[4].optimizer = OptimizerKind::adamw, all[4].ema = 0.9, all[4].lr = 1e-3;
  for (const TrainConfig& c : all) {
    SCOPED_TRACE(c.sync);
    const Splits data = open_dataset(c.data, dataset_options(c));
    ProcessGroup alone;
    Trainer trainer(alone, make_model_info(c, data.train), data);
    std::map<int64_t, Bytes> before;
    int64_t calls = 0, changed = 0;
    std::mutex mutex;  // workers have threads of their own
    // Between two steps nothing has changed that was not waited for.
    for (int64_t i = 0; i < trainer.local_size(); ++i) {
      Worker& w = trainer.worker(i);
      w.before_change([&] {
        const std::lock_guard lock(mutex);
        const auto known = before.find(w.rank());
        if (known == before.end()) return;
        ++calls;
        changed += known->second != bytes_of(w);
        before.erase(known);
      });
    }
    trainer.run({.on_step = [](const StepMetrics&) {},
                 .on_epoch = [](const EpochMetrics&) {},
                 .should_stop = never,
                 .before_step =
                     [&](int64_t) {
                       for (int64_t i = 0; i < trainer.local_size(); ++i)
                         before[trainer.worker(i).rank()] = bytes_of(trainer.worker(i));
                     }});
    EXPECT_EQ(calls, 2 * trainer.state().step);
    EXPECT_EQ(changed, 0);
  }
}

}  // namespace
}  // namespace skein::testing
