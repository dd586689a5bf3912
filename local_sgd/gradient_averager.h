// Mini-batch SGD averages gradients before the step instead of models after it:   g_k = mean over k of g_k
//
// Overlapped, the flat gradient is cut into buckets of whole parameters, and each leaves while the backward pass still
// computes the others, on a thread of its own: the transport is its caller's again after finish(). Sums are in rank
// order element by element, so the bits do not depend on the buckets, nor on whether there are any.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "comm/communicator.h"
#include "engine/parameters.h"

namespace skein {

class GradientAverager {
 public:
  // bucket_bytes: of the smallest bucket; 0: no overlap, finish() sums everything at once. The ranks' models must be
  // alike. On one rank nothing ever happens.
  GradientAverager(ParameterStore&, Communicator&, int64_t bucket_bytes);
  ~GradientAverager();
  GradientAverager(const GradientAverager&) = delete;

  bool overlaps() const { return !buckets_.empty(); }
  // The parameter's gradient of this step is final: what Tape::on_grad_ready is for. All ranks in the same order.
  void ready(const Variable& parameter);
  // When the backward pass is done: returns when all gradients are the mean. Throws what the transport has thrown.
  void finish();

 private:
  struct Bucket {
    int64_t begin, end;  // of the flat gradient
    int64_t parameters;  // in it
    int64_t missing;     // of these, in this step
  };
  void cut(int64_t bucket_bytes);
  void send(size_t bucket);
  void communicate();  // body of the thread

  ParameterStore& parameters_;
  Communicator& ranks_;
  std::vector<Bucket> buckets_;  // by begin

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<size_t> sent_;  // buckets of this step in the order they became ready; guarded by mutex_, as what follows
  size_t done_ = 0;           // of these
  bool stop_ = false;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace skein
