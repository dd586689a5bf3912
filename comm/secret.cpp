#include "comm/secret.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/check.h"
#include "base/hmac.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr size_t kShortest = 16, kLongest = 4096;  // bytes
constexpr size_t kRandomBytes = 32, kIdBytes = 8;
constexpr const char kFix[] = "Give all processes the same secret with SKEIN_SECRET or --secret-file";

std::string random_hex(size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  fill_random(raw.data(), raw.size());
  std::string text;
  for (const unsigned char byte : raw) text += fmt::format("{:02x}", byte);
  return text;
}

class File {
 public:
  explicit File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// The text of an open file, without the end of its last line. `why`: set where it is not a file that can be a secret.
std::string text_of(int fd, std::string& why) {
  struct stat s {};
  if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) {
    why = "it is not a file";
    return {};
  }
  std::string text(kLongest + 1, '\0');
  const ssize_t n = read(fd, text.data(), text.size());
  if (n < 0) why = std::strerror(errno);
  text.resize(size_t(std::max<ssize_t>(n, 0)));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.size() > kLongest) why = fmt::format("it is longer than {} bytes", kLongest);
  return text;
}

std::string checked(const std::string& secret, const std::string& name) {
  if (secret.size() >= kShortest) return secret;
  throw BadInput("{}: the secret has {} bytes. Give at least {}, as from: openssl rand -hex 32", name, secret.size(),
                 kShortest);
}

// True where another user could have put the file there: into a folder that all may write, as that for temporary files.
bool may_be_foreign(const std::string& folder, int fd) {
  struct stat of_folder {
  }, of_file{};
  return stat(folder.c_str(), &of_folder) != 0 || fstat(fd, &of_file) != 0 ||
         ((of_folder.st_mode & S_IWOTH) != 0 && of_file.st_uid != geteuid());
}

std::string path_of(const std::string& folder, const std::string& id) {
  return fmt::format("{}/{}{}", folder, kSecretFilePrefix, id);
}

std::atomic<const SecretFile*> at_signal{nullptr};  // whose file signals remove

void remove_and_end(int number) {
  if (const SecretFile* const file = at_signal.exchange(nullptr)) file->remove();
  signal(number, SIG_DFL);
  raise(number);
}

// The handlers stay: where there is no file, they do what the default does.
void handle_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) signal(number, remove_and_end);
  }
}

}  // namespace

std::string given_secret(const SecretSource& source) {
  if (source.file.empty()) {
    const char* const text = std::getenv("SKEIN_SECRET");
    return text ? checked(text, "SKEIN_SECRET") : "";
  }
  const std::string name = "--secret-file " + source.file;
  const File file(source.file, O_RDONLY | O_NONBLOCK);
  if (file.fd() < 0) throw BadInput("{}: cannot be read: {}. Check the path", name, std::strerror(errno));
  std::string why, text = text_of(file.fd(), why);
  if (!why.empty()) throw BadInput("{}: {}. Give a file with a line of text", name, why);
  return checked(text, name);
}

std::string secret_folder(const SecretSource& source) {
  if (!source.folder.empty()) return source.folder;
  std::error_code none;
  const fs::path temporary = fs::temp_directory_path(none);
  return none ? "/tmp" : temporary.string();
}

SecretFile::SecretFile(const std::string& folder)
    : SecretFile(folder, random_hex(kRandomBytes), random_hex(kIdBytes)) {}

SecretFile::SecretFile(const std::string& folder, const std::string& secret, const std::string& id)
    : secret_(secret), id_(id), path_(path_of(folder, id_)) {
  const bool is_there = read_secret_file(folder, id_) == secret_;
  std::error_code error;
  for (fs::path p = fs::path(folder).lexically_normal(); !p.empty() && !fs::exists(p, error); p = p.parent_path())
    made_.push_back(p.string());
  // Before the file is made: a signal may come at any moment.
  const SecretFile* none = nullptr;
  removed_by_signals_ = at_signal.compare_exchange_strong(none, this);
  if (removed_by_signals_) handle_signals();
  if (!is_there) write_file(folder);
}

void SecretFile::write_file(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  const File file(path_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
  const std::string line = secret_ + "\n";
  if (file.fd() >= 0 && write(file.fd(), line.data(), line.size()) == ssize_t(line.size())) return;
  const int why = errno;
  if (removed_by_signals_) at_signal = nullptr;
  throw BadInput("the secret of the run's processes cannot be written into the folder {}: {}. {}", folder,
                 std::strerror(why), kFix);
}

SecretFile::~SecretFile() {
  remove();
  const SecretFile* own = this;
  if (removed_by_signals_ && !at_signal.compare_exchange_strong(own, nullptr))
    for (;;) pause();  // another thread's handler reads this object, and ends the process
}

void SecretFile::remove() const {
  unlink(path_.c_str());
  for (const std::string& folder : made_)
    if (rmdir(folder.c_str()) != 0) break;  // something is in it
}

std::optional<std::string> read_secret_file(const std::string& folder, const std::string& id) {
  const std::string path = path_of(folder, id);
  const File file(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  if (file.fd() < 0 && errno == ENOENT) return std::nullopt;
  if (file.fd() < 0) throw BadInput("{}: cannot be read: {}. {}", path, std::strerror(errno), kFix);
  std::string why, text = text_of(file.fd(), why);
  if (why.empty() && may_be_foreign(folder, file.fd())) why = "it is another user's, in a folder that all may write";
  if (!why.empty()) throw BadInput("{}: {}. {}", path, why, kFix);
  return checked(text, path);
}

}  // namespace skein
