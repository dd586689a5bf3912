// skein_geometry_dump MODEL SHORTCUT BATCH SIZE OFFSET OUT.safetensors: inputs and results of skein's curvature
// (tests/oracle/geometry.h) for geometry_check.py.
#include <cstdio>

#include "engine/safetensors.h"
#include "tests/oracle/geometry.h"

int main(int argc, char** argv) {
  if (argc != 7)
    return std::fputs("usage: skein_geometry_dump MODEL SHORTCUT BATCH SIZE OFFSET OUT.safetensors\n", stderr), 2;
  skein::OracleSettings settings;
  settings.model = argv[1];
  settings.shortcut = argv[2][0];
  settings.batch = std::stol(argv[3]);
  settings.size = std::stol(argv[4]);
  settings.offset = std::stof(argv[5]);
  const skein::GeometryRun run = skein::run_geometry(settings);
  std::vector<skein::Tensor> kept;  // of the results
  std::vector<skein::TensorToWrite> tensors;
  for (const auto& [name, t] : run.inputs) tensors.push_back({name, t.tensor, t.shape});
  std::map<std::string, std::vector<float>> results = {{"forms", {run.forms.begin(), run.forms.end()}},
                                                       {"loss", {float(run.loss)}}};
  for (const skein::RitzValue& value : run.eigenvalues.largest) results["eigenvalues"].push_back(float(value.value));
  for (const auto& [name, values] : results) {
    const int64_t count = int64_t(values.size());
    kept.push_back(skein::Tensor::from(skein::Device::cpu, values, {count}));
    tensors.push_back({name, kept.back(), {count}});
  }
  skein::write_safetensors(argv[6], tensors, {{"model", argv[1]}, {"shortcut", argv[2]}, {"offset", argv[5]}});
}
