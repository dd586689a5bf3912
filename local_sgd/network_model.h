// A cluster that one machine does not have, as a clock. The whole model:
//
//   seconds = rounds * latency + bytes / bandwidth
//
// bytes are what the busiest rank really sent (Traffic, so a compressed vector costs what it sent), over a full-duplex
// link of its own. In a round all pairs talk at once, so their latencies overlap: exchange, gather and broadcast are
// one round, a sum of N bytes is two (exchange of shards, gather of sums) and sends 2(K-1)/K * N. Compute and
// communication do not overlap, a step lasts as long as its slowest worker, and an averaging among all pays the world's
// link even where two ranks share a block. Bandwidth in bits per second (Kbit = 1000 bits), times in seconds.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "comm/communicator.h"

namespace skein {

struct Link {
  double bits_per_second = 0, latency = 0;
  double seconds(int64_t bytes, int64_t rounds) const {
    return double(rounds) * latency + 8.0 * double(bytes) / bits_per_second;
  }
};

enum class Reach : uint8_t { block, world };

struct NetworkModel {
  std::array<Link, 2> links;  // by Reach
  const Link& link(Reach reach) const { return links[size_t(reach)]; }
  // Of all that the busiest ranks sent within blocks and among all.
  double seconds(const std::array<Traffic, 2>& sent) const {
    return links[0].seconds(sent[0].bytes, sent[0].rounds) + links[1].seconds(sent[1].bytes, sent[1].rounds);
  }
};

// "1Gbit,200us" is both links; "block=100Gbit,5us;world=1Gbit,1ms" each its own: several --net, joined by ';'. Without
// block= the blocks have the world's link. BadInput says what is wrong and how it is written.
NetworkModel parse_network(const std::string& text);

// A sum of `bytes` among `workers`: what mini-batch SGD and uncompressed averaging pay each time.
double sum_seconds(const Link&, int64_t bytes, int64_t workers);

// The smallest H at which communication takes at most `share` (between 0 and 1) of the time, when every H steps of
// step_seconds are followed by sync_seconds.
int64_t break_even_steps(double step_seconds, double sync_seconds, double share);

}  // namespace skein
