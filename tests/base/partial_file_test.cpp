// Files that several processes replace at the same time, and what may be in the place of a partial file.
#include "base/partial_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "base/files.h"
#include "tests/support/data_files.h"

namespace skein {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

size_t entries(const TempDir& dir) {
  return size_t(std::distance(fs::directory_iterator(dir.str()), fs::directory_iterator()));
}

TEST(PartialFile, OfSeveralWritersEachReplacesTheFileAsAWhole) {
  const TempDir dir;
  const std::string file = (dir / "log").string();
  {
    std::vector<std::jthread> writers;
    for (int w = 0; w < 4; ++w)
      writers.emplace_back([&, w] {
        for (int i = 0; i < 50; ++i) EXPECT_NO_THROW(write_text(file, std::string(100'000, char('a' + w))));
      });
    for (int i = 0; i < 200; ++i) {
      const std::string text = fs::exists(file) ? read_text(file) : std::string(100'000, 'a');
      ASSERT_EQ(text, std::string(100'000, text[0]));
    }
  }
  EXPECT_EQ(entries(dir), 1u);
}

TEST(PartialFile, TakesThePlaceOfWhatWasLeftButOfNoOtherFile) {
  const TempDir dir;
  const std::string file = (dir / "log").string(), partial = file + ".partial", other = (dir / "other").string();
  write_text(other, "years of work");
  const auto writes = [&] {
    write_text(file, "new");
    EXPECT_EQ(read_text(file), "new");
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(file)));
    EXPECT_EQ(read_text(other), "years of work");
    EXPECT_EQ(entries(dir), 2u);
  };
  testing::write_file(partial, "what a program that was killed has left");
  writes();
  fs::create_symlink(other, partial);
  writes();
  fs::create_hard_link(other, partial);
  writes();
  ASSERT_EQ(mkfifo(partial.c_str(), 0600), 0);
  writes();
  {
    PartialFile busy(file, 1);
    EXPECT_TRUE(fs::exists(partial));
    write_text(file, "new");
    EXPECT_TRUE(fs::exists(partial)) << "of the other writer";
    busy.write("b", 1);
    EXPECT_FALSE(busy.commit([] { return false; }));
    EXPECT_EQ(read_text(file), "new");
    EXPECT_TRUE(busy.commit());
    EXPECT_EQ(read_text(file), "b");
  }
  fs::create_directory(partial);
  write_text(file, "beside a folder");
  EXPECT_EQ(read_text(file), "beside a folder");
  const std::string nowhere = (dir / "none" / "log").string();
  testing::expect_error<RunFailed>([&] { write_text(nowhere, "new"); },
                                   {nowhere + ".partial", "cannot be created", "No such file", "as before"});
}

TEST(PartialFile, IsKnownByItsName) {
  for (const char* name : {"a.partial", "a.partial-2", "a.b.partial-10"}) EXPECT_TRUE(is_partial(name)) << name;
  for (const char* name : {"a", "partial", "a.partial-", "a.partial-x", "a.partial2", "a.partial.png"})
    EXPECT_FALSE(is_partial(name)) << name;
}

}  // namespace
}  // namespace skein
