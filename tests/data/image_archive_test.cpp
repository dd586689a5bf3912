// Names, links and sparse files in archives of images.
#include <map>

#include "tests/support/encoded_files.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

struct ImageArchive : ::testing::Test {
  TempDir dir;
  fs::path images = dir / "pets", out = dir / "shards";
  std::map<std::string, std::string> files = write_jpeg_folder(images, 40, 9);
};

TEST_F(ImageArchive, LongNames) {
  const std::string name = std::string(90, 'x') + "/" + std::string(120, 'y') + ".JPEG";
  fs::create_directories((dir / "long/train" / name).parent_path());
  write_file(dir / "long/train" / name, numbered_jpeg(1));
  for (const char* format : {"gnu", "pax"}) {
    ASSERT_EQ(shell(fmt::format("cd {} && tar --format={} -cf long.tar long", dir.str(), format)).status, 0);
    const auto tar = open_archive_source((dir / "long.tar").string());
    const std::vector<bool> all(tar->entries.size(), true);
    size_t entry = 0;
    std::vector<uint8_t> bytes;
    std::string reason;
    while (tar->next(all, entry, bytes, reason) && bytes.empty()) {  // folders
    }
    EXPECT_EQ(tar->entries[entry].path, "long/train/" + name);
    EXPECT_EQ(std::string(bytes.begin(), bytes.end()), numbered_jpeg(1));
    EXPECT_FALSE(tar->next(all, entry, bytes, reason));
  }
}

// The members of an archive, as shards, by name; what is left out by reason.
TEST_F(ImageArchive, Links) {
  fs::create_hard_link(images / "train/n0/0000.JPEG", images / "train/n1/hard.JPEG");
  fs::create_symlink("../n2/0002.JPEG", images / "train/n1/soft.JPEG");
  fs::create_symlink("soft.JPEG", images / "train/n1/twice.JPEG");
  fs::create_symlink("nowhere.JPEG", images / "train/n1/dangling.JPEG");
  fs::create_symlink("..", images / "train/n1/up");
  files["n1/hard.JPEG"] = files["n0/0000.JPEG"];
  files["n1/soft.JPEG"] = files["n1/twice.JPEG"] = files["n2/0002.JPEG"];
  ASSERT_EQ(shell(fmt::format("cd {} && tar cf a.tar pets && gzip -k a.tar && mv a.tar.gz b.tar", dir.str())).status,
            0);
  for (const fs::path& from : {images, dir / "a.tar", dir / "b.tar"}) {
    const ImportReport report = import_to(from, out);
    EXPECT_EQ(report.train, 43);
    EXPECT_EQ(report.notes.size(), from == images ? 2u : 1u);  // in an archive both are links to no file of it
    expect_parts(fmt::format("{}", fmt::join(report.notes, "\n")), {"a link to ", "dangling.JPEG", "n1/up"});
    const Splits s = open_dataset(out.string());
    std::vector<uint8_t> memory;
    for (int64_t i = 0; i < s.train.size(); ++i) {
      const FileBytes bytes = shards_of(s.train).read(i, memory);
      EXPECT_EQ(std::string(bytes.begin(), bytes.end()), files.at(std::string(shards_of(s.train).name(i))));
    }
    fs::remove_all(out);
  }
}

TEST_F(ImageArchive, SparseFilesAndUtf8Names) {
  const std::string name = "train/n0/\xe7\x8c\xab \xe9.JPEG";  // a cat in UTF-8, then a byte that is no UTF-8
  write_file(images / name, numbered_jpeg(0));
  fs::resize_file(images / name, 1 << 20);
  for (const char* format : {"gnu", "pax"}) {
    ASSERT_EQ(shell(fmt::format("cd {} && tar --format={} -S -cf a.tar pets", dir.str(), format)).status, 0);
    const auto tar = open_archive_source((dir / "a.tar").string());
    std::vector<bool> wanted(tar->entries.size());
    for (size_t i = 0; i < wanted.size(); ++i) wanted[i] = tar->entries[i].path == "pets/" + name;
    EXPECT_EQ(std::count(wanted.begin(), wanted.end(), true), 1);
    size_t entry = 0;
    std::vector<uint8_t> bytes;
    std::string reason;
    ASSERT_TRUE(tar->next(wanted, entry, bytes, reason));
    EXPECT_EQ(std::string(bytes.begin(), bytes.end()), read_file(images / name));
  }
}

}  // namespace
}  // namespace skein::testing
