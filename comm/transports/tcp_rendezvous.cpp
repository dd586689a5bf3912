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
constexpr double kIntroduction = 5;  // seconds that a stranger may keep rank 0 from listening to others
constexpr auto kRetry = std::chrono::milliseconds(50);

struct Hello {
  char magic[8];
  int32_t rank, size, port;
};

std::string at(const Rendezvous& m) { return fmt::format("{}:{}", m.host, m.port); }

bool introduce(const Socket& to, int rank, int size, int port, Deadline deadline) {
  Hello hello{{}, rank, size, port};
  std::memcpy(hello.magic, kMagic, sizeof kMagic);
  return to.write(&hello, sizeof hello, deadline);
}

// False for whoever is no process of skein.
bool is_introduced(const Socket& from, Hello& hello, Deadline deadline) {
  return from.read(&hello, sizeof hello, std::min(deadline, in_seconds(kIntroduction))) &&
         std::memcmp(hello.magic, kMagic, sizeof kMagic) == 0;
}

[[noreturn]] void throw_missing(const std::vector<Socket>& links, int rank, const std::string& where, double patience) {
  std::vector<int> absent;
  for (int r = 0; r < int(links.size()); ++r)
    if (r != rank && !links[size_t(r)]) absent.push_back(r);
  throw PeerLost(
      fmt::format("rank {}: of {} processes {} {} did not come to {} within {} s. Start all of them, with the same "
                  "MASTER_ADDR, MASTER_PORT and WORLD_SIZE",
                  rank, links.size(), absent.size() == 1 ? "rank" : "ranks", fmt::join(absent, ", "), where, patience));
}

// Empty: there is none.
std::string objection(const Hello& hello, int size, const std::vector<Socket>& links) {
  if (hello.size != size)
    return fmt::format("rank {} was told of {} processes, rank 0 of {}. Give all the same WORLD_SIZE", hello.rank,
                       hello.size, size);
  if (hello.rank <= 0 || hello.rank >= size || links[size_t(hello.rank)])
    return fmt::format("two processes are rank {}. Give each a RANK of its own", hello.rank);
  return {};
}

// A refusal, or of length 0 the ranks' addresses.
bool answer(const Socket& to, const std::string& refusal, const std::vector<Address>& places, Deadline deadline) {
  const int32_t length = int32_t(refusal.size());
  return to.write(&length, sizeof length, deadline) && to.write(refusal.data(), refusal.size(), deadline) &&
         (length > 0 || to.write(places.data(), places.size() * sizeof(Address), deadline));
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

// Where the ranks above this one come: for both families, where the machine has both.
Socket open_door(int rank) {
  Socket door = Socket::listening(0, AF_INET6);
  if (!door) door = Socket::listening(0, AF_INET);
  if (!door) throw PeerLost(fmt::format("rank {} cannot listen: {}", rank, std::strerror(errno)));
  return door;
}

std::vector<Socket> wait_for_all(const Rendezvous& rendezvous, int size, double patience) {
  const Deadline deadline = in_seconds(patience);
  const Socket listener = listen_at(rendezvous, deadline);
  std::vector<Socket> links(static_cast<size_t>(size));
  std::vector<Address> places(static_cast<size_t>(size));
  for (int come = 1; come < size;) {
    Socket guest = listener.accept(deadline);
    if (!guest) throw_missing(links, 0, at(rendezvous), patience);
    Hello hello;
    if (!is_introduced(guest, hello, deadline)) continue;
    if (const std::string refusal = objection(hello, size, links); !refusal.empty()) {
      answer(guest, refusal, {}, in_seconds(kIntroduction));
      for (const Socket& s : links)
        if (s) answer(s, refusal, {}, in_seconds(kIntroduction));
      throw BadInput("{}", refusal);
    }
    places[size_t(hello.rank)] = guest.peer_address();
    places[size_t(hello.rank)].set_port(hello.port);
    links[size_t(hello.rank)] = std::move(guest);
    ++come;
  }
  for (int r = 1; r < size; ++r)
    if (!answer(links[size_t(r)], {}, places, deadline))
      throw PeerLost(fmt::format("rank {} has ended while the processes met", r));
  return links;
}

Socket reach(const std::vector<Address>& addresses, Deadline deadline) {
  for (;;) {
    for (const Address& a : addresses)
      if (Socket s = Socket::connected(a)) return s;
    if (std::chrono::steady_clock::now() > deadline) return Socket();
    std::this_thread::sleep_for(kRetry);
  }
}

// What rank 0 says, once all have come.
std::vector<Address> hear_places(const Socket& first, const Rendezvous& rendezvous, int rank, int size,
                                 double patience) {
  // Rank 0 may have begun to wait later than this rank, and waits as long: it knows better who is missing.
  const Deadline deadline = in_seconds(2 * patience);
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
  std::vector<Address> places(static_cast<size_t>(size));
  if (!first.read(places.data(), places.size() * sizeof(Address), deadline)) ended();
  return places;
}

std::vector<Socket> go_to_first(const Rendezvous& rendezvous, int rank, int size, double patience) {
  const Deadline deadline = in_seconds(patience);
  std::vector<Socket> links(static_cast<size_t>(size));
  Socket& first = links[0] = reach(addresses_of(rendezvous.host, rendezvous.port, "MASTER_ADDR", deadline), deadline);
  if (!first)
    throw PeerLost(fmt::format(
        "rank {}: rank 0 does not listen at {} after {} s. Start it, and see that MASTER_ADDR is its machine", rank,
        at(rendezvous), patience));
  const Socket door = open_door(rank);
  introduce(first, rank, size, door.own_address().port(), deadline);
  std::vector<Address> places = hear_places(first, rendezvous, rank, size, patience);
  for (int r = 1; r < rank; ++r) {
    Address& place = places[size_t(r)];
    if (place.is_loopback()) {
      const int port = place.port();
      place = first.peer_address();
      place.set_port(port);
    }
    links[size_t(r)] = reach({place}, in_seconds(patience));
    if (!links[size_t(r)] || !introduce(links[size_t(r)], rank, size, 0, in_seconds(patience)))
      throw_missing(links, rank, "its port", patience);
  }
  for (int expected = rank + 1; expected < size;) {
    Socket guest = door.accept(in_seconds(patience));
    if (!guest) throw_missing(links, rank, fmt::format("rank {}'s port", rank), patience);
    Hello hello;
    if (!is_introduced(guest, hello, in_seconds(patience)) || hello.rank <= rank || hello.rank >= size) continue;
    links[size_t(hello.rank)] = std::move(guest);
    ++expected;
  }
  return links;
}

}  // namespace

std::vector<Socket> rendezvous_over_tcp(const Rendezvous& rendezvous, int rank, int size, double patience) {
  return rank == 0 ? wait_for_all(rendezvous, size, patience) : go_to_first(rendezvous, rank, size, patience);
}

}  // namespace skein
