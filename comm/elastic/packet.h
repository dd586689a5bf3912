// Messages between the members of an elastic run (comm/elastic/meeting_machine.h). On the wire, raw bytes of one kind
// of machine:
//
//   PacketHeader   kind, length of the text, length of the payload
//   text           JSON, at most kLongestText bytes
//   payload        f32 numbers: none, or as many as a state or a contribution of this run has; of a rest any bytes
//
// Lengths are compared with what is allowed before there is memory for them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace skein {

enum class PacketKind : uint32_t {
  join = 1,    // newcomer -> chair     text: what the run must have in common
  refuse,      // chair -> newcomer     text: the reason
  state,       // chair -> member       a MeetingState; payload: consensus
  ack,         // member -> chair       text: the key of the state
  contribute,  // member -> chair       a Contribution; payload: difference and statistics
  follow,      // member -> next chair  its last state, whole
  dropped,     // to one that is not a member any more
  left,        // member -> silent chair: it follows another
  beat,        // chair -> member, once a second
  done,        // chair -> member: the run is complete
  resume,      // newcomer -> chair     a Resumption: its connection broke amid its first state
  rest,        // chair -> newcomer     payload: the consensus from there on
};

using Payload = std::shared_ptr<const std::string>;  // null: empty

struct Packet {
  PacketKind kind;
  std::string text = {};
  Payload payload = {};
};

struct PacketHeader {
  uint32_t kind, text;
  int64_t payload;
};

// The part that has come of a state, or of a rest: the text, whole, and the first bytes of the payload.
struct PartOfPacket {
  PacketKind kind;
  std::string text, payload;
};

constexpr uint32_t kLongestText = 4 << 20;  // bytes

std::string header_and_text(const Packet& packet);  // bytes before the payload

// Takes the bytes of one connection as they come.
class PacketReader {
 public:
  // state, contribution: bytes of the payloads of this run.
  PacketReader(int64_t state, int64_t contribution) : state_(state), contribution_(contribution) {}

  // Where the next bytes are to be put, and how many at most; never 0.
  char* room();
  size_t missing() const;
  // So many bytes have been put there. True: take() has a packet. False: more are needed, or the stream is broken().
  bool advance(size_t bytes);
  Packet take();
  std::optional<PartOfPacket> take_part();  // of the packet that is under way, after the end of the stream
  bool broken() const { return broken_; }   // a header made no sense: nothing more is read

 private:
  bool header_makes_sense() const;
  int64_t state_, contribution_;
  PacketHeader header_{};
  size_t done_ = 0;  // bytes of header, text and payload
  bool broken_ = false;
  std::string text_;
  std::shared_ptr<std::string> payload_;
};

}  // namespace skein
