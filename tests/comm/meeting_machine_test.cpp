// The rules by which the members of an elastic run meet, without sockets: one rule at a time, and runs whose faults a
// seed decides.
#include "tests/support/meeting_simulation.h"

namespace skein::testing {
namespace {

// Every line begins with the text of the one before: one history.
void expect_one_history(const MeetingSimulation& s, const std::string& what) {
  for (size_t i = 1; i < s.file.size(); ++i) {
    EXPECT_TRUE(s.file[i].consensus.starts_with(s.file[i - 1].consensus)) << what << ", line " << i;
    EXPECT_LT(s.file[i - 1].base, s.file[i].base) << what;
  }
  EXPECT_EQ(s.branches, 0) << what;
}

int64_t rounds(const MeetingSimulation& s) {
  return s.file.empty() ? 0 : std::count(s.file.back().consensus.begin(), s.file.back().consensus.end(), '|');
}

bool is_complete(const MeetingSimulation& s) {
  return std::any_of(s.processes.begin(), s.processes.end(), [](const auto& p) { return p.second.complete; });
}

TEST(MeetingMachine, WithoutFaultsAllAreMergedInEveryRound) {
  MeetingSimulation s(1, {.min = 4, .max = 4, .grace = 2}, 5);
  s.start_first();
  for (int i = 0; i < 3; ++i) s.join();
  EXPECT_TRUE(s.run(60));
  EXPECT_EQ(s.file.back().consensus, "|1,0,1,2,3|2,0,1,2,3|3,0,1,2,3|4,0,1,2,3|5,0,1,2,3");
  for (const auto& [id, p] : s.processes) EXPECT_EQ(p.end, "done") << id;
}

TEST(MeetingMachine, ALostMemberLosesItsRoundAndTheOthersGoOn) {
  for (const int64_t victim : {0, 1, 3}) {  // 0 is the chair
    MeetingSimulation s(2, {.min = 1, .max = 8, .grace = 2}, 6);
    s.start_first();
    for (int i = 0; i < 3; ++i) s.join();
    s.after(1.0, [&] { s.kill(victim); });
    EXPECT_TRUE(s.run(60));
    EXPECT_TRUE(is_complete(s));
    EXPECT_EQ(rounds(s), 6);
    EXPECT_FALSE(s.file.back().consensus.ends_with(fmt::format(",{}", victim)));
    expect_one_history(s, fmt::format("without {}", victim));
    EXPECT_LT(s.now, 10) << "it has waited for the dead";
  }
}

TEST(MeetingMachine, AllButOneMayEnd) {
  MeetingSimulation s(3, {.min = 1, .max = 8, .grace = 2}, 8);
  s.start_first();
  for (int i = 0; i < 3; ++i) s.join();
  s.after(1.2, [&] {
    for (const int64_t id : {0, 1, 3}) s.kill(id);
  });
  EXPECT_TRUE(s.run(60));
  EXPECT_TRUE(s.processes[2].complete);
  expect_one_history(s, "one left");
}

TEST(MeetingMachine, AStoppedMemberIsDroppedAfterGraceAndFindsOut) {
  for (const int64_t victim : {0, 2}) {
    MeetingSimulation s(4, {.min = 1, .max = 8, .grace = 1}, 30);
    s.start_first();
    for (int i = 0; i < 3; ++i) s.join();
    s.after(1.0, [&] { s.stop(victim, 4); });
    EXPECT_TRUE(s.run(100));
    EXPECT_EQ(rounds(s), 30);
    EXPECT_EQ(s.processes[victim].end.find("done"), std::string::npos);
    EXPECT_NE(s.processes[victim].end.find("gone on without it"), std::string::npos) << s.processes[victim].end;
    expect_one_history(s, "stopped");
  }
}

// A chair that was stopped finds, in the order in which it reads: its own member 1 has left it and is a candidate.
TEST(MeetingMachine, AChairThatWasStoppedDoesNotDropTheNextOne) {
  const MeetingState start{{3, 0}, {{0, "a", "a"}, {1, "b", "b"}, {2, "c", "c"}}, 3, Json(0), {}};
  MeetingMachine chair({.min = 1, .max = 3, .grace = 1}, 10, 0, start, true, 0);
  const auto drops = [&](int64_t id) {
    const std::vector<Outgoing> all = chair.take_outgoing();
    return std::any_of(all.begin(), all.end(),
                       [&](const Outgoing& o) { return o.to == id && o.packet.kind == PacketKind::dropped; });
  };
  chair.receive(1, {PacketKind::left}, 5);
  chair.receive(1, {PacketKind::beat}, 5);
  EXPECT_FALSE(drops(1));
  EXPECT_TRUE(chair.is_chair());
  chair.receive(2, {PacketKind::left}, 5);
  EXPECT_FALSE(chair.is_chair());
  EXPECT_FALSE(drops(1) || drops(2));

  MeetingMachine still({.min = 1, .max = 3, .grace = 1}, 10, 0, start, true, 0);
  still.receive(1, {PacketKind::beat}, 5);  // without a word: its connection was lost
  const std::vector<Outgoing> out = still.take_outgoing();
  EXPECT_TRUE(
      std::any_of(out.begin(), out.end(), [](const Outgoing& o) { return o.packet.kind == PacketKind::dropped; }));
}

TEST(MeetingMachine, AMinorityEndsAndAMajorityGoesOn) {
  MeetingSimulation s(5, {.min = 1, .max = 8, .grace = 1}, 20, 5);
  s.start_first();
  for (int i = 0; i < 4; ++i) s.join();
  s.after(1.0, [&] { s.cut_off(0, 1000); });  // the chair
  EXPECT_TRUE(s.run(200));
  EXPECT_EQ(rounds(s), 20);
  EXPECT_NE(s.processes[0].end.find("no majority"), std::string::npos) << s.processes[0].end;
  EXPECT_TRUE(s.processes[1].complete);
  expect_one_history(s, "cut off");
}

TEST(MeetingMachine, OfTwoMembersNeitherGoesOnWithoutTheOther) {
  MeetingSimulation s(6, {.min = 1, .max = 8, .grace = 1}, 20, 3);
  s.start_first();
  s.join();
  s.after(1.5, [&] { s.cut_off(1, 1000); });
  EXPECT_TRUE(s.run(200));
  EXPECT_LT(rounds(s), 20);
  EXPECT_FALSE(is_complete(s));
}

TEST(MeetingMachine, TooFewMembersWaitForNewcomers) {
  MeetingSimulation s(7, {.min = 2, .max = 8, .grace = 1}, 6, 10);
  s.start_first();
  s.join();
  s.after(1.0, [&] { s.kill(1); });
  s.after(4.0, [&] { s.join(); });
  EXPECT_TRUE(s.run(100));
  EXPECT_TRUE(is_complete(s));
  EXPECT_EQ(rounds(s), 6);
  MeetingSimulation without(7, {.min = 2, .max = 8, .grace = 1}, 6, 10);
  without.start_first();
  EXPECT_TRUE(without.run(100));
  EXPECT_NE(without.processes[0].end.find("1 members are here, and a round needs 2"), std::string::npos);
}

TEST(MeetingMachine, TheMostMembersAreNotExceeded) {
  MeetingSimulation s(8, {.min = 2, .max = 3, .grace = 1}, 4);
  s.start_first();
  for (int i = 0; i < 6; ++i) s.join();
  EXPECT_TRUE(s.run(100));
  EXPECT_EQ(s.processes.size(), 3u);
}

// Kills, stops, cuts and newcomers at random times.
void add_faults(MeetingSimulation& s) {
  const auto faults = int(s.random(1, 8));
  for (int f = 0; f < faults; ++f)
    s.after(s.random(0.2, 8), [&s] {
      const std::vector<int64_t> ids = s.ids();
      const int64_t id = ids[size_t(s.random(0, double(ids.size())))];
      const double kind = s.random(0, 4);
      if (kind < 1)
        s.kill(id);
      else if (kind < 2)
        s.stop(id, s.random(0.2, 5));
      else if (kind < 3)
        s.cut_off(id, s.random(0.2, 4));
      else
        s.join();
    });
}

// A run with faults may end without being complete, where there is no majority; it never has two histories, and it
// ends. That connections of newcomers break amid their first state changes nothing.
TEST(MeetingMachine, SeededFaultsLeaveOneHistoryAndAnEnd) {
  constexpr uint64_t kSeeds = 80;
  for (const double breaks : {0.0, 0.6}) {
    uint64_t complete = 0;
    int64_t resumed = 0;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      MeetingSimulation s(seed, {.min = 1, .max = 8, .grace = 1}, 25, 6);
      s.breaks = breaks;
      s.start_first();
      const auto members = int(s.random(1, 7));
      for (int i = 0; i < members; ++i) s.join();
      add_faults(s);
      EXPECT_TRUE(s.run(300)) << "seed " << seed << " does not end";
      expect_one_history(s, fmt::format("seed {}, {} breaks", seed, breaks));
      complete += is_complete(s);
      resumed += s.resumed;
    }
    EXPECT_GT(complete, kSeeds * 8 / 10) << breaks;
    EXPECT_EQ(resumed > int64_t(kSeeds), breaks > 0) << resumed;
  }
}

}  // namespace
}  // namespace skein::testing
