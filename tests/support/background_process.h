// A program that runs beside the test: signals, its end, and what it has printed.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/run_binary.h"

namespace skein::testing {

class BackgroundProcess {
 public:
  // variables: NAME=VALUE, added to the environment.
  explicit BackgroundProcess(const std::vector<std::string>& command, const std::vector<std::string>& variables = {}) {
    pid_ = fork();
    if (pid_ != 0) return;
    for (const auto& [fd, name] : {std::pair{1, "out"}, {2, "err"}})
      dup2(::open((dir_ / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), fd);
    for (const std::string& v : variables) putenv(const_cast<char*>(v.c_str()));
    std::vector<char*> arguments;
    for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  ~BackgroundProcess() {
    if (ended_) return;
    signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  BackgroundProcess(const BackgroundProcess&) = delete;

  void signal(int number) const { ::kill(pid_, number); }
  void kill() {
    signal(SIGKILL);
    wait(10);
  }
  // Its exit status, or 128 + the signal that has ended it. Fails the test, and ends it, where it takes longer.
  int wait(double seconds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    for (; runs(); std::this_thread::sleep_for(std::chrono::milliseconds(2))) {
      if (std::chrono::steady_clock::now() < deadline) continue;
      ADD_FAILURE() << "process " << pid_ << " has not ended after " << seconds << " s: " << out() << err();
      signal(SIGKILL);
      waitpid(pid_, nullptr, 0);
      ended_ = -1;
    }
    return *ended_;
  }
  bool runs() {
    int status = 0;
    if (!ended_ && waitpid(pid_, &status, WNOHANG) == pid_)
      ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return !ended_;
  }
  std::string out() const { return read_file(dir_ / "out"); }
  std::string err() const { return read_file(dir_ / "err"); }

 private:
  TempDir dir_;
  pid_t pid_ = 0;
  std::optional<int> ended_;
};

// Waits until the condition holds. Fails the test where it takes longer.
template <class Condition>
void wait_until(Condition&& condition, double seconds, const std::string& what) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "not within " << seconds << " s: " << what;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace skein::testing
