// Workers on several GPUs of one process, on emulated ones: each worker on its own, and the bits of one GPU, where the
// GPUs reach each other's memory and where they do not.
#include "train/machine/gpus.h"

#include <gtest/gtest.h>

#include <thread>

#include "comm/transports/thread_communicator.h"
#include "kernels/device/peers.h"
#include "kernels/emulator/emulator.h"
#include "local_sgd/model_averager.h"
#include "tests/support/communicator_script.h"
#include "tests/support/training_grid.h"
#include "train/run/report.h"
#include "train/validate.h"

namespace skein::testing {
namespace {

class Gpus : public ::testing::Test {
 protected:
  void SetUp() override {
    cuda::emulator::set_devices(4);
    use_conv(Device::cuda, "auto", ComputeType::f32);
  }
  void TearDown() override {
    cuda::emulator::set_peers(true);
    cuda::emulator::set_devices(1);
  }
};

TrainConfig on_gpus(TrainConfig c, const std::string& gpus) {
  c.device = DeviceChoice::cuda;
  c.conv = "auto";
  c.gpus = gpus;
  return c;
}

Splits resident_data(const TrainConfig& c) {
  Splits data = open_dataset("synthetic", dataset_options(c));
  for (Dataset* part : {&data.train, &data.test}) make_resident(*part);
  return data;
}

std::unique_ptr<ParameterStore> store_on_gpu() {
  auto p = std::make_unique<ParameterStore>();
  for (const int64_t count : {31, 64, 901, 1}) p->add({fmt::format("p{}", count), {count}, {Init::normal, 0.1}, true});
  p->build(Device::cuda, 5);
  return p;
}

// Ranks that are spread over so many GPUs, whose models drift apart and are averaged in two blocks, then among all. The
// models of all ranks.
std::vector<std::vector<float>> averaged_on(int gpus, int ranks, const std::string& compressor) {
  std::vector<std::vector<float>> models(static_cast<size_t>(ranks));
  ThreadGroup group(ranks);
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      cuda::use_device(r * gpus / ranks);
      const Queue queue{Device::cuda, cuda::create_stream()};
      {
        const auto p = store_on_gpu();
        const auto world = group.join(r, queue), block = world->split(2 * r / ranks);
        ModelAverager averager(*p, make_compressor(parse_compression(compressor), *p, queue), {0.5f, 1.0f, true},
                               queue);
        for (int round = 0; round < 2; ++round) {
          std::vector<float> values = p->value.to_vector();
          const std::vector<float> moves = contribution(int64_t(values.size()), r, uint32_t(round));
          for (const Segment& s : p->segments())
            for (int64_t i = s.begin; i < s.begin + s.count; ++i) values[size_t(i)] += 0.01f * moves[size_t(i)];
          queue.run(kernel::copy_from_host, values.data(), p->value);
          averager.average(round == 0 ? *block : *world, {.ties = {uint64_t(round), uint32_t(r)}});
        }
        queue.run(kernel::synchronize);
        models[size_t(r)] = p->value.to_vector();
      }
      cuda::destroy_stream(queue.stream);
    });
  for (std::thread& t : threads) t.join();
  return models;
}

TEST_F(Gpus, AveragingHasTheBitsOfOneGpu) {
  const auto compare = [](int ranks, const std::string& compressor, std::vector<std::pair<int, bool>> all) {
    const auto expected = averaged_on(1, ranks, compressor);
    for (const auto& [gpus, reach] : all) {
      cuda::emulator::set_peers(reach);
      EXPECT_EQ(averaged_on(gpus, ranks, compressor), expected) << compressor << " on " << gpus << ", reach: " << reach;
    }
  };
  compare(8, "none", {{2, true}, {2, false}, {4, true}, {4, false}});
  std::vector<std::string> others(kCompressions.begin() + 1, kCompressions.end());
  others.insert(others.end(), kBlockCompressions.begin(), kBlockCompressions.end());
  for (size_t i = 0; i < others.size(); ++i) compare(4, others[i], {{i % 2 ? 2 : 4, i % 3 != 0}});
}

// Few steps with much in them: each run plans its convolutions anew.
TrainConfig small_run() {
  TrainConfig c = grid_configuration("hierarchical:H=1,Hb=2,block=2", "ef-sign", {0.9, 0.5});
  c.batch = 2;
  c.synthetic_train = 2 * 2 * kGridWorkers;  // two steps
  c.epochs = 1;
  c.eval_local = EvalLocal::every;
  c.ema = 0.9;
  c.bn_stats = "moments";
  return c;
}

// In one process, and in two, which are threads here, as the stand-in for NCCL wants them.
TEST_F(Gpus, TrainingHasTheBitsOfOneGpu) {
  ProcessGroup alone;
  const TrainConfig c = small_run();
  const Splits data = resident_data(c);
  const auto expected = train_to_hashes(alone, on_gpus(c, ""), data);
  cuda::emulator::set_peers(false);
  EXPECT_EQ(train_to_hashes(alone, on_gpus(c, "3,1"), data), expected);
  cuda::use_device(0);
  cuda::emulator::set_peers(true);
  EXPECT_EQ(train_in_processes(2, on_gpus(c, "all"), data), expected) << "two GPUs in each of two processes";
}

// Two workers fail before their first averaging, whose consensus is queued: what it reads is freed when it is done.
TEST_F(Gpus, AFailureLeavesNoWorkBehind) {
  const TrainConfig c = on_gpus(small_run(), "0,1");
  const Splits data = resident_data(c);
  ProcessGroup alone;
  const ModelInfo info = make_model_info(c, data.train);
  const auto fail_after_a_step = [&] {
    WorkerPool pool(alone, info, data.train, {});
    pool.connect({.block_size = 2});
    pool.run([&](Worker& w) {
      w.local_step(0.1, SyncScope::none);
      throw RunFailed("as planned");
    });
  };
  EXPECT_THROW(fail_after_a_step(), RunFailed);
  for (int gpu = 0; gpu < 2; ++gpu) {
    const cuda::DeviceScope scope(gpu);
    EXPECT_NO_THROW(Queue({Device::cuda, nullptr}).run(kernel::synchronize));
  }
}

TEST_F(Gpus, StoppedAndGoneOnWithOnOthers) {
  const TempDir dir;
  ProcessGroup alone;
  TrainConfig c = small_run();
  c.workers = 2;
  c.synthetic_train = 2 * 2 * c.workers;
  c.sync = "local:H=2";
  c.epochs = 3;
  c.eval_local = EvalLocal::never;
  c.ema = 0;
  c.dtype = ComputeType::bf16;
  c.recompute = true;
  const Splits data = resident_data(c);
  const auto expected = train_to_hashes(alone, on_gpus(c, ""), data);
  EXPECT_EQ(train_to_hashes(alone, on_gpus(c, "2"), data, (dir / "checkpoint").string()), expected);
}

TEST_F(Gpus, EveryWorkerSitsOnItsOwn) {
  ProcessGroup alone;
  TrainConfig c = on_gpus(small_run(), "3,1");
  c.parallel = 4;
  const Splits data = resident_data(c);
  Trainer trainer(alone, make_model_info(c, data.train), data);
  EXPECT_EQ(cuda::current_device(), 3) << "the first";
  EXPECT_EQ(trainer.workers().lanes(), 4);
  for (int64_t i = 0; i < kGridWorkers; ++i)
    for (const NamedTensor& t : trainer.worker(i).state())
      EXPECT_EQ(cuda::device_of(t.tensor.view().data), i < 2 ? 3 : 1) << t.name << " of worker " << i;
  EXPECT_EQ(placement(trainer.workers()), host_name() + ", GPU 3: workers 0 to 1; GPU 1: workers 2 to 3");
  trainer.workers().synchronize();
  cuda::use_device(0);
}

TEST_F(Gpus, WhatCannotBeIsNamedWithTheFix) {
  const auto refused = [](const std::string& gpus, const std::vector<std::string>& parts, int64_t workers = 4,
                          int64_t parallel = 0) {
    TrainConfig c = on_gpus(grid_base(), gpus);
    c.workers = workers;
    c.parallel = parallel;
    expect_error([&] { validate(c, 1); }, parts);
  };
  refused("5", {"--gpus 5", "sees 4 GPUs", "at most 4, or all"});
  refused("0", {"--gpus '0'", "from 1 up"});
  refused("two", {"--gpus 'two'", "0,2"});
  refused("1,", {"--gpus '1,'", "0,2"});
  refused("0,4", {"--gpus 0,4", "no GPU 4", "count from 0"});
  refused("0,1,0", {"--gpus 0,1,0", "names GPU 0 twice", "--parallel"});
  refused("3", {"--gpus 3", "4 workers cannot be spread evenly over 3 GPUs", "multiple of 3"});
  refused("2", {"--gpus 2", "1 worker cannot be spread"}, 1);
  refused("2", {"--parallel 3", "over 2 GPUs", "multiple of 2"}, 4, 3);
  TrainConfig c = on_gpus(grid_base(), "2");
  c.device = DeviceChoice::cpu;
  expect_error([&] { validate(c, 1); }, {"--gpus 2", "on the CPU (--device cpu)", "--device cuda"});
}

}  // namespace
}  // namespace skein::testing
