// The messages of elastic runs: lengths are checked before there is memory for them, and nonsense is refused.
#include "comm/elastic/packet.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/check.h"
#include "comm/elastic/meeting_state.h"
#include "comm/elastic/member_address.h"
#include "comm/elastic_options.h"

namespace skein::testing {
namespace {

constexpr int64_t kState = 40, kContribution = 24;

// Hands the bytes to a reader, `piece` at a time. Returns the packets; broken: whether the reader stopped.
std::vector<Packet> read_all(const std::string& bytes, size_t piece, bool& broken) {
  PacketReader reader(kState, kContribution);
  std::vector<Packet> packets;
  for (size_t at = 0; at < bytes.size() && !reader.broken();) {
    const size_t n = std::min({piece, reader.missing(), bytes.size() - at});
    std::memcpy(reader.room(), bytes.data() + at, n);
    at += n;
    if (reader.advance(n)) packets.push_back(reader.take());
  }
  broken = reader.broken();
  return packets;
}

std::string header(PacketKind kind, uint32_t text, int64_t payload) {
  const PacketHeader h{uint32_t(kind), text, payload};
  return {reinterpret_cast<const char*>(&h), sizeof h};
}

TEST(Packet, ComesWholeInPiecesOfAnySize) {
  const auto payload = std::make_shared<const std::string>(size_t(kState), 'p');
  const std::string bytes = header_and_text({PacketKind::state, "{\"a\":1}", payload}) + *payload +
                            header_and_text({PacketKind::beat}) + header_and_text({PacketKind::ack, "{}"});
  for (const size_t piece : {1u, 3u, 16u, 1000u}) {
    bool broken = false;
    const std::vector<Packet> packets = read_all(bytes, piece, broken);
    ASSERT_EQ(packets.size(), 3u);
    EXPECT_FALSE(broken);
    EXPECT_EQ(packets[0].text, "{\"a\":1}");
    EXPECT_EQ(*packets[0].payload, *payload);
    EXPECT_EQ(packets[1].kind, PacketKind::beat);
    EXPECT_EQ(packets[2].text, "{}");
  }
}

TEST(Packet, LengthsThatDoNotFitEndTheConnectionBeforeThereIsMemory) {
  for (const std::string& bytes :
       {header(PacketKind::state, 0, int64_t{1} << 60), header(PacketKind::state, 0, -1),
        header(PacketKind::state, 0, kState + 1), header(PacketKind::state, 0, 0), header(PacketKind::beat, 0, kState),
        header(PacketKind::contribute, 0, kState), header(PacketKind::rest, 2, kState + 1),
        header(PacketKind::rest, 2, int64_t{1} << 60), header(PacketKind::rest, 2, -1), header(PacketKind::rest, 2, 0),
        header(PacketKind::resume, 2, 4), header(PacketKind::join, 0xffffffff, 0),
        header(PacketKind::join, kLongestText + 1, 0), header(PacketKind(0), 0, 0), header(PacketKind(99), 4, 0)}) {
    bool broken = false;
    EXPECT_TRUE(read_all(bytes, 1000, broken).empty());
    EXPECT_TRUE(broken);
  }
}

// Puts the first `bytes` of them into a reader. Returns what has come of the packet under way.
std::optional<PartOfPacket> part_of(const std::string& stream, size_t bytes) {
  PacketReader reader(kState, kContribution);
  for (size_t at = 0; at < bytes;) {
    const size_t n = std::min(reader.missing(), bytes - at);
    std::memcpy(reader.room(), stream.data() + at, n);
    at += n;
    if (reader.advance(n)) reader.take();
    if (reader.broken()) break;
  }
  return reader.take_part();
}

TEST(Packet, APartOfAStateIsWhatHasComeOfItsPayload) {
  const auto payload = std::make_shared<const std::string>("0123456789012345678901234567890123456789");
  for (const PacketKind kind : {PacketKind::state, PacketKind::rest}) {
    const std::string head = header_and_text({PacketKind::beat}) + header_and_text({kind, "text", payload});
    const std::string stream = head + *payload + header_and_text({PacketKind::beat});
    for (size_t bytes = 0; bytes <= stream.size(); ++bytes) {
      const auto part = part_of(stream, bytes);
      const bool is_under_way = bytes >= head.size() && bytes < head.size() + payload->size();
      ASSERT_EQ(part.has_value(), is_under_way) << bytes;
      if (!part) continue;
      EXPECT_EQ(part->kind, kind);
      EXPECT_EQ(part->text, "text");
      EXPECT_EQ(part->payload, payload->substr(0, bytes - head.size()));
    }
  }
  EXPECT_FALSE(part_of(header(PacketKind::state, 0, kState + 1) + *payload, 40));
  EXPECT_FALSE(part_of(header(PacketKind::follow, 0, kState) + *payload, 40));
  EXPECT_FALSE(part_of(header(PacketKind::contribute, 0, kContribution) + *payload, 30));
}

MeetingState some_state() {
  return {{7, 1},
          {{0, "127.0.0.1:4711", "process 1 on a"}, {3, "[::1]:99", "process 2 on b"}},
          5,
          Json{{"round", 9}},
          std::make_shared<const std::string>("payload")};
}

TEST(Packet, AStateSurvivesTheWire) {
  const MeetingState s = some_state();
  const AddressedState a = state_of(to_packet(PacketKind::state, s, 3));
  EXPECT_EQ(a.to, 3);
  EXPECT_EQ(a.state.key, s.key);
  EXPECT_EQ(a.state.members, s.members);
  EXPECT_EQ(a.state.next_id, 5);
  EXPECT_EQ(a.state.run, s.run);
  EXPECT_EQ(*a.state.payload, "payload");
  const Contribution c = contribution_of(to_packet({3, {7, 1}, Json{{"loss", 0.5}}, nullptr}));
  EXPECT_EQ(c.member, 3);
  EXPECT_EQ(c.base, s.key);
  EXPECT_EQ(c.run, (Json{{"loss", 0.5}}));
  const Resumption r = resumption_of(to_packet(Resumption{3, {7, 1}, int64_t{1} << 40}));
  EXPECT_EQ(r.id, 3);
  EXPECT_EQ(r.key, s.key);
  EXPECT_EQ(r.bytes, int64_t{1} << 40);
}

TEST(Packet, StatesThatMakeNoSenseAreRefused) {
  const std::string good = to_packet(PacketKind::state, some_state(), 3).text;
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"\"id\":3", "\"id\":0"},  // twice
                                 {"\"id\":3", "\"id\":-1"},
                                 {"\"id\":3", "\"id\":5"},  // not given yet
                                 {"\"epoch\":7", "\"epoch\":-7"},
                                 {"\"to\"", "\"two\""},
                                 {"{\"key\"", "{\"key"}}) {
    std::string bad = good;
    ASSERT_NE(bad.find(from), std::string::npos) << from;
    bad.replace(bad.find(from), from.size(), to);
    EXPECT_THROW(state_of({PacketKind::state, bad}), BadInput) << bad;
  }
  EXPECT_THROW(key_of({PacketKind::ack, ""}), BadInput);
  EXPECT_THROW(contribution_of({PacketKind::contribute, "[]"}), BadInput);
  EXPECT_THROW(resumption_of({PacketKind::resume, "{\"id\":1}"}), BadInput);
}

TEST(MemberAddress, IsReadAsItIsWritten) {
  for (const char* text : {"127.0.0.1:4711", "[::1]:80"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:12x"})
    EXPECT_FALSE(parse_address(text)) << text;
}

TEST(ElasticOptions, AreReadAndCheckedByName) {
  const ElasticOptions o = parse_elastic("min=2,max=16,grace=1.5min");
  EXPECT_EQ(o.min, 2);
  EXPECT_EQ(o.max, 16);
  EXPECT_DOUBLE_EQ(o.grace, 90);
  EXPECT_DOUBLE_EQ(parse_elastic("min=1,grace=250ms").grace, 0.25);
  EXPECT_DOUBLE_EQ(parse_elastic("min=1").grace, 30);
  for (const char* text : {"max=3", "min=0", "min=2,max=1", "min=1.5", "min=2,min=2", "min=2,grace=30",
                           "min=2,grace=1ms", "min=2,grace=2h", "min=", "min", "min=2,", "min=2,most=3", "min=9999"})
    EXPECT_THROW(parse_elastic(text), BadInput) << text;
}

}  // namespace
}  // namespace skein::testing
