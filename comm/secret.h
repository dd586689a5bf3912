// What shows that a process belongs to a run over TCP: the secret that its processes have in common, and with --tls a
// certificate (comm/tls.h). Each proves to the others that it knows the secret (comm/sockets/handshake.h), which never
// travels. Sources of the secret, in this order:
//
//   --secret-file FILE   the file's text, without the end of its last line
//   SKEIN_SECRET         the environment variable
//   neither              rank 0 makes one at random and writes it, with mode 600, into a folder that the other ranks
//                        see: the run's, or that for temporary files. It is there until all have met.
//
// Errors: BadInput where a secret cannot be read or written, or is shorter than 16 bytes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "comm/tls.h"

namespace skein {

struct SecretSource {
  std::string file = {};    // of --secret-file; empty: SKEIN_SECRET, if it is set
  std::string folder = {};  // for a secret that rank 0 makes; empty: that for temporary files
  TlsFiles tls = {};        // none: what travels is not encrypted
};

std::string given_secret(const SecretSource& source);  // empty: none is given
std::string secret_folder(const SecretSource& source);

constexpr char kSecretFilePrefix[] = ".rendezvous-";  // of the name of a SecretFile

// A secret made at random, in a file that is removed at destruction, with the folders that were made for it. It is also
// removed where SIGINT, SIGTERM, SIGHUP or SIGUSR1 ends the process, if the signal has no handler: for one object at a
// time.
class SecretFile {
 public:
  explicit SecretFile(const std::string& folder);
  // A secret that another process has made: writes its file again where it is gone, and removes it at destruction.
  SecretFile(const std::string& folder, const std::string& secret, const std::string& id);
  ~SecretFile();
  SecretFile(const SecretFile&) = delete;
  SecretFile& operator=(const SecretFile&) = delete;

  const std::string& secret() const { return secret_; }
  const std::string& id() const { return id_; }  // 16 hexadecimal digits: finds the file, and is no secret
  void remove() const;                           // may be called by a signal's handler

 private:
  void write_file(const std::string& folder);

  std::string secret_, id_, path_;
  std::vector<std::string> made_;  // folders, the deepest first
  bool removed_by_signals_ = false;
};

// The secret of another process's SecretFile. Empty: this process does not see the file.
std::optional<std::string> read_secret_file(const std::string& folder, const std::string& id);

}  // namespace skein
