// Compression of what the workers send when they average: an approximation of the mean over K ranks of
// delta_k = consensus - value_k.
//
//   sign (algorithm 3)      per parameter tensor of n numbers: s_k = |delta_k|_1 / n, q_k = sign(delta_k); mean over k of s_k * q_k.
//                           The sign of a zero is a fair draw (kernels/sign.h)
//   ef-sign (algorithm 4)   with an error memory e_k: e_k = e_k + delta_k; s_k and q_k of e_k; e_k = e_k - s_k * q_k
//   ...:mean-of-means       mean(s_k) * mean(q_k), the form of epfml/LocalSGD-Code
//   ef-sign:two-way         the mean is compressed again, with a scale per tensor and shard and an error memory at the
//                           shard's owner: an extension, as in 1-bit Adam
//   bf16                    delta_k rounded to bf16, and the mean rounded again
//   q8, q4, q2              8, 4 or 2 bits per number and a scale per block of 256 numbers of the flat vector
//                           (kernels/quantise.h); ...:block=N for another size
//   topk:F                  of every block of 4096 numbers the round(4096 F) of largest magnitude (kernels/top_k.h)
//   ef-q8, ef-topk:F, ...   with an error memory e_k: e_k = e_k + delta_k; q_k of e_k; e_k = e_k - q_k
//   q8:two-way, ...         the mean is compressed again by the same rule, with ef- also with an error memory at the
//                           shard's owner
//
// Bits that a rank receives per number, as all_to_all of shards or all_gather. Signs add one f32 scale per parameter
// tensor from every other rank. Without compression it is 64 (K-1)/K.
//
//                                 first half             second half                                     chosen for
//   bf16                          shards 16 (K-1)/K      gather of the means 16 (K-1)/K, bf16            all K
//   sign, ef-sign                 gather of signs K-1    nothing                                         K <= 33
//                                 shards (K-1)/K         gather of the means 32 (K-1)/K, f32             K > 33
//   sign, ef-sign:mean-of-means   gather of signs K-1    nothing                                         K <= 4
//                                 shards (K-1)/K         gather of counts ceil(log2(K+1)) (K-1)/K        K > 4
//   ef-sign:two-way               shards (K-1)/K         gather of the means' signs (K-1)/K              all K
//   b bits by blocks              gather b (K-1)         nothing                                         K <= 1 + 32/b
//                                 shards b (K-1)/K       gather of the means 32 (K-1)/K, f32             K > 1 + 32/b
//   ...:two-way                   shards b (K-1)/K       gather of the means b (K-1)/K                   all K
//
// b, the scales and indices included: q8 8.125, q4 4.125, q2 2.125 (with blocks of N numbers 32/N instead of 0.125);
// topk:F 44 F. A shard is a whole number of blocks. Blocks do not end where tensors do.
//
// Both collectives, where there are two rows, give the same bits: sums are in rank order on either. The mean of the signs sent is
// exact up to rounding in f32. Numbers are f32 in the layout of the ParameterStore's flat vector.
// A NaN arrives: as the NaN of its tensor (signs), of its block (quantised) or as itself (bf16, topk).
// Sources: Lin, Stich, Patel, Jaggi, "Don't Use Large Mini-Batches, Use Local SGD", arXiv 1808.07217, algorithms 3, 4;
// error feedback for other compressions: Karimireddy et al., arXiv 1901.09847, and Stich et al., arXiv 1809.07599; on
// the way back too: DoubleSqueeze, arXiv 1905.05957.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "comm/communicator.h"
#include "engine/parameters.h"
#include "kernels/quantise.h"
#include "kernels/sign.h"
#include "kernels/top_k.h"
#include "local_sgd/named_tensor.h"

namespace skein {

class Compressor {
 public:
  virtual ~Compressor() = default;
  // Collective. The approximate mean over the ranks of consensus - value, the same bits on every rank and zero in the
  // padding. It lies in the compressor's memory until the next call, and may be written over until then.
  virtual View mean(View consensus, View value, Communicator& ranks, const SignTies& ties) = 0;
  virtual std::vector<NamedTensor> state() { return {}; }  // error memories, for checkpoints
};

enum class Collective : uint8_t { cheapest, all_gather, all_to_all };

struct CompressionOptions {
  bool error_feedback = false;  // algorithm 4
  bool mean_of_means = false;   // of sign
  Collective collective = Collective::cheapest;
  bool two_way = false;
};

struct Compression {
  enum Form : uint8_t { none, bf16, sign, quantised, top_k } form = none;
  CompressionOptions options{};  // not of bf16
  Quantiser quantiser{};
  TopK top{};
};

// "none", "bf16", "sign", "ef-sign", "sign:mean-of-means", "ef-sign:mean-of-means", "ef-sign:two-way"; "q8", "q4" or
// "q2", perhaps with ":block=N"; "topk:F" with a fraction F. These may begin with "ef-" and end in ":two-way".
// BadInput lists the forms or names the number that is wrong.
Compression parse_compression(std::string_view text);

// Null for none: f32 travels.
std::unique_ptr<Compressor> make_compressor(const Compression&, const ParameterStore&, Queue);
std::unique_ptr<Compressor> make_sign_compressor(CompressionOptions, const ParameterStore&, Queue);
std::unique_ptr<Compressor> make_bf16_compressor(const ParameterStore&, Queue);
std::unique_ptr<Compressor> make_quantised_compressor(Quantiser, CompressionOptions, const ParameterStore&, Queue);
std::unique_ptr<Compressor> make_top_k_compressor(TopK, CompressionOptions, const ParameterStore&, Queue);

}  // namespace skein
