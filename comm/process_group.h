// The processes of a run, started together by mpirun, torchrun, srun and the like, and the calls with which they agree.
// Every call is collective: all processes make the same calls in the same order. A group of one process costs nothing.
//
// Threading: one thread at a time, the one that made the group. Errors: PeerLost where a process is gone; see
// on_all_ranks for errors that all processes get.
#pragma once

#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "comm/communicator.h"
#include "comm/secret.h"

namespace skein {

struct JoinOptions {
  SecretSource secret = {};  // over TCP
  double timeout = 300;      // seconds without a sign of work after which a wait ends; over MPI, six times as many
};

class ProcessGroup {
 public:
  ProcessGroup();                                                  // this process alone
  explicit ProcessGroup(std::unique_ptr<Communicator> processes);  // for tests, in which threads are the processes
  // The processes that the launcher's environment variables name (comm/launcher.h): over TCP where they say a
  // rendezvous, else over MPI. BadInput where the group cannot be formed.
  static ProcessGroup join(const JoinOptions& options = {});

  int rank() const { return communicator_->rank(); }
  int size() const { return communicator_->size(); }
  double timeout() const { return timeout_; }
  // For transports on which a rank that computes for long gives no sign: MPI and NCCL.
  double silent_timeout() const { return kSilentFactor * timeout_; }
  bool is_root() const { return rank() == 0; }
  bool is_encrypted() const { return is_encrypted_; }  // what its calls send to other processes
  Communicator& communicator() { return *communicator_; }

  // Runs body() on every process. If one throws BadInput or RunFailed, all do, with the rank in the message. The body
  // may be collective itself if every error before its last collective call is thrown on all ranks.
  void on_all_ranks(const std::function<void()>& body);
  // Throws RunFailed, for an error that all processes have found alike.
  [[noreturn]] void fail_on_all_ranks(const std::string& reason);
  // True if the last error was thrown on all ranks. Only then can the group end cleanly; otherwise call abort().
  bool failed_on_all_ranks() const { return failed_on_all_ranks_; }
  // Prints the reason with this rank on stderr and ends the run: over MPI all processes at once, over TCP this process,
  // and each other one at its next call. In a group of one it does nothing.
  void abort(const std::string& reason, int status) const;

  std::vector<std::string> all_gather_text(const std::string& mine);  // in rank order
  std::string broadcast_text(const std::string& mine);                // rank 0's
  int64_t max(int64_t mine);

  // The ranks' values, as many from each as `mine` has, in rank order. T is trivially copyable: it travels as raw
  // bytes.
  template <class T>
  std::vector<T> all_gather(std::span<const T> mine) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> all(mine.size() * size_t(size()));
    communicator_->all_gather(bytes(const_cast<T*>(mine.data()), mine.size_bytes()),
                              bytes(all.data(), all.size() * sizeof(T)));
    return all;
  }
  template <class T>
  T broadcast(T mine) {  // rank 0's
    return all_gather<T>(std::span<const T>(&mine, 1)).front();
  }

 private:
  static constexpr double kSilentFactor = 6;
  static View bytes(void* data, size_t n) { return {data, DType::u8, {1, 1, 1, int64_t(n)}}; }

  std::unique_ptr<Communicator> communicator_;
  std::function<void(const Communicator&, const std::string& reason, int status)> abort_;  // empty in a group of one
  bool failed_on_all_ranks_ = false, is_encrypted_ = false;
  double timeout_ = JoinOptions{}.timeout;
};

std::string mpi_support();  // for the user: the file that holds skein's use of MPI, or that there is none

}  // namespace skein
