#include "apps/sweep/sweep_jobs.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <thread>

#include "base/check.h"
#include "train/run/interrupt.h"

namespace skein {
namespace {

constexpr std::chrono::milliseconds kLook{20};  // between two looks at children and signals
constexpr int kNotStarted = 127;                // exit status, as a shell's

// Becomes the job. Calls only functions that are safe between fork and exec.
[[noreturn]] void become(char* const* arguments, int log, int standard_input, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kNotStarted);  // it died before the line above
  dup2(standard_input, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv("/proc/self/exe", arguments);
  _exit(kNotStarted);
}

int open_or_fail(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0)
    throw RunFailed("{}: cannot be opened ({}). Free space there or choose another place", path, std::strerror(errno));
  return fd;
}

pid_t start(const SweepJob& job) {
  std::vector<std::string> words = {"skein"};
  words.insert(words.end(), job.arguments.begin(), job.arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int log = open_or_fail(job.log, O_WRONLY | O_CREAT | O_APPEND), nothing = open_or_fail("/dev/null", O_RDONLY);
  const pid_t parent = getpid(), child = fork();
  if (child == 0) become(pointers.data(), log, nothing, parent);
  const int error = errno;
  close(log);
  close(nothing);
  if (child < 0)
    throw RunFailed("a process cannot be started ({}). Give fewer --jobs, or the same command later",
                    std::strerror(error));
  return child;
}

int exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

class RunningJobs {
 public:
  // Saves what runs where an exception leaves run_jobs().
  ~RunningJobs() {
    send(SIGTERM);
    while (!jobs_.empty()) wait([](size_t, int) {});
  }
  size_t size() const { return jobs_.size(); }
  void add(pid_t child, size_t job) { jobs_[child] = job; }
  void send(int signal) const {
    for (const auto& [child, unused] : jobs_) kill(child, signal);
  }
  // Reports the children that have ended, and sleeps where there is none.
  void wait(const std::function<void(size_t, int)>& on_end) {
    for (auto at = jobs_.begin(); at != jobs_.end(); ++at) {
      int status = 0;
      if (waitpid(at->first, &status, WNOHANG) == 0) continue;
      const size_t job = at->second;
      jobs_.erase(at);
      return on_end(job, exit_status(status));
    }
    std::this_thread::sleep_for(kLook);
  }

 private:
  std::map<pid_t, size_t> jobs_;
};

}  // namespace

void run_jobs(const std::vector<SweepJob>& jobs, int64_t at_once, const std::function<void(size_t)>& on_start,
              const std::function<void(size_t, int)>& on_end) {
  const Interrupt interrupt;
  RunningJobs running;
  bool passed_on = false;
  for (size_t next = 0; next < jobs.size() || running.size() > 0;) {
    const int signal = Interrupt::signal();
    if (signal != 0 && running.size() == 0) return;
    if (signal != 0 && !passed_on) running.send(signal);
    passed_on = signal != 0;
    if (signal == 0 && next < jobs.size() && int64_t(running.size()) < at_once) {
      on_start(next);
      running.add(start(jobs[next]), next);
      ++next;
      continue;
    }
    running.wait(on_end);
  }
}

}  // namespace skein
