// The metrics that a run reports, per step and per epoch. They are the same on every rank, but for times.
#pragma once

#include <cstdint>
#include <optional>

#include "local_sgd/sync_schedule.h"
#include "train/evaluation.h"
#include "train/run_state.h"

namespace skein {

struct StepMetrics {
  int64_t step, epoch;               // both from 1
  double loss;                       // mean over the images of all workers
  double lr;                         // learning rate of the step
  double wait_ms;                    // longest time that a worker has waited for data
  int64_t step_in_epoch;             // from 1
  int64_t images;                    // number over all workers
  EpochTotals totals;                // sums over the epoch so far, this step included
  SyncScope sync = SyncScope::none;  // the averaging after the step
  Traffic sent;                      // traffic of worker 0 in that averaging
};

struct EpochMetrics {
  int64_t epoch, step;         // done so far
  double lr;                   // learning rate of the epoch's last step
  double train_loss;           // mean over the images, as the steps saw them
  double train_top1;           // percent, as the steps saw it
  Score test;                  // score of the model; with several workers, of their average
  std::optional<Score> local;  // mean over the workers' own models, in epochs that --eval-local selects
  std::optional<Score> ema;    // score of the weights' average over the steps, with --ema
  double images_per_second;    // during training, without evaluation
  double seconds;              // training and evaluation since the run began
  CommunicationTotals rounds;  // sums since the run began
  bool best;                   // test.top1 is the highest so far
};

}  // namespace skein
