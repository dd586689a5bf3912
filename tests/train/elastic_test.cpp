// skein train --elastic as processes: they are killed, stopped, refused, started again, and each run is replayed from
// its membership.jsonl to the bit.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <iterator>
#include <sstream>

#include "base/check.h"
#include "base/simd.h"
#include "tests/support/background_process.h"
#include "tests/support/need_gpu.h"
#include "tests/support/small_training_run.h"
#include "train/elastic/chair_name.h"
#include "train/elastic/membership_file.h"

namespace skein::testing {
namespace {

// One epoch, without evaluations in between.
const std::string kLong = "--epochs 1 --synthetic-train 4000";

class Elastic : public ::testing::Test {
 protected:
#if SKEIN_CLANG_HAS(address_sanitizer)
  // A program under AddressSanitizer takes so long to start that the others may have ended when it has.
  void SetUp() override { GTEST_SKIP() << "processes that come and go are run without sanitizers"; }
#endif
  using Process = std::unique_ptr<BackgroundProcess>;

  std::vector<std::string> command(const std::string& elastic, const std::string& more = "") const {
    std::istringstream words(
        kSkein +
        " train --model resnet8 --data synthetic --synthetic-train 384 --synthetic-test 30 --synthetic-size 8 --epochs "
        "2 "
        "--batch 8 --eval-batch 30 --lr 0.01 --conv onednn --threads 1 --device cpu --sync local:H=2 --out " +
        run_ + " --elastic " + elastic + " " + more);
    return {std::istream_iterator<std::string>(words), {}};
  }
  Process start(const std::string& elastic, const std::string& more = "") const {
    return std::make_unique<BackgroundProcess>(command(elastic, more));
  }
  std::vector<Process> start_all(int n, const std::string& elastic, const std::string& more = "") const {
    std::vector<Process> all;
    for (int i = 0; i < n; ++i) all.push_back(start(elastic, more));
    return all;
  }
  int64_t rounds() const {
    try {
      return rounds_in(run_);
    } catch (const BadInput&) {
      return -1;  // it is being written
    }
  }
  void wait_for_round(int64_t n) const {
    wait_until([&] { return rounds() >= n; }, 60, fmt::format("round {}", n));
  }
  void stop_for_three_rounds(const BackgroundProcess& p) const {
    p.signal(SIGSTOP);
    const int64_t before = rounds();
    wait_for_round(before + 3);
    p.signal(SIGCONT);
  }
  // The process of a member, by what it prints.
  static BackgroundProcess& member(std::vector<Process>& all, int64_t id) {
    BackgroundProcess* found = nullptr;
    wait_until(
        [&] {
          for (const Process& p : all)
            if (p->out().find(fmt::format("member   {}", id)) != std::string::npos) found = p.get();
          return found != nullptr;
        },
        20, fmt::format("member {}", id));
    if (!found) throw std::logic_error("a member is missing");
    return *found;
  }
  // All are members of a round, of which some more are done.
  void wait_for_members(size_t n) const {
    wait_until([&] { return rounds() > 0 && merges().back().ids.size() == n; }, 20, fmt::format("{} members", n));
    wait_for_round(rounds() + 2);
  }
  Membership file() const { return read_membership(run_); }
  std::vector<MembershipLine> merges() const {
    std::vector<MembershipLine> all;
    for (const MembershipLine& line : file().lines)
      if (line.kind == MembershipLine::Kind::round) all.push_back(line);
    return all;
  }
  void expect_replay(bool complete = true) const {
    const ProgramOutput replay = skein("train --replay " + run_);
    EXPECT_EQ(replay.status, 0) << replay.err << replay.out;
    expect_parts(replay.out, {fmt::format("{} rounds repeated", rounds()), "to the bit"});
    EXPECT_EQ(replay.out.find("not complete") == std::string::npos, complete) << replay.out;
  }
  void expect_complete(std::vector<Process>& all, const std::vector<size_t>& but = {}) const {
    for (size_t i = 0; i < all.size(); ++i)
      if (std::find(but.begin(), but.end(), i) == but.end()) {
        EXPECT_EQ(all[i]->wait(60), 0) << i << ": " << all[i]->out() << all[i]->err();
      }
  }

  TempDir dir_;
  std::string run_ = (dir_ / "run").string();
};

TEST_F(Elastic, WithoutFaultsEverySampleCountsOncePerEpoch) {
  auto all = start_all(3, "min=3", "--outer-momentum 0.5");
  expect_complete(all);
  const auto lines = merges();
  ASSERT_EQ(lines.size(), 16u);  // 384 samples, 3 * 2 * 8 in a round, 2 epochs
  for (const MembershipLine& line : lines) {
    EXPECT_EQ(line.samples, (std::vector<int64_t>{16, 16, 16}));
    EXPECT_EQ(line.merged.size(), 3u);
  }
  EXPECT_EQ(lines_of(dir_ / "run" / "summary.csv").size(), 3u);
  EXPECT_TRUE(std::filesystem::exists(last(run_) + "/worker-0.safetensors")) << "the outer momentum";
  expect_replay();
  const ProgramOutput eval = skein("eval --checkpoint " + run_ + "/checkpoints/last --threads 1");
  EXPECT_EQ(eval.status, 0) << eval.err;
}

TEST_F(Elastic, AKilledMemberLosesItsRoundAlone) {
  auto all = start_all(3, "min=1,grace=5s", kLong);
  wait_for_members(3);
  BackgroundProcess& victim = member(all, 2);
  victim.kill();
  for (Process& p : all)
    if (p.get() != &victim) {
      EXPECT_EQ(p->wait(60), 0) << p->out() << p->err();
    }
  const auto lines = merges();
  EXPECT_EQ(lines.back().ids, (std::vector<int64_t>{0, 1})) << "members";
  int64_t trained = 0;
  for (const MembershipLine& line : lines)
    for (size_t i = 0; i < line.ids.size(); ++i)
      if (std::find(line.merged.begin(), line.merged.end(), line.ids[i]) != line.merged.end())
        trained += line.samples[i];
  EXPECT_EQ(trained, 4000);
  expect_replay();
}

TEST_F(Elastic, TheChairMayBeKilledAndAllButOne) {
  auto all = start_all(4, "min=1,grace=5s", kLong);
  wait_for_members(4);
  member(all, 0).kill();
  const int64_t before = rounds();
  wait_for_round(before + 2);
  for (const int64_t id : {1, 3}) member(all, id).kill();
  EXPECT_EQ(member(all, 2).wait(60), 0) << member(all, 2).out() << member(all, 2).err();
  expect_parts(member(all, 2).out(), {"has become the chair", "done "});
  EXPECT_EQ(merges().back().ids, (std::vector<int64_t>{2}));
  EXPECT_TRUE(std::filesystem::exists(last(run_)));
  expect_replay();
}

TEST_F(Elastic, AStoppedMemberIsDroppedAndJoinsAgain) {
  auto all = start_all(3, "min=1,grace=300ms", kLong);
  wait_for_members(3);
  BackgroundProcess& stopped = member(all, 1);
  stop_for_three_rounds(stopped);
  expect_complete(all);
  expect_parts(stopped.out(), {"dropped  member 1", "joins ", "member   3"});
  bool lost = false;
  for (const MembershipLine& line : merges()) lost |= line.lost == std::vector<int64_t>{1};
  EXPECT_TRUE(lost);
  expect_replay();
}

TEST_F(Elastic, AStoppedChairIsReplacedAndJoinsAgain) {
  auto all = start_all(3, "min=1,grace=300ms", kLong);
  wait_for_members(3);
  BackgroundProcess& stopped = member(all, 0);
  stop_for_three_rounds(stopped);
  expect_complete(all);
  expect_parts(stopped.out(), {"dropped  member 0", "joins "});
  expect_replay();
}

TEST_F(Elastic, OfTwoNeitherGoesOnWithoutTheOther) {
  auto all = start_all(2, "min=1,grace=200ms", kLong + " --timeout 1s");
  wait_for_members(2);
  member(all, 1).signal(SIGSTOP);
  EXPECT_EQ(member(all, 0).wait(20), 1);
  expect_parts(member(all, 0).err(),
               {"1 of the 2 members", "no majority", "has saved the consensus of round", "alone-0"});
  EXPECT_TRUE(std::filesystem::exists(run_ + "/checkpoints/alone-0/model.safetensors"));
  expect_replay(false);
}

TEST_F(Elastic, NewcomersEnterAndOthersAreRefused) {
  auto all = start_all(1, "min=1,max=3", kLong);
  wait_for_round(2);
  BackgroundProcess rate(command("min=1,max=3", kLong + " --weight-decay 0.5"));
  EXPECT_EQ(rate.wait(30), 2);
  expect_parts(rate.err(), {"refuses this process", "--weight-decay is '0.5'", "the run has --weight-decay"});
  BackgroundProcess secret(command("min=1,max=3", kLong), {"SKEIN_SECRET=of-another-run-entirely"});
  EXPECT_EQ(secret.wait(30), 2);
  expect_parts(secret.err(), {"this process was given a secret, but the run was not"});
  all.push_back(start("min=1,max=3", kLong));
  wait_until([&] { return merges().back().ids.size() == 2 || !all[0]->runs(); }, 30, "the newcomer");
  Process third = start("min=1,max=3", kLong);
  third->kill();  // at any moment of its copy
  expect_complete(all);
  EXPECT_EQ(merges().back().ids.front(), 0);
  expect_replay();
}

// On the emulator a program takes long to start: nobody comes or goes here. Short batches at the end of an epoch.
TEST(ElasticOnGpu, TwoMembersTrainAndTheReplayHasTheirBits) {
  SKIP_IF(gpu_absent());
  for (const std::string more : {"", " --dtype bf16 --outer-momentum 0.5 --trivial-augment"}) {
    const TempDir dir;
    const std::string run = (dir / "run").string();
    const std::string all = kSkein +
                            " train --model resnet8 --data synthetic --synthetic-train 44 --synthetic-test 10 "
                            "--synthetic-size 8 --epochs 2 --batch 4 --eval-batch 10 --lr 0.01 --sync local:H=4 "
                            "--elastic min=2,grace=60s --out " +
                            run + more;
    std::istringstream words(all + " --device cuda");
    const std::vector<std::string> command{std::istream_iterator<std::string>(words), {}};
    BackgroundProcess one(command);
    wait_until([&] { return std::filesystem::exists(run + "/chair.json"); }, 60, "the chair");
    const ProgramOutput on_cpu = shell(all + " --device cpu");
    EXPECT_EQ(on_cpu.status, 2) << on_cpu.out;
    expect_parts(on_cpu.err, {"refuses this process", "--device"});
    BackgroundProcess other(command);
    for (BackgroundProcess* p : {&one, &other}) EXPECT_EQ(p->wait(120), 0) << p->out() << p->err();
    const Membership file = read_membership(run);
    EXPECT_TRUE(std::any_of(file.header.convolutions.begin(), file.header.convolutions.end(),
                            [](const ConvChoice& c) { return c.layer.starts_with("gpu: "); }));
    EXPECT_EQ(file.lines.back().round, 4);
    EXPECT_EQ(file.lines.back().samples, (std::vector<int64_t>{6, 6}));
    const ProgramOutput replay = skein("train --replay " + run);
    EXPECT_EQ(replay.status, 0) << replay.err << replay.out;
    expect_parts(replay.out, {"4 rounds repeated", "to the bit"});
  }
}

TEST(ElasticChair, ARunIsEncryptedForAllOrForNone) {
  const TempDir dir;
  const std::string run = dir.str();
  EXPECT_NO_THROW(require_same_encryption(run, true)) << "of a new run";
  for (const bool encrypted : {true, false}) {
    write_chair(run, chair_text("127.0.0.1:1", encrypted));
    EXPECT_NO_THROW(require_same_encryption(run, encrypted));
    expect_error([&] { require_same_encryption(run, !encrypted); },
                 {"--tls", run, encrypted ? "is encrypted" : "is not encrypted", "remove", "/chair.json"});
  }
}

TEST_F(Elastic, AllMayEndAndTheSameCommandGoesOn) {
  const std::string epochs = "--epochs 3 --synthetic-train 800";
  auto all = start_all(2, "min=2,grace=5s", epochs);
  wait_until([&] { return std::filesystem::exists(last(run_)); }, 20, "a checkpoint");
  for (Process& p : all) p->signal(SIGKILL);
  for (Process& p : all) p->wait(10);
  auto again = start_all(2, "min=2,grace=5s", epochs);
  expect_complete(again);
  const auto lines = merges();
  EXPECT_EQ(lines.size(), 75u);
  const Membership all_lines = file();
  EXPECT_TRUE(std::any_of(all_lines.lines.begin(), all_lines.lines.end(),
                          [](const MembershipLine& line) { return line.kind == MembershipLine::Kind::resume; }));
  expect_replay();
  const ProgramOutput once_more = shell(fmt::format("{}", fmt::join(command("min=2,grace=5s", epochs), " ")));
  EXPECT_EQ(once_more.status, 0) << once_more.err;
  expect_parts(once_more.out, {"is complete"});
}

TEST_F(Elastic, AnEditedFileIsNoticedByName) {
  auto all = start_all(2, "min=2", "--epochs 1");
  expect_complete(all);
  const std::string path = run_ + kMembershipFile, good = read_file(path);
  const auto expect_refused = [&](const std::string& text, int status, const std::vector<std::string>& parts) {
    write_file(path, text);
    const ProgramOutput replay = skein("train --replay " + run_);
    EXPECT_EQ(replay.status, status) << replay.out << replay.err;
    expect_parts(replay.err, parts);
  };
  const auto changed = [&](std::string from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from, text.find("\"round\":5,"));
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  expect_refused(changed("\"merged\":[0,1],\"lost\":[]", "\"merged\":[0],\"lost\":[1]"), 1,
                 {"round 5 (line", "the consensus is"});
  expect_refused(changed("\"samples\":[16,16]", "\"samples\":[16,8]"), 2,
                 {"line", "member 1 has 8 samples in round 5"});
  expect_refused(changed("\"consensus\":\"", "\"consensus\":\"0"), 1, {"round 5 (line"});
  expect_refused(changed("\"round\":5", "\"round\":6"), 2, {"round 6 comes after round 4"});
  expect_refused(changed("\"merged\":[0,1]", "\"merged\":[0,2]"), 2, {"do not belong together"});
  expect_refused("", 2, {"has no first line"});
  write_file(path, good.substr(0, good.size() - 30));
  const ProgramOutput cut = skein("train --replay " + run_);
  EXPECT_EQ(cut.status, 0) << cut.err;
  expect_parts(cut.out, {"is not complete", "cut short"});
}

}  // namespace
}  // namespace skein::testing
