// Compression to 8, 4 or 2 bits per number (kernels/quantise.h).
#include "local_sgd/block_compressor.h"

namespace skein {
namespace {

struct QuantisedCode {
  Quantiser q;
  int64_t block() const { return q.block; }
  int64_t words() const { return q.words(); }
  void pack(Queue queue, View d, View message, View error) const { queue.run(kernel::quantise, q, d, message, error); }
  void mean(Queue queue, View messages, View mean) const { queue.run(kernel::quantised_mean, q, messages, mean); }
};

}  // namespace

std::unique_ptr<Compressor> make_quantised_compressor(Quantiser quantiser, CompressionOptions options,
                                                      const ParameterStore& parameters, Queue queue) {
  return std::make_unique<BlockCompressor<QuantisedCode>>(QuantisedCode{quantiser}, options, parameters, queue);
}

}  // namespace skein
