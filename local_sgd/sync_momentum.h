// The momentum of the local steps at a synchronisation: what happens to velocity v_k of rank k (of AdamW: to both
// moments) after the models of all K ranks have been averaged.
//
//   keep                   v_k = v_k                          each worker's own
//   reset                  v_k = 0                            AdamW counts its steps from 0 again, as its bias
//                                                             correction (kernels/adamw_step.h) is of moments from zero
//   average[:every=N]      v_k = mean over k of v_k           after the N-th, 2N-th ... averaging among all [1]. AdamW's
//                                                             number of steps is equal on all ranks, and stays
//
// Averagings within blocks and of gradients leave v_k as it is. A delayed averaging resets it at its merge; `average`
// does not go with a delay. The mean is exact: sums in rank order, in f32, whatever
// --compress makes of the models. It costs an all_reduce per vector: 4 bytes * 2(K-1)/K per parameter and two rounds,
// AdamW twice as much (Communicator::traffic() counts them).
// Source: SlowMo, arXiv 1910.00643, algorithm 1, "reset/maintain/average base optimizer buffers"; average: Yu, Jin,
// Yang, arXiv 1905.03817, algorithm 1, which averages the momentum with the model. keep is of epfml/LocalSGD-Code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "comm/communicator.h"
#include "engine/parameters.h"

namespace skein {

struct SyncMomentum {
  enum Form : uint8_t { keep, reset, average } form = keep;
  int64_t every = 1;  // N
  // number: of the averaging among all, from 1.
  bool acts(int64_t number) const { return form == reset || (form == average && number % every == 0); }
};

// "keep", "reset", "average", "average:every=4". BadInput lists them.
SyncMomentum parse_sync_momentum(std::string_view text);
std::string describe(const SyncMomentum&);  // "averaged after every 4th averaging among all"

// Collective over all ranks, after the averaging among all with this number. PeerLost as the transport throws it.
void synchronise_momentum(const SyncMomentum&, int64_t number, ParameterStore&, Communicator& ranks, Queue);

}  // namespace skein
