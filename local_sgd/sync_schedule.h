// When the workers average. A policy is a pure function of progress, and a run's averagings are a table made before it
// starts, so a test can check it, a resumed run looks it up, and no state of it needs saving. parse_sync() reads
//
//   minibatch                          after every step
//   local:H=8                          every 8 steps                                             (algorithm 1)
//   post-local:H=16[,from=E]           every step for E epochs (default: until the rate first drops), then every 16 (2)
//   reverse:H=16[,from=E]              the mirror: every 16 steps for E epochs, then every step
//   hierarchical:H=4,Hb=4,block=2      every 4 steps within blocks of 2 contiguous ranks, every 4*4 among all      (5)
//               [,from=E]              every step among all for E epochs first
//   quadratic:H=4,alpha=0.2            H(t) = max(H, floor((alpha/rate)^2))                      (arXiv 2310.14423)
//   ...,warmup=constant|linear|exponential[,warmup-epochs=P][,restart]
//       H over the epochs e = 1..P (default P = H) from where H begins to hold, and again after every drop of the rate
//       with `restart`:  1;  max(1, floor(eH/P));  min(H, 2^floor(e*floor(log2 P)/P))
//
// Whatever the policy, all ranks average after the last step. Algorithms: Lin, Stich, Patel, Jaggi 2020.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace skein {

// Of the step just done. An epoch here is where the step began: (step - 1) / steps_per_epoch, as for the learning rate,
// so a policy that switches at a drop of the rate does so with the first step taken at the lower rate.
struct Progress {
  int64_t step = 0;  // from 1
  double epoch = 0;
  double rate = 0;                 // the highest of this step and all that follow: the peak during warm-up of the rate
  double epochs_since_drop = 0;    // of the rate; since the start before the first drop
  int64_t since_sync = 0;          // steps since any averaging that this rank took part in, this one included
  int64_t blocks_since_world = 0;  // averagings within the block since the last one among all
  bool last = false;               // the last step of the run
};

enum class SyncScope : uint8_t { none, block, world };

class SyncPolicy {
 public:
  virtual ~SyncPolicy() = default;
  virtual SyncScope after(const Progress&) const = 0;
  virtual int64_t block_size() const { return 0; }  // ranks of a block; 0: there are no blocks
  virtual double from() const { return 0; }         // the epoch at which the policy switches; 0: it does not
  virtual std::string describe() const = 0;         // "local SGD (algorithm 1): every 8 steps"
};

// BadInput names what is wrong with the expression and lists the forms. first_drop: the epoch at which the rate first
// drops, infinite if it never does (`from` then has no default).
std::unique_ptr<SyncPolicy> parse_sync(const std::string& expression, double first_drop);

// BadInput where the policy does not fit the run: blocks that do not divide the workers, a switch after the end.
void check_sync(const SyncPolicy&, int64_t workers, double epochs);

std::string sync_forms();  // one line per form, for --help

struct SyncRun {
  int64_t steps = 0, steps_per_epoch = 1;
  int64_t workers = 1;
  std::function<double(int64_t step)> rate;  // step from 0
};

// [s]: what follows step s (from 0). A block of all workers is the world; a block of one averages nothing.
std::vector<SyncScope> sync_table(const SyncPolicy&, const SyncRun&);

}  // namespace skein
