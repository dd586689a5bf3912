// Training steps on a GPU, or on the emulator that stands in for one: against the CPU's, and captured against eager.
#include <gtest/gtest.h>

#include <cmath>

#include "data/loader.h"
#include "data/sources.h"
#include "engine/optimizer.h"
#include "engine/step_graph.h"
#include "models/model.h"
#include "tests/need_gpu.h"

namespace skein {
namespace {

constexpr int64_t kSteps = 31;  // of ten steps an epoch, the last one on half a batch

struct Settings {
  Device device = Device::cuda;
  DType dtype = DType::f32;
  bool captured = true, recompute = false;
};

struct Outcome {
  std::vector<double> losses;
  std::vector<int32_t> correct;
  std::vector<float> value, state;
  int64_t allocations = 0, synchronizations = 0;  // in the last ten steps
};

class CudaStep : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS(absent_gpu());
  }

  static Outcome train(const Settings& s) {
    const bool gpu = s.device == Device::cuda;
    const Queue queue{s.device, gpu ? cuda::create_stream() : nullptr};
    Outcome out;
    {
      Splits data = make_synthetic({76, 8, 8, 3, 10}, 5);
      if (gpu) make_resident(data.train);
      ParameterStore p;
      const auto model = make_model("resnet8", {}, p);
      p.build(s.device, 1, s.dtype);
      LoaderOptions options;
      options.batch = 8;
      Loader batches(data.train, options, queue, s.dtype);
      run(s, queue, p, *model, batches, out);
      out.value = p.value.to_vector();
      out.state = p.state.to_vector();
    }
    if (gpu) cuda::destroy_stream(queue.stream);
    return out;
  }

 private:
  static void run(const Settings& s, Queue queue, ParameterStore& p, const Model& model, Loader& batches,
                  Outcome& out) {
    Arena arena(s.device);
    Tape tape(queue, arena);
    tape.recompute = s.recompute;
    Sgd sgd(p, {}, queue);
    StepGraph graph(queue);
    const Tensor losses = Tensor::zeros(s.device, DType::f32, {kSteps});
    const Tensor correct = Tensor::zeros(s.device, DType::i32, {kSteps * 2});
    int64_t allocations = 0, synchronizations = 0;
    for (int64_t i = 0; i < kSteps; ++i) {
      if (i == kSteps - 10) allocations = cuda::allocations(), synchronizations = cuda::synchronizations();
      const Batch& batch = batches.next();
      sgd.set_rate(0.02f / float(1 + i / 10));
      const auto body = [&] {
        tape.reset();
        Loss loss = cross_entropy(model.forward(tape.input(batch.images)), batch.labels);
        tape.backward(loss.mean);
        sgd.step();
        return loss;
      };
      const Loss loss = s.captured ? graph.run({batch.images.view().data, &arena, batch.size}, body) : body();
      queue.run(cpu::copy, cuda::copy, loss.mean->value, losses.slice(i, {1}));
      queue.run(cpu::copy, cuda::copy, loss.correct, correct.slice(2 * i, {2}));
    }
    out.allocations = cuda::allocations() - allocations;
    out.synchronizations = cuda::synchronizations() - synchronizations;
    queue.run(cpu::synchronize, cuda::synchronize);
    for (const float loss : losses.to_vector()) out.losses.push_back(double(loss));
    out.correct.resize(size_t(2 * kSteps));
    queue.run(cpu::copy_to_host, cuda::copy_to_host, correct, out.correct.data());
  }
};

double worst_ratio(const std::vector<double>& a, const std::vector<double>& b, size_t steps) {
  double worst = 0;
  for (size_t i = 0; i < steps; ++i) worst = std::max(worst, std::abs(a[i] - b[i]) / std::abs(b[i]));
  return worst;
}

// Both round in f32, in another order; over the steps the difference grows as in any two programs.
TEST_F(CudaStep, FollowsTheCpuInF32) {
  const Outcome cpu = train({Device::cpu}), gpu = train({});
  EXPECT_LT(worst_ratio(gpu.losses, cpu.losses, 5), 1e-5);
  EXPECT_LT(worst_ratio(gpu.losses, cpu.losses, kSteps), 5e-3);
}

// Eight bits of mantissa in activations and in the weights that convolutions read.
TEST_F(CudaStep, FollowsTheCpuInBf16) {
  const Outcome cpu = train({Device::cpu}), gpu = train({Device::cuda, DType::bf16});
  EXPECT_LT(worst_ratio(gpu.losses, cpu.losses, 5), 0.02);
  EXPECT_LT(worst_ratio(gpu.losses, cpu.losses, kSteps), 0.15);
}

TEST_F(CudaStep, ReplayedGraphsDoWhatTheirBodiesDid) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Outcome eager = train({Device::cuda, dtype, false}), captured = train({Device::cuda, dtype, true});
    EXPECT_EQ(captured.losses, eager.losses);
    EXPECT_EQ(captured.correct, eager.correct);
    EXPECT_EQ(captured.value, eager.value);
    EXPECT_EQ(captured.state, eager.state);
  }
}

TEST_F(CudaStep, RecomputedBlocksGiveTheSameBits) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Outcome kept = train({Device::cuda, dtype}), again = train({Device::cuda, dtype, true, true});
    EXPECT_EQ(again.losses, kept.losses);
    EXPECT_EQ(again.value, kept.value);
    EXPECT_EQ(again.state, kept.state);
    EXPECT_EQ(again.allocations, 0);
  }
}

TEST_F(CudaStep, ReplayedStepsTakeNoMemoryAndNeverWait) {
  const Outcome captured = train({});
  EXPECT_EQ(captured.allocations, 0);
  EXPECT_EQ(captured.synchronizations, 0);
}

TEST_F(CudaStep, AFailureInsideTheCaptureLeavesTheStreamUsable) {
  const Queue queue{Device::cuda, cuda::create_stream()};
  {
    StepGraph graph(queue);
    const Tensor x = Tensor::zeros(Device::cuda, DType::f32, {4});
    int runs = 0;
    const auto body = [&]() -> Loss {
      cuda::zero(queue.stream, x);
      if (++runs == 3) throw std::runtime_error("no memory");
      return {};
    };
    const StepGraph::Key key{x.view().data, nullptr, 4};
    for (int i = 0; i < 2; ++i) graph.run(key, body);
    EXPECT_THROW(graph.run(key, body), std::runtime_error);
    graph.run(key, body);
    EXPECT_EQ(runs, 4) << "captured on the next attempt";
    graph.run(key, body);
    EXPECT_EQ(runs, 4) << "and replayed afterwards";
    EXPECT_EQ(x.to_vector(), std::vector<float>(4, 0.0f));
  }
  cuda::destroy_stream(queue.stream);
}

}  // namespace
}  // namespace skein
