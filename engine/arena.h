// Memory of one training step: activations, saved values and gradients, all freed together by reset(). Memory that is
// released within the step is reused: first the piece of the same size that was released last, as it is likely to be in
// the cache; else the smallest larger piece, after adjacent free pieces are joined; else new memory. The same sequence
// of requests gets the same addresses in every step, so a captured step can be replayed.
#pragma once

#include "engine/tensor.h"

namespace skein {

class Arena {
 public:
  // none: addresses without memory, for a dry run (Queue::observer).
  enum class Backing : bool { none, memory };
  explicit Arena(Device device, Backing backing = Backing::memory) : device_(device), backing_(backing) {}

  Tensor take(DType, Shape);
  void release(const Tensor&);  // a tensor of take() that no later work reads
  void reset();

  // Tensors are numbered in the order of take(). Releases those numbered [from, to) that are not released yet, except
  // `kept`.
  int64_t taken() const { return taken_; }
  void release(int64_t from, int64_t to, const Tensor& kept = {});

  size_t peak() const { return peak_; }  // largest number of bytes that were taken and not released at one time
  size_t reserved() const;               // bytes allocated on the device; larger than peak() by fragmentation
  Device device() const { return device_; }

 private:
  struct Piece {
    char* data;
    size_t bytes, chunk;
    int64_t number;  // in the order of take(); in the order of release() once it is free
  };
  Piece bump(size_t bytes);
  bool reuse(size_t bytes, Piece& piece);
  void join_free();
  void release(std::vector<Piece>::iterator out);

  Device device_;
  Backing backing_;
  std::vector<Tensor> chunks_;
  size_t chunk_ = 0, offset_ = 0, in_use_ = 0, peak_ = 0;
  int64_t taken_ = 0, returned_ = 0;
  std::vector<Piece> out_, free_;  // taken and released pieces, in ascending order of their numbers
};

}  // namespace skein
