// skein bench: the one schema of --json, comparisons of two reports, and the collectives.
#include "apps/bench/bench_report.h"
#include "apps/bench/comm_sizes.h"
#include "apps/bench/comparison.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

using Sizes = std::vector<int64_t>;
using Samples = std::vector<double>;

Json measured(const std::string& arguments) {
  const ProgramOutput output = skein(arguments + " --json");
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_EQ(std::count(output.out.begin(), output.out.end(), '\n'), 1) << output.out;
  return Json::parse(output.out);
}

// The fields that every report has, whatever it measures.
void expect_schema(const Json& report, const std::string& bench) {
  EXPECT_EQ(report.at("schema"), kBenchSchema);
  EXPECT_EQ(report.at("bench"), bench);
  EXPECT_EQ(report.at("device"), "cpu");
  EXPECT_GT(report.at("threads").get<int64_t>(), 0);
  EXPECT_FALSE(report.at("version").get<std::string>().empty());
  EXPECT_TRUE(report.contains("commit"));
  EXPECT_FALSE(report.at("machine").at("cpu").get<std::string>().empty());
  EXPECT_EQ(report.at("machine").at("gpu"), Json());
  EXPECT_TRUE(report.at("flags").contains("json"));
  EXPECT_TRUE(report.at("peaks").is_object());
  ASSERT_GT(report.at("cases").size(), 0u);
  for (const Json& c : report.at("cases").elements()) {
    Samples seconds;
    for (const Json& x : c.at("samples").elements()) seconds.push_back(x.get<double>());
    const Timing t = timing_of(seconds);
    EXPECT_EQ(c.at("unit"), "s");
    EXPECT_EQ(c.at("median").get<double>(), t.median);
    EXPECT_EQ(c.at("fastest").get<double>(), t.fastest);
    EXPECT_EQ(c.at("spread").get<double>(), t.spread);
    EXPECT_EQ(c.at("types"), "f32");
    EXPECT_FALSE(c.at("shape").get<std::string>().empty());
    EXPECT_GT(c.at("rates").size(), 0u);
  }
}

TEST(Bench, StepHasTheSchema) {
  const Json report = measured("bench step --model resnet8 --batch 2 --size 8 --steps 3 --warmup 1 --conv onednn");
  expect_schema(report, "step");
  const Json& row = report.at("cases").at(size_t(0));
  EXPECT_EQ(row.at("case"), "resnet8/batch=2/size=8");
  EXPECT_EQ(row.at("samples").size(), 3u);
  EXPECT_EQ(row.at("rates").at("img_per_s").get<double>(), 2 / row.at("median").get<double>());
  EXPECT_EQ(report.at("flags").at("batch"), "2");
  EXPECT_GT(report.at("peak_rss_mb").get<double>(), 0);
}

TEST(Bench, KernelsAndDataHaveTheSchema) {
  const Json kernels = measured("bench kernels --all --dtype f32 --filter average_pool_forward/2x --repetitions 2");
  expect_schema(kernels, "kernels");
  EXPECT_GT(kernels.at("peaks").at("copy_gb_per_s").get<double>(), 0);
  EXPECT_GT(kernels.at("cases").at(size_t(0)).at("of_peak").get<double>(), 0);
  const Json data = measured("bench data --data synthetic --batch 16 --batches 8");
  expect_schema(data, "data");
  EXPECT_EQ(data.at("cases").at(size_t(0)).at("samples").size(), 8u);
}

TEST(BenchComm, MeasuresAndChecksEveryCollective) {
  for (const char* transport : {"threads", "tcp"}) {
    const Json report =
        measured(fmt::format("bench comm --transport {} --workers 3 --sizes 1KB --repetitions 2", transport));
    expect_schema(report, "comm");
    EXPECT_EQ(report.at("ranks"), 3);
    ASSERT_EQ(report.at("cases").size(), 3u);
    for (const Json& c : report.at("cases").elements()) {
      const bool reduce = c.at("case") == fmt::format("{}/all_reduce/1020", transport);
      const double algbw = c.at("rates").at("algbw_gb_per_s").get<double>();
      EXPECT_EQ(c.at("bytes"), 1020);
      EXPECT_DOUBLE_EQ(algbw, 1020e-9 / c.at("median").get<double>());
      EXPECT_DOUBLE_EQ(c.at("rates").at("busbw_gb_per_s").get<double>(), algbw * (reduce ? 2.0 : 1.0) * 2 / 3);
    }
  }
  expect_failure(skein("bench comm --transport mpi"), 2, {"--transport mpi", "alone"});
  expect_failure(skein("bench comm --sizes 16GB --workers 1000"), 2, {"--sizes", "free"});
  expect_failure(skein("bench comm --collective reduce"), 2, {"--collective reduce", "all_gather"});
}

TEST(BenchComm, ReadsSizes) {
  EXPECT_EQ(parse_sizes("1KB,1.5MB"), (Sizes{1024, 3 << 19}));
  EXPECT_EQ(parse_sizes("1KB:1GB").size(), 11u);
  EXPECT_EQ(parse_sizes("4B:20B"), (Sizes{4, 16}));
  EXPECT_EQ(format_size(3 << 19), "1.5MB");
  EXPECT_EQ(format_size(1020), "1020B");
  for (const char* wrong : {"", "1kB", "fast", "2B", "17GB", "1e99GB", "-1KB", "nanKB"})
    expect_error([&] { parse_sizes(wrong); }, {"--sizes"});
  expect_error([] { parse_sizes("1MB:1KB"); }, {"ends before it begins"});
}

ReadReport report_of(const std::vector<std::pair<std::string, Samples>>& cases, int64_t threads = 2) {
  BenchReport report{.bench = "step"};
  for (const auto& [name, seconds] : cases) report.cases.push_back({.name = name, .seconds = seconds});
  Json json = to_json(report, {{"batch", "128"}});
  json["threads"] = threads;
  return parse_bench(json.dump(), "report");
}

TEST(BenchCompare, SaysNoMoreThanTheSamplesDo) {
  const Samples a = {1.00, 1.01, 1.02, 1.03, 1.04}, slow = {1.10, 1.11, 1.12, 1.13, 1.14};
  const auto verdict = [](const Samples& a, const Samples& b) {
    return compare_cases(report_of({{"x", a}}), report_of({{"x", b}})).at(0);
  };
  EXPECT_EQ(verdict(a, a).verdict, Verdict::no_difference_seen);
  EXPECT_EQ(verdict(a, slow).verdict, Verdict::slower);
  EXPECT_EQ(verdict(slow, a).verdict, Verdict::faster);
  EXPECT_NEAR(verdict(a, slow).time.estimate, 1.12 / 1.02, 1e-3);
  EXPECT_EQ(verdict({1, 1.1, 1.2}, {2, 2.1, 2.2}).verdict, Verdict::too_few);
  // Five against five give p = 0.008, which ten cases raise above 0.05.
  std::vector<std::pair<std::string, Samples>> many, others;
  for (int i = 0; i < 10; ++i) {
    many.emplace_back(std::to_string(i), a);
    others.emplace_back(std::to_string(i), i == 0 ? slow : a);
  }
  EXPECT_EQ(compare_cases(report_of(many), report_of(others)).at(0).verdict, Verdict::too_few);
}

TEST(BenchCompare, NamesWhatElseDiffers) {
  const auto notes = other_differences(report_of({{"x", {1}}, {"y", {1}}}), report_of({{"x", {1}}, {"z", {1}}}, 4));
  EXPECT_EQ(notes,
            (std::vector<std::string>{"threads: 2 and 4", "y: only A has this case", "z: only B has this case"}));
}

struct BenchFiles : ::testing::Test {
  TempDir dir;
  std::string file(const std::string& name, const std::string& text) {
    write_file(dir / name, text);
    return (dir / name).string();
  }
};

TEST_F(BenchFiles, RefusesWhatIsNoReport) {
  const std::string good =
      file("good", to_json(BenchReport{.bench = "step", .cases = {{.name = "x", .seconds = {1}}}}, {}).dump());
  const auto compare = [&](const std::string& text) {
    return skein("bench compare " + good + " " + file("bad", text));
  };
  expect_failure(compare(""), 2, {"bad", "empty"});
  expect_failure(compare("{\"schema\": 1}"), 2, {"bad", "cases"});
  expect_failure(compare("{\"schema\": 7}"), 2, {"bad", "schema 7"});
  expect_failure(compare("text"), 2, {"bad", "last line"});
  expect_failure(compare(R"({"schema":1,"cases":[{"case":"x","samples":[0]}]})"), 2, {"bad", "case x"});
  expect_failure(compare(R"({"schema":1,"cases":[{"case":"x","samples":[]}]})"), 2, {"case x", "no samples"});
  expect_failure(compare(R"({"schema":1,"cases":[{"case":"y","samples":[1]}]})"), 2, {"no case in common"});
  expect_failure(skein("bench compare " + good + " /nonexistent"), 2, {"/nonexistent"});
  const ProgramOutput same = skein("bench compare " + good + " " + good);
  EXPECT_EQ(same.status, 0);
  expect_parts(same.out, {"too few samples", "one process each"});
}

TEST_F(BenchFiles, InterleavesTwoPrograms) {
  const std::string calls = (dir / "calls").string();
  const std::string other = file("other", fmt::format("#!/bin/sh\necho $* >>{}\nexec {} \"$@\"\n", calls, kSkein));
  fs::permissions(other, fs::perms::owner_all);
  const std::string comm = " -- comm --transport tcp --workers 2 --sizes 1KB --repetitions 1 --collective all_reduce";
  const ProgramOutput output = skein("bench ab --rounds 1 --json --against " + other + comm);
  ASSERT_EQ(output.status, 0) << output.err;
  const std::string called = read_file(calls);
  EXPECT_EQ(std::count(called.begin(), called.end(), '\n'), 2) << called;
  const Json report = Json::parse(output.out);
  const Json& row = report.at("cases").at(size_t(0));
  EXPECT_EQ(report.at("sample"), "process");
  EXPECT_EQ(row.at("a_samples"), 2);
  EXPECT_EQ(row.at("b_samples"), 2);
  EXPECT_EQ(row.at("verdict"), "too few samples");
  expect_failure(skein("bench ab --against " + other), 2, {"after --"});
  expect_failure(skein("bench ab --against /nonexistent -- comm"), 2, {"/nonexistent", "no such program"});
  const std::string failing = file("failing", "#!/bin/sh\nexit 3\n");
  fs::permissions(failing, fs::perms::owner_all);
  expect_failure(skein("bench ab --against " + failing + comm), 1, {failing, "status 3"});
}

}  // namespace
}  // namespace skein::testing
