// Collective operations among the ranks of a group. Every call is collective: all ranks make the same calls in the same
// order, with views of the same size and type. Calls work in place and are done when they return. On one rank they send
// nothing.
//
//   all_reduce    data <- scale * (((x_0 + x_1) + x_2) + ...)                 f32; x_r is rank r's data
//   all_gather    all <- mine_0, mine_1, ...                                  any type; all is size() times mine
//   all_to_all    part s of rank r's received <- part r of rank s's sent      any type; size() parts of one length
//
// Bit order: sums are taken in rank order, so the same bits come out on every rank, in every run and on every
// transport.
// Threading: one thread at a time calls a communicator and those split from it.
// Errors: PeerLost where a rank is gone or does not answer; CHECK fails where the arguments do not fit.
// Traffic is that of the ideal algorithm (comm/shards.h), the same on every transport; barrier() and split() are not
// counted.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/device/queue.h"

namespace skein {

// Bytes that left this rank, and the rounds in which they did: all_reduce takes two (shards out, sums back), the other
// calls one. Ranks that share memory count what they would have sent.
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
  Communicator(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  Device device() const { return queue_.device; }  // the memory of the views: this device's, or the host's
  Traffic traffic() const { return traffic_; }     // since the start; a split communicator counts its own

  void all_reduce(View data, float scale = 1);  // the mean has scale 1/size()
  void all_gather(View mine, View all);
  void all_to_all(View sent, View received);
  void barrier();
  std::unique_ptr<Communicator> split(int color);  // the ranks that pass the same color, in rank order

  // data <- x_0 + x_1 + ... by the transport's own library, in an order of its choice: for measurements beside
  // all_reduce, not for training. Returns the name of the library's call. Null where the transport is skein's own; data
  // is unchanged then. Not counted.
  virtual const char* library_all_reduce(View) { return nullptr; }

 protected:
  // queue: where the transport copies and adds.
  Communicator(int rank, int size, Queue queue) : rank_(rank), size_(size), queue_(queue) {}

  // The transport's part: the arguments are checked, and the caller counts.
  virtual void do_all_reduce(View data, float scale) = 0;
  virtual void do_all_gather(View mine, View all) = 0;
  virtual void do_all_to_all(View sent, View received) = 0;
  virtual void do_barrier() = 0;
  virtual std::unique_ptr<Communicator> do_split(int color) = 0;

  const Queue& queue() const { return queue_; }
  void copy(View from, View to) const;  // nothing where both are the same memory, or empty
  // For transports whose library does not tell which ranks a split has: the colors in rank order.
  std::vector<int32_t> gather_colors(int32_t color);
  // body(r) for every rank r but this one. Each rank starts with its right neighbour, so that the first messages go to
  // different ranks.
  template <class Body>
  void for_other_ranks(Body&& body) const {
    for (int step = 1; step < size_; ++step) body((rank_ + step) % size_);
  }

 private:
  void count(int64_t bytes, int64_t rounds);

  const int rank_, size_;
  const Queue queue_;
  Traffic traffic_;
};

}  // namespace skein
