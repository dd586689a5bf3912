// skein geometry from outside: curvature, line and plane of two small runs, and bad input.
#include "base/formats/json.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

Json last_line(const std::string& text) { return Json::parse(text.substr(text.rfind('\n', text.size() - 2) + 1)); }

TEST(GeometryCommand, MeasuresCheckpointsTheLineAndThePlane) {
  const TempDir dir;
  const auto path = [&](const char* name) { return (dir / name).string(); };
  const std::string train =
      "train --model resnet8 --data synthetic --synthetic-train 76 --synthetic-test 30 --synthetic-size 8 --epochs 1 "
      "--batch 8 --conv onednn --threads 1 --out ";
  for (const char* run : {"a", "b"})
    ASSERT_EQ(skein(train + path(run) + (*run == 'b' ? " --seed 1 --workers 2 --dtype f32" : "")).status, 0);
  const std::string two = "geometry " + path("a") + " " + path("b") + " --threads 1 --images 40 --batch 16 ";
  const ProgramOutput out =
      skein(two + "--eigenvalues 2 --steps 4 --trace 2 --line 3 --test --plane 2 --json --csv " + path("all.csv"));
  ASSERT_EQ(out.status, 0) << out.err;
  const Json json = last_line(out.out);
  ASSERT_EQ(json.at("checkpoints").size(), 2u);
  const Json& a = json.at("checkpoints").at(0);
  EXPECT_EQ(a.at("hessian").at("eigenvalues").size(), 2u);
  EXPECT_GE(a.at("hessian").at("eigenvalues").at(0).at("value").get<double>(),
            a.at("hessian").at("eigenvalues").at(1).at("value").get<double>());
  EXPECT_EQ(a.at("plane").at("loss").size(), 2u);
  const auto& line = json.at("line").elements();
  ASSERT_EQ(line.size(), 5u) << "-0.5, 0, 0.5, 1, 1.5";
  for (size_t end : {0, 1}) {
    const Json& at = line[1 + 2 * end];
    EXPECT_EQ(at.at("loss"), json.at("checkpoints").at(end).at("loss"));
    EXPECT_TRUE(at.contains("test_top1"));
  }
  const std::string csv = read_file(path("all.csv"));
  expect_parts(csv,
               {"checkpoint,quantity,x,y,value\n", ",eigenvalue,2,,", ",line test loss,1.5,,", ",plane top1,-1,1,"});
  const Json again = last_line(skein(two + "--eigenvalues 2 --steps 4 --trace 0 --json").out);
  EXPECT_EQ(again.at("checkpoints").at(0).at("hessian"), a.at("hessian")) << "a pure function";
  const ProgramOutput text = skein(two + "--steps 1 --trace 0 --images 8");
  expect_parts(text.out, {"mean over 8 training images of synthetic", "each batch of 16", "(not converged)"});
  expect_failure(skein(two + "--csv " + path("all.csv")), 2, {"all.csv", "--force"});
  expect_failure(skein(two + "--images 77"), 2, {"--images 77", "76 training images"});
  expect_failure(skein(two + "--images 0"), 2, {"--images", "from 1"});
  expect_failure(skein(two + "--trace 1"), 2, {"--trace 1", "0 for no trace"});
  expect_failure(skein(two + "--test"), 2, {"--test", "--line N"});
  expect_failure(skein("geometry " + path("a") + " --line 5"), 2, {"--line", "two checkpoints", "1 is given"});
  expect_failure(skein("geometry " + path("a") + " --data fashion-mnist"), 2, {"fashion-mnist", "1-channel"});
  expect_failure(skein("geometry"), 2, {"checkpoints"});
  ASSERT_EQ(skein(train + path("c") + " --model resnet14").status, 0);
  expect_failure(skein("geometry " + path("a") + " " + path("c") + " --line 5"), 2,
                 {"--line", "model resnet8", "has resnet14", "one network"});
}

}  // namespace
}  // namespace skein::testing
