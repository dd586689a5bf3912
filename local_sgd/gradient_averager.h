// Averaging of gradients, for mini-batch SGD, the paper's baseline (arXiv 1808.07217): before the step, instead of the
// models after it,
//
//   g_k = mean over k of g_k                                           flat f32 vector, sums in rank order
//
// With overlap the flat gradient is cut into buckets of whole parameters, and each bucket is sent while the backward
// pass still computes the other ones. The bits do not depend on the buckets, nor on whether there are any, as sums are
// in rank order element by element.
//
// Threading: all calls by the worker's thread; a thread of the averager's own sends the buckets, and uses the
// communicator from the first ready() of a step until finish() returns.
// Errors: finish() throws what the transport has thrown.
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
  // bucket_bytes: of the smallest bucket; 0: no overlap, finish() sums all at once. The ranks' models must have the
  // same parameters. On one rank nothing happens.
  GradientAverager(ParameterStore&, Communicator&, int64_t bucket_bytes);
  ~GradientAverager();
  GradientAverager(const GradientAverager&) = delete;

  bool overlaps() const { return !buckets_.empty(); }
  // The parameter's gradient of this step is final (Tape::on_grad_ready). The same order on all ranks.
  void ready(const Variable& parameter);
  void finish();  // after the backward pass; returns when all gradients are the mean

 private:
  struct Bucket {
    int64_t begin, end;  // of the flat gradient
    int64_t parameters;  // inside
    int64_t missing;     // those whose gradient of this step is not final yet
  };
  void cut(int64_t bucket_bytes);
  void send(size_t bucket);
  void communicate();  // body of the thread

  ParameterStore& parameters_;
  Communicator& ranks_;
  std::vector<Bucket> buckets_;  // by begin

  std::mutex mutex_;
  std::condition_variable changed_;
  // Buckets of this step in the order in which they became ready. mutex_ guards it and the members below.
  std::vector<size_t> sent_;
  size_t done_ = 0;  // number of buckets of sent_ that are averaged
  bool stop_ = false;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace skein
