// What travels to approximate the mean over K ranks of consensus - value. Bits that a rank receives per number; beside
// signs also one f32 scale per parameter tensor from every other rank:
//
//                                first half                     second half                            chosen for
//   bf16                         exchange of shards 16 (K-1)/K  gather of the means 16 (K-1)/K, bf16   all K
//   sign, ef-sign                gather of all signs K-1        nothing                                K <= 33
//                                exchange of shards (K-1)/K     gather of the means 32 (K-1)/K, f32    K > 33
//   sign, ef-sign:mean-of-means  gather of all signs K-1        nothing                                K <= 4
//                                exchange of shards (K-1)/K     gather of counts ceil(log2(K+1)) (K-1)/K    K > 4
//   ef-sign:two-way              exchange of shards (K-1)/K     gather of the means' signs (K-1)/K     all K
//
// Where there are two ways both give the same bits: sums are in rank order wherever they are taken. The mean of what
// was sent is exact but for bf16, which rounds it again, and two-way (an extension, as in 1-bit Adam), which compresses
// it again, with a scale per tensor and shard and an error memory at the shard's owner. f32 receives 64 (K-1)/K.
#pragma once

#include "local_sgd/model_averager.h"

namespace skein {

enum class Route : uint8_t { cheapest, gather, exchange };

struct SignOptions {
  bool memory = false;  // error feedback, algorithm 4
  bool mean_of_means = false;
  Route route = Route::cheapest;
  bool two_way = false;
};

// A --compress that has been parsed.
struct Compression {
  enum Form : uint8_t { none, bf16, sign } form = none;
  SignOptions options = {};  // of `sign`
};
Compression parse_compression(const std::string& name);  // BadInput lists the names

std::unique_ptr<Compressor> make_sign_compressor(SignOptions, const ParameterStore&, Queue);
std::unique_ptr<Compressor> make_bf16_compressor(const ParameterStore&, Queue);

}  // namespace skein
