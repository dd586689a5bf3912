// The files of an elastic run where the chair changes at the end of an epoch, without processes.
#include "train/elastic/chair_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "tests/support/background_process.h"
#include "tests/support/small_training_run.h"
#include "train/elastic/chair_name.h"
#include "train/elastic/member_worker.h"
#include "train/elastic/membership_file.h"
#include "train/run/checkpoint.h"

namespace skein::testing {
namespace {

bool leads() { return true; }

// A run of one member that has ended right after the end of its first epoch.
class ChairFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const ProgramOutput train = skein(
        "train --model resnet8 --data synthetic --synthetic-train 64 --synthetic-test 10 --synthetic-size 8 --epochs 1 "
        "--batch 8 --eval-batch 10 --lr 0.01 --conv onednn --threads 1 --device cpu --sync local:H=2 --elastic min=1 "
        "--out " +
        run_);
    ASSERT_EQ(train.status, 0) << train.err;
    TrainCall call;
    read_config(run_ + "/config.toml", call.config);
    call.out = run_;
    inputs_ = open_elastic_inputs(call);
    const Checkpoint saved = open_checkpoint(last(run_));
    state_.ledger = SampleLedger::whole(1, 64);
    state_.merged = {0};
    state_.round = saved.state.rounds.world;
    state_.steps = saved.state.step;
    state_.threads = 1;
    const std::vector<std::string> lines = lines_of(run_ + kMembershipFile);
    state_.record = Json::parse(lines.back());
  }
  size_t rows() const { return lines_of(run_ + "/summary.csv").size() - 1; }

  const TempDir dir_;
  const std::string run_ = (dir_ / "run").string();
  ElasticInputs inputs_;
  ElasticState state_;
};

// It has written all but what comes after its checkpoint, and the next chair may be killed at any moment: the run is
// then gone on with from that checkpoint, to which the logs must belong.
TEST_F(ChairFilesTest, TheNextChairKeepsWhatTheOneBeforeHasSaved) {
  ASSERT_TRUE(ends_epoch(state_, 64));
  ASSERT_EQ(rows(), 1u);
  ChairFiles files(inputs_, nullptr);
  ASSERT_TRUE(files.begin(state_, "127.0.0.1:1", 1, leads));
  EXPECT_TRUE(files.is_written(state_));
  EXPECT_TRUE(files.is_saved(state_));
  EXPECT_EQ(state_.averaged.last, open_checkpoint(last(run_)).state.averaged.last);
  EXPECT_EQ(state_.averaged.best_epoch, 1);
  EXPECT_EQ(rows(), 1u);
}

TEST_F(ChairFilesTest, TheNextChairDoesAgainWhatWasNotSaved) {
  // The best one is written before the last, and is gone on with where that is damaged.
  for (const std::string& checkpoint : {last(run_), run_ + "/checkpoints/best"}) {
    const std::string model = checkpoint + "/model.safetensors";
    std::string bytes = read_file(model);
    bytes[bytes.size() / 2] = char(bytes[bytes.size() / 2] ^ 1);
    write_file(model, bytes);
    const bool best_is_left = checkpoint == last(run_);
    ChairFiles files(inputs_, nullptr);
    ASSERT_TRUE(files.begin(state_, "127.0.0.1:1", 1, leads));
    EXPECT_EQ(files.is_written(state_), best_is_left);
    EXPECT_FALSE(files.is_saved(state_));
    EXPECT_EQ(rows(), best_is_left ? 1u : 0u);
  }
}

// A process that went on as if it had written would lose the line and the checkpoint of an epoch.
TEST_F(ChairFilesTest, AChairThatAnotherHasReplacedWritesNothingAndSaysSo) {
  StepContextPool contexts(one_context(), Device::cpu, false);
  MemberWorker member(inputs_.info, inputs_.data.train, 0, contexts);
  const Consensus consensus(inputs_.info.config, member.worker().parameters());
  const auto replaced = [&](auto&& by) {
    ChairFiles files(inputs_, nullptr);
    ASSERT_TRUE(files.begin(state_, "127.0.0.1:1", 1, leads));
    by();
    const std::string before = read_file(last(run_) + "/progress.json");
    EXPECT_FALSE(files.end_epoch(state_, consensus, member.worker(), contexts.first()));
    EXPECT_FALSE(files.save(state_, consensus, member.worker()));
    EXPECT_EQ(rows(), 1u);
    EXPECT_EQ(read_file(last(run_) + "/progress.json"), before);
  };
  replaced([&] { write_chair(run_, chair_text("127.0.0.1:2", false)); });
  write_chair(run_, chair_text("127.0.0.1:2", false));
  ChairFiles deposed(inputs_, nullptr);
  EXPECT_FALSE(deposed.begin(state_, "127.0.0.1:1", 1, [] { return false; }));
  EXPECT_EQ(address_of_chair(run_), "127.0.0.1:2");
  replaced([&] { append_membership(run_, {{"type", "members"}, {"round", state_.round}}); });
}

}  // namespace
}  // namespace skein::testing
