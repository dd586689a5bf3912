// The features of one dense block: what its layers append to and read a prefix of. Formulas: kernels/dense_block.h.
// There is no concatenation to pay for, forwards or backwards: one buffer of values and, while the tape unwinds, one of
// gradients. What a layer normalises is scratch, computed again when its gradient is due, so memory grows with the
// number of channels and not with its square. It is an object beside the tape and no Variable, because a Variable's
// gradient is written by whoever is first and added to by the tape; here the readers add in place.
#pragma once

#include "engine/ops.h"
#include "kernels/dense_block.h"

namespace skein {

class DenseFeatures {
 public:
  // The batch norm of one reader.
  struct Reader {
    Var gamma, beta;
    BatchNormState state;
  };

  // The block's input is its first features; `channels` of them when it is full.
  DenseFeatures(const Var& input, int64_t channels);

  void append(const Var& x);                      // the last use of x: its memory is free for the next layer
  int64_t channels() const { return channels_; }  // so far; a copy keeps to those it was made with
  Tape& tape() const;

  // conv(relu(batch_norm(features))), and the part of it that is no convolution, which is kept. Whatever is called last
  // must find the block full.
  Var norm_relu_conv(const Reader&, const Var& w, ConvGeometry) const;
  Var norm_relu(const Reader&) const;

 private:
  struct Block;
  std::shared_ptr<Block> block_;
  int64_t channels_ = 0;
};

}  // namespace skein
