// Compression to bf16: shards of the differences go to their owners, the rounded means come back.
#include "kernels/cast.h"
#include "kernels/device/runtime.h"
#include "kernels/vector.h"
#include "local_sgd/compressor.h"

namespace skein {
namespace {

class Bf16Compressor : public Compressor {
 public:
  Bf16Compressor(int64_t size, Queue queue) : queue_(queue), delta_(Tensor::empty(queue.device, DType::f32, {size})) {}

  View mean(View consensus, View value, Communicator& ranks, const SignTies&) override {
    prepare(ranks.size());
    queue_.run(kernel::sub, consensus, value, delta_);
    const Tensor rounded = to_.slice(0, delta_.shape());
    queue_.run(kernel::cast, delta_, rounded);
    ranks.all_to_all(to_, from_);
    queue_.run(kernel::mean_bf16, 1.0f / float(ranks.size()), from_, shard_);
    ranks.all_gather(shard_, to_);
    queue_.run(kernel::cast, rounded, delta_);
    return delta_;
  }

 private:
  void prepare(int64_t ranks) {
    if (to_.defined() && from_.shape()[2] == ranks) return;
    const int64_t shard = (delta_.numel() + ranks - 1) / ranks;
    to_ = Tensor::zeros(queue_.device, DType::bf16, {ranks, shard});  // stays zero behind the last number
    from_ = Tensor::empty(queue_.device, DType::bf16, {ranks, shard});
    shard_ = Tensor::empty(queue_.device, DType::bf16, {shard});
  }

  Queue queue_;
  Tensor delta_, to_, from_, shard_;
};

}  // namespace

std::unique_ptr<Compressor> make_bf16_compressor(const ParameterStore& parameters, Queue queue) {
  return std::make_unique<Bf16Compressor>(parameters.value.numel(), queue);
}

}  // namespace skein
