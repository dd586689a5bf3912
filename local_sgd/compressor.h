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
//
// Two routes, where there are two, give the same bits: sums are in rank order on either. The mean of the signs sent is
// exact up to rounding in f32. Numbers are f32 in the layout of the ParameterStore's flat vector.
// Source: Lin, Stich, Patel, Jaggi, "Don't Use Large Mini-Batches, Use Local SGD", arXiv 1808.07217, algorithms 3, 4.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "comm/communicator.h"
#include "engine/parameters.h"
#include "kernels/sign.h"
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

enum class Route : uint8_t { cheapest, gather, exchange };

struct SignOptions {
  bool error_feedback = false;  // algorithm 4
  bool mean_of_means = false;
  Route route = Route::cheapest;
  bool two_way = false;
};

struct Compression {
  enum Form : uint8_t { none, bf16, sign } form = none;
  SignOptions options{};  // of sign
};

// "none", "bf16", "sign", "ef-sign", "sign:mean-of-means", "ef-sign:mean-of-means", "ef-sign:two-way". BadInput lists
// them.
Compression parse_compression(std::string_view text);

// Null for none: f32 travels.
std::unique_ptr<Compressor> make_compressor(const Compression&, const ParameterStore&, Queue);
std::unique_ptr<Compressor> make_sign_compressor(SignOptions, const ParameterStore&, Queue);
std::unique_ptr<Compressor> make_bf16_compressor(const ParameterStore&, Queue);

}  // namespace skein
