// skein train --trace: a file that follows the rules of its format, with what happened in it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/formats/json.h"
#include "tests/support/multi_worker_run.h"
#include "tests/support/need_gpu.h"
#include "tests/support/start_processes.h"
#include "train/run/trace_file.h"

namespace skein::testing {
namespace {

// zcat also checks the length and the sum at the file's end.
Json trace_of(const std::string& path) {
  const ProgramOutput text = shell("zcat " + path);
  EXPECT_EQ(text.status, 0) << text.err;
  return Json::parse(text.out);
}

struct SpanOf {
  std::string name;
  double begin, end;
};
using Row = std::pair<int64_t, int64_t>;  // rank, thread

struct Trace {
  std::map<Row, std::vector<SpanOf>> spans;
  std::map<int64_t, std::vector<std::pair<Row, double>>> out, in;  // arrows by their number
  std::map<std::string, int> counters;
  int64_t count(const std::string& name) const {
    int64_t all = 0;
    for (const auto& [row, of_row] : spans)
      all += std::count_if(of_row.begin(), of_row.end(), [&](const SpanOf& s) { return s.name == name; });
    return all;
  }
};

Trace read_trace(const Json& file) {
  Trace t;
  for (const Json& e : file.at("traceEvents").elements()) {
    const std::string phase = e.at("ph").get<std::string>(), name = e.at("name").get<std::string>();
    const Row row{e.at("pid").get<int64_t>(), e.at("tid").get<int64_t>()};
    if (phase == "M") continue;
    const double at = e.at("ts").get<double>();
    if (phase == "X") t.spans[row].push_back({name, at, at + e.at("dur").get<double>()});
    if (phase == "s") t.out[e.at("id").get<int64_t>()].push_back({row, at});
    if (phase == "f") t.in[e.at("id").get<int64_t>()].push_back({row, at});
    if (phase == "C") t.counters[name] += 1;
  }
  return t;
}

// Spans of a row lie within one another or apart. `within`: spans of this name have such a span around them.
void expect_nested(const Trace& t) {
  constexpr double kRounding = 0.002;  // microseconds
  const std::map<std::string, std::string> within = {{"conv_forward", "forward"},
                                                     {"conv_backward_weights", "backward"}};
  for (auto [row, spans] : t.spans) {
    std::sort(spans.begin(), spans.end(),
              [](const SpanOf& a, const SpanOf& b) { return a.begin != b.begin ? a.begin < b.begin : a.end > b.end; });
    std::vector<SpanOf> open;
    for (const SpanOf& s : spans) {
      EXPECT_GE(s.end, s.begin);
      while (!open.empty() && open.back().end <= s.begin + kRounding) open.pop_back();
      if (!open.empty()) {
        EXPECT_LE(s.end, open.back().end + kRounding) << s.name << " ends after " << open.back().name;
      }
      if (const auto outer = within.find(s.name); outer != within.end()) {
        EXPECT_TRUE(std::any_of(open.begin(), open.end(), [&](const SpanOf& o) {
          return o.name == outer->second || o.name == "evaluation";
        })) << s.name;
      }
      open.push_back(s);
    }
  }
}

// Each arrow has one beginning and one end, both within averagings, of different ranks.
void expect_arrows(const Trace& t, size_t count) {
  EXPECT_EQ(t.out.size(), count);
  EXPECT_EQ(t.in.size(), count);
  const auto inside = [&](const Row& row, double at) {
    const auto& spans = t.spans.at(row);
    return std::any_of(spans.begin(), spans.end(), [&](const SpanOf& s) {
      return s.name == "averaging" && s.begin <= at + 0.002 && at <= s.end + 0.002;
    });
  };
  for (const auto& [id, from] : t.out) {
    ASSERT_EQ(from.size(), 1u);
    ASSERT_EQ(t.in.count(id), 1u);
    const auto& to = t.in.at(id);
    ASSERT_EQ(to.size(), 1u);
    EXPECT_NE(from[0].first.first, to[0].first.first) << "from a rank to itself";
    EXPECT_LE(from[0].second, to[0].second) << "no averaging ends before all have begun";
    EXPECT_TRUE(inside(from[0].first, from[0].second) && inside(to[0].first, to[0].second));
  }
}

class TraceOf : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (dir_ / name).string(); }
  TempDir dir_;
};

// Steps 2 to 5 of 5 an epoch: three averagings, then an evaluation and two checkpoints.
TEST_F(TraceOf, WorkersAsThreads) {
  const ProgramOutput run = skein(kSmallRun + " --epochs 1 --workers 2 --sync local:H=2 --out " + path("run") +
                                  " --trace " + path("t.json.gz") + " --trace-steps 2:5");
  EXPECT_EQ(run.status, 0) << run.err;
  expect_parts(run.out, {"trace    " + path("t.json.gz"), "steps 2 to 5"});
  const Json file = trace_of(path("t.json.gz"));
  EXPECT_EQ(file.at("otherData").at("dropped"), 0);
  const Trace t = read_trace(file);
  for (const char* name : {"data", "forward", "backward", "step"}) EXPECT_EQ(t.count(name), 8) << name;
  EXPECT_EQ(t.count("averaging"), 2 * 3);
  EXPECT_EQ(t.count("evaluation"), 1);
  EXPECT_GE(t.count("checkpoint"), 1);
  EXPECT_EQ(t.count("conv_backward_weights"), 8 * 9);
  EXPECT_EQ(t.count("sgd_step"), 8);
  EXPECT_GT(t.count("batch"), 0) << "of the loaders";
  EXPECT_EQ(t.counters.at("loss"), 4);
  EXPECT_EQ(t.counters.at("bytes sent"), 6);
  EXPECT_EQ(t.counters.at("batches ready"), 8);
  expect_nested(t);
  expect_arrows(t, 6);
}

TEST_F(TraceOf, ProcessesInOneFile) {
  const ProgramOutput run =
      start_processes(2, kSkein + " " + kSmallRun + " --epochs 1 --sync local:H=2 --out " + path("run") + " --trace " +
                             path("t.json.gz") + " --trace-steps 3:4");
  EXPECT_EQ(run.status, 0) << run.err;
  const Json file = trace_of(path("t.json.gz"));
  EXPECT_GT(file.at("otherData").at("clock_error_us").get<double>(), 0) << "of the other process's clock";
  const Trace t = read_trace(file);
  std::set<int64_t> ranks;
  for (const auto& [row, spans] : t.spans) ranks.insert(row.first);
  EXPECT_EQ(ranks, (std::set<int64_t>{0, 1}));
  EXPECT_EQ(t.count("forward"), 4);
  expect_nested(t);
  expect_arrows(t, 2);
}

TEST_F(TraceOf, ChangesNoBits) {
  const std::string run = kSmallRun + " --limit-steps 4 --out ";
  EXPECT_EQ(skein(run + path("plain")).status, 0);
  EXPECT_EQ(skein(run + path("traced") + " --trace " + path("t.json.gz") + " --trace-steps 2:3").status, 0);
  EXPECT_EQ(read_file(path("plain/checkpoints/last/model.safetensors")),
            read_file(path("traced/checkpoints/last/model.safetensors")));
}

TEST_F(TraceOf, AGpuHasATrackPerStream) {
  SKIP_IF(gpu_absent());
  const ProgramOutput run = skein(
      "train --model resnet8 --data synthetic --synthetic-train 8 --synthetic-test 2 --synthetic-size 8 --batch 2 "
      "--device cuda --epochs 1 --out " +
      path("run") + " --trace " + path("t.json.gz") + " --trace-steps 3:4");
  EXPECT_EQ(run.status, 0) << run.err;
  const Json file = trace_of(path("t.json.gz"));
  EXPECT_NE(file.dump().find("GPU stream 0"), std::string::npos);
  const Trace t = read_trace(file);
  EXPECT_EQ(t.count("forward"), 4) << "of the host and of the stream";
  EXPECT_EQ(t.count("step"), 4);
  EXPECT_EQ(t.count("sgd_step"), 2);
  EXPECT_GE(t.count("conv_backward_weights"), 2 * 9);
}

TEST_F(TraceOf, BadFlagsAreNamed) {
  const std::string run = kSmallRun + " --out " + path("run"), file = " --trace " + path("t.json.gz");
  for (const char* steps : {"3", "a:b", "0:3", "3:4:5", "-1:2", "3:99999999999999999999"})
    expect_failure(skein(run + file + fmt::format(" --trace-steps={}", steps)), 2, {"--trace-steps", steps, "as 3:6"});
  expect_failure(skein(run + file + " --trace-steps 5:4"), 2, {"--trace-steps 5:4", "before the first"});
  expect_failure(skein(run + file + " --trace-steps 20:21"), 2, {"--trace-steps 20:21", "the run takes steps 1 to 20"});
  expect_failure(skein(run + file + " --limit-steps 4 --trace-steps 4:5"), 2, {"--trace-steps 4:5", "steps 1 to 4"});
  expect_failure(skein(run + " --trace-steps 3:4"), 2, {"--trace-steps 3:4", "without --trace"});
  expect_failure(skein(run + file + " --resume-if-started"), 2, {"--trace", "--resume-if-started", "Leave one out"});
  expect_failure(skein(run + " --trace t.json"), 2, {"--trace t.json", ".json.gz"});
  expect_failure(skein(run + " --trace " + path("no/t.json.gz")), 2, {"there is no folder", "Make it first"});
  write_file(dir_ / "t.json.gz", "mine");
  expect_failure(skein(run + file), 2, {"exists already"});
  EXPECT_EQ(read_file(dir_ / "t.json.gz"), "mine");
  EXPECT_FALSE(std::filesystem::exists(path("run"))) << "nothing was begun";
}

TEST_F(TraceOf, SpansAreRangesOfNvtx) {
  const std::string tool = "NVTX_INJECTION64_PATH=" + built("libskein_nvtx_standin.so") + " ", log = path("log");
  const std::string run = kSkein + " " + kSmallRun + " --limit-steps 2 --out ";
  EXPECT_EQ(shell("SKEIN_NVTX_LOG=" + log + " " + tool + run + path("run")).status, 0);
  const std::string ranges = read_file(log);
  const auto count = [&](const std::string& line) {
    int64_t all = 0;
    for (size_t at = 0; (at = ("\n" + ranges).find("\n" + line + "\n", at)) != std::string::npos; ++at) ++all;
    return all;
  };
  for (const char* name : {"data", "forward", "backward", "step"}) EXPECT_EQ(count(name), 2) << name << ranges;
  EXPECT_EQ(count("  conv_backward_weights"), 2 * 9) << "within backward";
  EXPECT_EQ(ranges.find("not begun"), std::string::npos);
  expect_failure(shell(tool + run + path("refused")), 2, {"NVTX_INJECTION64_PATH", "refused to start"});
  const ProgramOutput absent = shell("NVTX_INJECTION64_PATH=/no.so " + run + path("absent"));
  EXPECT_EQ(absent.status, 2);
  expect_parts(absent.err, {"NVTX_INJECTION64_PATH", "/no.so"});
}

TEST(ClockAlignment, OfOneMachineIsExact) {
  ProcessGroup alone;
  EXPECT_EQ(align_clocks(alone).offset, 0);
}

}  // namespace
}  // namespace skein::testing
