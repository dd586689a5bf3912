// Members of an elastic run over TCP, as threads of one process: rounds, newcomers, departures, and who is refused.
#include "comm/elastic/meeting.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/check.h"
#include "comm/secret.h"
#include "tests/support/certificates.h"
#include "tests/support/cutting_proxy.h"

namespace skein::testing {
namespace {

constexpr int64_t kFloats = 50'000;

class ElasticMeeting : public ::testing::Test {
 protected:
  MeetingOptions options(int64_t min, double grace = 5) {
    MeetingOptions o;
    o.elastic = {.min = min, .max = 8, .grace = grace};
    o.timeout = 10;
    o.secret.folder = dir_.str();
    o.secret.tls = tls_;
    o.state_bytes = o.contribution_bytes = int64_t(start_.size());
    o.joins = "the same";
    o.objection = [](const std::string& its) { return its == "the same" ? "" : "it has " + its; };
    o.on_chair = [this](const std::string& address) {
      const std::lock_guard lock(mutex_);
      address_ = address;
    };
    return o;
  }

  std::string address() {
    for (;; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
      const std::lock_guard lock(mutex_);
      if (!address_.empty()) return address_;
    }
  }

  std::unique_ptr<Meeting> open(int64_t min, double grace = 5) {
    return Meeting::open(options(min, grace), {}, {{}, {}, 0, Json(0), std::make_shared<const std::string>(start_)});
  }
  std::unique_ptr<Meeting> join(int64_t min, double grace = 5) {
    for (;;)
      if (auto m = Meeting::join(options(min, grace), address())) return m;
  }

  // Takes part until round `last`, or until `leaves` rounds are done. A merge adds the first bytes of the parts.
  static int64_t take_part(Meeting& m, int64_t last, int64_t leaves = INT64_MAX) {
    MeetingEvent event{MeetingEvent::state};
    if (m.is_chair()) event = settle(m, m.gather());
    while (event.kind == MeetingEvent::state) {
      const MeetingState s = m.state();
      const auto round = s.run.get<int64_t>();
      if (round == leaves) return round;
      if (round == last) {
        const MeetingEvent end = m.await_end();
        if (end.kind == MeetingEvent::chair) m.finish();
        return round;
      }
      event = contribute(m);
    }
    return -int64_t(event.kind);
  }
  static MeetingEvent contribute(Meeting& m) {
    const MeetingState s = m.state();
    auto part = std::make_shared<const std::string>(s.payload->size(), char(1));
    return settle(m, m.contribute({m.own(), s.key, Json(0), std::move(part)}));
  }
  static MeetingEvent settle(Meeting& m, MeetingEvent event) {
    while (event.kind == MeetingEvent::merge) {
      const MeetingState s = m.state();
      std::string sum = *s.payload;
      for (const Contribution& c : event.contributions) sum[size_t(c.member)] += (*c.payload)[size_t(c.member)];
      event = m.publish(Json(s.run.get<int64_t>() + (event.contributions.empty() ? 0 : 1)),
                        std::make_shared<const std::string>(std::move(sum)));
    }
    return event;
  }

  TempDir dir_;
  TlsFiles tls_;  // none
  std::string start_ = std::string(size_t(kFloats * 4), '\0');
  std::mutex mutex_;
  std::string address_;
};

TEST_F(ElasticMeeting, ThreeMembersTakeTheSameRounds) {
  const Authority authority("run");
  for (const TlsFiles& tls : {TlsFiles{}, authority.sign("member")}) {
    tls_ = tls;
    address_.clear();
    const auto chair = open(3);
    std::vector<std::thread> others;
    std::atomic<int64_t> sum = 0;
    for (int i = 0; i < 2; ++i)
      others.emplace_back([&] {
        const auto m = join(3);
        sum += take_part(*m, 6);
        EXPECT_EQ((*m->state().payload)[0] + (*m->state().payload)[1] + (*m->state().payload)[2], 18);
      });
    EXPECT_EQ(take_part(*chair, 6), 6);
    for (std::thread& t : others) t.join();
    EXPECT_EQ(sum, 12);
  }
}

// Over TLS: members shake hands with the next chair.
TEST_F(ElasticMeeting, TheNextMemberTakesTheChairOfOneThatEnds) {
  const Authority authority("run");
  tls_ = authority.sign("member");
  auto chair = open(1);
  std::vector<std::unique_ptr<Meeting>> joined(2);
  std::vector<std::thread> others;
  std::atomic<int64_t> sum = 0, chairs = 0;
  for (int i = 0; i < 2; ++i)
    others.emplace_back([&] {
      const auto m = join(1);
      sum += take_part(*m, 400);
      chairs += m->is_chair();
    });
  // Rounds of a chair alone go by in a moment: it ends when both are there.
  std::thread first([&] {
    MeetingEvent event = settle(*chair, chair->gather());
    for (int64_t with_all = 0; event.kind == MeetingEvent::state && with_all < 3;) {
      const MeetingState s = chair->state();
      with_all += s.members.size() == 3;
      if (s.members.size() < 3) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      event = contribute(*chair);
    }
    EXPECT_EQ(event.kind, MeetingEvent::state);
    chair.reset();
  });
  first.join();
  for (std::thread& t : others) t.join();
  EXPECT_EQ(sum, 800);
  EXPECT_EQ(chairs, 1);
}

TEST_F(ElasticMeeting, AChairThatEndsWithItsSecretIsLookedForAgain) {
  auto chair = open(1);
  const std::string at = address();
  for (const auto& entry : std::filesystem::directory_iterator(dir_.str()))
    if (entry.path().filename().string().starts_with(kSecretFilePrefix)) std::filesystem::remove(entry.path());
  std::thread end([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    chair.reset();
  });
  EXPECT_EQ(Meeting::join(options(1), at), nullptr);
  end.join();
}

TEST_F(ElasticMeeting, ANewcomerWhoseConnectionBreaksTakesTheRestOfItsCopy) {
  constexpr size_t kBytes = 6'000'000, kOfOthers = 10'000;
  start_.resize(kBytes);
  for (size_t i = 8; i < kBytes; ++i) start_[i] = char(i * i / 1000);
  const Authority authority("run");
  for (const bool silently : {false, true}) {  // the chair does not see that the connection has broken
    tls_ = silently ? TlsFiles{} : authority.sign("member");
    address_.clear();
    const auto chair = open(2);
    CuttingProxy proxy(address(), {kBytes / 2, kBytes / 4});
    if (silently) proxy.keep_servers_ends();
    std::thread second([&] {
      const auto m = Meeting::join(options(2), proxy.address());
      ASSERT_TRUE(m);
      proxy.end_kept();
      EXPECT_EQ(proxy.connections(), 2u);  // that have ended
      EXPECT_EQ(m->own(), 1);
      EXPECT_TRUE(*m->state().payload == start_);
      EXPECT_GT(proxy.bytes(), kBytes);
      EXPECT_LT(proxy.bytes(), kBytes * 11 / 10 + kOfOthers);
      EXPECT_EQ(take_part(*m, 3), 3);
    });
    EXPECT_EQ(take_part(*chair, 3), 3);
    second.join();
  }
}

TEST_F(ElasticMeeting, ANewcomerWhoseCopyIsOutOfDateIsRefusedItsRestAndBeginsAnew) {
  const auto chair = open(1);
  std::atomic<bool> had_two = false, has_one_again = false, stop = false;
  CuttingProxy proxy(address(), {start_.size() / 2}, [&](size_t connection) {
    while (connection > 0 && !has_one_again) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  std::thread first([&] {
    for (MeetingEvent event = settle(*chair, chair->gather()); event.kind == MeetingEvent::state && !stop;) {
      const bool alone = chair->state().members.size() == 1;
      had_two = had_two || !alone;
      has_one_again = has_one_again || (alone && had_two);
      if (alone) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      event = contribute(*chair);
    }
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Meeting::join(options(1), proxy.address()), nullptr);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4)) << "it has asked again and again";
  EXPECT_TRUE(has_one_again);
  EXPECT_EQ(join(1)->own(), 2);
  stop = true;
  first.join();
}

TEST_F(ElasticMeeting, ANewcomerWhoseChairEndsAmidTheCopyBeginsAnew) {
  auto chair = open(2);
  std::atomic<bool> ended = false;
  CuttingProxy proxy(address(), {start_.size() / 2}, [&](size_t connection) {
    while (connection > 0 && !ended) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  std::thread first([&] {
    EXPECT_EQ(settle(*chair, chair->gather()).kind, MeetingEvent::state);
    chair.reset();
    ended = true;
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Meeting::join(options(2), proxy.address()), nullptr);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
  first.join();
}

TEST_F(ElasticMeeting, OthersAreRefusedByNameAndTheRunGoesOn) {
  const auto chair = open(2);
  MeetingOptions other = options(2);
  other.joins = "another rate";
  try {
    Meeting::join(other, address());
    FAIL() << "another configuration was let in";
  } catch (const BadInput& e) {
    EXPECT_NE(std::string(e.what()).find("another rate"), std::string::npos) << e.what();
  }
  MeetingOptions stranger = options(2);
  stranger.secret.file = (dir_ / "secret").string();
  write_file(stranger.secret.file, "a secret of another run\n");
  EXPECT_THROW(Meeting::join(stranger, address()), BadInput);
  EXPECT_EQ(Meeting::join(options(2), "127.0.0.1:1"), nullptr);
  std::thread second([&] {
    const auto m = join(2);
    EXPECT_EQ(take_part(*m, 3), 3);
  });
  EXPECT_EQ(take_part(*chair, 3), 3);
  second.join();
}

}  // namespace
}  // namespace skein::testing
