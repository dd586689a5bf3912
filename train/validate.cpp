#include "train/validate.h"

#include <fmt/ranges.h>

#include "base/check.h"
#include "local_sgd/compressor.h"
#include "local_sgd/network_model.h"
#include "local_sgd/sync_schedule.h"
#include "models/model.h"
#include "train/averaged_model.h"
#include "train/machine.h"

namespace skein {
namespace {

void check_values(const TrainConfig& config) {
  TrainConfig copy = config;
  for (const Option& option : config_options(copy)) check(option, option.flag());
}

void check_processes(const TrainConfig& c, int64_t processes) {
  if (c.workers % processes != 0 || (processes > 1 && c.workers != processes))
    throw BadInput("--workers {}: {} processes were started together, and each is one worker", c.workers, processes);
}

// Makes the model without memory for its parameters; classes and channels do not matter here.
void check_model(const TrainConfig& c) {
  ParameterStore unbuilt;
  ModelOptions options;
  options.shortcut = letter_of(c.shortcut);
  options.dropout = float(c.dropout);
  make_model(c.model, options, unbuilt);
}

void check_averaged_gradients(const TrainConfig& c) {
  if (parse_compression(c.compress).form != Compression::none || has_outer_step(c))
    throw BadInput(
        "--average gradients: gradients travel as f32 and without outer momentum. Leave out --compress and "
        "--outer-..., or give --average models");
  if (c.noise > 0)
    throw BadInput(
        "--average gradients: --noise is added to each worker's own gradient. Leave it out, or give --average models");
}

void check_drops(const TrainConfig& c) {
  if (!c.drops.empty() && !c.drop_epochs.empty())
    throw BadInput("--drops and --drop-epochs: both say when the rate drops; give one of them");
  for (const double epoch : c.drop_epochs)
    if (epoch >= double(c.epochs))
      throw BadInput("--drop-epochs: {} is not before the end of the run of {} epochs; give earlier epochs", epoch,
                     c.epochs);
}

void check_outer_step(const TrainConfig& c, const SyncSchedule& schedule) {
  if (!has_outer_step(c) && c.outer_form != OuterForm::diloco)
    throw BadInput("--outer-form {}: there is no outer step; give --outer-momentum or --outer-rate, or leave it out",
                   to_string(c.outer_form));
  if (c.outer_from != OuterFrom::switch_point) return;
  if (!has_outer_step(c))
    throw BadInput(
        "--outer-from switch: there is no outer step; give --outer-momentum or --outer-rate, or leave it out");
  if (schedule.switch_epoch == 0)
    throw BadInput(
        "--outer-from switch: --sync {} has no switch; give post-local:H=..., or hierarchical or reverse with "
        "from=EPOCH, or --outer-from start",
        c.sync);
}

void check_local_sgd(const TrainConfig& c) {
  parse_bn_statistics(c.bn_stats);
  parse_compression(c.compress);
  if (!c.net.empty()) parse_network(fmt::format("{}", fmt::join(c.net, ";")));
  const SyncSchedule schedule = parse_sync(c.sync, first_drop(c));
  check_sync(schedule, c.workers, double(c.epochs));
  check_outer_step(c, schedule);
  if (c.average == Averaging::gradients) check_averaged_gradients(c);
}

}  // namespace

void validate(const TrainConfig& config, int64_t processes) {
  check_values(config);
  check_processes(config, processes);
  check_device(config.device, config.dtype);
  check_conv(device_of(config.device), config.conv);
  check_model(config);
  check_drops(config);
  check_local_sgd(config);
}

}  // namespace skein
