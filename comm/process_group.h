// The processes that were started together, by mpirun, srun and the like, and how they keep together. Every call is
// collective: all processes make the same calls in the same order. In a group of one they cost nothing.
#pragma once

#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "comm/communicator.h"

namespace skein {

class ProcessGroup {
 public:
  ProcessGroup();                                                  // of this process alone
  explicit ProcessGroup(std::unique_ptr<Communicator> processes);  // tests: threads that play processes
  // The group that the launcher's environment variables speak of, over TCP or MPI (see comm/launcher.h) when there are
  // several processes. BadInput where they cannot be had.
  static ProcessGroup join();

  int rank() const { return communicator_->rank(); }
  int size() const { return communicator_->size(); }
  bool is_root() const { return rank() == 0; }
  Communicator& communicator() { return *communicator_; }

  // Runs body() on every process. If one throws BadInput or RunFailed, all do, and say on which rank it was. The body
  // may be collective itself as long as what it throws before its last collective call is thrown on all ranks.
  void on_all_ranks(const std::function<void()>& body);
  // RunFailed for what all processes have found alike.
  [[noreturn]] void fail_on_all_ranks(const std::string& reason);
  // Was the exception on its way thrown on every process? Then the group can end in good order, else only by abort().
  bool failed_on_all_ranks() const { return failed_on_all_ranks_; }
  // Says on stderr which rank cannot go on and why, and ends every process: at once over MPI, over TCP this one, and
  // the others when they next wait for it. In a group of one it does nothing.
  void abort(const std::string& reason, int status) const;

  std::vector<std::string> all_gather_text(const std::string& mine);  // in rank order
  std::string broadcast_text(const std::string& mine);                // what process 0 has passed
  int64_t max(int64_t mine);

  // The processes' parts, each as long as `mine`, in rank order.
  template <class T>
  std::vector<T> all_gather(std::span<const T> mine) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> all(mine.size() * size_t(size()));
    communicator_->all_gather(bytes(const_cast<T*>(mine.data()), mine.size_bytes()),
                              bytes(all.data(), all.size() * sizeof(T)));
    return all;
  }
  template <class T>
  T broadcast(T mine) {
    return all_gather<T>(std::span<const T>(&mine, 1)).front();
  }

 private:
  static View bytes(void* data, size_t n) { return {data, DType::u8, {1, 1, 1, int64_t(n)}}; }

  std::unique_ptr<Communicator> communicator_;
  std::function<void(const Communicator&, const std::string& reason, int status)> abort_;  // with several processes
  bool failed_on_all_ranks_ = false;
};

}  // namespace skein
