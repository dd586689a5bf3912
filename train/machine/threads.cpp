#include "train/machine/threads.h"

#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "train/machine/machine.h"

namespace skein {
namespace {

// The cores that a process may run on: launchers bind processes to some, or leave them all.
struct CpuAffinity {
  char machine[64];
  cpu_set_t cores;
};

CpuAffinity own_affinity() {
  CpuAffinity own{};
  gethostname(own.machine, sizeof own.machine - 1);
  if (sched_getaffinity(0, sizeof own.cores, &own.cores) != 0) CPU_SET(0, &own.cores);
  return own;
}

bool share_cores(const CpuAffinity& a, const CpuAffinity& b) {
  cpu_set_t both;
  CPU_AND(&both, &a.cores, &b.cores);
  return std::string_view(a.machine) == b.machine && CPU_COUNT(&both) > 0;
}

// Threads per process: the smallest number of all ranks, so that the bits do not depend on how cores are assigned.
int64_t fair_share(ProcessGroup& group) {
  const CpuAffinity mine = own_affinity();
  const std::vector<CpuAffinity> all = group.all_gather<CpuAffinity>(std::span(&mine, 1));
  const auto sharers =
      std::count_if(all.begin(), all.end(), [&](const CpuAffinity& s) { return share_cores(s, mine); });
  int64_t threads = std::max<int64_t>(1, CPU_COUNT(&mine.cores) / sharers);
  if (std::getenv("OMP_NUM_THREADS")) threads = omp_get_max_threads();
  return -group.max(-threads);
}

}  // namespace

int64_t workers_of_process(const TrainConfig& c, int64_t processes) { return c.workers / processes; }

int64_t parallel_workers(const TrainConfig& c, int64_t processes) {
  const int64_t by_device = device_of(c.device) == Device::cuda ? 1 : omp_get_max_threads();
  const int64_t most = c.parallel > 0 ? c.parallel : by_device;
  return std::min(workers_of_process(c, processes), most);
}

int64_t threads_per_worker(const TrainConfig& c, int64_t processes) {
  return std::max<int64_t>(1, omp_get_max_threads() / parallel_workers(c, processes));
}

void set_up_threads(ProcessGroup& group, const TrainConfig& config, int64_t each) {
  const int64_t share = group.size() > 1 ? fair_share(group) : 0;
  use_threads(config.threads > 0 ? config.threads : share);
  if (config.threads > 0 || each == 0) return;
  const int64_t most = config.parallel > 0 ? config.parallel : std::max<int64_t>(1, omp_get_max_threads() / each);
  use_threads(each * std::min(workers_of_process(config, group.size()), most));
}

}  // namespace skein
