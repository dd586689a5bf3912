// skein train as processes that join over TCP by torchrun's environment variables, without MPI: the same bits as
// threads, and the end of all ranks when one fails.
#include <gtest/gtest.h>

#include "tests/support/multi_worker_run.h"
#include "tests/support/start_processes.h"

namespace skein::testing {
namespace {

class TcpTrain : public ::testing::Test {
 protected:
  std::string folder(const std::string& name) const { return (dir_ / name).string(); }
  TempDir dir_;
};

TEST_F(TcpTrain, ProcessesGetTheBitsOfThreads) {
  const ProgramOutput output = start_processes(4, kRank + " few-grid " + dir_.str());
  ASSERT_EQ(output.status, 0) << output.err;
  expect_lines_of_threads(dir_, few_configurations());
}

TEST_F(TcpTrain, StoppedAndGoneOnWithTheyAreTheSame) {
  if (cuda::emulated()) GTEST_SKIP() << "the sanitizers see the same on threads (tests/train/resume_test.cpp)";
  const ProgramOutput output = start_processes(4, kRank + " resumed-grid " + dir_.str());
  ASSERT_EQ(output.status, 0) << output.err;
  expect_lines_of_threads(dir_, few_configurations());
}

TEST_F(TcpTrain, TheProgramEndsWithTheSameCheckpoint) {
  for (const int ranks : {2, 4}) {
    const std::string threads = folder(fmt::format("threads{}", ranks)), processes = folder(std::to_string(ranks));
    // Four write their checkpoints while they go on, after every look at the time.
    const std::string command =
        kMultiWorkerRun + (ranks == 4 ? "--checkpoint-async --checkpoint-minutes 1e-9 --out " : "--out ");
    const ProgramOutput alone = shell(command + fmt::format("{} --workers {}", threads, ranks));
    EXPECT_EQ(alone.status, 0) << alone.err;
    const ProgramOutput together = start_processes(ranks, command + processes);
    EXPECT_EQ(together.status, 0) << together.err;
    expect_parts(together.out, {fmt::format("in {} processes with 1 thread each", ranks), "done     test top-1"});
    EXPECT_EQ(together.out.find("done"), together.out.rfind("done")) << "said by more than one process";
    expect_same_run(threads, processes, ranks);
  }
}

TEST_F(TcpTrain, GoesOnWithWhatThreadsHaveBegun) {
  const std::string whole = folder("whole"), parts = folder("parts");
  ASSERT_EQ(shell(kMultiWorkerRun + "--workers 4 --out " + whole).status, 0);
  ASSERT_EQ(shell(kMultiWorkerRun + "--workers 4 --limit-steps 4 --out " + parts).status, 0);
  // In four processes, then in two with two workers each.
  const std::string resume = kSkein + " train --resume " + parts;
  const ProgramOutput resumed = start_processes(4, resume + " --limit-steps 3");
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  const ProgramOutput in_two = start_processes(2, resume);
  EXPECT_EQ(in_two.status, 0) << in_two.err;
  expect_parts(in_two.out, {"workers  4, in 2 processes, ", " at a time in each with 1 thread each"});
  expect_same_run(whole, parts, 4);
  const ProgramOutput refused = start_processes(3, resume);
  EXPECT_EQ(refused.status, 2);
  expect_parts(refused.err, {"the run has 4 workers", "3 processes", "that divides 4", "--from-consensus"});
}

TEST_F(TcpTrain, DisagreementIsNamedByRankAndField) {
  const std::string run = kMultiWorkerRun + "--out " + folder("run");
  const ProgramOutput output = start_processes({run, run, run + " --weight-decay 0.5"});
  EXPECT_EQ(output.status, 2) << output.err;
  expect_parts(
      output.err,
      {"skein: the processes of a run must be alike, but on rank 2 --weight-decay is '0.5', on rank 0 '0.0001'"});
  EXPECT_FALSE(std::filesystem::exists(folder("run")));
}

TEST_F(TcpTrain, AVariableThatIsMissingIsNamed) {
  const ProgramOutput no_port = shell("RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 " + kMultiWorkerRun);
  expect_failure(no_port, 2, {"MASTER_PORT is not set", "Set both alike for all of them"});
}

TEST_F(TcpTrain, ARankThatThrowsTellsTheOthers) {
  const ProgramOutput output = start_processes(4, kRank + " throw");
  EXPECT_NE(output.status, 0);
  expect_parts(output.err, {"skein: rank 2: the disk is full"});
  EXPECT_TRUE(output.err.find("rank 2 gave up: the disk is full") != std::string::npos ||
              output.err.find("rank 2 has ended") != std::string::npos)
      << output.err;
}

// So long that only a signal ends it.
const std::string kEndless = kMultiWorkerRun + "--epochs 100000 --sync local:H=5 --out ";

TEST_F(TcpTrain, TermOfOneRankStopsAllAndSaves) {
  const std::string run = folder("run");
  const auto ready = [&] { return read_file(run + "/summary.csv").find("\n3,") != std::string::npos; };
  const ProgramOutput stopped =
      start_and_signal([&] { return start_processes(4, kEndless + run); }, run, SIGTERM, ready);
  EXPECT_EQ(stopped.status, 128 + SIGTERM) << stopped.err;
  expect_parts(stopped.out, {"stopped  after step", "go on    skein train --resume " + run});
  const ProgramOutput resumed = shell(kSkein + " train --limit-steps 5 --resume " + run);
  EXPECT_EQ(resumed.status, 0) << resumed.err;
}

TEST_F(TcpTrain, ARankThatIsKilledEndsTheRun) {
  const std::string run = folder("run");
  const auto ready = [&] { return read_file(run + "/summary.csv").find("\n2,") != std::string::npos; };
  const auto begin = std::chrono::steady_clock::now();
  const ProgramOutput killed =
      start_and_signal([&] { return start_processes(4, kEndless + run + " --checkpoint-async"); }, run, SIGKILL, ready);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  EXPECT_NE(killed.status, 0);
  expect_parts(killed.err, {"skein: rank 0: rank", "rank 2 has ended"});
  EXPECT_FALSE(pid_of_rank(run, 0)) << "rank 0 goes on alone";
  EXPECT_EQ(shell(kSkein + " train --limit-steps 5 --resume " + run).status, 0) << "the last checkpoint";
}

// Starts the ranks with torchrun itself, if it works here (PyTorch 1.13's does not under Python 3.11). With
// --standalone the port is free; with --master_port torchrun's own store uses it.
TEST_F(TcpTrain, UnderTorchrun) {
  const std::string torchrun = "torchrun --no_python --nproc_per_node ";
  if (shell(torchrun + "1 true").status != 0) GTEST_SKIP() << "there is no torchrun that works";
  const std::string threads = folder("threads");
  ASSERT_EQ(shell(kMultiWorkerRun + "--workers 2 --out " + threads).status, 0);
  for (const bool standalone : {true, false}) {
    const std::string where = standalone ? "--standalone" : fmt::format("--master_port {}", free_port());
    const std::string run = folder(where.substr(2, 6));
    const ProgramOutput output = shell(fmt::format("{}2 {} {} --out {}", torchrun, where, kMultiWorkerRun, run));
    EXPECT_EQ(output.status, 0) << output.err;
    expect_same_run(threads, run, 2);
  }
}

}  // namespace
}  // namespace skein::testing
