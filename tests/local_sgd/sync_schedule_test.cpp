#include "local_sgd/sync_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "local_sgd/learning_rate.h"

namespace skein::testing {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// The paper's run: 16 workers, 300 epochs of 25 steps, drops at 150 and 225.
RunLength published_run() {
  const LearningRateSchedule schedule{0.1, 64, 128, 16, 5, {150, 225}, 0.1};
  return {7500, 25, 16, [=](int64_t step) { return schedule.at(step, 25); }};
}

// A run at a rate of 1 that drops by ten at the given steps (from 0).
RunLength short_run(int64_t steps, int64_t steps_per_epoch, std::vector<int64_t> drops = {}, int64_t workers = 4) {
  return {steps, steps_per_epoch, workers, [=](int64_t step) {
            double rate = 1;
            for (int64_t drop : drops)
              if (step >= drop) rate /= 10;
            return rate;
          }};
}

std::vector<SyncScope> table(const std::string& expression, const RunLength& run, double first_drop = 150) {
  return sync_table(parse_sync(expression, first_drop), run);
}

// One letter per step: '.', 'b' or 'W'.
std::string to_letters(const std::vector<SyncScope>& table) {
  std::string text;
  for (const SyncScope s : table) text += s == SyncScope::none ? '.' : s == SyncScope::block ? 'b' : 'W';
  return text;
}

std::string letters(const std::string& expression, const RunLength& run, double first_drop = kNever) {
  return to_letters(table(expression, run, first_drop));
}

// Of the averagings that the models get.
std::string merged(const std::string& expression, const RunLength& run, int64_t at_once = 0) {
  return to_letters(merge_table(table(expression, run, kNever), parse_sync(expression, kNever).delay, at_once));
}

int64_t count(const std::vector<SyncScope>& syncs, SyncScope kind) {
  return std::count(syncs.begin(), syncs.end(), kind);
}

// How many steps each averaging follows.
std::vector<int64_t> gaps(const std::string& expression, const RunLength& run) {
  std::vector<int64_t> result;
  int64_t gap = 0;
  for (SyncScope s : table(expression, run, kNever)) {
    ++gap;
    if (s != SyncScope::none) result.push_back(gap), gap = 0;
  }
  return result;
}

void expect_bad_form(const std::string& expression, const std::vector<std::string>& parts, double first_drop = 150) {
  try {
    parse_sync(expression, first_drop);
    ADD_FAILURE() << "'" << expression << "' was taken";
  } catch (const BadInput& e) {
    for (const std::string& part : parts)
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what() << "\n  does not say " << part;
    EXPECT_NE(std::string(e.what()).find("post-local:H="), std::string::npos) << "the forms are not listed";
  }
}

TEST(SyncSchedule, PostLocalCountsOfThePublishedRun) {
  const int64_t counts[][2] = {{1, 7500}, {2, 5625}, {4, 4688}, {8, 4219}, {16, 3985}, {32, 3868}, {64, 3809}};
  for (auto [h, syncs] : counts) {
    const std::string by_drop = fmt::format("post-local:H={}", h);
    EXPECT_EQ(count(table(by_drop, published_run()), SyncScope::world), syncs) << "H = " << h;
    EXPECT_EQ(table(by_drop, published_run()), table(by_drop + ",from=150", published_run(), 10));
  }
}

TEST(SyncSchedule, PostLocalSwitchesWithTheDrop) {
  EXPECT_EQ(letters("post-local:H=4,from=2", short_run(14, 3)), "WWWWWW...W...W");
  EXPECT_EQ(letters("post-local:H=3", short_run(12, 4), 1.5), "WWWWWW..W..W");
  // 1.6 epochs of 4 steps: the first step that begins later is the eighth, the first at the lower rate as well.
  EXPECT_EQ(letters("post-local:H=3", short_run(12, 4), 1.6), "WWWWWWW..W.W");
}

TEST(SyncSchedule, LocalAveragesAfterHTwoHAndTheLastStep) {
  EXPECT_EQ(letters("local:H=4", short_run(12, 5)), "...W...W...W");
  EXPECT_EQ(letters("local:H=4", short_run(14, 5)), "...W...W...W.W");
  EXPECT_EQ(letters("local:H=100", short_run(5, 5)), "....W");
  EXPECT_EQ(letters("minibatch", short_run(5, 5)), "WWWWW");
}

TEST(SyncSchedule, TheMirror) {
  EXPECT_EQ(letters("reverse:H=4,from=2", short_run(10, 3)), "...W..WWWW");
  EXPECT_EQ(letters("reverse:H=4", short_run(10, 3), 2), "...W..WWWW");
}

TEST(SyncSchedule, Hierarchical) {
  EXPECT_EQ(letters("hierarchical:H=2,Hb=3,block=2", short_run(15, 5)), ".b.b.W.b.b.W.bW");
  EXPECT_EQ(letters("hierarchical:H=2,Hb=2,block=2,from=1", short_run(12, 3)), "WWW.b.W.b.WW");
  EXPECT_EQ(letters("hierarchical:H=2,Hb=2,block=2", short_run(12, 3), 1), ".b.W.b.W.b.W");
}

TEST(SyncSchedule, HierarchicalIdentities) {
  const RunLength run = short_run(103, 10);
  EXPECT_EQ(table("hierarchical:H=4,Hb=1,block=2", run), table("local:H=4", run));
  EXPECT_EQ(table("hierarchical:H=4,Hb=5,block=4", run), table("local:H=4", run)) << "one block of all";
  EXPECT_EQ(table("hierarchical:H=4,Hb=5,block=1", run), table("local:H=20", run)) << "nobody to average with";
  EXPECT_EQ(table("hierarchical:H=1,Hb=1,block=2", run), table("minibatch", run));
  EXPECT_EQ(table("local:H=1", run), table("minibatch", run));
}

TEST(SyncSchedule, WarmUp) {
  // 840 steps per epoch are whole rounds of 1, 2, ... 8 steps.
  const std::vector<int64_t> linear = gaps("local:H=8,warmup=linear", short_run(8 * 840, 840));
  std::vector<int64_t> expected;
  for (int64_t e = 1; e <= 8; ++e) expected.insert(expected.end(), size_t(840 / e), e);
  EXPECT_EQ(linear, expected);

  const int64_t exponential[] = {1, 1, 2, 2, 3, 4, 6, 8};  // floor(2^(3e/8))
  expected.clear();
  for (int64_t h : exponential) expected.insert(expected.end(), size_t(24 / h), h);
  EXPECT_EQ(gaps("local:H=8,warmup=exponential", short_run(8 * 24, 24)), expected);
  // It ends at H, not at P: 12^(1/3), 12^(2/3), 12.
  expected.clear();
  for (int64_t h : {2, 5, 12}) expected.insert(expected.end(), size_t(60 / h), h);
  EXPECT_EQ(gaps("local:H=12,warmup=exponential,warmup-epochs=3", short_run(3 * 60, 60)), expected);

  EXPECT_EQ(letters("local:H=3,warmup=constant", short_run(15, 3)), "WWWWWWWWW..W..W");
  EXPECT_EQ(letters("local:H=4,warmup=linear,warmup-epochs=2", short_run(16, 4)), ".W.W...W...W...W");
  EXPECT_EQ(letters("local:H=2,warmup=exponential,warmup-epochs=64", short_run(12, 1)), "WWWWWWWWWWWW");
  const auto slow = gaps("local:H=2,warmup=exponential,warmup-epochs=64", short_run(200, 2));
  EXPECT_EQ(*std::max_element(slow.begin(), slow.end()), 2) << "never above H";
}

TEST(SyncSchedule, WarmUpOfAnyPolicy) {
  EXPECT_EQ(letters("post-local:H=4,from=1,warmup=linear,warmup-epochs=2", short_run(20, 4)), "WWWW.W.W...W...W...W");
  EXPECT_EQ(letters("hierarchical:H=2,Hb=2,block=2,warmup=constant,warmup-epochs=1", short_run(12, 4)), "bWbW.b.W.b.W");
  EXPECT_EQ(letters("reverse:H=2,from=2,warmup=constant,warmup-epochs=1", short_run(12, 4)), "WWWW.W.WWWWW");
}

TEST(SyncSchedule, WarmUpAgainAfterEveryDrop) {
  EXPECT_EQ(letters("local:H=4,warmup=constant,warmup-epochs=1", short_run(16, 4, {8})), "WWWW...W...W...W");
  EXPECT_EQ(letters("local:H=4,warmup=constant,warmup-epochs=1,restart", short_run(16, 4, {8})), "WWWW...WWWWW...W");
  EXPECT_EQ(letters("local:H=4,warmup=constant,warmup-epochs=1,restart", short_run(16, 4, {10})), "WWWW...W..WWWW.W");
}

TEST(SyncSchedule, QuadraticRule) {
  // rates 1, 0.1, 0.01: (0.3/rate)^2 = 0.09, 9, 900
  EXPECT_EQ(gaps("quadratic:H=2,alpha=0.3", short_run(4 + 18 + 901, 5, {4, 22})),
            (std::vector<int64_t>{2, 2, 9, 9, 900, 1}));
  // A drop within a round does not stretch it: (0.4 / 0.2)^2, (0.4 / 0.1)^2, and from step 30 on 16 * 100.
  RunLength drops = short_run(48, 5);
  drops.rate = [](int64_t step) { return step < 4 ? 0.2 : step < 30 ? 0.1 : 0.01; };
  EXPECT_EQ(gaps("quadratic:H=4,alpha=0.4", drops), (std::vector<int64_t>{4, 16, 16, 12}));
  // While the rate warms up, H is that of the peak.
  RunLength run = short_run(12, 5);
  run.rate = [](int64_t step) { return step < 6 ? 0.01 : 0.5; };
  EXPECT_EQ(letters("quadratic:H=3,alpha=1", run), "...W...W...W");
}

TEST(SyncSchedule, ADelayActsWhereTheNextAveragingIsFurtherAway) {
  const RunLength run = short_run(14, 3);
  EXPECT_EQ(merged("local:H=4,delay=0", run), letters("local:H=4", run));
  EXPECT_EQ(letters("local:H=4,delay=2", run), letters("local:H=4", run)) << "they begin when they did";
  EXPECT_EQ(letters("local:H=4", run), "...W...W...W.W");
  EXPECT_EQ(merged("local:H=4,delay=1", run), "....W...W...WW");
  EXPECT_EQ(merged("local:H=4,delay=2", run), ".....W...W.W.W") << "the last rounds are too short";
  EXPECT_EQ(merged("local:H=4,delay=3", short_run(13, 3)), "......W...WWW") << "the last one never is";
  EXPECT_EQ(letters("post-local:H=4,from=2,delay=3", run), "WWWWWW...W...W");
  EXPECT_EQ(merged("post-local:H=4,from=2,delay=3", run), "WWWWW...W...WW") << "every step: at once";
  EXPECT_EQ(merged("post-local:H=4,from=2,delay=3", run, 6), "WWWWWW......WW") << "nor averaged gradients";
  EXPECT_EQ(merged("hierarchical:H=3,Hb=2,block=2,delay=2", short_run(12, 3)), "....b..W..bW");
  EXPECT_EQ(letters("local:H=4,warmup=linear,warmup-epochs=2,delay=2", short_run(16, 4)), ".W.W...W...W...W");
  EXPECT_EQ(merged("local:H=4,warmup=linear,warmup-epochs=2,delay=2", short_run(16, 4)), ".W...W...W...W.W");
}

TEST(SyncSchedule, DescribesItself) {
  const auto describe = [](const char* expression) { return skein::describe(parse_sync(expression, 150)); };
  EXPECT_EQ(describe("minibatch"), "mini-batch SGD: every step");
  EXPECT_EQ(describe("local:H=8"), "local SGD (algorithm 1): every 8 steps");
  EXPECT_EQ(describe("post-local:H=16"),
            "post-local SGD (algorithm 2): every step until epoch 150, then every 16 steps");
  EXPECT_EQ(describe("reverse:H=2,from=7.5"), "reverse post-local SGD: every 2 steps until epoch 7.5, then every step");
  EXPECT_EQ(describe("hierarchical:H=1,Hb=4,block=2"),
            "hierarchical local SGD (algorithm 5): every step within blocks of 2, every 4 steps among all");
  EXPECT_EQ(describe("quadratic:H=4,alpha=0.2"), "local SGD, quadratic rule: every max(4, (0.2 / rate)^2) steps");
  EXPECT_EQ(describe("local:H=8,warmup=linear,restart"),
            "local SGD (algorithm 1): every 8 steps; linear warm-up of H over 8 epochs, again after every drop of the "
            "rate");
  EXPECT_EQ(describe("local:H=8,delay=1"), "local SGD (algorithm 1): every 8 steps, merged a step later");
  EXPECT_EQ(describe("local:H=8,delay=4,mix=0.5"),
            "local SGD (algorithm 1): every 8 steps, merged 4 steps later with weight 0.5");
  for (const char* number : {"algorithm 1", "algorithm 2", "algorithm 5"})
    EXPECT_NE(sync_forms().find(number), std::string::npos);
}

TEST(SyncSchedule, BadExpressions) {
  expect_bad_form("", {"no schedule ''"});
  expect_bad_form("pos-local:H=4", {"no schedule 'pos-local'"});
  expect_bad_form("local", {"local needs H"});
  expect_bad_form("local:", {"takes no ''"});
  expect_bad_form("local:H", {"H= must be a whole number"});
  for (const char* h : {"0", "-4", "2.5", "4x", "", "99999999999999999999", "2000000000"})
    expect_bad_form(fmt::format("local:H={}", h), {fmt::format("H={} ", h), "whole number"});
  expect_bad_form("local:H=4,H=5", {"H is given twice"});
  expect_bad_form("local:H=4,from=3", {"takes no 'from'"});
  expect_bad_form("local:H=4,", {"takes no ''"});
  expect_bad_form("minibatch:H=4", {"minibatch takes no 'H'"});
  expect_bad_form("hierarchical:H=4,block=2", {"needs Hb"});
  expect_bad_form("hierarchical:H=4,Hb=2", {"needs block"});
  expect_bad_form("quadratic:H=4", {"needs alpha"});
  expect_bad_form("quadratic:H=4,alpha=0", {"alpha=0", "above 0"});
  for (const char* from : {"-1", "nan"}) expect_bad_form(fmt::format("post-local:H=4,from={}", from), {"from="});
  expect_bad_form("local:H=4,warmup=cubic", {"warmup=cubic", "linear"});
  expect_bad_form("local:H=4,warmup-epochs=3", {"warmup-epochs needs warmup"});
  expect_bad_form("local:H=4,restart", {"restart needs warmup"});
  expect_bad_form("local:H=4,warmup=linear,restart=1", {"restart takes no value"});
  expect_bad_form("post-local:H=4", {"from=", "never drops"}, kNever);
  expect_bad_form("minibatch:delay=1", {"minibatch takes no 'delay'"});
  expect_bad_form("local:H=4,delay=4", {"delay=4 is not below H=4", "delay=1 to 3", "H=5"});
  expect_bad_form("hierarchical:H=2,Hb=8,block=2,delay=9", {"delay=9", "H=2"});
  expect_bad_form("local:H=1,delay=1", {"delay=1", "H=2 or more"});
  expect_bad_form("local:H=4,delay=-1", {"delay=-1", "from 0"});
  for (const char* mix : {"0", "1.5", "-1", "nan"})
    expect_bad_form(fmt::format("local:H=4,delay=2,mix={}", mix), {fmt::format("mix={}", mix)});
  expect_bad_form("local:H=4,mix=0.5", {"mix needs delay"});
}

TEST(SyncSchedule, MustFitTheRun) {
  const auto check = [](const char* expression, int64_t workers, double epochs) {
    check_sync(parse_sync(expression, 150), workers, epochs);
  };
  EXPECT_NO_THROW(check("hierarchical:H=4,Hb=4,block=2", 16, 300));
  EXPECT_THROW(check("hierarchical:H=4,Hb=4,block=3", 16, 300), BadInput);
  EXPECT_THROW(check("hierarchical:H=4,Hb=4,block=32", 16, 300), BadInput);
  EXPECT_NO_THROW(check("post-local:H=4,from=299", 16, 300));
  EXPECT_THROW(check("post-local:H=4,from=300", 16, 300), BadInput);
  EXPECT_NO_THROW(check("minibatch", 16, 1));
}

}  // namespace
}  // namespace skein::testing
