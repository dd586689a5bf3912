// skein_exports OUT {MODEL SHORTCUT DROPOUT CHANNELS HEIGHT WIDTH}...: writes networks with random weights as
// `skein export` does, and what skein computes with them, for tests/oracle/export_check.py. For each network the folder
// OUT gets
//   MODEL-SHORTCUT.onnx, .folded.onnx   the network, the second with folded batch norms
//   MODEL-SHORTCUT.torch.safetensors    its weights for PyTorch
//   MODEL-SHORTCUT.run.safetensors      images (N,H,W,C) and logits
// and, from the first network, `checkpoint`, a checkpoint.
#include <algorithm>
#include <cstdio>

#include "apps/model/onnx_file.h"
#include "apps/model/torch_file.h"
#include "cases/op_case.h"
#include "comm/process_group.h"
#include "engine/safetensors.h"
#include "train/run/checkpoint.h"

namespace skein {
namespace {

constexpr int64_t kBatch = 3;

// Class names that break a text format which does not quote.
const std::vector<std::string> kClasses = {"plain", "a \"quoted\" \\ one", "Größe 大", "line\nbreak", "", "[1, 2]"};

ModelInfo info_of(char** a) {
  ModelInfo info;
  info.config.model = a[0];
  info.config.shortcut = a[1][0] == 'A' ? ShortcutKind::A : ShortcutKind::B;
  info.config.dropout = std::stod(a[2]);
  info.channels = std::stol(a[3]);
  info.height = std::stol(a[4]);
  info.width = std::stol(a[5]);
  info.classes = kClasses;
  const float mean[] = {0.4914f, 0.4822f, 0.4465f}, std[] = {0.247f, 0.2435f, 0.2616f};
  info.mean.assign(mean, mean + info.channels);
  info.std.assign(std, std + info.channels);
  return info;
}

// Batch norms as after a training: numbers about the initial ones, variances above 0.
void disturb_norms(ParameterStore& p) {
  const auto add_noise = [](const Tensor& flat, int64_t begin, int64_t end, uint32_t item) {
    const Tensor noise = random_tensor({}, {end - begin}, item, 0, 0.25f);
    for (int64_t i = begin; i < end; ++i) flat.host()[i] += noise.host()[i - begin];
  };
  add_noise(p.value, p.decayed(), p.value.numel(), 1);  // gamma and beta
  add_noise(p.running_statistics, 0, p.running_statistics.numel(), 2);
  for (const auto& pair : p.running_pairs())
    for (int64_t i = pair.second.begin; i < pair.second.begin + pair.second.count; ++i)
      p.running_statistics.host()[i] = std::max(p.running_statistics.host()[i], 0.25f);
}

void write_network(const std::string& folder, const ModelInfo& info, bool checkpoint) {
  ParameterStore p;
  const auto model = make_model(info.config.model, info.model_options(), p);
  p.build(Device::cpu, 1);
  disturb_norms(p);
  Arena arena(Device::cpu);
  Tape tape({}, arena);
  tape.training = false;
  const Tensor images = random_tensor({}, {kBatch, info.height, info.width, info.channels}, 3);
  const Var logits = model->forward(tape.input(images));
  const std::string path = folder + "/" + info.config.model + "-" + to_string(info.config.shortcut);
  write_safetensors(path + ".run.safetensors", {{"images", images, {kBatch, info.height, info.width, info.channels}},
                                                {"logits", logits->value, {kBatch, int64_t(info.classes.size())}}});
  write_torch_file(path + ".torch.safetensors", p, model_metadata(info));
  for (const bool fold : {false, true})
    write_onnx_file(path + (fold ? ".folded.onnx" : ".onnx"), *model, p, info, fold);
  ProcessGroup group;
  if (checkpoint) write_checkpoint(group, folder + "/checkpoint", {info, p, {}, {}});
}

}  // namespace
}  // namespace skein

int main(int argc, char** argv) {
  if (argc < 8 || argc % 6 != 2)
    return std::fputs("usage: skein_exports OUT {MODEL SHORTCUT DROPOUT CHANNELS HEIGHT WIDTH}...\n", stderr), 2;
  for (int i = 2; i < argc; i += 6) skein::write_network(argv[1], skein::info_of(argv + i), i == 2);
}
