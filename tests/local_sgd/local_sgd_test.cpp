// Training with several workers: the identities of local SGD, and the same bits when a run is stopped and resumed,
// repeated, or computed with other numbers of threads.
#include <gtest/gtest.h>

#include "tests/support/workers_run.h"
#include "train/run/checkpoint.h"
#include "train/trainer.h"
#include "train/validate.h"

namespace skein::testing {
namespace {

void expect_same_workers(const std::string& a, const std::string& b, int64_t workers) {
  expect_same_tensors(last(a) + "/model.safetensors", last(b) + "/model.safetensors");
  for (int64_t r = 0; r < workers; ++r) {
    const std::string file = fmt::format("/worker-{}.safetensors", r);
    expect_same_tensors(last(a) + file, last(b) + file);
  }
}

TEST(LocalSgd, WorkersAreEqualAfterTheLastStep) {
  for (const char* sync :
       {"minibatch", "local:H=3", "post-local:H=4,from=1", "reverse:H=4,from=1", "hierarchical:H=2,Hb=2,block=2"}) {
    const auto values = final_values(workers_config(sync));
    for (size_t k = 1; k < values.size(); ++k) EXPECT_EQ(values[k], values[0]) << sync << ", " << k;
  }
}

TEST(LocalSgd, WorkersDifferBetweenTwoAveragings) {
  TrainConfig c = workers_config("local:H=7");
  const Splits data = open_dataset("synthetic", dataset_options(c));
  ProcessGroup alone;
  Trainer trainer(alone, make_model_info(c, data.train), data);
  int64_t steps = 0;
  trainer.run({[&](const StepMetrics& m) {
                 ++steps;
                 const bool equal = trainer.worker(0).parameters().value.to_vector() ==
                                    trainer.worker(1).parameters().value.to_vector();
                 EXPECT_EQ(equal, m.sync == SyncScope::world) << "step " << m.step;
                 EXPECT_EQ(m.sync == SyncScope::world, m.step == 7 || m.step == 10) << "step " << m.step;
               },
               [](const EpochMetrics&) {}, never});
  EXPECT_EQ(steps, 10);
}

TEST(LocalSgd, IdentitiesOfSchedules) {
  const auto local2 = final_values(workers_config("local:H=2"));
  EXPECT_EQ(final_values(workers_config("hierarchical:H=2,Hb=1,block=2")), local2);
  EXPECT_EQ(final_values(workers_config("hierarchical:H=2,Hb=3,block=4")), local2) << "one block of all";
  EXPECT_EQ(final_values(workers_config("hierarchical:H=1,Hb=1,block=2")), final_values(workers_config("minibatch")));
  EXPECT_EQ(final_values(workers_config("local:H=1")), final_values(workers_config("minibatch")));
  EXPECT_NE(final_values(workers_config("local:H=1")), local2);
}

TEST(LocalSgd, OneWorkerIsPlainSgdWhateverTheSchedule) {
  const auto plain = final_values(workers_config("minibatch", 1));
  EXPECT_EQ(final_values(workers_config("post-local:H=4,from=1", 1)), plain);
}

// With one worker an outer step is what it is with several whose models are equal.
TEST(LocalSgd, OneWorkerTakesOuterSteps) {
  TrainConfig c = workers_config("local:H=2", 1);
  c.epochs = 1;
  c.outer_momentum = 0.5;
  c.outer_rate = 0.7;
  std::vector<std::vector<float>> values;
  const Splits data = open_dataset("synthetic", dataset_options(c));
  ProcessGroup alone;
  Trainer trainer(alone, make_model_info(c, data.train), data);
  values.push_back(trainer.worker(0).parameters().value.to_vector());
  std::vector<double> consensus, momentum;
  trainer.run({[&](const StepMetrics& m) {
                 values.push_back(trainer.worker(0).parameters().value.to_vector());
                 EXPECT_EQ(m.sync == SyncScope::world, m.step % 2 == 0 || m.step == 5) << m.step;
               },
               [](const EpochMetrics&) {}, never});
  EXPECT_NE(values.back(), final_values(workers_config("minibatch", 1))[0]);
  const std::vector<NamedTensor> state = trainer.worker(0).state();
  ASSERT_EQ(state.size(), 5u);  // value, velocity, running statistics, consensus and momentum of the outer step
  EXPECT_EQ(state[3].tensor.to_vector(), values.back());
}

// Only block averagings read the block's consensus, but every averaging among all moves it.
TEST(LocalSgd, TheBlocksConsensusFollowsTheWorlds) {
  TrainConfig c = workers_config("hierarchical:H=2,Hb=2,block=2,from=1");
  c.outer_momentum = 0.3;
  const Splits data = open_dataset("synthetic", dataset_options(c));
  ProcessGroup alone;
  Trainer trainer(alone, make_model_info(c, data.train), data);
  int64_t worlds = 0, blocks = 0;
  trainer.run({[&](const StepMetrics& m) {
                 if (m.sync == SyncScope::none) return;
                 ++(m.sync == SyncScope::world ? worlds : blocks);
                 for (int64_t r = 0; r < 4; ++r)
                   for (const NamedTensor& t : trainer.worker(r).state())
                     if (t.name == "block.consensus") {
                       EXPECT_EQ(t.tensor.to_vector(), trainer.worker(r).parameters().value.to_vector()) << m.step;
                     }
               },
               [](const EpochMetrics&) {}, never});
  EXPECT_EQ(worlds, 5 + 2);
  EXPECT_EQ(blocks, 1);
}

TEST(LocalSgd, TheOuterStepCanBeginWithTheSwitch) {
  TrainConfig plain = workers_config("minibatch"), late = workers_config("post-local:H=2,from=1");
  late.outer_momentum = 0.5;
  late.outer_from = OuterFrom::switch_point;
  const auto values_after = [](const TrainConfig& c, int64_t steps) {
    const Splits data = open_dataset("synthetic", dataset_options(c));
    ProcessGroup alone;
    Trainer trainer(alone, make_model_info(c, data.train), data);
    trainer.run({[](const StepMetrics&) {}, [](const EpochMetrics&) {}, never, steps});
    return trainer.worker(1).parameters().value.to_vector();
  };
  EXPECT_EQ(values_after(late, 5), values_after(plain, 5)) << "mini-batch SGD until the switch";
  TrainConfig none = late;
  none.outer_momentum = 0;
  none.outer_from = OuterFrom::start;
  EXPECT_EQ(values_after(late, 6), values_after(none, 6));
  EXPECT_NE(values_after(late, 7), values_after(none, 7)) << "the first averaging after it";
}

// Averaged gradients have one momentum instead of K. While workers are equal before every step, the results are equal
// in exact arithmetic.
TEST(LocalSgd, AveragedGradientsAreAveragedModels) {
  TrainConfig c = workers_config("minibatch");
  c.epochs = 1;
  c.lr = 1e-3;  // small, so that rounding errors do not grow
  const auto models = final_values(c);
  c.average = Averaging::gradients;
  const auto gradients = final_values(c);
  for (size_t k = 1; k < gradients.size(); ++k) EXPECT_EQ(gradients[k], gradients[0]) << k;
  double difference = 0, size = 0;
  for (size_t i = 0; i < models[0].size(); ++i) {
    difference += std::pow(models[0][i] - gradients[0][i], 2);
    size += std::pow(models[0][i], 2);
  }
  EXPECT_LT(std::sqrt(difference / size), 1e-6);
}

TEST(LocalSgd, GradientsAreAveragedOnlyWhereWorkersAreEqual) {
  TrainConfig c = workers_config("post-local:H=2,from=1");
  c.average = Averaging::gradients;
  EXPECT_EQ(gradient_steps(c, {SyncScope::world, SyncScope::world, SyncScope::none, SyncScope::world}), 2);
  expect_error(
      [&] {
        gradient_steps(c, {SyncScope::none, SyncScope::world});
      },
      {"--average gradients", "--average models"});
  c.compress = "sign";
  expect_error([&] { validate(c, 1); }, {"--average gradients", "--compress"});
  c.compress = "none";
  c.noise = 0.1;
  expect_error([&] { validate(c, 1); }, {"--average gradients", "--noise"});
}

TEST(LocalSgd, AccumulatedPassesAreStepsOfTheLargerBatch) {
  TrainConfig c = workers_config("minibatch", 1);
  c.accumulate = 3;
  const Splits data = open_dataset("synthetic", dataset_options(c));
  ProcessGroup alone;
  Trainer trainer(alone, make_model_info(c, data.train), data);
  EXPECT_EQ(trainer.steps_per_epoch(), 2);
  std::vector<int64_t> images;
  trainer.run({[&](const StepMetrics& m) { images.push_back(m.images); }, [](const EpochMetrics&) {}, never});
  EXPECT_EQ(images, (std::vector<int64_t>{24, 16, 24, 16}));
  EXPECT_DOUBLE_EQ(rate_schedule(c).batch, 24);
}

// Two passes of one worker read the images that two workers read in one. The first step differs only in the order of a
// sum.
TEST(LocalSgd, AccumulatedPassesAreWorkersThatAverageGradients) {
  TrainConfig c = workers_config("minibatch", 1);
  c.synthetic_train = 2 * c.batch;
  c.epochs = 1;
  c.augment = false;
  c.base_batch = 0;
  c.accumulate = 2;
  const auto passes = final_values(c);
  c.accumulate = 1;
  c.workers = 2;
  c.average = Averaging::gradients;
  const auto workers = final_values(c);
  c.lr *= 2;
  const auto other = final_values(c);
  double difference = 0, step = 0;
  for (size_t i = 0; i < passes[0].size(); ++i) {
    difference += std::pow(passes[0][i] - workers[0][i], 2);
    step += std::pow(other[0][i] - workers[0][i], 2);
  }
  EXPECT_GT(step, 0);
  EXPECT_LT(std::sqrt(difference), 1e-4 * std::sqrt(step));
}

TEST(LocalSgd, ThreadsAndRepetitionChangeNothing) {
  const TempDir dir;
  TrainConfig c = workers_config("local:H=3", 3);
  c.compress = "ef-sign";
  for (const auto& [name, threads, parallel] :
       {std::tuple{"one", 1, 1}, {"again", 1, 1}, {"two", 2, 2}, {"three", 3, 3}}) {
    c.threads = threads;  // one for each of the workers that compute concurrently
    c.parallel = parallel;
    EXPECT_TRUE(train({.config = c, .out = (dir / name).string()}, never));
  }
  for (const char* other : {"again", "two", "three"})
    expect_same_workers((dir / "one").string(), (dir / other).string(), 3);
}

struct ResumeCase {
  const char *sync, *compress;
  double outer_momentum, momentum;
};
void PrintTo(const ResumeCase& c, std::ostream* out) { *out << c.sync << " " << c.compress << " " << c.outer_momentum; }

class LocalSgdResume : public ::testing::TestWithParam<ResumeCase> {};

TEST_P(LocalSgdResume, IsTheSameToTheBit) {
  const TempDir dir;
  const std::string whole = (dir / "whole").string(), parts = (dir / "parts").string();
  TrainConfig c = workers_config(GetParam().sync);
  c.compress = GetParam().compress;
  c.outer_momentum = GetParam().outer_momentum;
  c.momentum = GetParam().momentum;
  c.net = {"1Gbit,200us"};
  EXPECT_TRUE(train({.config = c, .out = whole}, never));
  EXPECT_FALSE(train({.config = c, .out = parts, .limit_steps = 4}, never));
  EXPECT_FALSE(train({.config = c, .resume = parts, .limit_steps = 3}, never));
  EXPECT_TRUE(train({.config = c, .resume = parts}, never));
  expect_same_workers(whole, parts, 4);
  EXPECT_EQ(without_times(whole + "/summary.csv"), without_times(parts + "/summary.csv"));
  const CommunicationTotals a = open_checkpoint(last(whole)).state.rounds,
                            b = open_checkpoint(last(parts)).state.rounds;
  EXPECT_EQ(a.world, b.world);
  EXPECT_EQ(a.block, b.block);
  EXPECT_EQ(a.bytes, b.bytes);
  EXPECT_EQ(a.delayed.world.bytes, b.delayed.world.bytes);
  if (a.delayed.world.bytes == 0) {  // else steps hide some of it, by their time
    EXPECT_DOUBLE_EQ(a.network, b.network);
  }
  EXPECT_GT(a.bytes, 0);
}

// The last but one averages after the step of the first stop, the last is under way at the second.
INSTANTIATE_TEST_SUITE_P(Schedules, LocalSgdResume,
                         ::testing::Values(ResumeCase{"minibatch", "none", 0, 0.9},
                                           ResumeCase{"local:H=3", "none", 0.75, 0.0},
                                           ResumeCase{"local:H=3", "ef-sign", 0, 0.9},
                                           ResumeCase{"post-local:H=3,from=1", "sign", 0.5, 0.9},
                                           ResumeCase{"reverse:H=3,from=1", "bf16", 0, 0.9},
                                           ResumeCase{"hierarchical:H=2,Hb=2,block=2", "ef-sign", 0.5, 0.9},
                                           ResumeCase{"hierarchical:H=2,Hb=2,block=2", "ef-q4:two-way", 0.5, 0.9},
                                           ResumeCase{"local:H=4,warmup=linear", "none", 0, 0.9},
                                           ResumeCase{"local:H=4,delay=2", "ef-sign", 0.5, 0.9},
                                           ResumeCase{"local:H=5,delay=3,mix=0.5", "none", 0.5, 0.9}));

TEST(LocalSgd, RefusesASyncThatDoesNotFit) {
  const TempDir dir;
  const auto run = [&](const std::string& sync) {
    return [&dir, sync] { train({.config = workers_config(sync), .out = (dir / "run").string()}, never); };
  };
  expect_error(run("lokal:H=3"), {"lokal"});
  expect_error(run("local"), {"H"});
  expect_error(run("hierarchical:H=2,Hb=2,block=3"), {"block"});
}

}  // namespace
}  // namespace skein::testing
