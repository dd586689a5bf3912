// Averagings that travel while the workers take more local steps.
#include <atomic>
#include <chrono>
#include <thread>

#include "comm/transports/thread_communicator.h"
#include "tests/support/workers_run.h"
#include "train/run/checkpoint.h"

namespace skein::testing {
namespace {

TEST(Delay, EndsWithOneModel) {
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
TEST(Delay, AnAveragingIsOfTheStepAtItsMerge) {
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

// Calls of one process that are under way, and how many began while another was.
struct Calls {
  std::atomic<int> under_way{0}, clashes{0};
};

// A transport whose calls take longer than a step. All of a process's communicators share its connections, as over TCP
// and MPI, so there must be one call at a time.
class SlowTransport : public Communicator {
 public:
  SlowTransport(std::unique_ptr<Communicator> ranks, Calls& calls)
      : Communicator(ranks->rank(), ranks->size(), {}), ranks_(std::move(ranks)), calls_(calls) {}

 protected:
  void do_all_reduce(View data, float scale) override {
    call([&] { ranks_->all_reduce(data, scale); });
  }
  void do_all_gather(View mine, View all) override {
    call([&] { ranks_->all_gather(mine, all); });
  }
  void do_all_to_all(View sent, View received) override {
    call([&] { ranks_->all_to_all(sent, received); });
  }
  void do_barrier() override {
    call([&] { ranks_->barrier(); });
  }
  std::unique_ptr<Communicator> do_split(int color) override {
    std::unique_ptr<Communicator> part;
    call([&] { part = ranks_->split(color); });
    return std::make_unique<SlowTransport>(std::move(part), calls_);
  }

 private:
  template <class Body>
  void call(Body&& body) {
    calls_.clashes += calls_.under_way++ > 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    body();
    --calls_.under_way;
  }

  std::unique_ptr<Communicator> ranks_;
  Calls& calls_;
};

// The first epoch ends after step 5, while the averaging of step 4 travels: the processes exchange their losses then.
TEST(Delay, ProcessesMakeOneCallAtATime) {
  const TrainConfig config = workers_config("local:H=4,delay=3", 2);
  const Splits data = open_dataset("synthetic", dataset_options(config));
  ThreadGroup ranks(2);
  Calls calls[2];
  std::vector<float> values[2];
  std::vector<std::thread> processes;
  for (int r = 0; r < 2; ++r)
    processes.emplace_back([&, r] {
      ProcessGroup group(std::make_unique<SlowTransport>(ranks.join(r), calls[r]));
      Trainer trainer(group, make_model_info(config, data.train), data);
      trainer.run({[](const StepMetrics&) {}, [](const EpochMetrics&) {}, never});
      values[r] = trainer.worker(0).parameters().value.to_vector();
    });
  for (std::thread& p : processes) p.join();
  for (const Calls& c : calls) EXPECT_EQ(c.clashes, 0);
  EXPECT_EQ(values[0], values[1]);
}

// Another number of epochs may be another schedule, and workers that start again have nothing to merge.
TEST(Delay, AnAveragingUnderWayKeepsItsSchedule) {
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

}  // namespace
}  // namespace skein::testing
