// Training with several workers: the identities of local SGD, and the same bits when a run is stopped and resumed,
// repeated, or computed with other numbers of threads.
#include <gtest/gtest.h>

#include "tests/support/small_training_run.h"
#include "train/run/checkpoint.h"
#include "train/trainer.h"
#include "train/validate.h"

namespace skein::testing {
namespace {

TrainConfig workers_config(const std::string& sync, int64_t workers = 4) {
  TrainConfig c = small_config();
  c.workers = workers;
  c.synthetic_train = 40 * workers;  // five steps of 8 an epoch
  c.sync = sync;
  return c;
}

void expect_same_workers(const std::string& a, const std::string& b, int64_t workers) {
  expect_same_tensors(last(a) + "/model.safetensors", last(b) + "/model.safetensors");
  for (int64_t r = 0; r < workers; ++r) {
    const std::string file = fmt::format("/worker-{}.safetensors", r);
    expect_same_tensors(last(a) + file, last(b) + file);
  }
}

// The parameters of every worker and of the model at the end of a run.
std::vector<std::vector<float>> final_values(const TrainConfig& config) {
  const Splits data = open_dataset("synthetic", dataset_options(config));
  ProcessGroup alone;
  Trainer trainer(alone, make_model_info(config, data.train), data);
  trainer.run({[](const StepMetrics&) {}, [](const EpochMetrics&) {}, never});
  std::vector<std::vector<float>> all;
  for (int64_t r = 0; r < trainer.size(); ++r) all.push_back(trainer.worker(r).parameters().value.to_vector());
  all.push_back(trainer.model_parameters().value.to_vector());
  return all;
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

TEST(LocalSgd, DelayedAveragings) {
  const auto local4 = final_values(workers_config("local:H=4"));
  EXPECT_EQ(final_values(workers_config("local:H=4,delay=0")), local4);
  const auto delayed = final_values(workers_config("local:H=4,delay=2"));
  for (size_t k = 1; k < delayed.size(); ++k) EXPECT_EQ(delayed[k], delayed[0]) << "the last one is not delayed";
  EXPECT_NE(delayed, local4);
  EXPECT_NE(final_values(workers_config("local:H=4,delay=3")), delayed);
  EXPECT_NE(final_values(workers_config("local:H=4,delay=2,mix=1")), delayed);
  EXPECT_EQ(final_values(workers_config("post-local:H=4,from=1,delay=3")).size(), local4.size());
}

// Of ten steps, averagings after 3, 6 and 9: those after 3 and 6 are merged two steps later, the last ones at once.
TEST(LocalSgd, ADelayedAveragingIsOfTheStepAtItsMerge) {
  TrainConfig c = workers_config("local:H=3,delay=2"), plain = workers_config("local:H=3");
  const auto steps_of = [](const TrainConfig& config) {
    const Splits data = open_dataset("synthetic", dataset_options(config));
    ProcessGroup alone;
    Trainer trainer(alone, make_model_info(config, data.train), data);
    std::vector<StepMetrics> steps;
    trainer.run({[&](const StepMetrics& m) { steps.push_back(m); }, [](const EpochMetrics&) {}, never});
    return std::pair(steps, trainer.state().rounds);
  };
  const auto [steps, totals] = steps_of(c);
  const auto [usual, usual_totals] = steps_of(plain);
  for (const StepMetrics& m : steps) {
    const bool merges = m.step == 5 || m.step == 8 || m.step >= 9;
    EXPECT_EQ(m.sync == SyncScope::world, merges) << m.step;
    EXPECT_EQ(m.overlaps, (m.step >= 4 && m.step <= 5) || (m.step >= 7 && m.step <= 8)) << m.step;
    EXPECT_EQ(m.sent.bytes, merges ? usual[2].sent.bytes : 0) << m.step;
    EXPECT_EQ(m.round_steps, m.step <= 5 ? 5 : m.step <= 8 ? 3 : 1) << m.step;
    EXPECT_EQ(m.loss == usual[size_t(m.step - 1)].loss, m.step <= 3) << m.step;
  }
  EXPECT_EQ(totals.sent.world.bytes, usual_totals.sent.world.bytes);
  EXPECT_EQ(totals.delayed.world.bytes, totals.sent.world.bytes / 2);
  EXPECT_GT(totals.overlap, 0);
  EXPECT_LT(totals.overlap, totals.compute);
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
TEST(LocalSgd, MomentumIsKeptResetOrAveragedAmongAll) {
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

TEST(LocalSgd, BothMomentsOfAdamwAreAveragedOrReset) {
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

// Another number of epochs may be another schedule, and workers that start again have nothing to merge.
TEST(LocalSgd, AnAveragingUnderWayKeepsItsSchedule) {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  TrainConfig c = workers_config("local:H=4,delay=3,mix=1"), longer = c;
  longer.epochs = 3;
  for (const int64_t more : {4, 2}) {
    if (more == 4) train({.config = c, .out = run, .limit_steps = more}, never);
    if (more == 2) train({.config = c, .resume = run, .limit_steps = more}, never);
    const TrainState state = open_checkpoint(last(run)).state;
    EXPECT_EQ(state.to_start == SyncScope::world, more == 4);
    EXPECT_EQ(state.under_way == SyncScope::world, more == 2);
    expect_error([&] { train({.config = longer, .resume = run}, never); },
                 {"--epochs 3", "an averaging is under way", "--limit-steps 4"});
  }
  EXPECT_TRUE(train({.config = c, .resume = run, .from_consensus = true}, never));
  const TrainState end = open_checkpoint(last(run)).state;
  EXPECT_EQ(end.under_way, SyncScope::none);
  EXPECT_EQ(end.rounds.world, 2) << "of the second epoch, steps 6 to 10: after 8 and 10, none is merged after 7";
}

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
