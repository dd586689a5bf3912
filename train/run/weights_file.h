// Weights for a model from a file that skein or PyTorch wrote. `skein train --init` and `skein import` read with it.
//
// A file of PyTorch holds a state_dict (safetensors.torch.save_file(model.state_dict(), FILE)). Names are torchvision's
// for ResNets, and those of the public CIFAR code for the other networks. Accepted as well:
//   prefixes   module. (DataParallel, AveragedModel), _orig_mod. (torch.compile), model. (Lightning), also several
//   names      linear for fc, shortcut for downsample
//   types      F32, BF16, F16 and F64; the last is rounded to f32
// Counters of PyTorch (num_batches_tracked, n_averaged) are left out.
#pragma once

#include <string>
#include <vector>

#include "engine/parameters.h"
#include "train/config/config.h"

namespace skein {

// The safetensors file that a run folder, a checkpoint or a file stands for; of a run the best checkpoint, else the
// last. BadInput where there is none.
std::string weights_file(const std::string& given);

// Sets init_digest: 16 hexadecimal digits, FNV-1a of the bytes of the file that `init` stands for. BadInput where it is
// set already and the file has another.
void set_init_digest(TrainConfig& config);

// A classifier (fc) that the file does not have, or has for another number of classes than the model's.
enum class OtherClassifier : uint8_t { refused, keeps_initial_values };

// Reads all parameters and running statistics. The store must be built. Returns sentences for the user: prefixes that
// were stripped, types that were converted, a classifier that was not taken.
// BadInput, with the store unchanged, lists every tensor that is missing, is not part of the model or has another
// shape; names two tensors of which only one can be taken; refuses values that are not finite and negative variances.
std::vector<std::string> read_weights(const std::string& file, OtherClassifier other, ParameterStore& parameters);

}  // namespace skein
