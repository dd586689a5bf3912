// membership.jsonl and the rules of elastic rounds, without processes.
#include "train/elastic/membership_file.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "tests/support/data_files.h"
#include "tests/support/small_training_run.h"
#include "train/elastic/consensus.h"
#include "train/validate.h"

namespace skein::testing {
namespace {

const std::string kFirst =
    R"({"type":"run","format":1,"seed":0,"samples":100,"threads":1,"convolutions":["a","b"],"consensus":"x"})"
    "\n";

std::string round_line(int64_t n) {
  return fmt::format(
      R"({{"type":"round","round":{},"members":[0,4],"samples":[8,7],"merged":[4],"lost":[0],"consensus":"c{}"}})"
      "\n",
      n, n);
}

TEST(MembershipFile, IsReadLineByLine) {
  const Membership m = parse_membership(kFirst +
                                            R"({"type":"members","round":0})"
                                            "\n" +
                                            round_line(1) + round_line(2) +
                                            R"({"type":"resume","round":2,"consensus":"c2"})"
                                            "\n" +
                                            round_line(3),
                                        "F");
  EXPECT_EQ(m.header.samples, 100);
  EXPECT_EQ(m.header.convolutions.size(), 1u);
  ASSERT_EQ(m.lines.size(), 5u);
  EXPECT_EQ(m.lines[1].ids, (std::vector<int64_t>{0, 4}));
  EXPECT_EQ(places_of_merged(m.lines[1]), (std::vector<int64_t>{1}));
  EXPECT_EQ(m.lines[4].number, 6);
  EXPECT_FALSE(m.cut_short);
}

TEST(MembershipFile, WhatMakesNoSenseIsRefusedWithItsLine) {
  const auto refused = [](const std::string& text, const std::string& part) {
    try {
      parse_membership(text, "F");
      ADD_FAILURE() << text;
    } catch (const BadInput& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  refused("", "no first line");
  refused(round_line(1), "line 1");
  refused(kFirst + round_line(2), "round 2 comes after round 0");
  refused(kFirst + round_line(1) + round_line(1), "line 3");
  refused(kFirst + R"({"type":"resume","round":3,"consensus":""})"
                   "\n",
          "line 2");
  refused(kFirst + R"({"type":"merge","round":0})"
                   "\n",
          "there is no type");
  refused(kFirst + "{\n" + round_line(1), "line 2");
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"\"merged\":[4]", "\"merged\":[]"},
                                 {"\"lost\":[0]", "\"lost\":[0,4]"},
                                 {"\"lost\":[0]", "\"lost\":[]"},
                                 {"[0,4]", "[4,4]"},
                                 {"[8,7]", "[8]"}}) {
    std::string line = round_line(1);
    line.replace(line.find(from), from.size(), to);
    refused(kFirst + line, "line 2");
  }
}

TEST(MembershipFile, AnUnfinishedLineIsLeftOutAndCutAway) {
  const TempDir dir;
  const std::string path = dir.str() + kMembershipFile, whole = kFirst + round_line(1) + round_line(2);
  write_file(path, whole + R"({"type":"round","rou)");
  EXPECT_TRUE(read_membership(dir.str()).cut_short);
  EXPECT_EQ(rounds_in(dir.str()), 2);
  cut_membership(dir.str(), 2);
  EXPECT_EQ(read_file(path), whole);
  cut_membership(dir.str(), 1);
  EXPECT_EQ(read_file(path), kFirst + round_line(1));
  append_membership(dir.str(), Json::parse(round_line(2)));
  EXPECT_EQ(rounds_in(dir.str()), 2);
}

TEST(ElasticState, SurvivesTheWire) {
  ElasticState s;
  s.round = 7, s.steps = 30, s.ledger = {2, {{3, 9}, {12, 40}}}, s.merged = {0, 5};
  s.consensus = "c", s.record = {{"type", "round"}}, s.totals.loss = 0.1, s.totals.images = 9;
  s.averaged = {50, 60, 2}, s.seconds = 1.5, s.threads = 2, s.convolutions = {{"l", "i"}};
  const Json j = to_json(s);
  EXPECT_EQ(to_json(elastic_state_from(Json::parse(j.dump()))), j);
  Json bad = j;
  bad["ledger"] = {{"epoch", 2}, {"left", std::vector<int64_t>{3, 9, 8, 12}}};
  EXPECT_THROW(elastic_state_from(bad), JsonError);
}

TEST(ElasticState, TheRateIsThatOfTheMembersAndTheSamples) {
  TrainConfig c;
  c.lr = 0.1, c.batch = 10, c.epochs = 10, c.warmup_epochs = 0, c.sync = "local:H=2";
  ElasticState s;
  s.ledger = {4, {{90, 100}}};
  EXPECT_DOUBLE_EQ(rate_of_step(c, s, 100, 3, 0), 0.3);
  s.ledger.epoch = 5;  // the first drop
  EXPECT_DOUBLE_EQ(rate_of_step(c, s, 100, 3, 0), 0.03);
  c.drop_epochs = {4.95}, c.drops = {};
  s.ledger = {4, {{0, 4}, {60, 100}}};
  EXPECT_DOUBLE_EQ(rate_of_step(c, s, 100, 2, 1), 0.2) << "after 76 samples";
  EXPECT_DOUBLE_EQ(rate_of_step(c, s, 100, 2, 2), 0.02) << "after 96";
}

TEST(Consensus, IsTheMeanWeighedBySamplesAndGoesTheOuterStep) {
  TrainConfig c = small_config();
  const auto make = [&](double momentum) {
    c.outer_momentum = momentum;
    ParameterStore p;
    const auto model = make_model(c.model, {}, p);
    p.build(Device::cpu, 0);
    Consensus consensus(c, p);
    const std::string before = consensus.bytes();
    p.value.host()[0] -= 1;  // the difference is 1
    const std::string one = consensus.contribution(p);
    p.value.host()[0] += 2;  // -1
    const std::string other = consensus.contribution(p);
    consensus.merge(std::vector<MergeTerm>{{3, one}, {0, ""}, {1, other}}, 0.1);
    float a = 0, b = 0;
    std::memcpy(&a, before.data(), sizeof a), std::memcpy(&b, consensus.bytes().data(), sizeof b);
    Consensus copy(c, p);
    copy.set(consensus.bytes());
    EXPECT_EQ(copy.bytes(), consensus.bytes());
    EXPECT_EQ(int64_t(copy.bytes().size()), copy.state_bytes());
    consensus.merge(std::vector<MergeTerm>{{0, ""}}, 0.1);
    EXPECT_EQ(copy.bytes(), consensus.bytes()) << "nothing was trained on";
    return a - b;
  };
  EXPECT_NEAR(make(0), 0.5, 1e-5);
  EXPECT_NEAR(make(0.5), 0.75, 1e-5) << "Nesterov";
}

TEST(Validate, ElasticRefusesWhatItDoesNotGoWithByName) {
  const auto refused = [](const std::function<void(TrainConfig&)>& change, const std::string& part) {
    TrainConfig c = small_config();
    c.elastic = "min=2", c.sync = "local:H=4", c.device = DeviceChoice::cpu;
    EXPECT_NO_THROW(validate(c, 1));
    change(c);
    try {
      validate(c, 1);
      ADD_FAILURE() << part;
    } catch (const BadInput& e) {
      EXPECT_NE(std::string(e.what()).find("--elastic"), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  for (const char* sync : {"minibatch", "post-local:H=4,from=1", "reverse:H=4,from=1", "hierarchical:H=2,Hb=2,block=1",
                           "quadratic:H=4,alpha=0.2", "local:H=4,delay=2", "local:H=4,warmup=linear"})
    refused([&](TrainConfig& c) { c.sync = sync; }, sync);
  refused([](TrainConfig& c) { c.compress = "ef-sign"; }, "--compress");
  refused([](TrainConfig& c) { c.workers = 2; }, "--workers");
  refused([](TrainConfig& c) { c.sync_momentum = "reset"; }, "--sync-momentum");
  refused([](TrainConfig& c) { c.partition = "sorted"; }, "--partition");
  refused([](TrainConfig& c) { c.bn_stats = "moments"; }, "--bn-stats");
  refused([](TrainConfig& c) { c.eval_local = EvalLocal::every; }, "--eval-local");
  refused([](TrainConfig& c) { c.mixup = 0.2; }, "--mixup");
  refused([](TrainConfig& c) { c.ema = 0.9; }, "--ema");
  refused([](TrainConfig& c) { c.freeze = Freeze::stem; }, "--freeze");
  refused([](TrainConfig& c) { c.init = "x"; }, "--init");
  refused([](TrainConfig& c) { c.net = {"1Gbit,1ms"}; }, "--net");
  refused([](TrainConfig& c) { c.parallel = 1; }, "--parallel");
  refused([](TrainConfig& c) { c.elastic = "min=0"; }, "min=0");
}

}  // namespace
}  // namespace skein::testing
