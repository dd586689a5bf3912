// How a checkpoint is written.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/check.h"
#include "base/files.h"
#include "engine/safetensors.h"
#include "train/machine/version.h"
#include "train/run/checkpoint.h"
#include "train/run/checkpoint_files.h"
#include "train/run/progress_json.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

using Metadata = std::map<std::string, std::string>;

Metadata to_metadata(const ModelInfo& info, const TrainState& state) {
  Metadata all = model_metadata(info);
  all.merge(Metadata{{"format", "skein-checkpoint-1"},
                     {"version", version()},
                     {"data", info.config.data},
                     {"epoch", std::to_string(state.epoch)},
                     {"test_top1", fmt::format("{:.2f}", state.averaged.last)},
                     {"config", to_toml(info.config)}});
  return all;
}

// Lists the slices of a flat vector in host memory by name. They are written from where they are, without a copy.
void list_tensors(const std::vector<ParameterSpec>& specs, const std::vector<Segment>& segments, const Tensor& flat,
                  std::vector<TensorToWrite>& to) {
  for (size_t i = 0; i < specs.size(); ++i)
    to.push_back({specs[i].name, flat.slice(segments[i].begin, {segments[i].count}), specs[i].shape});
}

// RunFailed for a model that has diverged, so that it does not replace the last good one.
void check_finite(const std::vector<TensorToWrite>& tensors) {
  for (const TensorToWrite& t : tensors) {
    const float* x = t.view.as<const float>();
    const float* bad = std::find_if_not(x, x + t.view.numel(), [](float v) { return std::isfinite(v); });
    if (bad != x + t.view.numel())
      throw RunFailed("'{}' holds {}: the run has diverged; lower --lr, or lengthen the warm-up", t.name, *bad);
  }
}

void write_model(const std::string& folder, const ModelInfo& info, const ParameterStore& p, const TrainState& state) {
  std::vector<TensorToWrite> model;
  const Tensor value = p.value.to_host(), statistics = p.running_statistics.to_host();
  list_tensors(p.specs(), p.segments(), value, model);
  list_tensors(p.running_specs(), p.running_segments(), statistics, model);
  const Tensor frozen = p.frozen.defined() ? p.frozen.to_host() : Tensor{};
  list_tensors(p.frozen_specs(), p.frozen_segments(), frozen, model);
  check_finite(model);
  write_safetensors(folder + kModelFile, model, to_metadata(info, state));
}

void write_optimizer(const std::string& folder, const ParameterStore& p) {
  std::vector<TensorToWrite> state;
  const Tensor velocity = p.velocity.to_host();
  list_tensors(p.specs(), p.segments(), velocity, state);
  const bool adamw = p.second_moment.defined();
  const Tensor second = adamw ? p.second_moment.to_host() : Tensor{}, updates = adamw ? p.updates.to_host() : Tensor{};
  if (adamw) {
    list_tensors(second_moments(p), p.segments(), second, state);
    state.push_back({kUpdates, updates, {1}});
  }
  check_finite(state);
  write_safetensors(folder + kOptimizerFile, state);
}

void write_workers(const std::string& folder, const WorkerStates& workers) {
  for (const auto& [rank, tensors] : workers) {
    std::vector<TensorToWrite> own;
    std::vector<Tensor> on_host;
    for (const auto& [name, tensor] : tensors) {
      on_host.push_back(tensor.to_host());
      own.push_back({name, on_host.back(), {tensor.numel()}});
    }
    check_finite(own);
    write_safetensors(folder + worker_file(rank), own);
  }
}

// Runs body() on all ranks. An error of the file system on one of them is RunFailed on all.
void on_disk(ProcessGroup& group, const std::function<void()>& body) {
  group.on_all_ranks([&] {
    try {
      body();
    } catch (const fs::filesystem_error& e) {
      throw RunFailed("{}", e.what());
    }
  });
}

void write_ema(const std::string& folder, const ModelInfo& info, const ParameterStore& ema, const TrainState& state) {
  TrainState own = state;
  own.averaged = state.ema;
  fs::create_directories(folder);
  write_model(folder, info, ema, own);
  write_text(folder + kProgressFile, to_json(own).dump(1));
  write_checksums(folder, checksums_of(folder));
}

// Moves the checkpoint in `replaced`, which the one in `folder` has replaced, to the first of the `keep` - 1 older ones,
// and each of these to the next, by exchanges: each is whole at every moment. The oldest is removed by another name.
void keep_older(std::string replaced, const std::string& folder, int64_t keep) {
  for (int64_t n = 1; n < keep && !replaced.empty(); ++n) {
    std::string older;  // empty: there was none
    replace_folder(replaced, older_folder(folder, n), [&](const std::string& name) { older = name; });
    replaced = older;
  }
  if (!replaced.empty()) fs::remove_all(replaced);
}

void make_empty(ProcessGroup& group, const std::string& fresh) {
  on_disk(group, [&] {
    if (!group.is_root()) return;
    fs::remove_all(fresh);
    fs::create_directories(fresh);
  });
}

void write_files(const std::string& fresh, const CheckpointContents& c, bool is_root) {
  write_workers(fresh, c.workers);
  if (!is_root) return;
  write_model(fresh, c.info, c.parameters, c.state);
  if (c.workers.empty()) write_optimizer(fresh, c.parameters);
  write_text(fresh + kProgressFile, to_json(c.state).dump(1));
  if (c.ema) write_ema(ema_folder(fresh), c.info, *c.ema, c.state);
}

// The files of all ranks are in `fresh`, which replaces `folder` unless may_replace() says no.
bool exchange(const std::string& fresh, const std::string& folder, int64_t keep,
              const std::function<bool()>& may_replace) {
  write_checksums(fresh, checksums_of(fresh));
  sync_folder(fresh);
  if (!may_replace()) {
    fs::remove_all(fresh);
    return false;
  }
  replace_folder(fresh, folder, [&](const std::string& replaced) { keep_older(replaced, folder, keep); });
  return true;
}

[[noreturn]] void throw_unwritten(const std::string& folder, const std::string& why) {
  throw RunFailed("checkpoint {} was not written: {}", folder, why);
}

// False on rank 0 where may_replace() says no.
bool write_to(ProcessGroup& group, const std::string& fresh, const std::string& folder, const CheckpointContents& c,
              int64_t keep, const std::function<bool()>& may_replace) {
  bool replaced = true;
  try {
    make_empty(group, fresh);
    on_disk(group, [&] { write_files(fresh, c, group.is_root()); });
    on_disk(group, [&] {
      if (group.is_root()) replaced = exchange(fresh, folder, keep, may_replace);
    });
  } catch (const RunFailed& e) {
    std::error_code ignored;
    if (group.is_root()) fs::remove_all(fresh, ignored);
    throw_unwritten(folder, e.what());
  }
  return replaced;
}

// Runs body(). An error of the file system says which checkpoint is not written.
void for_checkpoint(const std::string& folder, const std::function<void()>& body) {
  try {
    body();
  } catch (const RunFailed& e) {
    throw_unwritten(folder, e.what());
  } catch (const fs::filesystem_error& e) {
    throw_unwritten(folder, e.what());
  }
}

}  // namespace

void write_checkpoint(ProcessGroup& group, const std::string& folder, const CheckpointContents& contents,
                      int64_t keep) {
  write_to(group, folder + kUnfinished, folder, contents, keep, [] { return true; });
}

void prepare_checkpoint(ProcessGroup& group, const std::string& folder) {
  for_checkpoint(folder, [&] { make_empty(group, folder + kUnfinished); });
}

void write_own_files(const std::string& folder, const CheckpointContents& contents, bool is_root) {
  for_checkpoint(folder, [&] { write_files(folder + kUnfinished, contents, is_root); });
}

bool has_files_of(const std::string& folder, int64_t workers) {
  for (int64_t rank = 0; rank < workers; ++rank)
    if (!fs::exists(folder + kUnfinished + worker_file(rank))) return false;
  return true;
}

void complete_checkpoint(const std::string& folder, int64_t keep) {
  for_checkpoint(folder, [&] { exchange(folder + kUnfinished, folder, keep, [] { return true; }); });
}

bool write_checkpoint_if(const std::function<bool()>& may_replace, const std::string& own, const std::string& folder,
                         const CheckpointContents& contents, int64_t keep) {
  ProcessGroup alone;
  const std::string fresh = fmt::format("{}{}-{}", folder, kUnfinished, own);
  return write_to(alone, fresh, folder, contents, keep, may_replace);
}

bool is_unfinished(const std::string& folder) {
  return fs::path(folder).filename().string().find(kUnfinished) != std::string::npos;
}

void remove_unfinished(const std::string& folder) {
  const fs::path path(folder);
  if (!fs::is_directory(path.parent_path())) return;
  std::vector<fs::path> all;
  for (const auto& entry : fs::directory_iterator(path.parent_path()))
    if (entry.path().filename().string().starts_with(path.filename().string() + kUnfinished))
      all.push_back(entry.path());
  for (const fs::path& p : all) fs::remove_all(p);
}

}  // namespace skein
