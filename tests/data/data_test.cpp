#include <map>
#include <numeric>

#include "data/loading/loader.h"
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

std::vector<int64_t> range(int64_t begin, int64_t end) {
  std::vector<int64_t> r(static_cast<size_t>(end - begin));
  std::iota(r.begin(), r.end(), begin);
  return r;
}

TEST(Cifar, ReadsPlanesLabelsAndNames) {
  for (int64_t label_bytes : {1, 2}) {
    const TempDir dir;
    const CifarFormat f = small_cifar(label_bytes);
    write_cifar(dir / f.folder, label_bytes);
    std::string names;
    for (int64_t i = 0; i < f.classes; ++i) names += "class" + std::to_string(i) + "\n";
    write_file(dir / f.folder / f.names_file, names + "\n");
    for (const std::string& where : {dir.str(), (dir / f.folder).string()}) {
      const Splits s = open_cifar(f, where);
      expect_pixels(s.train, range(0, 8));
      expect_pixels(s.test, range(8, 12));
      EXPECT_EQ(labels_of(s.train), (std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 7}));
      EXPECT_EQ(labels_of(s.test), (std::vector<int32_t>{8, 9, 0, 1}));
      EXPECT_EQ(int64_t(s.test.classes.size()), f.classes);
      EXPECT_EQ(s.train.classes[9], "class9");
    }
  }
}

TEST(Cifar, OfficialFormatsAndConstants) {
  EXPECT_EQ(cifar10_format().train_files.size(), 5u);
  EXPECT_EQ(cifar10_format().train_records, 10000);
  EXPECT_EQ(cifar100_format().train_records, 50000);
  const TempDir dir;
  write_cifar(dir / "", 1);
  const Splits s = open_cifar(small_cifar(1), dir.str());
  EXPECT_EQ(s.train.classes[3], "3");  // the file of names is absent
  EXPECT_EQ(s.test.mean[0], 0.4914f);
  EXPECT_EQ(s.test.mean[2], 0.4465f);
  EXPECT_EQ(s.test.std[1], 0.1994f);
  EXPECT_EQ(cifar100_format().mean[1], 0.4867f);
  EXPECT_EQ(cifar100_format().std[2], 0.2761f);
}

TEST(Idx, PlainAndGzip) {
  const TempDir plain, packed;
  write_idx(plain / "");
  for (const fs::path& p : fs::directory_iterator(plain.str()))
    write_gzip(packed / (p.filename().string() + ".gz"), read_file(p));
  for (const std::string& dir : {plain.str(), packed.str()}) {
    const Splits s = open_dataset("fashion-mnist", {.dir = dir});
    EXPECT_EQ(s.train.height(), 5);
    EXPECT_EQ(s.train.width(), 7);
    EXPECT_EQ(s.train.channels(), 1);
    expect_pixels(s.train, range(0, 6));
    expect_pixels(s.test, range(0, 3));
    EXPECT_EQ(labels_of(s.train), (std::vector<int32_t>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(s.train.classes.size(), 10u);
    EXPECT_EQ(s.test.mean[0], 0.2860f);
    EXPECT_EQ(s.test.std[0], 0.3530f);
  }
}

TEST(Idx, DebiansFashionMnist) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) GTEST_SKIP() << "apt install dataset-fashion-mnist";
  Splits s = open_dataset("fashion-mnist");
  EXPECT_EQ(s.train.size(), 60000);
  EXPECT_EQ(s.test.size(), 10000);
  std::map<int32_t, int> count;
  for (int32_t label : labels_of(s.train)) ++count[label];
  for (int32_t c = 0; c < 10; ++c) EXPECT_EQ(count[c], 6000) << s.train.classes[size_t(c)];
  set_statistics(s.train);
  EXPECT_NEAR(s.train.mean[0], 0.2860, 5e-5);
  EXPECT_NEAR(s.train.std[0], 0.3530, 5e-5);
}

TEST(ImageFolder, SortedClassesAndFiles) {
  for (const std::string test : {"test", "val"}) {
    const TempDir dir;
    write_image_folder(dir / "", test);
    write_file(dir / "train/cat/notes.txt", "not an image");
    write_file(dir / "train/.hidden/x.png", "not a class");
    const Splits s = open_dataset(dir.str());
    EXPECT_EQ(s.train.classes, (std::vector<std::string>{"cat", "dog"}));
    expect_pixels(s.train, {0, 1, 2});
    expect_pixels(s.test, {3, 4});
    EXPECT_EQ(labels_of(s.train), (std::vector<int32_t>{0, 0, 1}));
    EXPECT_EQ(labels_of(s.test), (std::vector<int32_t>{0, 1}));
    EXPECT_EQ(s.test.mean[2], s.train.mean[2]);
  }
}

TEST(Idx, EmnistIsTurnedUprightAndItsLettersBeginAtOne) {
  const TempDir dir;
  write_gzip(dir / "emnist-letters-train-images-idx3-ubyte.gz", idx_images(3, 5, 7));
  write_gzip(dir / "emnist-letters-test-images-idx3-ubyte.gz", idx_images(2, 5, 7));
  write_file(dir / "emnist-letters-train-labels-idx1-ubyte", idx_header(0x801, {3}) + "\x01\x1a\x02");
  write_file(dir / "emnist-letters-test-labels-idx1-ubyte", idx_header(0x801, {2}) + "\x03\x04");
  const Splits s = open_dataset(dir.str());
  EXPECT_EQ(s.train.name, "emnist-letters");
  EXPECT_EQ(labels_of(s.train), (std::vector<int32_t>{0, 25, 1}));
  EXPECT_EQ(s.train.classes[25], "Z");
  ASSERT_EQ(s.train.height(), 7);
  ASSERT_EQ(s.train.width(), 5);
  for (int y = 0; y < 7; ++y)
    for (int x = 0; x < 5; ++x) ASSERT_EQ(s.train.pixels().as<uint8_t>()[y * 5 + x], test_pixel(0, x, y, 0));
  Dataset again = s.train;
  set_statistics(again);
  EXPECT_EQ(s.test.mean[0], again.mean[0]);
}

TEST(Idx, NamesOfDownloads) {
  const TempDir dir;
  write_idx(dir / "FashionMNIST/raw");
  write_idx(dir / "mnist");
  for (const char* name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}) {  // Kaggle's: in a folder each
    const fs::path file = dir / "mnist" / name, moved = dir / "mnist/x";
    fs::rename(file, moved);
    fs::create_directory(file);
    fs::rename(moved, file / name);
  }
  fs::rename(dir / "mnist/t10k-images-idx3-ubyte", dir / "mnist/t10k-images.idx3-ubyte");
  EXPECT_EQ(open_dataset("fashion-mnist", {.dir = dir.str()}).train.size(), 6);
  const Splits s = open_dataset("mnist", {.dir = (dir / "mnist").string()});
  EXPECT_EQ(s.test.size(), 3);
  EXPECT_EQ(s.train.classes[9], "9");
  expect_error([&] { open_dataset((dir / "mnist").string()); }, {"IDX files", "mnist, fashion-mnist, kmnist"});
  expect_error([&] { open_dataset("kmnist"); }, {"kmnist", "--data-dir"});
}

TEST(ImageFolder, GreyImagesStayGreyUnlessOneHasColour) {
  const TempDir dir;
  write_png(dir / "train/a/1.png", 4, 4, 1, 0);
  write_png(dir / "test/a/1.png", 4, 4, 1, 1);
  EXPECT_EQ(open_image_folder(dir.str(), {}).test.channels(), 1);
  expect_pixels(open_image_folder(dir.str(), {}).test, {1});
  write_jpg(dir / "train/a/2.jpeg", 4, 4, 200, 100, 50);
  const Splits s = open_image_folder(dir.str(), {});
  ASSERT_EQ(s.train.channels(), 3);
  const uint8_t* p = s.train.pixels().as<uint8_t>();
  for (int i = 0; i < 16; ++i) {
    const uint8_t grey = test_pixel(0, i / 4, i % 4, 0);
    for (int c = 0; c < 3; ++c) ASSERT_EQ(p[3 * i + c], grey);
  }
  EXPECT_NEAR(p[48], 200, 4);  // JPEG is lossy
  EXPECT_NEAR(p[49], 100, 4);
  EXPECT_NEAR(p[50], 50, 4);
}

TEST(ImageFolder, ResizeTakesTheCentreSquare) {
  const TempDir dir;
  write_jpg(dir / "train/a/1.jpg", 30, 20, 10, 250, 30);
  write_jpg(dir / "test/a/1.jpg", 17, 40, 90, 90, 200);
  const Splits s = open_dataset(dir.str(), {.resize = 8});
  EXPECT_EQ(s.train.height(), 8);
  EXPECT_EQ(s.test.width(), 8);
  EXPECT_NEAR(s.train.pixels().as<uint8_t>()[1], 250, 4);
  EXPECT_NEAR(s.test.pixels().as<uint8_t>()[8 * 8 * 3 - 1], 200, 4);

  std::string wide(std::size_t{24} * 8, '\0');  // black except for the centre square
  for (size_t y = 0; y < 8; ++y) wide.replace(y * 24 + 8, 8, 8, '\xff');
  const fs::path file = dir / "train/a/1.jpg", png = dir / "train/a/1.png";
  fs::remove(file);
  ASSERT_NE(stbi_write_png(png.c_str(), 24, 8, 1, wide.data(), 24), 0);
  const Splits centred = open_dataset(dir.str(), {.resize = 4});
  for (int i = 0; i < 4 * 4 * 3; ++i) ASSERT_EQ(centred.train.pixels().as<uint8_t>()[i], 255) << i;
}

TEST(Packed, GivesBackWhatWasPacked) {
  const TempDir dir;
  write_image_folder(dir / "images");
  Splits made = open_dataset((dir / "images").string());
  made.train.mean[1] = 0.4822f;
  write_packed((dir / "pets.skein").string(), made);
  const Splits s = open_dataset((dir / "pets.skein").string());
  EXPECT_EQ(s.train.name, "pets");
  expect_pixels(s.train, {0, 1, 2});
  expect_pixels(s.test, {3, 4});
  EXPECT_EQ(labels_of(s.train), labels_of(made.train));
  EXPECT_EQ(s.test.classes, made.train.classes);
  for (int c = 0; c < 3; ++c) {
    EXPECT_EQ(s.train.mean[c], made.train.mean[c]);
    EXPECT_EQ(s.test.std[c], made.train.std[c]);
  }
  EXPECT_EQ(s.test.mean[1], 0.4822f);
}

TEST(Statistics, MeanAndDeviationPerChannel) {
  Dataset d = allocate_dataset("two", 1, 1, 2, 3);
  const uint8_t pixels[] = {0, 51, 7, 255, 153, 7};
  std::copy(std::begin(pixels), std::end(pixels), d.pixels().as<uint8_t>());
  set_statistics(d);
  EXPECT_NEAR(d.mean[0], 0.5, 1e-7);
  EXPECT_NEAR(d.std[0], 0.5, 1e-7);
  EXPECT_NEAR(d.mean[1], 0.4, 1e-7);
  EXPECT_NEAR(d.std[1], 0.2, 1e-7);
  EXPECT_EQ(d.std[2], 1);  // constant: not divided by zero
}

TEST(Synthetic, IsAFunctionOfTheSeed) {
  const SyntheticOptions o = {.train = 20, .test = 10, .size = 9, .channels = 1, .classes = 4};
  const auto bytes = [](const Dataset& d) {
    return std::vector<uint8_t>(d.pixels().as<uint8_t>(), d.pixels().as<uint8_t>() + d.pixels().numel());
  };
  const Splits a = make_synthetic(o, 1), b = make_synthetic(o, 1), c = make_synthetic(o, 2);
  EXPECT_EQ(bytes(a.train), bytes(b.train));
  EXPECT_NE(bytes(a.train), bytes(c.train));
  const auto train = bytes(a.train);
  EXPECT_NE(bytes(a.test), std::vector<uint8_t>(train.begin(), train.begin() + 10 * 81));
  EXPECT_EQ(a.test.classes.size(), 4u);
  EXPECT_EQ(a.train.height(), 9);
}

// Classification by the nearest class mean of the training images works on the test images.
TEST(Synthetic, CanBeLearned) {
  const Splits s = open_dataset("synthetic", {.seed = 3, .synthetic = {.train = 300, .test = 100, .size = 16}});
  const size_t pixels = 16 * 16 * 3;
  std::vector<double> means(10 * pixels);
  for (size_t i = 0; i < 300; ++i)
    for (size_t p = 0; p < pixels; ++p)
      means[size_t(s.train.label()[i]) * pixels + p] += s.train.pixels().as<uint8_t>()[i * pixels + p] / 30.0;
  int right = 0;
  for (size_t i = 0; i < 100; ++i) {
    std::vector<double> distance(10);
    for (size_t c = 0; c < 10; ++c)
      for (size_t p = 0; p < pixels; ++p)
        distance[c] += std::pow(s.test.pixels().as<uint8_t>()[i * pixels + p] - means[c * pixels + p], 2);
    right += std::min_element(distance.begin(), distance.end()) - distance.begin() == s.test.label()[i];
  }
  EXPECT_GE(right, 95);
}

}  // namespace
}  // namespace skein::testing
