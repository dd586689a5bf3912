// skein predict and skein eval from outside: the same predictions, class names, and bad input.
#include "base/formats/json.h"
#include "engine/safetensors.h"
#include "tests/support/encoded_files.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

// A network for twelve JPEG files in three classes, n0 to n2, and nine to test it on.
class Predict : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new TempDir;
    write_jpeg_folder(path("data"), 12, 9);
    train("square", "--data " + path("data") + " --resize 16");
    train("crop", "--data imagenet --crop 16 --data-dir " + path("data"));
  }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }
  static std::string path(const std::string& name) { return (*dir_ / name).string(); }
  static void train(const std::string& run, const std::string& data) {
    const ProgramOutput out = skein("train --model resnet8 --epochs 1 --batch 4 --eval-batch 4 --conv onednn " + data +
                                    " --out " + path(run));
    ASSERT_EQ(out.status, 0) << out.err;
  }
  static std::vector<std::string> lines(const std::string& file) {
    std::istringstream text(read_file(file));
    std::vector<std::string> all;
    for (std::string line; std::getline(text, line);) all.push_back(line);
    return all;
  }
  static TempDir* dir_;
};
TempDir* Predict::dir_ = nullptr;

std::string after(const std::string& line, size_t commas) {
  size_t at = 0;
  for (size_t i = 0; i < commas; ++i) at = line.find(',', at) + 1;
  return line.substr(at);
}

TEST_F(Predict, GivesThePredictionsOfEvalToTheBit) {
  for (const std::string run : {"square", "crop"}) {
    const std::string evaluated = path(run + "-eval.csv"), predicted = path(run + "-predict.csv"),
                      confusion = path(run + "-confusion.csv");
    const ProgramOutput eval = skein(
        fmt::format("eval --checkpoint {} --predictions {} --confusion {} --json", path(run), evaluated, confusion));
    ASSERT_EQ(eval.status, 0) << eval.err;
    const ProgramOutput predict =
        skein(fmt::format("predict --checkpoint {} {}/val --top 1 --csv {}", path(run), path("data"), predicted));
    ASSERT_EQ(predict.status, 0) << predict.err;
    const std::vector<std::string> a = lines(evaluated), b = lines(predicted);
    ASSERT_EQ(a.size(), 10u);
    ASSERT_EQ(b.size(), 10u);
    EXPECT_EQ(b[0], "file,error,class1,probability1");
    int64_t correct = 0;
    for (size_t i = 1; i < a.size(); ++i) {
      EXPECT_EQ(after(a[i], 2), after(b[i], 2)) << run;
      correct += after(a[i], 2).substr(0, 2) == after(a[i], 1).substr(0, 2);
    }
    const Json score = Json::parse(eval.out);
    EXPECT_NEAR(score.at("top1").get<double>(), 100.0 * double(correct) / 9, 1e-9);
    EXPECT_EQ(score.at("classes").size(), 3u);
    EXPECT_EQ(score.at("classes").at(2).at("name"), "n2");
    EXPECT_EQ(lines(confusion)[0], "true,n0,n1,n2,not a number");
    expect_failure(skein(fmt::format("eval --checkpoint {} --confusion {}", path(run), confusion)), 2,
                   {confusion, "exists already", "--force"});
  }
}

TEST_F(Predict, NamesEveryBadFileAndPredictsTheRest) {
  const std::string good = path("data") + "/val/n0/0012.JPEG", bad = path("bad.jpg"), none = path("none.png");
  write_file(bad, "no image");
  const std::string command = "predict --checkpoint " + path("square") + " ";
  const ProgramOutput two = skein(command + fmt::format("{} {} {}", bad, good, none));
  EXPECT_EQ(two.status, 2);
  EXPECT_EQ(two.out.rfind(good + "  n", 0), 0u) << two.out;
  EXPECT_EQ(std::count(two.out.begin(), two.out.end(), '\n'), 1);
  expect_parts(two.err, {bad + ": unknown image type", none + ": cannot be read", "2 of 3 images"});
  expect_failure(skein(command + bad), 2, {bad, "unknown image type"});
  const Json line = Json::parse(skein(command + good + " " + bad + " --json --top 2").out);
  EXPECT_EQ(line.at("images").at(0).at("best").size(), 2u);
  EXPECT_EQ(line.at("images").at(1).at("file"), bad);
  EXPECT_TRUE(line.at("images").at(1).contains("error"));
}

// The input of an exported network: channels first, normalised; zeros for a file that is none.
TEST_F(Predict, WritesThePixels) {
  const std::string image = path("pixels.png"), bad = path("no.png"), out = path("pixels.safetensors");
  write_png(image, 16, 16, 3, 5);
  write_file(bad, "no image");
  const std::string command = fmt::format("predict --checkpoint {} {} {} --pixels {}", path("square"), bad, image, out);
  EXPECT_EQ(skein(command).status, 2) << "for the bad file";
  const auto file = SafetensorsFile::open(out);
  EXPECT_EQ(Json::parse(file->meta("files")).get<std::vector<std::string>>(), (std::vector{bad, image}));
  EXPECT_EQ(file->at("images").shape, (std::vector<int64_t>{2, 3, 16, 16}));
  const auto mean = Json::parse(file->meta("mean")).get<std::vector<float>>(),
             std = Json::parse(file->meta("std")).get<std::vector<float>>();
  const float* x = file->view("images", DType::f32).as<const float>();
  for (int i = 0; i < 3 * 256; ++i) {
    const int c = i / 256, row = i / 16 % 16, column = i % 16;
    EXPECT_EQ(x[i], 0);
    EXPECT_NEAR(x[3 * 256 + i], (test_pixel(5, row, column, c) / 255.0 - mean[c]) / std[c], 1e-5);
  }
  expect_failure(skein(command), 2, {out, "exists already", "--force"});
}

TEST_F(Predict, EvalComparesClassNames) {
  fs::create_directories(path("part/train"));
  fs::create_directories(path("part/test"));
  for (const char* split : {"train", "test"})
    for (const char* name : {"n0", "n2"})
      fs::create_directory_symlink(path("data") + "/val/" + name, path("part/") + split + "/" + name);
  const std::string eval = "eval --checkpoint " + path("square") + " --json --data " + path("part");
  const ProgramOutput part = skein(eval);
  ASSERT_EQ(part.status, 0) << part.err;
  expect_parts(part.err, {"2 of the checkpoint's 3 classes"});
  const Json classes = Json::parse(part.out).at("classes"),
             whole = Json::parse(skein("eval --json --checkpoint " + path("square")).out).at("classes");
  EXPECT_EQ(classes.at(1).at("images"), 0);
  for (const size_t c : {0u, 2u}) EXPECT_EQ(classes.at(c), whole.at(c));
  for (const char* split : {"train", "test"}) fs::rename(path("part/") + split + "/n2", path("part/") + split + "/m2");
  expect_failure(skein(eval), 2, {path("part"), "'m2'", "n0, n1, n2"});
}

TEST_F(Predict, LostOutputIsAFailure) {
  for (const std::string& command :
       {"eval --checkpoint " + path("square"), std::string("summary --model resnet8"), std::string("--help")})
    expect_failure(shell(kSkein + " " + command + " > /dev/full"), 1, {"standard output", "No space left"});
}

}  // namespace
}  // namespace skein::testing
