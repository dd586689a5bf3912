#include "comm/sockets/reception.h"

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/terminal/standard_files.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kHandshake = 5;     // seconds
constexpr double kGrace = 1;         // seconds, of these, in which a guest is not dropped for lack of room
constexpr size_t kMostGuests = 512;  // that have not shown yet that they belong to the run
constexpr int64_t kMostLines = 10;   // about strangers

}  // namespace

Reception::~Reception() {
  if (dropped_ > kMostLines)
    print_error(fmt::format("{}: dropped {} connections of strangers more", name_, dropped_ - kMostLines));
}

void Reception::watch(std::vector<pollfd>& fds) const {
  for (const Socket& s : listeners_) fds.push_back({s.fd(), POLLIN, 0});
  for (const Guest& g : guests_) fds.push_back({g.socket.fd(), POLLIN, 0});
}

std::vector<Arrival> Reception::serve() {
  std::vector<Arrival> arrivals;
  for (const Socket& s : listeners_) {
    pollfd one{s.fd(), POLLIN, 0};
    if (poll(&one, 1, 0) > 0) accept_from(s);  // else accept4() would fail where no file descriptor is left
  }
  for (Guest& g : guests_) serve(g);
  collect(arrivals);
  return arrivals;
}

Reception::Events Reception::wait(const std::vector<Socket>& links, Deadline deadline) {
  for (;;) {
    std::vector<pollfd> fds;
    std::vector<int> open;  // poll() takes no more entries than there may be files
    for (size_t i = 0; i < links.size(); ++i)
      if (links[i]) {
        open.push_back(int(i));
        fds.push_back({links[i].fd(), POLLIN | POLLRDHUP, 0});
      }
    watch(fds);
    poll(fds.data(), fds.size(), wait_ms(deadline));

    Events events;
    for (size_t i = 0; i < open.size(); ++i)
      if (fds[i].revents != 0) events.readable.push_back(open[i]);
    events.arrivals = serve();
    if (!events.arrivals.empty() || !events.readable.empty() || Clock::now() >= deadline) return events;
  }
}

int Reception::wait_ms(Deadline deadline) const {
  constexpr int kLongest = 1000;
  for (const Guest& g : guests_) deadline = std::min(deadline, g.deadline);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return int(std::clamp<int64_t>(left + 1, 0, kLongest));
}

void Reception::accept_from(const Socket& listener) {
  for (;;) {
    Socket s = listener.accept();
    if (!s && (errno == EMFILE || errno == ENFILE)) {
      if (!guests_.empty() && guests_.front().deadline > in_seconds(kHandshake - kGrace)) return;  // after these
      make_room();
      continue;
    }
    if (!s) return;
    if (guests_.size() == kMostGuests) make_room();
    const Address from = s.peer_address();
    if (secret_.tls) s.encrypt(*secret_.tls, TlsSession::Side::host);
    guests_.push_back({std::move(s), from, in_seconds(kHandshake), HostHandshake(secret_, random_nonce())});
  }
}

// Drops the oldest guest: one that belongs to the run needs a few milliseconds, and comes again.
void Reception::make_room() {
  if (guests_.empty()) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    throw RunFailed(
        "{}: no connection can be accepted any more, as this process may open only {} files ({}). Raise the "
        "limit: ulimit -n",
        name_, limit.rlim_cur, std::strerror(EMFILE));
  }
  drop(guests_.front().from, "it has not introduced itself, and its place was needed");
  guests_.pop_front();
}

void Reception::serve(Guest& g) const {
  char buffer[256];
  while (const size_t missing = g.handshake.missing()) {
    const ssize_t n = g.socket.receive(buffer, std::min(missing, sizeof buffer));
    if (n < 0 && would_block()) break;
    if (n <= 0) {
      const std::string tls = g.socket.tls_failure();
      g.why = tls.empty() ? "it ended before it had introduced itself"
                          : fmt::format("TLS fails: {}. Give {}", tls,
                                        g.socket.met_other_bytes() ? "--tls to all processes, or to none"
                                                                   : "all processes certificates of one authority");
      return;
    }
    const std::string reply = g.handshake.take({buffer, size_t(n)}, g.socket.channel_binding());
    if (!g.socket.write(reply.data(), reply.size(), Clock::now())) g.why = "it does not take an answer";
  }
  if (g.handshake.refused()) g.why = g.handshake.why();
  if (!g.handshake.done() && g.why.empty() && Clock::now() >= g.deadline)
    g.why = fmt::format("it has not introduced itself within {} s", kHandshake);
}

void Reception::collect(std::vector<Arrival>& arrivals) {
  for (auto g = guests_.begin(); g != guests_.end();) {
    const bool done = g->handshake.done();
    if (done) arrivals.push_back({std::move(g->socket), g->from, g->handshake.guest()});
    if (!done && !g->why.empty()) drop(g->from, g->why);
    g = done || !g->why.empty() ? guests_.erase(g) : std::next(g);
  }
}

void Reception::drop(const Address& from, const std::string& why) {
  if (++dropped_ <= kMostLines) print_error(fmt::format("{}: dropped a connection of {}: {}", name_, from.text(), why));
}

}  // namespace skein
