#include "comm/elastic/member_address.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/check.h"

namespace skein {

Address with_port(Address address, int port) {
  address.set_port(port);
  return address;
}

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

Socket door_at(const std::optional<Rendezvous>& place) {
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
    Socket s = Socket::connected(*address);
    if (!s) return {Socket(), errno == ECONNREFUSED};
    const Greeting g = greet(
        s, own, [&](const std::string&) { return secret.key; }, in_seconds(seconds));
    if (g == Greeting::met) return {std::move(s), false};
    if (g != Greeting::closed) return {};
  }
  return {};
}

}  // namespace skein
