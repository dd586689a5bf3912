// How a newcomer becomes a member.
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/check.h"
#include "base/terminal/printable.h"
#include "base/terminal/standard_files.h"
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
constexpr double kMega = 1e6;

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

// The copy of the run's state that a newcomer begins with. Where its connection breaks it goes on over another one.
class FirstCopy {
 public:
  FirstCopy(const MeetingOptions& options, const std::string& address, const Introduction& own, const RunSecret& secret,
            Socket chair)
      : options_(options), address_(address), own_(own), secret_(secret), link_(link_over(std::move(chair))) {}

  std::optional<AddressedState> take();  // empty: nobody is there who lets this process in now
  PacketLink& chair() { return link_; }

 private:
  PacketLink link_over(Socket s) const { return {std::move(s), options_.state_bytes, options_.contribution_bytes}; }
  bool stops() const { return options_.stop && options_.stop(); }
  std::optional<AddressedState> take(const Packet& packet);
  void keep(PartOfPacket part);
  bool resume();

  const MeetingOptions& options_;
  const std::string& address_;
  const Introduction own_;
  const RunSecret& secret_;
  PacketLink link_;
  const std::chrono::duration<double> patience_{std::max(options_.elastic.grace, kLeastSilence)};
  std::string text_, payload_;  // of the state, from connections that broke
  int64_t asked_from_ = -1;     // bytes of the payload that had come at the last resumption
  Clock::time_point grew_at_;
};

std::optional<AddressedState> FirstCopy::take() {
  link_.send({PacketKind::join, options_.joins});
  for (auto heard_at = Clock::now(); Clock::now() - heard_at < patience_ && !stops();) {
    link_.write();
    pollfd one{link_.fd(), short(POLLIN | (link_.has_output() ? POLLOUT : 0)), 0};
    poll(&one, 1, kLookMs);
    std::vector<Packet> packets;
    bool heard = false;
    const PacketLink::End end = link_.read(packets, heard);
    if (heard) heard_at = Clock::now();
    for (const Packet& p : packets) {
      if (p.kind == PacketKind::refuse && !p.text.empty())
        throw BadInput("the run refuses this process: {}", printable(p.text));
      if (p.kind == PacketKind::refuse || p.kind == PacketKind::dropped) return {};
      if (auto state = take(p)) return state;
    }
    if (end == PacketLink::End::open) continue;
    if (auto part = link_.take_part()) keep(std::move(*part));
    if (!resume()) return {};
    heard_at = Clock::now();
  }
  return {};
}

// The state, where it is whole with this packet.
std::optional<AddressedState> FirstCopy::take(const Packet& p) {
  if (p.kind == PacketKind::state) return state_of(p);
  if (p.kind != PacketKind::rest) return {};
  payload_ += *p.payload;
  if (int64_t(payload_.size()) != options_.state_bytes)
    throw BadInput("the rest of the run's state has another length. Start the same version of skein everywhere");
  return state_of({PacketKind::state, text_, std::make_shared<const std::string>(std::move(payload_))});
}

void FirstCopy::keep(PartOfPacket part) {
  if (part.kind == PacketKind::rest) {
    payload_ += part.payload;
    return;
  }
  text_ = std::move(part.text);
  payload_ = std::move(part.payload);
}

// After the end of a connection. False: nothing can be gone on from, or the chair has ended or does not answer.
bool FirstCopy::resume() {
  if (text_.empty()) return false;
  const AddressedState state = state_of({PacketKind::state, text_});
  const bool grew = int64_t(payload_.size()) != asked_from_;
  asked_from_ = int64_t(payload_.size());
  if (grew)
    grew_at_ = Clock::now();
  else
    std::this_thread::sleep_for(kRetry);
  for (; Clock::now() - grew_at_ < patience_ && !stops(); std::this_thread::sleep_for(kRetry)) {
    Reached reached = reach(address_, own_, secret_, kGreeting);
    if (reached.refused) return false;
    if (!reached.socket) continue;
    if (grew)
      print_error(
          fmt::format("member {}: the copy of the run's state broke after {:.1f} of {:.1f} MB; asks for the rest",
                      state.to, double(asked_from_) / kMega, double(options_.state_bytes) / kMega));
    link_ = link_over(std::move(reached.socket));
    link_.send(to_packet(Resumption{state.to, state.state.key, asked_from_}));
    return true;
  }
  return false;
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

  FirstCopy copy(options, address, own, secret, std::move(s));
  const std::optional<AddressedState> first = copy.take();
  if (!first || !first->state.has(first->to)) return nullptr;
  const Member& chair = first->state.members.front();
  std::unique_ptr<Meeting> m(new Meeting(options, secret, std::move(door), first->to, first->state, false));
  m->links_.push_back({chair.id, chair.id, std::move(copy.chair()), {}, {}, chair.process});
  m->machine_.acknowledge_first();
  m->start();
  return m;
}

}  // namespace skein
