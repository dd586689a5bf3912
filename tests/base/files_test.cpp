#include "base/files.h"

#include <sys/stat.h>
#include <unistd.h>

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

}  // namespace
}  // namespace skein
