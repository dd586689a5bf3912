// Fuzzer of what a process reads of a peer over TCP: the handshake, fed in pieces and with the right secret or not, the
// answers of rank 0 with its roster, texts of other ranks, and the messages of elastic runs.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "comm/elastic/meeting_state.h"
#include "comm/sockets/handshake.h"
#include "tests/fuzz/fuzz.h"

using namespace skein;

namespace {

const RunSecret kSecret{"a secret of sixteen bytes or more", "0123456789abcdef"};

// The host may read only what is missing, and never goes on after it has refused.
void handshake(FuzzedDataProvider& input) {
  HostHandshake host(kSecret, Nonce{});
  while (input.remaining_bytes() > 0 && host.missing() > 0) {
    const size_t most = std::min<size_t>(host.missing(), input.ConsumeIntegralInRange<size_t>(1, 64));
    const std::string piece = input.ConsumeBytesAsString(most);
    if (piece.empty()) break;
    host.take(piece);
    if (host.missing() > 200 || (host.refused() && (host.missing() > 0 || host.why().empty()))) std::abort();
  }
  if (host.done()) std::abort();  // nobody guesses an HMAC
  if (host.refused() && host.why().find('\x1b') != std::string::npos) std::abort();
}

void answer(FuzzedDataProvider& input) {
  const int size = input.ConsumeIntegralInRange<int>(1, 8);
  AnswerHeader header{};
  const std::string bytes = input.ConsumeBytesAsString(sizeof header);
  std::memcpy(&header, bytes.data(), bytes.size());
  if (header.makes_sense(size) && (header.bytes < 0 || header.bytes > (1 << 20))) std::abort();
  const std::vector<RosterEntry> roster = parse_roster(input.ConsumeRemainingBytesAsString(), size);
  for (size_t r = 1; r < roster.size(); ++r) {
    roster[r].address.text();
    roster[r].process.text();
  }
}

// A reader never has more memory than its run's messages may take, and what it hands on is read or refused.
void packets(FuzzedDataProvider& input) {
  constexpr int64_t kState = 64, kContribution = 32;
  PacketReader reader(kState, kContribution);
  while (input.remaining_bytes() > 0 && !reader.broken()) {
    const size_t most = std::min<size_t>(reader.missing(), input.ConsumeIntegralInRange<size_t>(1, 64));
    if (reader.missing() == 0 || reader.missing() > kLongestText + kState) std::abort();
    const std::string piece = input.ConsumeBytesAsString(most);
    std::memcpy(reader.room(), piece.data(), piece.size());
    if (!reader.advance(piece.size())) continue;
    const Packet packet = reader.take();
    if (packet.payload && packet.payload->size() > size_t(kState)) std::abort();
    try {
      switch (packet.kind) {
        case PacketKind::state:
        case PacketKind::follow:
          state_of(packet);
          break;
        case PacketKind::contribute:
          contribution_of(packet);
          break;
        case PacketKind::resume:
          resumption_of(packet);
          break;
        default:
          key_of(packet);
      }
    } catch (const BadInput&) {
    }
  }
  if (const auto part = reader.take_part(); part && part->payload.size() > size_t(kState)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const int part = input.ConsumeIntegralInRange<int>(0, 2);
  part == 0 ? handshake(input) : part == 1 ? answer(input) : packets(input);
  return 0;
}
