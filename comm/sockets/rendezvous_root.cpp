#include "comm/sockets/rendezvous_root.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "base/terminal/standard_files.h"
#include "comm/communicator.h"
#include "comm/sockets/reception.h"
#include "comm/wait_report.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kAnswer = 5;  // seconds that sending an answer may take

// At all addresses of the host. One of them may be of a kind that this machine does not have.
std::vector<Socket> listen_at(const Rendezvous& rendezvous, Deadline deadline) {
  std::vector<Socket> listeners;
  int error = 0;
  for (const Address& own : addresses_of(rendezvous.host, rendezvous.port, "MASTER_ADDR", deadline)) {
    Socket s = Socket::listening(own);
    if (!s) error = errno;
    if (!s && error == EADDRINUSE) break;
    if (s) listeners.push_back(std::move(s));
  }
  if (!listeners.empty() && error != EADDRINUSE) return listeners;
  const char* const fix = error == EADDRINUSE ? "Another program has it; give all processes another port"
                          : error == EADDRNOTAVAIL
                              ? "MASTER_ADDR must be an address of rank 0's machine: give all processes that one"
                              : "Give all processes a port from 1024 to 65535";
  throw BadInput("rank 0 cannot listen on port {} (MASTER_PORT) of {} (MASTER_ADDR): {}. {}", rendezvous.port,
                 rendezvous.host, std::strerror(error), fix);
}

class Root {
 public:
  Root(const Rendezvous& rendezvous, int size, const RendezvousOptions& options)
      : options_(options),
        size_(size),
        deadline_(in_seconds(options.timeout)),
        secret_(secret_of_run(options.secret)),
        links_(static_cast<size_t>(size)),
        roster_(static_cast<size_t>(size)) {
    if (secret_.key.empty()) {
      file_.emplace(secret_folder(options.secret));
      secret_.take(file_->secret(), file_->id());
    }
    std::vector<Socket> listeners = listen_at(rendezvous, deadline_);
    std::vector<std::string> places;
    for (const Socket& s : listeners) places.push_back(s.own_address().text());
    place_ = fmt::format("{}", fmt::join(places, " and "));
    reception_.emplace(std::move(listeners), secret_, "rank 0");
    roster_[0].process = own_process();
  }

  TcpRanks run() {
    wait_for_all();
    connect_all();
    std::vector<ProcessName> processes;
    for (const RosterEntry& entry : roster_) processes.push_back(entry.process);
    return {std::move(links_), std::move(processes)};
  }

 private:
  // Sends an answer, and what follows it. False: it cannot be sent.
  static bool answer(const Socket& to, Answer what, const void* data = nullptr, size_t bytes = 0) {
    const AnswerHeader header{what, int32_t(bytes)};
    const Deadline deadline = in_seconds(kAnswer);
    return to.write(&header, sizeof header, deadline) && to.write(data, bytes, deadline);
  }
  static bool refuse(const Socket& to, const std::string& why) {
    return answer(to, Answer::refused, why.data(), std::min(why.size(), size_t(kLongestRefusal)));
  }

  std::string name(int rank) const { return fmt::format("rank {} ({})", rank, roster_[size_t(rank)].process.text()); }
  int64_t come() const {
    return std::count_if(links_.begin(), links_.end(), [](const Socket& s) { return bool(s); });
  }

  void wait_for_all() {
    WaitReport report(options_.report_after);
    while (come() < size_ - 1) {
      Reception::Events events = reception_->wait(links_, std::min(deadline_, in_seconds(report.left())));
      for (const int rank : events.readable) free_place(rank);
      for (Arrival& a : events.arrivals) admit(a);
      if (come() < size_ - 1 && Clock::now() >= deadline_) throw_missing();
      if (report.is_due() && come() < size_ - 1) print_waiting(report.seconds());
    }
  }

  // A rank has nothing to send yet: its link has ended.
  void free_place(int rank) {
    print_error(fmt::format("rank 0: {} has ended; its place is free for another process", name(rank)));
    links_[size_t(rank)] = Socket();
  }

  void admit(Arrival& a) {
    const std::string why = refusal_of(a.guest);
    if (!why.empty()) {
      refuse(a.socket, why);
      return print_error(fmt::format("rank 0: refused {}: {}", a.guest.process.text(), why));
    }
    const auto rank = size_t(a.guest.rank);
    roster_[rank] = {a.from, a.guest.process};
    roster_[rank].address.set_port(a.guest.port);
    links_[rank] = std::move(a.socket);
  }

  // Empty: the process fits.
  std::string refusal_of(const Introduction& guest) const {
    if (guest.size != size_)
      return fmt::format("rank {} was told of {} processes, rank 0 of {}. Give all the same WORLD_SIZE", guest.rank,
                         guest.size, size_);
    if (guest.rank <= 0 || guest.rank >= size_)
      return fmt::format("two processes are rank {}. Give each a RANK of its own", guest.rank);
    if (links_[size_t(guest.rank)])
      return fmt::format("two processes are rank {}: {}, and {}. Give each a RANK of its own", guest.rank,
                         roster_[size_t(guest.rank)].process.text(), guest.process.text());
    return {};
  }

  void print_waiting(double seconds) const {
    print_error(fmt::format("rank 0 ({}): has waited at {} for {:.0f} s; of {} processes {} are missing",
                            roster_[0].process.text(), place_, seconds, size_, missing_ranks(links_, 0)));
  }

  [[noreturn]] void throw_missing() const {
    throw PeerLost(fmt::format(
        "rank 0: of {} processes {} did not come to {} within {} s. Start all of them, with the same MASTER_ADDR, "
        "MASTER_PORT and WORLD_SIZE{}",
        size_, missing_ranks(links_, 0), place_, options_.timeout,
        place_.find("127.") == 0 ? "; processes of other machines cannot come to this address" : ""));
  }

  // Sends the roster, waits until every rank has said that it has its links, and lets all go.
  void connect_all() {
    for (int r = 1; r < size_; ++r)
      if (!answer(links_[size_t(r)], Answer::roster, roster_.data(), roster_.size() * sizeof(RosterEntry)))
        end_for_all(r);
    std::vector<bool> ready(static_cast<size_t>(size_));
    const Deadline deadline = in_seconds(options_.timeout);
    for (int waiting = size_ - 1; waiting > 0;) {
      Reception::Events events = reception_->wait(links_, deadline);
      for (const int rank : events.readable) {
        char byte = 0;
        if (ready[size_t(rank)] || !links_[size_t(rank)].read(&byte, 1, in_seconds(kAnswer))) end_for_all(rank);
        ready[size_t(rank)] = true;
        --waiting;
      }
      for (Arrival& a : events.arrivals) admit(a);
      if (waiting > 0 && Clock::now() >= deadline)
        end_for_all(int(std::find(ready.begin() + 1, ready.end(), false) - ready.begin()));
    }
    for (int r = 1; r < size_; ++r)
      if (!answer(links_[size_t(r)], Answer::go)) end_for_all(r);
  }

  [[noreturn]] void end_for_all(int rank) const {
    const std::string why = fmt::format("{} has ended while the processes met", name(rank));
    for (int r = 1; r < size_; ++r)
      if (r != rank && links_[size_t(r)]) refuse(links_[size_t(r)], why);
    throw PeerLost(why);
  }

  const RendezvousOptions& options_;
  const int size_;
  const Deadline deadline_;
  RunSecret secret_;
  std::optional<SecretFile> file_;
  std::string place_;  // at which rank 0 listens
  std::optional<Reception> reception_;
  std::vector<Socket> links_;
  std::vector<RosterEntry> roster_;
};

}  // namespace

TcpRanks receive_all_ranks(const Rendezvous& rendezvous, int size, const RendezvousOptions& options) {
  return Root(rendezvous, size, options).run();
}

std::string missing_ranks(const std::vector<Socket>& links, int rank) {
  std::vector<int> absent;
  for (int r = 0; r < int(links.size()); ++r)
    if (r != rank && !links[size_t(r)]) absent.push_back(r);
  return fmt::format("{} {}", absent.size() == 1 ? "rank" : "ranks", fmt::join(absent, ", "));
}

}  // namespace skein
