#include "base/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <barrier>
#include <thread>
#include <vector>

#include "tests/support/data_files.h"

namespace skein {
namespace {

using testing::TempDir;

TEST(Files, ReadsFilesAndPipes) {
  const TempDir dir;
  const std::string file = (dir / "a").string();
  const std::string text = std::string(200'000, 'x') + "end";
  write_text(file, text);
  EXPECT_EQ(read_text(file), text);
  write_text(file, "");
  EXPECT_EQ(read_text(file), "");
  EXPECT_NE(read_text("/proc/self/status").find("Name:"), std::string::npos);  // a file whose size is 0
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "piped", 5), 5);
  close(ends[1]);
  EXPECT_EQ(read_text("/dev/fd/" + std::to_string(ends[0])), "piped");
  close(ends[0]);
}

TEST(Files, RefusesWhatHasNoEnd) {
  const TempDir dir;
  const std::string pipe = (dir / "p").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  testing::expect_error<BadInput>([&] { read_text(pipe); }, {pipe, "nobody writes to"});
  testing::expect_error<BadInput>([] { read_text("/dev/zero"); }, {"/dev/zero", "64 MB"});
  testing::expect_error<BadInput>([&] { read_text((dir / ".").string()); }, {"cannot be read", "directory"});
  testing::expect_error<BadInput>([&] { read_text((dir / "none").string()); }, {"cannot be read", "No such file"});
}

TEST(Files, FoldersAreMadeByWhoComesFirst) {
  const TempDir dir;
  const std::string file = (dir / "file").string();
  write_text(file, "");
  EXPECT_THROW(make_folders(file), std::filesystem::filesystem_error);
  EXPECT_THROW(make_folders(file + "/below"), std::filesystem::filesystem_error);
  for (int i = 0; i < 100; ++i) {
    const std::string folder = (dir / std::to_string(i) / "a" / "run").string();
    std::barrier together(4);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        together.arrive_and_wait();
        EXPECT_NO_THROW(make_folders(folder));
      });
    threads.clear();
    EXPECT_TRUE(std::filesystem::is_directory(folder));
  }
}

}  // namespace
}  // namespace skein
