// The features of one dense block (Huang et al. 2017, section 3): layers append channels and read a prefix of them.
// Formulas: kernels/dense_block.h.
//
// Concatenation copies nothing, forwards or backwards: the block has one buffer of values and, during backward(), one
// buffer of gradients. The normalised input of a layer is scratch memory and is computed again for its gradient, so
// memory grows with the number of channels and not with its square.
//
// DenseFeatures is an object beside the tape and not a Variable. The readers of the buffer add to its gradient in
// place, whereas the gradient of a Variable is overwritten by kernels and added to by the tape only.
#pragma once

#include "engine/ops.h"
#include "kernels/dense_block.h"

namespace skein {

class DenseFeatures {
 public:
  // Parameters of the batch norm of one layer that reads the features.
  struct Reader {
    Var gamma, beta;
    RunningStatistics state;
  };

  // A block of `channels` channels when it is full. The first ones are the block's input.
  DenseFeatures(const Var& input, int64_t channels);

  void append(const Var& x);                      // copies x into the buffer and releases it
  int64_t channels() const { return channels_; }  // appended so far; a copy of this object keeps its own number
  Tape& tape() const;

  // conv(relu(batch_norm(features))), and relu(batch_norm(features)) alone, whose result is kept. The last call on a
  // block must come after the block is full.
  Var norm_relu_conv(const Reader&, const Var& w, ConvGeometry) const;
  Var norm_relu(const Reader&) const;

 private:
  struct Block;
  std::shared_ptr<Block> block_;
  int64_t channels_ = 0;
};

}  // namespace skein
