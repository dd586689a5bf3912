// A timeline of some training steps as a file, for ui.perfetto.dev, chrome://tracing and vizviewer: Chrome's trace
// event format (JSON object form; "Trace Event Format", section "Event Descriptions"), compressed by gzip.
//
//   process   a rank
//   thread    a thread of the host (main or worker, loader, decoder) or a stream of a GPU
//   spans     data, forward, backward, step, averaging, evaluation, checkpoint; batch and image of loaders; kernels
//             within, with layer, bytes, flops, GB/s and TFLOP/s
//   counters  loss, bytes sent by an averaging, batches ready
//   arrows    from each rank's beginning of an averaging to the next rank's end of it
//
// Steps of the run count from 1, and both ends are included. What follows the last step, such as an evaluation, belongs
// to it. All ranks write one file, rank 0's. Times count from the beginning, in microseconds; clocks of other machines
// are aligned there (ClockAlignment).
#pragma once

#include <string>

#include "comm/process_group.h"
#include "train/run/train_call.h"

namespace skein {

class Trainer;

// The flags --trace and --trace-steps. BadInput for steps that are no range, and for steps without a file.
TraceCall trace_call(const std::string& file, const std::string& steps);
// On rank 0, before the run. BadInput where the file exists, cannot be made or is not named .json.gz.
void check_trace(const TraceCall& call);

// The differences of the ranks' clocks, in nanoseconds. Cristian, "Probabilistic clock synchronization", 1989: if a
// message goes both ways, the difference is bounded by the times at its ends. Here the message is a gather of all
// ranks: every rank enters it before any leaves, so
//
//   enter[r] - leave[0]  <=  clock of r - clock of 0  <=  leave[r] - enter[0]
//
// and several gathers narrow this down. Taken is 0 where it is possible, as on one machine, else the middle.
struct ClockAlignment {
  int64_t offset = 0;  // of this rank's clock: subtract it to get rank 0's time
  int64_t error = 0;   // at most
};
ClockAlignment align_clocks(ProcessGroup& group);  // collective

class TraceFile {
 public:
  // BadInput where the run has no such steps. last_step: the run stops after it. Without a file, nothing has an effect.
  TraceFile(ProcessGroup& group, Trainer& trainer, const TraceCall& call, int64_t last_step);

  void before_step(int64_t step);  // begins and ends the recording; collective
  void finish();                   // at the end of a run that ends within the steps, or before them; collective
  // By rank 0: prints what was written. RunFailed on all ranks where the file could not be.
  void report_outcome();

 private:
  void begin();

  ProcessGroup& group_;
  Trainer& trainer_;
  const TraceCall call_;
  ClockAlignment clock_;
  int64_t begin_ = 0;  // rank 0's time
  bool recording_ = false, written_ = false;
  std::string outcome_, failure_;
};

}  // namespace skein
