// The momentum of the local steps after an averaging among all: kept, reset, averaged.
#include "local_sgd/sync_momentum.h"

#include "tests/support/workers_run.h"

namespace skein::testing {
namespace {

// The moments of every worker after each step, and the bytes that worker 0 has sent by then.
struct Moments {
  std::vector<std::vector<std::vector<float>>> velocity, second, updates;  // by step, then by worker
  std::vector<int64_t> bytes;
};

Moments moments_of(TrainConfig c, const std::string& sync_momentum) {
  c.sync_momentum = sync_momentum;
  const Splits data = open_dataset("synthetic", dataset_options(c));
  ProcessGroup alone;
  Trainer trainer(alone, make_model_info(c, data.train), data);
  Moments m;
  trainer.run({[&](const StepMetrics& step) {
                 for (auto* to : {&m.velocity, &m.second, &m.updates}) to->emplace_back();
                 for (int64_t r = 0; r < trainer.size(); ++r) {
                   ParameterStore& p = trainer.worker(r).parameters();
                   m.velocity.back().push_back(p.velocity.to_vector());
                   if (!p.updates.defined()) continue;
                   m.second.back().push_back(p.second_moment.to_vector());
                   m.updates.back().push_back(p.updates.to_vector());
                 }
                 m.bytes.push_back(step.sent.bytes);
               },
               [](const EpochMetrics&) {}, never});
  return m;
}

std::vector<float> mean_of(const std::vector<std::vector<float>>& workers) {
  std::vector<float> mean = workers[0];
  for (size_t i = 0; i < mean.size(); ++i) {
    for (size_t r = 1; r < workers.size(); ++r) mean[i] += workers[r][i];
    mean[i] *= 1.0f / float(workers.size());
  }
  return mean;
}

// Blocks of 2 average after steps 1, 3, 5 ..., all after 2, 4 ... of 10. The first difference between two rules is at
// the first averaging where they differ, so until there the velocities of `keep` are those before the averaging.
TEST(SyncMomentum, IsKeptResetOrAveragedAmongAll) {
  const TrainConfig c = workers_config("hierarchical:H=1,Hb=2,block=2");
  const Moments keep = moments_of(c, "keep"), reset = moments_of(c, "reset"), average = moments_of(c, "average"),
                second = moments_of(c, "average:every=2");
  EXPECT_EQ(average.velocity[0], keep.velocity[0]) << "blocks keep it";
  EXPECT_EQ(reset.velocity[0], keep.velocity[0]) << "blocks keep it";
  EXPECT_NE(keep.velocity[1][0], keep.velocity[1][1]);
  EXPECT_EQ(second.velocity[2], keep.velocity[2]) << "every second averaging among all";
  for (size_t r = 0; r < 4; ++r) {
    EXPECT_EQ(average.velocity[1][r], mean_of(keep.velocity[1])) << r;
    EXPECT_EQ(second.velocity[3][r], mean_of(keep.velocity[3])) << r;
    EXPECT_EQ(reset.velocity[1][r], std::vector<float>(keep.velocity[1][r].size())) << r;
  }
  EXPECT_EQ(reset.bytes, keep.bytes);
  for (size_t s = 0; s < keep.bytes.size(); ++s) {
    const int64_t every = s % 2 == 1 ? 2 : 1, every_second = s % 4 == 3 ? 2 : 1;
    EXPECT_EQ(average.bytes[s], every * keep.bytes[s]) << s;
    EXPECT_EQ(second.bytes[s], every_second * keep.bytes[s]) << s;
  }
}

TEST(SyncMomentum, BothMomentsOfAdamwAreAveragedOrReset) {
  TrainConfig c = workers_config("local:H=2");
  c.optimizer = OptimizerKind::adamw;
  c.epochs = 1;
  const Moments keep = moments_of(c, "keep"), average = moments_of(c, "average"), reset = moments_of(c, "reset");
  for (size_t r = 0; r < 4; ++r) {
    EXPECT_EQ(average.velocity[1][r], mean_of(keep.velocity[1])) << r;
    EXPECT_EQ(average.second[1][r], mean_of(keep.second[1])) << r;
    EXPECT_EQ(average.updates[3][r], std::vector<float>{4}) << r;
    EXPECT_EQ(reset.second[1][r], std::vector<float>(keep.second[1][r].size())) << r;
    EXPECT_EQ(reset.updates[2][r], std::vector<float>{1}) << r;
  }
  EXPECT_EQ(average.bytes[1], 3 * keep.bytes[1]);
}

}  // namespace
}  // namespace skein::testing
