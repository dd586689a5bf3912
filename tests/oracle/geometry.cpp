#include "tests/oracle/geometry.h"

#include <fmt/format.h>

#include <cmath>

#include "train/geometry/directions.h"

namespace skein {
namespace {

std::vector<float> weights_of(const ParameterStore& store, const std::map<std::string, OracleTensor>& inputs) {
  std::vector<float> w(size_t(store.value.numel()), 0.0f);
  for (size_t i = 0; i < store.specs().size(); ++i) {
    const std::vector<float> part = inputs.at("param." + store.specs()[i].name).tensor.to_vector();
    std::copy(part.begin(), part.end(), w.begin() + store.segments()[i].begin);
  }
  return w;
}

void keep_probe(const ParameterStore& store, int64_t number, const std::vector<float>& z,
                std::map<std::string, OracleTensor>& inputs) {
  const Tensor flat = Tensor::from(Device::cpu, z, {int64_t(z.size())});
  for (size_t i = 0; i < store.specs().size(); ++i)
    inputs[fmt::format("probe.{}.{}", number, store.specs()[i].name)] = {
        flat.slice(store.segments()[i].begin, {store.segments()[i].count}), store.specs()[i].shape};
}

}  // namespace

GeometryRun run_geometry(OracleSettings settings) {
  settings.steps = 1;
  GeometryRun run;
  run.inputs = run_oracle(settings).inputs;
  StepContext context(Device::cpu);
  const Batch batch{run.inputs.at("images.0").tensor, run.inputs.at("labels.0").tensor, settings.batch};
  const auto make = [&](ParameterStore& store) {
    return make_model(settings.model, {settings.classes, settings.channels, settings.shortcut}, store);
  };
  LossSurface surface(make, {batch}, context);
  surface.set(weights_of(surface.store(), run.inputs));
  run.loss = surface.evaluate().loss;
  Hessian hessian(surface);
  run.eigenvalues =
      largest_eigenvalues(hessian, {.lanczos = {.count = 3, .tolerance = 1e-4}, .step_factor = kOracleStep});
  const double count = double(surface.store().count());
  for (int64_t p = 0; p < kOracleProbes; ++p) {
    std::vector<float> z = sign_direction(surface.store(), 0, uint32_t(p));
    keep_probe(surface.store(), p, z, run.inputs);
    for (float& x : z) x = float(double(x) / std::sqrt(count));
    run.forms.push_back(count * dot(z, hessian.product(z)));
  }
  return run;
}

}  // namespace skein
