// What the workers say to each other. Every call is collective: all ranks make the same calls in the same order with
// views of the same size. Calls work in place and are done when they return; on one rank they send nothing.
// Sums are taken in rank order, ((x0 + x1) + x2) + ..., so the same bits come out on every rank, in every run and on
// every transport, and each rank adds up one shard only: (K-1)/K of the data travels out of a rank and back in.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "kernels/view.h"

namespace skein {

// Bytes that left this rank, and in how many rounds (a sum takes two: shards out, sums back), counted where they are
// sent. A value that every rank reads in shared memory counts as if it had been sent by the algorithm that the
// transport between machines uses.
struct Traffic {
  int64_t bytes = 0, rounds = 0;
};

// A peer is gone or did not answer: the run ends, naming the rank.
class PeerLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual void all_reduce(View data,
                          float scale = 1) = 0;  // f32: data <- scale * sum over ranks; the mean has scale 1/size()
  virtual void all_gather(View mine,
                          View all) = 0;  // any type: all (size() times mine) <- the ranks' `mine` in rank order
  virtual void all_to_all(View to, View from) = 0;  // part r of `to` goes to rank r; part r of `from` came from rank r
  virtual void broadcast(View data, int root) = 0;
  virtual void barrier() = 0;
  virtual std::unique_ptr<Communicator> split(int color) = 0;  // the ranks that pass the same color, in rank order
  virtual Traffic traffic() const = 0;                         // since the start; a split communicator counts its own
};

}  // namespace skein
