// The rules for a newcomer whose connection breaks amid its first state: when the chair sends the rest, and to whom.
#include <gtest/gtest.h>

#include "comm/elastic/meeting_machine.h"

namespace skein::testing {
namespace {

const std::string kConsensus = "0123456789";
constexpr StateKey kFirst{3, 0}, kSecond{4, 0};

// Members 0, the chair, and 1; the newcomer 2 has been sent its first state, whose connection has broken after it came
// to "c" as "process c".
class MeetingResume : public ::testing::Test {
 protected:
  MeetingResume() {
    EXPECT_EQ(chair_.admit("c", "process c"), 2);
    contribute(1, kFirst);
    contribute(0, kFirst);
    EXPECT_EQ(merged(), (std::vector<int64_t>{0, 1}));
    EXPECT_FALSE(resumes(2, kSecond, 4)) << "before it was sent anything";
    publish();
    EXPECT_EQ(chair_.take_outgoing().size(), 2u);
    chair_.close(2, 0);
  }

  void contribute(int64_t id, StateKey base) {
    const Contribution c{id, base, Json(0), nullptr};
    id == 0 ? chair_.contribute(c, 0) : chair_.receive(id, to_packet(c), 0);
  }
  void publish() { chair_.publish(Json(1), std::make_shared<const std::string>(kConsensus), 0); }
  void acknowledge(int64_t id) { chair_.receive(id, to_packet(PacketKind::ack, kSecond), 0); }
  bool resumes(int64_t id, StateKey key, int64_t bytes) { return chair_.resume({id, key, bytes}, "c", "process c"); }
  std::vector<int64_t> merged() {
    std::vector<int64_t> ids;
    const auto event = chair_.take_event();
    if (event && event->kind == MeetingEvent::merge)
      for (const Contribution& c : event->contributions) ids.push_back(c.member);
    return ids;
  }

  const Payload start_ = std::make_shared<const std::string>("abcdefghij");
  MeetingMachine chair_{{.min = 1, .max = 4, .grace = 1},
                        10,
                        0,
                        {kFirst, {{0, "a", "process a"}, {1, "b", "process b"}}, 2, Json(0), start_},
                        true,
                        0};
};

TEST_F(MeetingResume, IsSentFromTheByteThatIsMissing) {
  for (const int64_t bytes : {0, 4, 9}) {
    EXPECT_TRUE(resumes(2, kSecond, bytes));
    const std::vector<Outgoing> out = chair_.take_outgoing();
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].to, 2);
    EXPECT_EQ(out[0].packet.kind, PacketKind::rest);
    EXPECT_EQ(*out[0].packet.payload, kConsensus.substr(size_t(bytes)));
  }
}

TEST_F(MeetingResume, IsRefusedToOthersAndOutOfRange) {
  for (const bool committed : {false, true}) {
    if (committed) {
      chair_.close(2, 0);
      acknowledge(1);
    }
    EXPECT_EQ(chair_.state().key, committed ? kSecond : kFirst);
    EXPECT_FALSE(resumes(0, kSecond, 4));
    EXPECT_FALSE(resumes(3, kSecond, 4));
    EXPECT_FALSE(resumes(-1, kSecond, 4));
    EXPECT_FALSE(chair_.resume({1, kSecond, 4}, "b", "process b")) << "a member before, with a vote of its own";
    EXPECT_FALSE(resumes(2, kFirst, 4));
    EXPECT_FALSE(resumes(2, {4, 1}, 4));
    EXPECT_FALSE(resumes(2, kSecond, -1));
    EXPECT_FALSE(resumes(2, kSecond, 10));
    EXPECT_FALSE(resumes(2, kSecond, int64_t{1} << 62));
    EXPECT_FALSE(chair_.resume({2, kSecond, 4}, "d", "process c"));
    EXPECT_FALSE(chair_.resume({2, kSecond, 4}, "c", "process d"));
    EXPECT_TRUE(resumes(2, kSecond, 4));
  }
  MeetingMachine follower({.min = 1, .max = 4, .grace = 1}, 10, 1, chair_.state(), false, 0);
  EXPECT_FALSE(follower.resume({2, kSecond, 4}, "c", "process c"));
}

TEST_F(MeetingResume, IsRefusedToAMemberThatHasAcknowledgedEarlyOrLate) {
  EXPECT_TRUE(resumes(2, kSecond, 4));
  acknowledge(2);
  EXPECT_FALSE(resumes(2, kSecond, 4));
  acknowledge(1);
  EXPECT_EQ(chair_.state().key, kSecond);
  EXPECT_FALSE(resumes(2, kSecond, 4));
}

TEST_F(MeetingResume, IsRefusedToAMemberThatHasAcknowledgedAfterTheCommit) {
  acknowledge(1);
  EXPECT_EQ(chair_.state().key, kSecond);
  EXPECT_TRUE(resumes(2, kSecond, 4));
  acknowledge(2);
  EXPECT_FALSE(resumes(2, kSecond, 4));
}

TEST_F(MeetingResume, MakesItsMemberPresentAgain) {
  acknowledge(1);
  EXPECT_TRUE(resumes(2, kSecond, 4));
  contribute(0, kSecond);
  contribute(1, kSecond);
  EXPECT_TRUE(merged().empty()) << "the round does not wait for it";
  acknowledge(2);
  contribute(2, kSecond);
  EXPECT_EQ(merged(), (std::vector<int64_t>{0, 1, 2}));
}

TEST_F(MeetingResume, IsRefusedWhenTheNextMergeHasBegun) {
  acknowledge(1);
  contribute(0, kSecond);
  contribute(1, kSecond);
  EXPECT_EQ(merged(), (std::vector<int64_t>{0, 1}));
  EXPECT_FALSE(resumes(2, kSecond, 4));
  publish();
  EXPECT_FALSE(resumes(2, kSecond, 4));
  EXPECT_FALSE(resumes(2, {5, 0}, 4));
}

}  // namespace
}  // namespace skein::testing
