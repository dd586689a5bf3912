// A checkpoint is a folder from which the model can be used anywhere, and from which the run goes on to the bit:
//   model.safetensors      parameters and running statistics by name, with their true shapes; metadata: ModelInfo
//   optimizer.safetensors  the momentum, or AdamW's first moment, of each parameter, by the same names; of AdamW also
//                          NAME.second_moment and the number of updates; only with one worker
//   ema/                   with --ema: a checkpoint, without optimizer.safetensors, of the weights' average over steps
//   worker-R.safetensors   all tensors that belong to worker R; only with several, whose average is the model
//   progress.json          TrainState, and what the rounding depends on: convolution choices and number of threads
//   SHA256SUMS             digests of these files (train/run/checksums.h), compared whenever one is read
// A checkpoint is written into a new folder beside the older one and replaces it in one step, so one of the two is
// always complete.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "engine/parameters.h"
#include "kernels/conv.h"
#include "train/run/checksums.h"
#include "train/run_state.h"

namespace skein {

struct Checkpoint {
  std::string folder;
  ModelInfo info;
  TrainState state;
  std::vector<ConvChoice> conv_choices;  // that the run has computed with
  Checksums sums;
};

// The parts of a checkpoint.
struct CheckpointContents {
  const ModelInfo& info;
  const ParameterStore& parameters;
  const WorkerStates& workers;  // of this process
  const TrainState& state;
  const ParameterStore* ema = nullptr;  // the weights' average over the steps, with --ema
};

// Collective: every rank writes the files of its workers, rank 0 all others. RunFailed on all ranks when one cannot
// write; the older checkpoint is then untouched. The newest `keep` - 1 older ones are kept as FOLDER-1 (the one
// before), FOLDER-2 ...
void write_checkpoint(ProcessGroup& group, const std::string& folder, const CheckpointContents& contents,
                      int64_t keep = 1);

// The parts of write_checkpoint(), for threads that do the last two while the run goes on: a new place beside `folder`
// (collective); this process's files; and, on rank 0 alone when has_files_of() is true, the exchange.
void prepare_checkpoint(ProcessGroup& group, const std::string& folder);
void write_own_files(const std::string& folder, const CheckpointContents& contents, bool is_root);
bool has_files_of(const std::string& folder, int64_t workers);  // those of ranks 0 to workers - 1 are whole
void complete_checkpoint(const std::string& folder, int64_t keep);

// The same for a process of which another may have taken the place meanwhile. It writes into a new folder by the name
// `own`, which replaces the older one if `may_replace` still says true, and is removed if not: the result is false.
bool write_checkpoint_if(const std::function<bool()>& may_replace, const std::string& own, const std::string& folder,
                         const CheckpointContents& contents, int64_t keep);
bool is_unfinished(const std::string& folder);  // by its name: a checkpoint that is being written, or never was whole
// Removes what processes that were killed there have left of checkpoints beside `folder`.
void remove_unfinished(const std::string& folder);

// FOLDER-N: the N-th checkpoint before the one in `folder`.
std::string older_folder(const std::string& folder, int64_t n);

std::string ema_folder(const std::string& checkpoint);  // checkpoint/ema

// BadInput if the place for a checkpoint has anything but an older one, which is kept until the new one is complete.
// True: there is an older one.
bool check_checkpoint_place(const std::string& folder);

// Not collective. BadInput names file, tensor and fix where anything is missing, cut short or belongs to another model.
Checkpoint open_checkpoint(const std::string& folder);
void load_model(const Checkpoint& checkpoint, ParameterStore& parameters);  // parameters and running statistics
// Reads the weights' average over the steps, laid out as `parameters`, into two flat vectors.
void load_ema(const Checkpoint& checkpoint, const ParameterStore& parameters, const Tensor& value,
              const Tensor& running_statistics);
void load_optimizer(const Checkpoint& checkpoint, ParameterStore& parameters);
void load_worker(const Checkpoint& checkpoint, int64_t rank, const std::vector<NamedTensor>& to);

}  // namespace skein
