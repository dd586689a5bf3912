// skein train as MPI processes: the same bits as threads, and the end of all ranks when one fails. Needs mpirun.
#include <gtest/gtest.h>

#include "tests/support/certificates.h"
#include "tests/support/multi_worker_run.h"
#include "tests/support/start_mpi_processes.h"

namespace skein::testing {
namespace {

const std::string kRun = kMultiWorkerRun;

class MpiTrain : public ::testing::Test {
  void SetUp() override {
    if (cuda::emulated()) GTEST_SKIP() << "the sanitizers see the same over TCP (tests/train/tcp_train_test.cpp)";
    if (!can_run_mpi()) GTEST_SKIP() << "there is no mpirun, or skein was built without MPI";
  }

 protected:
  std::string folder(const std::string& name) const { return (dir_ / name).string(); }
  TempDir dir_;
};

// Every schedule x compression x momentum, averaged gradients, and every kind of running statistics.
TEST_F(MpiTrain, ProcessesGetTheBitsOfThreadsInEveryConfiguration) {
  const ProgramOutput output = mpirun("-np 4 " + kRank + " grid " + dir_.str());
  ASSERT_EQ(output.status, 0) << output.err;
  expect_lines_of_threads(dir_, all_configurations());
}

TEST_F(MpiTrain, TheProgramEndsWithTheSameCheckpoint) {
  const ProgramOutput threads = shell(kRun + "--workers 4 --out " + folder("threads"));
  EXPECT_EQ(threads.status, 0) << threads.err;
  const ProgramOutput processes = mpirun("-np 4 " + kRun + "--out " + folder("processes"));
  EXPECT_EQ(processes.status, 0) << processes.err;
  expect_parts(processes.out, {"workers  4, in 4 processes with 1 thread each", "done     test top-1"});
  EXPECT_EQ(processes.out.find("done"), processes.out.rfind("done")) << "said by more than one process";
  expect_same_run(folder("threads"), folder("processes"), 4);
  const ProgramOutput both = mpirun("-np 2 " + kRun + "--workers 4 --out " + folder("both"));
  EXPECT_EQ(both.status, 0) << both.err;
  expect_parts(both.out, {"workers  4, in 2 processes, 1 at a time in each"});
  expect_same_run(folder("threads"), folder("both"), 4);
}

TEST_F(MpiTrain, DoesNotPromiseToEncrypt) {
  const Authority authority("run");
  const ProgramOutput refused = mpirun("-np 2 " + kRun + "--tls " + option_of(authority.sign("node")));
  EXPECT_NE(refused.status, 0);
  expect_parts(refused.err, {"--tls: MPI has connections of its own", "Set MASTER_ADDR"});
}

// Four parts of one run: threads, processes, processes, threads.
TEST_F(MpiTrain, ThreadsAndProcessesGoOnWithEachOther) {
  const std::string whole = folder("whole"), parts = folder("parts");
  ASSERT_EQ(shell(kRun + "--workers 4 --out " + whole).status, 0);
  ASSERT_EQ(shell(kRun + "--workers 4 --limit-steps 2 --out " + parts).status, 0);
  for (const char* steps : {"2", "3"}) {
    const ProgramOutput resumed =
        mpirun("-np 4 " + kSkein + " train --limit-steps " + std::string(steps) + " --resume " + parts);
    EXPECT_EQ(resumed.status, 0) << resumed.err;
    expect_parts(resumed.out, {"resume   from step", "stopped  after step"});
  }
  EXPECT_EQ(open_checkpoint(last(parts)).state.step, 7);
  ASSERT_EQ(shell(kSkein + " train --resume " + parts).status, 0);
  expect_same_run(whole, parts, 4);
}

// Convolutions are measured by rank 0, used by all ranks, kept in the checkpoint and used when the run is resumed.
TEST_F(MpiTrain, ConvolutionsAreChosenOnceForAll) {
  const std::string a = folder("a"), b = folder("b");
  const ProgramOutput processes = mpirun("-np 4 " + kRun + "--conv auto --limit-steps 4 --out " + a);
  ASSERT_EQ(processes.status, 0) << processes.err;
  EXPECT_FALSE(open_checkpoint(last(a)).conv_choices.empty());
  std::filesystem::copy(a, b, std::filesystem::copy_options::recursive);
  EXPECT_EQ(mpirun("-np 4 " + kSkein + " train --resume " + a).status, 0);
  EXPECT_EQ(shell(kSkein + " train --resume " + b).status, 0);
  expect_same_run(a, b, 4);
}

TEST_F(MpiTrain, AnotherNumberOfWorkersIsRefused) {
  const ProgramOutput other = mpirun("-np 4 " + kRun + "--workers 3 --out " + folder("run"));
  EXPECT_EQ(other.status, 2);
  expect_parts(other.err, {"--workers 3: 4 processes were started together, which cannot have as many each"});
  EXPECT_EQ(other.err.find("--workers 3"), other.err.rfind("--workers 3")) << "said more than once: " << other.err;
}

TEST_F(MpiTrain, AnotherNumberOfProcessesGoesOnFromTheConsensusOnly) {
  const std::string run = folder("run");
  ASSERT_EQ(shell(kRun + "--workers 4 --limit-steps 7 --out " + run).status, 0);
  const std::string resume = kSkein + " train --resume " + run;
  const ProgramOutput refused = mpirun("-np 3 " + resume);
  EXPECT_EQ(refused.status, 2);
  expect_parts(refused.err, {"the run has 4 workers", "3 processes", "that divides 4", "--from-consensus"});
  const ProgramOutput restarted = mpirun("-np 2 " + resume + " --from-consensus");
  EXPECT_EQ(restarted.status, 0) << restarted.err;
  expect_parts(restarted.out, {"restart  2 workers from the average of 4, in epoch 2", "dropped: momentum",
                               "error memory", "2 steps"});
  const Checkpoint end = open_checkpoint(last(run));
  EXPECT_EQ(end.info.config.workers, 2);
  EXPECT_EQ(end.state.step, 20) << "two epochs of ten steps";
  EXPECT_FALSE(std::filesystem::exists(last(run) + "/worker-2.safetensors"));
}

TEST_F(MpiTrain, DisagreementIsNamedByRankAndField) {
  const std::string other =
      " : -np 1 " + kRun + "--weight-decay 0.5 --out " + folder("run") + " : -np 1 " + kRun + "--out " + folder("run");
  const ProgramOutput config = mpirun("-np 2 " + kRun + "--out " + folder("run") + other);
  EXPECT_EQ(config.status, 2) << config.err;
  expect_parts(
      config.err,
      {"skein: the processes of a run must be alike, but on rank 2 --weight-decay is '0.5', on rank 0 '0.0001'"});
  EXPECT_FALSE(std::filesystem::exists(folder("run")));
}

TEST_F(MpiTrain, OtherDataIsNoticed) {
  std::string commands;
  for (const int64_t label_bytes : {1, 1, 2}) {  // rank 2 has other images in its files
    const std::string data = folder(fmt::format("data{}", label_bytes));
    if (!std::filesystem::exists(data)) {
      Splits splits = open_dataset("synthetic", {.seed = uint64_t(label_bytes), .synthetic = {48, 8, 8, 3, 4}});
      std::filesystem::create_directories(data);
      write_packed(data + "/set.skein", splits);
    }
    commands += fmt::format(
        "{}-np 1 sh -c 'cd {} && exec {} train --model resnet8 --data set.skein --epochs 1 --batch 8 --threads 1 "
        "--out {}'",
        commands.empty() ? "" : " : ", data, kSkein, folder("run"));
  }
  const ProgramOutput output = mpirun(commands);
  EXPECT_EQ(output.status, 2) << output.err;
  expect_parts(output.err, {"on rank 2 the fingerprint of the training images is"});
}

TEST_F(MpiTrain, AFileThatOneRankCannotReadIsNamed) {
  const std::string good = kSkein + " train --data synthetic --threads 1 --out " + folder("run");
  const ProgramOutput output =
      mpirun("-np 2 " + good + " --config /dev/null : -np 1 " + good + " --config /nonexistent.toml");
  EXPECT_EQ(output.status, 2) << output.err;
  expect_parts(output.err, {"skein: rank 2: /nonexistent.toml"});
}

// So long that only a signal ends it.
const std::string kEndlessMpi = kRun + "--epochs 100000 --sync local:H=5 --out ";

TEST_F(MpiTrain, TermOfOneRankStopsAllAndSaves) {
  const std::string run = folder("run");
  const auto ready = [&] { return read_file(run + "/summary.csv").find("\n3,") != std::string::npos; };
  const ProgramOutput stopped = mpirun_and_signal("-np 4 " + kEndlessMpi + run, run, SIGTERM, ready);
  EXPECT_EQ(stopped.status, 128 + SIGTERM) << stopped.err;
  expect_parts(stopped.out, {"stopped  after step", "go on    skein train --resume " + run});
  const ProgramOutput resumed = mpirun("-np 4 " + kSkein + " train --limit-steps 5 --resume " + run);
  EXPECT_EQ(resumed.status, 0) << resumed.err;
}

TEST_F(MpiTrain, ARankThatIsKilledEndsTheRun) {
  const std::string run = folder("run");
  const auto ready = [&] { return read_file(run + "/summary.csv").find("\n2,") != std::string::npos; };
  const auto begin = std::chrono::steady_clock::now();
  const ProgramOutput killed = mpirun_and_signal("-np 4 " + kEndlessMpi + run, run, SIGKILL, ready);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  EXPECT_NE(killed.status, 0);
  expect_parts(killed.out + killed.err, {"rank 2", "signal 9"});
  EXPECT_FALSE(pid_of_rank(run, 0)) << "rank 0 goes on alone";
  EXPECT_EQ(mpirun("-np 4 " + kSkein + " train --limit-steps 5 --resume " + run).status, 0) << "the last checkpoint";
}

// One rank's disk is full: all ranks end, and the older checkpoint is complete. MPI must not use shared memory, to
// whose files the limit would apply too.
TEST_F(MpiTrain, ARankThatCannotWriteEndsTheRun) {
  const std::string run = folder("run");
  ASSERT_EQ(shell(kRun + "--workers 4 --limit-steps 6 --out " + run).status, 0);
  const std::string resume = kSkein + " train --limit-steps 2 --resume " + run;
  const ProgramOutput full = mpirun(fmt::format(
      "--mca btl self,tcp -np 2 {0} : -np 1 sh -c 'trap \"\" XFSZ; ulimit -f 200; exec {0}' : -np 1 {0}", resume));
  EXPECT_EQ(full.status, 1) << full.err;
  expect_parts(full.err, {"skein: checkpoint " + last(run) + " was not written: rank 2: ", "worker-2.safetensors",
                          "The checkpoint of step 6 is kept"});
  EXPECT_EQ(open_checkpoint(last(run)).state.step, 6);
  EXPECT_EQ(mpirun("-np 4 " + resume).status, 0);
}

}  // namespace
}  // namespace skein::testing
