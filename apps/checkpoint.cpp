#include "apps/checkpoint.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/files.h"
#include "apps/version.h"
#include "engine/safetensors.h"
#include "kernels/check.h"

namespace skein {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr const char kModelFile[] = "/model.safetensors", kMomentumFile[] = "/optimizer.safetensors",
                     kProgressFile[] = "/progress.json";

using Metadata = std::map<std::string, std::string>;

Metadata to_metadata(const ModelCard& card, const TrainState& state) {
  return {{"format", "skein-checkpoint-1"},
          {"version", version()},
          {"model", card.config.model},
          {"shortcut", card.config.shortcut},
          {"data", card.config.data},
          {"classes", json(card.classes).dump()},
          {"height", std::to_string(card.height)},
          {"width", std::to_string(card.width)},
          {"channels", std::to_string(card.channels)},
          {"mean", json(card.mean).dump()},
          {"std", json(card.std).dump()},
          {"epoch", std::to_string(state.epoch)},
          {"test_top1", fmt::format("{:.2f}", state.last_top1)},
          {"config", to_toml(card.config)}};
}

ModelCard to_card(const SafetensorsFile& file) {
  ModelCard card;
  parse_config(file.meta("config"), file.path() + " (config)", card.config);
  try {
    card.classes = json::parse(file.meta("classes")).get<std::vector<std::string>>();
    card.mean = json::parse(file.meta("mean")).get<std::vector<float>>();
    card.std = json::parse(file.meta("std")).get<std::vector<float>>();
    for (const auto& [key, to] :
         {std::pair{"height", &card.height}, {"width", &card.width}, {"channels", &card.channels}})
      *to = json::parse(file.meta(key)).get<int64_t>();
  } catch (const json::exception& e) {
    throw BadInput("{}: the metadata is damaged: {}. Take another checkpoint", file.path(), e.what());
  }
  if (card.classes.empty() || card.channels < 1 || card.channels > 4 || int64_t(card.mean.size()) != card.channels ||
      int64_t(card.std.size()) != card.channels)
    throw BadInput("{}: the metadata is damaged: {} classes, {} channels, {} means. Take another checkpoint",
                   file.path(), card.classes.size(), card.channels, card.mean.size());
  return card;
}

json to_json(const TrainState& s) {
  json plans = json::object();
  for (const cpu::ConvPlan& p : cpu::conv_plans()) plans[p.layer] = p.implementation;
  const EpochTotals& t = s.totals;
  return {{"step", s.step},
          {"epoch", s.epoch},
          {"step_in_epoch", s.step_in_epoch},
          {"totals", {{"loss", t.loss}, {"images", t.images}, {"correct", t.correct}, {"seconds", t.seconds}}},
          {"last_top1", s.last_top1},
          {"best_top1", s.best_top1},
          {"best_epoch", s.best_epoch},
          {"seconds", s.seconds},
          {"rounds",
           {{"world", s.rounds.world},
            {"block", s.rounds.block},
            {"bytes", s.rounds.bytes},
            {"compute", s.rounds.compute},
            {"network", s.rounds.network}}},
          {"threads", omp_get_max_threads()},
          {"conv_plans", plans}};
}

void from_json(const json& j, Checkpoint& c) {
  TrainState& s = c.state;
  const json& totals = j.at("totals");
  j.at("step").get_to(s.step);
  j.at("epoch").get_to(s.epoch);
  j.at("step_in_epoch").get_to(s.step_in_epoch);
  totals.at("loss").get_to(s.totals.loss);
  totals.at("images").get_to(s.totals.images);
  totals.at("correct").get_to(s.totals.correct);
  totals.at("seconds").get_to(s.totals.seconds);
  j.at("last_top1").get_to(s.last_top1);
  j.at("best_top1").get_to(s.best_top1);
  j.at("best_epoch").get_to(s.best_epoch);
  j.at("seconds").get_to(s.seconds);
  const json& rounds = j.at("rounds");
  rounds.at("world").get_to(s.rounds.world);
  rounds.at("block").get_to(s.rounds.block);
  rounds.at("bytes").get_to(s.rounds.bytes);
  rounds.at("compute").get_to(s.rounds.compute);
  rounds.at("network").get_to(s.rounds.network);
  j.at("threads").get_to(c.threads);
  for (const auto& [layer, name] : j.at("conv_plans").items()) c.conv_plans.push_back({layer, name.get<std::string>()});
}

// The slices of one flat vector, by name. On the CPU a slice can be written from where it lies.
void list_tensors(const std::vector<ParameterSpec>& specs, const std::vector<Segment>& segments, const Tensor& flat,
                  std::vector<TensorToWrite>& to) {
  for (size_t i = 0; i < specs.size(); ++i)
    to.push_back({specs[i].name, flat.slice(segments[i].begin, {segments[i].count}), specs[i].shape});
}

void load_tensors(const SafetensorsFile& file, const std::vector<ParameterSpec>& specs,
                  const std::vector<Segment>& segments, const Tensor& flat) {
  for (size_t i = 0; i < specs.size(); ++i) {
    const ParameterSpec& spec = specs[i];
    const StoredTensor* stored = file.find(spec.name);
    if (!stored)
      throw BadInput("{}: there is no tensor '{}'. This is another model's checkpoint or damaged; take another",
                     file.path(), spec.name);
    if (stored->dtype != "F32" || stored->shape != spec.shape)
      throw BadInput("{}: tensor '{}' is {} [{}], the model needs F32 [{}]. Take a checkpoint of this model",
                     file.path(), spec.name, stored->dtype, fmt::join(stored->shape, ","), fmt::join(spec.shape, ","));
    const Tensor slice = flat.slice(segments[i].begin, {segments[i].count});
    Queue{flat.device()}.run(cpu::copy_from_host, cuda::copy_from_host, stored->data, slice);
  }
}

// Every tensor of the file must have found its place.
void check_count(const SafetensorsFile& file, size_t expected) {
  if (file.names().size() != expected)
    throw BadInput("{}: {} tensors, the model has {}. This is another model's checkpoint; take one of this model",
                   file.path(), file.names().size(), expected);
}

// A model that has diverged must not replace the last good one.
void check_finite(const std::vector<TensorToWrite>& tensors) {
  for (const TensorToWrite& t : tensors) {
    const float* x = t.view.as<const float>();
    const float* bad = std::find_if_not(x, x + t.view.numel(), [](float v) { return std::isfinite(v); });
    if (bad != x + t.view.numel())
      throw RunFailed("'{}' holds {}: the run has diverged; lower --lr, or lengthen the warm-up", t.name, *bad);
  }
}

std::string worker_file(int64_t rank) { return fmt::format("/worker-{}.safetensors", rank); }

void write_files(const std::string& folder, const ModelCard& card, const ParameterStore& p, const WorkerStates& workers,
                 const TrainState& state) {
  std::vector<TensorToWrite> model, momentum;
  list_tensors(p.specs(), p.segments(), p.value, model);
  list_tensors(p.state_specs(), p.state_segments(), p.state, model);
  list_tensors(p.specs(), p.segments(), p.velocity, momentum);
  check_finite(model);
  check_finite(momentum);
  write_safetensors(folder + kModelFile, model, to_metadata(card, state));
  if (workers.empty()) write_safetensors(folder + kMomentumFile, momentum);
  for (size_t rank = 0; rank < workers.size(); ++rank) {
    std::vector<TensorToWrite> own;
    for (const auto& [name, tensor] : workers[rank]) own.push_back({name, tensor, {tensor.numel()}});
    check_finite(own);
    write_safetensors(folder + worker_file(int64_t(rank)), own);
  }
  write_text(folder + kProgressFile, to_json(state).dump(1));
}

}  // namespace

ModelCard make_card(const TrainConfig& config, const Dataset& d) {
  return {config,
          d.classes,
          d.height(),
          d.width(),
          d.channels(),
          {d.mean, d.mean + d.channels()},
          {d.std, d.std + d.channels()}};
}

void write_checkpoint(const std::string& folder, const ModelCard& card, const ParameterStore& parameters,
                      const WorkerStates& workers, const TrainState& state) {
  const std::string fresh = folder + ".new";
  try {
    fs::remove_all(fresh);
    fs::create_directories(fresh);
    write_files(fresh, card, parameters, workers, state);
    replace_folder(fresh, folder);
  } catch (const std::exception& e) {
    std::error_code ignored;
    fs::remove_all(fresh, ignored);
    throw RunFailed("checkpoint {} was not written: {}", folder, e.what());
  }
}

Checkpoint open_checkpoint(const std::string& folder) {
  Checkpoint c{folder, {}, {}, 0, {}};
  if (!fs::is_directory(folder))
    throw BadInput("checkpoint {}: there is no such folder. Give a checkpoint, RUN/checkpoints/last for example",
                   folder);
  c.card = to_card(*SafetensorsFile::open(folder + kModelFile));
  const std::string progress = folder + kProgressFile;
  try {
    from_json(json::parse(read_text(progress)), c);
  } catch (const json::exception& e) {
    throw BadInput("{}: damaged: {}. Take another checkpoint", progress, e.what());
  }
  return c;
}

void load_model(const Checkpoint& checkpoint, ParameterStore& p) {
  const auto file = SafetensorsFile::open(checkpoint.folder + kModelFile);
  load_tensors(*file, p.specs(), p.segments(), p.value);
  load_tensors(*file, p.state_specs(), p.state_segments(), p.state);
  check_count(*file, p.specs().size() + p.state_specs().size());
}

void load_momentum(const Checkpoint& checkpoint, ParameterStore& p) {
  const auto file = SafetensorsFile::open(checkpoint.folder + kMomentumFile);
  load_tensors(*file, p.specs(), p.segments(), p.velocity);
  check_count(*file, p.specs().size());
}

void load_worker(const Checkpoint& checkpoint, int64_t rank, const std::vector<NamedTensor>& to) {
  const auto file = SafetensorsFile::open(checkpoint.folder + worker_file(rank));
  for (const auto& [name, tensor] : to) {
    const View stored = file->view(name, DType::f32);
    if (stored.numel() != tensor.numel())
      throw BadInput("{}: tensor '{}' has {} numbers, the run needs {}. Take a checkpoint of this run", file->path(),
                     name, stored.numel(), tensor.numel());
    Queue{tensor.device()}.run(cpu::copy_from_host, cuda::copy_from_host, stored.data, tensor);
  }
  check_count(*file, to.size());
}

}  // namespace skein
