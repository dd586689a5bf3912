// Memory of one training step: activations, saved values and gradients, all forgotten together by reset(). What is
// given back within the step is handed out again: a piece of the same size, last in first out, while it is still in the
// cache; failing that a part of a larger one, which neighbours may make up together. The same sequence of requests gets
// the same addresses, which is what makes a captured step replayable.
#pragma once

#include "engine/tensor.h"

namespace skein {

class Arena {
 public:
  // none: addresses with nothing behind them, for a step that is planned and not run (Queue::observer).
  enum class Backing : bool { none, memory };
  explicit Arena(Device device, Backing backing = Backing::memory) : device_(device), backing_(backing) {}

  Tensor take(DType, Shape);
  void release(const Tensor&);  // a tensor of take() that nothing reads any more
  void reset();

  // Pieces are numbered as they are taken. Gives back those of [from, to) that have not been, all but `kept`.
  int64_t taken() const { return taken_; }
  void release(int64_t from, int64_t to, const Tensor& kept = {});

  size_t in_use() const { return in_use_; }  // bytes
  size_t peak() const { return peak_; }      // of in_use()
  size_t reserved() const;                   // bytes that the device was asked for
  Device device() const { return device_; }

 private:
  struct Piece {
    char* data;
    size_t bytes, chunk;
    int64_t number;  // in the order of take(), or of release() once it is free
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
  std::vector<Piece> out_, free_;  // by number
};

}  // namespace skein
