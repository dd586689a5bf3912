#include "apps/reproduce/run_eigenvalue.h"

#include <algorithm>
#include <filesystem>

#include "apps/model/checkpoint_surface.h"
#include "apps/model/inference.h"
#include "apps/reproduce/study.h"
#include "base/check.h"
#include "base/files.h"
#include "base/terminal/progress_line.h"
#include "train/run/run_folder.h"

namespace skein {
namespace {

std::string file_in(const std::string& folder) { return folder + "/eigenvalue.json"; }

}  // namespace

Json to_json(const RunEigenvalue& e) {
  return {{"value", e.value},   {"residual", e.residual}, {"step_error", e.step_error}, {"converged", e.converged},
          {"images", e.images}, {"batch", e.batch},       {"products", e.products}};
}

RunEigenvalue eigenvalue_of(const Json& json) {
  RunEigenvalue e;
  for (const auto& [key, to] : {std::pair{"value", &e.value}, {"residual", &e.residual}, {"step_error", &e.step_error}})
    *to = json.at(key).get<double>();
  for (const auto& [key, to] : {std::pair{"images", &e.images}, {"batch", &e.batch}, {"products", &e.products}})
    *to = json.at(key).get<int64_t>();
  e.converged = json.at("converged").get<bool>();
  return e;
}

std::optional<RunEigenvalue> read_eigenvalue(const std::string& folder, int64_t step) {
  const std::string file = file_in(folder);
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    const Json json = Json::parse(read_text(file));
    if (json.at("step").get<int64_t>() != step) return std::nullopt;
    return eigenvalue_of(json);
  } catch (const JsonError& e) {
    throw BadInput("{}: is not what skein reproduce has written ({}). Remove it, and it is measured again", file,
                   e.what());
  }
}

bool wants_eigenvalue(const Study& study, const std::string& setting) {
  return std::any_of(study.preset.claims.begin(), study.preset.claims.end(), [&](const PresetClaim& claim) {
    const bool measured =
        std::find(claim.measures.begin(), claim.measures.end(), Measure::eigenvalue) != claim.measures.end();
    return measured && (study.runs_of(claim.better).name == setting || study.runs_of(claim.than).name == setting);
  });
}

std::vector<const StudyRun*> unmeasured(const Study& study) {
  std::vector<const StudyRun*> runs;
  for (const StudySetting& s : study.settings) {
    if (!wants_eigenvalue(study, s.name)) continue;
    for (const StudyRun& run : s.runs)
      if (run.record && run.record->failed.empty() && !run.record->eigenvalue &&
          std::filesystem::exists(last_folder(run.run.folder)))
        runs.push_back(&run);
  }
  return runs;
}

void measure_eigenvalue(const std::string& folder, const InferenceMachine& machine) {
  const std::string last = last_folder(folder);
  const Checkpoint checkpoint = open_checkpoint(last);
  const Device device = prepare_machine(machine);
  use_convolutions_of(checkpoint, device, ComputeType::f32);
  StepContext context(device);
  const TrainConfig& of_data = checkpoint.info.config;
  LossSample sample;
  sample.images = std::min(sample.images, open_data(of_data, checkpoint.info).train.size());
  const CurvatureOptions options;
  ProgressLine progress("eigenvalue", 2 * (options.lanczos.max_steps + 2) * sample.images);
  CheckpointSurface at(last, of_data, sample, context, [&](int64_t images) { progress.add(images); });
  Hessian hessian(at.surface());
  const Eigenvalues found = largest_eigenvalues(hessian, options);
  Json json = to_json({found.largest[0].value, found.largest[0].residual, found.step_error, found.converged,
                       sample.images, sample.batch, found.products});
  json["step"] = checkpoint.state.step;
  write_text(file_in(folder), json.dump() + "\n");
}

}  // namespace skein
