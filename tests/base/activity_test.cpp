// What SIGQUIT prints of the threads of a process.
#include "base/activity.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/trace.h"

namespace skein {
namespace {

TEST(Activity, SigquitPrintsEveryThreadAndGoesOn) {
  activity::print_at_sigquit();
  activity::set_step(12);
  ::testing::internal::CaptureStderr();
  std::thread([] {
    trace::name_thread(3, "worker");
    const Span evaluation("evaluation");
    { const Span inner("forward"); }
    const activity::Call call("all_reduce", 4000);
    raise(SIGQUIT);
  }).join();
  raise(SIGQUIT);
  const std::string said = ::testing::internal::GetCapturedStderr();
  signal(SIGQUIT, SIG_DFL);
  activity::set_step(0);
  EXPECT_NE(said.find("rank 3, worker thread, step 12: evaluation for 0.0 s; in all_reduce of 4000 bytes for 0.0 s\n"),
            std::string::npos)
      << said;
  EXPECT_EQ(said.find("worker thread"), said.rfind("worker thread")) << "the thread has ended\n" << said;
}

}  // namespace
}  // namespace skein
