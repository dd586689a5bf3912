// Schedules of synchronisation: after which steps the workers average, and in which scope. Every algorithm of the paper
// is a value of SyncSchedule, and a run's synchronisations are a table made before it starts: a resumed run looks them
// up.
//
//   expression                         rule                                                        algorithm
//   minibatch                          after every step                                            mini-batch SGD
//   local:H=8                          every 8 steps                                               1
//   post-local:H=16[,from=E]           every step until epoch E [first drop of the rate], then     2
//                                      every 16 steps
//   reverse:H=16[,from=E]              every 16 steps until epoch E, then every step               2, mirrored
//   hierarchical:H=4,Hb=4,block=2      every 4 steps within blocks of 2 contiguous ranks, every    5
//               [,from=E]              4*4 steps among all; before epoch E every step among all
//   quadratic:H=4,alpha=0.2            every max(H, floor((alpha/rate)^2)) steps                   arXiv 2310.14423
//   ...,warmup=constant|linear|exponential[,warmup-epochs=P][,restart]
//       H over the epochs e = 1..P (default P = H) from where H begins to hold, and again after every drop of the rate
//       with `restart`:  1;  max(1, floor(e*H/P));  max(1, floor(2^(e*log2(H)/P)))
//
//   ...,delay=d[,mix=a]
//       an averaging travels while the next d local steps are taken, and is merged into the models after them
//       (local_sgd/model_averager.h). 0 <= d < H; 0, the default: no delay. It is delayed only where more than d steps follow
//       before the next one begins: not while H is 1, in a warm-up of H or a phase of every step, and not after the
//       last step. 0 < a <= 1: the models are mixed.
//
// Units: H in steps, Hb in rounds of H steps, E and P in epochs, block in ranks. All ranks average after the last step,
// whatever the schedule. epfml/LocalSGD-Code averages after steps 1, H+1, 2H+1, ...; here it is H, 2H, ..., so that the
// last model is an average.
// Source: Lin, Stich, Patel, Jaggi, "Don't Use Large Mini-Batches, Use Local SGD", arXiv 1808.07217: algorithms 1
// (local), 2 (post-local), 5 (hierarchical). The warm-up of H and the mirror are of an older branch of
// epfml/LocalSGD-Code, whose exponential warm-up ends at P.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace skein {

enum class SyncScope : uint8_t { none, block, world };

struct WarmUp {
  enum Shape : uint8_t { none, constant, linear, exponential } shape = none;
  int64_t epochs = 0;    // P
  bool restart = false;  // again after every drop of the rate
};

struct SyncSchedule {
  int64_t local_steps = 1;  // H
  int64_t block_steps = 1;  // Hb: rounds of H steps between two averagings among all
  int64_t block_size = 0;   // ranks; 0: no blocks
  double switch_epoch = 0;  // H holds from here on
  bool reversed = false;    // H holds until switch_epoch instead
  double alpha = 0;         // of the quadratic rule; 0: H does not depend on the rate
  WarmUp warm_up;           // of H
  int64_t delay = 0;        // d: local steps between the begin of an averaging and its merge
  double mix = 0;           // a; 0: the merge is corrected
};

// first_drop: the epoch at which the rate first drops, the default of `from`; infinite: never, `from` must be given.
// BadInput names the fault of the expression and lists the forms.
SyncSchedule parse_sync(std::string_view expression, double first_drop);
std::string sync_forms();  // one line per form, for --help

std::string describe(const SyncSchedule&);  // "local SGD (algorithm 1): every 8 steps"

// BadInput where the schedule does not fit the run: blocks that do not divide the workers, a switch after the end.
void check_sync(const SyncSchedule&, int64_t workers, double epochs);

// The first step, from 0, that does not begin before switch_epoch.
int64_t switch_step(const SyncSchedule&, int64_t steps_per_epoch);

struct RunLength {
  int64_t steps = 0, steps_per_epoch = 1;
  int64_t workers = 1;
  std::function<double(int64_t step)> rate;  // learning rate of a step, from 0
};

// [s]: the scope of the averaging after step s (from 0). A block of all workers is the world; a block of one averages
// nothing. A step belongs to the epoch in which it begins, s / steps_per_epoch, as for the learning rate: a switch at a
// drop of the rate falls on the first step at the lower rate. The quadratic rule fixes H at the first step of a round,
// as the code of arXiv 2310.14423 does: a drop within a round does not stretch it. It takes the highest rate from there
// on, so that the warm-up of the rate does not stretch H either.
std::vector<SyncScope> sync_table(const SyncSchedule&, const RunLength&);

// [s]: the scope of the averaging that the models get after step s: of syncs[s], or of syncs[s - delay] where that one is
// delayed. Those of the first `at_once` steps are not. syncs[s] is delayed where it is an averaging and [s] is none.
std::vector<SyncScope> merge_table(const std::vector<SyncScope>& syncs, int64_t delay, int64_t at_once = 0);

}  // namespace skein
