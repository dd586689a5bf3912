// The metrics that a run reports, per step and per epoch. They are the same on every rank, but for times.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "local_sgd/sync_schedule.h"
#include "train/evaluation/evaluation.h"
#include "train/evaluation/predictions.h"
#include "train/run_state.h"
#include "train/weights/layer_norms.h"

namespace skein {

// One averaging. Lists have an element per worker of the run, in rank order. They are empty where nothing is known:
// norms without --round-norms or where gradients are averaged, error_norm without error feedback. An element is NaN
// where the worker took no part, as in the first averaging after a resume for delta_norm.
struct RoundMetrics {
  int64_t number;               // averagings over all workers so far, this one included
  int64_t steps;                // local steps since the averaging before
  double seconds;               // of the averaging alone
  std::vector<double> compute;  // seconds of local steps since the averaging before, in this process's life
  std::vector<double> wait;     // seconds in which the worker neither computed nor averaged: it waited for data, for a
                                // step context or for other workers
  std::vector<double> distance, delta_norm, error_norm;
  double delta_cosine;  // NaN: not known
};

struct StepMetrics {
  int64_t step, epoch;               // both from 1
  double loss;                       // mean over the images of all workers
  double lr;                         // learning rate of the step
  double wait_ms;                    // longest time that a worker has waited for data
  int64_t step_in_epoch;             // from 1
  int64_t images;                    // number over all workers
  EpochTotals totals;                // sums over the epoch so far, this step included
  SyncScope sync = SyncScope::none;  // the averaging that the models get after the step
  Traffic sent;                      // traffic of worker 0 in that averaging
  double seconds = 0;                // time of the step on the host, averaging included
  int64_t round_steps = 0;           // H: local steps of the round that the step belongs to; 0: nothing averages
  bool overlaps = false;             // a delayed averaging was under way
  std::optional<RoundMetrics> round = {};
};

struct EpochMetrics {
  int64_t epoch, step;                     // done so far
  double lr;                               // learning rate of the epoch's last step
  double train_loss;                       // mean over the images, as the steps saw them
  double train_top1;                       // percent, as the steps saw it
  Score test;                              // score of the model; with several workers, of their average
  std::optional<Score> local;              // mean over the workers' own models, in epochs that --eval-local selects
  std::optional<Score> ema;                // score of the weights' average over the steps, with --ema
  double images_per_second;                // during training, without evaluation
  double seconds;                          // training and evaluation since the run began
  CommunicationTotals rounds;              // sums since the run began
  bool best;                               // test.top1 is the highest so far
  EpochTimes times = {};                   // sums over the epoch
  std::vector<Histogram> histograms = {};  // on rank 0: of the model's parameters
  std::vector<LayerNorms> layers = {};     // on rank 0
  std::shared_ptr<const Predictions> predictions = {};  // on rank 0: of the model on the test set
};

}  // namespace skein
