// Layouts of image folders as people have them: which file is trained on, tested on or left out, by names alone.
#include "data/formats/folders/image_layout.h"

#include "data/formats/folders/label_file.h"
#include "data/formats/folders/meta_mat.h"
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

using Lines = std::vector<std::string>;

struct Names final : ImageSource {
  explicit Names(const Lines& paths) {
    name = "DIR";
    for (const std::string& path : paths) {
      const bool folder = path.ends_with("/");
      entries.push_back({path.substr(0, path.size() - folder), folder});
    }
  }
  bool next(const std::vector<bool>&, size_t&, std::vector<uint8_t>&, std::string&) override { return false; }
};

// "train cat a.jpg" for each image, then the lines for the user.
Lines lines_of(const Names& source, const LayoutOptions& options = {}) {
  const ImageLayout layout = lay_out(source, options);
  Lines lines;
  for (const PlacedImage& i : layout.images)
    lines.push_back(fmt::format("{} {} {}", i.test ? "test" : "train", layout.classes[size_t(i.label)],
                                source.entries[i.entry].path.substr(i.name)));
  for (const std::string& line : notes_of(layout)) lines.push_back(line);
  return lines;
}

void expect_refused(const Lines& paths, const std::vector<std::string>& parts, const LayoutOptions& options = {}) {
  expect_error([&] { lay_out(Names(paths), options); }, parts);
}

TEST(ImageLayout, SplitsByEveryName) {
  for (const std::string train : {"train", "Train", "training"})
    for (const std::string test : {"val", "valid", "Validation", "test", "TESTING"})
      EXPECT_EQ(lines_of(Names({"x/" + train + "/cat/a.jpg", "x/" + train + "/dog/b.PNG", "x/" + test + "/cat/c.webp",
                                "x/" + test + "/dog/d.jpe"})),
                (Lines{"train cat a.jpg", "train dog b.PNG", "test cat c.webp", "test dog d.jpe"}));
}

TEST(ImageLayout, WhatIsNotUsedIsNamed) {
  EXPECT_EQ(lines_of(Names({"backup/a/0.jpg", "loose.jpg", "test/a/1.jpg", "train/a/2.jpg", "train/loose.jpg",
                            "valid/a/3.jpg", "train/a/4.gif", "train/a/README"})),
            (Lines{"train a 2.jpg", "test a 3.jpg",
                   "left out 1 (in backup/, which is neither train nor val, valid, validation or test): backup/a/0.jpg",
                   "left out 2 (in no class folder): loose.jpg, train/loose.jpg",
                   "left out 1 (in test/, as valid/ is the test set): test/a/1.jpg",
                   "left out 1 (no JPEG, PNG, WebP or BMP (.gif)): train/a/4.gif",
                   "left out 1 (no JPEG, PNG, WebP or BMP (no extension)): train/a/README"}));
}

TEST(ImageLayout, HiddenEntriesAndFoldersLikeImages) {
  EXPECT_EQ(
      lines_of(Names({"__MACOSX/train/a/._1.jpg", "train/.ipynb_checkpoints/1.jpg", "train/a/._1.jpg",
                      "train/a/.ipynb_checkpoints/x.jpg", "train/a/.ipynb_checkpoints/y.jpg", "train/a/1.jpg",
                      "train/a/album.jpg/", "train/a/album.jpg/2.jpg", "val/a/3.jpg"})),
      (Lines{"train a 1.jpg", "test a 3.jpg", "left out 1 (a folder that is named like an image): train/a/album.jpg",
             "left out 4 (hidden): __MACOSX, train/.ipynb_checkpoints, train/a/._1.jpg, ..."}));
}

TEST(ImageLayout, DeeperFilesBelongToTheClass) {
  EXPECT_EQ(lines_of(Names(
                {"train/a/images/1.jpg", "train/b/2.jpg", "train/b/more/3.jpg", "val/a/4.jpg", "val/b/x/y/5.jpg"})),
            (Lines{"train a images/1.jpg", "train b 2.jpg", "train b more/3.jpg", "test a 4.jpg", "test b x/y/5.jpg"}));
  EXPECT_EQ(lines_of(Names({"z/train/train/a/1.jpg", "z/val/val/a/2.jpg"})), (Lines{"train a 1.jpg", "test a 2.jpg"}));
}

TEST(ImageLayout, WithoutLabels) {
  const Lines kaggle = {"test/1.jpg", "test/2.jpg", "train/a/3.jpg", "val/a/4.jpg"};
  EXPECT_EQ(lines_of(Names(kaggle)), (Lines{"train a 3.jpg", "test a 4.jpg",
                                            "left out 2 (in test/, which has no labels): test/1.jpg, test/2.jpg"}));
  expect_refused({"train/a/1.jpg", "val/2.jpg"},
                 {"DIR/val/", "no file of labels", "LOC_val_solution.csv", "--val-split"});
  EXPECT_EQ(lines_of(Names({"train/a/1.jpg", "train/a/2.jpg", "val/3.jpg"}), {.val_split = 0.5}).back(),
            "left out 1 (in val/, which has no labels): val/3.jpg");
}

TEST(ImageLayout, LabelsFromAFile) {
  Names kaggle({"LOC_val_solution.csv", "ILSVRC/train/n1/1.JPEG", "ILSVRC/train/n2/2.JPEG", "ILSVRC/val/v1.JPEG",
                "ILSVRC/val/v2.JPEG", "ILSVRC/val/v3.JPEG", "ILSVRC/val/v4.JPEG"});
  kaggle.labels["LOC_val_solution.csv"] =
      "ImageId,PredictionString\r\nv2,n1 1 2 3 4 n1 5 6 7 8 \r\nv1,n2 1 2 3 4\nv3,n9 1 1 1 1\n";
  EXPECT_EQ(lines_of(kaggle),
            (Lines{"train n1 1.JPEG", "train n2 2.JPEG", "test n2 v1.JPEG", "test n1 v2.JPEG",
                   "left out 1 (of a class in LOC_val_solution.csv that is not among the training images): "
                   "ILSVRC/val/v3.JPEG",
                   "left out 1 (without a line in LOC_val_solution.csv): ILSVRC/val/v4.JPEG",
                   "note     labels of ILSVRC/val/ from LOC_val_solution.csv"}));
  Names tiny({"train/n1/images/1.JPEG", "val/images/v.JPEG", "test/images/t.JPEG"});
  tiny.labels["val/val_annotations.txt"] = "v.JPEG\tn1\t0\t0\t62\t62\n";
  EXPECT_EQ(lines_of(tiny), (Lines{"train n1 images/1.JPEG", "test n1 v.JPEG",
                                   "left out 1 (in test/, which has no labels): test/images/t.JPEG",
                                   "note     labels of val/ from val/val_annotations.txt"}));
  Names lines({"train/n1/1.JPEG", "train/n2/2.JPEG", "val/b.JPEG", "val/a.JPEG"});
  std::string& text = lines.labels["imagenet_2012_validation_synset_labels.txt"];
  text = "n2\nn1\n";
  EXPECT_EQ(lines_of(lines)[2], "test n1 b.JPEG");
  text = "n2\n";
  expect_error([&] { lay_out(lines, {}); }, {"1 lines for 2 images"});
  text = "2\n3\n";
  expect_error([&] { lay_out(lines, {}); }, {"line 1", "'2' is a number", "meta.mat", "LOC_val_solution.csv"});
  lines.labels["devkit/data/meta.mat"] = read_file(SKEIN_SOURCE_DIR "/tests/golden/meta.mat");
  EXPECT_EQ(lines_of(lines)[3], "test n1 a.JPEG");  // a is number 2
  text = "2\n5\n";
  expect_error([&] { lay_out(lines, {}); }, {"line 2", "no class 5"});
}

TEST(MetaMat, PlainAndCompressed) {
  for (const char* name : {"meta.mat", "meta_compressed.mat"}) {
    const std::string good = read_file(fs::path(SKEIN_SOURCE_DIR) / "tests/golden" / name);
    EXPECT_EQ(read_meta_mat(name, good), (Lines{"n3", "n1", "n2", "n4"}));
    for (size_t n = 0; n < good.size() - 8; n += 5)
      expect_error([&] { read_meta_mat(name, good.substr(0, n)); }, {name, "development kit"});
  }
}

TEST(ImageLayout, ClassFoldersAlone) {
  Lines paths;
  for (int i = 0; i < 20; ++i) paths.push_back(fmt::format("pets/{}/{:02}.jpg", i % 2 ? "cat" : "dog", i));
  paths.push_back("pets/fox/1.jpg");
  expect_refused(paths, {"DIR", "no folder val or test", "--val-split 0.2"});
  const auto tested = [&](const Lines& order, double part, uint64_t seed) {
    std::vector<std::string> test;
    for (const std::string& line : lines_of(Names(order), {.val_split = part, .val_seed = seed}))
      if (line.starts_with("test")) test.push_back(line);
    std::sort(test.begin(), test.end());
    return test;
  };
  const Lines fifth = tested(paths, 0.2, 0);
  ASSERT_EQ(fifth.size(), 4u);  // 2 of 10 cats, 2 of 10 dogs, and the only fox stays
  EXPECT_EQ(fifth[1].substr(0, 8), "test cat");
  EXPECT_EQ(fifth[2].substr(0, 8), "test dog");
  EXPECT_NE(tested(paths, 0.2, 1), fifth);
  EXPECT_EQ(tested(Lines(paths.rbegin(), paths.rend()), 0.2, 0), fifth);  // another order, as in an archive
  EXPECT_EQ(tested(paths, 0.001, 0).size(), 2u);
  EXPECT_EQ(lines_of(Names(paths), {.val_split = 0.2}).back(), "note     1 class has no test images: fox");
  expect_refused({"train/a/1.jpg", "val/a/2.jpg"}, {"DIR/val/", "Leave out --val-split"}, {.val_split = 0.2});
}

TEST(ImageLayout, Refused) {
  expect_refused({}, {"DIR", "no image", "JPEG, PNG, WebP or BMP"});
  expect_refused({"n1.tar", "n2.tar"}, {"archives, such as n1.tar"});
  expect_refused({"a.jpg", "b.jpg"}, {"no class folders"});
  expect_refused({"train/a.jpg", "test/b.jpg"}, {"no class folders"});
  expect_refused({"train/a/1.jpg", "train/b/", "val/a/1.jpg"}, {"DIR/train/b", "the class has no image", "Add images"});
  expect_refused({"train/a/1.jpg", "train/b/1.gif", "val/a/1.jpg"}, {"DIR/train/b", "the class has no image"});
  expect_refused({"train/a/1.jpg", "val/a/1.jpg", "val/c/1.jpg"}, {"DIR/val/c", "not among the training images"});
  expect_refused({"train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"},
                 {"DIR/val/", "DIR/valid/", "could be the same split"});
  expect_refused({"x/train/a/1.jpg", "y/train/a/1.jpg"}, {"DIR/x/", "DIR/y/", "Give one of them"});
  expect_refused({"seg_train/seg_train/a/1.jpg", "seg_train/seg_train/b/1.jpg", "seg_pred/1.jpg"},
                 {"DIR/seg_train", "2 folders", "not a class"}, {.val_split = 0.2});
  expect_refused({"u/a/1.jpg", "u/b/1.jpg", "v/a/1.jpg", "v/b/1.jpg"}, {"DIR/u", "2 folders", "not a class"},
                 {.val_split = 0.2});
}

TEST(ImageLayout, NamesThatAreNotUtf8) {
  const ImageLayout layout =
      lay_out(Names({"train/caf\xe9/1.jpg", "train/caf\xc3\xa9/1.jpg", "val/caf\xe9/\xe9.jpg"}), {});
  EXPECT_EQ(layout.classes, (Lines{"caf\xc3\xa9", "caf\\xe9"}));
}

}  // namespace
}  // namespace skein::testing
