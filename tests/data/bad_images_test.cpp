// Damaged packed files and image folders: the message names the file, the position and the fix.
#include "engine/safetensors.h"
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

struct BadPacked : ::testing::Test {
  TempDir dir;
  std::string path = (dir / "a.skein").string();
  Splits splits = make_synthetic({.train = 6, .test = 4, .size = 4, .channels = 3, .classes = 2}, 1);
  void expect(const std::vector<std::string>& parts) {
    expect_error([&] { open_dataset(path); }, parts);
  }
};

TEST_F(BadPacked, CutShortOrGarbage) {
  write_packed(path, splits);
  const std::string good = read_file(path);
  write_file(path, good.substr(0, good.size() - 1));
  expect({path, "test.images", "cut short", "again"});
  write_file(path, good.substr(0, 100));
  expect({path, "byte 0", "cut short"});
  write_file(path, "This is not a dataset, but somebody's thesis.");
  expect({path, "byte 0", "not a safetensors file"});
}

TEST_F(BadPacked, LabelOutOfRange) {
  splits.test.labels.as<int32_t>()[3] = 2;
  write_packed(path, splits);
  expect({path, "test.labels", "record 3", "label 2", "0..1"});
  splits.test.labels.as<int32_t>()[3] = -1;
  write_packed(path, splits);
  expect({path, "record 3", "label -1"});
}

TEST_F(BadPacked, AnotherKindOfFile) {
  float one = 1;
  const std::vector<TensorToWrite> weights = {{"w", {&one, DType::f32, {1, 1, 1, 1}}, {1}}};
  write_safetensors(path, weights);
  expect({path, "not a dataset", "skein data import"});
  write_safetensors(path, weights, {{"format", "skein-dataset"}, {"version", "9"}});
  expect({path, "version 9", "reads 1"});
  write_safetensors(path, weights, {{"format", "skein-dataset"}, {"version", "1"}});
  expect({path, "'train.images' is missing"});
}

TEST_F(BadPacked, CountsOrConstantsAreWrong) {
  Splits bad = splits;
  bad.train.labels.dims[3] = 5;
  std::get<View>(bad.train.images).dims[0] = 6;
  const std::vector<int64_t> shape = {6, 4, 4, 3};
  const auto write = [&](const std::string& mean, const std::string& classes, int64_t labels) {
    const View l = {splits.train.labels.data, DType::i32, {1, 1, 1, labels}};
    write_safetensors(
        path,
        {{"train.images", splits.train.pixels(), shape},
         {"train.labels", l, {labels}},
         {"test.images", splits.train.pixels(), shape},
         {"test.labels", l, {labels}}},
        {{"format", "skein-dataset"}, {"version", "1"}, {"classes", classes}, {"mean", mean}, {"std", mean}});
  };
  write("[1,1,1]", R"(["a","b"])", 6);
  EXPECT_NO_THROW(open_dataset(path));
  write("[1,1,1]", R"(["a","b"])", 5);
  expect({path, "'train.labels'", "5 labels for 6 images"});
  write("[1,1]", R"(["a","b"])", 6);
  expect({path, "'mean'", "3 numbers"});
  write("[0,1,1]", R"(["a","b"])", 6);
  expect({path, "'std'", "3 positive numbers"});
  write("[1,1,1]", "a, b", 6);
  expect({path, "'classes' is damaged", "skein data import"});
}

struct BadFolder : ::testing::Test {
  TempDir dir;
  void SetUp() override { write_image_folder(dir / ""); }
  void expect(const std::vector<std::string>& parts) {
    expect_error([&] { open_dataset(dir.str()); }, parts);
  }
};

TEST_F(BadFolder, AnImageThatDoesNotDecode) {
  write_file(dir / "train/cat/c.jpg", "hello");
  expect({(dir / "train/cat/c.jpg").string(), "does not decode", "unknown image type", "1 of 4 images", "Replace"});
}

TEST_F(BadFolder, AnImageWithAGoodHeaderThatDoesNotDecode) {
  const std::string png = read_file(dir / "train/cat/a.png");
  write_file(dir / "train/cat/a.png", png.substr(0, png.size() / 2));
  expect({(dir / "train/cat/a.png").string(), "does not decode", "1 of 3 images"});
}

TEST_F(BadFolder, ErrorsComeInTheOrderOfNames) {
  for (char c = 'p'; c < 'y'; ++c) write_file(dir / (std::string("train/dog/") + c + ".png"), "bad");
  std::string first;
  for (int i = 0; i < 5; ++i) {
    try {
      open_dataset(dir.str());
      FAIL() << "no error";
    } catch (const BadInput& e) {
      if (first.empty()) first = e.what();
      EXPECT_EQ(first, e.what());
    }
  }
  EXPECT_EQ(first.find((dir / "train/dog/p.png").string()), 0u) << first;
  EXPECT_NE(first.find("9 of 12 images cannot be used, the first 5 are listed"), std::string::npos) << first;
}

TEST_F(BadFolder, EmptyClass) {
  fs::remove(dir / "train/dog/a.png");
  expect({(dir / "train/dog").string(), "no image", "Add images"});
}

TEST_F(BadFolder, ClassesDiffer) {
  write_png(dir / "test/fox/a.png", 6, 5, 3, 0);
  expect({(dir / "test/fox").string(), "is not among the training images"});
  fs::remove_all(dir / "test/fox");
  fs::remove_all(dir / "test/dog");
  EXPECT_EQ(open_dataset(dir.str()).notes, std::vector<std::string>{"note     1 class has no test images: dog"});
}

TEST_F(BadFolder, MissingSplit) {
  fs::remove_all(dir / "test");
  expect({dir.str(), "no folder val or test", "DIR/{train,val}/CLASS", "--val-split"});
  EXPECT_EQ(open_dataset(dir.str(), {.val_split = 0.5}).test.size(), 1);  // of two cats, and the only dog stays
  fs::remove_all(dir / "train");
  expect({dir.str(), "no image"});
}

TEST_F(BadFolder, SizesDiffer) {
  write_png(dir / "test/dog/b.png", 6, 6, 3, 0);
  expect({(dir / "test/dog/b.png").string(), "is 6 x 6", (dir / "train/cat/a.png").string(), "6 x 5", "--resize N",
          "--size N"});
}

}  // namespace
}  // namespace skein::testing
