#include "comm/elastic/meeting_state.h"

#include <set>
#include <utility>

#include "base/check.h"

namespace skein {
namespace {

constexpr size_t kMostMembers = 4096;

Json to_json(const StateKey& key) { return {{"epoch", key.epoch}, {"ballot", key.ballot}}; }

StateKey key_from(const Json& json) {
  const StateKey key{json.at("epoch").get<int64_t>(), json.at("ballot").get<int64_t>()};
  if (key.epoch < 0 || key.ballot < 0) throw JsonError("a key below 0");
  return key;
}

template <class Read>
auto read(const Packet& packet, Read&& from_json) {
  try {
    return from_json(Json::parse(packet.text));
  } catch (const JsonError& e) {
    throw BadInput("a message of a member makes no sense: {}. Start the same version of skein everywhere", e.what());
  }
}

}  // namespace

int64_t MeetingState::place_of(int64_t id) const {
  for (size_t i = 0; i < members.size(); ++i)
    if (members[i].id == id) return int64_t(i);
  return -1;
}

bool MeetingState::has(int64_t id) const { return place_of(id) >= 0; }

Packet to_packet(PacketKind kind, const MeetingState& s, int64_t to) {
  Json members = Json::array();
  for (const Member& m : s.members) members.push_back({{"id", m.id}, {"address", m.address}, {"process", m.process}});
  const Json text = {{"key", to_json(s.key)}, {"members", members}, {"next_id", s.next_id}, {"to", to}, {"run", s.run}};
  return {kind, text.dump(-1, Json::BadUtf8::replace), s.payload};
}

Packet to_packet(const Contribution& c) {
  const Json text = {{"member", c.member}, {"base", to_json(c.base)}, {"run", c.run}};
  return {PacketKind::contribute, text.dump(), c.payload};
}

Packet to_packet(const Resumption& r) {
  const Json text = {{"id", r.id}, {"key", to_json(r.key)}, {"bytes", r.bytes}};
  return {PacketKind::resume, text.dump(), {}};
}

Packet to_packet(PacketKind kind, const StateKey& key) { return {kind, to_json(key).dump(), {}}; }

AddressedState state_of(const Packet& packet) {
  return read(packet, [&](const Json& json) {
    // Member by member: g++ 12 destroys what an aggregate's initialiser has made twice where a later part throws.
    AddressedState a{};
    a.state.key = key_from(json.at("key"));
    a.state.next_id = json.at("next_id").get<int64_t>();
    a.state.run = json.at("run");
    a.state.payload = packet.payload;
    a.to = json.at("to").get<int64_t>();
    std::set<int64_t> ids;
    for (const Json& m : json.at("members").elements()) {
      Member member;
      member.id = m.at("id").get<int64_t>();
      member.address = m.at("address").get<std::string>();
      member.process = m.at("process").get<std::string>();
      a.state.members.push_back(std::move(member));
      const int64_t id = a.state.members.back().id;
      if (id < 0 || id >= a.state.next_id || !ids.insert(id).second) throw JsonError("a member's id");
    }
    if (ids.empty() || ids.size() > kMostMembers) throw JsonError("the number of members");
    return a;
  });
}

Contribution contribution_of(const Packet& packet) {
  return read(packet, [&](const Json& json) {
    Contribution c;
    c.member = json.at("member").get<int64_t>();
    c.base = key_from(json.at("base"));
    c.run = json.at("run");
    c.payload = packet.payload;
    return c;
  });
}

Resumption resumption_of(const Packet& packet) {
  return read(packet, [](const Json& json) {
    Resumption r;
    r.id = json.at("id").get<int64_t>();
    r.key = key_from(json.at("key"));
    r.bytes = json.at("bytes").get<int64_t>();
    return r;
  });
}

StateKey key_of(const Packet& packet) {
  return read(packet, [](const Json& json) { return key_from(json); });
}

}  // namespace skein
