// Memory of training on the CPU, known before it begins. Linux grants memory that it does not have, and ends the
// process without a word when the run needs it.
#pragma once

#include "comm/process_group.h"
#include "train/run_state.h"

namespace skein {

// Bytes of one process; a lower bound. The data set, frozen parameters, scratch of kernels and what an averaging needs
// are not counted.
struct MemoryNeed {
  int64_t model = 0;                 // of a worker: parameters, gradient, moments, their bf16 copy and averages
  int64_t step = 0;                  // of a worker that computes: its batch, activations and their gradients
  int64_t workers = 1, at_once = 1;  // at_once: workers that compute at the same time
  int64_t total() const { return workers * model + at_once * step; }
};

// By a dry run of a step: nothing is computed or allocated.
MemoryNeed memory_need(const ModelInfo& info, int64_t processes);

// Collective. BadInput where the processes of a machine need more than is available there; it says what would fit.
void check_memory(ProcessGroup& group, const ModelInfo& info);

// The sentence of that error; empty where `available` bytes are enough for `processes` on the machine, of `all`.
std::string lack_of_memory(const ModelInfo& info, int64_t all, int64_t processes, int64_t available);

}  // namespace skein
