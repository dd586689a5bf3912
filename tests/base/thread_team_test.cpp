#include "base/thread_team.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <condition_variable>
#include <mutex>

#include "comm/measured_ranks.h"
#include "tests/support/data_files.h"
#include "train/worker_threads.h"

namespace skein {
namespace {

// While it exists the system refuses every new thread, as it does at the limit of a container: none has room for such
// a stack.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_getattr_default_np(&huge);
    pthread_attr_setstacksize(&huge, size_t(1) << 47);
    pthread_setattr_default_np(&huge);
    pthread_attr_destroy(&huge);
  }
  ~NoMoreThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_;
};

TEST(ThreadTeam, EndsItsThreadsWhereOneCannotBeStarted) {
  std::mutex mutex;
  std::condition_variable stopped;
  bool stop = false, returned = false;
  {
    ThreadTeam team([&] {
      const std::lock_guard lock(mutex);
      stop = true;
      stopped.notify_all();
    });
    team.add("the first thread", [&] {
      std::unique_lock lock(mutex);
      stopped.wait(lock, [&] { return stop; });
      returned = true;
    });
    const NoMoreThreads limit;
    testing::expect_error<RunFailed>([&] { team.add("the second thread", [] {}); },
                                     {"the second thread cannot be started"});
    EXPECT_EQ(team.size(), 1);
  }
  EXPECT_TRUE(returned);
}

TEST(ThreadTeam, RanksAndWorkersThatCannotHaveThreadsFail) {
  const NoMoreThreads limit;
  testing::expect_error<RunFailed>([] { WorkerThreads(2, 1, [](int64_t, const std::string&) {}); },
                                   {"a worker's thread"});
  const auto never = [](Communicator&) { ADD_FAILURE() << "a rank began alone"; };
  for (const Transport transport : {Transport::threads, Transport::tcp})
    testing::expect_error<RunFailed>([&] { on_ranks(transport, 3, Queue{}, {}, never); }, {"the thread of a rank"});
}

}  // namespace
}  // namespace skein
