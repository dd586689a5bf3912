// MPI processes against threads, bit for bit, and how a distributed run ends when a rank fails. Needs mpirun.
#include <gtest/gtest.h>
#include <omp.h>

#include <chrono>
#include <cstring>
#include <map>
#include <thread>

#include "base/check.h"
#include "comm/launcher.h"
#include "comm/transports/mpi_communicator.h"
#include "comm/transports/thread_communicator.h"
#include "tests/support/communicator_script.h"
#include "tests/support/start_mpi_processes.h"

namespace skein::testing {
namespace {

class MpiTest : public ::testing::Test {
  void SetUp() override {
    if (!can_run_mpi()) GTEST_SKIP() << "there is no mpirun, or skein was built without MPI";
  }
};

std::vector<std::string> script_on_threads(int ranks) {
  ThreadGroup group(ranks);
  std::vector<std::string> logs(static_cast<size_t>(ranks));
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      omp_set_num_threads(1);
      const std::vector<float> log = run_script(*group.join(r));
      logs[size_t(r)].assign(reinterpret_cast<const char*>(log.data()), log.size() * sizeof(float));
    });
  for (std::thread& t : threads) t.join();
  return logs;
}

TEST_F(MpiTest, ProcessesGetTheBitsOfThreads) {
  for (const int ranks : {1, 3, 4}) {
    const TempDir dir;
    const ProgramOutput output = mpirun(fmt::format("-np {} {} script {}", ranks, kRank, dir.str()));
    ASSERT_EQ(output.status, 0) << output.err;
    const std::vector<std::string> expected = script_on_threads(ranks);
    for (int r = 0; r < ranks; ++r) {
      const std::string actual = read_file(dir / std::to_string(r));
      ASSERT_EQ(actual.size(), expected[size_t(r)].size());
      EXPECT_EQ(std::memcmp(actual.data(), expected[size_t(r)].data(), actual.size()), 0)
          << "rank " << r << " of " << ranks;
    }
  }
}

void expect_soon(const std::string& mode, const std::vector<std::string>& parts) {
  const auto start = std::chrono::steady_clock::now();
  const ProgramOutput output = mpirun("-np 4 " + kRank + " " + mode);
  EXPECT_NE(output.status, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  expect_parts(output.out + output.err, parts);
}

TEST_F(MpiTest, RankThatThrowsEndsTheRun) { expect_soon("throw", {"skein: rank 2: the disk is full"}); }
TEST_F(MpiTest, RankThatIsKilledEndsTheRun) { expect_soon("kill", {"rank 2"}); }
TEST_F(MpiTest, RankThatIsSilentIsNamed) { expect_soon("silent", {"rank 2 has not answered for 1 s"}); }
TEST_F(MpiTest, MessageOfAnotherSizeIsAnError) { expect_soon("short", {"MPI failed in wait", "truncated"}); }

// A table that says it is rank 0 of 2 and fails to send.
MpiApi stand_in() {
  MpiApi api{};
  api.start = [](MpiComm*) { return 0; };
  api.stop = [] { ADD_FAILURE() << "MPI_Finalize would wait for ranks that wait for this one"; };
  api.rank = [](MpiComm, int* rank) { return *rank = 0; };
  api.size = [](MpiComm, int* size) { return *size = 2, 0; };
  api.receive = [](MpiComm, void*, int64_t, int, int, MpiRequest*) { return 0; };
  api.send = [](MpiComm, const void*, int64_t, int, int, MpiRequest*) { return 17; };
  api.error_text = [](int code, char* text, int size) { snprintf(text, size_t(size), "code %d", code); };
  return api;
}

TEST(MpiErrors, BecomePeerLostInMpisWords) {
  const MpiApi api = stand_in();
  const auto world = join_mpi(api, 2);
  std::vector<float> x(10);
  try {
    world->all_reduce(view_of(x));
    FAIL();
  } catch (const PeerLost& e) {
    EXPECT_STREQ(e.what(), "MPI failed in send: code 17");
  }
}

TEST(MpiErrors, AnotherMpiThanTheLaunchersIsNoticed) {
  const MpiApi api = stand_in();
  try {
    join_mpi(api, 4);
    FAIL();
  } catch (const BadInput& e) {
    EXPECT_NE(std::string(e.what()).find("started 4 processes, but MPI knows of 2"), std::string::npos) << e.what();
  }
}

using Environment = std::map<std::string, std::string>;

RankInfo place_in(const Environment& variables) {
  return rank_from_environment([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Launcher, KnowsItsPlace) {
  const Environment open_mpi = {
      {"OMPI_COMM_WORLD_RANK", "5"}, {"OMPI_COMM_WORLD_SIZE", "8"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}};
  Environment in_slurm = open_mpi;
  in_slurm.insert({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}, {"SLURM_STEP_ID", "0"}, {"PMI_RANK", "0"}});
  const std::vector<std::pair<Environment, RankInfo>> table = {
      {{}, {}},
      {open_mpi, {Launcher::open_mpi, 5, 8, 1}},
      {in_slurm, {Launcher::open_mpi, 5, 8, 1}},
      {{{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}, {"MPI_LOCALRANKID", "1"}}, {Launcher::pmi, 3, 4, 1}},
      {{{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}}, {Launcher::pmi, 3, 4, 3}},
      {{{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"LOCAL_RANK", "0"}}, {Launcher::torchrun, 0, 1, 0}},
      {{{"SLURM_PROCID", "7"}, {"SLURM_NTASKS", "16"}, {"SLURM_LOCALID", "3"}, {"SLURM_STEP_ID", "0"}},
       {Launcher::slurm, 7, 16, 3}},
      {{{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "16"}, {"SLURM_LOCALID", "0"}}, {}}};  // an sbatch script
  for (const auto& [variables, place] : table) {
    SCOPED_TRACE(variables.empty() ? "none" : variables.begin()->first);
    EXPECT_EQ(place_in(variables), place);
  }
}

TEST(Launcher, NamesTheVariableThatMakesNoSense) {
  const std::vector<std::pair<Environment, std::string>> table = {
      {{{"RANK", "1"}}, "RANK is set, but WORLD_SIZE is not"},
      {{{"PMI_SIZE", "1"}}, "PMI_SIZE is set, but PMI_RANK is not"},
      {{{"RANK", "4"}, {"WORLD_SIZE", "4"}}, "RANK is 4, but there are 4 processes"},
      {{{"RANK", "-1"}, {"WORLD_SIZE", "4"}}, "RANK is '-1'"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "four"}}, "WORLD_SIZE is 'four'"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "0"}}, "WORLD_SIZE is 0"},
      {{{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "2"}},
       "OMPI_COMM_WORLD_LOCAL_RANK is 2"}};
  for (const auto& [variables, part] : table) try {
      place_in(variables);
      ADD_FAILURE() << part;
    } catch (const BadInput& e) {
      EXPECT_NE(std::string(e.what()).find("variable " + part), std::string::npos) << e.what();
    }
}

}  // namespace
}  // namespace skein::testing
