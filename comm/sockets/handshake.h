// How two processes find out that both belong to one run, before one believes a word of the other. The guest has
// connected, the host has accepted. s: the run's secret (comm/secret.h), which does not travel, and on an encrypted
// connection its channel binding, so that nobody in between can pass the proofs on; g, h: 32 random bytes of each; |
// joins bytes.
//
//   guest -> host   Opening        "skein-2", g
//   host -> guest   Challenge      "skein-2", h, the id of the secret's file or zeros, HMAC(s, "host" | g | h | id)
//   guest -> host   Introduction   rank, size, port, process, HMAC(s, "guest" | g | h | those)
//
// All have one size each, and nothing else is read of a guest that has not shown that it knows s. Raw bytes: processes
// run on one kind of machine. Without --tls later traffic is neither encrypted nor authenticated (docs/security.md).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hmac.h"
#include "comm/secret.h"
#include "comm/sockets/socket.h"

namespace skein {

struct RunSecret {
  std::string key;
  std::string id = {};                         // of the file that rank 0 has written; empty: the secret was given
  std::shared_ptr<const TlsContext> tls = {};  // null: connections are not encrypted
  void take(const std::string& key, const std::string& id) { this->key = key, this->id = id; }
};
RunSecret secret_of_run(const SecretSource& source);  // without a key where none is given
// One attempt; encrypted where the run is. Invalid where nothing listens.
Socket connect_to(const Address& address, const RunSecret& secret);

using Nonce = std::array<unsigned char, 32>;
Nonce random_nonce();

// A process, for messages about it.
struct ProcessName {
  int32_t pid;
  char host[64];
  std::string text() const;  // "process 4711 on node2"; whatever the bytes are
};
ProcessName own_process();

struct Introduction {
  int32_t rank, size, port;  // port: on which the guest listens itself; 0: it does not
  ProcessName process;
};

// The host's side: takes the bytes of one connection as they come.
class HostHandshake {
 public:
  HostHandshake(const RunSecret& secret, const Nonce& own) : secret_(&secret), own_(own) {}

  size_t missing() const;  // bytes of the message that is under way; 0: no more is read
  // At most missing() bytes that have come, and the connection's channel binding. Returns those to be sent; empty:
  // none.
  std::string take(std::string_view bytes, const std::string& channel_binding = {});

  bool done() const { return stage_ == Stage::done; }        // the guest belongs to this run
  bool refused() const { return stage_ == Stage::refused; }  // and why():
  const std::string& why() const { return why_; }
  const Introduction& guest() const { return guest_; }

 private:
  enum class Stage : uint8_t { magic, nonce, introduction, done, refused };
  std::string refuse(const std::string& why);
  std::string challenge(const std::string& key);

  const RunSecret* secret_;
  Nonce own_, guests_{};
  Stage stage_ = Stage::magic;
  std::string received_, why_;  // received_: of the message that is under way
  Introduction guest_{};
};

enum class Greeting : uint8_t {
  met,           // the host belongs to this run, and the introduction has been sent
  closed,        // the connection ended first
  silent,        // no answer until the deadline
  stranger,      // the host is not skein, or another version
  other_secret,  // the host does not know this process's secret
  untrusted,     // no encrypted connection can be made: Socket::tls_failure()
};

// The guest's side. secret_for(id) returns the secret, where `id` is the host's; what it throws is thrown. The host is
// told of a secret that is not the same.
Greeting greet(const Socket& host, const Introduction& own,
               const std::function<std::string(const std::string& id)>& secret_for, Deadline deadline,
               const Socket::Meanwhile& meanwhile = {});

// What rank 0 answers to those it has let in.
enum class Answer : int32_t { refused = 1, roster, go };

// One rank, and where it listens for those above it.
struct RosterEntry {
  Address address;
  ProcessName process;
};

constexpr int32_t kLongestRefusal = 4096;  // bytes
struct AnswerHeader {
  Answer answer;
  int32_t bytes;  // that follow
  bool makes_sense(int size) const;
};

// The bytes of a roster of `size` ranks. Empty: they make no sense.
std::vector<RosterEntry> parse_roster(std::string_view bytes, int size);

}  // namespace skein
