// Damaged and missing CIFAR and IDX files, and wrong names: the message names the file, the position and the fix.
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

struct BadCifar : ::testing::Test {
  TempDir dir;
  CifarFormat format = small_cifar(1);
  void SetUp() override { write_cifar(dir / "", 1); }
  void expect(const std::vector<std::string>& parts) {
    expect_error([&] { open_cifar(format, dir.str()); }, parts);
  }
};

TEST_F(BadCifar, CutShortOrTooLong) {
  const std::string good = cifar_records(1, 4, 4), path = (dir / "b.bin").string();
  write_file(path, good.substr(0, good.size() - 1));
  expect({path, "byte 12291", "cut short", "12292", "again"});
  write_file(path, good.substr(0, 3 * 3073));  // whole records, but one too few
  expect({path, "byte 9219", "cut short", "4 records"});
  write_file(path, good + "x");
  expect({path, "byte 12292", "too long", "12293 bytes"});
  write_file(path, "");
  expect({path, "byte 0", "cut short"});
}

TEST_F(BadCifar, LabelOutOfRange) {
  std::string bad = cifar_records(1, 8, 4);
  bad[2 * 3073] = 10;
  write_file(dir / "t.bin", bad);
  expect({(dir / "t.bin").string(), "record 2", "label 10", "0..9"});
}

TEST_F(BadCifar, AFileOfTheSetIsMissing) {
  fs::remove(dir / "b.bin");
  expect({(dir / "b.bin").string(), "cannot be read", "whole folder"});
}

TEST_F(BadCifar, WrongNumberOfNames) {
  write_file(dir / "batches.meta.txt", "airplane\nautomobile\n");
  expect({"batches.meta.txt", "2 class names", "has 10"});
}

TEST_F(BadCifar, NothingThere) {
  const TempDir empty;
  expect_error([&] { open_dataset("cifar10", {.dir = empty.str()}); },
               {empty.str(), "cifar-10-batches-bin", "data_batch_1.bin", "--data-dir", "skein data import"});
  expect_error([&] { open_dataset("cifar100", {.dir = empty.str()}); }, {"cifar-100-binary", "train.bin", "test.bin"});
}

TEST_F(BadCifar, OfficialFilesHaveTenThousandRecords) {
  const TempDir official;
  for (const std::string& name : cifar10_format().train_files) write_file(official / name, cifar_records(1, 0, 4));
  expect_error([&] { open_dataset("cifar10", {.dir = official.str()}); },
               {"data_batch_1.bin", "byte 12292", "cut short", "10000 records of 3073 need 30730000"});
}

struct BadIdx : ::testing::Test {
  TempDir dir;
  std::string images = (dir / "train-images-idx3-ubyte").string(), labels = (dir / "train-labels-idx1-ubyte").string();
  void SetUp() override { write_idx(dir / ""); }
  void expect(const std::vector<std::string>& parts) {
    expect_error([&] { open_dataset("fashion-mnist", {.dir = dir.str()}); }, parts);
  }
};

TEST_F(BadIdx, CutShortOrTooLong) {
  const std::string good = idx_images(6, 5, 7);
  write_file(images, good.substr(0, 10));
  expect({images, "byte 10", "cut short", "2 bytes are missing"});
  write_file(images, good.substr(0, good.size() - 20));
  expect({images, "byte 4", "promises 210 bytes", "the file has 206", "cut short"});
  write_file(images, good + "x");
  expect({images, "byte 226", "more data than the header promises"});
  write_file(images, good);
  write_file(labels, idx_labels(6) + "x");
  expect({labels, "byte 14", "more data"});
  write_file(labels, idx_labels(6).substr(0, 13));
  expect({labels, "byte 13", "cut short", "1 bytes are missing"});
  write_file(labels, "");
  expect({labels, "byte 0", "cut short"});
}

TEST_F(BadIdx, AHeaderThatPromisesTheWorld) {
  write_file(images, idx_header(0x803, {0xffffffff, 1000, 1000}) + "x");
  write_file(labels, idx_header(0x801, {0xffffffff}));
  expect({images, "byte 4", "promises 4294967295000000 bytes"});
  write_file(images, idx_header(0x803, {6, 0, 7}));
  write_file(labels, idx_labels(6));
  expect({images, "byte 4", "6 images of 0 x 7"});
}

// The file is as long as it says, of holes.
TEST_F(BadIdx, MoreThanTheMemoryHolds) {
  write_file(images, idx_header(0x803, {1 << 20, 1024, 1024}));
  write_file(labels, idx_header(0x801, {1 << 20}) + std::string(1 << 20, '\0'));
  std::error_code error;
  fs::resize_file(images, 16 + (uintmax_t{1} << 40), error);
  if (error) GTEST_SKIP() << "no file of a terabyte here: " << error.message();
  expect({images, "promises 1099511627776 bytes", "of memory are available"});
}

TEST_F(BadIdx, WrongMagic) {
  write_file(images, idx_labels(6));
  expect({images, "byte 0", "0x00000801", "0x00000803", "images file"});
  write_file(images, idx_images(6, 5, 7));
  write_file(labels, idx_images(6, 5, 7));
  expect({labels, "byte 0", "0x00000803", "0x00000801", "labels file"});
}

TEST_F(BadIdx, CountsDiffer) {
  write_file(labels, idx_labels(5));
  expect({labels, images, "5 labels", "6 images"});
}

TEST_F(BadIdx, LabelOutOfRange) {
  std::string bad = idx_labels(6);
  bad[8 + 4] = 77;
  write_file(labels, bad);
  expect({labels, "record 4", "label 77", "0..9"});
}

TEST_F(BadIdx, DamagedGzip) {
  fs::remove(images);
  write_gzip(images + ".gz", idx_images(6, 5, 7));
  const std::string good = read_file(images + ".gz");
  std::string bad = good;
  bad[good.size() - 6] ^= 1;  // in the checksum
  write_file(images + ".gz", bad);
  expect({images + ".gz", "incorrect data check", "unpacked data", "damaged", "again"});
  bad = good;
  bad[20] ^= 0x55;
  write_file(images + ".gz", bad);
  expect({images + ".gz", "again"});
  for (size_t n = 0; n < good.size(); ++n) {
    write_file(images + ".gz", good.substr(0, n));
    EXPECT_THROW(open_dataset("fashion-mnist", {.dir = dir.str()}), BadInput) << n;
  }
  write_file(images + ".gz", good.substr(0, good.size() - 12));
  expect({images + ".gz", "byte", "cut short"});
}

TEST_F(BadIdx, NothingThere) {
  const TempDir empty;
  expect_error([&] { open_dataset("fashion-mnist", {.dir = empty.str()}); },
               {empty.str(), "train-images-idx3-ubyte", "apt install dataset-fashion-mnist", "--data-dir"});
}

TEST(BadName, UnknownDataset) {
  expect_error([] { open_dataset("cifar-ten"); },
               {"'cifar-ten'", "fashion-mnist", "cifar10", "cifar100", "synthetic", "FILE.skein"});
  expect_error([] { open_dataset("meta/set.skein"); }, {"meta/set.skein", "no such file", "skein data import"});
}

TEST(BadName, ImpossibleSyntheticData) {
  expect_error([] { open_dataset("synthetic", {.synthetic = {.channels = 2}}); }, {"2 channels", "1 or 3"});
}

}  // namespace
}  // namespace skein::testing
