// The workers of this process, with the threads they run on, the memory they compute in and the communicators they
// average over. A run has K workers: every process has as many of them, on its CPU or spread over its GPUs
// (train/machine/gpus.h).
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "comm/worker_communicators.h"
#include "train/worker.h"
#include "train/worker_threads.h"

namespace skein {

class WorkerPool {
 public:
  // Makes the workers, not yet connected. The calling thread's current GPU is then the first of the process's.
  // Collective. BadInput where the data does not fit `start`. `info` must outlive the pool.
  WorkerPool(ProcessGroup& group, const ModelInfo& info, const Dataset& train, const TrainState& start);
  ~WorkerPool();

  // Connects the workers of a run with several to each other. Collective.
  void connect(const AveragingOptions& averaging);
  // Runs body(worker) for every worker of this process, each on its own thread, and returns when all are done. Rethrows
  // the first exception. The body may be collective among the workers of the run.
  void run(const std::function<void(Worker&)>& body);

  // body(worker) for one after the other, on the calling thread with the worker's GPU current. Not collective.
  void for_each(const std::function<void(Worker&)>& body);

  // Returns when no averaging is under way: between processes before each call of the process group, and before
  // states().
  void settle() {
    run([](Worker& w) { w.settle(); });
  }

  int64_t run_size() const { return run_size_; }              // workers of the run
  int64_t size() const { return int64_t(workers_.size()); }   // workers of this process
  Worker& worker(int64_t i) { return *workers_[size_t(i)]; }  // i-th worker of this process, from 0
  std::vector<ParameterStore*> parameters();                  // models of this process's workers, in rank order
  WorkerStates states();                                      // for a checkpoint; settles

  void start_kernel_spans() { contexts_.start_kernel_spans(); }
  // Returns the number of kernels for which there was no room.
  int64_t record_kernel_spans() { return contexts_.record_kernel_spans(worker(0).rank()); }

  Device device() const { return contexts_.queue(workers_.front()->rank()).device; }
  void synchronize() const { contexts_.synchronize(); }  // waits for the device work of all workers
  // For evaluation, while no worker computes: worker 0's, or the one of the i-th worker of this process.
  StepContext& context_between_steps() { return contexts_.first(); }
  StepContext& context_of(int64_t i) { return contexts_.of(worker(i).rank()); }
  const std::vector<int>& gpus() const { return contexts_.gpus(); }  // of this process; none on the CPU
  int64_t lanes() const { return contexts_.count(); }                // workers that compute at the same time

 private:
  const int64_t run_size_;
  const bool averages_;
  StepContextPool contexts_;
  std::vector<std::unique_ptr<Worker>> workers_;
  WorkerCommunicators communicators_;
  WorkerThreads threads_;
};

}  // namespace skein
