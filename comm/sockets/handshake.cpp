#include "comm/sockets/handshake.h"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "base/terminal/printable.h"

namespace skein {
namespace {

constexpr char kMagic[8] = "skein-2";
constexpr size_t kMagicBytes = sizeof kMagic, kIdBytes = 16;
constexpr std::string_view kTlsHello = "\x16\x03";  // begins the first record of TLS

struct Opening {
  char magic[kMagicBytes];
  Nonce nonce;
};
struct Challenge {
  char magic[kMagicBytes];
  Nonce nonce;
  char id[kIdBytes];
  Digest proof;
};
struct ProvenIntroduction {
  Introduction introduction;
  Digest proof;
};

template <class T>
std::string_view bytes_of(const T& value) {
  static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>);
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <class T>
T from_bytes(std::string_view bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

template <class... Part>
std::string joined(const Part&... part) {
  std::string all;
  (all.append(bytes_of(part)), ...);
  return all;
}

Digest host_proof(std::string_view key, const Nonce& guest, const Nonce& host, std::string_view id) {
  return hmac_sha256(key, "host" + joined(guest, host) + std::string(id));
}

Digest guest_proof(std::string_view key, const Nonce& guest, const Nonce& host, const Introduction& i) {
  return hmac_sha256(key, "guest" + joined(guest, host, i));
}

}  // namespace

RunSecret secret_of_run(const SecretSource& source) {
  return {given_secret(source), {}, source.tls.given() ? std::make_shared<const TlsContext>(source.tls) : nullptr};
}

Socket connect_to(const Address& address, const RunSecret& secret) {
  Socket s = Socket::connected(address);
  if (s && secret.tls) s.encrypt(*secret.tls, TlsSession::Side::guest);
  return s;
}

Nonce random_nonce() {
  Nonce nonce{};
  fill_random(nonce.data(), nonce.size());
  return nonce;
}

ProcessName own_process() {
  ProcessName own{int32_t(getpid()), ""};
  if (gethostname(own.host, sizeof own.host - 1) != 0) std::strcpy(own.host, "unknown");
  own.host[sizeof own.host - 1] = '\0';
  return own;
}

std::string ProcessName::text() const {
  const std::string_view name(host, strnlen(host, sizeof host));
  return fmt::format("process {} on {}", pid, printable(name));
}

size_t HostHandshake::missing() const {
  switch (stage_) {
    case Stage::magic:
      return kMagicBytes - received_.size();
    case Stage::nonce:
      return sizeof(Nonce) - received_.size();
    case Stage::introduction:
      return sizeof(ProvenIntroduction) - received_.size();
    default:
      return 0;
  }
}

std::string HostHandshake::take(std::string_view bytes, const std::string& channel_binding) {
  received_.append(bytes.substr(0, missing()));
  if (missing() > 0) return {};
  const std::string message = std::exchange(received_, {});
  if (stage_ == Stage::magic) {
    if (message == bytes_of(kMagic)) return stage_ = Stage::nonce, std::string();
    if (message.starts_with("skein-")) return refuse("it is another version of skein: start the same one everywhere");
    if (message.starts_with(kTlsHello)) return refuse("it speaks TLS: give --tls to all processes, or to none");
    return refuse(fmt::format("it began with '{}', which is not skein", printable(message)));
  }
  if (stage_ == Stage::nonce) {
    guests_ = from_bytes<Nonce>(message);
    stage_ = Stage::introduction;
    return challenge(secret_->key + channel_binding);
  }
  const auto proven = from_bytes<ProvenIntroduction>(message);
  guest_ = proven.introduction;
  if (!equal_in_constant_time(proven.proof, guest_proof(secret_->key + channel_binding, guests_, own_, guest_)))
    return refuse(fmt::format("it does not know the run's secret; it says that it is rank {}, {}", guest_.rank,
                              guest_.process.text()));
  stage_ = Stage::done;
  return {};
}

std::string HostHandshake::refuse(const std::string& why) {
  why_ = why;
  stage_ = Stage::refused;
  return {};
}

std::string HostHandshake::challenge(const std::string& key) {
  Challenge c{};
  std::memcpy(c.magic, kMagic, kMagicBytes);
  c.nonce = own_;
  secret_->id.copy(c.id, kIdBytes);
  c.proof = host_proof(key, guests_, own_, bytes_of(c.id));
  return joined(c);
}

Greeting greet(const Socket& host, const Introduction& own,
               const std::function<std::string(const std::string& id)>& secret_for, Deadline deadline,
               const Socket::Meanwhile& meanwhile) {
  const auto failed = [&] {
    if (host.met_other_bytes()) return Greeting::stranger;
    if (!host.tls_failure().empty()) return Greeting::untrusted;
    return std::chrono::steady_clock::now() >= deadline ? Greeting::silent : Greeting::closed;
  };
  Opening opening{{}, random_nonce()};
  std::memcpy(opening.magic, kMagic, kMagicBytes);
  Challenge c{};
  if (!host.shake_hands(deadline, meanwhile)) return failed();
  if (!host.write(&opening, sizeof opening, deadline)) return failed();
  if (!host.read(c.magic, sizeof c.magic, deadline, meanwhile)) return failed();
  if (bytes_of(c.magic) != bytes_of(kMagic)) return Greeting::stranger;
  if (!host.read(reinterpret_cast<char*>(&c) + kMagicBytes, sizeof c - kMagicBytes, deadline, meanwhile))
    return failed();
  const std::string id(c.id, strnlen(c.id, kIdBytes));
  if (!std::all_of(id.begin(), id.end(), [](unsigned char x) { return std::isxdigit(x); })) return Greeting::stranger;

  ProvenIntroduction proven{own, {}};
  const auto tell_of_another_secret = [&] { host.write(&proven, sizeof proven, deadline); };
  std::string key;
  try {
    key = secret_for(id);
  } catch (const BadInput&) {
    tell_of_another_secret();
    throw;
  }
  key += host.channel_binding();
  if (!equal_in_constant_time(c.proof, host_proof(key, opening.nonce, c.nonce, bytes_of(c.id)))) {
    tell_of_another_secret();
    return Greeting::other_secret;
  }
  proven.proof = guest_proof(key, opening.nonce, c.nonce, own);
  return host.write(&proven, sizeof proven, deadline) ? Greeting::met : failed();
}

bool AnswerHeader::makes_sense(int size) const {
  switch (answer) {
    case Answer::refused:
      return 0 < bytes && bytes <= kLongestRefusal;
    case Answer::roster:
      return bytes == size * int64_t(sizeof(RosterEntry));
    case Answer::go:
      return bytes == 0;
  }
  return false;
}

std::vector<RosterEntry> parse_roster(std::string_view bytes, int size) {
  if (size < 1 || bytes.size() != size_t(size) * sizeof(RosterEntry)) return {};
  std::vector<RosterEntry> roster;
  for (int r = 0; r < size; ++r) {
    roster.push_back(from_bytes<RosterEntry>(bytes.substr(size_t(r) * sizeof(RosterEntry))));
    const Address& a = roster.back().address;
    const bool four = a.family() == AF_INET && a.size == sizeof(sockaddr_in);
    const bool six = a.family() == AF_INET6 && a.size == sizeof(sockaddr_in6);
    if (r > 0 && !four && !six) return {};
  }
  return roster;
}

}  // namespace skein
