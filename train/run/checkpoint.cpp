#include "train/run/checkpoint.h"

#include <filesystem>

#include "base/check.h"
#include "base/files.h"
#include "base/formats/json.h"
#include "engine/safetensors.h"
#include "train/run/checkpoint_files.h"
#include "train/run/progress_json.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

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
    Queue{flat.device()}.run(kernel::copy_from_host, stored->data, slice);
  }
}

// Refuses a file with tensors that the model does not have.
void check_count(const SafetensorsFile& file, size_t expected) {
  if (file.names().size() != expected)
    throw BadInput("{}: {} tensors, the model has {}. This is another model's checkpoint; take one of this model",
                   file.path(), file.names().size(), expected);
}

// Loads the model of a folder, laid out as that of `p`.
void load_flat(const std::string& folder, const ParameterStore& p, const Tensor& value, const Tensor& statistics) {
  const auto file = SafetensorsFile::open(folder + kModelFile);
  load_tensors(*file, p.specs(), p.segments(), value);
  load_tensors(*file, p.running_specs(), p.running_segments(), statistics);
  load_tensors(*file, p.frozen_specs(), p.frozen_segments(), p.frozen);
  check_count(*file, p.specs().size() + p.running_specs().size() + p.frozen_specs().size());
}

}  // namespace

std::string older_folder(const std::string& folder, int64_t n) { return fmt::format("{}-{}", folder, n); }

std::string ema_folder(const std::string& checkpoint) { return checkpoint + "/ema"; }

bool check_checkpoint_place(const std::string& folder) {
  const auto ours = [](const std::string& name) {
    const std::string file = "/" + name;
    return file == kModelFile || name == "ema" || file == kOptimizerFile || file == kProgressFile ||
           file == kChecksumFile || (name.starts_with("worker-") && name.ends_with(".safetensors"));
  };
  for (const std::string& place : {folder, folder + kUnfinished}) {
    if (!fs::exists(place)) continue;
    if (!fs::is_directory(place)) throw BadInput("{}: is a file. Give the name of a folder that is new", place);
    if (const std::string other = foreign_entry(place, ours); !other.empty())
      throw BadInput("{}: has files that are no checkpoint, such as {}, so it is not replaced. Give another name",
                     place, other);
  }
  return fs::is_directory(folder) && !fs::is_empty(folder);
}

Checkpoint open_checkpoint(const std::string& folder) {
  Checkpoint c{folder, {}, {}, {}, {}};
  if (!fs::is_directory(folder))
    throw BadInput("checkpoint {}: there is no such folder. Give a checkpoint, RUN/checkpoints/last for example",
                   folder);
  c.sums = read_checksums(folder);
  for (const char* file : {kModelFile, kProgressFile}) check_file(folder, file + 1, c.sums);
  c.info = read_model_info(*SafetensorsFile::open(folder + kModelFile));
  const std::string progress = folder + kProgressFile;
  try {
    from_json(Json::parse(read_text(progress)), c);
  } catch (const JsonError& e) {
    throw BadInput("{}: damaged: {}. Take another checkpoint", progress, e.what());
  }
  return c;
}

void load_model(const Checkpoint& checkpoint, ParameterStore& p) {
  load_flat(checkpoint.folder, p, p.value, p.running_statistics);
  p.refresh_shadow();
}

void load_ema(const Checkpoint& checkpoint, const ParameterStore& p, const Tensor& value,
              const Tensor& running_statistics) {
  check_file(ema_folder(checkpoint.folder), kModelFile + 1, read_checksums(ema_folder(checkpoint.folder)));
  load_flat(ema_folder(checkpoint.folder), p, value, running_statistics);
}

void load_optimizer(const Checkpoint& checkpoint, ParameterStore& p) {
  check_file(checkpoint.folder, kOptimizerFile + 1, checkpoint.sums);
  const auto file = SafetensorsFile::open(checkpoint.folder + kOptimizerFile);
  load_tensors(*file, p.specs(), p.segments(), p.velocity);
  if (!p.second_moment.defined()) return check_count(*file, p.specs().size());
  load_tensors(*file, second_moments(p), p.segments(), p.second_moment);
  load_tensors(*file, {{kUpdates, {1}, {}}}, {{0, 1}}, p.updates);
  check_count(*file, 2 * p.specs().size() + 1);
}

void load_worker(const Checkpoint& checkpoint, int64_t rank, const std::vector<NamedTensor>& to) {
  check_file(checkpoint.folder, worker_file(rank).substr(1), checkpoint.sums);
  const auto file = SafetensorsFile::open(checkpoint.folder + worker_file(rank));
  for (const auto& [name, tensor] : to) {
    const View stored = file->view(name, DType::f32);
    if (stored.numel() != tensor.numel())
      throw BadInput("{}: tensor '{}' has {} numbers, the run needs {}. Take a checkpoint of this run", file->path(),
                     name, stored.numel(), tensor.numel());
    Queue{tensor.device()}.run(kernel::copy_from_host, stored.data, tensor);
  }
  check_count(*file, to.size());
}

}  // namespace skein
