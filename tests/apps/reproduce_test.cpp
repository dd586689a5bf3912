// skein reproduce: the arithmetic of tables and verdicts by hand-made records, and a small preset from outside.
#include "apps/reproduce/results.h"
#include "apps/reproduce/study.h"
#include "apps/reproduce/study_table.h"
#include "apps/reproduce/verdict.h"
#include "tests/support/run_binary.h"
#include "tests/support/small_preset.h"
#include "tests/support/small_training_run.h"

namespace skein::testing {
namespace {

// Records of four epochs, 5 steps each.
RunRecord record(const StudyRun& run, const std::string& setting, std::vector<double> top1, int64_t bytes) {
  RunRecord r;
  r.setting = setting;
  r.seed = run.run.seed;
  r.hash = config_hash(run.config);
  r.test_top1 = std::move(top1);
  r.train_loss.assign(r.test_top1.size(), 0.5);
  r.steps_per_epoch = 5;
  r.step_seconds = 0.1;
  for (size_t i = 1; i <= r.test_top1.size(); ++i) r.world.push_back(int64_t(5 * i));
  r.block.assign(r.test_top1.size(), 0);
  r.sent.world = {bytes, int64_t(2 * r.world.back())};
  return r;
}

TEST(RunRecord, TimeToAccuracyIsComputingAndAveraging) {
  const RunRecord r = record({}, "a", {50, 91, 90, 92}, 20'000'000);
  EXPECT_EQ(r.epoch_at(0.9), 2);
  EXPECT_EQ(r.epoch_at(0.95), 0);
  EXPECT_EQ(r.best_top1(), 92);
  // 10 of 20 steps of 0.1 s, 10 MB at 80 Mbit/s, 20 exchanges of 10 ms.
  EXPECT_NEAR(r.seconds_on(parse_network("80Mbit,10ms"), 2, 0.1), 1 + 1 + 0.2, 1e-9);
  const RunRecord again = record_of(Json::parse(to_json(r).dump()));
  EXPECT_EQ(to_json(again), to_json(r));
}

struct SmallStudy : ::testing::Test {
  TempDir dir;
  StudyOptions options;
  Preset preset = small_preset();
  std::vector<RunRecord> records;

  void SetUp() override { options.out = (dir / "out").string(); }
  Study study() { return survey(preset, options, records); }
  void add(const std::vector<StudySetting>& settings, const std::string& name, const std::vector<double>& last,
           int64_t bytes = 0) {
    const auto of = std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.name == name; });
    ASSERT_NE(of, settings.end());
    for (size_t i = 0; i < last.size(); ++i) records.push_back(record(of->runs[i], name, {50, last[i]}, bytes));
  }
};

TEST_F(SmallStudy, RunsTheGridFirstThenSeedBySeed) {
  const auto folders = [&] {
    std::vector<std::string> names;
    const Study now = study();
    for (const StudyRun* run : now.missing()) names.push_back(run->run.folder.substr(options.out.size() + 1));
    return names;
  };
  EXPECT_EQ(folders(),
            (std::vector<std::string>{"grid/tuned-lr-0.02/seed-1", "grid/tuned-lr-0.05/seed-1", "post-local/seed-1",
                                      "minibatch/seed-1", "post-local/seed-2", "minibatch/seed-2"}));
  EXPECT_EQ(study().waiting(), 2);
  add(study().grid, "tuned-lr-0.02", {80});
  EXPECT_EQ(study().waiting(), 2);
  add(study().grid, "tuned-lr-0.05", {70});
  EXPECT_EQ(folders(), (std::vector<std::string>{"post-local/seed-1", "tuned/seed-1", "minibatch/seed-1",
                                                 "post-local/seed-2", "tuned/seed-2", "minibatch/seed-2"}));
  EXPECT_EQ(study().settings[1].flags, "--workers 2 --sync minibatch --lr=0.02");
  expect_parts(grid_table(study(), TableStyle::text), {"tuned-lr-0.02   80.00      0.5000  chosen"});
  records[1].test_top1.back() = 90;  // the rate that minibatch has
  EXPECT_EQ(study().settings[1].same_as, "minibatch");
  EXPECT_EQ(folders().size(), 4u);
  expect_parts(gaps(study())[0], {"post-local: missing seeds: 1, 2"});
  expect_parts(gaps(study())[1], {"tuned", "rate of minibatch"});
  records[1].failed = "the loss is nan";
  EXPECT_EQ(study().settings[1].same_as, "");
  records[0].failed = "the loss is nan";
  expect_error([&] { study(); }, {"tuned", "lower rates"});
}

TEST_F(SmallStudy, AClaimIsDecidedByWelchsTestWhenAllRunsAreDone) {
  preset.seeds = 3;
  const std::vector<StudySetting> settings = study().settings;
  add(settings, "post-local", {91.2, 91.5}, 1'000'000);
  add(settings, "minibatch", {90.1, 90.4, 89.6}, 4'000'000);
  std::vector<ClaimVerdict> verdicts = judge(study());
  EXPECT_EQ(verdicts[0].finding, Finding::undecided);
  expect_parts(verdicts[0].evidence, {"1 run missing", "post-local sends 1.0 MB, minibatch 4.0 MB"});
  EXPECT_EQ(verdicts[2].finding, Finding::undecided);
  EXPECT_EQ(verdicts[2].evidence, "an instrument");

  records.insert(records.begin(), record(settings[0].runs[2], "post-local", {50, 91.0}, 1'000'000));
  verdicts = judge(study());
  // scipy: p = 0.01766 against 0, 0.00612 against -0.5; 0.0755 for the other side of the second.
  EXPECT_EQ(verdicts[0].finding, Finding::supported) << verdicts[0].evidence;
  expect_parts(verdicts[0].evidence, {"post-local 91.23 ± 0.25 (3), minibatch 90.03 ± 0.40 (3)", "difference +1.20"});
  EXPECT_EQ(verdicts[1].finding, Finding::supported) << verdicts[1].evidence;
  expect_parts(settings_table(study(), TableStyle::markdown),
               {"| post-local | 3/3 | 91.23 ± 0.25 | 91.23 ± 0.25 | - | 0.5000 | 10 | 1.0 |", "| 3/3 |"});

  for (PresetClaim& claim : preset.claims) std::swap(claim.better, claim.than);
  verdicts = judge(study());
  EXPECT_EQ(verdicts[0].finding, Finding::not_supported);
  EXPECT_EQ(verdicts[1].finding, Finding::undecided) << verdicts[1].evidence;
}

TEST_F(SmallStudy, AClaimAboutFlatMinimaIsDecidedByTheLogarithmsOfEigenvalues) {
  preset.claims = {{"flat", "post-local", "minibatch", {Measure::eigenvalue}, ""}};
  const std::vector<StudySetting> settings = study().settings;
  add(settings, "post-local", {91, 91});
  add(settings, "minibatch", {90, 90});
  const std::string none = judge(study())[0].evidence;
  expect_parts(none, {"post-local has none, minibatch has none", "4 runs without an eigenvalue", "2 runs of both"});
  const double values[] = {2, 4.5, 20, 44};
  for (size_t i = 0; i < 3; ++i) records[i].eigenvalue = {.value = values[i], .images = 76};
  EXPECT_EQ(judge(study())[0].finding, Finding::undecided) << "one is not measured";
  expect_parts(judge(study())[0].evidence, {"post-local 3 (2), minibatch 20 (1)", "1 run without an eigenvalue"});
  records[3].eigenvalue = {.value = values[3]};
  // t = 4.05 with 2.00 degrees of freedom: p = 1 - t / sqrt(2 + t^2) = 0.056.
  ClaimVerdict verdict = judge(study())[0];
  EXPECT_EQ(verdict.finding, Finding::undecided);
  expect_parts(verdict.evidence, {"post-local 3 (2), minibatch 29.7 (2); ratio 0.101", "p = 0.056"});
  records[1].eigenvalue->value = 2.5;
  records[3].eigenvalue->value = 24;
  records[3].eigenvalue->residual = 2.5;
  EXPECT_EQ(judge(study())[0].finding, Finding::undecided) << "a tenth of 24 is less";
  expect_parts(judge(study())[0].evidence, {"minibatch 20 (1)", "1 run without an eigenvalue, or with one whose residual"});
  records[3].eigenvalue->residual = 2.3;
  EXPECT_EQ(judge(study())[0].finding, Finding::supported) << judge(study())[0].evidence;
  std::swap(preset.claims[0].better, preset.claims[0].than);
  EXPECT_EQ(judge(study())[0].finding, Finding::not_supported);
  expect_parts(settings_table(study(), TableStyle::markdown), {"| eigenvalue |", "| 2.25 ± 0.35 |"});
  EXPECT_EQ(to_json(record_of(Json::parse(to_json(records[0]).dump()))), to_json(records[0]));
  EXPECT_TRUE(wants_eigenvalue(study(), "minibatch"));
  EXPECT_FALSE(wants_eigenvalue(study(), "tuned"));
  EXPECT_TRUE(unmeasured(study()).empty()) << "no folder to measure in";
}

TEST_F(SmallStudy, ResultsAreKeptAndNoneIsLost) {
  const std::string results = (dir / "results").string();
  EXPECT_TRUE(read_results(preset, 1, results).empty());
  add(study().settings, "minibatch", {80, 81}, 10);
  write_results(study(), {}, results);
  const std::vector<RunRecord> kept = read_results(preset, 1, results);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(to_json(kept[1]), to_json(records[1]));
  expect_parts(read_file(results + "/README.md"), {"# small", "| minibatch | 2/2 | 80.50 ± 0.71", "## Gaps",
                                                   "post-local: missing seeds: 1, 2", "2 of 8 runs are done"});
  records.clear();
  expect_error([&] { write_results(study(), kept, results); }, {results, "minibatch with seed 1", "edited"});
  expect_error([&] { read_results(preset, 0.5, results); }, {"at scale 1", "at scale 0.5"});
  Preset other = preset;
  other.name = "other";
  expect_error([&] { read_results(other, 1, results); }, {"the results of small", "of other"});
  write_file(results + "/mine.txt", "x");
  expect_error([&] { read_results(preset, 1, results); }, {"mine.txt"});
}

TEST_F(SmallStudy, AFolderIsThatOfOnePreset) {
  const std::string out = options.out;
  check_folder(study(), out);
  write_file(out + "/post-local/seed-1/x", "");
  check_folder(study(), out);  // runs that were begun by hand
  write_file(out + "/notes", "");
  expect_error([&] { check_folder(study(), out); }, {out, "notes"});
  fs::remove(out + "/notes");
  write_study(study(), out);
  check_folder(study(), out);
  preset.settings[2].flags.push_back("--lars=0.1");
  expect_error([&] { check_folder(study(), out); }, {"minibatch of an edited preset", "--lars=0.1"});
  preset = small_preset();
  preset.settings[2].name = "mini";
  preset.claims.clear();
  expect_error([&] { check_folder(study(), out); }, {"minibatch", "lacks", "edited"});
  preset.name = "other";
  expect_error([&] { check_folder(study(), out); }, {"\"small\"", "\"other\""});
}

TEST(ConfigHash, IsOfWhatDecidesTheNumbers) {
  TrainConfig a = small_config(), b = a;
  b.net = {"1Gbit,1ms"};
  b.data = "/elsewhere";
  b.threads = 3;
  b.seed = 7;
  EXPECT_EQ(config_hash(a), config_hash(b));
  b.sync = "local:H=2";
  EXPECT_NE(config_hash(a), config_hash(b));
}

TEST(ReproduceCommand, TrainsOneRunAndCollects) {
  const TempDir dir;
  const std::string preset = (dir / "small.toml").string(), out = (dir / "out").string(),
                    results = (dir / "results").string(), command = kSkein + " reproduce " + preset + " --seeds 1 ";
  const size_t second = kSmallPreset.find("[[setting]]\nname = \"tuned\""),
               claims = kSmallPreset.find("[[claim]]\ntext = \"better\"");
  write_file(preset, kSmallPreset.substr(0, second) +
                         kSmallPreset.substr(kSmallPreset.find("[[setting]]\nname = \"minibatch\""), claims) +
                         "[[claim]]\ntext = \"flat\"\nbetter = \"post-local\"\nthan = \"minibatch\"\nmeasures = "
                         "[\"eigenvalue\"]\n");
  const ProgramOutput first = shell(command + "--next --scale 0.5 --out " + out + " --collect " + results);
  EXPECT_EQ(first.status, 0) << first.err;
  expect_parts(first.out, {"small, scale 0.5: 2 epochs: 2 runs missing", "start    1/1  post-local/seed-1", "done",
                           "measure  the largest eigenvalue at the end of " + out + "/post-local/seed-1",
                           "minibatch: missing seeds: 1", "minibatch has none", "results"});
  expect_parts(read_file(results + "/results.json"), {"\"eigenvalue\":{\"value\":", "\"images\":76"});
  expect_parts(read_file(results + "/README.md"), {"**Shortened**", "skein train --data=synthetic"});
  EXPECT_EQ(read_file(results + "/results.json").find(dir.str()), std::string::npos);
  fs::remove_all(out);  // its record stays
  expect_parts(shell(command + "--dry-run --scale 0.5 --collect " + results).out, {"/minibatch/seed-1\n"});
  expect_failure(shell(command + "--table --out " + out + " --collect " + results), 2, {"at scale 0.5"});
  expect_failure(
      shell(kSkein + " reproduce large-batch --next --data cifar10 --data-dir " + dir.str() + " --out " + out), 2,
      {"large-batch needs cifar10", "cs.toronto.edu", "data_batch_1.bin"});
  expect_parts(shell(kSkein + " reproduce").out, {"preset", "million images", "resnet20-cifar10-cpu"});
}

}  // namespace
}  // namespace skein::testing
