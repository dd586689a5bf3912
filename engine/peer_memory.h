// Views in the memory of several GPUs of one process, for work on the queue of one of them. A GPU reads and writes the
// memory of another directly where it can (peer access); else CUDA copies the numbers through host memory. On the
// CPU every view is within reach.
//
// Threading: one thread, whose current GPU is the queue's.
#pragma once

#include <map>

#include "engine/tensor.h"

namespace skein {

class PeerMemory {
 public:
  explicit PeerMemory(Queue queue) : queue_(queue) {}
  bool reaches(View);             // true if kernels of the queue may read and write it
  void copy(View from, View to);  // enqueues to = from; nothing where both are the same memory, or empty
  // Enqueues what makes the views readable: those that are out of reach are copied, into memory that the next call
  // overwrites.
  std::vector<View> readable(std::span<const View>);
  void finish();  // returns when no work reads such copies any more; call it before this object is destroyed

 private:
  bool is_foreign(View);

  Queue queue_;
  int own_ = -1;  // the queue's GPU; -1: not yet asked for
  std::map<int, bool> reach_;
  Tensor staged_;
};

}  // namespace skein
