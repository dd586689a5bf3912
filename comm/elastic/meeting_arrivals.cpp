// Processes that have connected to a member, and the reason why they came.
#include "base/check.h"
#include "base/terminal/printable.h"
#include "base/terminal/standard_files.h"
#include "comm/elastic/meeting.h"

namespace skein {

// The first packet of a connection says what it is for.
void Meeting::take_first(Link& l, const Packet& packet) {
  if (packet.kind == PacketKind::join) return let_in(l, packet);
  if (packet.kind == PacketKind::resume && resumes(l, packet)) return;
  const bool follows = packet.kind == PacketKind::follow && machine_.accepts(l.claimed, state_of(packet).state);
  const bool probes = packet.kind == PacketKind::beat && machine_.state().has(l.claimed);
  if (follows || probes) {
    l.id = l.claimed;
    return machine_.receive(l.id, packet, now());
  }
  l.packets.send({packet.kind == PacketKind::follow || packet.kind == PacketKind::beat ? PacketKind::dropped
                                                                                       : PacketKind::refuse});
  l.refused = true;
}

void Meeting::let_in(Link& l, const Packet& packet) {
  if (!machine_.is_chair()) {
    l.refused = true;  // it looks for the chair again
    return;
  }
  std::string why = options_.objection(packet.text);
  if (why.empty()) {
    if (const auto id = machine_.admit(l.listens, l.process)) {
      l.id = *id;
      return;
    }
    why = fmt::format("the run has its {} members. Raise max of --elastic, or wait until one has ended",
                      options_.elastic.max);
  }
  print_error(fmt::format("member {}: refused {}: {}", own(), l.process, printable(why)));
  l.packets.send({PacketKind::refuse, why});
  l.refused = true;
}

bool Meeting::resumes(Link& l, const Packet& packet) {
  const Resumption r = resumption_of(packet);
  if (!machine_.resume(r, l.listens, l.process)) return false;
  l.id = r.id;
  // The connection that broke, where its end has not come yet: it would mark the newcomer as departed.
  links_.remove_if([&](const Link& other) { return &other != &l && other.id == r.id; });
  return true;
}

}  // namespace skein
