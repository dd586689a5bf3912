// Starts the processes of a run as torchrun does, with environment variables only, and sends signals to one of them.
#pragma once

#include <csignal>
#include <functional>
#include <future>
#include <optional>
#include <thread>

#include "comm/sockets/socket.h"
#include "tests/support/run_binary.h"

namespace skein::testing {

inline int free_port() { return Socket::listening(Address::loopback(0)).own_address().port(); }

// Starts commands[r] as rank r, all on this machine. The status is that of the last process that failed.
inline ProgramOutput start_processes(const std::vector<std::string>& commands) {
  const int port = free_port();
  std::string script = "export ASAN_OPTIONS=detect_leaks=0 MASTER_ADDR=127.0.0.1 MASTER_PORT=" + std::to_string(port);
  script += fmt::format(" WORLD_SIZE={}; pids=; ", commands.size());
  for (size_t r = 0; r < commands.size(); ++r)
    script += fmt::format("RANK={0} LOCAL_RANK={0} timeout 300 {1} & pids=\"$pids $!\"; ", r, commands[r]);
  return shell(script + "status=0; for p in $pids; do wait $p || status=$?; done; exit $status");
}
inline ProgramOutput start_processes(int ranks, const std::string& command) {
  return start_processes(std::vector<std::string>(size_t(ranks), command));
}

// The skein process of a rank that was started with `argument`, by mpirun or by start_processes().
inline std::optional<pid_t> pid_of_rank(const std::string& argument, int rank) {
  const auto is_rank = [&](const std::string& environment) {
    for (const char* name : {"OMPI_COMM_WORLD_RANK", "RANK"})
      if (('\0' + environment).find(fmt::format("{}{}={}{}", '\0', name, rank, '\0')) != std::string::npos) return true;
    return false;
  };
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string command = read_file(entry.path() / "cmdline");
    if (command.rfind("timeout", 0) != 0 && command.find(argument) != std::string::npos &&
        is_rank(read_file(entry.path() / "environ")))
      return pid_t(std::stol(name));
  }
  return {};
}

// Starts processes, sends rank 2 a signal as soon as ready() holds, and returns when all have ended.
inline ProgramOutput start_and_signal(const std::function<ProgramOutput()>& start, const std::string& argument,
                                      int signal, const std::function<bool()>& ready) {
  auto output = std::async(std::launch::async, start);
  const auto ended = [&] { return output.wait_for(std::chrono::milliseconds(20)) == std::future_status::ready; };
  while (!ready() && !ended()) continue;
  const auto pid = pid_of_rank(argument, 2);
  EXPECT_TRUE(pid) << "rank 2 is gone";
  if (pid) kill(*pid, signal);
  return output.get();
}

}  // namespace skein::testing
