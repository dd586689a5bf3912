#include "train/machine/machine.h"

#include <fmt/ranges.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "base/check.h"
#include "kernels/device/conv_plan.h"
#include "kernels/device/emulated.h"
#include "kernels/device/runtime.h"

namespace skein {

Processor processor() {
  Processor p{"unknown", omp_get_num_procs(), {}};
  std::ifstream info("/proc/cpuinfo");
  std::set<std::string> flags;
  for (std::string line; std::getline(info, line) && !line.empty();) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1), value = line.substr(colon + 2);
    if (key == "model name") p.name = value;
    if (key == "flags" || key == "Features") {
      std::istringstream words(value);
      for (std::string word; words >> word;) flags.insert(word);
    }
  }
  for (const char* name :
       {"sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd"})
    if (flags.contains(name)) p.instruction_sets.push_back(name);
  return p;
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

Device device_of(DeviceChoice choice) {
  const bool gpu =
      choice == DeviceChoice::cuda || (choice == DeviceChoice::automatic && cuda::available() && !cuda::emulated());
  return gpu ? Device::cuda : Device::cpu;
}

int current_gpu() { return cuda::available() ? cuda::current_device() : -1; }

void use_gpu(int index) {
  if (index >= 0) cuda::use_device(index);
}

void check_device(DeviceChoice choice, ComputeType type) {
  if (choice == DeviceChoice::cuda && !cuda::available())
    throw BadInput("--device cuda: {}. Or use --device cpu", cuda::absent_reason());
  if (type == ComputeType::tf32 && device_of(choice) == Device::cpu)
    throw BadInput("--dtype tf32: is for the tensor cores of a GPU. On the CPU use --dtype f32 or bf16");
}

void use_threads(int64_t threads) {
  if (threads > 0) omp_set_num_threads(int(threads));
}

void check_conv(Device device, const std::string& name, ComputeType type) {
  if (name == "auto" || (device == Device::cuda && name == "cudnn")) return;
  if (device == Device::cuda)
    throw BadInput("--conv {}: on a GPU give auto, which times cuDNN's engines, or cudnn, which takes cuDNN's advice",
                   name);
  const std::vector<std::string> known = cpu::conv_implementations(activations(type));
  if (std::find(known.begin(), known.end(), name) == known.end())
    throw BadInput("--conv {0}: no convolution '{0}' in {1} on this machine; it has {2}; or give auto", name,
                   to_string(type), fmt::join(known, " "));
}

void use_conv(Device device, const std::string& name, ComputeType type) {
  check_conv(device, name, type);
  if (device == Device::cpu) return cpu::force_conv_implementation(name);
  // Times of an emulated engine say nothing.
  cuda::set_conv_options({.tf32 = type == ComputeType::tf32, .measured = name == "auto" && !cuda::emulated()});
}

namespace {
constexpr const char* kOnGpu = "gpu: ";  // prefix of a layer's name
}  // namespace

std::vector<ConvChoice> conv_choices() {
  std::vector<ConvChoice> all = cpu::conv_choices();
  for (const ConvChoice& c : cuda::conv_choices()) all.push_back({kOnGpu + c.layer, c.implementation});
  return all;
}

void use_conv_choices(const std::vector<ConvChoice>& made) {
  std::vector<ConvChoice> on_cpu, on_gpu;
  for (const ConvChoice& c : made) {
    if (c.layer.starts_with(kOnGpu))
      on_gpu.push_back({c.layer.substr(std::string(kOnGpu).size()), c.implementation});
    else
      on_cpu.push_back(c);
  }
  cuda::set_conv_choices(on_gpu);
  try {
    cpu::set_conv_choices(on_cpu);
  } catch (const BadInput& e) {
    throw BadInput(
        "the checkpoint's convolution kernels: {}. Give --conv auto to go on with those of this machine; the numbers "
        "will then differ in their last bits",
        e.what());
  }
}

}  // namespace skein
