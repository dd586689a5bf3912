// The time of communication on a simulated network. The whole model:
//
//   seconds = rounds * latency + 8 * bytes / bandwidth          latency in seconds, bandwidth in bits per second
//
// bytes are those that the busiest rank sent (Traffic: a compressed vector counts what it sent), over a full-duplex
// link of its own. In a round all pairs exchange at once, so their latencies overlap: all_gather and all_to_all are one
// round, an all_reduce of N bytes is two and sends 2(K-1)/K * N. A step lasts as long as its slowest worker. Compute
// and communication do not overlap, but for averagings that are delayed by d steps: of their time only what is longer
// than the d steps is charged, in the sum over all of them: max(0, sum of t_averaging - sum of d * t_step). An
// averaging among all pays the world's link even between two ranks of one block. Kbit is 1000 bits.
// Source: the paper (arXiv 1808.07217, hierarchical local SGD, algorithm 5) studies networks that are slow between
// blocks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "comm/communicator.h"
#include "local_sgd/sync_schedule.h"

namespace skein {

struct Link {
  double bits_per_second = 0, latency = 0;
  double seconds(int64_t bytes, int64_t rounds) const {
    return double(rounds) * latency + 8.0 * double(bytes) / bits_per_second;
  }
};

// Sent by the busiest ranks, in averagings within blocks and among all.
struct ScopeTraffic {
  Traffic block, world;
  Traffic& of(SyncScope scope) { return scope == SyncScope::world ? world : block; }
};

struct NetworkModel {
  Link block, world;
  double seconds(const ScopeTraffic& sent) const {
    return block.seconds(sent.block.bytes, sent.block.rounds) + world.seconds(sent.world.bytes, sent.world.rounds);
  }
  // Of it `delayed` travelled during steps of `overlap` seconds in all.
  double seconds(const ScopeTraffic& sent, const ScopeTraffic& delayed, double overlap) const {
    return seconds(sent) - std::min(seconds(delayed), overlap);
  }
};

// "1Gbit,200us" is both links; "block=100Gbit,5us;world=1Gbit,1ms" each its own: several --net, joined by ';'. Without
// block= the blocks have the world's link. BadInput names the fault and gives the form.
NetworkModel parse_network(const std::string& text);

// The smallest H at which communication takes at most `share` (between 0 and 1) of the time, when every H steps of
// step_seconds are followed by sync_seconds.
int64_t break_even_steps(double step_seconds, double sync_seconds, double share);

}  // namespace skein
