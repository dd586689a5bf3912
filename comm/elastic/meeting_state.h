// What the members of an elastic run have in common between two rounds. One message carries it all: the result of a
// round to its members, the copy that a newcomer starts from, and what a member brings to the next chair.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/formats/json.h"
#include "comm/elastic/packet.h"

namespace skein {

struct Member {
  int64_t id = -1;      // of one life of a process, given by the chair; never given twice
  std::string address;  // at which it listens, "10.0.0.3:4711"
  std::string process;  // "process 4711 on node2"
  bool operator==(const Member&) const = default;
};

// Order of states. A later epoch is newer. Within one, that of a chair further behind in the order of the members is:
// it has asked a majority what the chairs before it had decided.
struct StateKey {
  int64_t epoch = 0;   // number of the membership
  int64_t ballot = 0;  // place of the chair that made it, in the membership before
  auto operator<=>(const StateKey&) const = default;
};

struct MeetingState {
  StateKey key;
  std::vector<Member> members;  // in the order in which they came
  int64_t next_id = 0;
  Json run;         // the caller's
  Payload payload;  // the caller's: the consensus

  bool has(int64_t id) const;
  int64_t place_of(int64_t id) const;  // in the order; -1: it is not a member
};

// A member's part of a round. Without samples there is no payload.
struct Contribution {
  int64_t member = -1;
  StateKey base;  // the state that the round began with
  Json run;
  Payload payload;
};

// The request of a newcomer whose connection broke after so many bytes of its first state's payload.
struct Resumption {
  int64_t id = -1;
  StateKey key;
  int64_t bytes = 0;
};

// The recipient is named beside a state: a newcomer learns its id from it.
Packet to_packet(PacketKind kind, const MeetingState& state, int64_t to);
Packet to_packet(const Contribution& contribution);
Packet to_packet(const Resumption& resumption);
Packet to_packet(PacketKind kind, const StateKey& key);

// BadInput where the text makes no sense.
struct AddressedState {
  MeetingState state;
  int64_t to;
};
AddressedState state_of(const Packet& packet);
Contribution contribution_of(const Packet& packet);
Resumption resumption_of(const Packet& packet);
StateKey key_of(const Packet& packet);

}  // namespace skein
