// Compression to the largest numbers (kernels/top_k.h).
#include "local_sgd/block_compressor.h"

namespace skein {
namespace {

struct TopKCode {
  TopK top;
  int64_t block() const { return TopK::kBlock; }
  int64_t words() const { return top.words(); }
  void pack(Queue queue, View d, View message, View error) const {
    queue.run(kernel::top_k_pack, top, d, message, error);
  }
  void mean(Queue queue, View messages, View mean) const { queue.run(kernel::top_k_mean, top, messages, mean); }
};

}  // namespace

std::unique_ptr<Compressor> make_top_k_compressor(TopK top, CompressionOptions options,
                                                  const ParameterStore& parameters, Queue queue) {
  return std::make_unique<BlockCompressor<TopKCode>>(TopKCode{top}, options, parameters, queue);
}

}  // namespace skein
