#include "base/available_memory.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

// In a root folder with files as Linux shows them.
class AvailableMemory : public ::testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((dir_ / path).parent_path());
    write_file(dir_ / path, text);
  }
  int64_t available() const { return available_memory(dir_.str()); }

  const TempDir dir_;
};

TEST_F(AvailableMemory, WithoutFilesNothingIsKnown) { EXPECT_EQ(available(), INT64_MAX); }

TEST_F(AvailableMemory, IsWhatLinuxCallsAvailableAndTheFreeSwap) {
  put("proc/meminfo",
      "MemTotal:  1000 kB\nMemFree:  10 kB\nMemAvailable:     700 kB\nSwapTotal: 90 kB\nSwapFree: 50 kB\n");
  EXPECT_EQ(available(), 750 * 1024);
}

TEST_F(AvailableMemory, TheTightestGroupCounts) {
  put("proc/meminfo", "MemAvailable: 700 kB\n");
  put("proc/self/cgroup", "0::/jobs/one\n");
  put("sys/fs/cgroup/jobs/one/memory.max", "max\n");
  put("sys/fs/cgroup/jobs/one/memory.current", "4096\n");
  put("sys/fs/cgroup/jobs/memory.max", "300000\n");
  put("sys/fs/cgroup/jobs/memory.current", "250000\n");
  put("sys/fs/cgroup/jobs/memory.stat", "anon 100000\nfile 150000\nactive_file 1000\ninactive_file 20000\n");
  EXPECT_EQ(available(), 71000);
}

// The path is the host's, which is not there; the container's own group lies at the mount.
TEST_F(AvailableMemory, WithinAContainerTheGroupLiesAtTheMount) {
  put("proc/self/cgroup", "0::/../../host/path\n");
  put("sys/fs/cgroup/memory.max", "500000\n");
  put("sys/fs/cgroup/memory.current", "600000\n");
  EXPECT_EQ(available(), 0);
}

TEST_F(AvailableMemory, GroupsOfVersionOne) {
  put("proc/self/cgroup", "12:cpu,cpuacct:/a\n4:memory:/slurm/job\n");
  put("sys/fs/cgroup/memory/slurm/job/memory.limit_in_bytes", "900000\n");
  put("sys/fs/cgroup/memory/slurm/job/memory.usage_in_bytes", "100000\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("sys/fs/cgroup/memory/memory.usage_in_bytes", "100000\n");
  EXPECT_EQ(available(), 800000);
}

TEST_F(AvailableMemory, OfThisMachineIsKnown) {
  EXPECT_GT(available_memory(), 1 << 20);
  EXPECT_LT(available_memory(), int64_t{1} << 50);
}

}  // namespace
}  // namespace skein::testing
