// How a newcomer becomes a member.
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/check.h"
#include "base/terminal/printable.h"
#include "comm/elastic/meeting.h"
#include "comm/elastic/member_address.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kGreeting = 5;      // seconds that the chair may take to answer
constexpr double kFileAppears = 5;   // seconds within which a file is seen on other machines
constexpr double kLeastSilence = 5;  // seconds of silence after which the chair is looked for anew, or grace
constexpr auto kRetry = std::chrono::milliseconds(50);
constexpr int kLookMs = 100;

// The secret that was given, or that which the chair has written into the run's folder. Empty: the chair has ended, by
// `has_ended`, and has taken the file with it.
std::string secret_for(const std::string& id, const MeetingOptions& options, RunSecret& known,
                       const std::function<bool()>& has_ended) {
  if (id.empty() && known.key.empty())
    throw BadInput(
        "the run was given a secret, but this process was not. Give it to all processes, with SKEIN_SECRET or "
        "--secret-file");
  if (!id.empty() && !known.key.empty())
    throw BadInput(
        "this process was given a secret, but the run was not. Give it to all processes, with SKEIN_SECRET or "
        "--secret-file");
  if (id.empty()) return known.key;
  const std::string folder = secret_folder(options.secret);
  for (const Deadline deadline = in_seconds(kFileAppears);; std::this_thread::sleep_for(kRetry)) {
    if (const auto secret = read_secret_file(folder, id)) return known.take(*secret, id), known.key;
    if (has_ended()) return {};
    if (Clock::now() > deadline)
      throw BadInput(
          "the run's secret is not in the folder {} on this machine. Start all processes in one folder that all "
          "machines share, or give all the same SKEIN_SECRET",
          folder);
  }
}

}  // namespace

std::unique_ptr<Meeting> Meeting::join(const MeetingOptions& options, const std::string& address) {
  RunSecret secret = secret_of_run(options.secret);
  const auto to = parse_address(address);
  Socket s = to ? connect_to(*to, secret) : Socket();
  if (!s) return nullptr;
  Socket door = Socket::listening(with_port(s.own_address(), 0));
  if (!door) throw RunFailed("cannot listen at {}: {}", s.own_address().text(), std::strerror(errno));
  const Introduction own{-1, 0, door.own_address().port(), own_process()};
  bool ended = false;
  const auto has_ended = [&] { return ended = s.has_ended(); };
  const Greeting met = greet(
      s, own, [&](const std::string& id) { return secret_for(id, options, secret, has_ended); }, in_seconds(kGreeting));
  if (ended) return nullptr;
  if (met == Greeting::other_secret)
    throw BadInput(
        "the run has another secret. Give all processes the same with SKEIN_SECRET or --secret-file, or, if it is "
        "another run, another --out");
  if (met == Greeting::untrusted)
    throw BadInput(
        "no TLS with the run's member at {}: {}. Give --tls to all processes, with certificates of one authority",
        address, s.tls_failure());
  if (met != Greeting::met) return nullptr;

  PacketLink link(std::move(s), options.state_bytes, options.contribution_bytes);
  link.send({PacketKind::join, options.joins});
  const auto patience = std::chrono::duration<double>(std::max(options.elastic.grace, kLeastSilence));
  for (auto heard_at = Clock::now(); Clock::now() - heard_at < patience && !(options.stop && options.stop());) {
    link.write();
    pollfd one{link.fd(), short(POLLIN | (link.has_output() ? POLLOUT : 0)), 0};
    poll(&one, 1, kLookMs);
    std::vector<Packet> packets;
    bool heard = false;
    const PacketLink::End end = link.read(packets, heard);
    if (heard) heard_at = Clock::now();
    for (size_t i = 0; i < packets.size(); ++i) {
      if (packets[i].kind == PacketKind::refuse && !packets[i].text.empty())
        throw BadInput("the run refuses this process: {}", printable(packets[i].text));
      if (packets[i].kind != PacketKind::state) continue;
      AddressedState a = state_of(packets[i]);
      if (!a.state.has(a.to)) return nullptr;
      const Member& chair = a.state.members.front();
      std::unique_ptr<Meeting> m(new Meeting(options, secret, std::move(door), a.to, a.state, false));
      m->links_.push_back({chair.id, chair.id, std::move(link), {}, {}, chair.process});
      m->machine_.acknowledge_first();
      m->start();
      return m;
    }
    if (end != PacketLink::End::open) return nullptr;
  }
  return nullptr;
}

}  // namespace skein
