// Compression by blocks of the flat vector, not of tensors. Forms and collectives: local_sgd/compressor.h. A Code has
//
//   int64_t block() const                             numbers of a block
//   int64_t words() const                             of its row in a message: all rows are equal
//   void pack(Queue, View d, View message, View error) const
//   void mean(Queue, View messages, View mean) const  over the ranks, one row of messages each, in rank order
//
// Shards are whole blocks, so a message is a row of shards as it is, with empty rows behind the last block.
#pragma once

#include <algorithm>

#include "kernels/device/runtime.h"
#include "kernels/vector.h"
#include "local_sgd/compressor.h"

namespace skein {

template <class Code>
class BlockCompressor : public Compressor {
 public:
  BlockCompressor(Code code, CompressionOptions options, const ParameterStore& parameters, Queue queue)
      : code_(code), options_(options), queue_(queue), size_(parameters.value.numel()) {
    delta_ = floats(size_);
    if (options.error_feedback) memory_ = floats(size_);
    if (options.error_feedback && options.two_way) owner_memory_ = floats(size_);
  }

  View mean(View consensus, View value, Communicator& ranks, const SignTies&) override {
    prepare(ranks);
    queue_.run(kernel::sub, consensus, value, delta_);
    pack(delta_, memory_, message_);
    const Tensor mean = mean_.slice(0, {size_});
    if (exchanges_) {
      exchange(ranks);
    } else {
      ranks.all_gather(message_, received_);
      code_.mean(queue_, received_, mean);
    }
    return mean;
  }

  std::vector<NamedTensor> state() override {
    std::vector<NamedTensor> all;
    if (memory_.defined()) all.push_back({"error", memory_});
    if (owner_memory_.defined()) all.push_back({"owner_error", owner_memory_});
    return all;
  }

 private:
  Tensor floats(int64_t n) const { return Tensor::zeros(queue_.device, DType::f32, {n}); }
  Tensor ints(Shape s) const { return Tensor::zeros(queue_.device, DType::i32, s); }

  void prepare(const Communicator& ranks) {
    const int64_t size = ranks.size();
    if (mean_.defined() && received_.shape()[2] == size) return;
    const int64_t blocks = (size_ + code_.block() - 1) / code_.block(), of_shard = (blocks + size - 1) / size;
    const bool cheaper = (size - 1) * code_.words() > code_.block();  // f32 comes back
    exchanges_ = options_.two_way || options_.collective == Collective::all_to_all ||
                 (options_.collective == Collective::cheapest && cheaper);
    shard_ = of_shard * code_.block();
    begin_ = std::min(ranks.rank() * shard_, size_), end_ = std::min(begin_ + shard_, size_);
    message_ = ints({exchanges_ ? size * of_shard * code_.words() : blocks * code_.words()});
    received_ = ints({size, exchanges_ ? of_shard * code_.words() : message_.numel()});
    mean_ = floats(exchanges_ ? size * shard_ : size_);
    shard_mean_ = exchanges_ ? floats(shard_) : Tensor();
    reply_ = options_.two_way ? ints({of_shard * code_.words()}) : Tensor();
  }

  // The message of x or, with a memory e, of e = e + x, which keeps what is not sent.
  void pack(View x, View memory, View message) {
    if (memory) queue_.run(kernel::add, memory, x, memory);
    code_.pack(queue_, memory ? memory : x, message, memory);
  }

  void exchange(Communicator& ranks) {
    ranks.all_to_all(message_, received_);
    const Tensor own = shard_mean_.slice(0, {end_ - begin_});
    if (begin_ < end_) code_.mean(queue_, received_, own);
    if (!options_.two_way) return ranks.all_gather(shard_mean_, mean_);
    if (begin_ < end_) pack(own, owner_memory_.defined() ? owner_memory_.slice(begin_, own.shape()) : Tensor(), reply_);
    ranks.all_gather(reply_, message_);
    code_.mean(queue_, message_, mean_.slice(0, {size_}));
  }

  Code code_;
  CompressionOptions options_;
  Queue queue_;
  int64_t size_;  // numbers of the flat vector
  Tensor delta_;
  Tensor memory_;        // error memory; undefined without error feedback
  Tensor owner_memory_;  // error memory of this rank's shard as its owner, zero elsewhere; undefined if one-way

  // Set at the first call, when the number of ranks is known.
  bool exchanges_ = false;
  int64_t shard_ = 0, begin_ = 0, end_ = 0;  // numbers of a shard, this rank's part of the flat vector
  Tensor message_, received_, shard_mean_, reply_, mean_;
};

}  // namespace skein
