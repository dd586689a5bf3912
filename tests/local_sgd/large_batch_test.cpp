// Averaging after every step against one worker with the whole batch, without the program's trainer.
#include <gtest/gtest.h>

#include "cases/op_case.h"
#include "comm/transports/thread_communicator.h"
#include "engine/layers.h"
#include "engine/optimizer.h"
#include "local_sgd/model_averager.h"
#include "train/worker_threads.h"

namespace skein::testing {
namespace {

// Compares four workers with a batch of 4 and one worker with the same 16 images. Without batch norm the averaged
// models and the one model are equal in exact arithmetic.
TEST(LocalSgd, EveryStepWithoutBatchNormIsTheLargeBatch) {
  constexpr int64_t kWorkers = 4, kRows = 4, kIn = 12, kOut = 3;
  const Queue q;
  struct Net {
    ParameterStore parameters;
    Linear fc{parameters, "fc", kIn, kOut};
    Sgd sgd{parameters, {}, Queue{}};
    Arena arena{Device::cpu};
    Tape tape{Queue{}, arena};
    Net() {
      parameters.build(Device::cpu, 1);
      sgd.set_rate(0.1f);
    }
    void step(const Tensor& x, const Tensor& labels) {
      tape.reset();
      tape.backward(cross_entropy(fc(tape.input(x)), labels).mean);
      sgd.step();
    }
  };
  Net large;
  std::vector<std::unique_ptr<Net>> nets;
  for (int64_t k = 0; k < kWorkers; ++k) nets.push_back(std::make_unique<Net>());
  ThreadGroup group(kWorkers);
  std::vector<std::unique_ptr<Communicator>> communicators(kWorkers);
  std::vector<std::unique_ptr<ModelAverager>> averagers(kWorkers);
  WorkerThreads threads(kWorkers, 1, [&](int64_t rank, const std::string& reason) { group.abort(int(rank), reason); });
  threads.run([&](int64_t r) {
    communicators[size_t(r)] = group.join(int(r));
    averagers[size_t(r)] = std::make_unique<ModelAverager>(nets[size_t(r)]->parameters, nullptr, OuterMomentum{}, q);
  });
  for (uint32_t step = 0; step < 10; ++step) {
    const Tensor x = random_tensor(q, {kWorkers * kRows, kIn}, 100 + step);
    const Tensor labels = random_labels(q, kWorkers * kRows, kOut, 200 + step);
    large.step(x, labels);
    threads.run([&](int64_t r) {
      nets[size_t(r)]->step(x.slice(r * kRows * kIn, {kRows, kIn}), labels.slice(r * kRows, {kRows}));
      averagers[size_t(r)]->average(*communicators[size_t(r)], {});
    });
  }
  const auto expected = large.parameters.value.to_vector(), actual = nets[2]->parameters.value.to_vector();
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 2e-6) << i;
}

}  // namespace
}  // namespace skein::testing
