// metrics.jsonl and evaluation.json: what the lines say, that they change no bit of a run, and resuming.
#include <cmath>

#include "base/formats/base64.h"
#include "base/formats/json.h"
#include "data/image/image_decoder.h"
#include "tests/support/small_training_run.h"
#include "train/log/prometheus.h"
#include "train/log/run_log.h"
#include "train/round_log.h"

namespace skein::testing {
namespace {

std::vector<Json> records(const std::string& run, const std::string& type) {
  std::vector<Json> all;
  for (const std::string& line : lines_of(run + "/metrics.jsonl"))
    if (Json j = Json::parse(line); j.at("type") == type) all.push_back(std::move(j));
  return all;
}

TrainConfig workers_config() {
  TrainConfig c = small_config();
  c.workers = 4;
  c.synthetic_train = 160;  // five steps of 8
  c.sync = "hierarchical:H=3,Hb=2,block=2";
  c.threads = 1;
  c.round_norms_from = 0;
  return c;
}

class Metrics : public ::testing::Test {
 protected:
  TempDir dir;
  std::string at(const std::string& name) const { return (dir / name).string(); }
};

TEST_F(Metrics, EveryLineOfARunWithWorkers) {
  const std::string run = at("run");
  EXPECT_TRUE(train({.config = workers_config(), .out = run, .command = {"skein", "train"}}, never));

  const Json about = records(run, "run").at(0);
  EXPECT_EQ(about.at("schema"), 1);
  EXPECT_EQ(about.at("command"), Json(std::vector<std::string>{"skein", "train"}));
  EXPECT_EQ(about.at("workers"), 4);
  EXPECT_EQ(about.at("steps_per_epoch"), 5);
  EXPECT_EQ(about.at("start_step"), 0);
  EXPECT_EQ(about.at("classes").size(), 10u);
  EXPECT_FALSE(about.contains("gpu"));

  std::string h, reaches, rounds;
  for (const Json& step : records(run, "step")) {
    h += std::to_string(step.at("h").get<int64_t>());
    EXPECT_GT(step.at("seconds").get<double>(), 0);
  }
  EXPECT_EQ(h, "3333333331") << "rounds of three steps, then the one that ends the run";
  for (const Json& r : records(run, "round")) {
    reaches += r.at("reach").get<std::string>() + " ";
    rounds += std::to_string(r.at("round").get<int64_t>());
    for (const char* list : {"compute_seconds", "wait_seconds", "distance", "delta_norm"})
      EXPECT_EQ(r.at(list).size(), 4u) << list;
    for (const Json& d : r.at("distance").elements()) EXPECT_GT(d.get<double>(), 0);
    EXPECT_LE(std::abs(r.at("delta_cosine").get<double>()), 1);
    EXPECT_FALSE(r.contains("error_norm"));
  }
  EXPECT_EQ(reaches, "block world block world ");
  EXPECT_EQ(rounds, "0112");
}

TEST_F(Metrics, EpochsHaveClassesLayersAndTimes) {
  const std::string run = at("run");
  EXPECT_TRUE(train({.config = small_config(), .out = run}, never));
  EXPECT_TRUE(records(run, "round").empty());
  const std::vector<Json> epochs = records(run, "epoch");
  ASSERT_EQ(epochs.size(), 2u);
  const Json& last_epoch = epochs.back();

  double squares = 0;
  const auto file = SafetensorsFile::open(last(run) + "/model.safetensors");
  for (const std::string& name : file->names()) {
    if (name.find("running") != std::string::npos) continue;
    const auto* x = reinterpret_cast<const float*>(file->at(name).data);
    for (size_t i = 0; i < file->at(name).bytes / sizeof(float); ++i) squares += double(x[i]) * double(x[i]);
  }
  double of_layers = 0;
  for (const Json& layer : last_epoch.at("layers").elements()) {
    of_layers += std::pow(layer.at("weight_norm").get<double>(), 2);
    EXPECT_GT(layer.at("grad_norm").get<double>(), 0) << layer.at("name");
  }
  EXPECT_EQ(last_epoch.at("layers").at(size_t(0)).at("name"), "conv1");
  EXPECT_NEAR(of_layers, squares, 1e-9 * squares);

  const Json& times = last_epoch.at("step_seconds");
  EXPECT_GT(times.at("compute").get<double>(), 0);
  EXPECT_GT(times.at("evaluate").get<double>(), 0);
  EXPECT_GT(times.at("checkpoint").get<double>(), 0) << "of the first epoch";
  EXPECT_EQ(times.at("average"), 0.0);

  double of_classes = 0;  // 30 images: three of each of ten classes
  for (const Json& top1 : last_epoch.at("class_top1").elements()) of_classes += top1.get<double>() / 10;
  EXPECT_NEAR(of_classes, last_epoch.at("test_top1").get<double>(), 1e-9);
}

TEST_F(Metrics, PredictionsOfTheBestEpoch) {
  const std::string run = at("run");
  TrainConfig c = small_config();
  c.synthetic_size = 80;  // pictures are made smaller
  c.epochs = 1;
  c.synthetic_train = 16;
  EXPECT_TRUE(train({.config = c, .out = run}, never));
  const Json file = Json::parse(read_file(run + "/evaluation.json"));
  int64_t right = 0, images = 0;
  for (size_t row = 0; row < 10; ++row)
    for (size_t column = 0; column < 10; ++column) {
      const auto n = file.at("confusion").at(row).at(column).get<int64_t>();
      images += n;
      if (row == column) right += n;
    }
  EXPECT_EQ(images, 30);
  EXPECT_NEAR(100.0 * double(right) / 30, records(run, "epoch").at(0).at("test_top1").get<double>(), 1e-9);
  const auto& worst = file.at("worst").elements();
  ASSERT_FALSE(worst.empty());
  for (size_t i = 1; i < worst.size(); ++i)
    EXPECT_GE(worst[i - 1].at("probability").get<double>(), worst[i].at("probability").get<double>());
  EXPECT_NE(worst[0].at("label"), worst[0].at("predicted"));
  EXPECT_EQ(worst[0].at("png").get<std::string>().rfind("iVBORw0KGgo", 0), 0u) << "the first bytes of a PNG file";
}

TEST(Base64, FillsUpTheLastGroup) {  // RFC 4648, section 10
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST_F(Metrics, NormsAndThinningChangeNoBit) {
  for (const char* compress : {"none", "ef-sign"}) {
    TrainConfig c = workers_config();
    c.compress = compress;
    const std::string with = at(std::string("with-") + compress), without = at(std::string("without-") + compress);
    EXPECT_TRUE(train({.config = c, .out = with}, never));
    c.round_norms = false;
    c.log_every = 4;
    EXPECT_TRUE(train({.config = c, .out = without}, never));
    for (const char* name : {"/model.safetensors", "/worker-0.safetensors", "/worker-3.safetensors"})
      expect_same_tensors(last(with) + name, last(without) + name);
    EXPECT_EQ(records(without, "round").size(), records(with, "round").size());
    EXPECT_FALSE(records(without, "round").at(0).contains("distance"));
    EXPECT_EQ(records(with, "round").at(0).contains("error_norm"), c.compress == "ef-sign");
    EXPECT_EQ(records(with, "round").at(0).contains("delta_cosine"), c.compress == "none");
  }
  TrainConfig c = workers_config();
  c.round_norms_from = 3 * c.batch;  // three steps
  EXPECT_TRUE(train({.config = c, .out = at("long")}, never));
  const std::vector<Json> rounds = records(at("long"), "round"), all = records(at("with-none"), "round");
  for (size_t i = 0; i < 3; ++i)
    for (const char* norm : {"distance", "delta_norm"}) EXPECT_EQ(rounds.at(i).at(norm), all[i].at(norm));
  for (const char* norm : {"distance", "delta_norm", "delta_cosine"})
    EXPECT_FALSE(rounds.at(3).contains(norm)) << "after one step";
  EXPECT_EQ(records(at("without-none"), "step").size(), 6u) << "3, 6, 9 and 10, which an averaging follows, 4 and 8";
}

TEST_F(Metrics, ResumedRunGoesOnInItsLog) {
  const std::string run = at("run"), whole = at("whole"), log = run + "/metrics.jsonl";
  EXPECT_TRUE(train({.config = workers_config(), .out = whole}, never));
  EXPECT_FALSE(train({.config = workers_config(), .out = run, .limit_steps = 5}, never));
  std::ofstream(log, std::ios::app) << R"({"type":"round","round":9,"step":6})"
                                    << "\n"
                                    << R"({"type":"round","round":10,"st)";
  EXPECT_TRUE(train({.config = workers_config(), .resume = run}, never));
  const std::vector<Json> starts = records(run, "run"), rounds = records(run, "round"), all = records(whole, "round");
  ASSERT_EQ(starts.size(), 2u);
  EXPECT_EQ(starts[1].at("start_step"), 5);
  ASSERT_EQ(rounds.size(), all.size());
  for (size_t i = 0; i < rounds.size(); ++i)
    for (const char* key : {"round", "step", "steps", "bytes", "distance"})
      EXPECT_EQ(rounds[i].at(key), all[i].at(key));
  EXPECT_FALSE(rounds[1].contains("delta_norm")) << "the consensus before step 5 is not in the checkpoint";
  EXPECT_EQ(rounds[3].at("delta_norm"), all[3].at("delta_norm"));
  EXPECT_EQ(read_run_log(run).epochs.size(), 2u);
  EXPECT_EQ(read_run_log(run).unread_lines, 0);
}

TEST(Prometheus, NamesAndLabels) {
  EXPECT_EQ(prometheus_text({{"epoch/test_top1", 91.5}}, {{"model", "m"}, {"run", "a \"b\"\\c\nd"}}),
            "# TYPE skein_epoch_test_top1 gauge\n"
            "skein_epoch_test_top1{model=\"m\",run=\"a \\\"b\\\"\\\\c\\nd\"} 91.5\n");
}

TEST_F(Metrics, OtherSchemaIsSaid) {
  const std::string run = at("run"), log = run + "/metrics.jsonl";
  EXPECT_FALSE(train({.config = small_config(), .out = run, .limit_steps = 3}, never));
  std::string text = read_file(log);
  text.replace(text.find("\"schema\":1"), 10, "\"schema\":2");
  write_file(log, text);
  expect_error([&] { read_run_log(run); }, {log, "schema 2", "reads schema 1"});
  expect_error([&] { train({.config = small_config(), .resume = run}, never); }, {log, "schema 2"});
  EXPECT_EQ(read_file(log), text);
}

// Three workers in the plane, against the cosines of all pairs.
TEST(RoundLog, CosineOfAllPairs) {
  const double x[3] = {1, 0, 3}, y[3] = {0, 2, 4};
  std::vector<StepResult> workers(3);
  double mean_x = 0, mean_y = 0, products = 0, lengths = 0;
  for (size_t i = 0; i < 3; ++i) mean_x += x[i] / 3, mean_y += y[i] / 3;
  for (size_t i = 0; i < 3; ++i) {
    workers[i].output.norms.delta = float(x[i] * x[i] + y[i] * y[i]);
    workers[i].output.norms.mean_delta = float(mean_x * mean_x + mean_y * mean_y);
    workers[i].output.seconds = 1 + double(i);
    workers[i].output.averaging = 3 - double(i);
    for (size_t j = 0; j < i; ++j) {
      products += x[i] * x[j] + y[i] * y[j];
      lengths += std::hypot(x[i], y[i]) * std::hypot(x[j], y[j]);
    }
  }
  RoundLog log(3, 0);
  log.add(workers, 2);
  log.add(workers, 8);
  const RoundMetrics m = log.finish(workers, SyncScope::world, 7, 2);
  EXPECT_NEAR(m.delta_cosine, products / lengths, 1e-6);
  EXPECT_NEAR(m.delta_norm[2], 5, 1e-6);
  EXPECT_EQ(m.seconds, 1) << "of the rank that waits least";
  EXPECT_EQ(m.compute, (std::vector<double>{2, 4, 6}));
  EXPECT_EQ(m.wait, (std::vector<double>{7, 5, 3}));
  EXPECT_TRUE(m.distance.empty());
}

}  // namespace
}  // namespace skein::testing
