// Import to shards and reading them: every byte is kept, from any source, and every kind of damage has its message.
#include <unistd.h>

#include <map>

#include "base/terminal/output_lock.h"
#include "tests/support/encoded_files.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

// Sizes of the images of a split, as the index of a shard folder has them.
std::vector<ImageSize> sizes_in_index(const fs::path& folder, const std::string& split) {
  const auto index = SafetensorsFile::open((folder / kShardIndex).string());
  const View sizes = index->view(split + ".sizes", DType::i32);
  std::vector<ImageSize> result;
  for (int64_t i = 0; i < sizes.numel(); i += 2)
    result.push_back({sizes.as<const int32_t>()[i], sizes.as<const int32_t>()[i + 1]});
  return result;
}

struct ShardsTest : ::testing::Test {
  TempDir dir;
  fs::path images = dir / "pets", out = dir / "shards";
  std::map<std::string, std::string> files = write_jpeg_folder(images, 40, 9);

  void expect_set(const fs::path& folder) {
    const Splits s = open_dataset(folder.string(), {.crop = 32});
    EXPECT_EQ(s.train.size(), 40);
    EXPECT_EQ(s.test.size(), 9);
    EXPECT_EQ(s.train.height(), 32);
    EXPECT_EQ(s.train.classes, (std::vector<std::string>{"n0", "n1", "n2"}));
    EXPECT_EQ(s.train.mean[1], 0.456f);
    std::vector<uint8_t> memory;
    std::set<std::string> seen;
    for (const Dataset* d : {&s.train, &s.test}) {
      const ShardedImages& shards = shards_of(*d);
      const auto sizes = sizes_in_index(folder, d == &s.train ? "train" : "test");
      ASSERT_EQ(int64_t(sizes.size()), d->size());
      for (int64_t i = 0; i < d->size(); ++i) {
        const std::string name(shards.name(i));
        const FileBytes bytes = shards.read(i, memory);
        EXPECT_EQ(std::string(bytes.begin(), bytes.end()), files.at(name));
        EXPECT_EQ(d->label()[i], name[1] - '0');
        EXPECT_EQ(sizes[size_t(i)].width, 40 + std::stol(name.substr(3)) % 7 * 3);
        EXPECT_TRUE(seen.insert(name).second) << name;
      }
    }
    EXPECT_EQ(seen.size(), files.size());
  }
  void expect_open_error(const std::vector<std::string>& parts) {
    expect_error([&] { open_dataset(out.string()); }, parts);
  }
  void damage(const fs::path& file, size_t at) {
    std::string bytes = read_file(file);
    bytes[at] = char(bytes[at] ^ 0x55);
    write_file(file, bytes);
  }
};

TEST_F(ShardsTest, KeepEveryByte) {
  const ImportReport report = import_to(images, out, {.shard_bytes = 8000});
  EXPECT_EQ(report.train, 40);
  EXPECT_EQ(report.test, 9);
  EXPECT_EQ(report.classes, 3);
  expect_set(out);
  EXPECT_GT(shards_of(open_dataset(out.string()).train).shard_boundaries.size(), 4u);
}

TEST_F(ShardsTest, FromAnArchiveTheSame) {
  ASSERT_EQ(shell(fmt::format("cd {} && tar cf pets.tar pets && tar --format=pax -cf pax.tar pets", dir.str())).status,
            0);
  for (const char* name : {"pets.tar", "pax.tar"}) {
    import_to(dir / name, dir / (std::string(name) + ".shards"), {.shard_bytes = 8000});
    expect_set(dir / (std::string(name) + ".shards"));
  }
}

TEST_F(ShardsTest, TheSameAgain) {
  import_to(images, out, {.shard_bytes = 8000});
  import_to(images, dir / "again", {.shard_bytes = 8000});
  size_t compared = 0;
  for (const auto& entry : fs::directory_iterator(out)) {
    EXPECT_EQ(read_file(entry.path()), read_file(dir / "again" / entry.path().filename().string()));
    ++compared;
  }
  EXPECT_GT(compared, 5u);
}

TEST_F(ShardsTest, ShortSideOnce) {
  const ImportReport report = import_to(images, out, {.short_side = 36, .quality = 80});
  const Splits s = open_dataset(out.string());
  int64_t smaller = 0;
  std::vector<uint8_t> memory;
  ImageDecoder decoder;
  for (const Dataset* d : {&s.train, &s.test}) {
    const ShardedImages& shards = shards_of(*d);
    const auto sizes = sizes_in_index(out, d == &s.train ? "train" : "test");
    for (int64_t i = 0; i < d->size(); ++i) {
      const ImageSize size = sizes[size_t(i)], decoded = decoder.open(shards.read(i, memory));
      EXPECT_EQ(size.width, decoded.width);
      EXPECT_EQ(size.height, decoded.height);
      const int64_t number = std::stol(std::string(shards.name(i)).substr(3));
      const int64_t width = 40 + number % 7 * 3, height = 30 + number % 5 * 4;
      if (std::min(width, height) <= 36) {
        EXPECT_EQ(size.width, width);  // never enlarged
      } else {
        EXPECT_EQ(std::min(size.width, size.height), 36);
        EXPECT_EQ(size.width, width * 36 / std::min(width, height));
        ++smaller;
      }
    }
  }
  EXPECT_EQ(report.encoded_again, smaller);
  EXPECT_GT(smaller, 5);
}

TEST_F(ShardsTest, BadImagesAreLeftOutAndCounted) {
  write_file(images / "train/n1/bad.JPEG", "not an image");
  write_file(images / "train/n2/short.JPEG", numbered_jpeg(5).substr(0, 500));
  const ImportReport report = import_to(images, out);
  ASSERT_EQ(report.bad.size(), 2u);
  EXPECT_EQ(report.bad[0].first, "train/n1/bad.JPEG");
  EXPECT_EQ(report.bad[1].first, "train/n2/short.JPEG");
  expect_set(out);
  fs::remove_all(out);
  expect_error([&] { import_to(images, out, {.bad_images = 1}); },
               {"short.JPEG", "2 images", "--bad-images permits 1"});
  EXPECT_FALSE(fs::exists(out.string() + ".partial"));
}

TEST_F(ShardsTest, WithoutTestImages) {
  fs::remove_all(images / "val");
  expect_error([&] { import_to(images, out); }, {"val or test", "--test-on-train"});
  EXPECT_FALSE(fs::exists(out.string() + ".partial"));
  import_to(images / "train", out,
            {.layout = {.test_on_train = true}});  // without a folder train, all are training images
  const Splits s = open_dataset(out.string());
  EXPECT_EQ(s.train.size(), 40);
  EXPECT_EQ(&s.test.encoded(), &s.train.encoded());
}

TEST_F(ShardsTest, SourcesThatDoNotFit) {
  expect_error([&] { import_to(dir / "none", out); }, {"none", "no such folder or archive"});
  write_file(dir / "text.tar", std::string(2000, 'x'));
  expect_error([&] { import_to(dir / "text.tar", out); }, {"text.tar", "byte", "Unrecognized archive format"});
  ASSERT_EQ(shell(fmt::format("cd {} && tar cf pets.tar pets", dir.str())).status, 0);
  const std::string tar = read_file(dir / "pets.tar");
  write_file(dir / "short.tar", tar.substr(0, tar.size() / 2));
  expect_error([&] { import_to(dir / "short.tar", out); }, {"short.tar", "Truncated", "again"});
  fs::create_directories(images / "val/fox");
  write_file(images / "val/fox/a.JPEG", numbered_jpeg(0));
  expect_error([&] { import_to(images, out); }, {"val/fox", "not among the training images"});
  EXPECT_FALSE(fs::exists(out.string() + ".partial"));
}

TEST_F(ShardsTest, AClassWhoseImagesAreAllDamaged) {
  write_file(images / "train/fox/a.JPEG", numbered_jpeg(0).substr(0, 300));
  write_file(images / "val/fox/a.JPEG", numbered_jpeg(0));
  expect_error([&] { import_to(images, out); },
               {"every training image of class 'fox' is damaged", "The first of", "fox/"});
}

TEST_F(ShardsTest, NeverTakesAwayOtherFiles) {
  write_file(out.string() + ".partial/thesis.txt", "years of work");
  expect_error([&] { import_to(images, out); }, {"shards.partial", "thesis.txt", "Move it"});
  EXPECT_EQ(read_file(out.string() + ".partial/thesis.txt"), "years of work");
  fs::remove_all(out.string() + ".partial");
  import_to(images, out);
  write_file(out / "notes.txt", "mine");
  expect_failure(skein(fmt::format("data import {} --out {} --force", images.string(), out.string())), 2,
                 {"notes.txt", "never replaced"});
  const OutputLock lock((dir / "new").string());
  expect_failure(skein(fmt::format("data import {} --out {}/", images.string(), (dir / "new").string())), 2,
                 {fmt::format("process {} on ", getpid()), "is writing it at the moment"});
}

TEST_F(ShardsTest, AShardThatIsCutShortOrAbsent) {
  import_to(images, out);
  const fs::path shard = out / "train-00000.shard";
  const std::string good = read_file(shard);
  write_file(shard, good.substr(0, good.size() - 1));
  expect_open_error({shard.string(), "record 39", "cut short", "Copy it again"});
  write_file(shard, good.substr(0, 3));
  expect_open_error({shard.string(), "record 0", "cut short"});
  write_file(shard, good + "x");
  expect_open_error({shard.string(), "too long"});
  fs::remove(shard);
  expect_open_error({shard.string(), "cannot be opened", "No such file"});
}

TEST_F(ShardsTest, AWrongChecksumIsABadImage) {
  import_to(images, out);
  damage(out / "train-00000.shard", 100);
  const Splits s = open_dataset(out.string());
  std::vector<uint8_t> memory;
  EXPECT_THROW(shards_of(s.train).read(0, memory), BadImage);
  EXPECT_NO_THROW(shards_of(s.train).read(1, memory));
  const std::string place = shards_of(s.train).place(0);
  for (const char* part : {"train-00000.shard", "record 0", ".JPEG"})
    EXPECT_NE(place.find(part), std::string::npos) << place;
  EXPECT_EQ(count_bad_images(s.train), 1);
  EXPECT_EQ(count_bad_images(s.test), 0);
}

TEST_F(ShardsTest, ADamagedIndex) {
  import_to(images, out);
  const fs::path index = out / kShardIndex;
  const std::string good = read_file(index);
  damage(index, good.size() - 20);  // the last tensor
  expect_open_error({index.string(), "damaged", "checksum"});
  write_file(index, good.substr(0, good.size() - 1));
  expect_open_error({index.string(), "cut short"});
  std::string other = good;
  other.replace(other.find("skein-shards"), 12, "skein-whatso");
  write_file(index, other);
  expect_open_error({index.string(), "not the index", "skein data import"});
  other = good;
  const size_t at = other.find("train-00000.shard");
  other.replace(at, 11, "../../etc/a");
  write_file(index, other);
  expect_open_error({index.string(), "is not possible"});
}

TEST_F(ShardsTest, LooseFilesAreADatasetToo) {
  const Splits s = open_dataset("imagenet", {.dir = images.string(), .crop = 32});
  EXPECT_EQ(s.train.size(), 40);
  EXPECT_EQ(s.test.size(), 9);
  EXPECT_EQ(s.train.std[2], 0.225f);
  std::vector<uint8_t> memory;
  const FileBytes bytes = s.train.encoded().read(0, memory);
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), files.at("n0/0000.JPEG"));
  import_to(images, out);
  EXPECT_EQ(open_dataset("imagenet", {.dir = out.string()}).train.size(), 40);
  expect_error([] { open_dataset("imagenet"); }, {"imagenet", "--data-dir", "skein data import"});
}

TEST_F(ShardsTest, TheCommand) {
  const ProgramOutput made =
      skein(fmt::format("data import {} --out {} --short-side 34", images.string(), out.string()));
  EXPECT_EQ(made.status, 0) << made.err;
  expect_parts(made.out, {"3: n0, n1, n2", "40 image files in 1 shards", "9 images", "encoded again with quality 90"});
  expect_failure(skein(fmt::format("data import {} --out {}", images.string(), out.string())), 2,
                 {"exists already", "--force"});
  EXPECT_EQ(skein(fmt::format("data import {} --out {} --force", images.string(), out.string())).status, 0);
  expect_set(out);
  expect_failure(skein(fmt::format("data import {} --out {} --force", images.string(), images.string())), 2,
                 {"never replaced"});
  expect_parts(skein(fmt::format("data info {} --verify", out.string())).out, {"verified every image"});
  damage(out / "test-00000.shard", 50);
  const ProgramOutput bad = skein(fmt::format("data info {} --verify", out.string()));
  EXPECT_EQ(bad.status, 2);
  expect_parts(bad.err, {"test-00000.shard: record 0", "checksum", "1 images are damaged"});
}

}  // namespace
}  // namespace skein::testing
