// Shapes that follow from the network, the table of H, and flags that would do nothing.
#include "base/formats/json.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

TEST(Clock, TableOfLocalStepsWithoutARun) {
  const std::string table = "clock --model resnet20 --workers 16 --net '1 Gb/s, 200us' --step-ms 12";
  const Json j = Json::parse(skein(table + " --json").out);
  EXPECT_EQ(j.at("parameters"), 272474);
  EXPECT_FALSE(j.at("measured").get<bool>());
  const Json& none = j.at("table").at(0);
  EXPECT_EQ(none.at("compress"), "none");
  // 272474 numbers, each tensor padded to a multiple of 64: 14 vectors of 16 by 48, 14 of 32 by 32, the stem by 16, the
  // classifier's bias by 54. Two rounds of 200 us, 2 * 15/16 of the bytes at 1 Gbit/s.
  const double bytes = 4.0 * (272474 + 14 * 48 + 14 * 32 + 16 + 54);
  const double seconds = 0.0004 + 2 * 15.0 / 16 * bytes * 8e-9;
  EXPECT_NEAR(none.at("averaging_seconds").get<double>(), seconds, 1e-9);
  const Json& four = none.at("shares").at(2);
  EXPECT_EQ(four.at("H"), 4);
  EXPECT_NEAR(four.at("share").get<double>(), seconds / (seconds + 4 * 0.012), 1e-9);
  EXPECT_EQ(none.at("H_of_a_tenth"), 13);  // 9 * seconds / 0.012 = 12.6
  const Json& sign = j.at("table").at(2);
  EXPECT_EQ(sign.at("compress"), "sign");
  EXPECT_EQ(sign.at("bytes"), 15 * 34320);  // tests/local_sgd/compressor_test.cpp
  EXPECT_EQ(j.at("table").size(), 15u);
  expect_parts(skein(table).out, {"12 ms, as given", "H=128", "ef-sign:two-way", "H=13"});
  const Json more = Json::parse(skein(table + " --json --compress q8:block=64 --compress topk:1").out).at("table");
  EXPECT_EQ(more.at(15).at("bytes"),
            15 * (4276 / 16 + 1) * (64 + 4) + 15 * (4276 / 16 + 1) * 64 * 4);  // shards, f32 back
  EXPECT_EQ(more.at(16).at("compress"), "topk:1");
}

TEST(Clock, MeasuresAStep) {
  const Json j =
      Json::parse(skein("clock --model resnet8 --workers 2 --net 1Gbit,1ms --batch 2 --size 8 --threads 1 --json").out);
  EXPECT_TRUE(j.at("measured").get<bool>());
  EXPECT_GT(j.at("step_seconds").get<double>(), 0);
}

TEST(Clock, AsksForWhatFits) {
  expect_failure(skein("clock --net 1Gbit,1ms"), 2, {"run folder", "--model"});
  expect_failure(skein("clock runs/x --model resnet20 --net 1Gbit,1ms"), 2, {"run folder", "--model"});
  expect_failure(skein("clock runs/x --workers 4 --net 1Gbit,1ms"), 2, {"--workers", "Leave it out"});
  expect_failure(skein("clock --model resnet20 --compress topk:2 --net 1Gbit,1ms --step-ms 1"), 2, {"'2'", "fraction"});
  expect_failure(skein("clock --model resnet20 --step-ms 1 --batch 8 --net 1Gbit,1ms"), 2, {"--batch", "measured"});
  expect_failure(skein("clock --model resnet10 --net 1Gbit,1ms --step-ms 1"), 2, {"resnet10"});
  expect_failure(skein("clock --model resnet20 --net 1GB,1ms --step-ms 1"), 2, {"'1GB'", "Gb/s"});
}

TEST(UsualImages, AreTheDataSetsOfTheNetwork) {
  const auto summary = [](const std::string& flags) {
    return Json::parse(skein("summary --batch 1 --json --model " + flags).out);
  };
  const Json large = summary("resnet50"), small = summary("resnet20"),
             given = summary("resnet50 --size 64 --classes 5");
  EXPECT_EQ(large.at("parameters"), 25557032);
  EXPECT_EQ(large.at("size"), 224);
  EXPECT_EQ(large.at("classes"), 1000);
  EXPECT_EQ(small.at("size"), 32);
  EXPECT_EQ(small.at("classes"), 10);
  EXPECT_EQ(given.at("size"), 64);
  EXPECT_EQ(given.at("classes"), 5);
  expect_failure(skein("summary --model resnet20 --size 4"), 2, {"--size", "8"});
  expect_parts(skein("bench step --model resnet8 --batch 1 --size 8 --steps 1 --warmup 0").out,
               {"8 x 8 x 3 images", "10 classes"});
}

TEST(IdleFlags, AreRefusedOrSaid) {
  const TempDir dir;
  const std::string train =
      "train --data synthetic --synthetic-size 8 --synthetic-train 8 --synthetic-test 2 --epochs 1 ";
  const auto refused = [&](const std::string& flags, const std::vector<std::string>& parts) {
    expect_failure(skein(train + flags + " --out " + (dir / "refused").string()), 2, parts);
  };
  refused("--model resnet8 --dropout 0.3", {"--dropout 0.3", "resnet8"});
  refused("--model densenet10-4 --zero-gamma", {"--zero-gamma", "densenet10-4"});
  refused("--model wrn10-1 --shortcut A", {"--shortcut A", "wrn10-1"});
  refused("--model resnet8 --crop 160", {"--crop 160", "8 x 8"});
  refused("--model resnet8 --resize 64", {"--resize 64", "synthetic"});
  const std::string said =
      skein(train + "--model resnet8 --sync local:H=4 --base-batch 64 --out " + (dir / "run").string()).out;
  expect_parts(said, {"--sync local:H=4 changes nothing", "plain SGD", "--batch 128 is more than the 8", "scaled"});
}

}  // namespace
}  // namespace skein::testing
