#include "comm/sockets/tcp_rendezvous.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/check.h"
#include "base/terminal/printable.h"
#include "base/terminal/standard_files.h"
#include "comm/communicator.h"
#include "comm/sockets/reception.h"
#include "comm/sockets/rendezvous_root.h"
#include "comm/wait_report.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kRetry = std::chrono::milliseconds(50);
constexpr double kGreeting = 30;  // seconds that rank 0 may take to answer
constexpr int kRootAnswersMs = 1000;
constexpr double kFileAppears = 5;  // seconds within which a file that rank 0 has written is seen on other machines

// The part of a rank above 0.
class Guest {
 public:
  Guest(const Rendezvous& rendezvous, int rank, int size, const RendezvousOptions& options)
      : rendezvous_(rendezvous),
        options_(options),
        rank_(rank),
        size_(size),
        secret_(secret_of_run(options.secret)),
        links_(static_cast<size_t>(size)) {}

  TcpRanks run() {
    Socket door = meet_root();
    receive_roster();
    connect_to_ranks_below();
    accept_ranks_above(std::move(door));
    wait_for_go();
    std::vector<ProcessName> processes;
    for (const RosterEntry& entry : roster_) processes.push_back(entry.process);
    return {std::move(links_), std::move(processes)};
  }

 private:
  std::string place() const { return fmt::format("{}:{}", rendezvous_.host, rendezvous_.port); }
  std::string name(int rank) const { return fmt::format("rank {} ({})", rank, roster_[size_t(rank)].process.text()); }
  const Socket& root() const { return links_[0]; }

  // Connects to rank 0 until it has answered. Returns the socket on which this rank listens for those above it.
  Socket meet_root() {
    const Deadline deadline = in_seconds(options_.timeout);
    const std::vector<Address> addresses = addresses_of(rendezvous_.host, rendezvous_.port, "MASTER_ADDR", deadline);
    WaitReport report(options_.report_after);
    for (;;) {
      for (const Address& a : addresses)
        if (Socket door; try_root(a, deadline, door)) return door;
      if (Clock::now() > deadline)
        throw PeerLost(
            closes_ ? fmt::format("rank {}: what listens at {} has closed every connection for {} s. See what rank 0 "
                                  "says; give --tls to all processes, or to none",
                                  rank_, place(), options_.timeout)
                    : fmt::format("rank {}: rank 0 does not listen at {} after {} s. Start it, and see that "
                                  "MASTER_ADDR is its machine",
                                  rank_, place(), options_.timeout));
      if (report.is_due())
        print_error(fmt::format("rank {} ({}): has waited {:.0f} s for rank 0, which {} at {}", rank_,
                                own_process().text(), report.seconds(),
                                closes_ ? "closes connections, as where --tls is not given to all," : "does not listen",
                                place()));
      std::this_thread::sleep_for(kRetry);
    }
  }

  bool try_root(const Address& address, Deadline deadline, Socket& door) {
    Socket s = connect_to(address, secret_);
    if (!s) return false;
    Address own = s.own_address();
    own.set_port(0);
    door = Socket::listening(own);
    if (!door) throw PeerLost(fmt::format("rank {} cannot listen at {}: {}", rank_, own.text(), std::strerror(errno)));
    const Introduction introduction{rank_, size_, door.own_address().port(), own_process()};
    const Greeting greeting = greet(
        s, introduction, [&](const std::string& id) { return secret_for(id); },
        std::min(deadline, in_seconds(kGreeting)));
    closes_ = greeting == Greeting::closed;  // a rank 0 that is ending, had too many strangers, or alone has no --tls
    if (closes_) return false;
    if (greeting == Greeting::other_secret)
      throw BadInput(
          "rank {}: rank 0 at {} has another secret. Give all processes the same with SKEIN_SECRET or --secret-file, "
          "or, if it is another run, another MASTER_PORT",
          rank_, place());
    if (greeting == Greeting::untrusted)
      throw BadInput(
          "rank {}: no TLS with rank 0 at {}: {}. Give --tls to all processes, with certificates of one authority, and "
          "see what rank 0 says",
          rank_, place(), s.tls_failure());
    if (greeting != Greeting::met)
      throw PeerLost(fmt::format(
          "rank {}: what listens at {} {}. See what rank 0 says, or give another MASTER_PORT", rank_, place(),
          greeting == Greeting::silent ? "does not answer as rank 0 does" : "is not rank 0 of this run"));
    links_[0] = std::move(s);
    return true;
  }

  // id: of the file that rank 0 has written; empty: its secret was given.
  std::string secret_for(const std::string& id) {
    constexpr const char kGive[] = "Give it to all processes, with SKEIN_SECRET or --secret-file";
    if (id.empty() && secret_.key.empty())
      throw BadInput("rank {}: rank 0 at {} was given a secret, but this process was not. {}", rank_, place(), kGive);
    if (!id.empty() && !secret_.key.empty())
      throw BadInput("rank {}: this process was given a secret, but rank 0 at {} was not. {}", rank_, place(), kGive);
    if (id.empty() || secret_.id == id) return secret_.key;
    const std::string folder = secret_folder(options_.secret);
    const Deadline deadline = in_seconds(std::min(kFileAppears, options_.timeout));
    for (;;) {
      if (const auto secret = read_secret_file(folder, id)) return secret_.take(*secret, id), secret_.key;
      if (Clock::now() > deadline)
        throw BadInput(
            "rank {} ({}): rank 0 at {} has written the run's secret into the folder {}, but it is not there on this "
            "machine. Start all processes in one folder that all machines share, or give all the same SKEIN_SECRET",
            rank_, own_process().text(), place(), folder);
      std::this_thread::sleep_for(kRetry);
    }
  }

  [[noreturn]] void throw_root_ended() const {
    throw PeerLost(fmt::format(
        "rank {}: what listens at {} has ended or is not rank 0 of this run. See what rank 0 says, or give another "
        "MASTER_PORT",
        rank_, place()));
  }

  // BadInput, with rank 0's reason, where it refuses this process; PeerLost where it gives up for all.
  std::string read_answer(Answer expected, const Socket::Meanwhile& meanwhile) const {
    // Twice the timeout: rank 0 may have begun to wait later than this rank, and it names the ranks that are missing.
    const Deadline deadline = in_seconds(2 * options_.timeout);
    AnswerHeader header{};
    if (!root().read(&header, sizeof header, deadline, meanwhile) || !header.makes_sense(size_)) throw_root_ended();
    std::string text(size_t(header.bytes), '\0');
    if (!root().read(text.data(), text.size(), deadline)) throw_root_ended();
    if (header.answer == Answer::refused && roster_.empty()) throw BadInput("{}", printable(text));
    if (header.answer == Answer::refused) throw PeerLost(fmt::format("rank {}: {}", rank_, printable(text)));
    if (header.answer != expected) throw_root_ended();
    return text;
  }

  void receive_roster() {
    WaitReport report(options_.report_after);
    const std::string bytes = read_answer(Answer::roster, [&] {
      if (report.is_due())
        print_error(fmt::format("rank {} ({}): has waited {:.0f} s for the ranks that rank 0 at {} waits for", rank_,
                                own_process().text(), report.seconds(), place()));
    });
    roster_ = parse_roster(bytes, size_);
    if (roster_.empty()) throw_root_ended();
  }

  // Rank 0 notices it, too. It names the rank that has ended first: others end because of it.
  [[noreturn]] void throw_ended(int rank) const {
    pollfd rank0{root().fd(), POLLIN, 0};
    if (poll(&rank0, 1, kRootAnswersMs) > 0) read_answer(Answer::go, {});
    throw PeerLost(fmt::format("rank {}: {} has ended while the processes met", rank_, name(rank)));
  }

  // Rank 0 says which rank has ended; where it has ended itself it says nothing.
  void watch_root() const {
    if (root().has_ended()) read_answer(Answer::go, {});
  }

  void connect_to_ranks_below() {
    for (int r = 1; r < rank_; ++r) {
      Socket s = connect_to(roster_[size_t(r)].address, secret_);  // it listens already
      const Deadline deadline = in_seconds(options_.timeout);
      if (!s || greet(
                    s, {rank_, size_, 0, own_process()}, [&](const std::string&) { return secret_.key; }, deadline,
                    [&] { watch_root(); }) != Greeting::met) {
        watch_root();
        throw_ended(r);
      }
      links_[size_t(r)] = std::move(s);
    }
  }

  void accept_ranks_above(Socket door) {
    std::vector<Socket> doors;
    doors.push_back(std::move(door));
    Reception reception(std::move(doors), secret_, fmt::format("rank {}", rank_));
    const Deadline deadline = in_seconds(options_.timeout);
    for (int expected = size_ - 1 - rank_; expected > 0;) {
      Reception::Events events = reception.wait(links_, deadline);
      for (const int r : events.readable) {  // nothing is due from any rank yet
        if (r == 0) read_answer(Answer::go, {});
        throw_ended(r);
      }
      for (Arrival& a : events.arrivals) {
        const int r = a.guest.rank;
        if (r <= rank_ || r >= size_ || links_[size_t(r)]) {
          reception.drop(a.from, fmt::format("it says that it is rank {}, which is not expected here", r));
          continue;
        }
        links_[size_t(r)] = std::move(a.socket);
        --expected;
      }
      if (expected > 0 && Clock::now() >= deadline)
        throw PeerLost(fmt::format("rank {}: {} did not connect to it within {} s", rank_, missing_ranks(links_, rank_),
                                   options_.timeout));
    }
  }

  void wait_for_go() const {
    const char ready = 1;
    if (!root().write(&ready, 1, in_seconds(options_.timeout))) throw_root_ended();
    read_answer(Answer::go, {});
  }

  const Rendezvous& rendezvous_;
  const RendezvousOptions& options_;
  const int rank_, size_;
  RunSecret secret_;
  bool closes_ = false;  // rank 0 has answered the last connection, and closed it
  std::vector<Socket> links_;
  std::vector<RosterEntry> roster_;
};

}  // namespace

TcpRanks rendezvous_over_tcp(const Rendezvous& rendezvous, int rank, int size, const RendezvousOptions& options) {
  return rank == 0 ? receive_all_ranks(rendezvous, size, options) : Guest(rendezvous, rank, size, options).run();
}

}  // namespace skein
