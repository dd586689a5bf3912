// Batches made on a GPU or on the emulator: equal to the host's, and not overwritten while they are in use.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "cases/op_case.h"
#include "data/formats/formats.h"
#include "data/loading/loader.h"
#include "kernels/cast.h"
#include "tests/support/need_gpu.h"

namespace skein::testing {
namespace {

class DeviceLoader : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_IF(gpu_absent());
    data_ = make_synthetic({22, 8, 6, 3, 10}, 3).train;
    make_resident(data_);
    queue_ = {Device::cuda, cuda::create_stream()};
  }
  void TearDown() override { cuda::destroy_stream(queue_.stream); }

  static LoaderOptions options(bool training) {
    LoaderOptions o;
    o.batch = 4;
    o.training = training;
    o.workers = training ? 2 : 1;
    o.rank = training ? 1 : 0;
    o.seed = 9;
    return o;
  }

  Dataset data_;
  Queue queue_;
};

// With erased and mixed images; then with TrivialAugment, which the host computes.
TEST_F(DeviceLoader, GivesTheHostsAugmentedBatchesToTheBit) {
  LoaderOptions o = options(true);
  o.erase = {.probability = 0.7};
  o.mix = {.mixup = 0.4, .cutmix = 1, .probability = 0.8};
  for (const bool trivial : {false, true}) {
    o.trivial_augment = trivial;
    const auto host = make_loader(data_, o), device = make_loader(data_, o, queue_);
    for (int64_t i = 0; i < 4 * host->steps(); ++i) {
      const Batch &expected = host->next(), &batch = device->next();
      cuda::synchronize(queue_.stream);
      EXPECT_EQ(batch.images.to_vector(), expected.images.to_vector()) << "batch " << i;
      EXPECT_EQ(to_numbers(batch.labels), to_numbers(expected.labels)) << "batch " << i;
      EXPECT_EQ(to_numbers(batch.second_labels), to_numbers(expected.second_labels)) << "batch " << i;
      EXPECT_EQ(batch.label_weights.to_vector(), expected.label_weights.to_vector()) << "batch " << i;
    }
  }
}

TEST_F(DeviceLoader, GivesTheHostsBatchesToTheBit) {
  for (const bool training : {true, false}) {
    const auto host = make_loader(data_, options(training)), device = make_loader(data_, options(training), queue_);
    ASSERT_EQ(device->steps(), host->steps());
    for (int64_t i = 0; i < 3 * host->steps(); ++i) {
      const Batch &expected = host->next(), &batch = device->next();
      EXPECT_EQ(batch.size, expected.size);
      EXPECT_EQ(batch.epoch, expected.epoch);
      EXPECT_EQ(batch.index, expected.index);
      cuda::synchronize(queue_.stream);
      EXPECT_EQ(batch.images.to_vector(), expected.images.to_vector()) << "batch " << i;
      EXPECT_EQ(to_numbers(batch.labels), to_numbers(expected.labels)) << "batch " << i;
    }
  }
}

// A captured step reads its batch at the addresses that it was captured with.
TEST_F(DeviceLoader, RestartsOnOtherSamplesInTheSameMemory) {
  for (const bool trivial : {false, true}) {
    LoaderOptions o{.batch = 4, .seed = 9, .trivial_augment = trivial, .epoch = 1, .samples = {3, 20, 11}};
    const auto device = make_loader(data_, o, queue_);
    std::set<std::pair<const void*, const void*>> memory;
    for (const std::vector<int32_t>& samples : {o.samples, {7}, {9, 8, 1, 2, 21, 5, 17, 0, 13}, {4, 6}}) {
      if (o.epoch > 1) device->restart(o.epoch, samples);
      o.samples = samples;
      const auto host = make_loader(data_, o);
      ASSERT_EQ(device->steps(), host->steps());
      for (int64_t i = 0; i < host->steps(); ++i) {
        const Batch &expected = host->next(), &batch = device->next();
        memory.emplace(batch.images.view().data, batch.labels.view().data);
        cuda::synchronize(queue_.stream);
        EXPECT_EQ(batch.images.to_vector(), expected.images.to_vector()) << "epoch " << o.epoch << " batch " << i;
        EXPECT_EQ(to_numbers(batch.labels), to_numbers(expected.labels)) << "epoch " << o.epoch << " batch " << i;
      }
      ++o.epoch;
    }
    EXPECT_EQ(memory.size(), 2u);
  }
}

// Copies of the batches are enqueued without synchronising, so a batch that is overwritten before its copy, or copied
// before it is made, is detected. On the emulator this needs a schedule in which the loader's stream runs ahead of this
// one; SKEIN_EMULATOR_SEED, from 2 on, draws the schedule of each stream.
TEST_F(DeviceLoader, KeepsABatchUntilTheWorkOnItIsDone) {
  for (int turn = 0; turn < 8; ++turn) {
    const Queue queue{Device::cuda, cuda::create_stream()};
    {
      const auto host = make_loader(data_, options(true)), device = make_loader(data_, options(true), queue);
      std::vector<Tensor> copies;
      std::vector<std::vector<float>> expected;
      for (int i = 0; i < 9; ++i) {
        const Batch& batch = device->next();
        copies.push_back(Tensor::empty(Device::cuda, DType::f32, batch.images.shape()));
        cuda::copy(queue.stream, batch.images, copies.back());
        expected.push_back(host->next().images.to_vector());
      }
      cuda::synchronize(queue.stream);
      for (size_t i = 0; i < copies.size(); ++i) EXPECT_EQ(copies[i].to_vector(), expected[i]) << "batch " << i;
    }
    cuda::destroy_stream(queue.stream);
  }
}

TEST_F(DeviceLoader, GivesTheSameInBf16) {
  const auto host = make_loader(data_, options(true));
  const auto device = make_loader(data_, options(true), queue_, DType::bf16);
  const Batch &expected = host->next(), &batch = device->next();
  const Tensor rounded = Tensor::empty(Device::cpu, DType::bf16, expected.images.shape());
  cpu::cast(nullptr, expected.images, rounded);
  ASSERT_EQ(batch.images.dtype(), DType::bf16);
  std::vector<uint16_t> bits(size_t(batch.images.numel()));
  cuda::copy_to_host(queue_.stream, batch.images, bits.data());
  EXPECT_EQ(std::memcmp(bits.data(), rounded.view().data, rounded.view().bytes()), 0);
}

}  // namespace
}  // namespace skein::testing
