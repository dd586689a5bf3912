#include "comm/elastic/meeting.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/terminal/standard_files.h"
#include "comm/elastic/member_address.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kFirstPacket = 5;  // seconds
constexpr double kAnswers = 1;      // seconds that a member may take to answer a handshake
constexpr double kFileSeconds = 1;  // between two looks at the secret's file
constexpr double kLastWords = 5;    // seconds that the members have for the end of the run
constexpr int kLookMs = 50;

}  // namespace

Meeting::Meeting(const MeetingOptions& options, RunSecret secret, Socket door, int64_t own, MeetingState start,
                 bool is_chair)
    : options_(options),
      secret_(std::move(secret)),
      own_address_(door.own_address()),
      begin_(Clock::now()),
      reception_(as_list(std::move(door)), secret_, fmt::format("member {}", own)),
      machine_(options.elastic, options.timeout, own, std::move(start), is_chair, 0),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw RunFailed("no file descriptor is left: {}. Raise the limit: ulimit -n", std::strerror(errno));
}

void Meeting::start() {
  thread_.add("the thread of the meeting", [this] { run(); });
}

Meeting::~Meeting() {
  const std::lock_guard lock(mutex_);
  for (Link& l : links_) l.packets.write();
  // Before the connections end: the next chair looks for it then.
  file_.reset();
}

double Meeting::now() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

void Meeting::wake() {
  const uint64_t one = 1;
  if (write(wake_.fd(), &one, sizeof one) < 0) return;  // it is awake
}

MeetingState Meeting::state() const {
  const std::lock_guard lock(mutex_);
  return machine_.state();
}

bool Meeting::is_chair() const {
  const std::lock_guard lock(mutex_);
  return machine_.is_chair();
}

bool Meeting::leads() {
  const std::lock_guard lock(mutex_);
  read_links();
  return machine_.is_chair();
}

MeetingEvent Meeting::answer() {
  wake();
  std::unique_lock lock(mutex_);
  std::optional<MeetingEvent> event;
  const auto answered = [&] { return error_ || (event = machine_.take_event()).has_value(); };
  while (!answered_.wait_for(lock, std::chrono::milliseconds(kLookMs), answered))
    if (options_.stop && options_.stop()) return {MeetingEvent::stopped};
  if (error_) std::rethrow_exception(error_);
  return *event;
}

MeetingEvent Meeting::contribute(Contribution own) {
  {
    const std::lock_guard lock(mutex_);
    machine_.contribute(std::move(own), now());
  }
  return answer();
}

MeetingEvent Meeting::gather() {
  {
    const std::lock_guard lock(mutex_);
    machine_.gather(now());
  }
  return answer();
}

MeetingEvent Meeting::await_end() {
  {
    const std::lock_guard lock(mutex_);
    machine_.await_end(now());
  }
  return answer();
}

MeetingEvent Meeting::publish(Json run, Payload consensus) {
  {
    const std::lock_guard lock(mutex_);
    machine_.publish(std::move(run), std::move(consensus), now());
  }
  return answer();
}

void Meeting::finish() {
  {
    const std::lock_guard lock(mutex_);
    machine_.finish();
  }
  wake();
  const auto left = [&] {
    const std::lock_guard lock(mutex_);
    return std::any_of(links_.begin(), links_.end(), [&](const Link& l) { return machine_.state().has(l.id); });
  };
  for (const Deadline deadline = in_seconds(kLastWords); left() && Clock::now() < deadline;)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

void Meeting::run() {
  try {
    for (;;) {
      std::vector<pollfd> fds{{wake_.fd(), POLLIN, 0}};
      {
        const std::lock_guard lock(mutex_);
        if (stop_) return;
        for (const Link& l : links_)
          fds.push_back({l.packets.fd(), short(POLLIN | (l.packets.has_output() ? POLLOUT : 0)), 0});
        reception_.watch(fds);
      }
      poll(fds.data(), fds.size(), kLookMs);
      uint64_t count = 0;
      if (read(wake_.fd(), &count, sizeof count) < 0 && !would_block()) return;
      const std::lock_guard lock(mutex_);
      step();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
    answered_.notify_all();
  }
}

// What has come is taken before the clock is looked at: a process that was stopped must not take others for silent.
void Meeting::step() {
  for (Arrival& a : reception_.serve())
    links_.push_back({kUnknown, a.guest.rank,
                      PacketLink(std::move(a.socket), options_.state_bytes, options_.contribution_bytes),
                      in_seconds(kFirstPacket), with_port(a.from, a.guest.port).text(), a.guest.process.text()});
  read_links();
  machine_.tick(now());
  carry_out();
  note_chair();
  for (Link& l : links_) l.packets.write();
  answered_.notify_all();
}

void Meeting::read_links() {
  for (auto l = links_.begin(); l != links_.end();) {
    std::vector<Packet> packets;
    bool heard = false;
    PacketLink::End end = l->packets.read(packets, heard);
    if (heard && l->id != kUnknown) machine_.hear(l->id, now());
    for (const Packet& p : packets) {
      try {
        l->id == kUnknown ? take_first(*l, p) : machine_.receive(l->id, p, now());
      } catch (const BadInput& e) {
        print_error(fmt::format("member {}: dropped a connection of {}: {}", own(), l->process, e.what()));
        end = PacketLink::End::lost;
        break;
      }
    }
    const bool strange = l->id == kUnknown && (Clock::now() >= l->until || l->refused);
    if (end == PacketLink::End::open && !(strange && !l->packets.has_output())) {
      ++l;
      continue;
    }
    const int64_t id = l->id;
    l = links_.erase(l);
    if (id != kUnknown && end == PacketLink::End::departed) machine_.close(id, now());
  }
}

Meeting::Link* Meeting::link_to(int64_t id) {
  for (auto l = links_.rbegin(); l != links_.rend(); ++l)
    if (l->id == id) return &*l;
  return nullptr;
}

void Meeting::add_link(Socket socket, int64_t id, const std::string& process) {
  links_.push_back(
      {id, id, PacketLink(std::move(socket), options_.state_bytes, options_.contribution_bytes), {}, {}, process});
}

void Meeting::carry_out() {
  for (std::vector<Outgoing> out = machine_.take_outgoing(); !out.empty(); out = machine_.take_outgoing())
    for (const Outgoing& o : out) {
      if (o.kind != Outgoing::send)
        connect(o);
      else if (Link* const l = link_to(o.to))
        l->packets.send(o.packet);
    }
}

void Meeting::connect(const Outgoing& o) {
  const bool probe = o.kind == Outgoing::probe;
  const MeetingState& state = machine_.state();
  const int64_t place = state.place_of(o.to);
  if (place < 0) return;
  if (!link_to(o.to)) {
    const Member& m = state.members[size_t(place)];
    Reached reached = reach(m.address, {int32_t(own()), 0, own_address_.port(), own_process()}, secret_,
                            std::min(options_.elastic.grace / 4, kAnswers));
    if (reached.refused) return machine_.close(o.to, now());
    if (!reached.socket) return probe ? void() : machine_.unreachable(o.to, now());
    add_link(std::move(reached.socket), o.to, m.process);
  }
  if (probe)
    link_to(o.to)->packets.send(o.packet);
  else
    machine_.connected(o.to, now());
}

// Newcomers read the secret from a file, where none was given. A chair before this one may remove it late.
void Meeting::note_chair() {
  if (!machine_.is_chair()) return;
  if (!secret_.id.empty() && now() >= looked_for_file_ + kFileSeconds) {
    looked_for_file_ = now();
    const std::string folder = secret_folder(options_.secret);
    if (!file_ || read_secret_file(folder, secret_.id) != secret_.key) {
      file_.reset();
      file_ = std::make_unique<SecretFile>(folder, secret_.key, secret_.id);
    }
  }
  if (!std::exchange(known_as_chair_, true)) options_.on_chair(own_address_.text());
}

std::unique_ptr<Meeting> Meeting::open(const MeetingOptions& options, const std::optional<Rendezvous>& place,
                                       MeetingState start) {
  RunSecret secret = secret_of_run(options.secret);
  std::unique_ptr<SecretFile> file;
  if (secret.key.empty()) {
    file = std::make_unique<SecretFile>(secret_folder(options.secret));
    secret.take(file->secret(), file->id());
  }
  Socket door = door_at(options.elastic.interface, place);
  const Member own{start.next_id, door.own_address().text(), own_process().text()};
  start.members = {own};
  ++start.next_id;
  std::unique_ptr<Meeting> m(new Meeting(options, secret, std::move(door), own.id, std::move(start), true));
  m->file_ = std::move(file);
  m->start();
  return m;
}

}  // namespace skein
