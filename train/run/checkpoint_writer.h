// Checkpoints that a thread of each process writes while the run goes on (--checkpoint-async). On the CPU the thread also
// copies what it writes, while the next step computes its gradients: the run waits for it where parameters change next,
// so for nothing if a forward and backward pass takes longer than the copy. The threads call no process group: rank 0's
// looks for the files of the other ranks, and completes the checkpoint when they are whole. The run's threads wait for
// that only after a barrier behind the files of all ranks: one that is lost is found there.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/stopwatch.h"
#include "base/thread_team.h"
#include "train/run/checkpoint.h"

namespace skein {

class CheckpointWriter {
 public:
  struct Place {
    std::string folder;
    int64_t keep;  // as of write_checkpoint()
  };

  // Both must outlive the writer.
  CheckpointWriter(ProcessGroup& group, const ModelInfo& info);
  ~CheckpointWriter();  // waits for the files that this process is writing, and 2 s for those of others

  // Begins to write a checkpoint to all places, in this order; waits for the one before. Collective. Nothing of
  // `contents` may change until copied() has returned, but for running statistics, which are copied here. RunFailed
  // where the one before could not be written.
  void start(const CheckpointContents& contents, std::vector<Place> places);
  void copied();  // returns when all is copied; any thread
  void finish();  // returns when all is on the disk. Collective. RunFailed where it could not be written
  void check();   // RunFailed where a checkpoint could not be written; does not wait

  // When the run has failed: of the last checkpoint on the disk, 0 if there is none. Waits as the destructor does.
  int64_t written_step();

 private:
  struct Copy {
    Tensor from, to;
  };
  Tensor copy_of(const Tensor& tensor, bool at_once);
  void copy_parameters(const ParameterStore& from, bool with_optimizer, std::optional<ParameterStore>& to);
  void work();
  bool write();
  bool wait_for_other_ranks(const std::string& folder);
  void wait_until(bool idle);
  void abandon();

  ProcessGroup& group_;
  const ModelInfo& info_;
  std::map<const void*, Tensor> buffers_;  // by the address of what is copied: they are used again
  // Contents of the checkpoint. The run's thread sets them in stage idle, the writer's reads them in the others.
  std::vector<Copy> to_copy_;
  std::optional<ParameterStore> parameters_, ema_;
  WorkerStates workers_;
  TrainState state_;
  std::vector<Place> places_;

  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  enum class Stage : uint8_t { idle, copying, writing, completing } stage_ = Stage::idle;
  std::exception_ptr error_;
  int64_t written_step_ = 0;
  bool stop_ = false;
  std::optional<Clock::time_point> abandoned_;  // when nobody waits for the files of other ranks any more
  ThreadTeam thread_{[this] {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }};
};

}  // namespace skein
