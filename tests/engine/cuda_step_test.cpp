// Training steps on a GPU, or on the emulator that stands in for one: against the CPU's, and captured against eager.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "data/formats/sources.h"
#include "data/loading/loader.h"
#include "engine/optimizer.h"
#include "engine/step_graph.h"
#include "kernels/conv.h"
#include "models/model.h"
#include "tests/support/need_gpu.h"

namespace skein::testing {
namespace {

struct Settings {
  Device device = Device::cuda;
  DType dtype = DType::f32;
  bool captured = true, recompute = false;
  int64_t images = 76, steps = 21;  // of ten steps an epoch, the last one on half a batch
  float noise = 0;                  // of the initial weights, relative
  unsigned seed = 0;
};

struct Outcome {
  std::vector<double> losses;
  std::vector<int32_t> correct;
  std::vector<float> value, state;
  int64_t allocations = 0, synchronizations = 0;  // in the last four steps
};

class CudaStep : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_IF(gpu_absent());
    cpu::force_conv_implementation("onednn");  // which one is the fastest changes from run to run
  }
  void TearDown() override { cpu::force_conv_implementation("auto"); }

  static Outcome train(const Settings& s) {
    const bool gpu = s.device == Device::cuda;
    const Queue queue{s.device, gpu ? cuda::create_stream() : nullptr};
    Outcome out;
    {
      Splits data = make_synthetic({s.images, 8, 8, 3, 10}, 5);
      if (gpu) make_resident(data.train);
      ParameterStore p;
      const auto model = make_model("resnet8", {}, p);
      p.build(s.device, 1, s.dtype);
      if (s.noise > 0) perturb(p.value, s.noise, s.seed);
      LoaderOptions options;
      options.batch = 8;
      Loader batches(data.train, options, queue, s.dtype);
      run(s, queue, p, *model, batches, out);
      out.value = p.value.to_vector();
      out.state = p.running_statistics.to_vector();
    }
    if (gpu) cuda::destroy_stream(queue.stream);
    return out;
  }

  static std::vector<std::vector<double>> perturbed(float noise) {
    std::vector<std::vector<double>> losses;
    for (unsigned seed = 1; seed <= 3; ++seed)
      losses.push_back(train({.device = Device::cpu, .noise = noise, .seed = seed}).losses);
    return losses;
  }

 private:
  static void perturb(const Tensor& weights, float noise, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> part(-noise, noise);
    const View all = weights;
    for (int64_t i = 0; i < all.numel(); ++i) all.as<float>()[i] *= 1 + part(random);
  }
  static void run(const Settings& s, Queue queue, ParameterStore& p, const Model& model, Loader& batches,
                  Outcome& out) {
    Arena arena(s.device);
    Tape tape(queue, arena);
    tape.recompute = s.recompute;
    Sgd sgd(p, {}, queue);
    StepGraph graph(queue);
    const Tensor losses = Tensor::zeros(s.device, DType::f32, {s.steps});
    const Tensor correct = Tensor::zeros(s.device, DType::i32, {s.steps * 2});
    int64_t allocations = 0, synchronizations = 0;
    for (int64_t i = 0; i < s.steps; ++i) {
      if (i == s.steps - 4) allocations = cuda::allocations(), synchronizations = cuda::synchronizations();
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
      queue.run(kernel::copy, loss.mean->value, losses.slice(i, {1}));
      queue.run(kernel::copy, loss.correct, correct.slice(2 * i, {2}));
    }
    out.allocations = cuda::allocations() - allocations;
    out.synchronizations = cuda::synchronizations() - synchronizations;
    queue.run(kernel::synchronize);
    for (const float loss : losses.to_vector()) out.losses.push_back(double(loss));
    out.correct.resize(size_t(2 * s.steps));
    queue.run(kernel::copy_to_host, correct, out.correct.data());
  }
};

// The largest relative difference of two runs' losses up to each step.
std::vector<double> drift(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> worst;
  for (size_t i = 0; i < b.size(); ++i)
    worst.push_back(std::max(worst.empty() ? 0 : worst.back(), std::abs(a[i] - b[i]) / std::abs(b[i])));
  return worst;
}

// How far two runs drift apart that differ by rounding alone depends on the network, the rate and the step, and jumps
// where a ReLU opens in one of them only. So it is measured, on the CPU, with runs whose initial weights differ as if
// they had been rounded: once to bf16, or sixteen times to f32, as sums over hundreds of products are.
void expect_drift_of_rounding(const std::vector<double>& gpu, const std::vector<double>& cpu,
                              const std::vector<std::vector<double>>& perturbed) {
  const std::vector<double> actual = drift(gpu, cpu);
  for (size_t i = 0; i < cpu.size(); ++i) {
    double rounding = 0;
    for (const std::vector<double>& run : perturbed) rounding = std::max(rounding, drift(run, cpu)[i]);
    EXPECT_LE(actual[i], 4 * rounding) << "step " << i + 1;
  }
}

TEST_F(CudaStep, FollowsTheCpuInF32) {
  const Outcome cpu = train({Device::cpu}), gpu = train({});
  expect_drift_of_rounding(gpu.losses, cpu.losses, perturbed(0x1p-20f));
}

// Eight bits of mantissa in activations and in the weights that convolutions read.
TEST_F(CudaStep, FollowsTheCpuInBf16) {
  const Outcome cpu = train({Device::cpu}), gpu = train({Device::cuda, DType::bf16});
  expect_drift_of_rounding(gpu.losses, cpu.losses, perturbed(0x1p-9f));
}

// The same bits whether the step is replayed, run, or replayed with recomputed blocks, in either type. Four steps an
// epoch: by the fourth, the half batch that ends it is replayed too.
TEST_F(CudaStep, ReplayedStepsDoWhatTheirBodiesDidAndTakeNoMemoryAndNeverWait) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Settings s{.dtype = dtype, .images = 28, .steps = 16};
    const Outcome captured = train(s);
    EXPECT_EQ(captured.allocations, 0);
    EXPECT_EQ(captured.synchronizations, 0);
    s.recompute = true;
    const Outcome recomputed = train(s);
    s.recompute = s.captured = false;
    const Outcome eager = train(s);
    for (const Outcome* other : {&eager, &recomputed}) {
      EXPECT_EQ(other->losses, captured.losses);
      EXPECT_EQ(other->correct, captured.correct);
      EXPECT_EQ(other->value, captured.value);
      EXPECT_EQ(other->state, captured.state);
    }
    EXPECT_EQ(recomputed.allocations, 0);
  }
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
}  // namespace skein::testing
