#include "comm/elastic/member_address.h"

#include <fmt/ranges.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <set>

#include "base/check.h"

namespace skein {

Address with_port(Address address, int port) {
  address.set_port(port);
  return address;
}

namespace {

// The first address of the interface, IPv4 before IPv6, without those of the link alone.
Socket door_of(const std::string& interface) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) throw BadInput("the network interfaces cannot be listed: {}", std::strerror(errno));
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(all, freeifaddrs);
  std::set<std::string> names;
  std::vector<Address> own;
  for (const ifaddrs* i = all; i; i = i->ifa_next) {
    names.insert(i->ifa_name);
    const int family = i->ifa_addr && interface == i->ifa_name ? i->ifa_addr->sa_family : AF_UNSPEC;
    if (family != AF_INET && family != AF_INET6) continue;
    Address a{{}, socklen_t(family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6))};
    std::memcpy(&a.bytes, i->ifa_addr, a.size);
    if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(&a.bytes)->sin6_addr))
      continue;
    own.push_back(a);
  }
  std::stable_partition(own.begin(), own.end(), [](const Address& a) { return a.family() == AF_INET; });
  for (const Address& a : own)
    if (Socket door = Socket::listening(a)) return door;
  if (!names.contains(interface))
    throw BadInput("--elastic: this machine has no interface '{}', but {}", interface, fmt::join(names, ", "));
  throw BadInput("--elastic: the interface '{}' has no address that can be listened at", interface);
}

}  // namespace

std::optional<Address> parse_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return {};
  std::string host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  int port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
  constexpr int kPorts = 65536;
  if (error != std::errc() || rest != end || port < 1 || port >= kPorts) return {};
  try {
    return addresses_of(host, port, text, {}).front();
  } catch (const BadInput&) {
    return {};
  }
}

std::vector<Socket> as_list(Socket socket) {
  std::vector<Socket> all;
  all.push_back(std::move(socket));
  return all;
}

Socket door_at(const std::string& interface, const std::optional<Rendezvous>& place) {
  if (!interface.empty()) return door_of(interface);
  if (!place) {
    Socket door = Socket::listening(Address::loopback(0));
    if (!door) throw BadInput("no port of 127.0.0.1 can be listened at: {}", std::strerror(errno));
    return door;
  }
  for (const Address& own : addresses_of(place->host, place->port, "MASTER_ADDR", in_seconds(1)))
    if (Socket door = Socket::listening(own)) return door;
  throw BadInput(
      "the first process of the run cannot listen on port {} (MASTER_PORT) of {} (MASTER_ADDR): {}. Start the first "
      "one on that machine, or give another port",
      place->port, place->host, std::strerror(errno));
}

Reached reach(const std::string& text, const Introduction& own, const RunSecret& secret, double seconds) {
  const auto address = parse_address(text);
  if (!address) return {};
  // A process that ends while it is greeted refuses the second time.
  for (int attempt = 0; attempt < 2; ++attempt) {
    errno = 0;
    Socket s = connect_to(*address, secret);
    if (!s) return {Socket(), errno == ECONNREFUSED};
    const Greeting g = greet(
        s, own, [&](const std::string&) { return secret.key; }, in_seconds(seconds));
    if (g == Greeting::met) return {std::move(s), false};
    if (g != Greeting::closed) return {};
  }
  return {};
}

}  // namespace skein
