#include "comm/transports/tcp_rendezvous.h"

#include <fmt/ranges.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "base/check.h"
#include "comm/communicator.h"

namespace skein {
namespace {

constexpr char kMagic[8] = "skein-1";
constexpr double kIntroduction = 5;  // seconds that one connection may keep rank 0 from accepting the next
constexpr auto kRetry = std::chrono::milliseconds(50);

struct Hello {
  char magic[8];
  int32_t rank, size, port;
};

std::string at(const Rendezvous& m) { return fmt::format("{}:{}", m.host, m.port); }

bool send_hello(const Socket& to, int rank, int size, int port, Deadline deadline) {
  Hello hello{{}, rank, size, port};
  std::memcpy(hello.magic, kMagic, sizeof kMagic);
  return to.write(&hello, sizeof hello, deadline);
}

// False where the other end is not a process of skein.
bool read_hello(const Socket& from, Hello& hello, Deadline deadline) {
  return from.read(&hello, sizeof hello, std::min(deadline, in_seconds(kIntroduction))) &&
         std::memcmp(hello.magic, kMagic, sizeof kMagic) == 0;
}

[[noreturn]] void throw_missing(const std::vector<Socket>& links, int rank, const std::string& where, double timeout) {
  std::vector<int> absent;
  for (int r = 0; r < int(links.size()); ++r)
    if (r != rank && !links[size_t(r)]) absent.push_back(r);
  throw PeerLost(
      fmt::format("rank {}: of {} processes {} {} did not come to {} within {} s. Start all of them, with the same "
                  "MASTER_ADDR, MASTER_PORT and WORLD_SIZE",
                  rank, links.size(), absent.size() == 1 ? "rank" : "ranks", fmt::join(absent, ", "), where, timeout));
}

// Reason to refuse the process; empty: none.
std::string refusal_of(const Hello& hello, int size, const std::vector<Socket>& links) {
  if (hello.size != size)
    return fmt::format("rank {} was told of {} processes, rank 0 of {}. Give all the same WORLD_SIZE", hello.rank,
                       hello.size, size);
  if (hello.rank <= 0 || hello.rank >= size || links[size_t(hello.rank)])
    return fmt::format("two processes are rank {}. Give each a RANK of its own", hello.rank);
  return {};
}

// Sends the refusal or, where it is empty, the ranks' addresses.
bool send_answer(const Socket& to, const std::string& refusal, const std::vector<Address>& addresses,
                 Deadline deadline) {
  const int32_t length = int32_t(refusal.size());
  return to.write(&length, sizeof length, deadline) && to.write(refusal.data(), refusal.size(), deadline) &&
         (length > 0 || to.write(addresses.data(), addresses.size() * sizeof(Address), deadline));
}

Socket listen_at(const Rendezvous& rendezvous, Deadline deadline) {
  Socket listener;
  for (const Address& own : addresses_of(rendezvous.host, rendezvous.port, "MASTER_ADDR", deadline)) {
    listener = Socket::listening(rendezvous.port, own.family());
    if (listener || errno == EADDRINUSE) break;
  }
  if (!listener)
    throw BadInput("rank 0 cannot listen on port {} (MASTER_PORT): {}. {}", rendezvous.port, std::strerror(errno),
                   errno == EADDRINUSE ? "Another program has it; give all processes another port"
                                       : "Give all processes a port from 1024 to 65535");
  return listener;
}

// Listens for the ranks above this one, on IPv6 and IPv4 where the machine has both.
Socket listen_for_ranks_above(int rank) {
  Socket listener = Socket::listening(0, AF_INET6);
  if (!listener) listener = Socket::listening(0, AF_INET);
  if (!listener) throw PeerLost(fmt::format("rank {} cannot listen: {}", rank, std::strerror(errno)));
  return listener;
}

std::vector<Socket> wait_for_all(const Rendezvous& rendezvous, int size, double timeout) {
  const Deadline deadline = in_seconds(timeout);
  const Socket listener = listen_at(rendezvous, deadline);
  std::vector<Socket> links(static_cast<size_t>(size));
  std::vector<Address> addresses(static_cast<size_t>(size));
  for (int come = 1; come < size;) {
    Socket peer = listener.accept(deadline);
    if (!peer) throw_missing(links, 0, at(rendezvous), timeout);
    Hello hello;
    if (!read_hello(peer, hello, deadline)) continue;
    if (const std::string refusal = refusal_of(hello, size, links); !refusal.empty()) {
      send_answer(peer, refusal, {}, in_seconds(kIntroduction));
      for (const Socket& s : links)
        if (s) send_answer(s, refusal, {}, in_seconds(kIntroduction));
      throw BadInput("{}", refusal);
    }
    addresses[size_t(hello.rank)] = peer.peer_address();
    addresses[size_t(hello.rank)].set_port(hello.port);
    links[size_t(hello.rank)] = std::move(peer);
    ++come;
  }
  for (int r = 1; r < size; ++r)
    if (!send_answer(links[size_t(r)], {}, addresses, deadline))
      throw PeerLost(fmt::format("rank {} has ended while the processes met", r));
  return links;
}

Socket connect_to(const std::vector<Address>& addresses, Deadline deadline) {
  for (;;) {
    for (const Address& a : addresses)
      if (Socket s = Socket::connected(a)) return s;
    if (std::chrono::steady_clock::now() > deadline) return Socket();
    std::this_thread::sleep_for(kRetry);
  }
}

// The ranks' addresses, which rank 0 sends when all have come.
std::vector<Address> receive_addresses(const Socket& first, const Rendezvous& rendezvous, int rank, int size,
                                       double timeout) {
  // Twice the timeout: rank 0 may have begun to wait later than this rank, and it names the ranks that are missing.
  const Deadline deadline = in_seconds(2 * timeout);
  const auto ended = [&] {
    throw PeerLost(fmt::format(
        "rank {}: what listens at {} has ended or is not rank 0 of this run. See what rank 0 says, or give another "
        "MASTER_PORT",
        rank, at(rendezvous)));
  };
  int32_t length = 0;
  if (!first.read(&length, sizeof length, deadline) || length < 0 || length > 4096) ended();
  std::string refusal(size_t(length), ' ');
  if (!first.read(refusal.data(), refusal.size(), deadline)) ended();
  if (length > 0) throw BadInput("{}", refusal);
  std::vector<Address> addresses(static_cast<size_t>(size));
  if (!first.read(addresses.data(), addresses.size() * sizeof(Address), deadline)) ended();
  return addresses;
}

std::vector<Socket> connect_to_all(const Rendezvous& rendezvous, int rank, int size, double timeout) {
  const Deadline deadline = in_seconds(timeout);
  std::vector<Socket> links(static_cast<size_t>(size));
  Socket& first = links[0] =
      connect_to(addresses_of(rendezvous.host, rendezvous.port, "MASTER_ADDR", deadline), deadline);
  if (!first)
    throw PeerLost(fmt::format(
        "rank {}: rank 0 does not listen at {} after {} s. Start it, and see that MASTER_ADDR is its machine", rank,
        at(rendezvous), timeout));
  const Socket listener = listen_for_ranks_above(rank);
  send_hello(first, rank, size, listener.own_address().port(), deadline);
  std::vector<Address> addresses = receive_addresses(first, rendezvous, rank, size, timeout);
  for (int r = 1; r < rank; ++r) {
    Address& address = addresses[size_t(r)];
    if (address.is_loopback()) {
      const int port = address.port();
      address = first.peer_address();
      address.set_port(port);
    }
    links[size_t(r)] = connect_to({address}, in_seconds(timeout));
    if (!links[size_t(r)] || !send_hello(links[size_t(r)], rank, size, 0, in_seconds(timeout)))
      throw_missing(links, rank, "its port", timeout);
  }
  for (int expected = rank + 1; expected < size;) {
    Socket peer = listener.accept(in_seconds(timeout));
    if (!peer) throw_missing(links, rank, fmt::format("rank {}'s port", rank), timeout);
    Hello hello;
    if (!read_hello(peer, hello, in_seconds(timeout)) || hello.rank <= rank || hello.rank >= size) continue;
    links[size_t(hello.rank)] = std::move(peer);
    ++expected;
  }
  return links;
}

}  // namespace

std::vector<Socket> rendezvous_over_tcp(const Rendezvous& rendezvous, int rank, int size, double timeout) {
  return rank == 0 ? wait_for_all(rendezvous, size, timeout) : connect_to_all(rendezvous, rank, size, timeout);
}

}  // namespace skein
