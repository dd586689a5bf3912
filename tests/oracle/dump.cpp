// skein_oracle MODEL SHORTCUT BATCH SIZE RATE OFFSET STEPS OUT.safetensors: writes inputs and results of a run of skein
// (tests/oracle/oracle.h) for torch_check.py.
#include <fmt/format.h>

#include <cstdio>

#include "engine/safetensors.h"
#include "tests/oracle/oracle.h"

int main(int argc, char** argv) {
  if (argc != 9)
    return std::fputs("usage: skein_oracle MODEL SHORTCUT BATCH SIZE RATE OFFSET STEPS OUT.safetensors\n", stderr), 2;
  skein::OracleSettings settings;
  settings.model = argv[1];
  settings.shortcut = argv[2][0];
  settings.batch = std::stol(argv[3]);
  settings.size = std::stol(argv[4]);
  settings.rate = std::stof(argv[5]);
  settings.offset = std::stof(argv[6]);
  settings.steps = std::stol(argv[7]);
  const skein::OracleRun run = skein::run_oracle(settings);
  std::vector<skein::TensorToWrite> tensors;
  for (const auto* part : {&run.inputs, &run.results})
    for (const auto& [name, t] : *part) tensors.push_back({name, t.tensor, t.shape});
  skein::write_safetensors(
      argv[8], tensors, {{"model", settings.model}, {"shortcut", argv[2]}, {"rate", fmt::format("{}", settings.rate)}});
}
